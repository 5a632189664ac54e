"""One model: a pair weighs the same to the last bit, met in a table or by the sync on its own."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest

from mappings.records import PersonAttributes
from matching.model import Model, concealed, default_model, train
from matching.normalise import Person, normalise
from matching.people import READERS, frame_of
from matching.scoring import scored
from matching.tables.build import build
from matching.tables.layout import lay_out
from matching.tables.mixture import compared, weigh
from matching.tables.modelfile import from_json
from tests.matching.worlds import World, blocked, business

_COLUMNS = {
    "first_name": "given_name",
    "last_name": "family_name",
    "job_title": "title",
    **{name: name for name in ("company", "website", "street", "city", "postcode", "state")},
    "country": "country",
    "date_of_birth": "birth_date",
}
_PEOPLE = [
    PersonAttributes("Jörg", "Kohler", ("j.kohler@acme.de", "jk77@web.de"), ("030 901820",),
                     company="Acme GmbH", title="Buyer", city="Berlin", country="Germany"),
    PersonAttributes("Joerg", "Koehler", ("jk77@web.de",), ("+49 30 901820", "+49 171 3920002"),
                     company="Acme", website="https://www.acme.de", country="Germany"),
    PersonAttributes("Kohler", "Jörg", (), ("0171 3920002",), country="Germany",
                     birth_date="1980-02-01", street="Hafenweg 11", postcode="90447"),
    PersonAttributes("Anna", "Kohler", ("info@acme.de",), (), company="ACME",
                     birth_date="1980-01-02", street="Hafenweg 11", postcode="90447"),
    PersonAttributes(None, "N/A", ("anna@acme.de",), ("030 901820",), country="Germany"),
]  # fmt: skip


def _row(person: PersonAttributes) -> dict[str, str]:
    known = {column: getattr(person, name) or "" for column, name in _COLUMNS.items()}
    emails, phones = (*person.emails, "", "")[:2], (*person.phones, "", "")[:2]
    return known | {
        **{f"email{at}": value for at, value in enumerate(emails, start=1)},
        **{f"phone{at}": value for at, value in enumerate(phones, start=1)},
    }


def _table(people: list[PersonAttributes]) -> Mapping[str, list[str]]:
    rows = [_row(person) for person in people]
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.fixture(scope="module")
def world() -> World:
    """A generated business world."""
    return business(400, seed=5)


@pytest.fixture(scope="module")
def trained(world: World) -> tuple[Model, list[tuple[int, int]]]:
    """The model learned from its blocked pairs, and the pairs."""
    left = {key: at for at, key in enumerate(world.crm)}
    pairs = [
        (left[one], at)
        for at, found in enumerate(blocked(world.crm, world.incoming).values())
        for one in found
    ]
    return train(list(world.crm.values()), list(world.incoming.values()), pairs), pairs


def test_rows_and_records_come_to_the_same_values() -> None:
    """Every field of a record has the value that the same data has as a row of a table."""
    table = _table(_PEOPLE)
    frame = build(table, None, lay_out(table, None))
    people = frame_of([normalise(one) for one in _PEOPLE], len(_PEOPLE))
    for feature in frame.features:
        twin = people.feature(feature.name)
        assert twin is not None
        values = [feature.values.all[at] if at >= 0 else None for at in feature.rows]
        assert [twin.values.all[at] if at >= 0 else None for at in twin.rows] == values
    assert {one.name for one in frame.features} <= set(READERS)


def test_a_table_weighs_a_pair_as_the_sync_does() -> None:
    """With one model, every pair of rows has the bits its two records have: each field's, the
    corrections, and the total."""
    table, people = _table(_PEOPLE), [normalise(one) for one in _PEOPLE]
    frame = build(table, None, lay_out(table, None))
    one, other = np.triu_indices(len(people), 1)
    counted = {
        f.name: {part: f.tally(part) for part in f.kind.parts or ("",)} for f in frame.features
    }
    learned = from_json(default_model().to_json())
    bulk = weigh(frame, learned, compared(frame, one, other))
    own = frame_of(people, len(people), counted)
    online = weigh(own, learned, compared(own, one, other))
    for name, bits in bulk.adjustments.items():
        assert online.weights[name].tolist() == bulk.weights[name].tolist()
        assert online.adjustments[name].tolist() == pytest.approx(bits.tolist())
    assert online.total.tolist() == pytest.approx(bulk.total.tolist(), abs=1e-9)


def test_alone_or_among_everybody_a_pair_weighs_the_same(
    world: World, trained: tuple[Model, list[tuple[int, int]]]
) -> None:
    """What the whole population's frame says of a pair is what the stored model says of the two,
    met on their own, in either order, and after a round trip through its file."""
    model, pairs = trained
    crm, incoming = list(world.crm.values()), list(world.incoming.values())
    frame = frame_of([*crm, *incoming], len(crm))
    one, other = np.array(pairs).T
    bulk = weigh(frame, model.learned, compared(frame, one, other + len(crm))).total
    stored = Model.from_json(json.loads(json.dumps(model.to_json())))
    assert model.trained["expected_matches"] > 100
    for at, (i, j) in enumerate(pairs[::7]):
        alone = scored([crm[i]], [incoming[j]], stored).weighed.total
        back = scored([incoming[j]], [crm[i]], stored).weighed.total
        assert alone.tolist() == pytest.approx([bulk[at * 7]], abs=1e-4)
        assert back.tolist() == alone.tolist()


def test_what_names_somebody_is_not_readable_in_the_file(
    world: World, trained: tuple[Model, list[tuple[int, int]]]
) -> None:
    """Addresses, numbers and dates stand hashed in the model, names as they are."""
    text = json.dumps(trained[0].to_json())
    people: list[Person] = [*world.crm.values(), *world.incoming.values()]
    assert not [n for person in people for n in (*person.phones, *person.emails) if n in text]
    common = trained[0].tallies["phone"][""].counts
    assert set(common) & {concealed(number) for person in people for number in person.phones}
