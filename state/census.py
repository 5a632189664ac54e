"""The nightly reconciliation's memory: how far a stream was counted, what was seen, what is here.

The ids the vendor has are kept while a stream is counted, so that counting can stop and go on
anywhere and needs no order of ids (databases and vendors sort text differently), and are let go of
when it is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update

from mappings.records import RecordRef
from state.census_tables import CensusRow, SeenRow
from state.mirror import INBOX, RECORDS
from state.quarantine import MALFORMED, REFETCH, SUPERSEDED
from state.store import Tx, chunks, table_of

CENSUS = table_of(CensusRow)
SEEN = table_of(SeenRow)
VANISHED = "gone:"
"""What revisions of deletions begin with that nobody told: the record is simply not there."""


@dataclass(frozen=True, slots=True)
class Count:
    """One stream's reconciliation. `began_at` is None while none is under way; `place` says where
    to go on; `result` holds the figures of the last whole one, which ended at `done_at`.
    """

    system: str
    stream: str
    began_at: datetime | None = None
    place: Mapping[str, Any] | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    done_at: datetime | None = None
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Here:
    """What the state has of ids the vendor named: when each record in the mirror was modified, and
    which of them it takes for deleted; which wait in the inbox; which are set aside as rubbish.
    """

    modified: Mapping[str, datetime]
    deleted: frozenset[str]
    landed: frozenset[str]
    aside: frozenset[str]


def counts(tx: Tx, system: str | None = None) -> list[Count]:
    """Every stream's reconciliation, by system and stream."""
    query = select(CENSUS).where(tx.mine(CENSUS))
    if system is not None:
        query = query.where(CENSUS.c.system == system)
    return [
        Count(r.system, r.stream, r.began_at, r.place, r.figures, r.done_at, r.result)
        for r in tx.connection.execute(query.order_by(CENSUS.c.system, CENSUS.c.stream))
    ]


def keep(tx: Tx, count: Count) -> None:
    """Remember how far a stream's reconciliation has come."""
    row = {
        "system": count.system,
        "stream": count.stream,
        "began_at": count.began_at,
        "place": dict(count.place) if count.place is not None else None,
        "figures": dict(count.figures),
        "done_at": count.done_at,
        "result": dict(count.result) if count.result is not None else None,
    }
    tx.upsert(CENSUS, [row], ("tenant", "pair", "system", "stream"))


def see(tx: Tx, system: str, stream: str, keys: Sequence[str]) -> set[str]:
    """Keep that the vendor has these; which of them had not been seen before."""
    fresh = set(keys)
    for batch in chunks(fresh):
        fresh = fresh - _seen(tx, system, stream, batch)
    rows = [{"system": system, "stream": stream, "key": key} for key in sorted(fresh)]
    tx.insert_new(SEEN, rows, ("tenant", "pair", "system", "stream", "key"))
    return fresh


def _seen(tx: Tx, system: str, stream: str, keys: Sequence[str]) -> set[str]:
    query = select(SEEN.c.key).where(
        tx.mine(SEEN), SEEN.c.system == system, SEEN.c.stream == stream, SEEN.c.key.in_(keys)
    )
    return set(tx.connection.execute(query).scalars())


def forget(tx: Tx, system: str, stream: str, *, limit: int) -> int:
    """Let go of what was seen, at most `limit` rows; how many went."""
    own = (
        select(SEEN.c.id)
        .where(tx.mine(SEEN), SEEN.c.system == system, SEEN.c.stream == stream)
        .limit(limit)
    )
    ids = list(tx.connection.execute(own).scalars())
    for batch in chunks(ids):
        tx.connection.execute(delete(SEEN).where(SEEN.c.id.in_(batch)))
    return len(ids)


def here(tx: Tx, system: str, object_name: str, ids: Iterable[str]) -> Here:
    """What the state has of these records."""
    modified: dict[str, datetime] = {}
    deleted: set[str] = set()
    words: dict[str, set[str]] = {}
    for batch in chunks(ids):
        known = select(RECORDS.c.record_id, RECORDS.c.modified_at, RECORDS.c.deleted).where(
            tx.mine(RECORDS),
            RECORDS.c.system == system,
            RECORDS.c.object == object_name,
            RECORDS.c.record_id.in_(batch),
        )
        for record_id, at, gone in tx.connection.execute(known):
            modified[record_id] = at
            deleted.update({record_id} if gone else ())
        waiting = select(INBOX.c.record_id, INBOX.c.disposition).where(
            tx.mine(INBOX),
            INBOX.c.system == system,
            INBOX.c.object == object_name,
            INBOX.c.record_id.in_(batch),
            INBOX.c.disposition.in_(("pending", MALFORMED, REFETCH)),
        )
        for record_id, word in tx.connection.execute(waiting):
            words.setdefault(word, set()).add(record_id)
    aside = words.get(MALFORMED, set()) | words.get(REFETCH, set())
    return Here(modified, frozenset(deleted), frozenset(words.get("pending", ())), frozenset(aside))


def vanished(
    tx: Tx, count: Count, object_name: str, *, before: datetime, after: int, limit: int
) -> list[tuple[int, RecordRef]]:
    """Live mirrored records, modified before that instant, which the vendor was not seen to have:
    row id and record, a page at a time in the order of row ids."""
    named = select(SEEN.c.id).where(
        SEEN.c.key == RECORDS.c.record_id,
        SEEN.c.stream == count.stream,
        SEEN.c.system == count.system,
        tx.mine(SEEN),
    )
    rows = tx.connection.execute(
        select(RECORDS.c.id, RECORDS.c.record_id)
        .where(
            tx.mine(RECORDS),
            RECORDS.c.system == count.system,
            RECORDS.c.object == object_name,
            RECORDS.c.deleted.is_(False),
            RECORDS.c.modified_at < before,
            RECORDS.c.id > after,
            ~named.exists(),
        )
        .order_by(RECORDS.c.id)
        .limit(limit)
    )
    return [(row_id, RecordRef(count.system, object_name, record)) for row_id, record in rows]


def untold(tx: Tx, system: str, object_name: str) -> list[RecordRef]:
    """Mirrored records that are gone without anybody having told."""
    rows = tx.connection.execute(
        select(RECORDS.c.record_id)
        .where(
            tx.mine(RECORDS),
            RECORDS.c.system == system,
            RECORDS.c.object == object_name,
            RECORDS.c.deleted.is_(True),
            RECORDS.c.revision.startswith(VANISHED, autoescape=True),
        )
        .order_by(RECORDS.c.id)
    )
    return [RecordRef(system, object_name, record_id) for record_id in rows.scalars()]


def doubtful(tx: Tx, system: str) -> frozenset[str]:
    """Objects of which deletions that nobody told wait in the inbox for a person's word."""
    query = select(INBOX.c.object).where(*_doubtful(tx, system)).distinct()
    return frozenset(tx.connection.execute(query).scalars())


def acquit(tx: Tx, run_id: str, system: str, object_name: str, ids: Iterable[str]) -> int:
    """These records are there after all: deletions of them that nobody told are superseded."""
    changed = 0
    for batch in chunks(ids):
        changed += tx.connection.execute(
            update(INBOX)
            .where(
                *_doubtful(tx, system),
                INBOX.c.object == object_name,
                INBOX.c.record_id.in_(batch),
            )
            .values(disposition=SUPERSEDED, settled_run=run_id)
        ).rowcount
    return changed


def _doubtful(tx: Tx, system: str) -> list[Any]:
    return [
        tx.mine(INBOX),
        INBOX.c.disposition == "pending",
        INBOX.c.system == system,
        INBOX.c.revision.startswith(VANISHED, autoescape=True),
    ]
