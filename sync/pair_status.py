"""How a pair stands at this moment, from the state alone.

Behind `leadloop status`, the daemon's readiness and its metrics.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from state import (
    commands,
    figures,
    identity,
    kept_mappings,
    mailings,
    mirror,
    outbox,
    reviews,
    runs,
)
from state.runs import Run
from state.store import Store, Tx
from sync import handoffs
from sync.approvals import mapping_subject
from sync.config import PairConfig
from sync.counted import counted_of
from sync.standing import accounts_of, deferred_of

GOOD = ("ok", "partial")
RECENT = 200
"""Runs looked at for the last one that went through."""


def is_stale(last_good: datetime | None, now: datetime, fast: float) -> bool:
    """Whether the last run that went through ended more than two schedules ago, or never."""
    return last_good is None or now - last_good > timedelta(seconds=2 * fast)


def status_of(
    pair: PairConfig, store: Store, *, now: datetime, fast: float, held: bool
) -> dict[str, Any]:
    """One pair's status, as `status --json` prints it; `fast` is the schedule in seconds, `held`
    whether a process works on the state.
    """
    with store.read() as tx:
        past = runs.latest(tx, limit=RECENT)
        good = next((run for run in past if run.status in GOOD and run.finished_at), None)
        last_good = good.finished_at if good else None
        by_age = figures.open_intents(tx, now)
        accounts = accounts_of(tx, pair, now)
        return {
            "pair": pair.name,
            "connected": True,
            "approved": runs.approved(tx, mapping_subject(pair.mapping.hash)),
            "mapping": pair.mapping.hash,
            "in_force": _in_force(tx),
            "held": held,
            "last_run": _run_data(past[0]) if past else None,
            "last_good": last_good,
            "lag_seconds": round((now - last_good).total_seconds(), 1) if last_good else None,
            "stale": is_stale(last_good, now, fast),
            "known": identity.count(tx),
            "open_intents": sum(sum(ages.values()) for ages in by_age.values()),
            "open_by_age": by_age,
            "review": reviews.open_count(tx),
            "dead_letters": outbox.dead_count(tx),
            "inbox_pending": mirror.pending_count(tx),
            "counted": counted_of(tx),
            "quota": accounts,
            "deferred": deferred_of(tx, pair, now, accounts),
            "commands": commands.waiting(tx),
            "stages": handoffs.stages(tx, pair.mapping),
            "handoffs": handoffs.counts(tx, pair.mapping),
            "reports_not_mailed": len(mailings.unsettled(tx)),
        }


def _in_force(tx: Tx) -> str | None:
    """The mapping everybody was last planned under: what stands while a changed one waits."""
    known = kept_mappings.taken_up(tx)
    return known[0] if known is not None else None


def nothing_yet(pair: PairConfig) -> dict[str, Any]:
    """The standing of a pair that has no state."""
    return {
        "pair": pair.name,
        "connected": False,
        "approved": False,
        "mapping": pair.mapping.hash,
        "in_force": None,
        "held": False,
        "last_run": None,
        "last_good": None,
        "lag_seconds": None,
        "stale": True,
        "known": {},
        "open_intents": 0,
        "open_by_age": {},
        "review": 0,
        "dead_letters": 0,
        "inbox_pending": 0,
        "counted": [],
        "quota": [],
        "deferred": [],
        "commands": 0,
        "stages": {},
        "handoffs": {},
        "reports_not_mailed": 0,
    }


def _run_data(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "kind": run.kind,
        "status": run.status,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "error": (run.error or {}).get("code"),
    }
