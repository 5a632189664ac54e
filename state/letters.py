"""Dead letters of golden records, and letters that a person has given up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select, update

from state.outbox import DEAD, DISCARDED, DeadLetter, _letter
from state.store import Tx, aside, chunks


def open_of(tx: Tx, entity_ids: Iterable[str]) -> list[DeadLetter]:
    """Open dead letters of these golden records, oldest first."""
    found: list[DeadLetter] = []
    for batch in chunks(entity_ids):
        rows = tx.connection.execute(
            select(DEAD)
            .where(tx.mine(DEAD), DEAD.c.entity_id.in_(batch), aside(DEAD.c.status) == "open")
            .order_by(DEAD.c.id)
        )
        found.extend(map(_letter, rows))
    return found


def open_again(tx: Tx, ids: Sequence[int]) -> None:
    """Discarded letters are open again."""
    for batch in chunks(ids):
        tx.connection.execute(
            update(DEAD)
            .where(tx.mine(DEAD), DEAD.c.id.in_(batch), aside(DEAD.c.status) == DISCARDED)
            .values(status="open", closed_at=None, closing=None)
        )
