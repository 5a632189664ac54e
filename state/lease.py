"""The fenced lease: a process that lost the state cannot write to it, whatever it believes.

The lock of `state.lock` says whose turn it is, but a lock can be lost unnoticed: a database server
drops a connection, a lock file is deleted, a machine sleeps and wakes. So every holder also draws
the next number (`epoch`), and each of its write transactions begins by checking that the number is
still the newest. PostgreSQL keeps the row locked in share mode until that transaction ends, SQLite
has one writer at a time: a new holder either waits for the old one's commit or makes it impossible.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Engine, insert, select, text, update

from mappings.errors import LeaseLostError
from state.failures import translated
from state.tables import LeaseRow

LEASE = LeaseRow.__table__  # type: ignore[attr-defined]
ROW = 1
WAIT = "10s"
"""How long PostgreSQL lets a new holder wait for a transaction of the old one."""

Holder = Literal["daemon", "command"]
"""Who holds the state: a daemon takes orders, a command does not."""


@dataclass(slots=True)
class Fence:
    """The number this process holds the state under; None while it does not hold it.

    One fence is shared by all stores of one opened state, threads included.
    """

    token: int | None = None


@contextlib.contextmanager
def taken(engine: Engine, fence: Fence, *, holder: Holder, now: datetime) -> Iterator[None]:
    """Draw the next number; every holder before us is fenced off. The caller has the lock."""
    with translated(), engine.begin() as connection:
        fence.token = _next(connection, holder, now)
    try:
        yield
    finally:
        fence.token = None


def check(connection: Connection, fence: Fence) -> None:
    """Refuse to go on with a write transaction when somebody else has taken the state over.

    A process that does not hold the state (it asks, or decides) is not checked. Raises
    LeaseLostError.
    """
    if fence.token is None:
        return
    query = select(LEASE.c.epoch).where(LEASE.c.id == ROW)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(read=True)
    if connection.execute(query).scalar() != fence.token:
        raise LeaseLostError("another Leadloop process has taken this state over")


def last_holder(connection: Connection) -> str | None:
    """Who took the state last: `daemon` or `command`; None when nobody ever did."""
    found = connection.execute(select(LEASE.c.holder).where(LEASE.c.id == ROW)).scalar()
    return str(found) if found is not None else None


def _next(connection: Connection, holder: Holder, now: datetime) -> int:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"set local lock_timeout = '{WAIT}'"))
    values = {"holder": holder, "taken_at": now}
    changed = connection.execute(
        update(LEASE).where(LEASE.c.id == ROW).values(epoch=LEASE.c.epoch + 1, **values)
    )
    if changed.rowcount == 0:
        connection.execute(insert(LEASE).values(id=ROW, epoch=1, **values))
    return int(connection.execute(select(LEASE.c.epoch).where(LEASE.c.id == ROW)).scalar_one())
