"""Undo: what Leadloop wrote goes back, what somebody else wrote stays and is listed (law 11)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mappings.errors import RecordRejectedError
from mappings.records import EventKind, Operation, RecordRef
from mappings.required_fields import CRM_KEY
from state import events, identity, ledger, runs
from sync.config import GuardConfig
from sync.guard import Approval
from sync.recover import Selection, replay, select
from sync.undo.choose import UndoError, Wanted
from sync.undo.run import Undone, dry_undo, undo
from sync.undo.scene import Evidence
from tests.sync.world import OPT_OUT, Refusal, World

ADA = "ada.byron@example-byron.com"
EVIDENCE = Evidence("ticked the box of the form", date(2026, 3, 1))


def linked(world: World) -> tuple[str, str]:
    """Ada on both sides, after the first run."""
    contact = world.contact("Ada", "Byron", jobtitle="Engineer")
    lead = world.lead("Ada", "Byron", Phone="+44 20 7946 0001")
    world.first()
    return contact, lead


def undone(world: World, **wanted: Any) -> Undone:
    """An undo that went through."""
    done = undo(world.pair, Wanted(**wanted))
    assert done.error is None
    return done


def kept(done: Undone) -> set[tuple[str | None, str]]:
    """What stayed: field and reason."""
    return {(one.field, one.reason) for one in done.kept}


def test_values_of_both_sides_go_back_and_stay_back(world: World) -> None:
    """Updates of a run are taken back on both sides, in the vendor's own spelling; afterwards two
    syncs write nothing (law 4), and the same undo again finds nothing."""
    contact, lead = linked(world)
    world.salesforce.edit("Lead", lead, {"Title": " Engineer "})
    world.run()
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    world.salesforce.edit("Lead", lead, {"Phone": "+44 20 7946 0002"})
    run = world.run()
    done = undone(world, run_id=run.run_id)
    assert done.counts["values"] == 2
    assert world.salesforce.get("Lead", lead).fields["Title"] == " Engineer "
    assert world.map_record(contact).fields["phone"] == "+44 20 7946 0001"
    assert world.map_record(contact).fields["jobtitle"] == "Poet"
    assert world.settled()
    before = world.writes()
    assert undone(world, run_id=run.run_id).intents == ()
    assert world.writes() == before


def test_an_edit_after_the_undo_travels_as_ever(world: World) -> None:
    """What was undone is left alone, not the field: the next edit of it is carried over."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    run = world.run()
    undone(world, run_id=run.run_id)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Laureate"})
    world.run()
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Laureate"


def test_what_somebody_changed_since_stays_and_is_listed(world: World) -> None:
    """A person's value is left, with who and when; values of the same record that nobody changed go
    back all the same."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet", "city": "London"})
    run = world.run()
    world.salesforce.edit("Lead", lead, {"Title": "Countess"}, by="rep-1")
    done = undone(world, run_id=run.run_id)
    assert kept(done) == {("Title", "changed_since")}
    (one,) = done.kept
    assert (one.now, one.wanted, one.by) == ("Countess", "Engineer", "rep-1")
    assert one.at is not None
    fields = world.salesforce.get("Lead", lead).fields
    assert (fields["Title"], fields["City"]) == ("Countess", None)
    world.run()
    assert world.map_record(contact).fields["jobtitle"] == "Countess"


def test_a_later_run_is_undone_first(world: World) -> None:
    """What a later run wrote again stays and names that run; undone in that order, all is back."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    first = world.run()
    world.hubspot.edit("contacts", contact, {"jobtitle": "Laureate"})
    second = world.run()
    done = undone(world, run_id=first.run_id)
    assert kept(done) == {("Title", "written_since")}
    assert second.run_id in done.kept[0].remedy
    undone(world, run_id=second.run_id)
    undone(world, run_id=first.run_id)
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Engineer"


def test_undoing_everything_about_a_person_stops_at_somebody_elses_value(world: World) -> None:
    """Several writes of one field go back as far as nobody else's value stood in between."""
    contact, lead = linked(world)
    for title in ("Poet", "Laureate"):
        world.hubspot.edit("contacts", contact, {"jobtitle": title})
        world.run()
    world.salesforce.edit("Lead", lead, {"Title": "Countess"})
    world.run()
    world.hubspot.edit("contacts", contact, {"jobtitle": "Analyst"})
    world.run()
    undone(world, record=ADA)
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Countess"
    assert world.settled()


def test_a_created_lead_and_its_tasks_go_and_do_not_come_back(world: World) -> None:
    """The undo of a creation deletes the record and its Tasks and clears what was written back to
    the contact; the next runs make no new one, also when the contact is edited."""
    linked(world)
    contact = world.contact("Grace", "Hopper")
    event = world.fills("grace.hopper@example-hopper.com")
    world.happens(EventKind.EMAIL_OPEN, "grace.hopper@example-hopper.com")
    run = world.run()
    assert len(world.task_of(event)) == 1
    done = undone(world, run_id=run.run_id)
    assert done.counts["deleted"] == 2
    assert [one.fields["LastName"] for one in world.salesforce.all("Lead")] == ["Byron"]
    assert world.task_of(event) == []
    assert world.map_record(contact).fields["leadloop_crm_id"] in (None, "")
    assert world.settled()
    world.hubspot.edit("contacts", contact, {"jobtitle": "Admiral"})
    world.run()
    assert len(world.salesforce.all("Lead")) == 1
    with world.store.read() as tx:
        assert events.dispositions(tx)["undone"] == 1


def test_an_undone_creation_is_made_again_when_the_undo_is_undone(world: World) -> None:
    """An undo is a run like any other: undone, the Lead comes back with its Task, once."""
    linked(world)
    contact = world.contact("Grace", "Hopper")
    event = world.fills("grace.hopper@example-hopper.com")
    run = world.run()
    back = undone(world, run_id=run.run_id)
    undone(world, run_id=back.run_id)
    world.run()
    assert world.counterpart(contact).fields["LastName"] == "Hopper"
    assert len(world.task_of(event)) == 1
    assert len(world.salesforce.all("Lead")) == 2
    assert world.settled()


def test_an_undone_undo_writes_the_values_again(world: World) -> None:
    """Values that an undo took back are there again once the undo is undone."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    run = world.run()
    back = undone(world, run_id=run.run_id)
    undone(world, run_id=back.run_id)
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Poet"
    assert world.settled()
    undone(world, run_id=run.run_id)
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Engineer"


def test_a_created_lead_that_somebody_uses_stays(world: World) -> None:
    """A Lead that a rep has logged a call on, or changed, is kept and named."""
    linked(world)
    for first, last in (("Grace", "Hopper"), ("Alan", "Turing"), ("Mary", "Somerville")):
        world.contact(first, last)
    run = world.run()
    ids = {str(lead.fields["LastName"]): lead.ref.id for lead in world.salesforce.all("Lead")}
    world.salesforce.put("Task", {"WhoId": ids["Hopper"], "Subject": "Call"}, by="rep-1")
    world.salesforce.edit("Lead", ids["Turing"], {"LastName": "Turing OBE"}, by="rep-1")
    done = undone(world, run_id=run.run_id)
    assert {(one.record, one.reason) for one in done.kept if one.field is None} == {
        (f"salesforce:Lead:{ids['Hopper']}", "used"),
        (f"salesforce:Lead:{ids['Turing']}", "changed_since"),
    }
    assert {lead.ref.id for lead in world.salesforce.all("Lead")} >= {ids["Hopper"], ids["Turing"]}
    assert ids["Somerville"] not in {lead.ref.id for lead in world.salesforce.all("Lead")}


def test_rollups_and_outcomes_stay_undone_until_they_say_something_else(world: World) -> None:
    """A roll-up that was undone is not computed right back; the next event moves it on."""
    _, lead = linked(world)
    world.happens(EventKind.EMAIL_OPEN, ADA)
    run = world.run()
    opened = "Leadloop_Emails_Opened__c"
    assert str(world.salesforce.get("Lead", lead).fields[opened]) == "1"
    undone(world, run_id=run.run_id)
    assert world.salesforce.get("Lead", lead).fields[opened] is None
    world.hubspot.edit("contacts", "1", {"city": "London"})
    world.run()
    assert world.salesforce.get("Lead", lead).fields[opened] is None
    assert world.settled()
    world.happens(EventKind.EMAIL_OPEN, ADA)
    world.run()
    assert str(world.salesforce.get("Lead", lead).fields[opened]) == "2"


def test_a_deal_and_its_joins_go(world: World) -> None:
    """A deal that Leadloop made is archived, and stays so when the opportunity moves on."""
    world.contact("Ann", "Lee")
    contact = world.crm_contact("Ann", "Lee")
    world.first()
    deal = {"Name": "Big", "StageName": "Prospecting", "Amount": 100, "CloseDate": "2026-05-01"}
    opportunity = world.salesforce.put("Opportunity", {**deal, "IsClosed": False, "IsWon": False})
    role = {"OpportunityId": opportunity, "ContactId": contact}
    world.salesforce.put("OpportunityContactRole", role)
    run = world.run()
    assert len(world.hubspot.all("deals")) == 1
    undone(world, run_id=run.run_id)
    assert world.hubspot.all("deals") == []
    assert world.salesforce.get("Opportunity", opportunity).fields[CRM_KEY] is None
    assert world.settled()
    world.salesforce.edit("Opportunity", opportunity, {"Amount": 200})
    world.run()
    assert world.hubspot.all("deals") == []


@pytest.mark.parametrize("evidence", [None, EVIDENCE])
def test_an_opt_out_needs_evidence_and_nothing_against_it(
    world: World, evidence: Evidence | None
) -> None:
    """Law 7: while the source still says so the opt-out stands whatever is shown; once it is gone,
    it is taken back with dated evidence only."""
    contact, lead = linked(world)
    world.salesforce.edit("Lead", lead, {"HasOptedOutOfEmail": True})
    run = world.run()
    assert world.map_record(contact).fields[OPT_OUT] == "true"
    done = undone(world, run_id=run.run_id, evidence=evidence)
    assert kept(done) == {(OPT_OUT, "opt_out_stands")}
    world.salesforce.remove("Lead", lead)
    done = undone(world, run_id=run.run_id, evidence=evidence)
    if evidence is None:
        assert kept(done) == {(OPT_OUT, "opt_out_needs_evidence")}
        assert world.map_record(contact).fields[OPT_OUT] == "true"
    else:
        assert done.counts["consent"] == 1
        assert world.map_record(contact).fields[OPT_OUT] == "false"


def test_a_dry_undo_changes_nothing(world: World) -> None:
    """Law 10: it says what would go back and what would stay; vendors and state are as before."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    run = world.run()
    before = world.writes()
    with world.store.scratch() as copy:
        would = dry_undo(world.pair, Wanted(run_id=run.run_id), store=copy)
    assert (would.dry_run, would.counts["values"]) == (True, 1)
    assert world.writes() == before
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Poet"
    assert undone(world, run_id=run.run_id).counts["values"] == 1


def test_a_refused_undo_is_a_letter_that_can_be_replayed(world: World) -> None:
    """One refused row stops nothing: it is a dead letter, and its replay sends the undo again."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    run = world.run()
    rule = Refusal(Operation.UPDATE, "Lead")
    world.salesforce.reject(rule)
    done = undo(world.pair, Wanted(run_id=run.run_id))
    assert done.status == "partial"
    assert world.settled()
    rule.corrected = True
    replay(world.store, Selection())
    world.run()
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Engineer"
    assert select(world.store, Selection()) == []
    assert world.settled()


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_reply_is_looked_up(world: World, applied: bool) -> None:
    """Law 3: after a lost reply the next run finds out whether the undo was done, and finishes."""
    contact, lead = linked(world)
    world.contact("Grace", "Hopper")
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    run = world.run()
    world.salesforce.lose_reply(3, applied=applied)
    undo(world.pair, Wanted(run_id=run.run_id))
    for _ in range(2):
        world.run()
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Engineer"
    assert len(world.salesforce.all("Lead")) == 1
    assert world.settled()
    assert undone(world, run_id=run.run_id).intents == ()


def test_an_edit_between_a_lost_undo_and_the_next_run_wins(world: World) -> None:
    """An undo whose write was lost is not sent over what somebody typed meanwhile."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    run = world.run()
    world.salesforce.lose_reply(1, applied=False)
    undo(world.pair, Wanted(run_id=run.run_id))
    world.salesforce.edit("Lead", lead, {"Title": "Countess"})
    for _ in range(2):
        world.run()
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Countess"
    assert kept(undone(world, run_id=run.run_id)) == {("Title", "changed_since")}


def test_a_mass_undo_stops_and_asks(tmp_path: Path) -> None:
    """Law 13: too much at once is refused with the run to approve; nothing was written. With the
    word for it, it goes."""
    world = World.build(tmp_path, guard=GuardConfig(floor=1))
    for first, last in (("Grace", "Hopper"), ("Alan", "Turing"), ("Mary", "Somerville")):
        world.contact(first, last)
    run = world.first()
    before = world.writes()
    done = undo(world.pair, Wanted(run_id=run.run_id))
    assert done.error is not None
    assert done.error.exit_code == 9
    assert done.run_id in done.error.remedy
    assert (world.writes(), len(world.salesforce.all("Lead"))) == (before, 3)
    with world.store.read() as tx:
        refused = runs.get(tx, done.run_id)
    assert refused is not None
    word = Approval(counts=refused.counts["asked"])
    assert undo(world.pair, Wanted(run_id=run.run_id), approval=word).error is None
    assert world.salesforce.all("Lead") == []
    world.close()


def test_what_nobody_knows_is_an_error_and_starts_no_run(world: World) -> None:
    """Unknown runs, records and links say what to do; an empty state too."""
    for wanted in (
        Wanted(run_id="nope"),
        Wanted(record="nobody@example.com"),
        Wanted(link="nobody@example.com"),
    ):
        with pytest.raises(UndoError) as raised:
            undo(world.pair, wanted)
        assert raised.value.remedy
    contact, _ = linked(world)
    world.contact("Grace", "Hopper")
    world.run()
    created = world.salesforce.by("Lead", "LastName", "Hopper")[0].ref
    with pytest.raises(UndoError) as raised:
        undo(world.pair, Wanted(link=str(created)))
    assert raised.value.code == "undo.created_record"
    assert contact


def test_every_undone_line_names_what_took_it_back(world: World) -> None:
    """Law 9: the ledger keeps the first write, and the undo as a write of its own."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    run = world.run()
    undone(world, run_id=run.run_id)
    ref = RecordRef("salesforce", "Lead", lead)
    with world.store.read() as tx:
        entity_id = identity.links_of(tx, [ref])[ref].entity_id
        lines = [x for x in ledger.of_entities(tx, [entity_id]) if x.field == "Title"]
    first, back = lines[-2:]
    assert first.undone_by == back.intent_key
    assert back.undoes == (first.id,)
    assert (back.before, back.after, back.why) == ("Poet", "Engineer", "undo")


def test_a_rejection_names_no_values(world: World) -> None:
    """The letter of a refused undo says which field, never what was in it."""
    contact, _ = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    run = world.run()
    world.salesforce.reject(
        lambda _: RecordRejectedError("refused", code="field.invalid", field="Title")
    )
    undo(world.pair, Wanted(run_id=run.run_id))
    (letter,) = select(world.store, Selection())
    assert "Engineer" not in str(letter.payload) + letter.message + letter.remedy
