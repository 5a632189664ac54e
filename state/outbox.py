"""Intents and outcomes: every write is journaled before it is sent (BEHAVIOURS, Once in effect).

Statuses: `open` (journaled, not sent), `sending` (handed to the vendor, no word yet), `ok`,
`rejected`, `unknown` (the reply was lost), `dropped` (superseded, or what it depends on failed),
`undone` (an undo took it back). A restart looks up what is `sending` or `unknown` at the vendor
before anything is sent again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, or_, select, update

from mappings.ports import Lane
from mappings.records import Operation, RecordRef, Side
from state.failures import decodes
from state.store import Tx, aside, chunks, table_of
from state.tables import DeadLetterRow, IntentRow

INTENTS = table_of(IntentRow)
DEAD = table_of(DeadLetterRow)
UNSETTLED = ("open", "sending", "unknown")
RESOLVED, DISCARDED = "resolved", "discarded"
"""Statuses of dead letters that were closed without a replay: overtaken by a later version of their
record; not to be delivered any more, by a person's word."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One write Leadloop means to make.

    `fields` are ready to send, but for values `{"$id_of": key}` that stand for the id an earlier
    intent yields (`depends_on`). `fingerprint` is the same for the same change to the same
    target, whenever it is planned. `details` carry what settling needs: `bond`, `shadow` (values
    agreed once the write is done), `events` (row ids it delivers), `changes` (field, before,
    after, rule).
    """

    key: str
    entity_id: str
    side: Side
    system: str
    operation: Operation
    object: str
    fields: Mapping[str, Any]
    lane: Lane
    reason: str
    fingerprint: str
    target_id: str | None = None
    external_field: str | None = None
    external_value: str | None = None
    depends_on: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredIntent:
    """An intent in the journal with what is known of its outcome."""

    intent: Intent
    run_id: str
    status: str
    attempts: int
    result_id: str | None
    error: Mapping[str, Any] | None
    journaled_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an intent ended, ready to be stored. `attempt` is false where it was never sent; one
    that is open again is not sent before `due_at`."""

    key: str
    status: str
    result_id: str | None = None
    created: bool | None = None
    error: Mapping[str, Any] | None = None
    attempt: bool = True
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A change that could not be delivered."""

    id: int
    entity_id: str | None
    subject: str
    intent_key: str | None
    fingerprint: str
    code: str
    field: str | None
    message: str
    remedy: str
    payload: Mapping[str, Any]
    status: str
    run_id: str
    at: datetime
    closed_at: datetime | None = None
    closing: Mapping[str, Any] | None = None


def journal(tx: Tx, run_id: str, intents: Sequence[Intent]) -> None:
    """Write intents down; one that is there already (same key) is left as it is."""
    tx.insert_new(
        INTENTS,
        [
            {
                "key": intent.key,
                "run_id": run_id,
                "entity_id": intent.entity_id,
                "side": intent.side.value,
                "system": intent.system,
                "operation": intent.operation.value,
                "object": intent.object,
                "target_id": intent.target_id,
                "external_field": intent.external_field,
                "external_value": intent.external_value,
                "fields": dict(intent.fields),
                "lane": intent.lane.value,
                "reason": intent.reason,
                "depends_on": intent.depends_on,
                "fingerprint": intent.fingerprint,
                "details": dict(intent.details),
                "status": "open",
                "attempts": 0,
                "journaled_at": tx.now,
            }
            for intent in intents
        ],
        ("tenant", "pair", "key"),
    )


def unsettled(
    tx: Tx,
    *,
    after: int = 0,
    limit: int = 2000,
    status: str | Sequence[str] = UNSETTLED,
    lane: Lane | None = None,
    reason: str | None = None,
    due: tuple[datetime, datetime] | None = None,
) -> list[tuple[int, StoredIntent]]:
    """Intents without an outcome, oldest first, after the given row id; those of one status, lane
    or reason where that is asked for. `due` leaves out those that are to be sent only between
    its two instants: later than the second can only be because the clock was set back."""
    statuses = [status] if isinstance(status, str) else list(status)
    query = select(INTENTS).where(
        tx.mine(INTENTS), INTENTS.c.status.in_(statuses), INTENTS.c.id > after
    )
    if lane is not None:
        query = query.where(INTENTS.c.lane == lane.value)
    if reason is not None:
        query = query.where(INTENTS.c.reason == reason)
    if due is not None:
        at = INTENTS.c.due_at
        query = query.where(or_(at.is_(None), at <= due[0], at > due[1]))
    rows = tx.connection.execute(query.order_by(INTENTS.c.id).limit(limit))
    return [(row.id, _stored(row)) for row in rows]


def unsettled_entities(tx: Tx, entity_ids: Iterable[str]) -> set[str]:
    """Which golden records still have writes under way: they are not planned until settled."""
    found: set[str] = set()
    for batch in chunks(entity_ids):
        found.update(
            tx.connection.execute(
                select(INTENTS.c.entity_id)
                .where(
                    tx.mine(INTENTS),
                    INTENTS.c.entity_id.in_(batch),
                    aside(INTENTS.c.status).in_(UNSETTLED),
                )
                .distinct()
            ).scalars()
        )
    return found


def under_way(tx: Tx, entity_ids: Iterable[str]) -> dict[str, list[Intent]]:
    """The writes of these golden records that are not settled; of one without, nothing."""
    found: dict[str, list[Intent]] = {}
    for batch in chunks(entity_ids):
        rows = tx.connection.execute(
            select(INTENTS).where(
                tx.mine(INTENTS),
                INTENTS.c.entity_id.in_(batch),
                aside(INTENTS.c.status).in_(UNSETTLED),
            )
        )
        for row in rows:
            found.setdefault(row.entity_id, []).append(_stored(row).intent)
    return found


def of_unknown_outcome(tx: Tx, entity_ids: Iterable[str]) -> list[Intent]:
    """Writes of these golden records that may have been made at the vendor, though nobody knows."""
    found: list[Intent] = []
    for batch in chunks(entity_ids):
        rows = tx.connection.execute(
            select(INTENTS).where(
                tx.mine(INTENTS),
                INTENTS.c.entity_id.in_(batch),
                aside(INTENTS.c.status).in_(("sending", "unknown")),
            )
        )
        found.extend(_stored(row).intent for row in rows)
    return found


def settle(tx: Tx, settlements: Sequence[Settlement]) -> None:
    """Store outcomes, row by row."""
    if not settlements:
        return
    tx.connection.execute(
        update(INTENTS)
        .where(tx.mine(INTENTS), INTENTS.c.key == bindparam("_key"))
        .values(
            status=bindparam("_status"),
            attempts=INTENTS.c.attempts + bindparam("_attempt"),
            result_id=bindparam("_result_id"),
            created=bindparam("_created"),
            error=bindparam("_error"),
            due_at=bindparam("_due_at"),
            done_at=bindparam("_done_at"),
        ),
        [
            {
                "_key": settled.key,
                "_status": settled.status,
                "_attempt": int(settled.attempt),
                "_result_id": settled.result_id,
                "_created": settled.created,
                "_error": dict(settled.error) if settled.error else None,
                "_due_at": settled.due_at,
                "_done_at": None if settled.status in UNSETTLED else tx.now,
            }
            for settled in settlements
        ],
    )


def mark_sending(tx: Tx, keys: Iterable[str]) -> None:
    """These are about to be handed to the vendor: from here on they may have arrived."""
    for batch in chunks(keys):
        tx.connection.execute(
            update(INTENTS)
            .where(tx.mine(INTENTS), INTENTS.c.key.in_(batch))
            .values(status="sending")
        )


def journaled_fingerprints(tx: Tx, fingerprints: Iterable[str]) -> set[str]:
    """Which of these changes have been journaled by any run."""
    found: set[str] = set()
    for batch in chunks(fingerprints):
        found.update(
            tx.connection.execute(
                select(INTENTS.c.fingerprint).where(
                    tx.mine(INTENTS), INTENTS.c.fingerprint.in_(batch)
                )
            ).scalars()
        )
    return found


def dropped_since(tx: Tx, fingerprints: Iterable[str], since: datetime) -> set[str]:
    """Which of these changes were journaled, and dropped after that instant to be planned anew."""
    found: set[str] = set()
    for batch in chunks(fingerprints):
        found.update(
            tx.connection.execute(
                select(INTENTS.c.fingerprint).where(
                    tx.mine(INTENTS),
                    INTENTS.c.fingerprint.in_(batch),
                    aside(INTENTS.c.status) == "dropped",
                    INTENTS.c.done_at > since,
                )
            ).scalars()
        )
    return found


def reopen(tx: Tx, keys: Iterable[str], *, afresh: bool = False) -> None:
    """Intents may be sent again. Looking for one is no attempt; `afresh` forgets earlier ones."""
    values: dict[str, Any] = {"status": "open", "done_at": None, "due_at": None}
    if afresh:
        values["attempts"] = 0
    for batch in chunks(keys):
        tx.connection.execute(
            update(INTENTS).where(tx.mine(INTENTS), INTENTS.c.key.in_(batch)).values(**values)
        )


def carry(tx: Tx, intents: Sequence[Intent]) -> None:
    """Intents that are journaled already, with the events and expectations they have now."""
    for intent in intents:
        tx.connection.execute(
            update(INTENTS)
            .where(tx.mine(INTENTS), INTENTS.c.key == intent.key)
            .values(details=dict(intent.details))
        )


def results(tx: Tx, keys: Iterable[str]) -> dict[str, StoredIntent]:
    """The named intents as they stand."""
    found: dict[str, StoredIntent] = {}
    for batch in chunks(keys):
        rows = tx.connection.execute(
            select(INTENTS).where(tx.mine(INTENTS), INTENTS.c.key.in_(batch))
        )
        found.update((row.key, _stored(row)) for row in rows)
    return found


def mark(tx: Tx, keys: Iterable[str], status: str) -> None:
    """Settled intents get another word: `undone` ones may be sent again when planned again."""
    for batch in chunks(keys):
        tx.connection.execute(
            update(INTENTS)
            .where(tx.mine(INTENTS), INTENTS.c.key.in_(batch), INTENTS.c.status == "ok")
            .values(status=status)
        )


def count_by_status(tx: Tx, *, run_id: str | None = None) -> dict[str, int]:
    """Intents by status; of one run, or of all."""
    query = select(INTENTS.c.status, func.count()).where(tx.mine(INTENTS))
    if run_id is not None:
        query = query.where(INTENTS.c.run_id == run_id)
    return dict(tx.connection.execute(query.group_by(INTENTS.c.status)).all())


def open_by_lane(tx: Tx) -> dict[tuple[str, str], int]:
    """Intents that wait to be sent, by (system, lane)."""
    rows = tx.connection.execute(
        select(INTENTS.c.system, INTENTS.c.lane, func.count())
        .where(tx.mine(INTENTS), INTENTS.c.status == "open")
        .group_by(INTENTS.c.system, INTENTS.c.lane)
    )
    return {(system, lane): count for system, lane, count in rows}


def of_entity(tx: Tx, entity_id: str) -> list[StoredIntent]:
    """Every intent of a golden record, oldest first."""
    rows = tx.connection.execute(
        select(INTENTS)
        .where(tx.mine(INTENTS), INTENTS.c.entity_id == entity_id)
        .order_by(INTENTS.c.id)
    )
    return [_stored(row) for row in rows]


def bury(tx: Tx, run_id: str, letters: Sequence[Mapping[str, Any]]) -> None:
    """Store dead letters: everything of DeadLetter but id, status, run and time."""
    tx.insert(
        DEAD, [{**letter, "status": "open", "run_id": run_id, "at": tx.now} for letter in letters]
    )


def dead_fingerprints(tx: Tx, fingerprints: Iterable[str]) -> set[str]:
    """Which changes are known to be refused as they stand: they wait for a replay, or a person has
    given them up."""
    found: set[str] = set()
    for batch in chunks(fingerprints):
        found.update(
            tx.connection.execute(
                select(DEAD.c.fingerprint).where(
                    tx.mine(DEAD),
                    aside(DEAD.c.status).in_(("open", DISCARDED)),
                    DEAD.c.fingerprint.in_(batch),
                )
            ).scalars()
        )
    return found


def dead_letters(
    tx: Tx,
    *,
    status: str = "open",
    run_id: str | None = None,
    subject: str | None = None,
    code: str | None = None,
    since: datetime | None = None,
    limit: int = 1000,
) -> list[DeadLetter]:
    """Dead letters, newest first, narrowed by what is given."""
    query = select(DEAD).where(tx.mine(DEAD), DEAD.c.status == status)
    if run_id is not None:
        query = query.where(DEAD.c.run_id == run_id)
    if subject is not None:
        query = query.where((DEAD.c.subject == subject) | (DEAD.c.entity_id == subject))
    if code is not None:
        query = query.where(DEAD.c.code == code)
    if since is not None:
        query = query.where(DEAD.c.at >= since)
    rows = tx.connection.execute(query.order_by(DEAD.c.id.desc()).limit(limit))
    return [_letter(row) for row in rows]


def dead_count(tx: Tx) -> int:
    """Open dead letters."""
    return int(
        tx.connection.execute(
            select(func.count()).select_from(DEAD).where(tx.mine(DEAD), DEAD.c.status == "open")
        ).scalar_one()
    )


def close_letters(
    tx: Tx, ids: Sequence[int], status: str, *, closing: Mapping[str, Any] | None = None
) -> None:
    """Close what is open of these: `replayed`, `settled` (an unreadable row came again), `resolved`
    by a later version of its record, or `discarded`; `closing` says why."""
    for batch in chunks(ids):
        tx.connection.execute(
            update(DEAD)
            .where(tx.mine(DEAD), DEAD.c.id.in_(batch), aside(DEAD.c.status) == "open")
            .values(status=status, closed_at=tx.now, closing=dict(closing) if closing else None)
        )


@decodes
def _letter(row: Row[Any]) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        entity_id=row.entity_id,
        subject=row.subject,
        intent_key=row.intent_key,
        fingerprint=row.fingerprint,
        code=row.code,
        field=row.field,
        message=row.message,
        remedy=row.remedy,
        payload=row.payload,
        status=row.status,
        run_id=row.run_id,
        at=row.at,
        closed_at=row.closed_at,
        closing=row.closing,
    )


@decodes
def _stored(row: Row[Any]) -> StoredIntent:
    intent = Intent(
        key=row.key,
        entity_id=row.entity_id,
        side=Side(row.side),
        system=row.system,
        operation=Operation(row.operation),
        object=row.object,
        fields=row.fields,
        lane=Lane(row.lane),
        reason=row.reason,
        fingerprint=row.fingerprint,
        target_id=row.target_id,
        external_field=row.external_field,
        external_value=row.external_value,
        depends_on=row.depends_on,
        details=row.details or {},
    )
    return StoredIntent(
        intent, row.run_id, row.status, row.attempts, row.result_id, row.error, row.journaled_at,
        row.done_at,
    )  # fmt: skip


def reference(intent: Intent, result_id: str | None = None) -> RecordRef:
    """The vendor record an intent is about; "?" stands for an id not known yet."""
    return RecordRef(intent.system, intent.object, result_id or intent.target_id or "?")
