"""What must hold between tables and no constraint of the database says: checked on demand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, exists, func, select
from sqlalchemy.sql import Select

from state.identity import ENTITIES, LINKS, SHADOWS, WORK
from state.outbox import DEAD, INTENTS
from state.store import Tx

STATUSES = ("open", "sending", "unknown", "ok", "rejected", "dropped", "undone")


def findings(tx: Tx) -> dict[str, int]:
    """How many rows of this pair break each rule; rules that hold are left out."""
    counted = {name: _count(tx, query) for name, query in _rules(tx).items()}
    return {name: count for name, count in counted.items() if count}


def _rules(tx: Tx) -> Mapping[str, Select[Any]]:
    owned = {"links": LINKS, "shadows": SHADOWS, "work": WORK}
    rules = {
        f"{name} of no golden record": _counting(table).where(
            tx.mine(table), ~exists().where(ENTITIES.c.id == table.c.entity_id)
        )
        for name, table in owned.items()
    }
    rules["intents with an unknown status"] = _counting(INTENTS).where(
        tx.mine(INTENTS), INTENTS.c.status.not_in(STATUSES)
    )
    rules["creates that are done and have no id"] = _counting(INTENTS).where(
        tx.mine(INTENTS),
        INTENTS.c.status == "ok",
        INTENTS.c.operation == "create",
        INTENTS.c.result_id.is_(None),
    )
    rules["open dead letters that say they are closed"] = _counting(DEAD).where(
        tx.mine(DEAD), DEAD.c.status == "open", DEAD.c.closed_at.is_not(None)
    )
    return rules


def _counting(table: Table) -> Select[Any]:
    return select(func.count()).select_from(table)


def _count(tx: Tx, query: Select[Any]) -> int:
    return int(tx.connection.execute(query).scalar_one())
