"""After a crash or a lost reply: find out what was done before anything is sent again.

Every intent without an outcome may have reached the vendor. Creates are looked up by their unique
key; updates by reading the record and comparing; what is there is settled, what is not is sent
again by the ordinary road. Nothing is guessed and nothing is sent blindly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import structlog

from mappings.fieldmap import ValueType
from mappings.records import Operation, Outcome, OutcomeStatus, Record, RecordRef
from mappings.values import canonical
from state import events, identity, outbox
from state.outbox import Intent, Settlement, StoredIntent
from state.store import chunks
from sync.pair import Pair
from sync.settle import Settling

log = structlog.get_logger("leadloop.reconcile")

FIND = 200
"""Keys looked up in one go."""


def reconcile(pair: Pair, run_id: str) -> Counter[str]:
    """Settle or re-open every intent an earlier run left; how many ended how."""
    left = _left_over(pair)
    told: Counter[str] = Counter()
    if not left:
        return told
    settling = Settling(pair, run_id)
    creates = [s.intent for s in left if s.intent.operation is Operation.CREATE]
    updates = [s.intent for s in left if s.intent.operation is Operation.UPDATE]
    others = [
        s.intent for s in left if s.intent.operation not in (Operation.CREATE, Operation.UPDATE)
    ]
    told.update(_creates(pair, settling, creates))
    told.update(_updates(pair, run_id, settling, updates))
    _reopen(pair, others)
    told["sent_again"] += len(others)
    settling.read_back()
    log.info("reconcile.done", run_id=run_id, **told)
    return told


def _left_over(pair: Pair) -> list[StoredIntent]:
    left: list[StoredIntent] = []
    after = 0
    while True:
        with pair.store.read() as tx:
            rows = outbox.unsettled(tx, after=after)
        if not rows:
            return left
        after = rows[-1][0]
        left.extend(stored for _, stored in rows)


def _creates(pair: Pair, settling: Settling, intents: Sequence[Intent]) -> Counter[str]:
    """Creates that are at the vendor are done; the others may be sent."""
    told: Counter[str] = Counter()
    grouped: dict[tuple[str, str, str], list[Intent]] = {}
    for intent in intents:
        key = (intent.side.value, intent.object, str(intent.external_field))
        grouped.setdefault(key, []).append(intent)
    for (_, object_name, field_name), own in sorted(grouped.items()):
        for batch in chunks(own, FIND):
            connector = pair.connector(batch[0].side)
            keys = [str(intent.external_value) for intent in batch]
            found = _by_key(connector.find(object_name, field_name, keys), field_name)
            there = [i for i in batch if str(i.external_value) in found]
            settling.settle(
                there,
                [
                    Outcome(i.key, OutcomeStatus.OK, found[str(i.external_value)].ref.id, True)
                    for i in there
                ],
            )
            _reopen(pair, [i for i in batch if str(i.external_value) not in found])
            told.update(found=len(there), sent_again=len(batch) - len(there))
    return told


def _by_key(records: Iterable[Record], field_name: str) -> dict[str, Record]:
    """Records by key; where a deleted one had the same key, the live one counts."""
    ordered = sorted(records, key=lambda record: not record.deleted)
    return {str(r.fields[field_name]): r for r in ordered if r.fields.get(field_name)}


def _updates(
    pair: Pair, run_id: str, settling: Settling, intents: Sequence[Intent]
) -> Counter[str]:
    """Updates that show on the record are done; the others are dropped and planned anew."""
    told: Counter[str] = Counter()
    grouped: dict[tuple[str, str], list[Intent]] = {}
    for intent in intents:
        if intent.depends_on is None:
            grouped.setdefault((intent.side.value, intent.object), []).append(intent)
    _reopen(pair, [intent for intent in intents if intent.depends_on is not None])
    for (_, object_name), own in sorted(grouped.items()):
        for batch in chunks(own, FIND):
            connector = pair.connector(batch[0].side)
            records = {
                record.ref: record
                for record in connector.fetch(object_name, [str(i.target_id) for i in batch])
            }
            done = [i for i in batch if _shows(i, records)]
            settling.settle(
                done, [Outcome(i.key, OutcomeStatus.OK, i.target_id, False) for i in done]
            )
            missing = [i for i in batch if not _shows(i, records)]
            _plan_anew(pair, run_id, missing)
            told.update(found=len(done), planned_anew=len(missing))
    return told


def _shows(intent: Intent, records: dict[RecordRef, Record]) -> bool:
    record = records.get(RecordRef(intent.system, intent.object, str(intent.target_id)))
    return record is not None and all(
        canonical(record.fields.get(name), ValueType.TEXT) == canonical(value, ValueType.TEXT)
        for name, value in intent.fields.items()
    )


def _plan_anew(pair: Pair, run_id: str, intents: Sequence[Intent]) -> None:
    with pair.store.begin() as tx:
        outbox.settle(tx, [Settlement(intent.key, "dropped") for intent in intents])
        for intent in intents:
            carried = intent.details.get("events", {})
            events.dispose(tx, run_id, [i for ids in carried.values() for i in ids], "pending")
        identity.add_work(tx, [intent.entity_id for intent in intents], "outcome_unknown")


def _reopen(pair: Pair, intents: Sequence[Intent]) -> None:
    with pair.store.begin() as tx:
        outbox.reopen(tx, [intent.key for intent in intents])
