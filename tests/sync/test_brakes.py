"""Law 13 over whole runs: too much stops, is asked about, and goes on by a person's word."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from connectors.base import DuplicateFoundError
from mappings.errors import LeadloopError, RecordRejectedError, UnavailableError
from mappings.records import Operation, Outcome, RecordRef, Write
from state import identity, mirror, outbox, trouble
from sync.blocks import POISON
from sync.config import GuardConfig, Limit
from sync.guard import Approval
from sync.plan_consent import OPT_OUT_MAP
from sync.run import Report, run_once
from tests.sync.world import World

SMALL = GuardConfig(
    overwrites=Limit(1.0, 1000), deletes=Limit(0.1, 500), merges=Limit(0.1, 500), floor=5
)


def crowd(world: World, number: int) -> list[tuple[str, str]]:
    """So many people on both sides, in step: contact and Lead."""
    people = []
    for i in range(number):
        name = f"Person{chr(97 + i // 26)}{chr(97 + i % 26)}"
        people.append((world.contact("Ann", name, jobtitle="Clerk"), world.lead("Ann", name)))
    world.first()
    assert world.settled()
    return people


@pytest.fixture
def braked(tmp_path: Path) -> World:
    """A world whose limits a test reaches with few people."""
    return World.build(tmp_path, guard=SMALL)


def approve(world: World, report: Report) -> Report:
    """What `leadloop sync --approve RUN` does."""
    return run_once(world.pair, approval=Approval(counts=dict(report.counts["asked"])))


def gone(world: World, people: list[tuple[str, str]]) -> int:
    """How many of these people the state has retired."""
    refs = [RecordRef("salesforce", "Lead", lead) for _, lead in people]
    with world.store.read() as tx:
        links = identity.links_of(tx, refs)
        found = identity.entities(tx, [link.entity_id for link in links.values()])
    return sum(one.status == "gone" for one in found.values())


def test_a_mass_deletion_is_not_acted_on_before_a_persons_word(braked: World) -> None:
    """Nobody is retired while the run waits; approved, all of them are, and nobody else."""
    people = crowd(braked, 20)
    for _, lead in people[:6]:
        braked.salesforce.remove("Lead", lead)
    for _ in range(2):
        report = braked.run()
        assert (report.status, report.exit_code) == ("refused", 9)
        assert report.error is not None
        assert (report.error.code, report.counts["asked"]) == (
            "guard.mass_deletion",
            {"deletes": 6},
        )
        assert gone(braked, people) == 0
        assert f"`leadloop sync --approve {report.run_id}`" in report.error.remedy
    assert approve(braked, report).status == "ok"
    assert gone(braked, people) == 6
    assert braked.settled()
    braked.close()


def test_an_approval_lets_that_much_through_and_no_more(braked: World) -> None:
    """A tenth more may have gone meanwhile; twice as many are asked about again."""
    people = crowd(braked, 40)
    for _, lead in people[:10]:
        braked.salesforce.remove("Lead", lead)
    first = braked.run()
    for _, lead in people[10:20]:
        braked.salesforce.remove("Lead", lead)
    second = approve(braked, first)
    assert (second.status, second.counts["asked"]) == ("refused", {"deletes": 20})
    assert gone(braked, people) == 0
    braked.close()


def test_an_emptied_side_stops_however_few_it_had(world: World) -> None:
    """Twelve of twelve are fewer than the floor lets through, and yet everything."""
    people = crowd(world, 12)
    for _, lead in people:
        world.salesforce.remove("Lead", lead)
    report = world.run()
    assert report.error is not None
    assert report.error.code == "guard.side_emptied"
    assert gone(world, people) == 0


def test_records_that_are_restored_are_simply_there_again(braked: World) -> None:
    """The remedy without a word: restore them, sync; nothing was lost or made twice."""
    people = crowd(braked, 20)
    for _, lead in people:
        braked.salesforce.remove("Lead", lead)
    assert braked.run().status == "refused"
    for _, lead in people:
        braked.salesforce.restore("Lead", lead)
    assert braked.run().status == "ok"
    assert gone(braked, people) == 0
    assert len(braked.salesforce.all("Lead")) == 20
    assert braked.settled()
    braked.close()


def test_opt_outs_go_on_while_deletions_wait(braked: World) -> None:
    """Law 7: who opted out in the MAP is opted out in the CRM, brake or no brake; other edits
    wait."""
    people = crowd(braked, 20)
    for _, lead in people[:6]:
        braked.salesforce.remove("Lead", lead)
    contact, lead = people[10]
    braked.hubspot.edit("contacts", contact, {OPT_OUT_MAP: "true", "jobtitle": "Poet"})
    report = braked.run()
    assert report.status == "refused"
    fields = braked.salesforce.get("Lead", lead).fields
    assert (fields["HasOptedOutOfEmail"], fields["Title"]) == (True, "Clerk")
    approve(braked, report)
    assert braked.salesforce.get("Lead", lead).fields["Title"] == "Poet"
    assert braked.settled()
    braked.close()


def test_a_mass_merge_stops_too(braked: World) -> None:
    """Merging many contacts at the vendor joins golden records: a person sees it first."""
    people = crowd(braked, 20)
    winner = people[0][0]
    for contact, _ in people[1:7]:
        braked.hubspot.remove("contacts", contact, merged_into=winner)
    report = braked.run()
    assert report.error is not None
    assert (report.error.code, report.counts["asked"]) == ("guard.mass_deletion", {"merges": 6})
    assert approve(braked, report).status in {"ok", "partial"}
    braked.close()


def test_a_plan_says_what_the_run_would_be_asked(braked: World) -> None:
    """A dry run sees the deletions and leaves the inbox as it was (law 10)."""
    people = crowd(braked, 20)
    for _, lead in people[:6]:
        braked.salesforce.remove("Lead", lead)
    assert [len(one.deleted) for one in braked.planned().gone] == [6]
    with braked.store.read() as tx:
        assert mirror.pending_count(tx) == 0
    braked.close()


class Refusing:
    """A vendor that refuses a kind of row, until told otherwise."""

    def __init__(self, operation: Operation, error: LeadloopError | None = None) -> None:
        self.operation = operation
        self.error = error or RecordRejectedError("no", code="field.invalid", field="Title")
        self.on = True
        self.asked = 0

    def __call__(self, row: Write) -> LeadloopError | None:
        """The refusal."""
        if not self.on or row.operation is not self.operation or row.object != "Lead":
            return None
        self.asked += 1
        return self.error


def open_intents(world: World) -> int:
    """Writes that wait."""
    with world.store.read() as tx:
        return sum(outbox.open_by_lane(tx).values())


def edited(world: World, people: list[tuple[str, str]], refusing: Refusing) -> Report:
    """Everybody gets a new title, which the CRM refuses."""
    world.salesforce.reject(refusing)
    for contact, _ in people:
        world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    return world.run()


@pytest.fixture
def poisoned(tmp_path: Path) -> World:
    """A world in batches of a hundred where twenty in a row are too many."""
    limits = GuardConfig(
        updates=Limit(1.0, 1000), overwrites=Limit(1.0, 1000), rejected_streak=20, floor=5
    )
    return World.build(tmp_path, guard=limits)


def test_too_many_rejections_stop_the_pair_and_leave_the_rest(poisoned: World) -> None:
    """After the batch that shows it nothing more is sent; what waits is kept, across runs."""
    people = crowd(poisoned, 130)
    refusing = Refusing(Operation.UPDATE)
    report = edited(poisoned, people, refusing)
    assert report.error is not None
    assert (report.status, report.error.code) == ("refused", "guard.rejections")
    assert (refusing.asked, open_intents(poisoned)) == (100, 30)
    again = poisoned.run()
    assert again.error is not None
    assert (again.error.code, refusing.asked, open_intents(poisoned)) == (
        "guard.rejections",
        100,
        30,
    )
    assert report.run_id in str(again.error.remedy)
    poisoned.close()


def test_an_opt_out_passes_a_poisoned_pair(poisoned: World) -> None:
    """Law 7: the brake holds everything but consent."""
    people = crowd(poisoned, 130)
    edited(poisoned, people, Refusing(Operation.UPDATE))
    contact, lead = people[3]
    poisoned.hubspot.edit("contacts", contact, {OPT_OUT_MAP: "true"})
    poisoned.run()
    assert poisoned.salesforce.get("Lead", lead).fields["HasOptedOutOfEmail"] is True
    poisoned.close()


def test_an_opt_out_passes_the_brake_where_other_writes_of_its_person_wait(
    poisoned: World,
) -> None:
    """Law 7: whose edit waits behind the brake can still opt out; the edit goes on waiting."""
    people = crowd(poisoned, 130)
    edited(poisoned, people, Refusing(Operation.UPDATE))
    with poisoned.store.read() as tx:
        waiting = {stored.intent.target_id for _, stored in outbox.unsettled(tx)}
    contact, lead = next(person for person in people if person[1] in waiting)
    poisoned.hubspot.edit("contacts", contact, {OPT_OUT_MAP: "true"})
    poisoned.run()
    fields = poisoned.salesforce.get("Lead", lead).fields
    assert (fields["HasOptedOutOfEmail"], fields["Title"]) == (True, "Clerk")
    assert open_intents(poisoned) == 30
    before = poisoned.writes()
    poisoned.run()
    assert poisoned.writes() == before
    poisoned.close()


def test_what_a_killed_run_left_waits_for_a_changed_mapping_too(world: World) -> None:
    """Law 13: the first thing done under a mapping nobody has approved is to ask, also where the
    run before was killed between a create and what follows from it."""
    ann = world.contact("Ann", "Lee", jobtitle="Clerk")
    world.first()
    with world.store.begin() as tx:
        entity_id = identity.links_of(tx, [world.ref(ann)])[world.ref(ann)].entity_id
        identity.add_work(tx, [entity_id], "created")
    world.hubspot.edit("contacts", ann, {"jobtitle": "Poet"})
    changed = replace(world.pair, mapping=replace(world.pair.mapping, hash="another"))
    before = world.writes()
    report = run_once(changed)
    assert report.error is not None
    assert report.error.code == "guard.approval_required"
    assert world.writes() == before
    world.run()
    assert world.counterpart(ann).fields["Title"] == "Poet"


def test_a_mass_edit_of_people_an_earlier_run_had_in_hand_is_seen_first(tmp_path: Path) -> None:
    """Law 13: whose create was left in doubt is told of its outcome at once; that all of them have
    been edited meanwhile is more than goes through unseen, by this run and the next."""
    free = Limit(1.0, 1000)
    limits = GuardConfig(creates=free, updates=free, overwrites=Limit(0.1, 1000), floor=5)
    world = World.build(tmp_path, guard=limits)
    crowd(world, 20)
    names = "Abbot Baker Carter Draper Fisher Glover Hunter Mason Porter Skinner Tailor Weaver"
    fresh = [world.contact("Bob", name, jobtitle="Clerk") for name in names.split()]
    world.salesforce.lose_reply()
    assert world.run().status == "partial"
    for contact in fresh:
        world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    for _ in range(2):
        asked = world.run()
        assert (asked.status, asked.counts["asked"]) == ("refused", {"overwrites": 12})
        assert {world.counterpart(one).fields["Title"] for one in fresh} == {"Clerk"}
    assert approve(world, asked).status == "ok"
    assert {world.counterpart(one).fields["Title"] for one in fresh} == {"Poet"}
    assert world.settled()
    world.close()


def test_what_was_approved_goes_on_where_it_was_cut_short(tmp_path: Path) -> None:
    """A vendor that fails in the middle of what a person approved makes nobody give their word
    twice; what else is too much is still asked about."""
    limits = GuardConfig(updates=Limit(0.1, 1000), overwrites=Limit(1.0, 1000), floor=5)
    world = World.build(tmp_path, guard=limits)
    people = crowd(world, 130)
    for contact, _ in people:
        world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    asked = world.run()
    assert asked.status == "refused"
    write, calls = world.salesforce.write, count(1)

    def second_fails(rows: list[Write]) -> list[Outcome]:
        if next(calls) == 2:
            raise UnavailableError("down", system="salesforce")
        return write(rows)

    world.salesforce.write = second_fails  # type: ignore[method-assign,assignment]
    assert approve(world, asked).status == "failed"
    world.salesforce.write = write  # type: ignore[method-assign]
    assert world.run().status == "ok"
    assert all(one.fields["Title"] == "Poet" for one in world.salesforce.all("Lead"))
    for contact, _ in people:
        world.hubspot.edit("contacts", contact, {"jobtitle": "Clerk"})
    assert world.run().status == "refused"
    world.close()


@pytest.mark.parametrize("how", ["approve", "replay"])
def test_a_persons_word_lets_a_poisoned_pair_go_on(poisoned: World, how: str) -> None:
    """With the cause corrected what waited arrives; an approval says the refusals are right."""
    people = crowd(poisoned, 130)
    refusing = Refusing(Operation.UPDATE)
    report = edited(poisoned, people, refusing)
    refusing.on = False
    after = (
        approve(poisoned, report) if how == "approve" else run_once(poisoned.pair, kind="replay")
    )
    assert after.status in {"ok", "partial"}
    assert open_intents(poisoned) == 0
    with poisoned.store.read() as tx:
        assert trouble.brake(tx, POISON) is None
        assert outbox.dead_count(tx) == 100
    poets = [x for x in poisoned.salesforce.all("Lead") if x.fields["Title"] == "Poet"]
    assert len(poets) == 30
    poisoned.close()


def test_updates_a_duplicate_rule_blocks_are_outside_the_brake(poisoned: World) -> None:
    """They become merge proposals, however many (BEHAVIOURS, Duplicate rules)."""
    people = crowd(poisoned, 60)
    blocked = Refusing(Operation.UPDATE, DuplicateFoundError("such a record is there"))
    assert edited(poisoned, people, blocked).status == "partial"
    poisoned.close()
