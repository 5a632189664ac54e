"""A run of an approved plan is killed: whoever goes on from there, in whatever way, is told what is
left, is asked for nothing twice, and ends with everything written (laws 3 and 13)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from state import outbox
from sync.config import GuardConfig, Limit
from sync.crash import Crash, watched
from sync.guard import Approval
from sync.plan import fingerprints
from sync.run import Report, run_once
from tests.sync.world import World

PEOPLE = 30
KILLED = ("after_intents", "after_approval", "before_write", "after_write")
FOLLOWING = 3
"""Runs after the killed one that nobody approves."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """People on both sides who differ in more fields than the guard lets pass unseen."""
    few = Limit(0.01, 5)
    built = World.build(tmp_path, guard=GuardConfig(updates=few, overwrites=few, floor=5))
    for number in range(PEOPLE):
        built.contact("Ada", f"Byron{number}", jobtitle="Poet")
        built.lead("Ada", f"Byron{number}")
    yield built
    built.close()


def planned(world: World) -> Approval:
    """A plan as it is made now, approved."""
    return Approval(frozenset(fingerprints(list(world.planned().planned.intents()))))


def killed_at(world: World, point: str, approval: Approval) -> None:
    """A run of the plan that ends at a crash point."""

    def kill(name: str) -> None:
        if name == point:
            raise Crash

    with watched(kill), pytest.raises(Crash):
        run_once(world.pair, approval=approval)


def the_same_plan(world: World, first: Approval) -> list[Report]:
    """Whoever killed it asks for the same once more."""
    return [run_once(world.pair, approval=first)]


def a_new_plan(world: World, _: Approval) -> list[Report]:
    """Somebody plans and approves anew."""
    return [run_once(world.pair, approval=planned(world))]


def nothing(_: World, __: Approval) -> list[Report]:
    """The daemon goes on by itself."""
    return []


@pytest.mark.parametrize("goes_on", [the_same_plan, a_new_plan, nothing])
@pytest.mark.parametrize("point", KILLED)
def test_a_killed_first_run_is_finished(
    world: World, point: str, goes_on: Callable[[World, Approval], list[Report]]
) -> None:
    """Everything approved is written by whichever run comes next, without another word; only a
    plan that was not yet on record as approved is asked for again."""
    first = planned(world)
    killed_at(world, point, first)
    ran = [*goes_on(world, first), *(world.run() for _ in range(FOLLOWING))]
    asks = [report.error.code for report in ran if report.error is not None]
    if goes_on is nothing and point == "after_intents":
        assert asks == ["guard.approval_required"] * FOLLOWING
        ran = a_new_plan(world, first)
    assert all(report.status == "ok" for report in ran[-1:]), asks
    assert {lead.fields["Title"] for lead in world.salesforce.all("Lead")} == {"Poet"}
    assert len(world.salesforce.all("Lead")) == PEOPLE
    assert world.settled()


@pytest.mark.parametrize("point", ["after_intents", "after_approval"])
def test_a_plan_made_afterwards_tells_what_is_left(world: World, point: str) -> None:
    """What a killed run had in hand is in the next plan: to be written, or as under way."""
    first = planned(world)
    killed_at(world, point, first)
    with world.store.read() as tx:
        left = Counter(stored.intent.operation.value for _, stored in outbox.unsettled(tx))
    again = world.planned()
    told = Counter(i.operation.value for i in again.planned.intents()) + again.under_way
    assert left["update"] > PEOPLE
    assert told == left
