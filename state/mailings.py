"""Reports that are mailed once: which were begun, which went out. One that a process died in the
middle of is not sent again: twice is worse than late, and it is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from state.service_tables import MailingRow
from state.store import Tx, table_of

MAILINGS = table_of(MailingRow)
AGAIN = timedelta(hours=1)
"""How long after a failure it is tried again."""
TRIES = 24
"""After so many failures it is given up."""
BEGUN, SENT, FAILED = "begun", "sent", "failed"


@dataclass(frozen=True, slots=True)
class Mailing:
    """One report to one address. `key` names it for ever, without the address."""

    key: str
    status: str
    attempts: int
    at: datetime


def claim(tx: Tx, key: str) -> bool:
    """Begin to send a report, unless it was begun before and did not fail, or fails too often.

    Whoever gets True sends it and then says how that went; nobody else does.
    """
    row = {"key": key, "status": BEGUN, "attempts": 0, "at": tx.now}
    tx.insert_new(MAILINGS, [{**row, "status": FAILED, "at": tx.now - AGAIN}], _KEY)
    taken = tx.connection.execute(
        update(MAILINGS)
        .where(
            tx.mine(MAILINGS),
            MAILINGS.c.key == key,
            MAILINGS.c.status == FAILED,
            MAILINGS.c.attempts < TRIES,
            MAILINGS.c.at <= tx.now - AGAIN,
        )
        .values(status=BEGUN, attempts=MAILINGS.c.attempts + 1, at=tx.now)
    )
    return bool(taken.rowcount)


def settle(tx: Tx, key: str, *, sent: bool) -> None:
    """Say how sending it went."""
    tx.change(MAILINGS, ("key",), [{"key": key, "status": SENT if sent else FAILED, "at": tx.now}])


def unsettled(tx: Tx) -> list[Mailing]:
    """Reports that did not go out, or of which nobody knows, oldest first."""
    rows = tx.connection.execute(
        select(MAILINGS.c.key, MAILINGS.c.status, MAILINGS.c.attempts, MAILINGS.c.at)
        .where(tx.mine(MAILINGS), MAILINGS.c.status != SENT)
        .order_by(MAILINGS.c.at, MAILINGS.c.key)
    )
    return [Mailing(*row) for row in rows]


_KEY = ("key", "tenant", "pair")
