"""Handoffs in the run: given, told, answered, escalated, reassigned, sent back, and each once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mappings.records import Json, Record
from mappings.required_fields import EVENT_KEY
from state import effects, loop
from sync.config import GuardConfig, Limit
from sync.crash import Crash, watched
from sync.guard import Approval
from sync.handoffs import counts, stages, under_way
from sync.pair import Say
from sync.run import run_once
from sync.story import story
from sync.undo.choose import Wanted
from sync.undo.run import undo
from tests.sync.agreed import ABOVE, ADA, LAST, ONE, TWO, filled_before, golden, handed, hire
from tests.sync.world import START, World


class Ears:
    """Whoever is told: every message, and whether they can be reached."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.where: list[str | None] = []
        self.deaf = False
        self.broken: set[str | None] = set()

    def __call__(self, email: str | None) -> Say:
        """How whoever has that address hears."""

        def say(title: str, body: str) -> bool:
            if self.deaf or email in self.broken:
                return False
            self.heard.append((title, body))
            self.where.append(email)
            return True

        return say

    @property
    def words(self) -> list[str]:
        """Every line heard, without the record it is about."""
        return [line.split(" ", 2)[2] for _, body in self.heard for line in body.splitlines()]


@pytest.fixture
def ears() -> Ears:
    """Nobody has been told anything yet."""
    return Ears()


@pytest.fixture
def world(tmp_path: Path, ears: Ears) -> Iterator[World]:
    """Two people take leads in turn; Ada is on both sides, live, and has done nothing yet."""
    made = built(tmp_path, ears)
    yield made
    made.close()


def built(folder: Path, ears: Ears, *, gone: tuple[str, ...] = (), **more: Any) -> World:
    """A world under the contract with handoffs, its first run done."""
    made = World.build(folder, mapping=handed(folder / "mapping"), **more)
    made.pair = replace(made.pair, tell=ears)
    hire(made, gone=gone)
    made.contact("Ada", "Byron", company="Byron Ltd")
    made.lead("Ada", "Byron", OwnerId="005ROBOT")
    made.first()
    return made


def qualifies(world: World, email: str = ADA) -> None:
    """Two forms are filled in."""
    world.fills(email)
    world.fills(email)


def lead(world: World, email: str = ADA) -> Record:
    """The Lead of whoever has the address."""
    (found,) = world.salesforce.by("Lead", "Email", email)
    return found


def tasks(world: World, email: str = ADA) -> list[dict[str, Json]]:
    """The tasks that handoffs have asked for, in order."""
    found = world.salesforce.by("Task", "WhoId", lead(world, email).ref.id)
    return [dict(t.fields) for t in found if t.fields["Subject"] == "Call this lead"]


def handoffs(world: World, email: str = ADA) -> list[loop.Handoff]:
    """The handoffs of whoever has the address, oldest first."""
    with world.store.read() as tx:
        return loop.handoffs(tx, [golden(world, email)]).get(golden(world, email), [])


def edits(world: World, **fields: Json) -> None:
    """A salesperson changes Ada's Lead."""
    world.salesforce.edit("Lead", lead(world).ref.id, fields, by="005REP")


def test_a_qualified_lead_is_given_once(world: World, ears: Ears) -> None:
    """An owner, a task, a notice that names the record and nobody's name, a row in the ledger; and
    the runs after it write nothing (laws 3 and 4)."""
    qualifies(world)
    report = world.run()
    assert report.counts["lifecycle"]["handoffs"] == {"open": 1}
    assert report.counts["kinds"]["assignments"] == 1
    assert lead(world).fields["OwnerId"] == ONE
    (task,) = tasks(world)
    assert (task["OwnerId"], task["Status"]) == (ONE, "Not Started")
    assert task[EVENT_KEY]
    (contact,) = world.hubspot.all("contacts")
    assert contact.fields["leadloop_owner"] == "User 1"  # an outcome like any other
    assert ears.heard == [
        ("Leadloop: 1 notice for User 1", f"Lead {lead(world).ref.id} is yours now")
    ]
    with world.store.read() as tx:
        line = loop.duties(tx, [golden(world)])[golden(world)][-1]
    assert (line.team, line.person, line.why) == ("sales", ONE, "handed over")
    assert world.settled()
    assert (len(tasks(world)), len(ears.heard)) == (1, 1)


def test_turns_are_taken_within_one_run(world: World) -> None:
    """The second of two leads of one run goes to the second member."""
    world.contact("Alan", "Turing", company="Turing Ltd")
    world.lead("Alan", "Turing")
    world.run()
    qualifies(world)
    qualifies(world, "alan.turing@example-turing.com")
    world.run()
    owners = {record.fields["OwnerId"] for record in world.salesforce.all("Lead")}
    assert owners == {ONE, TWO}


def test_somebody_new_is_created_with_their_owner(world: World) -> None:
    """The task of a Lead that is only now made waits for its id."""
    world.contact("Grace", "Hopper", company="Hopper Ltd")
    qualifies(world, "grace.hopper@example-hopper.com")
    world.run()
    world.run()
    made = lead(world, "grace.hopper@example-hopper.com")
    assert made.fields["OwnerId"] == ONE
    assert len(tasks(world, "grace.hopper@example-hopper.com")) == 1
    assert world.settled()


def test_missing_data_holds_it_back(tmp_path: Path, ears: Ears) -> None:
    """What is missing is told, once; nothing is assigned before it is there."""
    world = built(tmp_path, ears)
    (contact,) = [record.ref.id for record in world.hubspot.all("contacts")]
    world.hubspot.edit("contacts", contact, {"company": ""})
    edits(world, Company="")
    qualifies(world)
    world.run()
    assert [one.status for one in handoffs(world)] == ["held"]
    assert lead(world).fields["OwnerId"] == "005ROBOT"
    assert (tasks(world), ears.words) == ([], ["is held back: it lacks map.company"])
    world.run()
    assert len(ears.heard) == 1
    world.hubspot.edit("contacts", contact, {"company": "Byron & Co"})
    world.run()
    assert [one.status for one in handoffs(world)] == ["open"]
    assert lead(world).fields["OwnerId"] == ONE
    assert world.settled()
    world.close()


def test_history_hands_nothing_over(tmp_path: Path, ears: Ears) -> None:
    """Law 13: who qualified before `go_live` has no handoff, no task, no owner, no notice."""
    world = World.build(tmp_path, mapping=handed(tmp_path / "mapping", go_live=START))
    world.pair = replace(world.pair, tell=ears)
    hire(world)
    world.contact("Ada", "Byron", company="Byron Ltd")
    world.lead("Ada", "Byron")
    for days in (9, 8):
        filled_before(world, START - timedelta(days=days))
    world.first()
    world.run()
    with world.store.read() as tx:
        assert loop.standings(tx, [golden(world)])[golden(world)].stage == "mql"
        assert effects.of_people(tx, [golden(world)]) == {}
    assert (handoffs(world), tasks(world), ears.heard) == ([], [], [])
    assert lead(world).fields["OwnerId"] is None
    world.close()


def test_the_answer_is_observed(world: World) -> None:
    """Taking it up is a yes, from when that was seen; a no is kept with its reason, and the lead is
    marketing's again."""
    qualifies(world)
    world.run()
    edits(world, Status="Working - Contacted")
    world.run()
    assert [one.status for one in handoffs(world)] == ["accepted"]
    edits(world, Status="Unqualified")
    world.run()
    assert [one.status for one in handoffs(world)] == ["accepted"]  # a no without a why is none yet
    edits(world, Reason__c="No budget")
    world.run()
    (rejected,) = handoffs(world)
    assert (rejected.status, rejected.body["reason"]) == ("rejected", "No budget")
    with world.store.read() as tx:
        line = loop.duties(tx, [golden(world)])[golden(world)][-1]
    assert (line.team, line.why) == ("marketing", "rejected: No budget")
    assert world.settled()


def test_a_human_call_is_a_touch_and_ours_is_none(world: World) -> None:
    """A finished Task by a salesperson is an attempt; the task Leadloop made is nobody's doing."""
    qualifies(world)
    world.run()
    world.salesforce.put(
        "Task",
        {
            "WhoId": lead(world).ref.id, "Subject": "Call", "Status": "Completed", "IsClosed": True,
            "TaskSubtype": "Call", "CreatedById": "005REP",
        },
        by="005REP",
    )  # fmt: skip
    world.run()
    (handoff,) = handoffs(world)
    assert len(handoff.body["attempts"]) == 1
    assert world.settled()


def test_silence_warns_then_escalates(world: World, ears: Ears) -> None:
    """Most of the time gone: the owner is warned. Over: the owner hears it, and whoever stands
    above; each once, with nobody editing anything."""
    qualifies(world)
    world.run()
    ears.heard.clear()
    world.time.at = START + timedelta(hours=3, minutes=30)  # of four hours, begun at ten
    world.run()
    assert ears.words == ["is near the end of a promise: accept"]
    world.time.at = START + timedelta(hours=8)
    world.run()
    told = {title.removeprefix("Leadloop: ") for title, _ in ears.heard[1:]}
    assert told == {"1 notice for User 1", "1 notice for User 8"}
    assert "was escalated to you: a promise was broken: accept" in ears.words
    assert ABOVE[14] == "8"
    before = len(ears.heard)
    world.run()
    assert len(ears.heard) == before
    with world.store.read() as tx:
        (shown,) = under_way(tx, world.pair.mapping)
        counted = counts(tx, world.pair.mapping), stages(tx, world.pair.mapping)
    assert counted == (
        {"held": 0, "open": 1, "accepted": 0, "breached": 1},
        {"main": {"lead": 0, "mql": 1, "customer": 0, "nurture": 0}},
    )
    assert shown.is_breached
    assert {one.level: one.state.value for one in shown.promises} == {
        "accept": "broken", "touch": "running",
    }  # fmt: skip


def test_a_story_tells_handoffs_and_duties(world: World) -> None:
    """Law 9: explain says who was given the lead and why, and whose job it was when."""
    qualifies(world)
    world.run()
    edits(world, Status="Working - Contacted")
    world.run()
    with world.store.read() as tx:
        (shown,) = under_way(tx, world.pair.mapping)
    told = shown.as_json()
    assert (told["record"], told["owner_name"]) == (str(lead(world).ref), "User 1")
    assert (told["status"], told["chosen"], told["missing"]) == ("accepted", "turn", [])
    moments = story(world.store, golden(world), mapping=world.pair.mapping).moments
    said = [moment.what for moment in moments if moment.kind in {"handoff", "duty"}]
    assert f"mql was given to {ONE} (turn)" in said
    assert "mql was accepted" in said
    assert f"sales's from here on ({ONE}): accepted" in said


def test_an_owner_who_leaves_is_found_and_replaced(world: World, ears: Ears) -> None:
    """The open lead of somebody who left goes to the next in turn, with a task of its own."""
    qualifies(world)
    world.run()
    world.salesforce.edit("User", ONE, {"IsActive": False})
    world.run()
    assert lead(world).fields["OwnerId"] == TWO
    assert [task["OwnerId"] for task in tasks(world)] == [ONE, TWO]
    assert ears.heard[-1][0] == "Leadloop: 1 notice for User 2"
    assert world.settled()


def test_with_nobody_there_the_fallback_takes_it(tmp_path: Path, ears: Ears) -> None:
    """Both members gone: the fallback owns it. The fallback gone, too: somebody hears of it, and it
    is given as soon as one of them is back."""
    world = built(tmp_path, ears, gone=(ONE, TWO))
    qualifies(world)
    world.run()
    assert lead(world).fields["OwnerId"] == LAST
    world.salesforce.edit("User", LAST[:15], {"IsActive": False})
    world.run()
    assert "could be given to nobody" in ears.words[-1]
    world.salesforce.edit("User", TWO[:15], {"IsActive": True})
    world.run()
    assert lead(world).fields["OwnerId"] == TWO
    assert world.settled()
    world.close()


def test_who_takes_it_in_the_crm_keeps_it(world: World) -> None:
    """A colleague who makes the lead theirs is not written over, nor is a queue it is put into."""
    qualifies(world)
    world.run()
    for owner in (TWO, "00G000000000001AAA"):
        edits(world, OwnerId=owner)
        world.run()
        assert lead(world).fields["OwnerId"] == owner
        assert world.settled()
    assert len(tasks(world)) == 1


def test_back_to_marketing_and_back_again_on_the_day(world: World, ears: Ears) -> None:
    """Not now: the handoff ends with the reason, and no task is left. On the day they come back to
    the queue, as a handoff of its own; meanwhile further forms set off nothing."""
    qualifies(world)
    world.run()
    edits(world, Status="Not now", Recontact_Date__c="2026-04-01")
    world.run()
    assert lead(world).fields["Leadloop_Stage__c"] == "nurture"
    world.fills(ADA)
    world.run()
    assert [one.status for one in handoffs(world)] == ["ended"]
    assert handoffs(world)[0].body["reason"] == "not_ready"
    world.time.at = START.replace(month=4, day=1)
    world.run()
    first, second = handoffs(world)
    assert (first.status, second.status, second.body["trigger"]) == ("ended", "open", "return")
    shown = lead(world).fields
    assert (shown["Leadloop_Stage__c"], shown["Leadloop_Recontact_Date__c"]) == ("mql", None)
    assert len(tasks(world)) == 2
    assert ears.heard[-1][1].endswith("is yours now")
    assert world.settled()


def test_nobody_to_tell_is_no_backlog(world: World) -> None:
    """Without an address for notices they count as untold, and wait for nobody."""
    world.pair = replace(world.pair, tell=lambda _: None)
    qualifies(world)
    report = world.run()
    assert report.counts["notices"] == {"untold": 1}
    with world.store.read() as tx:
        assert effects.count(tx, "notify") == 0


def test_a_notice_that_does_not_go_out_is_tried_again(world: World, ears: Ears) -> None:
    """The run goes on without it."""
    ears.deaf = True
    qualifies(world)
    assert world.run().counts["notices"] == {"failed": 1}
    assert lead(world).fields["OwnerId"] == ONE
    ears.deaf = False
    assert world.run().counts["notices"] == {"told": 1}
    assert len(ears.heard) == 1


def addressed(world: World) -> None:
    """The two in the queue have e-mail addresses at the CRM."""
    for number, user in enumerate((ONE, TWO[:15]), start=1):
        world.salesforce.edit("User", user, {"Email": f"user{number}@example.com"})


def test_everybody_hears_of_their_own_leads(world: World, ears: Ears) -> None:
    """Each salesperson by their own address, whoever runs marketing as such; one who cannot be
    reached keeps nobody else from hearing, and hears with the next run."""
    addressed(world)
    others = (("Ivo", "Lem"), ("Eva", "Hopper"), ("Max", "Planck"))
    for first, last in others:
        world.contact(first, last, company="" if first == "Max" else f"{last} Ltd")
    world.run()
    ears.broken = {"user1@example.com"}
    for email in (ADA, *(f"{one}.{other}@example-{other}.com".lower() for one, other in others)):
        qualifies(world, email)
    given = world.run().counts["notices"]
    assert (set(ears.where), given["told"] + given["failed"]) == ({"user2@example.com", None}, 4)
    ears.broken = set()
    assert world.run().counts["notices"] == {"told": given["failed"]}
    assert ears.where[2:] == ["user1@example.com"]
    assert sum(len(body.splitlines()) for _, body in ears.heard) == 4


@pytest.mark.parametrize("point", ["before_notice:2", "notice_sent:2", "after_notice:1"])
def test_a_kill_between_two_notices_repeats_none_that_was_noted(
    world: World, ears: Ears, point: str
) -> None:
    """Killed at the second salesperson's notice, the next run tells them alone: the first was told,
    and hears nothing twice."""
    addressed(world)
    world.contact("Ivo", "Lem", company="Lem Ltd")
    world.run()
    for email in (ADA, "ivo.lem@example-lem.com"):
        qualifies(world, email)
    name, _, number = point.partition(":")
    left = itertools.count(int(number), -1)

    def kill(reached: str) -> None:
        if reached == name and next(left) == 1:
            raise Crash(reached)

    with watched(kill), pytest.raises(Crash):
        world.run()
    world.run()
    assert ears.where.count("user1@example.com") == 1
    assert ears.where.count("user2@example.com") == (2 if name == "notice_sent" else 1)


@pytest.mark.parametrize(
    "point",
    ["after_advance", "after_advance:2", "after_intents", "after_write", "after_settle:2",
     "before_notice", "notice_sent", "after_notice"],
)  # fmt: skip
def test_a_kill_hands_over_once(world: World, ears: Ears, point: str) -> None:
    """Law 3: whatever the run that hands over had come to, the next one ends it: one task, one
    owner, one move each, one notice. Only a kill between the sending of a message and its being
    noted sends that message again."""
    qualifies(world)
    name, _, number = point.partition(":")
    left = itertools.count(int(number or 1), -1)

    def kill(passed: str) -> None:
        if passed == name and next(left) == 1:
            raise Crash

    with pytest.raises(Crash), watched(kill):
        world.run()
    world.run()
    assert lead(world).fields["OwnerId"] == ONE
    assert [task["OwnerId"] for task in tasks(world)] == [ONE]
    assert [one.status for one in handoffs(world)] == ["open"]
    with world.store.read() as tx:
        stages = [move.after for move in loop.moves(tx, [golden(world)])[golden(world)]]
    assert stages == ["lead", "mql"]
    assert len(ears.words) == (2 if point == "notice_sent" else 1)


def test_too_many_handoffs_stop_before_anybody_is_told(tmp_path: Path, ears: Ears) -> None:
    """Law 13: assignments and notices are counted; until a person has said yes nothing is assigned,
    no task is made and nobody hears anything."""
    guard = GuardConfig(assignments=Limit(0.1, 1), notices=Limit(0.1, 1), floor=1)
    world = built(tmp_path, ears, guard=guard)
    world.contact("Alan", "Turing", company="Turing Ltd")
    world.lead("Alan", "Turing")
    world.run()
    qualifies(world)
    qualifies(world, "alan.turing@example-turing.com")
    report = world.run()
    assert report.counts["asked"]["assignments"] == report.counts["asked"]["notices"] == 2
    assert (tasks(world), ears.heard) == ([], [])
    assert lead(world).fields["OwnerId"] == "005ROBOT"
    run_once(world.pair, approval=Approval(counts=report.counts["asked"]))
    assert (len(tasks(world)), len(ears.heard)) == (1, 2)
    assert world.settled()
    world.close()


def test_an_undone_handoff_stays_undone(world: World, ears: Ears) -> None:
    """Law 11: the run that handed Ada over is taken back: owner and task are as they were, the
    handoff is over, and the next runs give her to nobody else."""
    qualifies(world)
    run = world.run()
    assert undo(world.pair, Wanted(run_id=run.run_id)).error is None
    heard = len(ears.heard)
    for _ in range(2):
        world.run()
        assert lead(world).fields["OwnerId"] == "005ROBOT"
        assert tasks(world) == []
    (handoff,) = handoffs(world)
    assert (handoff.status, handoff.body["reason"]) == ("ended", "undone")
    assert len(ears.heard) == heard
    assert world.settled()


def test_postgresql_hands_over_as_well(tmp_path: Path, ears: Ears, postgres_url: str) -> None:
    """The same on the other database: given, told, reassigned, silent."""
    world = built(tmp_path, ears, url=postgres_url)
    qualifies(world)
    world.run()
    world.salesforce.edit("User", ONE, {"IsActive": False})
    world.run()
    assert [task["OwnerId"] for task in tasks(world)] == [ONE, TWO]
    with world.store.read() as tx:
        (shown,) = under_way(tx, world.pair.mapping)
        assert loop.duty_at(tx, golden(world), tx.now) is not None
    assert (shown.handoff.owner, len(ears.heard)) == (TWO[:15], 2)
    assert world.settled()
    world.close()
