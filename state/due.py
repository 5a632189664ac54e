"""Due rows: instants at which something must be done about a subject although nobody edits it.

A quota window ends, a held deletion is looked at again, a recontact date comes, a service level
breaches. One row per kind and subject: setting it again moves it. A worked row stays as worked, so
that a slot of a schedule (subject `nightly:2026-03-02`) is worked once, late after a downtime,
never twice, whichever way the clock jumps; `forget` removes old ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, func, or_, select, update

from state.store import Tx, chunks, table_of
from state.tables import DueRow

DUE = table_of(DueRow)
KEY = ("tenant", "pair", "kind", "subject")


@dataclass(frozen=True, slots=True)
class Due:
    """One thing to do: its kind, whom or what it is about, from when on."""

    id: int
    kind: str
    subject: str
    at: datetime


def put(tx: Tx, kind: str, instants: Mapping[str, datetime]) -> None:
    """Make each subject due at its instant; one that was due or worked before is moved there."""
    tx.upsert(
        DUE,
        [{"kind": kind, "subject": s, "at": at, "done_at": None} for s, at in instants.items()],
        KEY,
    )


def put_once(tx: Tx, kind: str, subject: str, at: datetime) -> None:
    """Make a subject due unless it is or was: a slot of a schedule is worked once."""
    tx.insert_new(DUE, [{"kind": kind, "subject": subject, "at": at, "done_at": None}], KEY)


def due(
    tx: Tx,
    *,
    kinds: Sequence[str],
    limit: int = 1000,
    furthest: Mapping[str, timedelta] | None = None,
) -> list[Due]:
    """What is due by now and not worked, the longest due first.

    `furthest` says of kinds how far ahead they are ever put: what lies further was put there by a
    clock that has been set back since, and is due.
    """
    past = [
        and_(DUE.c.kind == kind, DUE.c.at > tx.now + ahead)
        for kind, ahead in (furthest or {}).items()
    ]
    rows = tx.connection.execute(
        select(DUE.c.id, DUE.c.kind, DUE.c.subject, DUE.c.at)
        .where(
            tx.mine(DUE),
            DUE.c.done_at.is_(None),
            or_(DUE.c.at <= tx.now, *past),
            DUE.c.kind.in_(kinds),
        )
        .order_by(DUE.c.at, DUE.c.id)
        .limit(limit)
    )
    return [Due(*row) for row in rows]


def done(tx: Tx, rows: Sequence[Due]) -> None:
    """These were worked, in the transaction that holds what came of it."""
    for batch in chunks([row.id for row in rows]):
        tx.connection.execute(
            update(DUE).where(tx.mine(DUE), DUE.c.id.in_(batch)).values(done_at=tx.now)
        )


def withdraw(tx: Tx, kind: str, subjects: Sequence[str]) -> None:
    """These are due no more: what they waited for has come otherwise."""
    for batch in chunks(subjects):
        tx.connection.execute(
            delete(DUE).where(
                tx.mine(DUE), DUE.c.kind == kind, DUE.c.subject.in_(batch), DUE.c.done_at.is_(None)
            )
        )


def waiting(tx: Tx) -> dict[str, tuple[int, datetime]]:
    """What is not worked yet, by kind: how many, and when the first is due."""
    rows = tx.connection.execute(
        select(DUE.c.kind, func.count(), func.min(DUE.c.at))
        .where(tx.mine(DUE), DUE.c.done_at.is_(None))
        .group_by(DUE.c.kind)
    )
    return {kind: (count, at) for kind, count, at in rows}


def forget(tx: Tx, before: datetime) -> int:
    """Remove rows worked before an instant; how many."""
    return tx.connection.execute(delete(DUE).where(tx.mine(DUE), DUE.c.done_at < before)).rowcount
