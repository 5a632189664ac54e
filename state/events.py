"""Marketing events: landed once, attributed to a golden record, delivered once (law 3).

Dispositions: `pending` (not yet attributed or delivered), `held` (the person is in review),
`journaled` (a write carries it), `delivered`, `rolled_up`, `baseline` (before go-live, rolled
up), `off` (the mapping wants none), `filtered` (the vendor discounts it), `echo` (an opt-out
Leadloop itself carried over, told back), `dead` (its write was refused), `crm_deleted` (a person
deleted their CRM record), `out_of_scope` (the mapping leaves the person out), `no_person` (nobody
to log it on).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, or_, select, update

from mappings.records import Event, EventKind
from state.failures import decodes
from state.store import Tx, aside, chunks, table_of
from state.tables import ActivityRow, EventRow

EVENTS = table_of(EventRow)
ACTIVITIES = table_of(ActivityRow)
COUNTED = ("rolled_up", "baseline")
OPEN = ("pending", "held")
UNCOUNTED = ("off", "filtered", "echo")


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event with its place in the state."""

    id: int
    event: Event
    entity_id: str | None
    disposition: str


@dataclass(frozen=True, slots=True)
class Rollup:
    """What a person's rolled-up events add up to: counts by kind, first, last, last campaign."""

    counts: Mapping[EventKind, int]
    first_at: datetime | None
    last_at: datetime | None
    last_name: str | None


@dataclass(frozen=True, slots=True)
class Happening:
    """A marketing event in short: what a person's timeline is folded from."""

    at: datetime
    key: str
    kind: EventKind
    name: str
    filtered: bool


def land(tx: Tx, run_id: str, stream: str, events: Sequence[Event]) -> int:
    """Store pulled events that are not stored yet; returns how many were news.

    Those of erased people are left out (law 8).
    """
    fresh: dict[str, Event] = {}
    screen = tx.screen
    for batch in chunks(e for e in events if screen is None or not screen.covers_event(e)):
        known = _known(tx, batch[0].system, [event.key for event in batch])
        fresh.update((event.key, event) for event in batch if event.key not in known)
    tx.insert_new(
        EVENTS,
        [
            {
                "system": event.system,
                "stream": stream,
                "key": event.key,
                "kind": event.kind.value,
                "occurred_at": event.occurred_at,
                "email": _clean(event.email or "", 320).lower() or None,
                "name": _clean(event.name, 255),
                "details": dict(event.details),
                "filtered": event.filtered,
                "disposition": "filtered" if event.filtered else "pending",
                "landed_at": tx.now,
                "run_id": run_id,
            }
            for event in fresh.values()
        ],
        ("tenant", "pair", "system", "key"),
    )
    return len(fresh)


def _clean(text: str, length: int) -> str:
    """Without NUL characters, which PostgreSQL's text cannot hold, and cut to the column."""
    return text.replace("\x00", "")[:length]


def _known(tx: Tx, system: str, keys: Sequence[str]) -> set[str]:
    return set(
        tx.connection.execute(
            select(EVENTS.c.key).where(
                tx.mine(EVENTS), EVENTS.c.system == system, EVENTS.c.key.in_(keys)
            )
        ).scalars()
    )


def unseen(tx: Tx, system: str, keys: Sequence[str]) -> set[str]:
    """Which event keys have not been landed."""
    missing = set(keys)
    for batch in chunks(keys):
        missing -= _known(tx, system, batch)
    return missing


def addresses_of(tx: Tx, entity_ids: Iterable[str]) -> frozenset[str]:
    """Addresses under which these golden records did something."""
    found: set[str] = set()
    for batch in chunks(entity_ids):
        found.update(
            tx.connection.execute(
                select(EVENTS.c.email)
                .where(tx.mine(EVENTS), EVENTS.c.entity_id.in_(batch), EVENTS.c.email.is_not(None))
                .distinct()
            ).scalars()
        )
    return frozenset(found)


def addresses(tx: Tx) -> Iterator[str]:
    """Every address somebody did something under, once."""
    yield from tx.connection.execute(
        select(EVENTS.c.email).where(tx.mine(EVENTS), EVENTS.c.email.is_not(None)).distinct()
    ).scalars()


def activities_of(tx: Tx, entity_ids: Iterable[str]) -> list[str]:
    """References of what these golden records' events were delivered as, in order."""
    found: set[str] = set()
    for batch in chunks(entity_ids):
        keys = select(EVENTS.c.key).where(tx.mine(EVENTS), EVENTS.c.entity_id.in_(batch))
        found.update(
            tx.connection.execute(
                select(ACTIVITIES.c.ref).where(
                    tx.mine(ACTIVITIES), ACTIVITIES.c.event_key.in_(keys)
                )
            ).scalars()
        )
    return sorted(found)


def unattributed(tx: Tx, *, after: int = 0, limit: int = 2000) -> list[StoredEvent]:
    """Pending and held events without a golden record, oldest first by row id."""
    rows = tx.connection.execute(
        select(EVENTS)
        .where(
            tx.mine(EVENTS),
            EVENTS.c.disposition.in_(OPEN),
            EVENTS.c.entity_id.is_(None),
            EVENTS.c.id > after,
        )
        .order_by(EVENTS.c.id)
        .limit(limit)
    )
    return [_stored(row) for row in rows]


def have_landed(tx: Tx, *, since: datetime | None) -> bool:
    """Whether an event without a golden record has landed after an instant (None: ever)."""
    query = select(EVENTS.c.id).where(
        tx.mine(EVENTS), EVENTS.c.disposition.in_(OPEN), EVENTS.c.entity_id.is_(None)
    )
    if since is not None:
        query = query.where(EVENTS.c.landed_at > since)
    return tx.connection.execute(query.limit(1)).first() is not None


def attribute(tx: Tx, entity_ids: Mapping[int, str]) -> None:
    """Say whose the events are, by event row id."""
    tx.change(
        EVENTS,
        ("id",),
        [{"id": row_id, "entity_id": entity_id} for row_id, entity_id in entity_ids.items()],
    )


def revive(tx: Tx, emails: Iterable[str]) -> None:
    """Events nobody could be found for are looked at again: these addresses are known now."""
    for batch in chunks(sorted(set(emails))):
        tx.connection.execute(
            update(EVENTS)
            .where(tx.mine(EVENTS), EVENTS.c.email.in_(batch), EVENTS.c.disposition == "no_person")
            .values(disposition="pending")
        )


def dispose(tx: Tx, run_id: str, ids: Iterable[int], disposition: str) -> None:
    """Say what became of events (law 2)."""
    for batch in chunks(ids):
        tx.connection.execute(
            update(EVENTS)
            .where(tx.mine(EVENTS), EVENTS.c.id.in_(batch))
            .values(disposition=disposition, settled_run=run_id)
        )


def open_of(tx: Tx, entity_ids: Iterable[str]) -> dict[str, list[StoredEvent]]:
    """Undelivered events of the named golden records, by time then key."""
    found: dict[str, list[StoredEvent]] = {}
    for batch in chunks(entity_ids):
        rows = tx.connection.execute(
            select(EVENTS)
            .where(
                tx.mine(EVENTS),
                EVENTS.c.entity_id.in_(batch),
                aside(EVENTS.c.disposition).in_(OPEN),
            )
            .order_by(EVENTS.c.occurred_at, EVENTS.c.key)
        )
        for row in rows:
            found.setdefault(row.entity_id, []).append(_stored(row))
    return found


def rollups(
    tx: Tx,
    entity_ids: Iterable[str],
    kinds: Sequence[EventKind],
    baseline_until: datetime | None,
    *,
    custom: Sequence[str] = (),
    logged: Sequence[str] = (),
) -> dict[str, Rollup]:
    """What the rolled-up kinds add up to per golden record, recomputed from every event; of custom
    events those named `custom`.

    Form fills before `baseline_until` are counted too, and custom events named `logged`: before
    go-live they are roll-ups.
    """
    whole = [kind.value for kind in kinds if kind is not EventKind.CUSTOM]
    rolled = or_(
        EVENTS.c.kind.in_(whole),
        and_(EVENTS.c.kind == EventKind.CUSTOM.value, EVENTS.c.name.in_(custom)),
        EVENTS.c.disposition == "baseline",
        and_(
            or_(
                EVENTS.c.kind == EventKind.FORM_FILL.value,
                and_(EVENTS.c.kind == EventKind.CUSTOM.value, EVENTS.c.name.in_(logged)),
            ),
            EVENTS.c.disposition.in_((*OPEN, "out_of_scope")),
            EVENTS.c.occurred_at < baseline_until,
        )
        if baseline_until is not None
        else EVENTS.c.disposition == "baseline",
    )
    found: dict[str, Rollup] = {}
    for batch in chunks(entity_ids):
        mine = and_(
            tx.mine(EVENTS),
            EVENTS.c.entity_id.in_(batch),
            rolled,
            EVENTS.c.filtered.is_(False),
            EVENTS.c.disposition.not_in(UNCOUNTED),
        )
        found.update(_fold_rollups(tx, mine))
    return found


def _fold_rollups(tx: Tx, mine: Any) -> dict[str, Rollup]:
    grouped = tx.connection.execute(
        select(
            EVENTS.c.entity_id,
            EVENTS.c.kind,
            func.count(),
            func.min(EVENTS.c.occurred_at),
            func.max(EVENTS.c.occurred_at),
        )
        .where(mine)
        .group_by(EVENTS.c.entity_id, EVENTS.c.kind)
    ).all()
    names = _last_names(tx, mine)
    folded: dict[str, dict[EventKind, int]] = {}
    span: dict[str, tuple[datetime, datetime]] = {}
    for entity_id, kind, number, first, last in grouped:
        folded.setdefault(entity_id, {})[EventKind(kind)] = number
        low, high = span.get(entity_id, (first, last))
        span[entity_id] = (min(low, first), max(high, last))
    return {
        entity_id: Rollup(counts, *span[entity_id], names.get(entity_id))
        for entity_id, counts in folded.items()
    }


def _last_names(tx: Tx, mine: Any) -> dict[str, str]:
    place = func.row_number().over(
        partition_by=EVENTS.c.entity_id,
        order_by=(EVENTS.c.occurred_at.desc(), EVENTS.c.key.desc()),
    )
    named = (
        select(EVENTS.c.entity_id, EVENTS.c.name, place.label("place"))
        .where(mine, EVENTS.c.name != "")
        .subquery()
    )
    rows = tx.connection.execute(select(named.c.entity_id, named.c.name).where(named.c.place == 1))
    return dict(rows.all())


def record_activities(tx: Tx, run_id: str, delivered: Sequence[tuple[str, str, str]]) -> None:
    """(event key, form, CRM record) of delivered activities; a second one changes nothing."""
    tx.insert_new(
        ACTIVITIES,
        [
            {"event_key": key, "form": form, "ref": ref, "run_id": run_id, "at": tx.now}
            for key, form, ref in delivered
        ],
        ("tenant", "pair", "event_key", "form"),
    )


def entities_waiting(tx: Tx) -> list[str]:
    """Golden records that have pending events."""
    return list(
        tx.connection.execute(
            select(EVENTS.c.entity_id)
            .where(
                tx.mine(EVENTS),
                EVENTS.c.disposition == "pending",
                EVENTS.c.entity_id.is_not(None),
            )
            .distinct()
        ).scalars()
    )


def dispositions(tx: Tx, *, run_id: str | None = None) -> dict[str, int]:
    """How many events ended how; of one run, or of all."""
    query = select(EVENTS.c.disposition, func.count()).where(tx.mine(EVENTS))
    if run_id is not None:
        query = query.where(EVENTS.c.run_id == run_id)
    return dict(tx.connection.execute(query.group_by(EVENTS.c.disposition)).all())


def with_echo(tx: Tx, emails: Iterable[str]) -> set[str]:
    """Addresses one of whose events was an echo of a write of ours."""
    found: set[str] = set()
    for batch in chunks(emails):
        found.update(
            email
            for email in tx.connection.execute(
                select(EVENTS.c.email).where(
                    tx.mine(EVENTS), EVENTS.c.email.in_(batch), EVENTS.c.disposition == "echo"
                )
            ).scalars()
            if email is not None
        )
    return found


def of_entity(tx: Tx, entity_id: str, *, limit: int = 500) -> list[StoredEvent]:
    """A golden record's events, newest first."""
    rows = tx.connection.execute(
        select(EVENTS)
        .where(tx.mine(EVENTS), EVENTS.c.entity_id == entity_id)
        .order_by(EVENTS.c.occurred_at.desc(), EVENTS.c.key)
        .limit(limit)
    )
    return [_stored(row) for row in rows]


def happenings(tx: Tx, entity_ids: Iterable[str]) -> dict[str, list[Happening]]:
    """Everything that ever happened to golden records, in order of time, without its details; of
    our own opt-outs told back nothing."""
    found: dict[str, list[Happening]] = defaultdict(list)
    columns = (EVENTS.c.entity_id, EVENTS.c.occurred_at, EVENTS.c.key, EVENTS.c.kind, EVENTS.c.name)
    for batch in chunks(sorted(set(entity_ids))):
        rows = tx.connection.execute(
            select(*columns, EVENTS.c.filtered)
            .where(tx.mine(EVENTS), EVENTS.c.entity_id.in_(batch), EVENTS.c.disposition != "echo")
            .order_by(EVENTS.c.occurred_at, EVENTS.c.key)
        )
        for owner, at, key, kind, name, filtered in rows:
            found[owner].append(Happening(at, key, EventKind(kind), name, bool(filtered)))
    return dict(found)


@decodes
def _stored(row: Row[Any]) -> StoredEvent:
    event = Event(
        system=row.system,
        kind=EventKind(row.kind),
        key=row.key,
        occurred_at=row.occurred_at,
        email=row.email,
        name=row.name,
        details=row.details or {},
        filtered=bool(row.filtered),
    )
    return StoredEvent(row.id, event, row.entity_id, row.disposition)
