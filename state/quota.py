"""What is known of each vendor account, across restarts and shared by all pairs and processes that
use it: the day's allowance from the vendor's own headers, until when it is parked, whether its
circuit is open, and the calls of the last seconds.

Pacing belongs to the account, not to the process (DESIGN section 13): a command beside the daemon
takes its places from the same windows. Whoever wants to call claims the account's row, which nobody
else gets before that transaction has ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.sql import ColumnElement

from state.service_tables import QuotaRow
from state.store import Tx, table_of

QUOTA = table_of(QuotaRow)
SHARED = "*"
"""What these rows have for a pair: an account belongs to every pair that uses it."""


@dataclass(frozen=True, slots=True)
class Account:
    """One vendor account as last known, by the name the configuration gives it.

    `daily_limit` and `daily_used` are calls, `seen_at` when a header said so. Until `parked_until`
    the vendor takes no calls. `failures` in a row, the first of them at `failed_at`, have opened
    the circuit at `opened_at`; from `probe_at` on one call may try whether the vendor is back.
    `code` is the error that parked or opened, or the last failure's.
    """

    system: str
    daily_limit: int | None = None
    daily_used: int | None = None
    seen_at: datetime | None = None
    parked_until: datetime | None = None
    failures: int = 0
    opened_at: datetime | None = None
    probe_at: datetime | None = None
    code: str | None = None
    failed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """So many calls in any so many seconds."""

    calls: int
    seconds: float


_COLUMNS = [QUOTA.c[field.name] for field in fields(Account)]


def store(tx: Tx, account: Account) -> None:
    """Remember an account as it is known now."""
    tx.upsert(QUOTA, [{**_row(account), "pair": SHARED}], ("tenant", "pair", "system"))


def load(tx: Tx, system: str) -> Account:
    """What is known of an account; one never heard of has nothing known."""
    return next(iter(accounts(tx, [system])), Account(system))


def claim(tx: Tx, system: str) -> Account:
    """What is known of an account, for as long as this write transaction lasts nobody else's to
    change."""
    ours = select(*_COLUMNS).where(*_mine(tx), QUOTA.c.system == system).with_for_update()
    row = tx.connection.execute(ours).first()
    if row is None:
        blank = {"pair": SHARED, **_row(Account(system))}
        tx.insert_new(QUOTA, [blank], ("tenant", "pair", "system"))
        row = tx.connection.execute(ours).one()
    return Account(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name


def take(tx: Tx, system: str, bucket: str, window: Window, *, at: float) -> float:
    """A place in a window that slides: 0.0 when it was taken, else seconds until there is one.

    The account is claimed. `at` is in seconds, on a clock that all processes on this state share.
    Calls noted further in the future than a window are those of a clock that was set back.
    """
    row = select(QUOTA.c.calls).where(*_mine(tx), QUOTA.c.system == system)
    noted = dict(tx.connection.execute(row).scalar() or {})
    calls = sorted(c for c in noted.get(bucket, ()) if abs(at - c) < window.seconds)
    if len(calls) >= window.calls:
        return window.seconds - (at - float(calls[-window.calls]))
    noted[bucket] = [*calls, at]
    tx.connection.execute(
        update(QUOTA).where(*_mine(tx), QUOTA.c.system == system).values(calls=noted)
    )
    return 0.0


def database_seconds(tx: Tx) -> float:
    """The time of the machine the database is on: one clock for every process on this state."""
    on_server = tx.connection.dialect.name == "postgresql"
    # SQLite counts days from 4714 BC; fractions of Unix time it tells from 3.42 on only.
    file_clock = "select (julianday('now') - 2440587.5) * 86400.0"
    asked = "select extract(epoch from clock_timestamp())" if on_server else file_clock
    return float(tx.connection.execute(text(asked)).scalar_one())


def _mine(tx: Tx) -> tuple[ColumnElement[bool], ...]:
    return QUOTA.c.tenant == tx.tenant, QUOTA.c.pair == SHARED


def _row(account: Account) -> dict[str, Any]:
    return {field.name: getattr(account, field.name) for field in fields(Account)}


def accounts(tx: Tx, systems: Iterable[str] | None = None) -> list[Account]:
    """The named accounts, or all there are, by name; those nothing is known of are left out."""
    query = select(*_COLUMNS).where(*_mine(tx))
    if systems is not None:
        query = query.where(QUOTA.c.system.in_(list(systems)))
    rows = tx.connection.execute(query.order_by(QUOTA.c.system))
    found = [Account(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's documented name
    return [account for account in found if account != Account(account.system)]
