"""The pull stage: both sides' changes into the durable inbox, rows and cursor in one transaction.

Pulling decides nothing. A row that makes no sense is set aside with its reason and the cursor
moves past it (`state.quarantine`). A stream that fails leaves its cursor where it was. One of
records that cannot be read ends the run before anything is planned on half a view; one of events (a
form nobody may read) or of activities does not stop the others. A system that cannot be reached or
refuses us is `unread`: the other is pulled all the same, and what may be planned on half a view is
for the run to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

import structlog

from mappings.errors import PASSING, LeadloopError, QuotaExhaustedError, UnreadableAnswerError
from mappings.fieldmap import EntityKind
from mappings.ports import Cadence, Connector, Lane, Page, StreamSpec
from mappings.records import Malformed, Record, Side
from mappings.required_fields import TOUCHING
from state import events, mirror, quarantine
from state.store import Store, Tx
from sync.crash import crashpoint
from sync.pair import Pair

log = structlog.get_logger("leadloop.pull")

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)


@dataclass(slots=True)
class Pulled:
    """What a pull brought: rows and events that were news, by stream, streams that failed, sides
    that were not read to their end, and what was set aside because it made no sense. `streams` is
    what there was to pull.
    """

    records: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    failed: dict[str, LeadloopError] = field(default_factory=dict)
    unread: dict[Side, LeadloopError] = field(default_factory=dict)
    malformed: Counter[str] = field(default_factory=Counter)
    streams: dict[Side, tuple[StreamSpec, ...]] = field(default_factory=dict)

    @property
    def total_records(self) -> int:
        """Record changes that were news."""
        return sum(self.records.values())

    @property
    def total_events(self) -> int:
        """Events that were news."""
        return sum(self.events.values())


@dataclass(frozen=True, slots=True)
class StoredLanded:
    """What has landed before, asked of the state: the `Landed` port."""

    store: Store
    system: str

    def count_since(self, stream: str, at: datetime) -> int:
        """Records of the stream in the mirror with a modified time of `at` or later."""
        with self.store.read() as tx:
            return mirror.count_since(tx, self.system, stream, at)

    def unseen(self, stream: str, rows: Sequence[tuple[str, str]]) -> set[str]:
        """Ids not landed at exactly that revision; event keys not landed."""
        with self.store.read() as tx:
            if rows and all(revision == "" for _, revision in rows):
                return events.unseen(tx, self.system, [key for key, _ in rows])
            return mirror.unseen(tx, self.system, stream, rows)

    def holding(self, object_name: str, field_name: str, value: str) -> set[str]:
        """Live records of the object in the mirror that have this text in a field."""
        with self.store.read() as tx:
            return mirror.holding(tx, self.system, object_name, field_name, value)


def pull(
    pair: Pair, run_id: str, *, everything: bool, but: Mapping[Side, LeadloopError] | None = None
) -> Pulled:
    """Pull every stream that is due; `everything` makes the 15-minute ones due as well.

    The sides in `but` are not asked. What landed of a side before it failed stays.
    """
    pulled = Pulled(unread=dict(but or {}))
    for side in (Side.CRM, Side.MAP):
        if side in pulled.unread:
            continue
        connector = pair.connector(side)
        try:
            _pull_system(pair, run_id, connector, pulled, everything=everything)
        except PASSING as error:
            pulled.unread[side] = error
            if isinstance(error, QuotaExhaustedError) and error.lane is not None:
                _pull_for_consent(pair, run_id, side, pulled)
    return pulled


def _pull_for_consent(pair: Pair, run_id: str, side: Side, pulled: Pulled) -> None:
    """While everyday reading waits for its allowance, people's records are still read every
    quarter of an hour, in consent's lane: an opt-out must not wait for tomorrow (law 7).
    """
    connector = pair.connector(side)
    with pair.store.read() as tx:
        completed = mirror.completed_at(tx, connector.system)
    people = pair.mapping.of_kind(EntityKind.PERSON)
    if people is None:
        return
    objects = [people.map_object] if side is Side.MAP else list(people.crm_objects)
    with pair.in_lane(side, Lane.CONSENT):
        for name in objects:
            last = completed.get(name)
            if last is not None and timedelta(0) <= pair.clock() - last < QUARTER:
                continue  # read in what is the future now: by a clock that was wrong, so it is due
            spec = StreamSpec(name, name, Cadence.FAST)
            try:
                _pull_stream(pair, run_id, connector, spec, pulled, frozenset())
            except PASSING:
                return  # `unread` says so already: not even consent has calls left


def _pull_system(
    pair: Pair, run_id: str, connector: Connector, pulled: Pulled, *, everything: bool
) -> None:
    _ask_again(pair, run_id, connector, pulled)
    specs = connector.streams()
    pulled.streams[pair.side_of(connector.system)] = specs
    with pair.store.read() as tx:
        completed = mirror.completed_at(tx, connector.system)
    triggered: set[str] = set()
    fast = [spec for spec in specs if spec.cadence is Cadence.FAST]
    slow = [spec for spec in specs if spec.cadence is not Cadence.FAST]
    for spec in [*fast, *slow]:
        now = pair.clock()
        last = completed.get(spec.name)
        due = is_due(spec, last, now, everything=everything, nightly=pair.nightly)
        if due or spec.trigger in triggered:
            moved = _pull_stream(pair, run_id, connector, spec, pulled, triggers(specs))
            triggered.update(moved)


def triggers(specs: Sequence[StreamSpec]) -> frozenset[str]:
    """The record fields whose movement makes another stream due."""
    return frozenset(spec.trigger for spec in specs if spec.trigger)


def is_due(
    spec: StreamSpec,
    completed: datetime | None,
    now: datetime,
    *,
    everything: bool,
    nightly: time,
) -> bool:
    """Whether a stream is due: fast ones always, the others by their cadence (BEHAVIOURS).

    A nightly stream is due from `nightly` (UTC) on until it was read, late after a downtime, once.
    What was read in what is the future now was read by a wrong clock: it is due.
    """
    if completed is None or spec.cadence is Cadence.FAST or completed > now:
        return True
    if spec.cadence is Cadence.QUARTER:
        return everything or now - completed >= QUARTER
    return completed < _last(nightly, now)


def _last(nightly: time, now: datetime) -> datetime:
    """The latest instant, up to now, at which that time of day came (UTC)."""
    today = datetime.combine(now.astimezone(UTC).date(), nightly, UTC)
    return today if today <= now else today - DAY


def _pull_stream(
    pair: Pair,
    run_id: str,
    connector: Connector,
    spec: StreamSpec,
    pulled: Pulled,
    watched: frozenset[str],
) -> set[str]:
    """Pull one stream to its end; which watched fields moved."""
    landed = StoredLanded(pair.store, connector.system)
    with pair.store.read() as tx:
        since = mirror.cursor(tx, connector.system, spec.name)
    moved: set[str] = set()
    name = f"{connector.system}:{spec.name}"
    try:
        for page in connector.changes(spec.name, since, landed=landed):
            moved |= _moved_fields(pair, page, watched)
            _land(pair, run_id, connector.system, spec, page, pulled)
            pair.progress.report(f"pull {name}", pulled.total_records + pulled.total_events, None)
    except UnreadableAnswerError as error:
        _keep_answer(pair, run_id, connector.system, spec, error)
        if _ends_the_run(spec):
            raise
        pulled.failed[name] = error
    except PASSING:
        raise
    except LeadloopError as error:
        if _ends_the_run(spec):
            raise
        log.warning("pull.stream_failed", stream=name, code=error.code, run_id=run_id)
        pulled.failed[name] = error
    return moved


def _ends_the_run(spec: StreamSpec) -> bool:
    """Whether nothing may be planned without this stream: planning on half of the records would
    create those that were not read. What sales did makes nobody."""
    return spec.object is not None and spec.object not in TOUCHING


def _land(
    pair: Pair, run_id: str, system: str, spec: StreamSpec, page: Page, pulled: Pulled
) -> None:
    """A page and its cursor. Records that a stream of events tells about belong to their own."""
    stream = spec.name
    with pair.store.begin() as tx:
        records = _remembered(tx, page.records)
        for name in sorted({record.ref.object for record in records}):
            own = [record for record in records if record.ref.object == name]
            of = stream if spec.object is not None else name
            pulled.records[f"{system}:{stream}"] += mirror.land(tx, run_id, of, own)
        pulled.events[f"{system}:{stream}"] += events.land(tx, run_id, stream, page.events)
        pulled.malformed[f"{system}:{stream}"] += quarantine.set_aside(tx, run_id, page.malformed)
        quarantine.settle_records(tx, run_id, [record.ref for record in page.records])
        if page.last:
            quarantine.settle_stream(tx, run_id, system, stream)
        mirror.store_cursor(tx, system, stream, page.cursor, complete=page.last)
    crashpoint("after_land")


def _remembered(tx: Tx, records: Sequence[Record]) -> list[Record]:
    """The records, deletions that tell nothing but themselves with what is known of the record:
    an opt-out outlives it. One of a record that never landed is nobody's, and one that is known is
    no news."""
    bare = {r.ref for r in records if r.deleted and not r.fields and r.merged_into is None}
    rows = mirror.load(tx, bare)
    known = {ref: row.record for ref, row in rows.items() if not row.record.deleted}
    return [
        replace(known[r.ref], deleted=True, revision=r.revision, modified_at=r.modified_at)
        if r.ref in bare
        else r
        for r in records
        if r.ref not in bare or r.ref in known
    ]


def _keep_answer(
    pair: Pair, run_id: str, system: str, spec: StreamSpec, error: UnreadableAnswerError
) -> None:
    """An answer that could not be read is kept: somebody will want to know what it was."""
    log.warning("pull.unreadable", stream=f"{system}:{spec.name}", code=error.code, run_id=run_id)
    reason = quarantine.UNREADABLE_ANSWER
    with pair.store.begin() as tx:
        kept = Malformed(system, spec.name, "", reason, error.payload)
        quarantine.set_aside(tx, run_id, [kept])
    crashpoint("after_land")


def _ask_again(pair: Pair, run_id: str, connector: Connector, pulled: Pulled) -> None:
    """Rows that were set aside and then replayed: the records as they are now are landed, streams
    without single records are read from their beginning."""
    with pair.store.read() as tx:
        rows = [row for row in quarantine.released(tx) if row.system == connector.system]
    if not rows:
        return
    wanted: dict[str, list[str]] = {}
    for row in rows:
        if row.record_id is not None:
            wanted.setdefault(row.stream, []).append(row.record_id)
    found = [r for stream, ids in sorted(wanted.items()) for r in connector.fetch(stream, ids)]
    with pair.store.begin() as tx:
        for record in found:
            pulled.records[f"{record.ref.system}:{record.ref.object}"] += mirror.land(
                tx, run_id, record.ref.object, [record]
            )
        quarantine.asked_again(tx, run_id, rows)
    crashpoint("after_land")


def _moved_fields(pair: Pair, page: Page, watched: frozenset[str]) -> set[str]:
    """Which watched fields have another value than the mirror knows."""
    if not watched or not page.records:
        return set()
    with pair.store.read() as tx:
        known = mirror.load(tx, [record.ref for record in page.records])
    moved: set[str] = set()
    for record in page.records:
        before: Mapping[str, object] = (
            known[record.ref].record.fields if record.ref in known else {}
        )
        moved.update(
            name for name in watched if record.fields.get(name) not in (None, before.get(name))
        )
    return moved
