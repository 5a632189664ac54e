"""Commands: work people ask for while a daemon holds the state.

Whoever asks queues a command; the daemon claims it between two runs and leaves there what became
of it. A claim carries the daemon's lease number: one that a dead daemon left is claimed again by
the next, at most `TRIES` times. Statuses: queued, running, done (see its exit code), withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, insert, or_, select, update
from sqlalchemy.sql import ColumnElement

from state.failures import decodes
from state.store import Tx, table_of
from state.tables import CommandRow

COMMANDS = table_of(CommandRow)
NAMING = ("erase", "allow")
"""Kinds whose arguments must name people by their addresses: forgotten once they are over."""
TRIES = 3
"""Daemons that may die over one command before it is given up."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `progress` is the stage it is at; `result` what it came to, or, while it is not
    done, what an earlier attempt has committed already.
    """

    id: int
    kind: str
    arguments: Mapping[str, Any]
    status: str
    requested_at: datetime
    attempts: int
    claimed_at: datetime | None
    finished_at: datetime | None
    progress: Mapping[str, Any] | None
    run_id: str | None
    exit_code: int | None
    result: Mapping[str, Any] | None
    error: Mapping[str, Any] | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in {"done", "withdrawn"}


def request(tx: Tx, kind: str, arguments: Mapping[str, Any]) -> int:
    """Queue a command; its number."""
    row = {
        "kind": kind,
        "arguments": dict(arguments),
        "status": "queued",
        "requested_at": tx.now,
        "attempts": 0,
    }
    query = insert(COMMANDS).values(**tx.scoped(row)).returning(COMMANDS.c.id)
    return int(tx.connection.execute(query).scalar_one())


def forget(tx: Tx, kind: str) -> None:
    """Commands of a kind that are under way or over no longer say whom they were about."""
    tx.connection.execute(
        update(COMMANDS)
        .where(tx.mine(COMMANDS), COMMANDS.c.kind == kind, COMMANDS.c.status != "queued")
        .values(arguments={})
    )


def is_waiting(tx: Tx, epoch: int | None) -> bool:
    """Whether the holder of this lease number has something to claim."""
    found = select(COMMANDS.c.id).where(tx.mine(COMMANDS), _claimable(epoch)).limit(1)
    return tx.connection.execute(found).first() is not None


def is_queued(tx: Tx, kind: str) -> bool:
    """Whether something of this kind waits or is under way."""
    found = select(COMMANDS.c.id).where(
        tx.mine(COMMANDS), COMMANDS.c.kind == kind, COMMANDS.c.status.in_(("queued", "running"))
    )
    return tx.connection.execute(found.limit(1)).first() is not None


def waiting(tx: Tx) -> int:
    """Commands that are not over."""
    found = select(func.count()).where(
        tx.mine(COMMANDS), COMMANDS.c.status.in_(("queued", "running"))
    )
    return int(tx.connection.execute(found).scalar_one())


def claim(tx: Tx, epoch: int | None) -> Command | None:
    """The oldest command nobody works on, now ours; None when there is none."""
    oldest = (
        select(COMMANDS.c.id)
        .where(tx.mine(COMMANDS), _claimable(epoch))
        .order_by(COMMANDS.c.id)
        .limit(1)
    )
    number = tx.connection.execute(oldest).scalar()
    if number is None:
        return None
    _set(
        tx,
        number,
        status="running",
        epoch=epoch,
        claimed_at=tx.now,
        attempts=COMMANDS.c.attempts + 1,
    )
    return get(tx, number)


def advance(tx: Tx, number: int, progress: Mapping[str, Any]) -> None:
    """How far it is, for whoever follows it."""
    _set(tx, number, progress=dict(progress))


def keep(tx: Tx, number: int, result: Mapping[str, Any]) -> None:
    """What is done for good, in the transaction that did it: a second attempt goes on after it."""
    _set(tx, number, result=dict(result))


def finish(
    tx: Tx,
    number: int,
    *,
    exit_code: int,
    result: Mapping[str, Any],
    error: Mapping[str, Any] | None = None,
    run_id: str | None = None,
) -> None:
    """It is over."""
    _set(
        tx,
        number,
        status="done",
        exit_code=exit_code,
        result=dict(result),
        error=dict(error) if error else None,
        run_id=run_id,
        finished_at=tx.now,
    )


def put_back(tx: Tx, number: int) -> None:
    """A stop came between: the next daemon takes it. That counts as no attempt."""
    _set(tx, number, status="queued", epoch=None, attempts=COMMANDS.c.attempts - 1)


def withdraw(tx: Tx, number: int) -> bool:
    """Take a queued command back; False when it is no longer queued. Whom it was about goes."""
    changed = tx.connection.execute(
        update(COMMANDS)
        .where(tx.mine(COMMANDS), COMMANDS.c.id == number, COMMANDS.c.status == "queued")
        .values(status="withdrawn", finished_at=tx.now)
    )
    for kind in NAMING:
        forget(tx, kind)
    return changed.rowcount == 1


def get(tx: Tx, number: int) -> Command | None:
    """One command by its number."""
    row = tx.connection.execute(
        select(COMMANDS).where(tx.mine(COMMANDS), COMMANDS.c.id == number)
    ).first()
    return _command(row) if row is not None else None


def latest(tx: Tx, *, limit: int = 20) -> list[Command]:
    """The newest first."""
    rows = tx.connection.execute(
        select(COMMANDS).where(tx.mine(COMMANDS)).order_by(COMMANDS.c.id.desc()).limit(limit)
    )
    return [_command(row) for row in rows]


def _claimable(epoch: int | None) -> ColumnElement[bool]:
    left = and_(COMMANDS.c.status == "running", COMMANDS.c.epoch.is_distinct_from(epoch))
    return or_(COMMANDS.c.status == "queued", left)


def _set(tx: Tx, number: int, **values: Any) -> None:
    tx.connection.execute(
        update(COMMANDS).where(tx.mine(COMMANDS), COMMANDS.c.id == number).values(**values)
    )


@decodes
def _command(row: Row[Any]) -> Command:
    return Command(
        id=row.id,
        kind=row.kind,
        arguments=row.arguments or {},
        status=row.status,
        requested_at=row.requested_at,
        attempts=row.attempts,
        claimed_at=row.claimed_at,
        finished_at=row.finished_at,
        progress=row.progress,
        run_id=row.run_id,
        exit_code=row.exit_code,
        result=row.result,
        error=row.error,
    )
