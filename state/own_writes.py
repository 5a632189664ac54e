"""What Leadloop itself has done at the vendors, asked of the journal."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from mappings.records import Operation, RecordRef, Side
from state.outbox import INTENTS
from state.store import Tx, aside, chunks


def deleted_by_us(tx: Tx, refs: Iterable[RecordRef]) -> set[RecordRef]:
    """Which of these records an undo of ours has deleted."""
    found: set[RecordRef] = set()
    for batch in chunks(refs):
        rows = tx.connection.execute(
            select(INTENTS.c.system, INTENTS.c.object, INTENTS.c.target_id).where(
                tx.mine(INTENTS),
                INTENTS.c.entity_id.is_not(None),
                aside(INTENTS.c.operation) == Operation.DELETE.value,
                aside(INTENTS.c.status) == "ok",
                INTENTS.c.target_id.in_([ref.id for ref in batch]),
            )
        )
        found.update(RecordRef(*row) for row in rows)
    return found & set(refs)


def opted_out(tx: Tx, entity_ids: Iterable[str], side: Side) -> set[str]:
    """Addresses, lower case, of these golden records that Leadloop itself opted out on a side."""
    found: set[str] = set()
    for batch in chunks(entity_ids):
        found.update(
            str(fields.get("email") or "").lower()
            for fields in tx.connection.execute(
                select(INTENTS.c.fields).where(
                    tx.mine(INTENTS),
                    INTENTS.c.entity_id.in_(batch),
                    INTENTS.c.operation == Operation.OPT_OUT.value,
                    INTENTS.c.side == side.value,
                    INTENTS.c.status == "ok",
                )
            ).scalars()
        )
    return found
