"""Stages in the run: decided, kept, shown on both sides, braked, and silent when nothing moves."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mappings.records import Json, RecordRef
from state import identity, loop
from sync.cli.summary import StageChanges
from sync.config import GuardConfig, Limit
from sync.guard import Approval
from sync.loop_rows import moves_of
from sync.run import run_once
from sync.stages import standing_in
from tests.sync.agreed import ADA, GO_LIVE, filled_before, golden, stages
from tests.sync.world import START, World

BOTH = {"map": "leadloop_stage", "crm": "Leadloop_Stage__c"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty world under a contract."""
    made = World.build(tmp_path, mapping=stages(tmp_path / "mapping"))
    yield made
    made.close()


@pytest.fixture
def ada(world: World) -> tuple[str, str]:
    """Ada on both sides, live: her contact and her Lead."""
    contact = world.contact("Ada", "Byron", jobtitle="Engineer")
    lead = world.lead("Ada", "Byron")
    world.first()
    return contact, lead


def shown(world: World, ids: tuple[str, str]) -> dict[str, Json]:
    """What both sides show of where Ada stands."""
    contact, lead = world.hubspot.get("contacts", ids[0]), world.salesforce.get("Lead", ids[1])
    assert (contact.fields["leadloop_stage"] or None) == lead.fields["Leadloop_Stage__c"]
    return {
        "stage": lead.fields["Leadloop_Stage__c"],
        "lifecyclestage": contact.fields["lifecyclestage"],
        "reason": lead.fields["Leadloop_Recycle_Reason__c"],
        "recontact": lead.fields["Leadloop_Recontact_Date__c"],
        "mql": lead.fields["Leadloop_MQL_At__c"],
        "sales": lead.fields["Leadloop_Sales_Qualified_At__c"],
    }


def moves(world: World) -> list[tuple[str, str]]:
    """Ada's moves: how, and where to."""
    with world.store.read() as tx:
        found = loop.moves(tx, [golden(world)]).get(golden(world), [])
    return [(move.move, move.after) for move in found]


def test_a_stage_is_reached_and_shown_on_both_sides(world: World, ada: tuple[str, str]) -> None:
    """Two forms make a lead and an MQL: both sides show the stage, the fact has its own field, and
    HubSpot's own stage follows. Nothing more is written afterwards (law 4)."""
    world.fills(ADA)
    second = world.fills(ADA)
    report = world.run()
    assert report.counts["lifecycle"]["moves"] == {"forward": 2}
    at = second.occurred_at.strftime("%Y-%m-%dT%H:%M:%S")
    assert shown(world, ada) == {
        "stage": "mql", "lifecyclestage": "marketingqualifiedlead", "reason": None,
        "recontact": None, "mql": f"{at}.000+0000", "sales": None,
    }  # fmt: skip
    assert moves(world) == [("forward", "lead"), ("forward", "mql")]
    assert world.settled()


def test_history_is_kept_and_writes_nothing(tmp_path: Path) -> None:
    """Law 13: what happened before `go_live` is evaluated and counted, and shows nowhere; the first
    move after it shows everything."""
    world = World.build(tmp_path, mapping=stages(tmp_path / "mapping", go_live=START))
    ids = world.contact("Ada", "Byron", jobtitle="Engineer"), world.lead("Ada", "Byron")
    for days in (9, 8):
        filled_before(world, START - timedelta(days=days))
    world.first()
    assert moves(world) == [("forward", "lead"), ("forward", "mql")]
    with world.store.read() as tx:
        assert loop.standings(tx, [golden(world)])[golden(world)].stage == "mql"
        assert all(move.baseline for move in loop.moves(tx, [golden(world)])[golden(world)])
    before = world.salesforce.get("Lead", ids[1])
    assert (before.fields["Leadloop_Stage__c"], before.fields["Leadloop_MQL_At__c"]) == (None, None)
    assert world.map_record(ids[0]).fields["lifecyclestage"] is None
    world.salesforce.edit("Lead", ids[1], {"Status": "Working - Contacted"})
    world.run()
    assert shown(world, ids)["stage"] == "working"
    assert shown(world, ids)["mql"] is None  # a fact of history stays history
    assert world.settled()
    world.close()


def test_a_step_back_and_its_return_on_the_day(world: World, ada: tuple[str, str]) -> None:
    """Sales says not now, with a date: the reason and the day stand on the record, and on that day
    the person is back, though nobody has edited anything."""
    world.fills(ADA)
    world.fills(ADA)
    world.run()
    world.salesforce.edit("Lead", ada[1], {"Status": "Not now", "Recontact_Date__c": "2026-04-01"})
    world.run()
    now = shown(world, ada)
    assert (now["stage"], now["reason"], now["recontact"]) == ("nurture", "not_ready", "2026-04-01")
    assert now["mql"] is not None  # marketing's fact is marketing's (law 5)
    assert world.settled()
    world.time.at = START.replace(month=4, day=1) - timedelta(hours=11)
    world.run()
    assert shown(world, ada)["stage"] == "nurture"  # not before midnight in Berlin
    world.time.at += timedelta(hours=2)
    world.run()
    assert shown(world, ada)["stage"] == "mql"
    assert moves(world)[-2:] == [("recycle", "nurture"), ("return", "mql")]
    assert world.settled()


def test_the_plan_of_a_day_shows_who_is_back_on_it(world: World, ada: tuple[str, str]) -> None:
    """What only time brings about is in the plan, too, so that approving it writes the return."""
    world.fills(ADA)
    world.fills(ADA)
    world.run()
    world.salesforce.edit("Lead", ada[1], {"Status": "Not now", "Recontact_Date__c": "2026-04-01"})
    world.run()
    world.time.at = START.replace(month=4, day=2)
    report = world.first()
    assert (report.counts["due"], report.counts["held"]) == ({"plan": 1}, 0)
    now = shown(world, ada)
    assert (now["stage"], now["reason"], now["recontact"]) == ("mql", None, None)
    assert world.settled()


def test_time_alone_moves_somebody_back(world: World, ada: tuple[str, str]) -> None:
    """Sixty days without an answer: the due row brings the person up, and HubSpot's own stage goes
    back by two requests, since it takes no step back in one."""
    world.fills(ADA)
    world.fills(ADA)
    world.run()
    world.time.at += timedelta(days=61)
    report = world.run()
    assert report.counts["due"] == {"plan": 1}
    assert shown(world, ada)["stage"] == "lead"
    assert shown(world, ada)["lifecyclestage"] == "lead"
    sent = [row.fields["lifecyclestage"] for row in world.hubspot.history
            if "lifecyclestage" in row.fields]  # fmt: skip
    assert sent == ["marketingqualifiedlead", "", "lead"]
    assert world.settled()


def test_what_people_put_further_on_stays(world: World, ada: tuple[str, str]) -> None:
    """HubSpot's own stage is never lowered below what somebody else has set (law 6)."""
    world.hubspot.edit("contacts", ada[0], {"lifecyclestage": "customer"})
    world.fills(ADA)
    world.run()
    assert shown(world, ada)["stage"] == "lead"
    assert shown(world, ada)["lifecyclestage"] == "customer"
    assert world.settled()


def test_each_team_has_a_fact_of_its_own(world: World, ada: tuple[str, str]) -> None:
    """Sales' word makes no MQL, and takes none away (law 5)."""
    world.salesforce.edit("Lead", ada[1], {"Status": "Working - Contacted"})
    world.run()
    first = shown(world, ada)
    assert (first["stage"], first["mql"]) == ("working", None)
    assert first["sales"] is not None
    world.fills(ADA)
    world.fills(ADA)
    world.salesforce.edit("Lead", ada[1], {"Status": "Open - Not Contacted"})
    world.run()
    second = shown(world, ada)
    assert (second["stage"], second["sales"]) == ("working", first["sales"])
    assert second["mql"] is not None
    assert world.settled()


def test_late_evidence_rewrites_the_past(world: World, ada: tuple[str, str]) -> None:
    """An event told days late makes the moves what they would have been; what was not so after all
    is kept as withdrawn."""
    world.fills(ADA)
    world.run()
    world.time.at += timedelta(days=3)
    world.run()
    filled_before(world, START - timedelta(hours=1))
    report = world.run()
    assert report.counts["lifecycle"]["rewritten"] == 1
    with world.store.read() as tx:
        found = loop.moves(tx, [golden(world)])[golden(world)]
    assert [(one.after, one.at < START) for one in found] == [("lead", True), ("mql", False)]
    assert shown(world, ada)["stage"] == "mql"
    assert world.settled()


def test_a_change_of_the_contract_is_a_plan(tmp_path: Path, world: World, ada: Any) -> None:
    """Under another definition nothing is decided nor written before a person has approved the
    plan, which shows who would change stage."""
    world.fills(ADA)
    world.run()
    changed = replace(world.pair, mapping=stages(tmp_path / "changed", forms=1))
    other = replace(world, pair=changed)
    refused = other.run()
    assert refused.error is None or refused.error.code == "guard.approval_required"
    assert moves(world) == [("forward", "lead")]
    planned = other.planned()
    changes = {
        (c["field"], c["after"]) for i in planned.planned.intents() for c in i.details["changes"]
    }
    assert {(BOTH["map"], "mql"), (BOTH["crm"], "mql")} <= changes
    assert StageChanges(planned.planned.intents()).as_json() == [
        {"before": "lead", "after": "mql", "count": 1, "records": [f"Lead {ada[1]}"]}
    ]
    assert moves(world) == [("forward", "lead")]  # a plan changes nothing (law 10)
    other.first()
    assert shown(world, ada)["stage"] == "mql"
    assert other.settled()


def test_too_many_moves_stop_the_run(tmp_path: Path) -> None:
    """Law 13: a run that would move more people than allowed asks first; the word lets exactly
    those through."""
    guard = GuardConfig(moves=Limit(0.5, 2), floor=1)
    world = World.build(tmp_path, mapping=stages(tmp_path / "mapping"), guard=guard)
    people = [("Ada", "Byron"), ("Alan", "Turing"), ("Grace", "Hopper"), ("Mary", "Shelley")]
    for first, last in people:
        world.contact(first, last, jobtitle="Engineer")
        world.lead(first, last)
    world.first()
    for first, last in people:
        world.fills(f"{first}.{last}@example-{last}.com".lower())
    report = world.run()
    assert report.error is not None
    assert report.counts["asked"]["moves"] == 4
    assert not world.salesforce.by("Lead", "Leadloop_Stage__c", "lead")
    run_once(world.pair, approval=Approval(counts=report.counts["asked"]))
    assert len(world.salesforce.by("Lead", "Leadloop_Stage__c", "lead")) == 4
    assert world.settled()
    world.close()


def test_moves_of_people_an_earlier_run_had_in_hand_are_asked_about(tmp_path: Path) -> None:
    """Law 13: whose create was left in doubt is found and told of; the stages they have reached
    since wait for a person's word, in every run until it is given."""
    free = Limit(9.0, 1000)
    guard = GuardConfig(creates=free, updates=free, moves=Limit(0.1, 1), floor=1)
    world = World.build(tmp_path, mapping=stages(tmp_path / "mapping"), guard=guard)
    world.first()
    for name in ("Byron", "Hopper", "Shelley"):
        world.contact("Ada", name, jobtitle="Engineer")
    world.salesforce.lose_reply()
    assert world.run().status == "partial"
    for name in ("Byron", "Hopper", "Shelley"):
        world.fills(f"ada.{name}@example-{name}.com".lower())
    for _ in range(3):
        asked = world.run()
        assert (asked.status, asked.counts["asked"]) == ("refused", {"moves": 3})
        assert not world.salesforce.by("Lead", "Leadloop_Stage__c", "lead")
        assert not world.hubspot.by("contacts", "leadloop_stage", "lead")
    run_once(world.pair, approval=Approval(counts=asked.counts["asked"]))
    assert len(world.salesforce.by("Lead", "Leadloop_Stage__c", "lead")) == 3
    assert len(world.hubspot.by("contacts", "leadloop_stage", "lead")) == 3
    assert world.settled()
    world.close()


def test_the_ledger_follows(world: World, ada: tuple[str, str]) -> None:
    """Whose job somebody is, without a gap: marketing's until sales works on them."""
    world.fills(ADA)
    world.run()
    world.salesforce.edit("Lead", ada[1], {"Status": "Working - Contacted", "OwnerId": "005A"})
    world.run()
    with world.store.read() as tx:
        lines = loop.duties(tx, [golden(world)])[golden(world)]
    assert [(d.team, d.person) for d in lines][-1] == ("sales", "005A")
    assert [d.team for d in lines][:-1] == ["marketing"] * (len(lines) - 1)
    assert all(before.end == after.start for before, after in itertools.pairwise(lines))
    assert lines[-1].end is None
    assert lines[0].start > GO_LIVE


def test_deals_have_a_ledger_of_their_own(world: World) -> None:
    """Sales' from creation to close; whose before Leadloop came is unknown, a new owner is seen."""
    world.contact("Ada", "Byron")
    contact = world.crm_contact("Ada", "Byron")
    deal = world.salesforce.put(
        "Opportunity", {"Name": "First", "StageName": "Qualification", "OwnerId": "005A"},
        at=START - timedelta(days=30),
    )  # fmt: skip
    world.salesforce.put("OpportunityContactRole", {"OpportunityId": deal, "ContactId": contact})
    world.first()
    world.run()
    world.salesforce.edit("Opportunity", deal, {"OwnerId": "005B"})
    world.run()
    ref = RecordRef("salesforce", "Opportunity", deal)
    with world.store.read() as tx:
        entity_id = identity.links_of(tx, [ref])[ref].entity_id
        lines = loop.duties(tx, [entity_id])[entity_id]
    told = [(line.person, line.known, line.why) for line in lines]
    assert told == [(None, False, "deal"), ("005A", True, "deal"), ("005B", True, "deal")]
    assert all(before.end == after.start for before, after in itertools.pairwise(lines))
    assert (lines[0].start, lines[-1].end) == (START - timedelta(days=30), None)
    assert world.settled()


def test_a_life_replayed_is_the_life_that_was_kept(world: World, ada: tuple[str, str]) -> None:
    """Run by run through forms, edits of both teams and the weeks between: the moves and the ledger
    that were kept are those that the evidence in the state gives when it is gone through from the
    beginning; the ledger has no gap and no overlap; each team's fact stays what it was."""
    chance = random.Random(11)
    facts: list[dict[str, Json]] = []
    for _ in range(9):
        for act in chance.sample(["form", "working", "not now", "owner", "title", "weeks"], 2):
            _act(world, ada, act, chance)
        world.run()
        now = shown(world, ada)
        facts.append({name: now[name] for name in ("mql", "sales") if now[name] is not None})
    for before, after in itertools.pairwise(facts):
        assert before.items() <= after.items()
    entity_id, mapping = golden(world), world.pair.mapping
    with world.store.read() as tx:
        kept, lines = moves_of(tx, [entity_id])[entity_id], loop.duties(tx, [entity_id])[entity_id]
        records = [world.map_record(ada[0]), world.salesforce.get("Lead", ada[1])]
        again = standing_in(tx, mapping, entity_id, records)
    assert again is not None
    assert kept == list(again.moves)
    assert all(before.end == after.start for before, after in itertools.pairwise(lines))
    assert (lines[-1].end, len({line.start for line in lines})) == (None, len(lines))
    assert world.settled()


def _act(world: World, ids: tuple[str, str], act: str, chance: random.Random) -> None:
    if act == "form":
        world.fills(ADA)
    elif act == "weeks":
        world.time.at += timedelta(days=chance.randint(1, 40))
    elif act == "title":
        world.hubspot.edit("contacts", ids[0], {"jobtitle": chance.choice(["Engineer", "Poet"])})
    elif act == "owner":
        world.salesforce.edit("Lead", ids[1], {"OwnerId": chance.choice(["005A", "005B"])})
    else:
        status = {"working": "Working - Contacted", "not now": "Not now"}[act]
        world.salesforce.edit("Lead", ids[1], {"Status": status})
