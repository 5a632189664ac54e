"""What holds a pair until a person's word (brakes), and what people were told (alerts)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from state.store import Tx, chunks, table_of
from state.tables import AlertRow, BrakeRow

BRAKES = table_of(BrakeRow)
ALERTS = table_of(AlertRow)


@dataclass(frozen=True, slots=True)
class Brake:
    """A brake that is on: its kind, the run that set it, what that run had counted."""

    kind: str
    run_id: str
    counts: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Alert:
    """A state people are to know of, since when. `over_at` is when it was first seen to be over,
    `told_at` when the message about it went out, `failed_at` when one last did not.
    """

    key: str
    code: str
    since: datetime
    over_at: datetime | None = None
    told_at: datetime | None = None
    failed_at: datetime | None = None


def set_brake(tx: Tx, kind: str, run_id: str, counts: Mapping[str, Any]) -> None:
    """Set a brake; one that is on already keeps the run that set it first."""
    row = {"kind": kind, "run_id": run_id, "counts": dict(counts), "at": tx.now}
    tx.insert_new(BRAKES, [row], ("tenant", "pair", "kind"))


def release_brake(tx: Tx, kind: str) -> None:
    """A person has given their word: the pair goes on."""
    tx.connection.execute(delete(BRAKES).where(tx.mine(BRAKES), BRAKES.c.kind == kind))


def brake(tx: Tx, kind: str) -> Brake | None:
    """The brake of that kind, None when it is off."""
    return next((one for one in brakes(tx) if one.kind == kind), None)


def brakes(tx: Tx) -> list[Brake]:
    """Every brake that is on, by kind."""
    rows = tx.connection.execute(select(BRAKES).where(tx.mine(BRAKES)).order_by(BRAKES.c.kind))
    return [Brake(row.kind, row.run_id, row.counts, row.at) for row in rows]


def alerts(tx: Tx) -> list[Alert]:
    """Every state people were told of, or are to be, by key."""
    names = [field.name for field in fields(Alert)]
    rows = tx.connection.execute(
        select(*(ALERTS.c[name] for name in names)).where(tx.mine(ALERTS)).order_by(ALERTS.c.key)
    )
    return [Alert(*row) for row in rows]


def keep_alerts(tx: Tx, kept: Iterable[Alert], gone: Iterable[str] = ()) -> None:
    """Store these states as they are now, and forget those that are over and told."""
    rows = [{field.name: getattr(one, field.name) for field in fields(Alert)} for one in kept]
    tx.upsert(ALERTS, rows, ("tenant", "pair", "key"))
    for batch in chunks(gone):
        tx.connection.execute(delete(ALERTS).where(tx.mine(ALERTS), ALERTS.c.key.in_(batch)))
