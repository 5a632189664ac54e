"""Linkage models learned from the people in the state: the one in use, and one that waits.

Every model ever learned keeps its row. Statuses: `used` (the newest of them is in use), `same`
(learned anew, nothing had changed), `waiting` (a person decides, at most one), `declined`,
`replaced` (another came before anybody decided), `accepted` (and used from a row of its own on).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from state.store import Tx, table_of
from state.tables import ModelRow

MODELS = table_of(ModelRow)


@dataclass(frozen=True, slots=True)
class Kept:
    """A model that was learned: its file, and what it would change as it was told."""

    version: str
    body: Mapping[str, Any]
    told: Mapping[str, Any]
    trained_at: datetime


def use(
    tx: Tx, version: str, body: Mapping[str, Any], told: Mapping[str, Any] | None = None
) -> None:
    """Keep a model; it is in use from now on, and what waited is replaced."""
    _settle(tx, "replaced")
    _keep(tx, version, body, told or {}, "used")


def note_same(tx: Tx, version: str, told: Mapping[str, Any]) -> None:
    """Learning anew came to the model in use."""
    _keep(tx, version, {}, told, "same")


def propose(tx: Tx, version: str, body: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Keep a model that a person is to decide about, in place of one that waits already."""
    _settle(tx, "replaced")
    _keep(tx, version, body, told, "waiting")


def accept(tx: Tx) -> Kept | None:
    """Use the model that waits; None where none does."""
    found = waiting(tx)
    if found is not None:
        _settle(tx, "accepted")
        _keep(tx, found.version, found.body, found.told, "used")
    return found


def decline(tx: Tx) -> Kept | None:
    """Let go of the model that waits; None where none does."""
    found = waiting(tx)
    if found is not None:
        _settle(tx, "declined")
    return found


def in_use(tx: Tx) -> Mapping[str, Any] | None:
    """The file of the model in use, None before the first was learned."""
    found = _newest(tx, "used")
    return found.body if found is not None else None


def waiting(tx: Tx) -> Kept | None:
    """The model that waits for a person."""
    return _newest(tx, "waiting")


def last_learned(tx: Tx) -> datetime | None:
    """When a model was learned last, whatever became of it."""
    found: datetime | None = tx.connection.execute(
        select(func.max(MODELS.c.trained_at)).where(tx.mine(MODELS))
    ).scalar()
    return found


def _keep(
    tx: Tx, version: str, body: Mapping[str, Any], told: Mapping[str, Any], status: str
) -> None:
    row = {"version": version, "body": dict(body), "told": dict(told), "status": status}
    tx.insert(MODELS, [{**row, "trained_at": tx.now}])


def _settle(tx: Tx, status: str) -> None:
    tx.connection.execute(
        update(MODELS).where(tx.mine(MODELS), MODELS.c.status == "waiting").values(status=status)
    )


def _newest(tx: Tx, status: str) -> Kept | None:
    row = tx.connection.execute(
        select(MODELS)
        .where(tx.mine(MODELS), MODELS.c.status == status)
        .order_by(MODELS.c.id.desc())
        .limit(1)
    ).first()
    return Kept(row.version, dict(row.body), dict(row.told), row.trained_at) if row else None
