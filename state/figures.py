"""Reads for people: how things stand in numbers, and who somebody is by what is known of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.sql.elements import Label

from mappings.record_ids import spelled_out
from mappings.records import Record, RecordRef
from state.candidates import INDEXED
from state.identity import ALIASES
from state.mirror import INBOX, RECORDS, from_payload
from state.outbox import DEAD, INTENTS, UNSETTLED, DeadLetter, _letter
from state.reviews import REVIEWS, ReviewItem, _item
from state.store import Tx, chunks

MOST = 20
"""Records a search for one person gives at most."""


AGES: tuple[tuple[str, timedelta], ...] = (
    ("1m", timedelta(minutes=1)),
    ("10m", timedelta(minutes=10)),
    ("1h", timedelta(hours=1)),
    ("1d", timedelta(days=1)),
)
"""Ages of open intents: younger than each, the youngest first; what is older is `older`."""
NAMES = (*(name for name, _ in AGES), "older")


def open_intents(tx: Tx, now: datetime) -> dict[str, dict[str, int]]:
    """Intents without an outcome, by status and age."""
    age = _age(now)
    rows = tx.connection.execute(
        select(INTENTS.c.status, age, func.count())
        .where(tx.mine(INTENTS), INTENTS.c.status.in_(UNSETTLED))
        .group_by(INTENTS.c.status, age)
    )
    found = {status: dict.fromkeys(NAMES, 0) for status in UNSETTLED}
    for status, name, count in rows:
        found[status][name] = count
    return found


@dataclass(frozen=True, slots=True)
class Waiting:
    """Writes journaled for a system in a lane and not sent yet; `by_age` as in `open_intents`."""

    system: str
    lane: str
    count: int
    by_age: Mapping[str, int]
    oldest_at: datetime


def backlog(tx: Tx, now: datetime) -> list[Waiting]:
    """What waits to be sent, by system and lane."""
    age = _age(now)
    rows = tx.connection.execute(
        select(
            INTENTS.c.system, INTENTS.c.lane, age, func.count(), func.min(INTENTS.c.journaled_at)
        )
        .where(tx.mine(INTENTS), INTENTS.c.status == "open")
        .group_by(INTENTS.c.system, INTENTS.c.lane, age)
    )
    ages: dict[tuple[str, str], dict[str, int]] = {}
    oldest: dict[tuple[str, str], datetime] = {}
    for system, lane, name, count, first in rows:
        place = (system, lane)
        ages.setdefault(place, dict.fromkeys(NAMES, 0))[name] = count
        oldest[place] = min(first, oldest.get(place, first))
    return [Waiting(*place, sum(own.values()), own, oldest[place]) for place, own in ages.items()]


def _age(now: datetime) -> Label[str]:
    return case(
        *((INTENTS.c.journaled_at > now - width, name) for name, width in AGES), else_="older"
    ).label("age")


def named(tx: Tx, text: str) -> list[RecordRef]:
    """Records that a person may mean by a text: an address, an id (15 characters of Salesforce's
    will do), `object:id`, or a whole reference. Deleted ones too; at most 20, in order of name.
    """
    parts = spelled_out(text).split(":")
    conditions = [
        RECORDS.c.lookup == text.lower(),
        RECORDS.c.lookup2 == text,
        RECORDS.c.record_id.in_([text, spelled_out(text)]),
    ]
    if len(parts) >= 2:  # noqa: PLR2004 - object and id, with or without the system before them
        same = and_(RECORDS.c.object == parts[-2], RECORDS.c.record_id == parts[-1])
        system = [RECORDS.c.system == parts[-3]] if len(parts) > 2 else []  # noqa: PLR2004 - as above
        conditions = [and_(same, *system)]
    rows = tx.connection.execute(
        select(RECORDS.c.system, RECORDS.c.object, RECORDS.c.record_id)
        .where(tx.mine(RECORDS), or_(*conditions))
        .order_by(RECORDS.c.system, RECORDS.c.object, RECORDS.c.record_id)
        .limit(MOST)
    )
    return [RecordRef(system, name, record_id) for system, name, record_id in rows]


def letters(tx: Tx, numbers: Iterable[int]) -> list[DeadLetter]:
    """The named dead letters, open or closed."""
    found: list[DeadLetter] = []
    for batch in chunks(numbers):
        rows = tx.connection.execute(select(DEAD).where(tx.mine(DEAD), DEAD.c.id.in_(batch)))
        found.extend(map(_letter, rows))
    return found


def letters_of(tx: Tx, fingerprint: str) -> list[DeadLetter]:
    """Every letter one and the same change has become, open or closed, oldest first."""
    rows = tx.connection.execute(
        select(DEAD).where(tx.mine(DEAD), DEAD.c.fingerprint == fingerprint).order_by(DEAD.c.id)
    )
    return [_letter(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Landed:
    """A revision of a record as it came in."""

    record: Record
    at: datetime
    run_id: str


def landed(tx: Tx, refs: Iterable[RecordRef]) -> list[Landed]:
    """What came in about these records, oldest first; rows whose payload was pruned, or could not
    be used, are left out.
    """
    wanted = set(refs)
    found: dict[int, Landed] = {}
    for batch in chunks({ref.id for ref in wanted}):
        rows = tx.connection.execute(
            select(INBOX).where(tx.mine(INBOX), INBOX.c.record_id.in_(batch))
        )
        for row in rows:
            ref = RecordRef(row.system, row.object, row.record_id)
            if ref in wanted and "fields" in (row.payload or {}):
                found[row.id] = Landed(from_payload(row.payload, ref), row.landed_at, row.run_id)
    return [found[key] for key in sorted(found)]


def named_like(tx: Tx, words: Sequence[str], *, limit: int) -> list[RecordRef]:
    """People's records whose name, address or company holds every one of these words, in order of
    their name. Reads the whole index: for a person who looks for one.
    """
    held = (INDEXED.c.person.icontains(word, autoescape=True) for word in words)
    rows = tx.connection.execute(
        select(INDEXED.c.record_key)
        .where(tx.mine(INDEXED), *held)
        .order_by(INDEXED.c.record_key)
        .limit(limit)
    )
    return [RecordRef.parse(key) for key in rows.scalars()]


def conflicts_of(tx: Tx, refs: Iterable[RecordRef]) -> list[ReviewItem]:
    """Every review item about values of these records, open or decided, oldest first."""
    found = [
        _item(row)
        for ref in refs
        for row in tx.connection.execute(
            select(REVIEWS).where(
                tx.mine(REVIEWS), REVIEWS.c.subject.startswith(f"{ref}|", autoescape=True)
            )
        )
    ]
    return sorted(found, key=lambda item: item.id)


def aliases_to(tx: Tx, refs: list[RecordRef]) -> list[tuple[RecordRef, RecordRef, str, datetime]]:
    """(old, new, reason, when) of every id that stands for one of these records, or is one of
    them and stands for another; oldest first.
    """
    found: dict[int, tuple[RecordRef, RecordRef, str, datetime]] = {}
    wanted = set(refs)
    for batch in chunks({ref.id for ref in refs}):
        rows = tx.connection.execute(
            select(ALIASES).where(
                tx.mine(ALIASES),
                or_(ALIASES.c.record_id.in_(batch), ALIASES.c.to_id.in_(batch)),
            )
        )
        for row in rows:
            old = RecordRef(row.system, row.object, row.record_id)
            new = RecordRef(row.system, row.to_object, row.to_id)
            if old in wanted or new in wanted:
                found[row.id] = (old, new, row.reason, row.at)
    return [found[key] for key in sorted(found)]


def review_items_of(tx: Tx, subjects: list[str]) -> list[ReviewItem]:
    """Every review item about these records, open or decided, oldest first."""
    found: list[ReviewItem] = []
    for batch in chunks(subjects):
        rows = tx.connection.execute(
            select(REVIEWS)
            .where(tx.mine(REVIEWS), REVIEWS.c.subject.in_(batch))
            .order_by(REVIEWS.c.id)
        )
        found.extend(_item(row) for row in rows)
    return sorted(found, key=lambda item: item.id)
