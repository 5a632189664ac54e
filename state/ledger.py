"""The field ledger: one line for every field of every write, with what it replaced (laws 9, 11).

Lines are never changed but for two notes: what the vendor made of a value (`kept`), and that the
change was taken back (`undone_by`). An undo writes lines of its own, which name those they take
back (`undoes`); undoing an undo makes the first lines count again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from mappings.records import Json, Operation, RecordRef
from state.outbox import INTENTS
from state.store import Tx, chunks, table_of
from state.tables import LedgerRow

LEDGER = table_of(LedgerRow)


@dataclass(frozen=True, slots=True)
class Line:
    """One field of one write that was done.

    `before` and `after` are canonical; `image` is what was replaced in the vendor's own spelling,
    `kept` what the vendor made of `after`, both canonical's equal unless stored. `undone_by` is the
    key of the intent that took it back.
    """

    id: int
    entity_id: str
    ref: RecordRef
    operation: Operation
    field: str
    before: Json
    after: Json
    image: Json
    kept: Json
    rule: str
    why: str
    intent_key: str
    run_id: str
    config_hash: str
    at: datetime
    undoes: tuple[int, ...]
    undone_by: str | None


def record_changes(
    tx: Tx, run_id: str, config_hash: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Add lines: entity_id, ref, operation, field, before, after, image, rule, why, intent_key,
    undoes."""
    tx.insert(
        LEDGER,
        [{**row, "run_id": run_id, "config_hash": config_hash, "at": tx.now} for row in rows],
    )


def of_entities(tx: Tx, entity_ids: Iterable[str]) -> list[Line]:
    """Every line of these golden records, oldest first."""
    found: list[Line] = []
    for batch in chunks(sorted(set(entity_ids))):
        rows = tx.connection.execute(
            select(LEDGER).where(tx.mine(LEDGER), LEDGER.c.entity_id.in_(batch))
        )
        found.extend(map(_line, rows))
    return sorted(found, key=lambda line: line.id)


def of_run(tx: Tx, run_id: str) -> tuple[set[str], set[int]]:
    """Golden records and lines of a run: what it wrote, and what it planned and another wrote."""
    planned = select(INTENTS.c.key).where(tx.mine(INTENTS), INTENTS.c.run_id == run_id)
    entities: set[str] = set()
    ids: set[int] = set()
    for condition in (LEDGER.c.run_id == run_id, LEDGER.c.intent_key.in_(planned)):
        rows = tx.connection.execute(
            select(LEDGER.c.id, LEDGER.c.entity_id).where(tx.mine(LEDGER), condition)
        )
        for line_id, entity_id in rows:
            ids.add(line_id)
            entities.add(entity_id)
    return entities, ids


def note_kept(tx: Tx, kept: Sequence[tuple[str, str, Json]]) -> None:
    """(intent key, field, value): the vendor made another value of what was written."""
    tx.change(
        LEDGER,
        ("intent_key", "field"),
        [{"intent_key": key, "field": name, "kept": value} for key, name, value in kept],
    )


def mark_undone(tx: Tx, ids: Iterable[int], by: str) -> None:
    """These lines are taken back by that intent. What they had taken back counts again."""
    for batch in chunks(ids):
        revived = {
            line
            for undoes in tx.connection.execute(
                select(LEDGER.c.undoes).where(
                    tx.mine(LEDGER), LEDGER.c.id.in_(batch), LEDGER.c.undoes.is_not(None)
                )
            ).scalars()
            for line in undoes or ()
        }
        tx.connection.execute(
            update(LEDGER)
            .where(tx.mine(LEDGER), LEDGER.c.id.in_(batch), LEDGER.c.undone_by.is_(None))
            .values(undone_by=by)
        )
        for again in chunks(sorted(revived)):
            tx.connection.execute(
                update(LEDGER).where(tx.mine(LEDGER), LEDGER.c.id.in_(again)).values(undone_by=None)
            )


def _line(row: Row[Any]) -> Line:
    return Line(
        id=row.id,
        entity_id=row.entity_id,
        ref=RecordRef.parse(row.ref),
        operation=Operation(row.operation),
        field=row.field,
        before=row.before,
        after=row.after,
        image=row.image,
        kept=row.kept,
        rule=row.rule,
        why=row.why,
        intent_key=row.intent_key,
        run_id=row.run_id,
        config_hash=row.config_hash,
        at=row.at,
        undoes=tuple(row.undoes or ()),
        undone_by=row.undone_by,
    )
