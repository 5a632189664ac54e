"""People as a frame: what the sync knows of somebody, in the fields and values of `match`.

The one place where both ways meet: a table's rows and records of the vendors come to the same
values, and so to the same levels and weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from matching.normalise import Person
from matching.tables.frame import Frame, Tally, numbered
from matching.tables.kinds import KINDS
from matching.tables.layout import COMPOSED
from matching.tables.values import SEVERAL, Value

READERS: Mapping[str, Callable[[Person], Value]] = {
    "given": lambda person: person.given,
    "family": lambda person: person.family,
    "middle": lambda person: person.middle,
    "birth_date": lambda person: person.birth_date,
    "email": lambda person: person.emails,
    "phone": lambda person: (*person.phones, *person.weak_phones),
    "employer": lambda person: (person.company, SEVERAL.join(person.domains)),
    "title": lambda person: person.title,
    "street": lambda person: person.street,
    "place": lambda person: (person.postcode, person.city, person.state),
}
"""The fields of a person, and their value as `matching.tables` has it."""

KIND_OF: Mapping[str, str] = {name: COMPOSED[name][0] for name in READERS}
"""The kind of each field."""

Tallies = Mapping[str, Mapping[str, Tally]]
"""How a population's values are spread, by field and part."""


def frame_of(people: Sequence[Person], left: int, tallies: Tallies | None = None) -> Frame:
    """The frame of people, of whom the first `left` are one side's; row i is person i.

    It has every field, also one nobody has. `tallies` count values in place of the frame's own.
    """
    features = [
        numbered(
            name,
            KINDS[KIND_OF[name]],
            [read(person) for person in people],
            None if tallies is None else tallies.get(name, {}),
        )
        for name, read in READERS.items()
    ]
    return Frame(tuple(features), left, len(people))
