"""How things stand: what `leadloop status` and the console show. Reads only.

The numbers answer law 2 in the open: everything that came in, by what became of it; what is still
`pending` after a run is named as unaccounted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mappings.fieldmap import EntityKind
from state import events, figures, identity, mirror, outbox, quota, reviews, runs
from state.outbox import DeadLetter
from state.quota import Account
from state.runs import Run
from state.store import Store, Tx
from sync.recover import MANY, groups_of

CAUSES = 5
"""Root causes of dead letters that are named; the rest is in `leadloop deadletters`."""


def standing(store: Store) -> dict[str, Any]:
    """How one pair stands, JSON-able: times are ISO text in UTC, durations seconds.

    `inbox` and `events` count rows by what became of them; `unaccounted` is what nobody has
    decided about, 0 after every run that went through.
    """
    with store.read() as tx:
        latest = runs.latest(tx, limit=1)
        inbox = mirror.dispositions(tx)
        landed = events.dispositions(tx)
        letters = outbox.dead_letters(tx, limit=MANY)
        return {
            "pair": tx.pair,
            "at": tx.now.isoformat(),
            "last_run": run_as_json(latest[0]) if latest else None,
            "streams": _streams(tx),
            "people": _people(tx),
            "records": mirror.counts(tx),
            "inbox": inbox,
            "events": landed,
            "unaccounted": {
                "inbox": inbox.get("pending", 0),
                "events": landed.get("pending", 0),
            },
            "work": figures.work_count(tx),
            "intents": outbox.count_by_status(tx),
            "review": reviews.open_count(tx),
            "dead_letters": _letters(letters),
            "quota": [_quota(one) for one in quota.accounts(tx)],
        }


def run_as_json(run: Run) -> dict[str, Any]:
    """One run, JSON-able."""
    return {
        "id": run.id,
        "kind": run.kind,
        "status": run.status,
        "started_at": _iso(run.started_at),
        "finished_at": _iso(run.finished_at),
        "config_hash": run.config_hash,
        "mapping_hash": run.mapping_hash,
        "counts": dict(run.counts),
        "error": dict(run.error) if run.error else None,
    }


def _streams(tx: Tx) -> list[dict[str, Any]]:
    """When each stream was last read to its end, and how long ago that is."""
    return [
        {
            "system": stream.system,
            "stream": stream.stream,
            "complete_at": _iso(stream.complete_at),
            "lag_seconds": _seconds(stream.complete_at, tx.now),
        }
        for stream in figures.streams(tx)
    ]


def _people(tx: Tx) -> dict[str, int]:
    live = identity.count(tx)
    return {
        "known": live.get(EntityKind.PERSON.value, 0),
        "linked": figures.linked_count(tx, EntityKind.PERSON),
        "companies_linked": figures.linked_count(tx, EntityKind.COMPANY),
        "deals_linked": figures.linked_count(tx, EntityKind.DEAL),
    }


def _letters(letters: list[DeadLetter]) -> dict[str, Any]:
    causes = groups_of(letters)[:CAUSES]
    return {
        "open": len(letters),
        "causes": [{"code": c.code, "field": c.field, "count": c.count} for c in causes],
    }


def _quota(account: Account) -> Mapping[str, Any]:
    return {
        "system": account.system,
        "daily_limit": account.daily_limit,
        "daily_used": account.daily_used,
        "parked_until": _iso(account.parked_until),
        "seen_at": _iso(account.seen_at),
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _seconds(since: datetime | None, now: datetime) -> float | None:
    return round((now - since).total_seconds(), 1) if since is not None else None
