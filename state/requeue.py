"""Putting things back at the start of the road: what an operator's decisions need of the state.

Nothing here decides. Every function belongs into the transaction of the decision it carries out,
and changes nothing when it is called again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import delete, select, update

from mappings.records import RecordRef
from state import effects, events, identity, loop, mirror, outbox
from state.events import ACTIVITIES, EVENTS
from state.identity import LINKS
from state.ledger import LEDGER
from state.mirror import INBOX, RECORD_KEY, to_payload
from state.outbox import DEAD, INTENTS, Intent
from state.store import Tx, aside, chunks

UNDECIDED = ("review", "no_counterpart", "out_of_scope", "unidentifiable")
"""Dispositions of inbox rows whose record belonged to nobody."""
MERGED = "merged_meanwhile"
"""In an intent's details: since it was sent its person was absorbed, or absorbed another."""


def put_back(tx: Tx, run_id: str, refs: Iterable[RecordRef]) -> int:
    """Make the newest known revision of these records pending again; how many there were.

    The next run decides about them as if they had just been pulled. Deleted ones are left alone.
    """
    known = [row for row in mirror.load(tx, refs).values() if not row.record.deleted]
    keys = [
        {
            "system": row.record.ref.system,
            "object": row.record.ref.object,
            "record_id": row.record.ref.id,
            "revision": row.record.revision,
        }
        for row in known
    ]
    payloads = [to_payload(row.record) for row in known]
    landed = [
        {
            **key,
            "stream": row.stream,
            "payload": payload,
            "landed_at": tx.now,
            "run_id": run_id,
            "disposition": "pending",
        }
        for key, row, payload in zip(keys, known, payloads, strict=True)
    ]
    tx.insert_new(INBOX, landed, (*RECORD_KEY, "revision"))
    tx.change(
        INBOX,
        ("system", "object", "record_id", "revision"),
        [
            {**key, "payload": payload, "disposition": "pending", "settled_run": None}
            for key, payload in zip(keys, payloads, strict=True)
        ],
    )
    return len(known)


def claim_rows(tx: Tx, run_id: str, refs: Iterable[RecordRef]) -> None:
    """The inbox rows of these records have found their golden record: they are `planned`."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for ref in refs:
        grouped.setdefault((ref.system, ref.object), []).append(ref.id)
    for (system, object_name), ids in grouped.items():
        for batch in chunks(ids):
            tx.connection.execute(
                update(INBOX)
                .where(
                    tx.mine(INBOX),
                    INBOX.c.record_id.in_(batch),
                    INBOX.c.object == object_name,
                    INBOX.c.system == system,
                    INBOX.c.disposition.in_((*UNDECIDED, "pending")),
                )
                .values(disposition="planned", settled_run=run_id)
            )


def unlink(tx: Tx, refs: Iterable[RecordRef]) -> None:
    """These records belong to no golden record any more."""
    for ref in refs:
        tx.connection.execute(
            delete(LINKS).where(
                tx.mine(LINKS),
                LINKS.c.record_id == ref.id,
                LINKS.c.object == ref.object,
                LINKS.c.system == ref.system,
            )
        )


def reassign_events(tx: Tx, entity_id: str, emails: Iterable[str], to: str | None) -> None:
    """A golden record's events of these addresses belong to another one, or are attributed anew.

    Delivered ones stay delivered until their record is gone; what was rolled up counts again with
    whoever it belongs to.
    """
    for batch in chunks(emails):
        mine = (tx.mine(EVENTS), EVENTS.c.entity_id == entity_id, EVENTS.c.email.in_(batch))
        if to is None:
            tx.connection.execute(
                update(EVENTS)
                .where(*mine, EVENTS.c.disposition.in_(("rolled_up", "baseline", "held", "dead")))
                .values(disposition="pending")
            )
        tx.connection.execute(update(EVENTS).where(*mine).values(entity_id=to))


def forget_activity(tx: Tx, ref: str) -> None:
    """The record of an activity was deleted by an undo: its event may be delivered again."""
    tx.connection.execute(delete(ACTIVITIES).where(tx.mine(ACTIVITIES), ACTIVITIES.c.ref == ref))


def hand_over(tx: Tx, run_id: str, loser: str, winner: str) -> None:
    """All that a golden record had besides its links, when another has absorbed it."""
    hand_over_events(tx, loser, winner)
    hand_over_writes(tx, run_id, loser, winner)
    hand_over_history(tx, loser, winner)
    loop.absorb(tx, run_id, loser, winner)
    effects.absorb(tx, loser, winner)
    identity.drop_shadows(tx, loser)


def hand_over_events(tx: Tx, loser: str, winner: str) -> None:
    """A golden record's events belong to the one that has absorbed it."""
    tx.connection.execute(
        update(EVENTS).where(tx.mine(EVENTS), EVENTS.c.entity_id == loser).values(entity_id=winner)
    )


def hand_over_writes(tx: Tx, run_id: str, loser: str, winner: str) -> None:
    """What two golden records had under way, when one has absorbed the other.

    What was never sent was planned for two people who are one: it is dropped, and its events wait
    to be planned anew. What may have been sent is the winner's from now on, so that whatever it
    made is linked with somebody; where it turns out to have made nothing it is planned anew too
    (`MERGED` in its details says so), or both would be made (law 1). Writes of an undo cannot be
    planned anew: they change hands and are kept.
    """
    both = [*outbox.of_entity(tx, loser), *outbox.of_entity(tx, winner)]
    waiting = [s for s in both if s.status in outbox.UNSETTLED and "undo" not in s.intent.details]
    unsent = [stored.intent for stored in waiting if stored.status == "open"]
    sent = [stored.intent for stored in waiting if stored.status != "open"]
    outbox.settle(tx, [outbox.Settlement(i.key, "dropped", attempt=False) for i in unsent])
    carried = [i for intent in unsent for ids in _events_of(intent) for i in ids]
    events.dispose(tx, run_id, carried, "pending")
    outbox.carry(tx, [replace(i, details={**i.details, MERGED: True}) for i in sent])


def hand_over_history(tx: Tx, loser: str, winner: str) -> None:
    """What was ever written for a golden record, and what was refused, is the winner's: they tell
    one story, are undone as one, and what is replayed is planned for who is there.
    """
    for table in (INTENTS, LEDGER, DEAD):
        tx.connection.execute(
            update(table).where(tx.mine(table), table.c.entity_id == loser).values(entity_id=winner)
        )


def _events_of(intent: Intent) -> Iterable[Sequence[int]]:
    carried: Mapping[str, Sequence[int]] = intent.details.get("events", {})
    return carried.values()


def revive_events(tx: Tx, run_id: str, ids: Iterable[int]) -> None:
    """Events whose write was refused wait for it again; others are left as they are."""
    for batch in chunks(ids):
        tx.connection.execute(
            update(EVENTS)
            .where(tx.mine(EVENTS), EVENTS.c.id.in_(batch), EVENTS.c.disposition == "dead")
            .values(disposition="pending", settled_run=run_id)
        )


def waited_for(tx: Tx, intent_keys: Iterable[str]) -> dict[str, Counter[tuple[str, str]]]:
    """What was dropped because it waited for each of these, or for what waited for it, by
    (operation, object).
    """
    cause = {key: key for key in intent_keys}
    found: dict[str, Counter[tuple[str, str]]] = {}
    waiting = list(cause)
    while waiting:
        deeper: list[str] = []
        for batch in chunks(waiting):
            rows = tx.connection.execute(
                select(INTENTS.c.key, INTENTS.c.depends_on, INTENTS.c.operation, INTENTS.c.object)
                .where(
                    tx.mine(INTENTS),
                    INTENTS.c.depends_on.in_(batch),
                    INTENTS.c.status == "dropped",
                )
                .order_by(INTENTS.c.id)
            )
            for key, depends_on, operation, name in rows:
                if key not in cause:
                    cause[key] = cause[depends_on]
                    found.setdefault(cause[key], Counter())[operation, name] += 1
                    deeper.append(key)
        waiting = deeper
    return found


def written_for(tx: Tx, run_id: str, entity_ids: Iterable[str]) -> dict[str, set[str]]:
    """The statuses of what a run journaled for each of these golden records."""
    found: dict[str, set[str]] = {}
    for batch in chunks(entity_ids):
        rows = tx.connection.execute(
            select(INTENTS.c.entity_id, INTENTS.c.status)
            .where(
                tx.mine(INTENTS),
                INTENTS.c.entity_id.in_(batch),
                aside(INTENTS.c.run_id) == run_id,
            )
            .distinct()
        )
        for entity_id, status in rows:
            found.setdefault(entity_id, set()).add(status)
    return found
