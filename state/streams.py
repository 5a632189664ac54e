"""People and opportunities a page at a time, with what reports need beside the mirror.

Reads only, few queries a page whatever its size, so that memory stays flat however long the
history is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select

from mappings.fieldmap import EntityKind
from mappings.records import EventKind, RecordRef
from state.events import EVENTS
from state.identity import ENTITIES, LINKS
from state.mirror import INBOX, RECORDS
from state.store import Tx, chunks


@dataclass(frozen=True, slots=True)
class Happened:
    """A marketing event, without its details."""

    at: datetime
    key: str
    kind: EventKind
    name: str
    filtered: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """One revision of a record as it landed: since when it was so, by whom, and who owned it."""

    at: datetime
    by: str | None
    owner: str | None


def people(tx: Tx, *, after: str = "", limit: int = 500) -> list[str]:
    """Ids of people's golden records in their order, a page at a time, absorbed ones left out."""
    rows = tx.connection.execute(
        select(ENTITIES.c.id)
        .where(
            tx.mine(ENTITIES),
            ENTITIES.c.kind == EntityKind.PERSON.value,
            ENTITIES.c.status != "absorbed",
            ENTITIES.c.id > after,
        )
        .order_by(ENTITIES.c.id)
        .limit(limit)
    )
    return [row.id for row in rows]


def unlinked(
    tx: Tx, object_name: str, *, after: int = 0, limit: int = 500
) -> list[tuple[int, RecordRef]]:
    """Row id and name of live records of an object that belong to no golden record, a page at a
    time; converted Leads are left out."""
    linked = exists().where(
        tx.mine(LINKS),
        LINKS.c.record_id == RECORDS.c.record_id,
        LINKS.c.object == RECORDS.c.object,
        LINKS.c.system == RECORDS.c.system,
    )
    rows = tx.connection.execute(
        select(RECORDS.c.id, RECORDS.c.system, RECORDS.c.object, RECORDS.c.record_id)
        .where(
            tx.mine(RECORDS),
            RECORDS.c.object == object_name,
            RECORDS.c.deleted.is_(False),
            RECORDS.c.converted_to.is_(None),
            RECORDS.c.id > after,
            ~linked,
        )
        .order_by(RECORDS.c.id)
        .limit(limit)
    )
    return [(row_id, RecordRef(*ref)) for row_id, *ref in rows]


def happened(
    tx: Tx, entity_ids: Iterable[str], kinds: Sequence[EventKind]
) -> dict[str, list[Happened]]:
    """Events of these kinds by golden record, oldest first."""
    return _happened(tx, EVENTS.c.entity_id, entity_ids, kinds)


def campaigns(tx: Tx) -> dict[str, str]:
    """The names of e-mail campaigns by the number their events have, as the latest click of each
    tells it; those whose name is not known are left out.
    """
    latest = (
        select(func.max(EVENTS.c.id))
        .where(tx.mine(EVENTS), EVENTS.c.kind == EventKind.EMAIL_CLICK.value)
        .group_by(EVENTS.c.name)
    )
    rows = tx.connection.execute(
        select(EVENTS.c.name, EVENTS.c.details).where(EVENTS.c.id.in_(latest))
    )
    return {row.name: str(row.details["campaign"]) for row in rows if row.details.get("campaign")}


def of_nobody(
    tx: Tx, addresses: Iterable[str], kinds: Sequence[EventKind]
) -> dict[str, list[Happened]]:
    """Events of these kinds that belong to no golden record, by the address they name, oldest
    first."""
    return _happened(tx, EVENTS.c.email, addresses, kinds, EVENTS.c.entity_id.is_(None))


def _happened(
    tx: Tx,
    by: ColumnElement[str | None],
    wanted: Iterable[str],
    kinds: Sequence[EventKind],
    *more: ColumnElement[bool],
) -> dict[str, list[Happened]]:
    found: dict[str, list[Happened]] = defaultdict(list)
    named = {kind.value: kind for kind in kinds}
    for batch in chunks(sorted(set(wanted))):
        rows = tx.connection.execute(
            select(
                by, EVENTS.c.occurred_at, EVENTS.c.key, EVENTS.c.kind, EVENTS.c.name,
                EVENTS.c.filtered,
            )
            .where(tx.mine(EVENTS), by.in_(batch), EVENTS.c.kind.in_(named), *more)
        )  # fmt: skip
        for whose, at, key, kind, name, filtered in rows:
            found[whose].append(Happened(at, key, named[kind], name, bool(filtered)))
    for own in found.values():
        own.sort(key=lambda one: (one.at, one.key))
    return found


def events_since(tx: Tx, kinds: Sequence[EventKind]) -> datetime | None:
    """When the first known event of these kinds happened, None where there is none."""
    wanted = [kind.value for kind in kinds]
    return tx.connection.execute(
        select(func.min(EVENTS.c.occurred_at)).where(tx.mine(EVENTS), EVENTS.c.kind.in_(wanted))
    ).scalar()


def readings(tx: Tx, object_name: str, ids: Iterable[str]) -> dict[str, list[Reading]]:
    """Every revision of these CRM records that landed and was not pruned yet, oldest first."""
    found: dict[str, list[Reading]] = defaultdict(list)
    for batch in chunks(sorted(set(ids))):
        rows = tx.connection.execute(
            select(INBOX.c.record_id, INBOX.c.payload).where(
                tx.mine(INBOX), INBOX.c.record_id.in_(batch), INBOX.c.object == object_name
            )
        )
        for record_id, payload in rows:
            if payload is not None:
                found[record_id].append(_reading(payload))
    for own in found.values():
        own.sort(key=lambda one: (one.at, one.owner or ""))
    return found


def _reading(payload: Mapping[str, Any]) -> Reading:
    return Reading(
        datetime.fromisoformat(payload["modified_at"]),
        payload["modified_by"],
        payload["fields"].get("OwnerId"),
    )
