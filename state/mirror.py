"""The inbox and the mirror: what was pulled, and each vendor record as last seen.

Rows land in the inbox in one transaction with their stream's cursor; landing is idempotent by
(system, object, id, revision). Folding moves the newest landed revision of each record into the
mirror. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, or_, select, update
from sqlalchemy.sql import ColumnElement

from mappings.records import Json, Record, RecordRef
from state.failures import decodes
from state.store import Tx, chunks, table_of
from state.tables import CursorRow, InboxRow, RecordRow

INBOX = table_of(InboxRow)
RECORDS = table_of(RecordRow)
CURSORS = table_of(CursorRow)
RECORD_KEY = ("tenant", "pair", "system", "object", "record_id")


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A record in the mirror and what it is looked up by."""

    record: Record
    stream: str
    lookup: str | None
    lookup2: str | None


@dataclass(frozen=True, slots=True)
class LandedRow:
    """One pending inbox row."""

    id: int
    stream: str
    record: Record


def cursor(tx: Tx, system: str, stream: str) -> dict[str, Any] | None:
    """The stream's cursor, None before its first page."""
    row = tx.connection.execute(
        select(CURSORS.c.cursor).where(
            tx.mine(CURSORS), CURSORS.c.system == system, CURSORS.c.stream == stream
        )
    ).scalar()
    return dict(row) if row is not None else None


def completed_at(tx: Tx, system: str) -> dict[str, datetime | None]:
    """When each stream of a system was last read to its end, by the business clock."""
    rows = tx.connection.execute(
        select(CURSORS.c.stream, CURSORS.c.complete_at).where(
            tx.mine(CURSORS), CURSORS.c.system == system
        )
    )
    return dict(rows.all())


def store_cursor(
    tx: Tx, system: str, stream: str, value: Mapping[str, Any], *, complete: bool
) -> None:
    """Keep a stream's cursor; `complete` says that the pull reached its end."""
    row: dict[str, Any] = {"system": system, "stream": stream, "cursor": dict(value)}
    if complete:
        row["complete_at"] = tx.now
    tx.upsert(CURSORS, [row], ("tenant", "pair", "system", "stream"))


def land(tx: Tx, run_id: str, stream: str, records: Sequence[Record]) -> int:
    """Put pulled records into the inbox; returns how many were news.

    A revision that is in the inbox or the mirror already is no news. Erased people's are left out.
    """
    fresh = _unlanded(tx, _admitted(tx, records))
    tx.insert_new(
        INBOX,
        [
            {
                "system": record.ref.system,
                "stream": stream,
                "object": record.ref.object,
                "record_id": record.ref.id,
                "revision": record.revision,
                "payload": to_payload(record),
                "landed_at": tx.now,
                "run_id": run_id,
                "disposition": "pending",
            }
            for record in fresh
        ],
        (*RECORD_KEY, "revision"),
    )
    return len(fresh)


def _admitted(tx: Tx, records: Sequence[Record]) -> Sequence[Record]:
    """Without erased people: nothing of them is stored again (law 8)."""
    if tx.screen is None:
        return records
    return [record for record in records if not tx.screen.covers_record(record)]


def _unlanded(tx: Tx, records: Sequence[Record]) -> list[Record]:
    fresh: dict[tuple[RecordRef, str], Record] = {}
    for batch in chunks(records):
        known = _landed_revisions(tx, batch)
        for record in batch:
            key = (record.ref, record.revision)
            if key not in known:
                fresh[key] = record
    return list(fresh.values())


def _landed_revisions(tx: Tx, batch: Sequence[Record]) -> set[tuple[RecordRef, str]]:
    ids = [record.ref.id for record in batch]
    known: set[tuple[RecordRef, str]] = set()
    for table in (INBOX, RECORDS):
        rows = tx.connection.execute(
            select(table.c.system, table.c.object, table.c.record_id, table.c.revision).where(
                tx.mine(table),
                table.c.system.in_({record.ref.system for record in batch}),
                table.c.record_id.in_(ids),
            )
        )
        known.update((RecordRef(s, o, i), revision) for s, o, i, revision in rows)
    return known


def pending(tx: Tx, *, after: int = 0, limit: int = 1000) -> list[LandedRow]:
    """Inbox rows nobody has decided about, oldest first, after the given row id."""
    rows = tx.connection.execute(
        select(INBOX)
        .where(tx.mine(INBOX), INBOX.c.disposition == "pending", INBOX.c.id > after)
        .order_by(INBOX.c.id)
        .limit(limit)
    )
    return [LandedRow(row.id, row.stream, from_payload(row.payload, _ref(row))) for row in rows]


def pending_refs(tx: Tx, *, after: int = 0, limit: int = 5000) -> list[tuple[int, RecordRef]]:
    """Row id and record of inbox rows nobody has decided about, oldest first."""
    rows = tx.connection.execute(
        select(INBOX.c.id, INBOX.c.system, INBOX.c.object, INBOX.c.record_id)
        .where(tx.mine(INBOX), INBOX.c.disposition == "pending", INBOX.c.id > after)
        .order_by(INBOX.c.id)
        .limit(limit)
    )
    return [(row_id, RecordRef(*ref)) for row_id, *ref in rows]


def pending_count(tx: Tx) -> int:
    """How many inbox rows nobody has decided about."""
    return int(
        tx.connection.execute(
            select(func.count())
            .select_from(INBOX)
            .where(tx.mine(INBOX), INBOX.c.disposition == "pending")
        ).scalar_one()
    )


def dispose(tx: Tx, run_id: str, dispositions: Mapping[int, str]) -> None:
    """Say what became of inbox rows (law 2)."""
    by_word: dict[str, list[int]] = {}
    for row_id, word in dispositions.items():
        by_word.setdefault(word, []).append(row_id)
    for word, ids in by_word.items():
        for batch in chunks(ids):
            tx.connection.execute(
                update(INBOX)
                .where(tx.mine(INBOX), INBOX.c.id.in_(batch))
                .values(disposition=word, settled_run=run_id)
            )


def dispositions(tx: Tx, *, run_id: str | None = None) -> dict[str, int]:
    """How many inbox rows ended how; of one run, or of all."""
    query = select(INBOX.c.disposition, func.count()).where(tx.mine(INBOX))
    if run_id is not None:
        query = query.where(INBOX.c.run_id == run_id)
    return dict(tx.connection.execute(query.group_by(INBOX.c.disposition)).all())


def mirror(tx: Tx, rows: Sequence[Mirrored]) -> None:
    """Make these the mirror's view of their records, unless it knows a newer one.

    Input may come late and out of order: the latest `modified_at` counts, of equal ones the last
    that came, but a deleted record is not brought back by a row of the same instant.
    """
    unique: dict[RecordRef, Mirrored] = {}
    for row in rows:
        if tx.screen is not None and tx.screen.covers_record(row.record):
            continue
        known = unique.get(row.record.ref)
        if known is None or _gives_way(known.record, row.record):
            unique[row.record.ref] = row
    tx.upsert(
        RECORDS, [_mirror_row(row) for row in unique.values()], RECORD_KEY, when=_is_overtaken
    )


def _gives_way(known: Record, coming: Record) -> bool:
    if known.modified_at != coming.modified_at:
        return known.modified_at < coming.modified_at
    return coming.deleted or not known.deleted


def _is_overtaken(coming: Any) -> ColumnElement[bool]:
    """`_gives_way` in SQL."""
    at = RECORDS.c.modified_at
    same = and_(at == coming.modified_at, or_(coming.deleted, RECORDS.c.deleted.is_(False)))
    return or_(at < coming.modified_at, same)


def _mirror_row(row: Mirrored) -> dict[str, Any]:
    record = row.record
    return {
        "system": record.ref.system,
        "stream": row.stream,
        "object": record.ref.object,
        "record_id": record.ref.id,
        "fields": dict(record.fields),
        "revision": record.revision,
        "modified_at": record.modified_at,
        "created_at": record.created_at,
        "deleted": record.deleted,
        "merged_into": record.merged_into,
        "converted_to": str(record.converted_to) if record.converted_to else None,
        "modified_by": record.modified_by,
        "associations": {name: list(ids) for name, ids in record.associations.items()},
        "lookup": row.lookup[:320] if row.lookup else None,
        "lookup2": row.lookup2,
    }


def load(tx: Tx, refs: Iterable[RecordRef]) -> dict[RecordRef, Mirrored]:
    """The mirror's view of the named records; unknown ones are left out."""
    found: dict[RecordRef, Mirrored] = {}
    for (system, object_name), ids in _by_object(refs).items():
        for batch in chunks(ids):
            rows = tx.connection.execute(
                select(RECORDS).where(
                    tx.mine(RECORDS),
                    RECORDS.c.system == system,
                    RECORDS.c.object == object_name,
                    RECORDS.c.record_id.in_(batch),
                )
            ).all()
            found.update((mirrored.record.ref, mirrored) for mirrored in map(_mirrored, rows))
    return found


def deleted_of(tx: Tx, refs: Iterable[RecordRef]) -> dict[RecordRef, str | None]:
    """Those of the named records that are deleted, and what each was merged into, if anything."""
    named = (RECORDS.c.system, RECORDS.c.object, RECORDS.c.record_id, RECORDS.c.merged_into)
    found: dict[RecordRef, str | None] = {}
    for (system, object_name), ids in _by_object(refs).items():
        for batch in chunks(ids):
            rows = tx.connection.execute(
                select(*named).where(
                    tx.mine(RECORDS),
                    RECORDS.c.system == system,
                    RECORDS.c.object == object_name,
                    RECORDS.c.record_id.in_(batch),
                    RECORDS.c.deleted.is_(True),
                )
            )
            found.update((_ref(row), row.merged_into) for row in rows)
    return found


def by_lookup(
    tx: Tx, object_name: str, values: Iterable[str], *, second: bool = False
) -> list[Mirrored]:
    """Live mirrored records of an object whose look-up value is one of these."""
    column = RECORDS.c.lookup2 if second else RECORDS.c.lookup
    found: list[Mirrored] = []
    for batch in chunks(values):
        rows = tx.connection.execute(
            select(RECORDS).where(
                tx.mine(RECORDS),
                RECORDS.c.object == object_name,
                column.in_(batch),
                RECORDS.c.deleted.is_(False),
            )
        ).all()
        found.extend(map(_mirrored, rows))
    return found


def refs_by_lookup(tx: Tx, object_name: str, values: Iterable[str]) -> list[tuple[str, RecordRef]]:
    """The look-up value and name of each record that `by_lookup` would give: nothing is decoded."""
    found: list[tuple[str, RecordRef]] = []
    for batch in chunks(values):
        rows = tx.connection.execute(
            select(RECORDS.c.lookup, RECORDS.c.system, RECORDS.c.object, RECORDS.c.record_id).where(
                tx.mine(RECORDS),
                RECORDS.c.object == object_name,
                RECORDS.c.lookup.in_(batch),
                RECORDS.c.deleted.is_(False),
            )
        ).all()
        found += [(str(row.lookup), _ref(row)) for row in rows]
    return found


def every(
    tx: Tx, object_name: str, *, after: int = 0, limit: int = 2000
) -> list[tuple[int, Mirrored]]:
    """Live mirrored records of an object in order of their row id, a page at a time."""
    rows = tx.connection.execute(
        select(RECORDS)
        .where(
            tx.mine(RECORDS),
            RECORDS.c.object == object_name,
            RECORDS.c.deleted.is_(False),
            RECORDS.c.id > after,
        )
        .order_by(RECORDS.c.id)
        .limit(limit)
    ).all()
    return [(row.id, _mirrored(row)) for row in rows]


def lacking(
    tx: Tx, object_name: str, names: Collection[str], *, after: int = 0, limit: int = 2000
) -> tuple[int, list[RecordRef]]:
    """Of a page as of `every`: the row id it ends with (`after` where there is none), and which
    records do not have all of these fields. Nothing else of them is decoded."""
    wanted = set(names)
    rows = tx.connection.execute(
        select(
            RECORDS.c.id, RECORDS.c.system, RECORDS.c.object, RECORDS.c.record_id, RECORDS.c.fields
        )
        .where(
            tx.mine(RECORDS),
            RECORDS.c.object == object_name,
            RECORDS.c.deleted.is_(False),
            RECORDS.c.id > after,
        )
        .order_by(RECORDS.c.id)
        .limit(limit)
    ).all()
    found = [_ref(row) for row in rows if not wanted <= _names(row.fields)]
    return (rows[-1].id if rows else after), found


@decodes
def _names(fields: Mapping[str, Json]) -> set[str]:
    return set(fields)


def live(tx: Tx, object_name: str) -> Iterator[Record]:
    """Every live mirrored record of an object in order of its row id, read a page at a time."""
    after = 0
    while rows := every(tx, object_name, after=after):
        after = rows[-1][0]
        yield from (row.record for _, row in rows)


def all_of(
    tx: Tx, object_name: str, *, after: int = 0, limit: int = 2000
) -> list[tuple[int, Mirrored]]:
    """As `every`, deleted records included."""
    rows = tx.connection.execute(
        select(RECORDS)
        .where(tx.mine(RECORDS), RECORDS.c.object == object_name, RECORDS.c.id > after)
        .order_by(RECORDS.c.id)
        .limit(limit)
    )
    return [(row.id, _mirrored(row)) for row in rows]


def count_since(tx: Tx, system: str, stream: str, at: datetime) -> int:
    """How many live records of a stream are mirrored with a modified time of `at` or later."""
    return int(
        tx.connection.execute(
            select(func.count())
            .select_from(RECORDS)
            .where(
                tx.mine(RECORDS),
                RECORDS.c.system == system,
                RECORDS.c.stream == stream,
                RECORDS.c.modified_at >= at,
                RECORDS.c.deleted.is_(False),
            )
        ).scalar_one()
    )


def unseen(tx: Tx, system: str, stream: str, rows: Sequence[tuple[str, str]]) -> set[str]:
    """Which ids of (id, revision) are neither mirrored nor landed at exactly that revision."""
    missing = set(rows)
    for batch in chunks(rows):
        ids = [record_id for record_id, _ in batch]
        for table in (RECORDS, INBOX):
            # The stream is compared here: in SQL it would draw the planner to its own index,
            # and every page of a stream would read all of it.
            found = tx.connection.execute(
                select(table.c.record_id, table.c.revision, table.c.stream).where(
                    tx.mine(table), table.c.system == system, table.c.record_id.in_(ids)
                )
            )
            missing -= {(i, revision) for i, revision, own in found if own == stream}
    return {record_id for record_id, _ in missing}


def holding(tx: Tx, system: str, object_name: str, field_name: str, value: str) -> set[str]:
    """Ids of an object's live mirrored records that have this text in a field. Reads all of them:
    in the database, where nothing is decoded."""
    rows = tx.connection.execute(
        select(RECORDS.c.record_id).where(
            tx.mine(RECORDS),
            RECORDS.c.system == system,
            RECORDS.c.object == object_name,
            RECORDS.c.deleted.is_(False),
            RECORDS.c.fields[field_name].as_string() == value,
        )
    )
    return set(rows.scalars())


def counts(tx: Tx) -> dict[str, int]:
    """Live mirrored records by `system:object`."""
    rows = tx.connection.execute(
        select(RECORDS.c.system, RECORDS.c.object, func.count())
        .where(and_(tx.mine(RECORDS), RECORDS.c.deleted.is_(False)))
        .group_by(RECORDS.c.system, RECORDS.c.object)
    )
    return {f"{system}:{name}": count for system, name, count in rows}


def _by_object(refs: Iterable[RecordRef]) -> dict[tuple[str, str], list[str]]:
    grouped: dict[tuple[str, str], list[str]] = {}
    for ref in refs:
        grouped.setdefault((ref.system, ref.object), []).append(ref.id)
    return grouped


def _ref(row: Any) -> RecordRef:
    return RecordRef(row.system, row.object, row.record_id)


@decodes
def _mirrored(row: Row[Any]) -> Mirrored:
    record = Record(
        ref=_ref(row),
        fields=row.fields,
        revision=row.revision,
        modified_at=row.modified_at,
        created_at=row.created_at,
        deleted=bool(row.deleted),
        merged_into=row.merged_into,
        converted_to=RecordRef.parse(row.converted_to) if row.converted_to else None,
        modified_by=row.modified_by,
        associations={name: tuple(ids) for name, ids in (row.associations or {}).items()},
    )
    return Mirrored(record, row.stream, row.lookup, row.lookup2)


def to_payload(record: Record) -> dict[str, Any]:
    """A record as JSON, without what the inbox row's own columns say."""
    return {
        "fields": dict(record.fields),
        "revision": record.revision,
        "modified_at": record.modified_at.isoformat(),
        "created_at": record.created_at.isoformat() if record.created_at else None,
        "deleted": record.deleted,
        "merged_into": record.merged_into,
        "converted_to": str(record.converted_to) if record.converted_to else None,
        "modified_by": record.modified_by,
        "associations": {name: list(ids) for name, ids in record.associations.items()},
    }


@decodes
def from_payload(payload: Mapping[str, Any], ref: RecordRef) -> Record:
    """The inverse of `to_payload`."""
    created, converted = payload["created_at"], payload["converted_to"]
    return Record(
        ref=ref,
        fields=payload["fields"],
        revision=payload["revision"],
        modified_at=datetime.fromisoformat(payload["modified_at"]),
        created_at=datetime.fromisoformat(created) if created else None,
        deleted=payload["deleted"],
        merged_into=payload["merged_into"],
        converted_to=RecordRef.parse(converted) if converted else None,
        modified_by=payload["modified_by"],
        associations={name: tuple(ids) for name, ids in payload["associations"].items()},
    )
