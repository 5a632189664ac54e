"""The mappings that runs were made with, and under which of them everybody was last planned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from state.store import Tx, table_of
from state.tables import MappingRow

MAPPINGS = table_of(MappingRow)
KEY = ("hash", "tenant", "pair")


def keep(tx: Tx, mapping_hash: str, body: Mapping[str, Any]) -> None:
    """Keep what a mapping says, once."""
    tx.insert_new(MAPPINGS, [{"hash": mapping_hash, "body": dict(body)}], KEY)


def body(tx: Tx, mapping_hash: str) -> dict[str, Any] | None:
    """What a mapping says, None where no run was made with it."""
    found = tx.connection.execute(
        select(MAPPINGS.c.body).where(tx.mine(MAPPINGS), MAPPINGS.c.hash == mapping_hash)
    ).first()
    return dict(found.body) if found is not None else None


def take_up(tx: Tx, mapping_hash: str, body: Mapping[str, Any]) -> None:
    """From now on everybody is planned under this mapping. What is kept of it stays as it is."""
    keep(tx, mapping_hash, body)
    tx.connection.execute(
        update(MAPPINGS)
        .where(tx.mine(MAPPINGS), MAPPINGS.c.hash == mapping_hash)
        .values(taken_up_at=tx.now)
    )


def taken_up(tx: Tx) -> tuple[str, dict[str, Any]] | None:
    """Hash and document of the mapping everybody was last put on the work list under."""
    found = tx.connection.execute(
        select(MAPPINGS.c.hash, MAPPINGS.c.body)
        .where(tx.mine(MAPPINGS), MAPPINGS.c.taken_up_at.is_not(None))
        .order_by(MAPPINGS.c.taken_up_at.desc(), MAPPINGS.c.id.desc())
        .limit(1)
    ).first()
    return (found.hash, dict(found.body)) if found is not None else None
