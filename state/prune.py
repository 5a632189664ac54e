"""Retention: what is no longer needed goes (DESIGN section 3).

Never touched: open work (pending inbox rows and events, open intents and dead letters), identity,
and the keys by which something is known to have happened (inbox revisions, event keys, activities,
idempotency keys): what was delivered stays delivered. Pruning twice prunes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, delete, func, select, update
from sqlalchemy.sql import ColumnElement

from state.commands import COMMANDS
from state.events import EVENTS
from state.ledger import LEDGER
from state.mirror import INBOX
from state.outbox import DEAD
from state.store import Store, Tx

BATCH = 2_000
"""Rows of one transaction: others write in between."""
UNSETTLED_EVENTS = ("pending", "held", "journaled", "dead")
"""Events that may still be delivered, by themselves or by a replay."""


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """Older than these goes: payloads of settled inbox rows and finished commands; closed dead
    letters; the field ledger, which ends the time in which a write can be undone; what is known of
    an event beside its key, kind, name and time.
    """

    inbox: datetime
    dead_letters: datetime
    before_images: datetime
    events: datetime


@dataclass(frozen=True, slots=True)
class _Rule:
    """Which rows of a table are due, and what remains of them; None for nothing."""

    table: Table
    due: Callable[[Cutoffs], list[ColumnElement[bool]]]
    leaves: Mapping[str, Any] | None


RULES: Mapping[str, _Rule] = {
    "inbox_payloads": _Rule(
        INBOX,
        lambda at: [
            INBOX.c.landed_at < at.inbox,
            INBOX.c.disposition != "pending",
            INBOX.c.payload.is_not(None),
        ],
        {"payload": None},
    ),
    "commands": _Rule(
        COMMANDS,
        lambda at: [
            COMMANDS.c.finished_at < at.inbox,
            COMMANDS.c.status.in_(("done", "withdrawn")),
        ],
        None,
    ),
    "dead_letters": _Rule(
        DEAD, lambda at: [DEAD.c.closed_at < at.dead_letters, DEAD.c.status != "open"], None
    ),
    "before_images": _Rule(LEDGER, lambda at: [LEDGER.c.at < at.before_images], None),
    "event_details": _Rule(
        EVENTS,
        lambda at: [
            EVENTS.c.occurred_at < at.events,
            EVENTS.c.landed_at < at.events,
            EVENTS.c.disposition.not_in(UNSETTLED_EVENTS),
            EVENTS.c.email.is_not(None),
        ],
        {"email": None, "details": {}},
    ),
}
"""What is pruned, by the name it is counted under."""


def prune(store: Store, cutoffs: Cutoffs, *, dry_run: bool = False) -> dict[str, int]:
    """Prune one pair, a batch at a time; how many rows of each kind went, or would go."""
    if dry_run:
        with store.read() as tx:
            return {name: _count(tx, rule, cutoffs) for name, rule in RULES.items()}
    return {name: _prune(store, rule, cutoffs) for name, rule in RULES.items()}


def _count(tx: Tx, rule: _Rule, cutoffs: Cutoffs) -> int:
    query = select(func.count()).select_from(rule.table)
    query = query.where(tx.mine(rule.table), *rule.due(cutoffs))
    return int(tx.connection.execute(query).scalar_one())


def _prune(store: Store, rule: _Rule, cutoffs: Cutoffs) -> int:
    total = 0
    while True:
        with store.begin() as tx:
            due = (
                select(rule.table.c.id)
                .where(tx.mine(rule.table), *rule.due(cutoffs))
                .order_by(rule.table.c.id)
                .limit(BATCH)
            )
            ids = list(tx.connection.execute(due).scalars())
            these = rule.table.c.id.in_(ids)
            if rule.leaves is None:
                tx.connection.execute(delete(rule.table).where(these))
            else:
                tx.connection.execute(update(rule.table).where(these).values(**rule.leaves))
        total += len(ids)
        if len(ids) < BATCH:
            return total
