"""Orders: carried out the same way whoever does it, and once in effect if it is interrupted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from mappings.errors import AuthenticationError, LeaseLostError, UnavailableError
from mappings.records import Operation
from state import outbox
from state.store import Tx
from sync.config import PairConfig, SystemConfig
from sync.orders import Bench, Order, as_error, carry_out, error_data
from sync.pair import Pair, Progress
from sync.plan import fingerprints
from sync.planfile import PlanMarks
from sync.undo.told import with_values
from sync.worker import StopRequested
from tests.sync.world import Refusal, World


def bench(
    world: World,
    *,
    connect: Callable[[], AbstractContextManager[Pair]] | None = None,
    before: Mapping[str, Any] | None = None,
    kept: list[Mapping[str, Any]] | None = None,
) -> Bench:
    """The world's pair, ready for orders; what is kept goes into `kept`."""
    systems = [SystemConfig(name, name, None, {}) for name in ("hubspot", "salesforce")]
    pair = PairConfig("main", systems[0], systems[1], world.pair.mapping, None, Path())

    def keep(_: Tx, data: Mapping[str, Any]) -> None:
        if kept is not None:
            kept.append(data)

    return Bench(
        pair, world.store, connect or (lambda: nullcontext(world.pair)), before or {}, keep
    )


def linked(world: World) -> tuple[str, str]:
    """Ada on both sides, after the first run."""
    contact = world.contact("Ada", "Byron", jobtitle="Engineer")
    lead = world.lead("Ada", "Byron")
    world.first()
    return contact, lead


def test_an_approved_plan_is_applied(world: World) -> None:
    """`sync` with a plan's marks approves exactly that plan; without, a first run is refused."""
    world.contact("Ada", "Byron")
    refused = carry_out(Order("sync", {}), bench(world))
    assert (refused.exit_code, refused.error and refused.error["code"]) == (
        9,
        "guard.approval_required",
    )
    marks = PlanMarks(
        "main",
        world.pair.namespace,
        world.pair.mapping.hash,
        sorted(fingerprints(list(world.planned().planned.intents()))),
    )
    done = carry_out(Order("sync", {"plan": asdict(marks)}), bench(world))
    assert (done.exit_code, done.error, done.result["status"]) == (0, None, "ok")
    assert done.run_id == done.result["run_id"]
    other = replace(marks, namespace="somebody-else")
    wrong = carry_out(Order("sync", {"plan": asdict(other)}), bench(world))
    assert (wrong.exit_code, wrong.error and wrong.error["code"]) == (3, "plan.wrong_account")


def stopping(world: World, *, at: str = "") -> Pair:
    """The world's pair, told to stop after the first batch of anything, or of one stage."""

    def stopped(stage: str, *_: object) -> None:
        if stage.startswith(at):
            raise StopRequested

    return replace(world.pair, progress=Progress(stopped))


def test_an_interrupted_replay_goes_on_after_what_was_kept(world: World) -> None:
    """Stopped between putting letters back and running, the second attempt runs and tells what the
    first put back; a letter of its own run is not replayed along with it.
    """
    contact, lead = linked(world)
    rule = Refusal(Operation.UPDATE, "Lead")
    world.salesforce.reject(rule)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    world.run()
    kept: list[Mapping[str, Any]] = []
    order = Order("replay", {"error": "field.invalid"})
    with pytest.raises(StopRequested):
        carry_out(order, bench(world, connect=lambda: nullcontext(stopping(world)), kept=kept))
    assert [one["replayed"] for one in kept] == [1]
    rule.corrected = True
    done = carry_out(order, bench(world, before=kept[0]))
    assert (done.exit_code, done.result["replayed"]) == (0, 1)
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Poet"
    with world.store.read() as tx:
        assert outbox.dead_count(tx) == 0


def test_an_interrupted_undo_ends_what_it_had_journaled(world: World) -> None:
    """Stopped after its writes were journaled, the second attempt ends those writes and tells the
    same undo, of a value and of a wrong link alike: neither is planned, or sent, a second time.
    """
    _, lead = linked(world)
    world.salesforce.edit("Lead", lead, {"Title": "Countess"})
    run = world.run()
    halting = stopping(world, at="apply")
    for order in (
        Order("undo", {"run": run.run_id}),
        Order("undo", {"link": f"salesforce:Lead:{lead}"}),
    ):
        kept: list[Mapping[str, Any]] = []
        with pytest.raises(StopRequested):
            carry_out(order, bench(world, connect=lambda: nullcontext(halting), kept=kept))
        assert kept[0]["counts"]["values"] >= 1
        done = carry_out(order, bench(world, before=kept[0]))
        assert (done.exit_code, done.error, done.result["status"]) == (0, None, "ok")
        assert done.run_id == kept[0]["run_id"]
        assert {row["status"] for row in done.result["undone"]} == {"ok"}
        writes = world.writes()
        assert carry_out(order, bench(world, before=kept[0])).result == done.result
        assert world.writes() == writes
    assert done.result["unlinked"] is not None


def test_the_result_of_an_undo_holds_no_values(world: World) -> None:
    """What the state keeps of an undo names writes and lines; the values are read where they are
    kept anyway: those taken back, and those somebody has changed since.
    """
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet", "city": "London"})
    run = world.run()
    world.salesforce.edit("Lead", lead, {"Title": "Countess"}, by="rep-1")
    done = carry_out(Order("undo", {"run": run.run_id}), bench(world))
    for value in ("Engineer", "Countess", "Poet", "London"):
        assert value not in json.dumps(done.result)
    told = with_values(world.store, done.result)
    (row,) = [row for row in told["undone"] if row["field"] == "City"]
    assert (row["from"], row["to"], row["status"]) == ("London", None, "ok")
    (left,) = told["kept"]
    assert (left["field"], left["now"], left["wanted"]) == ("Title", "Countess", "Engineer")


def test_another_mapping_than_the_one_asked_for_does_nothing(world: World) -> None:
    """A daemon that has not read the workspace's new mapping refuses, with the remedy."""
    writes = world.writes()
    done = carry_out(Order("sync", {"mapping_hash": "another"}), bench(world))
    assert (done.exit_code, done.error and done.error["code"]) == (3, "config.daemon_outdated")
    assert world.writes() == writes


def test_vendors_out_of_reach_are_told_and_nothing_changes(world: World) -> None:
    """A replay whose vendors cannot be reached leaves every letter where it is."""

    def nowhere() -> AbstractContextManager[Pair]:
        raise UnavailableError("gone")

    done = carry_out(Order("replay", {}), bench(world, connect=nowhere))
    assert (done.exit_code, done.error and done.error["code"]) == (6, "remote.unavailable")


def test_losing_the_state_is_no_answer(world: World) -> None:
    """Whoever lost the state must not say what came of an order: another process has it now."""

    def lost() -> AbstractContextManager[Pair]:
        raise LeaseLostError("gone")

    with pytest.raises(LeaseLostError):
        carry_out(Order("sync", {}), bench(world, connect=lost))


def test_an_error_comes_through_the_state_whole() -> None:
    """Code, place, remedy and exit code survive being stored as data."""
    error = AuthenticationError("no", code="auth.forbidden", system="salesforce", remedy="ask")
    told = as_error(error_data(error))
    assert told.as_dict() == error.as_dict()
    assert told.exit_code == error.exit_code == 5
