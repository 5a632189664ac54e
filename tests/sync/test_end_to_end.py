"""The laws over whole runs, both sides in memory: people act at the vendors, then `run_once`."""

from __future__ import annotations

from mappings.errors import UnavailableError
from mappings.records import EventKind, Operation, RecordRef
from mappings.required_fields import CRM_KEY, MAP_KEY
from state import events, mirror, outbox
from tests.sync.world import Refusal, World

ADA = "ada.byron@example-byron.com"


def linked(world: World) -> tuple[str, str]:
    """Ada on both sides, after the first run."""
    contact = world.contact("Ada", "Byron", jobtitle="Engineer")
    lead = world.lead("Ada", "Byron", Phone="+442079460001")
    assert world.first().status == "ok"
    return contact, lead


def test_the_first_run_links_creates_and_asks(world: World) -> None:
    """Who is there is linked, who is new is created, who is ambiguous is asked about; all events
    are accounted for."""
    contact, lead = world.contact("Ada", "Byron"), world.lead("Ada", "Byron")
    grace = world.contact("Grace", "Hopper")
    world.contact("Maria", "Lopez", email="m@lopez-ltd.com")
    world.lead("Peter", "Grant", Email="m@lopez-ltd.com")
    filled = world.fills(ADA), world.fills("grace.hopper@example-hopper.com")
    world.fills("m@lopez-ltd.com")
    world.happens(EventKind.EMAIL_OPEN, ADA)
    report = world.first()
    assert (report.counts["linked"], report.counts["created"], report.counts["to_review"]) == (
        1,
        1,
        1,
    )
    assert world.counterpart(contact).ref.id == lead
    assert world.counterpart(grace).fields["Email"] == "grace.hopper@example-hopper.com"
    assert [len(world.task_of(event)) for event in filled] == [1, 1]
    key = world.map_record(contact).fields[MAP_KEY]
    assert world.counterpart(contact).fields[CRM_KEY] == key
    with world.store.read() as tx:
        assert events.dispositions(tx) == {"delivered": 2, "held": 1, "rolled_up": 1}
        assert mirror.pending_count(tx) == 0
    assert len(world.salesforce.all("Lead")) == 3


def test_the_second_and_third_runs_are_silent(world: World) -> None:
    """Law 4: without an edit nothing is written in either direction."""
    linked(world)
    world.contact("Grace", "Hopper", phone="+1 (415) 555-0100", hs_analytics_source="OFFLINE")
    world.fills(ADA)
    world.happens(EventKind.EMAIL_CLICK, ADA)
    world.run()
    assert world.settled()


def test_an_edit_travels_to_the_other_side(world: World) -> None:
    """A field edited on one side reaches the other, once, and comes back from there nowhere."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Countess"})
    world.run()
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Countess"
    assert world.settled()
    world.salesforce.edit("Lead", lead, {"Phone": "+442079460002"})
    world.run()
    assert world.map_record(contact).fields["phone"] == "+442079460002"
    assert world.settled()


def test_the_owner_wins_where_both_changed(world: World) -> None:
    """Law 5: the job title is the MAP's, the phone number the CRM's; each owner wins, both ways."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet", "phone": "+442079460003"})
    world.salesforce.edit("Lead", lead, {"Title": "Clerk", "Phone": "+442079460004"})
    world.run()
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Poet"
    assert world.map_record(contact).fields["phone"] == "+442079460004"
    assert world.settled()


def test_blank_never_overwrites(world: World) -> None:
    """Law 5: a cleared field leaves the other side's value alone, and stays cleared itself."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": ""})
    world.salesforce.edit("Lead", lead, {"Phone": None})
    world.run()
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Engineer"
    assert world.map_record(contact).fields["phone"] == "+442079460001"
    assert world.settled()


def test_a_later_edit_to_the_agreed_value_is_still_that_persons(world: World) -> None:
    """Echoes are known per field by value: another value written afterwards is no echo."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    world.run()
    world.salesforce.edit("Lead", lead, {"Title": "Engineer"})
    world.run()
    assert world.map_record(contact).fields["jobtitle"] == "Engineer"
    assert world.settled()


def test_a_record_deleted_in_the_crm_is_not_created_again(world: World) -> None:
    """Law 8: a person deletes the Lead; edits and form fills do not bring it back."""
    contact, lead = linked(world)
    world.salesforce.remove("Lead", lead)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    world.fills(ADA)
    world.run()
    world.hubspot.edit("contacts", contact, {"jobtitle": "Countess"})
    world.run()
    assert world.salesforce.all("Lead") == []
    assert world.salesforce.all("Task") == []
    assert world.settled()
    with world.store.read() as tx:
        assert events.dispositions(tx) == {"crm_deleted": 1}


def test_a_merge_in_the_crm_is_followed(world: World) -> None:
    """Law 8: the loser's person goes on with the winner; nothing is created."""
    contact, lead = linked(world)
    winner = world.lead("Ada", "Byron-King", Phone="+442079460009")
    world.salesforce.remove("Lead", lead, merged_into=winner)
    world.run()
    world.run()
    assert world.counterpart(contact).ref == RecordRef("salesforce", "Lead", winner)
    event = world.fills(ADA)
    world.run()
    assert [task.fields["WhoId"] for task in world.task_of(event)] == [winner]
    assert world.settled()
    assert len(world.salesforce.all("Lead")) == 1


def test_a_merge_in_the_map_brings_everything_of_both(world: World) -> None:
    """Law 8: two linked contacts become one: counters add up, later events find the survivor."""
    contact, lead = linked(world)
    other = world.contact("Augusta", "King")
    world.lead("Augusta", "King")
    world.run()
    king = "augusta.king@example-king.com"
    for email in (ADA, ADA, ADA, king, king):
        world.happens(EventKind.EMAIL_OPEN, email)
    world.run()
    event = world.fills(king)
    world.hubspot.remove("contacts", other, merged_into=contact)
    world.hubspot.edit(
        "contacts", contact, {"hs_merged_object_ids": other, "hs_additional_emails": king}
    )
    world.run()
    world.run()
    chosen = world.counterpart(contact)
    assert chosen.ref.id == lead
    assert str(chosen.fields["Leadloop_Emails_Opened__c"]) == "5"
    assert [task.fields["WhoId"] for task in world.task_of(event)] == [lead]
    assert world.settled()


def test_a_conversion_is_followed(world: World) -> None:
    """Law 8: after conversion the Contact is the counterpart, and carries the link key."""
    contact, lead = linked(world)
    converted = world.crm_contact("Ada", "Byron")
    world.salesforce.edit("Lead", lead, {"IsConverted": True, "Status": "Closed - Converted"})
    world.salesforce.convert("Lead", lead, RecordRef("salesforce", "Contact", converted))
    world.run()
    world.run()
    assert world.counterpart(contact).ref == RecordRef("salesforce", "Contact", converted)
    key = world.map_record(contact).fields[MAP_KEY]
    assert world.salesforce.get("Contact", converted).fields[CRM_KEY] == key
    assert world.map_record(contact).fields["leadloop_lead_status"] == "Closed - Converted"
    event = world.fills(ADA)
    world.run()
    assert [task.fields["WhoId"] for task in world.task_of(event)] == [converted]
    assert world.settled()


def test_a_key_that_a_converted_lead_has_kept_holds_nobody_up(world: World) -> None:
    """An org that carries no key over, a Contact that was deleted, a Lead a rep makes of the same
    person: the unique key stands on the converted Lead for good and is not asked for twice; edits
    reach the new Lead, nobody is made again."""
    contact, lead = linked(world)
    world.run()
    key = world.salesforce.get("Lead", lead).fields[CRM_KEY]
    converted = world.crm_contact("Ada", "Byron")
    world.salesforce.edit("Lead", lead, {"IsConverted": True})
    world.salesforce.convert("Lead", lead, RecordRef("salesforce", "Contact", converted))
    world.run()
    assert world.salesforce.get("Contact", converted).fields[CRM_KEY] == key
    world.salesforce.remove("Contact", converted)
    world.run()
    again = world.lead("Ada", "Byron")
    world.run()
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    assert world.run().status == "ok"
    assert world.counterpart(contact).ref.id == again
    fields = world.salesforce.get("Lead", again).fields
    assert (fields["Title"], fields[CRM_KEY]) == ("Poet", None)
    assert len(world.salesforce.all("Lead")) == 2
    assert world.settled()


def test_an_opt_out_in_the_map_latches_in_the_crm(world: World) -> None:
    """Law 7: marketing's opt-out reaches the CRM and is not taken back by the CRM's blank."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"hs_email_optout": "true"})
    world.run()
    assert world.salesforce.get("Lead", lead).fields["HasOptedOutOfEmail"] is True
    assert world.settled()
    world.salesforce.edit("Lead", lead, {"HasOptedOutOfEmail": False})
    world.run()
    assert world.salesforce.get("Lead", lead).fields["HasOptedOutOfEmail"] is True


def test_an_opt_out_in_the_crm_latches_in_the_map(world: World) -> None:
    """Law 7: the CRM's opt-out reaches the MAP for all mail."""
    contact, lead = linked(world)
    world.salesforce.edit("Lead", lead, {"HasOptedOutOfEmail": True})
    world.run()
    assert world.map_record(contact).fields["hs_email_optout"] == "true"
    assert world.hubspot.opted_out == {(ADA, None)}
    assert world.settled()


def test_an_opt_out_goes_even_where_fields_are_refused(world: World) -> None:
    """Law 7: a value too long for the CRM is a dead letter; the opt-out goes all the same."""
    contact, lead = linked(world)
    world.hubspot.edit(
        "contacts", contact, {"hs_email_optout": "true", "address": "Long Lane " * 40}
    )
    report = world.run()
    assert world.salesforce.get("Lead", lead).fields["HasOptedOutOfEmail"] is True
    with world.store.read() as tx:
        (letter,) = outbox.dead_letters(tx)
    assert "Street" in str(letter.field)
    assert world.settled()
    assert report.error is None


def test_an_opt_out_goes_even_where_the_record_is_refused(world: World) -> None:
    """Law 7: the CRM refuses every other write to the Lead; the opt-out still arrives."""
    contact, lead = linked(world)
    world.salesforce.reject(Refusal(Operation.UPDATE, "Lead"))
    world.hubspot.edit("contacts", contact, {"hs_email_optout": "true", "jobtitle": "Poet"})
    world.run()
    assert world.salesforce.get("Lead", lead).fields["HasOptedOutOfEmail"] is True
    assert world.settled()


def test_a_created_lead_carries_the_opt_out(world: World) -> None:
    """Law 7: somebody who takes no mail is created as such, in the same write."""
    linked(world)
    contact = world.contact("Grace", "Hopper", hs_email_optout="true")
    world.run()
    assert world.counterpart(contact).fields["HasOptedOutOfEmail"] is True
    assert world.settled()


def test_a_lost_reply_makes_no_duplicate(world: World) -> None:
    """Law 3: the vendor created the Lead and its reply was lost; the next run finds it by key."""
    linked(world)
    contact = world.contact("Grace", "Hopper")
    event = world.fills("grace.hopper@example-hopper.com")
    world.salesforce.lose_reply()
    report = world.run()
    assert report.status == "partial"
    assert world.run().counts["reconciled"]
    world.run()
    found = world.salesforce.by("Lead", "Email", "grace.hopper@example-hopper.com")
    assert [lead.ref.id for lead in found] == [world.counterpart(contact).ref.id]
    assert len(world.task_of(event)) == 1
    assert world.settled()


def test_a_request_that_never_arrived_is_sent_again(world: World) -> None:
    """Law 2: the same, but the vendor never saw it: it is sent, once."""
    linked(world)
    contact = world.contact("Grace", "Hopper")
    world.salesforce.lose_reply(applied=False)
    world.run()
    world.run()
    assert world.counterpart(contact).fields["LastName"] == "Hopper"
    assert len(world.salesforce.all("Lead")) == 2
    assert world.settled()


def test_lost_replies_on_updates_and_tasks_double_nothing(world: World) -> None:
    """Law 3: whichever of a run's writes loses its reply, each lands once."""
    contact, lead = linked(world)
    for number in range(1, 4):
        event = world.fills(ADA)
        world.hubspot.edit("contacts", contact, {"jobtitle": f"Title {number}"})
        world.salesforce.edit("Lead", lead, {"Phone": f"+44207946000{number}"})
        world.salesforce.lose_reply(number)
        world.hubspot.lose_reply(number)
        world.run()
        world.run()
        assert len(world.task_of(event)) == 1
        assert world.salesforce.get("Lead", lead).fields["Title"] == f"Title {number}"
        assert world.map_record(contact).fields["phone"] == f"+44207946000{number}"
        assert world.settled()


def test_a_vendor_that_is_away_ends_the_run_and_loses_nothing(world: World) -> None:
    """Law 2: an unreachable CRM fails the run; the next one does the work."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    world.salesforce.fail(UnavailableError("away", system="salesforce"), calls=1)
    report = world.run()
    assert report.exit_code == 6
    assert world.run().status == "ok"
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Poet"
    assert world.settled()


def test_events_count_once_in_either_form(world: World) -> None:
    """Law 3: repeated pulls leave one Task for each form fill, and counters that equal the
    number of events."""
    _, lead = linked(world)
    fills = [world.fills(ADA) for _ in range(3)]
    for kind in (EventKind.EMAIL_OPEN, EventKind.EMAIL_OPEN, EventKind.EMAIL_CLICK):
        world.happens(kind, ADA)
    world.run()
    world.happens(EventKind.EMAIL_OPEN, ADA)
    world.run()
    assert [len(world.task_of(event)) for event in fills] == [1, 1, 1]
    fields = world.salesforce.get("Lead", lead).fields
    assert str(fields["Leadloop_Emails_Opened__c"]) == "3"
    assert str(fields["Leadloop_Emails_Clicked__c"]) == "1"
    assert world.settled()


def test_outcomes_come_back(world: World) -> None:
    """What sales does reaches the MAP: status, opportunity, amount, won, revenue, the deal."""
    contact, _ = world.contact("Ada", "Byron"), None
    person = world.crm_contact("Ada", "Byron")
    world.first()
    opportunity = world.salesforce.put(
        "Opportunity",
        {
            "Name": "Engine",
            "StageName": "Prospecting",
            "Amount": 5000,
            "CloseDate": "2026-04-01",
            "IsClosed": False,
            "IsWon": False,
        },
    )
    world.salesforce.put(
        "OpportunityContactRole", {"OpportunityId": opportunity, "ContactId": person}
    )
    world.run()
    fields = world.map_record(contact).fields
    assert fields["leadloop_opportunity_stage"] == "Prospecting"
    assert fields["leadloop_opportunity_outcome"] == "open"
    (deal,) = world.hubspot.all("deals")
    assert deal.associations["contacts"] == (contact,)
    assert world.settled()
    world.salesforce.edit(
        "Opportunity", opportunity, {"StageName": "Closed Won", "IsClosed": True, "IsWon": True}
    )
    world.run()
    fields = world.map_record(contact).fields
    assert (fields["leadloop_won_count"], fields["leadloop_total_revenue"]) == ("1", "5000")
    assert world.hubspot.get("deals", deal.ref.id).fields["dealstage"] == "closedwon"
    assert world.settled()


def test_a_dry_run_writes_nothing_and_changes_no_state(world: World) -> None:
    """Law 10: planning twice gives the same plan, and the vendors and the state are untouched."""
    world.contact("Ada", "Byron")
    world.fills(ADA)
    first = [intent.key for intent in world.planned().planned.intents()]
    second = [intent.key for intent in world.planned().planned.intents()]
    assert first == second != []
    assert world.writes() == 0
    with world.store.read() as tx:
        assert mirror.dispositions(tx) == {}
        assert events.dispositions(tx) == {}


def test_an_unapproved_first_run_stops(world: World) -> None:
    """Law 13: a first connection without an approved plan writes nothing and exits 9."""
    world.contact("Ada", "Byron")
    report = world.run()
    assert (report.exit_code, report.status) == (9, "refused")
    assert world.writes() == 0
