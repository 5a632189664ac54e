"""After a crash or a lost reply: find out what was done before anything is sent again.

An intent that was being sent may have reached the vendor. Creates are looked up by their unique
key; updates and opt-outs by reading the record and comparing; what is there is settled, what is not
is sent again by the ordinary road. Nothing is guessed and nothing is sent blindly. Joins alone are
sent again without a look: joining twice what is joined changes nothing at either vendor. Updates
that were never sent are planned anew without a look, for what they were planned from is old; that
is done as their turn to be sent comes (`sync.apply`), so that a long backlog delays nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import structlog

from mappings.errors import PASSING
from mappings.fieldmap import ValueType
from mappings.ports import Lane
from mappings.records import (
    JOINS,
    Json,
    Operation,
    Outcome,
    OutcomeStatus,
    Record,
    RecordRef,
    Side,
    first_read,
)
from mappings.values import equal
from state import events, identity, ledger, outbox, own_writes, requeue
from state.outbox import Intent, Settlement
from state.store import chunks
from sync.blocks import Blocks
from sync.crash import crashpoint
from sync.edits import differing, edited_since
from sync.histories import histories
from sync.intents import BASE, UNDO
from sync.pair import Pair
from sync.plan_consent import opted_out
from sync.settle import Settling, ledger_lines

log = structlog.get_logger("leadloop.reconcile")

FIND = 200
"""Keys looked up in one go."""
MAYBE_SENT = ("sending", "unknown")
"""Statuses of intents that may have reached the vendor."""
PERHAPS = "perhaps_written"
"""Why a ledger line is there whose write nobody can tell to have been made: the reply was lost, and
the record has been saved since, by it or by somebody."""


def reconcile(pair: Pair, run_id: str, blocks: Blocks | None = None) -> Counter[str]:
    """Settle or re-open every intent an earlier run left; how many ended how.

    Lane by lane, a page at a time: consent is looked for first, and a backlog of any size takes the
    memory of one page. What belongs to a side that cannot be used stays as it is, and is not sent
    before it was looked for. A side that fails here rests for the rest of the run, or, where
    looking waits for its allowance, that lane and those after it: consent goes on.
    """
    blocks = blocks if blocks is not None else Blocks(pair, run_id)
    told: Counter[str] = Counter()
    for lane in Lane:
        for sent in _left_over(pair, lane):
            for side in Side:
                own = [intent for intent in sent if intent.side is side]
                if not own or blocks.rests(side, lane):
                    continue
                try:
                    told.update(_look_up(pair, run_id, side, lane, own))
                except PASSING as error:
                    blocks.meet(side, error)
    if told.total():
        log.info("reconcile.done", run_id=run_id, **told)
    return told


def _look_up(
    pair: Pair, run_id: str, side: Side, lane: Lane, sent: Sequence[Intent]
) -> Counter[str]:
    """One side's intents of one lane that may have been sent."""
    told: Counter[str] = Counter()
    settling = Settling(pair, run_id)
    of = {kind: [i for i in sent if i.operation is kind] for kind in Operation}
    with pair.in_lane(side, lane):
        told.update(_consents(pair, settling, [*of[Operation.OPT_OUT], *of[Operation.OPT_IN]]))
        told.update(_creates(pair, settling, of[Operation.CREATE]))
        told.update(_updates(pair, run_id, settling, of[Operation.UPDATE]))
        told.update(_deletes(pair, settling, of[Operation.DELETE]))
        settling.read_back()
    joins = [intent for kind in JOINS for intent in of[kind]]
    _reopen(pair, joins)
    told["sent_again"] += len(joins)
    return told


def leave_over(pair: Pair, run_id: str) -> Counter[str]:
    """What a run does first with what earlier ones left, for a plan, which sends nothing: updates
    that were not sent go on the work list again. How many writes there are beside them, by
    operation: those the next run looks for, or sends as they are."""
    under_way: Counter[str] = Counter()
    for lane in Lane:
        for page in _pages(pair, ("open",), lane):
            under_way.update(i.operation.value for i in but_stale(pair, run_id, page))
        for page in _pages(pair, MAYBE_SENT, lane):
            under_way.update(intent.operation.value for intent in page)
    return under_way


def but_stale(pair: Pair, run_id: str, intents: Sequence[Intent]) -> list[Intent]:
    """The others, once updates that were planned from what is old are on the work list again."""
    stale = [intent for intent in intents if _is_stale(pair, intent)]
    if stale:
        plan_anew(pair, run_id, stale)
    again = {intent.key for intent in stale}
    return [intent for intent in intents if intent.key not in again]


def _is_stale(pair: Pair, intent: Intent) -> bool:
    """Whether an update that an earlier run left unsent is better planned anew: people have worked
    since. An undo cannot be planned anew; it has been looked for, though it was never sent, and
    what it takes back is as it was. What may not be called now keeps what it has.
    """
    return (
        intent.operation is Operation.UPDATE
        and intent.depends_on is None
        and "undo" not in intent.details
        and pair.may_call(intent.side, intent.lane)
    )


def _left_over(pair: Pair, lane: Lane) -> Iterator[list[Intent]]:
    """What earlier runs left in a lane and what may have arrived, oldest first, a page at a time;
    of what takes something back every update, sent or not."""
    if lane is Lane.REPAIR:
        for page in _pages(pair, ("open",), lane, reason=UNDO):
            yield [intent for intent in page if intent.operation is Operation.UPDATE]
    yield from _pages(pair, MAYBE_SENT, lane)


def _pages(
    pair: Pair, status: Sequence[str], lane: Lane, *, reason: str | None = None
) -> Iterator[list[Intent]]:
    after = 0
    while True:
        with pair.store.read() as tx:
            rows = outbox.unsettled(tx, after=after, status=status, lane=lane, reason=reason)
        if not rows:
            return
        after = rows[-1][0]
        yield [stored.intent for _, stored in rows]


def _creates(pair: Pair, settling: Settling, intents: Sequence[Intent]) -> Counter[str]:
    """Creates that are at the vendor are done; the others may be sent, but for those of people who
    have been merged meanwhile: they are planned anew, as one."""
    told: Counter[str] = Counter()
    grouped: dict[tuple[str, str, str], list[Intent]] = {}
    for intent in intents:
        key = (intent.side.value, intent.object, str(intent.external_field))
        grouped.setdefault(key, []).append(intent)
    for (_, object_name, field_name), own in sorted(grouped.items()):
        for batch in chunks(own, FIND):
            connector = pair.connector(batch[0].side)
            keys = [str(intent.external_value) for intent in batch]
            found = _by_key(
                _not_undone(pair, connector.find(object_name, field_name, keys)), field_name
            )
            crashpoint("after_look_up")
            there = [i for i in batch if str(i.external_value) in found]
            settling.settle(
                there,
                [
                    Outcome(i.key, OutcomeStatus.OK, found[str(i.external_value)].ref.id, True)
                    for i in there
                ],
            )
            missing = [i for i in batch if str(i.external_value) not in found]
            merged = [i for i in missing if requeue.MERGED in i.details]
            again = [i for i in missing if requeue.MERGED not in i.details]
            _reopen(pair, again)
            plan_anew(pair, settling.run_id, merged)
            told.update(found=len(there), sent_again=len(again), planned_anew=len(merged))
    return told


def _not_undone(pair: Pair, records: Sequence[Record]) -> list[Record]:
    """Without records that an undo of ours has deleted: what is made again is not there yet. What a
    person deleted counts as there, or it would come back (law 8)."""
    with pair.store.read() as tx:
        undone = own_writes.deleted_by_us(tx, [r.ref for r in records if r.deleted])
    return [record for record in records if record.ref not in undone]


def _deletes(pair: Pair, settling: Settling, intents: Sequence[Intent]) -> Counter[str]:
    """Records that are gone are deleted; those that are still there are deleted again."""
    told: Counter[str] = Counter()
    for batch, records in _with_records(pair, intents):
        there = {(ref.object, ref.id) for ref, record in records.items() if not record.deleted}
        done = [i for i in batch if (i.object, i.target_id) not in there]
        _settle_done(settling, done)
        _reopen(pair, [i for i in batch if (i.object, i.target_id) in there])
        told.update(found=len(done), sent_again=len(batch) - len(done))
    return told


def _by_key(records: Iterable[Record], field_name: str) -> dict[str, Record]:
    """Records by key; where a deleted one had the same key, the live one counts."""
    ordered = sorted(records, key=lambda record: not record.deleted)
    return {str(r.fields[field_name]): r for r in ordered if r.fields.get(field_name)}


def _consents(pair: Pair, settling: Settling, intents: Sequence[Intent]) -> Counter[str]:
    """Opt-outs that show on the record are done; the others are sent again, first of all."""
    told: Counter[str] = Counter()
    for batch, records in _with_records(pair, intents):
        done = [i for i in batch if _restricted(i, records)]
        _settle_done(settling, done)
        _reopen(pair, [i for i in batch if not _restricted(i, records)])
        told.update(found=len(done), sent_again=len(batch) - len(done))
    return told


def _restricted(intent: Intent, records: Mapping[RecordRef, Record]) -> bool:
    """Whether the record shows the opt-out. The MAP shows it as a property of the contact, which
    says nothing about an address the contact does not have (yet)."""
    if intent.side is Side.CRM:
        return _shows(intent, records)
    record = records.get(RecordRef(intent.system, intent.object, str(intent.target_id)))
    scope = intent.fields.get("subscription")
    if intent.operation is Operation.OPT_IN:
        return record is not None and not opted_out(record, scope)
    return (
        record is not None
        and record.fields.get("email") == intent.fields.get("email")
        and opted_out(record, scope)
    )


def _updates(
    pair: Pair, run_id: str, settling: Settling, intents: Sequence[Intent]
) -> Counter[str]:
    """Updates that show on the record are done, and so are those that were there until somebody
    changed them again; the others are dropped and planned anew."""
    told: Counter[str] = Counter()
    _reopen(pair, [intent for intent in intents if intent.depends_on is not None])
    alone = [intent for intent in intents if intent.depends_on is None]
    for batch, records in _with_records(pair, alone):
        done = [i for i in batch if _shows(i, records)]
        _settle_done(settling, done)
        missing = [i for i in batch if not _shows(i, records)]
        edited = _edited_since(pair, missing, records)
        there = [i for i in missing if i.key in edited]
        settling.edited.update((_target(i), edited[i.key]) for i in there)
        _settle_done(settling, there)
        again = [i for i in missing if i.key not in edited and _is_untouched(i, records)]
        _reopen(pair, again)
        anew = [i for i in missing if i.key not in edited and i not in again]
        plan_anew(pair, run_id, anew, perhaps=[i for i in anew if _has_moved(i, records)])
        told.update(found=len(done) + len(there), sent_again=len(again), planned_anew=len(anew))
    return told


def _target(intent: Intent) -> RecordRef:
    return RecordRef(intent.system, intent.object, str(intent.target_id))


def _edited_since(
    pair: Pair, intents: Sequence[Intent], records: Mapping[RecordRef, Record]
) -> dict[str, frozenset[str]]:
    """Updates that were written although they do not show, by key: with the fields that somebody
    has changed since. Of records that have moved the history of these fields is asked."""
    mappings = {
        intent.key: mapping
        for intent in intents
        if UNDO not in intent.details
        and _has_moved(intent, records)
        and (mapping := pair.mapping_of(_target(intent))) is not None
    }
    own = [intent for intent in intents if intent.key in mappings]
    fields = {str(i.target_id): differing(mappings[i.key], i, records[_target(i)]) for i in own}
    told = histories(pair, own[0].side, own[0].object, fields) if own else {}
    found = {i.key: edited_since(mappings[i.key], i, records[_target(i)], told) for i in own}
    return {key: names for key, names in found.items() if names is not None}


def _has_moved(intent: Intent, records: Mapping[RecordRef, Record]) -> bool:
    """Whether anything was saved on the record since the write was planned: it may have been the
    write, and somebody after it."""
    record = records.get(_target(intent))
    base = intent.details.get(BASE)
    return record is not None and first_read(record.revision) != (base and first_read(base))


def _with_records(
    pair: Pair, intents: Sequence[Intent]
) -> Iterator[tuple[list[Intent], dict[RecordRef, Record]]]:
    """Batches of intents for one object, with the records they name as these are now."""
    grouped: dict[tuple[str, str], list[Intent]] = {}
    for intent in intents:
        grouped.setdefault((intent.side.value, intent.object), []).append(intent)
    for (_, object_name), own in sorted(grouped.items()):
        for batch in chunks(own, FIND):
            ids = [str(intent.target_id) for intent in batch]
            found = pair.connector(batch[0].side).fetch(object_name, ids)
            crashpoint("after_look_up")
            yield batch, {record.ref: record for record in found}


def _settle_done(settling: Settling, done: Sequence[Intent]) -> None:
    settling.settle(done, [Outcome(i.key, OutcomeStatus.OK, i.target_id, False) for i in done])


def _shows(intent: Intent, records: Mapping[RecordRef, Record]) -> bool:
    record = records.get(RecordRef(intent.system, intent.object, str(intent.target_id)))
    return record is not None and _holds(record, intent.fields)


def _holds(record: Record, values: Mapping[str, Json]) -> bool:
    """Whether the record has these values. Numbers are compared as such: Salesforce takes 2 and
    gives 2.0. In text they are what is written: "007" is not "7"."""
    return all(
        equal(record.fields.get(name), value, _type_of(value)) for name, value in values.items()
    )


def _type_of(value: Json) -> ValueType:
    """What a value that was sent is compared as."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return ValueType.NUMBER if is_number else ValueType.TEXT


def _is_untouched(intent: Intent, records: Mapping[RecordRef, Record]) -> bool:
    """Whether an undo may be sent again: planning anew would not find it, and every field still has
    the value it takes back. Where somebody has edited one since, the undo is given up as a whole;
    `leadloop undo` again takes what is left of it."""
    record = records.get(RecordRef(intent.system, intent.object, str(intent.target_id)))
    return (
        "undo" in intent.details
        and record is not None
        and _holds(record, intent.details["undo"]["was"])
    )


def plan_anew(
    pair: Pair, run_id: str, intents: Sequence[Intent], *, perhaps: Sequence[Intent] = ()
) -> None:
    """Drop these and put their people on the work list, with the events they carried. Those that
    were `perhaps` written keep their before-images, with that word (laws 9 and 11)."""
    lines = [
        {**line, "why": PERHAPS} for one in perhaps for line in ledger_lines(one, _target(one))
    ]
    carried = [i for one in intents for ids in one.details.get("events", {}).values() for i in ids]
    with pair.store.begin() as tx:
        outbox.settle(tx, [Settlement(intent.key, "dropped", attempt=False) for intent in intents])
        events.dispose(tx, run_id, carried, "pending")
        identity.add_work(tx, [intent.entity_id for intent in intents], "outcome_unknown")
        ledger.record_changes(tx, run_id, pair.config_hash, lines)
    crashpoint("after_replan")


def _reopen(pair: Pair, intents: Sequence[Intent]) -> None:
    with pair.store.begin() as tx:
        outbox.reopen(tx, [intent.key for intent in intents])
    crashpoint("after_reopen")
