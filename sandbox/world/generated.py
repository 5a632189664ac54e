"""Building the generated world: so many contacts in the MAP, so many records in the CRM.

About two thirds of the people are on both sides. `sizes` says how the numbers come about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.world.draw import Draw
from sandbox.world.holdings import Holding, Holdings
from sandbox.world.people import Population

OVERLAP = 0.65
DUPLICATES = 0.075
NAMESAKES = 0.055
CHANGED_JOBS = 0.11


@dataclass(frozen=True)
class Sizes:
    """How many people are where; `duplicates` of those in the CRM have a second record there."""

    both: int
    map_only: int
    crm_only: int
    duplicates: int


def sizes(people: int, crm_records: int) -> Sizes:
    """People for so many MAP contacts and unconverted CRM records."""
    in_crm = round(crm_records / (1 + DUPLICATES))
    both = min(round(people * OVERLAP), in_crm)
    return Sizes(both, people - both, in_crm - both, crm_records - in_crm)


class Generated:
    """The people of a generated world; more can be made later, as newcomers."""

    def __init__(self, draw: Draw, people: int, crm_records: int) -> None:
        self._draw = draw
        self._sizes = sizes(people, crm_records)
        total = self._sizes.both + self._sizes.map_only + self._sizes.crm_only
        self._population = Population(draw, total)
        self._holdings = Holdings(draw)

    def holdings(self) -> Iterator[Holding]:
        """Everybody who is there when the world starts, in a mixed order."""
        draw, count = self._draw, self._sizes
        places = [(True, True)] * count.both
        places += [(True, False)] * count.map_only + [(False, True)] * count.crm_only
        draw.random.shuffle(places)
        in_crm = [number for number, place in enumerate(places) if place[1]]
        doubled = set(draw.random.sample(in_crm, count.duplicates))
        for number, (in_map, crm) in enumerate(places):
            person = self._population.person(
                namesake=draw.chance(NAMESAKES), changed_job=draw.chance(CHANGED_JOBS)
            )
            yield self._holdings.draw(
                person, in_map=in_map, in_crm=crm, duplicate=number in doubled
            )

    def newcomer(self) -> Holding:
        """Somebody neither side has heard of."""
        person = self._population.person(namesake=self._draw.chance(0.02))
        return Holding(person, None, ())
