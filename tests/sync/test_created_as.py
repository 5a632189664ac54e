"""A creation policy with conditions, through whole runs: who becomes what, once and for good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mappings.errors import Position
from mappings.fieldmap import CreateRule
from tests.sync.world import World

HERE = Position("mapping.yaml", 1, 1)
POLICY = (
    CreateRule(None, 'lifecyclestage == "other"', HERE),
    CreateRule("Contact", 'lifecyclestage == "customer"', replace(HERE, line=2)),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Three people Salesforce does not know: a customer, a lead, somebody to be left out."""
    built = World.build(tmp_path)
    people, *others = built.pair.mapping.objects
    entry = replace(people, create_when=POLICY)
    mapping = replace(built.pair.mapping, objects=(entry, *others), hash="policy")
    built.pair = replace(built.pair, mapping=mapping)
    for family, stage in (("Byron", "customer"), ("Hopper", "lead"), ("Curie", "other")):
        built.contact("Ada", family, lifecyclestage=stage)
    built.first()
    yield built
    built.close()


def _names(world: World, object_name: str) -> set[str]:
    return {str(one.fields["LastName"]) for one in world.salesforce.all(object_name)}


def test_each_becomes_what_the_policy_says(world: World) -> None:
    """The customer a Contact, the lead a Lead, the third nothing; and nobody twice."""
    assert (_names(world, "Contact"), _names(world, "Lead")) == ({"Byron"}, {"Hopper"})
    assert world.settled()


def test_whoever_has_a_record_keeps_it(world: World) -> None:
    """A lead that becomes a customer stays the Lead they are; who was left out and is so no longer
    is created then."""
    ids = {str(one.fields["lastname"]): one.ref.id for one in world.hubspot.all("contacts")}
    world.hubspot.edit("contacts", ids["Hopper"], {"lifecyclestage": "customer"})
    world.hubspot.edit("contacts", ids["Curie"], {"lifecyclestage": "customer"})
    world.run()
    assert (_names(world, "Contact"), _names(world, "Lead")) == ({"Byron", "Curie"}, {"Hopper"})
    assert world.settled()
