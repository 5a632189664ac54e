"""The laws where something goes wrong between a decision and its write."""

from __future__ import annotations

from datetime import timedelta

from mappings.errors import UnavailableError
from mappings.records import EventKind, Operation, Outcome, RecordRef, Write
from state import outbox
from sync.guard import Approval
from sync.plan import fingerprints
from sync.plan_consent import OPT_OUT_MAP
from sync.run import run_once
from tests.sync.world import Refusal, World

BOTH_DATABASES = True
OLD, NEW = "+1 212 555 0001", "+1 212 555 9999"


def ann(world: World) -> tuple[str, str]:
    """Ann on both sides, in step."""
    contact = world.contact("Ann", "Lee", phone=OLD)
    lead = world.lead("Ann", "Lee", Phone=OLD)
    world.first()
    assert world.settled()
    return contact, lead


def test_an_edit_whose_write_was_lost_still_wins(world: World) -> None:
    """Law 5: a lost request is no first agreement; the edit arrives, although the CRM owns the
    field."""
    contact, lead = ann(world)
    world.hubspot.edit("contacts", contact, {"phone": NEW})
    world.salesforce.lose_reply(1, applied=False)
    for _ in range(3):
        world.run()
    assert world.salesforce.get("Lead", lead).fields["Phone"] == NEW
    assert world.map_record(contact).fields["phone"] == NEW
    assert world.settled()


def test_an_edit_whose_write_was_refused_waits_for_its_replay(world: World) -> None:
    """Laws 2 and 5: a refused edit is neither forgotten nor taken back by the old value."""
    contact, lead = ann(world)
    refusal = Refusal(Operation.UPDATE, "Lead")
    world.salesforce.reject(refusal)
    world.hubspot.edit("contacts", contact, {"phone": NEW})
    world.run()
    refusal.corrected = True
    world.happens(EventKind.EMAIL_OPEN, "ann.lee@example-lee.com")
    for _ in range(2):
        world.run()
    assert world.map_record(contact).fields["phone"] == NEW
    assert world.salesforce.get("Lead", lead).fields["Phone"] == NEW


def test_a_side_that_takes_no_writes_costs_no_attempts(world: World) -> None:
    """Law 2: however long the CRM is read-only, what waits for it is sent when it is back."""
    for first, last in (("Ann", "Lee"), ("Grace", "Hopper"), ("Mary", "Somerville")):
        world.contact(first, last)
    approved = frozenset(fingerprints(list(world.planned().planned.intents())))
    write = world.salesforce.write

    def away(rows: list[Write]) -> list[Outcome]:
        raise UnavailableError("read-only", system="salesforce")

    world.salesforce.write = away  # type: ignore[assignment,method-assign]
    run_once(world.pair, approval=Approval(approved))
    for _ in range(15):
        world.run()
    world.salesforce.write = write  # type: ignore[method-assign]
    world.run()
    assert len(world.salesforce.all("Lead")) == 3
    with world.store.read() as tx:
        assert outbox.dead_count(tx) == 0
    assert world.settled()


def test_a_deal_that_a_person_deleted_stays_deleted(world: World) -> None:
    """Law 8: the opportunity moves on, the deal does not come back."""
    world.contact("Ann", "Lee")
    contact = world.crm_contact("Ann", "Lee")
    deal = {"Name": "Big", "StageName": "Prospecting", "Amount": 100, "CloseDate": "2026-05-01"}
    opportunity = world.salesforce.put("Opportunity", {**deal, "IsClosed": False, "IsWon": False})
    world.salesforce.put(
        "OpportunityContactRole", {"OpportunityId": opportunity, "ContactId": contact}
    )
    world.first()
    (made,) = world.hubspot.all("deals")
    world.hubspot.remove("deals", made.ref.id)
    world.run()
    world.salesforce.edit("Opportunity", opportunity, {"Amount": 200})
    world.run()
    assert [one for one in world.hubspot.all("deals") if not one.deleted] == []
    assert world.settled()


def test_a_deleted_lead_does_not_return_by_a_merge_in_the_map(world: World) -> None:
    """Law 8: a merge of contacts gives a new id to a person sales has deleted; no Lead is made."""
    contact, lead = ann(world)
    world.salesforce.remove("Lead", lead)
    world.run()
    other = world.contact("Anna", "Leigh", email="ann@example-other.com")
    world.hubspot.remove("contacts", contact, merged_into=other)
    world.run()
    world.run()
    leads = [one for one in world.salesforce.all("Lead") if not one.deleted]
    assert [one.fields["Email"] for one in leads if one.fields["LastName"] == "Lee"] == []


def test_an_opt_out_outlives_the_contact_that_made_it(world: World) -> None:
    """Law 7: who opted out and was archived before the next run is not mailed by sales either."""
    contact, lead = ann(world)
    world.time.at += timedelta(minutes=1)
    world.hubspot.edit("contacts", contact, {OPT_OUT_MAP: "true"})
    world.hubspot.remove("contacts", contact)
    world.run()
    assert world.salesforce.get("Lead", lead).fields["HasOptedOutOfEmail"] is True


def test_a_lead_that_was_converted_and_merged_between_two_runs_is_no_new_person(
    world: World,
) -> None:
    """Laws 1 and 8: the Contact a Lead became is part of another by the time we look; that one is
    the person's record now, and no Lead is made beside it."""
    contact = world.contact("Ann", "Lee")
    other = world.crm_contact("Anna", "Leigh")
    world.first()
    (lead,) = world.salesforce.all("Lead")
    key = lead.fields["Leadloop_Id__c"]
    became = world.crm_contact("Ann", "Lee", Leadloop_Id__c=key)
    world.salesforce.edit("Lead", lead.ref.id, {"Leadloop_Id__c": None, "IsConverted": True})
    world.salesforce.remove("Contact", became, merged_into=other)
    world.salesforce.convert("Lead", lead.ref.id, RecordRef("salesforce", "Contact", became))
    world.happens(EventKind.EMAIL_OPEN, "ann.lee@example-lee.com")
    world.run()
    world.run()
    assert [one.ref for one in world.salesforce.all("Lead")] == [lead.ref]
    assert world.map_record(contact).fields["leadloop_crm_id"] == other
    assert world.settled()


def test_a_lead_that_was_converted_and_then_deleted_is_not_made_again(world: World) -> None:
    """Law 8: sales converted the Lead and deleted the Contact before we looked: they are gone."""
    world.contact("Ann", "Lee")
    world.first()
    (lead,) = world.salesforce.all("Lead")
    became = world.crm_contact("Ann", "Lee")
    world.salesforce.remove("Contact", became)
    world.salesforce.edit("Lead", lead.ref.id, {"IsConverted": True})
    world.salesforce.convert("Lead", lead.ref.id, RecordRef("salesforce", "Contact", became))
    world.happens(EventKind.EMAIL_OPEN, "ann.lee@example-lee.com")
    world.run()
    world.run()
    assert [one.ref for one in world.salesforce.all("Lead")] == [lead.ref]
    assert world.settled()
