"""The state was lost: the next first run finds what Leadloop made, and what people did with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mappings.records import RecordRef
from mappings.required_fields import CRM_KEY
from state import identity
from state.open import open_store
from tests.sync.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Ada, known in the MAP alone, and the Lead a first run has made of her."""
    made = World.build(tmp_path)
    made.contact("Ada", "Byron")
    made.first()
    assert made.settled()
    yield made
    made.close()


def empty(world: World, folder: Path) -> None:
    """Nothing is known any more of what was synced."""
    (folder / "again").mkdir()
    store = open_store(
        f"sqlite:///{folder / 'again' / 'state.sqlite3'}", clock=world.time.now, pair="main"
    )
    with store.begin() as tx:
        for system in ("hubspot", "salesforce"):
            identity.bind_account(tx, system, f"{system}-1")
    world.store.close()
    world.pair = replace(world.pair, store=store)


def ada(world: World) -> RecordRef:
    """Her contact, the only one."""
    return world.hubspot.all("contacts")[0].ref


def leads(world: World) -> list[str]:
    """Live Leads."""
    return [record.ref.id for record in world.salesforce.all("Lead")]


def test_a_lead_somebody_deleted_is_not_made_again(world: World, tmp_path: Path) -> None:
    """Law 8: the Lead of a person the state has forgotten is in the bin; it stays there, what she
    does is not logged anywhere, and whoever restores it finds it linked as it was."""
    (lead,) = leads(world)
    world.salesforce.remove("Lead", lead)
    empty(world, tmp_path)
    world.first()
    world.fills("ada.byron@example-byron.com")
    world.run()
    assert leads(world) == []
    assert world.settled()
    world.salesforce.restore("Lead", lead)
    world.hubspot.edit("contacts", ada(world).id, {"jobtitle": "Countess"})
    world.run()
    world.run()
    assert [r.fields["Title"] for r in world.salesforce.all("Lead")] == ["Countess"]
    assert world.settled()


def test_a_lead_that_lives_is_found_and_nothing_is_made(world: World, tmp_path: Path) -> None:
    """Law 1: with the state lost and the Lead renamed beyond recognition, its key still ties it."""
    (lead,) = leads(world)
    other = {"FirstName": "Augusta", "LastName": "King", "Email": "augusta@example-king.com"}
    world.salesforce.edit("Lead", lead, other, by="rep")
    empty(world, tmp_path)
    world.first()
    world.run()
    assert leads(world) == [lead]


def test_a_lead_that_was_converted_is_followed(world: World, tmp_path: Path) -> None:
    """The Lead became a Contact which carries no key: the person is that Contact, and no Lead is
    made beside it."""
    (lead,) = leads(world)
    contact = world.crm_contact("Augusta", "King", Email="augusta@example-king.com")
    world.salesforce.convert("Lead", lead, RecordRef("salesforce", "Contact", contact))
    empty(world, tmp_path)
    world.first()
    world.run()
    world.run()
    assert leads(world) == [lead]
    assert world.counterpart(ada(world).id).ref.id == contact
    assert world.settled()


def test_a_deal_somebody_archived_is_not_made_again(world: World, tmp_path: Path) -> None:
    """Law 8 the other way round: an opportunity's deal was archived in the MAP before the state
    was lost."""
    contact = world.crm_contact("Alan", "Turing")
    world.contact("Alan", "Turing")
    fields = {"Name": "Enigma", "StageName": "Prospecting", "CloseDate": "2026-05-01"}
    opportunity = world.salesforce.put("Opportunity", {**fields, "IsClosed": False, "IsWon": False})
    role = {"OpportunityId": opportunity, "ContactId": contact}
    world.salesforce.put("OpportunityContactRole", role)
    world.run()
    (deal,) = world.hubspot.all("deals")
    assert world.salesforce.get("Opportunity", opportunity).fields[CRM_KEY] is not None
    world.hubspot.remove("deals", deal.ref.id)
    empty(world, tmp_path)
    world.first()
    world.run()
    assert world.hubspot.all("deals") == []
    assert world.settled()
