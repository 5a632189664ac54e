"""Runs, and the approvals people have given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from state.failures import decodes
from state.store import Tx, table_of
from state.tables import ApprovalRow, RunRow

RUNS = table_of(RunRow)
APPROVALS = table_of(ApprovalRow)


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `status` is running, ok, partial, failed, refused, or interrupted."""

    id: str
    kind: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    config_hash: str
    mapping_hash: str
    counts: Mapping[str, Any]
    error: Mapping[str, Any] | None


def start(tx: Tx, run_id: str, kind: str, *, config_hash: str, mapping_hash: str) -> None:
    """Begin a run; runs a killed process left open become `interrupted`."""
    tx.connection.execute(
        update(RUNS)
        .where(tx.mine(RUNS), RUNS.c.status == "running")
        .values(status="interrupted", finished_at=tx.now)
    )
    tx.insert(
        RUNS,
        [
            {
                "id": run_id,
                "kind": kind,
                "status": "running",
                "started_at": tx.now,
                "config_hash": config_hash,
                "mapping_hash": mapping_hash,
                "counts": {},
            }
        ],
    )


def finish(
    tx: Tx,
    run_id: str,
    status: str,
    counts: Mapping[str, Any],
    error: Mapping[str, Any] | None = None,
) -> None:
    """End a run with its counts, and the error that ended it if one did."""
    tx.connection.execute(
        update(RUNS)
        .where(tx.mine(RUNS), RUNS.c.id == run_id)
        .values(
            status=status,
            finished_at=tx.now,
            counts=dict(counts),
            error=dict(error) if error else None,
        )
    )


def latest(tx: Tx, *, limit: int = 20) -> list[Run]:
    """The newest runs first."""
    rows = tx.connection.execute(
        select(RUNS).where(tx.mine(RUNS)).order_by(RUNS.c.started_at.desc(), RUNS.c.id).limit(limit)
    )
    return [_run(row) for row in rows]


LAST = "last"
"""What people call the newest run that was carried out: one that was refused has done nothing."""
CARRIED_OUT = ("ok", "partial")


def get(tx: Tx, run_id: str) -> Run | None:
    """One run by id, by a unique beginning of it, or the `last` one."""
    if run_id == LAST:
        query = select(RUNS).where(tx.mine(RUNS), RUNS.c.status.in_(CARRIED_OUT))
        newest = query.order_by(RUNS.c.started_at.desc(), RUNS.c.id).limit(1)
        row = tx.connection.execute(newest).first()
        return _run(row) if row is not None else None
    rows = tx.connection.execute(
        select(RUNS).where(tx.mine(RUNS), RUNS.c.id.startswith(run_id, autoescape=True)).limit(2)
    ).all()
    return _run(rows[0]) if len(rows) == 1 else None


def approve(tx: Tx, subject: str, details: Mapping[str, Any]) -> None:
    """Keep a person's word for a subject such as `mapping:<hash>`."""
    tx.insert_new(
        APPROVALS,
        [{"subject": subject, "at": tx.now, "details": dict(details)}],
        ("tenant", "pair", "subject"),
    )


def approved(tx: Tx, subject: str) -> bool:
    """Whether a person has given their word for a subject."""
    return (
        tx.connection.execute(
            select(APPROVALS.c.id).where(tx.mine(APPROVALS), APPROVALS.c.subject == subject)
        ).first()
        is not None
    )


def any_approved(tx: Tx, prefix: str) -> bool:
    """Whether a person has given their word for any subject that begins so."""
    found = select(APPROVALS.c.id).where(
        tx.mine(APPROVALS), APPROVALS.c.subject.startswith(prefix, autoescape=True)
    )
    return tx.connection.execute(found.limit(1)).first() is not None


@decodes
def _run(row: Row[Any]) -> Run:
    return Run(
        id=row.id,
        kind=row.kind,
        status=row.status,
        started_at=row.started_at,
        finished_at=row.finished_at,
        config_hash=row.config_hash,
        mapping_hash=row.mapping_hash,
        counts=row.counts or {},
        error=row.error,
    )
