"""Killed between the link of two records and their first agreement: what is edited before the next
run is an edit like any other (BEHAVIOURS, Conflicts), not the second half of a first meeting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mappings.records import RecordRef
from state import identity, reviews
from sync.crash import Crash, watched
from sync.reviewing import accept
from sync.shadows import is_note
from tests.sync.world import World

BEFORE_AGREEING = (
    *("after_links", "after_rest", "after_rows", "after_attribute", "after_adopt"),
    *("after_intents", "before_write"),
)
"""Crash points between a link and the first write that agrees on anything."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A pair whose mapping is approved."""
    built = World.build(tmp_path)
    built.contact("Ada", "Byron")
    built.lead("Ada", "Byron")
    built.first()
    yield built
    built.close()


def killed(world: World, point: str, passage: int = 1) -> None:
    """A run that ends at that passage of a crash point."""
    passed: Counter[str] = Counter()

    def kill(name: str) -> None:
        passed[name] += 1
        if name == point and passed[name] == passage:
            raise Crash

    with watched(kill), pytest.raises(Crash):
        world.run()


def phones(world: World, contact: str, lead: str) -> tuple[object, object]:
    """The telephone number on both sides. The CRM owns it, and it goes both ways."""
    return (
        world.map_record(contact).fields["phone"],
        world.salesforce.get("Lead", lead).fields["Phone"],
    )


@pytest.mark.parametrize("point", BEFORE_AGREEING)
@pytest.mark.parametrize(("left", "right"), [("+49 30 1", "+49 30 1"), ("+49 30 1", "+49 30 2")])
def test_an_edit_after_the_link_wins(world: World, point: str, left: str, right: str) -> None:
    """Law 5: only one side has said something since the two were linked, and it is not the owner:
    its value goes over, whether the sides agreed when they met or not."""
    contact = world.contact("Alan", "Turing", phone=left, jobtitle="Clerk")
    lead = world.lead("Alan", "Turing", Phone=right, Title="Poet")
    killed(world, point)
    world.hubspot.edit("contacts", contact, {"phone": "+49 30 9"})
    world.run()
    assert phones(world, contact, lead) == ("+49 30 9", "+49 30 9")
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Clerk", "the MAP owns the title"
    assert world.settled()


@pytest.mark.parametrize("point", BEFORE_AGREEING)
def test_without_an_edit_the_owner_decides(world: World, point: str) -> None:
    """What was met with two values, and nobody has touched since, is still a first agreement."""
    contact = world.contact("Alan", "Turing", phone="+49 30 1")
    lead = world.lead("Alan", "Turing", Phone="+49 30 2")
    killed(world, point)
    world.run()
    assert phones(world, contact, lead) == ("+49 30 2", "+49 30 2")


def test_edits_of_both_sides_are_the_owners(world: World) -> None:
    """Both sides have said something since they met: the owner's stands."""
    contact = world.contact("Alan", "Turing", phone="+49 30 1")
    lead = world.lead("Alan", "Turing", Phone="+49 30 1")
    killed(world, "after_links")
    world.salesforce.edit("Lead", lead, {"Phone": "+49 30 8"})
    world.hubspot.edit("contacts", contact, {"phone": "+49 30 9"})
    world.run()
    assert phones(world, contact, lead) == ("+49 30 8", "+49 30 8")


def test_an_edit_after_a_persons_decision_wins(world: World) -> None:
    """The same where a person in the review queue has made the link: between their word and the
    next run people work."""
    shared = "home@lopez-ltd.com"
    contact = world.contact("Maria", "Lopez", email=shared, phone="+49 30 1")
    lead = world.lead("Peter", "Grant", Email=shared, Phone="+49 30 1")
    world.lead("Olga", "Fuchs", Email=shared)
    world.run()
    with world.store.read() as tx:
        (item,) = [one for one in reviews.items(tx, limit=9) if one.status == "open"]
    accept(world.desk, item.id, [str(RecordRef("salesforce", "Lead", lead))])
    world.hubspot.edit("contacts", contact, {"phone": "+49 30 9"})
    world.run()
    assert phones(world, contact, lead) == ("+49 30 9", "+49 30 9")


def test_companies_are_held_to_the_same(world: World) -> None:
    """A company's edit after its link wins, too."""
    company = world.hubspot.put(
        "companies", {"name": "Firm", "domain": "firm.example", "phone": "+49 30 1"}
    )
    account = world.salesforce.put(
        "Account", {"Name": "Firm", "Website": "https://firm.example", "Phone": "+49 30 1"}
    )
    killed(world, "after_companies", passage=2)
    with world.store.read() as tx:
        assert identity.links_of(tx, [RecordRef("salesforce", "Account", account)])
    world.hubspot.edit("companies", company, {"phone": "+49 30 9"})
    world.run()
    assert world.salesforce.get("Account", account).fields["Phone"] == "+49 30 9"


def test_what_was_noted_goes_with_the_first_agreement(world: World) -> None:
    """Once the sides have agreed, nothing is kept of what they held when they met."""
    world.contact("Alan", "Turing", phone="+49 30 1", jobtitle="Clerk")
    world.lead("Alan", "Turing", Phone="+49 30 2")
    world.run()
    with world.store.read() as tx:
        kept = identity.shadows(tx, identity.everybody(tx))
    assert kept
    assert not [name for values in kept.values() for name in values if is_note(name)]
