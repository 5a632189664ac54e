"""The apply stage: journaled intents to the vendors, in waves, as full batches as they take.

A wave is every open intent whose dependency has its id and whose time has come: what a vendor could
not take for now (a locked row) is a later run's. Within it lanes go in their order (law
12), then slice by slice side, object and operation, so that each vendor call carries as many rows
as it may.
Every batch is settled before the next is sent; no transaction is open during a call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mappings.errors import PASSING, InvariantError, OutcomeUnknownError
from mappings.ports import Capabilities, Lane
from mappings.records import JOINS, Operation, Outcome, OutcomeStatus, Side, Write
from state import outbox
from state.outbox import Intent, StoredIntent
from sync.blocks import Blocks
from sync.crash import crashpoint
from sync.fates import LONGEST_PAUSE, fate_of, given_up, is_worn_out
from sync.intents import ID_OF
from sync.pair import Pair
from sync.reconcile import but_stale
from sync.settle import READ_BACK, Settling

WAVES = 6
"""Waves a run tries at most: creates, what waits for their ids, and what that brings about."""
SLICE = 4_000
"""Intents taken up together: whole batches of either vendor, and no more memory than these need."""
_Group = tuple[str, str, str]
"""Side, object and operation: what one vendor call may hold."""


@dataclass(slots=True)
class Applied:
    """What applying came to: rows by status, rows written by kind, batches tried and answered,
    updates of earlier runs that are planned anew.
    """

    rows: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    batches: int = 0
    sent: int = 0
    planned_anew: int = 0


def apply(
    pair: Pair, run_id: str, blocks: Blocks | None = None, *, left_over: bool = False
) -> Applied:
    """Send every open intent that can be sent. What cannot stays open for the next run.

    Sides and lanes that `blocks` keeps are passed over; what keeps further ones is told to it.
    Where the intents are `left_over` from earlier runs, updates are planned anew, not sent; that
    and sending go page by page, so that the first write waits for one page of any backlog.
    """
    applied = Applied()
    blocks = blocks if blocks is not None else Blocks(pair, run_id)
    for _ in range(WAVES):
        before = applied.sent
        settling = Settling(pair, run_id)
        with pair.store.read() as tx:
            waiting = {lane for _, lane in outbox.open_by_lane(tx)}
        for lane in Lane:
            if lane in waiting:
                _send_lane(settling, lane, applied, blocks, left_over=left_over)
        settling.read_back()
        if applied.sent == before:
            break
    return applied


def _send_lane(
    settling: Settling, lane: Lane, applied: Applied, blocks: Blocks, *, left_over: bool
) -> None:
    """One lane's open intents, a slice at a time: a backlog of any size is begun at once.

    What does not fill a batch waits for the next slices and goes at the end, so that calls are as
    full as if everything had been taken up together. Of what an earlier run left over nothing
    waits: after a restart an early write is worth more than a full call.
    """
    pair, after = settling.pair, 0
    waiting: dict[_Group, list[Intent]] = {}
    while not all(blocks.keep(side, lane) for side in Side):
        with pair.store.read() as tx:
            due = (tx.now, tx.now + 2 * LONGEST_PAUSE) if blocks.patient else None
            rows = outbox.unsettled(tx, after=after, limit=SLICE, status="open", lane=lane, due=due)
        if not rows:
            break
        after = rows[-1][0]
        fresh = [stored for _, stored in rows if stored.intent.key not in blocks.later]
        ready = _ready(settling, fresh, applied, blocks)
        if left_over:
            current = but_stale(pair, settling.run_id, ready)
            applied.planned_anew += len(ready) - len(current)
            ready = current
        for intent in ready:
            group = (intent.side.value, intent.object, intent.operation.value)
            waiting.setdefault(group, []).append(intent)
        _send_batches(settling, lane, _full_batches(pair, lane, waiting), applied, blocks)
        if left_over:
            _send_batches(settling, lane, _the_rest(pair, lane, waiting), applied, blocks)
    _send_batches(settling, lane, _the_rest(pair, lane, waiting), applied, blocks)


def _send_batches(
    settling: Settling,
    lane: Lane,
    batches: Iterable[list[Intent]],
    applied: Applied,
    blocks: Blocks,
) -> None:
    for batch in batches:
        if batch and not blocks.keep(batch[0].side, lane):
            applied.sent += 1
            _send(settling, batch, applied, blocks)


def _ready(
    settling: Settling, waiting: Sequence[StoredIntent], applied: Applied, blocks: Blocks
) -> list[Intent]:
    """Open intents whose dependency is done, with its id filled in; the hopeless are dropped."""
    with settling.pair.store.read() as tx:
        needed = {s.intent.depends_on for s in waiting if s.intent.depends_on}
        done = outbox.results(tx, needed)
    ready: list[Intent] = []
    hopeless: list[Intent] = []
    worn_out = [stored for stored in waiting if is_worn_out(stored)]
    waiting = [stored for stored in waiting if not is_worn_out(stored)]
    for stored in waiting:
        intent = stored.intent
        before = done.get(intent.depends_on) if intent.depends_on else None
        if blocks.keep(intent.side, intent.lane):
            continue
        if intent.depends_on is None:
            ready.append(intent)
        elif before is None or before.status in {"rejected", "dropped"}:
            hopeless.append(intent)
        elif before.status == "ok" and before.result_id:
            ready.append(with_ids(intent, {intent.depends_on: before.result_id}))
    if worn_out:
        worn = [stored.intent for stored in worn_out]
        outcomes = [given_up(stored) for stored in worn_out]
        applied.rows.update(settling.settle(worn, outcomes))
        blocks.see(zip(worn, outcomes, strict=True))
    if hopeless:
        settling.drop(hopeless)
        applied.rows["dropped"] += len(hopeless)
    return ready


def with_ids(intent: Intent, ids: Mapping[str, str]) -> Intent:
    """The intent with every `{"$id_of": key}` replaced by the id that key yielded."""
    fields = {name: _filled(value, ids) for name, value in intent.fields.items()}
    return replace(intent, fields=fields)


def _filled(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping) and ID_OF in value:
        if value[ID_OF] not in ids:
            message = "a write waits for an id that its dependency does not yield"
            raise InvariantError(message)
        return ids[value[ID_OF]]
    return value


def _full_batches(
    pair: Pair, lane: Lane, waiting: dict[_Group, list[Intent]]
) -> Iterator[list[Intent]]:
    """Batches of the vendor's size out of what waits; what fills none stays waiting. A backfill's
    creates wait for a whole job, however few of them one slice of the journal holds."""
    for group in sorted(waiting):
        rows = waiting[group]
        if not rows:
            continue
        able = pair.connector(rows[0].side).capabilities
        size = able.bulk_batch if _goes_in_bulk(able, lane, rows) else _size(able, rows)
        full = len(rows) - len(rows) % size
        waiting[group] = rows[full:]
        for start in range(0, full, size):
            yield rows[start : start + size]


def _size(able: Capabilities, rows: Sequence[Intent]) -> int:
    """How many of these rows one call holds."""
    return able.join_batch if rows[0].operation in JOINS else able.write_batch


def _goes_in_bulk(able: Capabilities, lane: Lane, rows: Sequence[Intent]) -> bool:
    """Whether the vendor has a way for many of these rows: creates of a backfill."""
    return lane is Lane.BACKFILL and rows[0].operation is Operation.CREATE and able.bulk_from > 0


def _the_rest(
    pair: Pair, lane: Lane, waiting: dict[_Group, list[Intent]]
) -> Iterator[list[Intent]]:
    """What fills no batch, group by group; nothing waits any more. Creates that are enough for a
    job go together."""
    for group in sorted(waiting):
        rows = waiting.pop(group)
        if not rows:
            continue
        able = pair.connector(rows[0].side).capabilities
        whole = _goes_in_bulk(able, lane, rows) and len(rows) >= able.bulk_from
        size = len(rows) if whole else _size(able, rows)
        for start in range(0, len(rows), size):
            yield rows[start : start + size]


def _send(settling: Settling, batch: list[Intent], applied: Applied, blocks: Blocks) -> None:
    """One batch: mark it, call, then settle row by row."""
    pair, side, keys = settling.pair, batch[0].side, [intent.key for intent in batch]
    with pair.store.begin() as tx:
        outbox.mark_sending(tx, keys)
    crashpoint("before_write")
    try:
        with pair.in_lane(side, batch[0].lane):
            outcomes = pair.connector(side).write([as_write(intent) for intent in batch])
    except PASSING as error:
        _not_sent(pair, keys)
        blocks.meet(side, error)
        return
    except OutcomeUnknownError as error:
        outcomes = [Outcome(i.key, OutcomeStatus.UNKNOWN, error=error) for i in batch]
    crashpoint("after_write")
    _check(batch, outcomes)
    counts = settling.settle(batch, outcomes)
    by_key = {outcome.key: outcome for outcome in outcomes}
    blocks.later |= {key for key, outcome in by_key.items() if fate_of(outcome).later}
    blocks.see((intent, by_key[intent.key]) for intent in batch)
    rests = next((rest for o in outcomes if (rest := fate_of(o).rests) is not None), None)
    if rests is not None:
        blocks.meet(side, rests)
    if len(settling.written) >= READ_BACK:
        settling.read_back()
    applied.batches += 1
    applied.rows.update(counts)
    applied.written[f"{side.value}.{batch[0].operation.value}.{batch[0].object}"] += counts["ok"]
    pair.progress.report("apply", sum(applied.rows.values()), None)


def _not_sent(pair: Pair, keys: Sequence[str]) -> None:
    """The whole call failed before anything could arrive: nothing to look up."""
    with pair.store.begin() as tx:
        outbox.reopen(tx, keys)
    crashpoint("after_reopen")


def as_write(intent: Intent) -> Write:
    """The row a connector is handed."""
    fields = dict(intent.fields)
    target = intent.target_id
    if intent.operation in JOINS:
        target = str(fields.pop("from_id"))
    external = None
    if intent.external_field and intent.external_value:
        external = (intent.external_field, intent.external_value)
    return Write(
        key=intent.key,
        operation=intent.operation,
        object=intent.object,
        fields=fields,
        id=target,
        external_id=external,
    )


def _check(batch: Sequence[Intent], outcomes: Sequence[Outcome]) -> None:
    """One outcome per row, no more, no less: anything else would lose or double something."""
    if sorted(o.key for o in outcomes) != sorted(i.key for i in batch):
        message = "a connector answered other rows than it was sent"
        raise InvariantError(message, system=batch[0].system, object=batch[0].object)
