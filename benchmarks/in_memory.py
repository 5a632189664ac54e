"""People held in memory as the durable index holds them: sorted keys, and who carries each.

What a search costs without a database. Two arrays of numbers, twelve bytes for each key of a
person; the people themselves are as matching has them. It is filled once and then only asked.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np

from matching.blocking import blocking_keys
from matching.normalise import Person
from state.candidates import CAP, ENOUGH, telling


class InMemory:
    """Everybody, findable by blocking key."""

    def __init__(self, people: Iterable[Person]) -> None:
        keys, carriers = array("q"), array("I")
        self.people: list[Person] = []
        for number, person in enumerate(people):
            self.people.append(person)
            own = blocking_keys(person)
            keys.extend(own)
            carriers.extend([number] * len(own))
        every = np.frombuffer(keys, dtype=np.int64)
        order = np.argsort(every, kind="stable")
        ordered = every[order]
        self._carriers = np.frombuffer(carriers, dtype=np.uint32)[order]
        fresh = np.ones(len(ordered), dtype=bool)
        fresh[1:] = ordered[1:] != ordered[:-1]
        self._starts = np.append(np.flatnonzero(fresh), len(ordered))
        self._keys = ordered[fresh]

    def near(self, person: Person) -> dict[str, Person]:
        """Who shares a key, by number, as `state.candidates.near` finds them."""
        wanted = np.array(blocking_keys(person), dtype=np.int64)
        at = np.searchsorted(self._keys, wanted)
        at = at[self._keys[np.minimum(at, len(self._keys) - 1)] == wanted]
        starts, ends = self._starts[at].tolist(), self._starts[at + 1].tolist()
        sizes = {
            start: end - start
            for start, end in zip(starts, ends, strict=True)
            if end - start <= CAP
        }
        found: set[int] = set()
        for start in telling(set(sizes), sizes, ENOUGH):
            found.update(self._carriers[start : start + sizes[start]].tolist())
        return {str(number): self.people[number] for number in found}
