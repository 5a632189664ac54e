"""`leadloop status`: how things stand, from the state alone; no vendor is called."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mappings.errors import StateHeldError
from state import identity, mirror, outbox, quota, reviews, runs
from state.runs import Run
from state.store import Store
from sync.cli import output
from sync.cli.session import has_state, session_of
from sync.wiring import utc_now

if TYPE_CHECKING:
    from sync.config import Config, PairConfig

STALE = 10
"""Exit code of `--check` when the lag is over twice the schedule (DESIGN section 10)."""
GOOD = ("ok", "partial")


def command(
    ctx: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="End with 10 when the lag is over twice the schedule.")
    ] = False,
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how things stand: last run, lag, what waits for a person.

    Reads the state alone and calls nobody.
    """
    session = session_of(ctx)
    config = session.config()
    found = []
    for one in session.pairs(config, pair):
        if has_state(config):
            with session.store(config, one) as store:
                found.append(_status(config, one, store))
        else:
            found.append(_nothing_yet(one))
    if as_json:
        output.emit_json("status", {"pairs": found})
    else:
        for one_status in found:
            _show(one_status)
    if check and any(one_status["stale"] for one_status in found):
        raise typer.Exit(STALE)


def is_stale(last_good: datetime | None, now: datetime, fast: float) -> bool:
    """Whether the last run that went through ended more than two schedules ago, or never."""
    return last_good is None or now - last_good > timedelta(seconds=2 * fast)


def _nothing_yet(pair: PairConfig) -> dict[str, Any]:
    return {
        "pair": pair.name,
        "connected": False,
        "approved": False,
        "held": False,
        "last_run": None,
        "last_good": None,
        "lag_seconds": None,
        "stale": True,
        "known": {},
        "open_intents": 0,
        "review": 0,
        "dead_letters": 0,
        "inbox_pending": 0,
        "quota": [],
        "next": "leadloop doctor --fix",
    }


def _status(config: Config, pair: PairConfig, store: Store) -> dict[str, Any]:
    held = _is_held(store)
    now = utc_now()
    with store.read() as tx:
        past = runs.latest(tx, limit=200)
        good = next((run for run in past if run.status in GOOD and run.finished_at), None)
        last_good = good.finished_at if good else None
        approved = runs.approved(tx, f"mapping:{pair.mapping.hash}")
        by_status = outbox.count_by_status(tx)
        status: dict[str, Any] = {
            "pair": pair.name,
            "connected": True,
            "approved": approved,
            "held": held,
            "last_run": _run_data(past[0]) if past else None,
            "last_good": last_good,
            "lag_seconds": round((now - last_good).total_seconds(), 1) if last_good else None,
            "stale": is_stale(last_good, now, config.schedule.fast),
            "known": identity.count(tx),
            "open_intents": by_status.get("open", 0) + by_status.get("unknown", 0),
            "review": reviews.open_count(tx),
            "dead_letters": outbox.dead_count(tx),
            "inbox_pending": mirror.pending_count(tx),
            "quota": [
                {
                    "system": one.system,
                    "daily_limit": one.daily_limit,
                    "daily_used": one.daily_used,
                    "parked_until": one.parked_until,
                    "seen_at": one.seen_at,
                }
                for one in quota.accounts(tx, [pair.map_system.name, pair.crm_system.name])
            ],
        }
    status["next"] = next_step(status)
    return status


def next_step(status: dict[str, Any]) -> str:
    """The command that makes most sense now."""
    last = status["last_run"]
    if not status["approved"]:
        return "leadloop plan --out plan.json, then leadloop sync --plan plan.json"
    if last is not None and last["status"] == "refused":
        return f"leadloop plan, then leadloop sync --approve {last['id']}"
    if last is not None and last["status"] == "failed":
        return f"leadloop runs show {last['id']}"
    if status["dead_letters"]:
        return "leadloop deadletters"
    if status["review"]:
        return "leadloop review list"
    return "leadloop run" if not status["held"] else "nothing: it is at work"


def _run_data(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "kind": run.kind,
        "status": run.status,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "error": (run.error or {}).get("code"),
    }


def _is_held(store: Store) -> bool:
    """Whether another process works on the state at this moment."""
    try:
        with store.exclusive():
            return False
    except StateHeldError:
        return True


def _show(status: dict[str, Any]) -> None:
    console = output.console()
    last = status["last_run"]
    told = "none yet"
    if last is not None:
        error = f", {last['error']}" if last["error"] else ""
        told = f"{last['id']} {last['status']}{error}, started {last['started_at']:%Y-%m-%d %H:%M}"
    lag = status["lag_seconds"]
    rows: list[list[Any]] = [
        ["first plan", "approved" if status["approved"] else "not approved yet"],
        ["at work", "yes, another process holds the state" if status["held"] else "no"],
        ["last run", told],
        ["lag", "unknown" if lag is None else f"{lag:,.0f} s{' (stale)' * status['stale']}"],
        ["known", ", ".join(f"{n:,} {kind}" for kind, n in sorted(status["known"].items()))],
        ["writes not settled", status["open_intents"]],
        ["in review", status["review"]],
        ["dead letters", status["dead_letters"]],
        ["inbox", status["inbox_pending"]],
    ]
    for one in status["quota"]:
        limit = one["daily_limit"]
        parked = f", parked until {one['parked_until']}" if one["parked_until"] else ""
        if limit:
            rows.append([f"calls {one['system']}", f"{one['daily_used']} of {limit}{parked}"])
    rows.append(["next", status["next"]])
    console.print(output.table(f"Pair {status['pair']}", ["what", ""], rows))
