"""What is known of each vendor account, across restarts and shared by all pairs that use it: the
day's allowance from the vendor's own headers, until when it is parked, whether its circuit is open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import select

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


def store(tx: Tx, account: Account) -> None:
    """Remember an account as it is known now."""
    row = {field.name: getattr(account, field.name) for field in fields(Account)}
    tx.upsert(QUOTA, [{**row, "pair": SHARED}], ("tenant", "pair", "system"))


def load(tx: Tx, system: str) -> Account:
    """What is known of an account; one never heard of has nothing known."""
    return next(iter(accounts(tx, [system])), Account(system))


def accounts(tx: Tx, systems: Iterable[str] | None = None) -> list[Account]:
    """The named accounts, or all there are, by name; those never heard of are left out."""
    query = select(*(QUOTA.c[field.name] for field in fields(Account))).where(
        QUOTA.c.tenant == tx.tenant, QUOTA.c.pair == SHARED
    )
    if systems is not None:
        query = query.where(QUOTA.c.system.in_(list(systems)))
    rows = tx.connection.execute(query.order_by(QUOTA.c.system))
    return [Account(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's documented name
