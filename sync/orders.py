"""Orders: what a person asks of a pair that writes, carried out the same way here or by the daemon.

An order is plain data, so that it can wait in the state (`state.commands`) until the daemon that
holds it comes to it. `carry_out` runs one; whoever calls it holds the state. To add a kind, add its
handler to `HANDLERS`: it is handed a `Bench` and the order's arguments, and gives what came of it
as plain data. A handler may be interrupted anywhere and run again: what must happen once it does
in a transaction of its own, and notes there with `Bench.keep` that it is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from mappings.errors import ConfigurationError, LeadloopError, LeaseLostError
from state import commands, identity, learned, outbox
from state.prune import prune
from state.store import Store, Tx
from sync.closings import closing_data, discard, take_up
from sync.config import MatchingConfig, PairConfig
from sync.config_service import RetentionConfig
from sync.erasure.act import erase
from sync.erasure.later import allow_again
from sync.guard import Approval
from sync.pair import Pair
from sync.planfile import PlanMarks, check_plan
from sync.recover import Selection, replay
from sync.replayed import came_of, replayed_data
from sync.retention import cutoffs
from sync.retraining import NothingWaitsError, TooFewPeopleError, retrain
from sync.reviewing import Desk, accept, reject, split
from sync.run import Report, run_once
from sync.undo.choose import Wanted
from sync.undo.run import go_on, undo
from sync.undo.scene import Evidence
from sync.undo.told import ended, told

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: a kind of `HANDLERS` and its arguments, JSON-able."""

    kind: str
    arguments: Data


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an order, JSON-able. `result` has the shape its command prints."""

    exit_code: int
    result: Data
    error: Data | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """Where orders are carried out: a pair's state, and the way to its vendors.

    `connect` connects when it is entered, or hands out what is connected. `before` is what an
    earlier, interrupted attempt has kept; `keep` notes what is done, in the transaction given.
    """

    pair: PairConfig
    store: Store
    connect: Callable[[], AbstractContextManager[Pair]]
    before: Data = field(default_factory=dict)
    keep: Callable[[Tx, Data], None] = lambda _tx, _data: None


def carry_out(order: Order, bench: Bench) -> Done:
    """Do it. What goes wrong is told in the answer; raises only LeaseLostError, and what asks the
    process to stop.
    """
    try:
        _check_mapping(order, bench)
        return HANDLERS[order.kind](bench, order.arguments)
    except LeaseLostError:
        raise
    except LeadloopError as error:
        return Done(error.exit_code, {}, error_data(error))


def error_data(error: LeadloopError) -> dict[str, Any]:
    """An error as data, with what a command that meets it ends with."""
    return {**error.as_dict(), "exit_code": error.exit_code}


def as_error(data: Data) -> LeadloopError:
    """The error behind `error_data`, to be told to a person."""
    names = ("code", "system", "object", "record_key", "field", "remedy")
    error = LeadloopError(str(data["message"]), **{name: data.get(name) for name in names})
    error.exit_code = int(data["exit_code"])
    return error


def desk_of(pair: PairConfig, store: Store) -> Desk:
    """Where the pair's decisions are made. Its accounts are known from the first connection."""
    with store.read() as tx:
        accounts = [
            identity.bound_account(tx, system.kind) for system in (pair.map_system, pair.crm_system)
        ]
    if None in accounts:
        raise ConfigurationError(
            f"pair `{pair.name}` has never been connected",
            code="run.unknown",
            remedy="Run `leadloop plan` first.",
        )
    return Desk(store, pair.mapping, ":".join(map(str, accounts)))


def _check_mapping(order: Order, bench: Bench) -> None:
    """Whoever asked read a mapping; a daemon that has another would do something else."""
    asked = order.arguments.get("mapping_hash")
    if asked is not None and asked != bench.pair.mapping.hash:
        raise ConfigurationError(
            "the daemon runs with another mapping than the workspace has now",
            code="config.daemon_outdated",
            remedy="Let it read the workspace again (`systemctl reload leadloop`, or SIGHUP), then "
            "run the command again.",
        )


def _sync(bench: Bench, arguments: Data) -> Done:
    """One run. Arguments: `plan` (pair, namespace, mapping_hash, fingerprints) or `counts`
    approve it.
    """
    began = time.monotonic()
    with bench.connect() as pair:
        report = run_once(pair, approval=_approval(arguments, pair))
    result = {
        "run_id": report.run_id,
        "status": report.status,
        "counts": dict(report.counts),
        "seconds": round(time.monotonic() - began, 3),
    }
    return _reported(report, result)


def _approval(arguments: Data, pair: Pair) -> Approval | None:
    plan, counts = arguments.get("plan"), arguments.get("counts")
    if plan is not None:
        marks = PlanMarks(**plan)
        check_plan(marks, pair=pair.name, namespace=pair.namespace, mapping_hash=pair.mapping.hash)
        return Approval(fingerprints=frozenset(marks.fingerprints))
    return Approval(counts=dict(counts)) if counts is not None else None


def _replay(bench: Bench, arguments: Data) -> Done:
    """Dead letters back on the road, then a run unless `no_sync`. The vendors are reached first:
    where they cannot be, nothing changes.
    """
    if arguments.get("no_sync"):
        return Done(0, {**_replayed(bench, arguments), "run": None, "open_after": _open(bench)})
    with bench.connect() as pair:
        replayed = _replayed(bench, arguments)
        report = run_once(pair, kind="replay")
    run = {"id": report.run_id, "status": report.status, "counts": dict(report.counts)}
    came = came_of(bench.store, replayed, report.run_id)
    return _reported(report, {**came, "run": run, "open_after": _open(bench)})


def _open(bench: Bench) -> int:
    with bench.store.read() as tx:
        return outbox.dead_count(tx)


def _replayed(bench: Bench, arguments: Data) -> Data:
    """What was put back; by an earlier attempt, if there was one that got so far."""
    if bench.before:
        return bench.before
    since = arguments.get("since")
    wanted = Selection(
        arguments.get("run"),
        arguments.get("record"),
        arguments.get("error"),
        datetime.fromisoformat(since) if since else None,
        arguments.get("letter"),
    )
    before = _open(bench)
    return replayed_data(
        replay(
            bench.store,
            wanted,
            also=lambda tx, found: bench.keep(tx, replayed_data(found, before)),
        ),
        before,
    )


def _undo(bench: Bench, arguments: Data) -> Done:
    """Take something back. Arguments: `run`, `record`, `link`, `evidence` with `evidence_date`;
    `counts` approve a refused one. Writes of an interrupted attempt are ended, not planned anew.
    """
    counts = arguments.get("counts")
    approval = Approval(counts=dict(counts)) if counts is not None else None
    with bench.connect() as pair:
        if bench.before:
            done = go_on(pair, bench.before)
            result = ended(bench.before, done)
        else:
            done = undo(
                pair,
                _wanted(arguments),
                approval=approval,
                also=lambda tx, undone: bench.keep(tx, told(undone, values=False)),
            )
            result = told(done, values=False)
    error = error_data(done.error) if done.error is not None else None
    return Done(done.exit_code, result, error, done.run_id)


def _wanted(arguments: Data) -> Wanted:
    text, at = arguments.get("evidence"), arguments.get("evidence_date")
    evidence = Evidence(str(text), date.fromisoformat(str(at))) if text and at else None
    return Wanted(arguments.get("run"), arguments.get("record"), arguments.get("link"), evidence)


def _review(bench: Bench, arguments: Data) -> Done:
    """One decision: `item`, `decision` (accept, reject or split), `records`."""
    desk = desk_of(bench.pair, bench.store)
    records = tuple(arguments.get("records") or ())
    if arguments["decision"] == "accept":
        decided = accept(desk, int(arguments["item"]), records)
    elif arguments["decision"] == "split":
        decided = split(desk, int(arguments["item"]), records)
    else:
        decided = reject(desk, int(arguments["item"]))
    return Done(0, decided.as_json())


def _letter(bench: Bench, arguments: Data) -> Done:
    """A dead letter given up, `because` of something, or (without that) taken up again. Arguments:
    `letter`, `because`."""
    number, because = int(arguments["letter"]), arguments.get("because")
    if because is None:
        return Done(0, closing_data(take_up(bench.store, number)))
    return Done(0, closing_data(discard(bench.store, number, str(because))))


def _prune(bench: Bench, arguments: Data) -> Done:
    """Let go of what is no longer needed. Arguments: those of RetentionConfig."""
    names = {each.name for each in fields(RetentionConfig)}
    kept = RetentionConfig(**{name: arguments[name] for name in names})
    return Done(0, prune(bench.store, cutoffs(kept, bench.store.clock())))


def _reported(report: Report, result: Data) -> Done:
    error = error_data(report.error) if report.error is not None else None
    return Done(report.exit_code, result, error, report.run_id)


def _erase(bench: Bench, arguments: Data) -> Done:
    """Erase people. Arguments: `who` (addresses or ids), `at_vendors`. The order forgets whom it
    was about in the transaction that erases them.
    """
    done = erase(
        bench.store,
        list(arguments.get("who", ())),
        connect=bench.connect,
        at_vendors=bool(arguments.get("at_vendors")),
    )
    with bench.store.begin() as tx:
        commands.forget(tx, "erase")
    error = error_data(done.error) if done.error is not None else None
    code = done.error.exit_code if done.error is not None else 4 if done.refused else 0
    return Done(code, done.as_json(), error)


def _allow(bench: Bench, arguments: Data) -> Done:
    """Lift an erasure. Arguments: `who`, `evidence`, `at`."""
    at = datetime.fromisoformat(str(arguments["at"]))
    lifted = allow_again(
        bench.store, str(arguments["who"]), evidence=str(arguments["evidence"]), at=at
    )
    with bench.store.begin() as tx:
        commands.forget(tx, "allow")
    return Done(0, {"tombstones_lifted": lifted})


def _train(bench: Bench, arguments: Data) -> Done:
    """Learn a linkage model anew. Arguments: `use`, and `matching`, those of MatchingConfig."""
    if bench.before:
        return Done(0, bench.before)
    matching = MatchingConfig(**arguments["matching"])
    told = retrain(bench.store, matching, use=bool(arguments["use"]), also=bench.keep)
    if told is None:
        raise TooFewPeopleError("there are too few people in the state to learn from")
    return Done(0, told)


def _model(bench: Bench, arguments: Data) -> Done:
    """What becomes of the model that waits. Arguments: `decision`, accept or decline."""
    if bench.before:
        return Done(0, bench.before)
    accepts = arguments["decision"] == "accept"
    with bench.store.begin() as tx:
        found = learned.accept(tx) if accepts else learned.decline(tx)
        if found is None:
            raise NothingWaitsError("no linkage model waits for a decision")
        told = {"version": found.version, "used": accepts}
        bench.keep(tx, told)
    return Done(0, told)


HANDLERS: Mapping[str, Callable[[Bench, Data], Done]] = {
    "sync": _sync,
    "replay": _replay,
    "undo": _undo,
    "review": _review,
    "letter": _letter,
    "prune": _prune,
    "erase": _erase,
    "allow": _allow,
    "train": _train,
    "model": _model,
}
"""What can be ordered."""
