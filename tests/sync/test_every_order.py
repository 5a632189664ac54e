"""Merges, conversions, deletions and opt-outs in every order, within a run and across runs: nobody
is made twice (law 1), every refusal holds (law 7), what is gone stays gone (law 8).

Every order has a person of its own; all of them live in one world and pass the same runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path

import pytest

from mappings.records import Record, RecordRef
from sync.config import GuardConfig
from tests.sync.world import OPT_OUT, World

FLAG = "HasOptedOutOfEmail"
CUTS: tuple[tuple[int, ...], ...] = ((0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 2))
"""In which run each of three acts comes."""
NEVER = 1_000_000
"""A limit of the guard that nothing here comes near: orders, not brakes, are tried."""


@dataclass
class Somebody:
    """One person: a contact, a second contact of theirs, a Lead, and what has become of them."""

    family: str
    contact: str
    second: str
    lead: str
    became: str | None = None
    deleted: bool = False
    out: bool = False


Act = Callable[[World, Somebody], None]


def merge(world: World, who: Somebody) -> None:
    """Marketing merges the two contacts."""
    world.hubspot.remove("contacts", who.second, merged_into=who.contact)


def convert(world: World, who: Somebody) -> None:
    """Sales converts the Lead, unless it is gone."""
    _convert(world, who, "Leadloop_Id__c")


def convert_keyless(world: World, who: Somebody) -> None:
    """The same in an org that does not map our key: the Lead keeps it, the Contact has none."""
    _convert(world, who)


def _convert(world: World, who: Somebody, *keys: str) -> None:
    if who.deleted:
        return
    lead = world.salesforce.get("Lead", who.lead)
    kept = ("FirstName", "LastName", "Email", FLAG, *keys)
    who.became = world.salesforce.put("Contact", {name: lead.fields[name] for name in kept})
    became = RecordRef("salesforce", "Contact", who.became)
    world.salesforce.convert("Lead", who.lead, became)


def delete(world: World, who: Somebody) -> None:
    """Sales deletes what the person is in the CRM."""
    who.deleted = True
    if who.became is not None:
        world.salesforce.remove("Contact", who.became)
    else:
        world.salesforce.remove("Lead", who.lead)


def refuse_there(world: World, who: Somebody) -> None:
    """The person unsubscribes from marketing's mail."""
    who.out = True
    world.hubspot.edit("contacts", who.contact, {OPT_OUT: "true"})


def refuse_here(world: World, who: Somebody) -> None:
    """A rep notes that the person wants no mail, where there is a record left to note it on."""
    if who.deleted:
        return
    who.out = True
    place = ("Contact", who.became) if who.became is not None else ("Lead", who.lead)
    world.salesforce.edit(place[0], place[1], {FLAG: True})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A pair whose brakes are off."""
    made = World.build(tmp_path, guard=GuardConfig(floor=NEVER))
    yield made
    made.close()


def refused(record: Record) -> bool:
    """Whether a record takes no mail."""
    return record.fields.get(OPT_OUT) == "true" or record.fields.get(FLAG) is True


@pytest.mark.parametrize(
    "acts",
    [
        (merge, convert, refuse_there),
        (merge, delete, refuse_there),
        (convert, refuse_here, merge),
        (convert, delete, refuse_there),
        (convert_keyless, refuse_here, merge),
        (convert_keyless, delete, refuse_there),
    ],
)
def test_whatever_comes_first(world: World, acts: tuple[Act, ...]) -> None:
    """Three things happen to each person, in every order, each two of them in one run or in two."""
    people: list[tuple[Somebody, tuple[Act, ...], tuple[int, ...]]] = []
    for number, (order, cuts) in enumerate(product(permutations(acts), CUTS)):
        family = f"Family{number}"
        first, other = (world.contact("Ada", family) for _ in range(2))
        lead = world.lead("Ada", family)
        people.append((Somebody(family, first, other, lead), order, cuts))
    for last in ("Abel", "Bode"):  # to whom nothing happens: no side is ever empty
        world.contact("Eva", last)
        world.lead("Eva", last)
    world.first()
    for run in range(3):
        for who, order, cuts in people:
            for act, when in zip(order, cuts, strict=True):
                if when == run:
                    act(world, who)
        world.run()
    world.run()
    for who, order, _ in people:
        told = f"{who.family}: {[act.__name__ for act in order]}"
        here = [
            record
            for name in ("Lead", "Contact")
            for record in world.salesforce.by(name, "LastName", who.family)
            if record.converted_to is None
        ]
        assert len(here) == (0 if who.deleted else 1), told
        there = [r for r in world.hubspot.by("contacts", "lastname", who.family) if not r.deleted]
        assert all(refused(record) for record in (*here, *there)) is who.out, told
    assert world.settled()
