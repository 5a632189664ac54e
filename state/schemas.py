"""What vendor objects were like when they were last described, and which fields have drifted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, or_, select, update

from mappings.ports import FieldSchema, ObjectSchema
from state.failures import decodes
from state.schema_tables import DriftRow, SchemaRow
from state.store import Tx, table_of

SCHEMAS = table_of(SchemaRow)
DRIFTS = table_of(DriftRow)
_KEY = ("tenant", "pair", "system", "object", "field", "kind")

Name = tuple[str, str, str, str]
"""System, object, field and kind: what one drift is known by."""


@dataclass(frozen=True, slots=True)
class StoredDrift:
    """A field that is not as the mapping needs it. `details` are the stages' own words; `reread` is
    how far its object has been read anew since it healed, None while it has not.
    """

    system: str
    object: str
    field: str
    kind: str
    details: Mapping[str, Any]
    since: datetime
    reread: int | None

    @property
    def name(self) -> Name:
        """What it is known by."""
        return (self.system, self.object, self.field, self.kind)


def described(tx: Tx) -> dict[tuple[str, str], ObjectSchema]:
    """Every object by (system, object), as it was kept the last time."""
    rows = tx.connection.execute(select(SCHEMAS).where(tx.mine(SCHEMAS)))
    return {(row.system, row.object): _schema(row.object, row.fields) for row in rows}


def last_seen(tx: Tx) -> datetime | None:
    """When anything was described the last time."""
    return tx.connection.execute(
        select(func.max(SCHEMAS.c.seen_at)).where(tx.mine(SCHEMAS))
    ).scalar()


@decodes
def _schema(object_name: str, fields: Mapping[str, Any]) -> ObjectSchema:
    known = {
        name: FieldSchema(**{**raw, "options": tuple(raw["options"])})
        for name, raw in fields.items()
    }
    return ObjectSchema(object_name, known)


def keep(tx: Tx, system: str, schemas: Iterable[ObjectSchema]) -> None:
    """Keep objects as they were described now."""
    rows = [
        {
            "system": system,
            "object": schema.object,
            "fields": {name: asdict(field) for name, field in schema.fields.items()},
            "seen_at": tx.now,
        }
        for schema in schemas
    ]
    tx.upsert(SCHEMAS, rows, ("tenant", "pair", "system", "object"))


def drifts(tx: Tx) -> list[StoredDrift]:
    """Every drift, also those that have healed and are being caught up with; oldest first."""
    rows = tx.connection.execute(
        select(DRIFTS).where(tx.mine(DRIFTS)).order_by(DRIFTS.c.since, DRIFTS.c.id)
    )
    return [
        StoredDrift(r.system, r.object, r.field, r.kind, r.details, r.since, r.reread) for r in rows
    ]


def open_drifts(tx: Tx, run_id: str, found: Mapping[Name, Mapping[str, Any]]) -> None:
    """Keep drifts: a known one stays as old as it is, one that had healed is open again."""
    rows = [_row(name, {"details": dict(details)}) for name, details in found.items()]
    new = [{**row, "since": tx.now, "run_id": run_id} for row in rows]
    tx.insert_new(DRIFTS, new, _KEY)
    for row in rows:
        tx.connection.execute(
            update(DRIFTS)
            .where(_is(tx, (row["system"], row["object"], row["field"], row["kind"])))
            .values(details=row["details"], reread=None)
        )


def _row(name: Name, more: Mapping[str, Any]) -> dict[str, Any]:
    return {**dict(zip(("system", "object", "field", "kind"), name, strict=True)), **more}


def _is(tx: Tx, name: Name) -> Any:
    system, object_name, field, kind = name
    return and_(
        tx.mine(DRIFTS),
        DRIFTS.c.system == system,
        DRIFTS.c.object == object_name,
        DRIFTS.c.field == field,
        DRIFTS.c.kind == kind,
    )


def reread(tx: Tx, names: Sequence[Name], after: int) -> None:
    """These have healed, and their objects are caught up with to this mirror row."""
    if names:
        conditions = or_(*(_is(tx, name) for name in names))
        tx.connection.execute(update(DRIFTS).where(conditions).values(reread=after))


def forget(tx: Tx, names: Sequence[Name]) -> None:
    """These are over, and nothing is left of them."""
    if names:
        tx.connection.execute(delete(DRIFTS).where(or_(*(_is(tx, name) for name in names))))
