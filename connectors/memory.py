"""A vendor in memory: the fake the stages are tested against, held to the contract suite.

It plays either side of a pair: `system` names whom it stands for, `schema` what it knows. It
behaves like a vendor where that matters: revisions move with every change, creates go through a
unique key, one bad row never fails the others, deleted and merged records stay readable as such,
pages and batches have limits, `calls` counts what was asked. What fails is asked for:
`lose_reply`, `fail`, `reject`, `disorder`.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from connectors.base import (
    Answer,
    Caller,
    Clock,
    DuplicateFoundError,
    NullLimiter,
    Sleep,
    iso,
    moment,
    rejected,
    utc_now,
    write_batches,
)
from connectors.memory_history import FieldHistory
from connectors.memory_pages import census_pages, disordered
from connectors.retrying import ReplyLostError, Verdict
from mappings.errors import InvariantError, LeadloopError, RecordRejectedError
from mappings.ports import (
    AccountInfo,
    Cadence,
    Capabilities,
    FieldDefinition,
    FieldSchema,
    Landed,
    Limiter,
    ObjectSchema,
    Page,
    StreamSpec,
)
from mappings.records import (
    JOINS,
    Event,
    Json,
    Operation,
    Outcome,
    OutcomeStatus,
    Record,
    RecordRef,
    Version,
    Write,
)

CAPABILITIES = Capabilities(
    write_batch=100,
    read_batch=100,
    overlap_seconds=300.0,
    granularity_seconds=0.001,
    native_upsert=True,
    reads_back=True,
)
"""All assumed: HubSpot's, which is the stricter of the two."""

EVENTS = "events"
_PAGE = 200
_OVERLAP = timedelta(seconds=CAPABILITIES.overlap_seconds)

Rejection = Callable[[Write], LeadloopError | None]


@dataclass(slots=True)
class _Failure:
    error: Verdict | None
    calls: int
    applied: bool


class MemoryConnector:
    """One account in memory, on the `Connector` protocol."""

    capabilities = CAPABILITIES

    def __init__(
        self,
        system: str = "memory",
        schema: Mapping[str, Sequence[FieldSchema]] | None = None,
        *,
        account_id: str = "memory-1",
        limiter: Limiter | None = None,
        sleep: Sleep = time.sleep,
        clock: Clock = utc_now,
        page_size: int = _PAGE,
    ) -> None:
        self.system = system
        self.calls: Counter[str] = Counter()
        self.opted_out: set[tuple[str, str | None]] = set()
        self._account_id = account_id
        self._schema = {o: {f.name: f for f in fields} for o, fields in (schema or {}).items()}
        self._records: dict[str, dict[str, Record]] = {name: {} for name in self._schema}
        self._events: list[Event] = []
        self.field_history = FieldHistory()
        self.forgetful = False
        """Whether this vendor keeps no field history."""
        self._clock = clock
        self._page_size = page_size
        self._ids, self._stamps = count(1), count(1)
        self._failures: list[_Failure] = []
        self._rejections: list[Rejection] = []
        self._met: Verdict | None = None
        self._disorder: random.Random | None = None
        self._earlier: dict[RecordRef, Record] = {}
        self._lock = threading.RLock()
        self._caller = Caller(
            system, limiter or NullLimiter(), self._judge, sleep=sleep, jitter=lambda: 0.0
        )

    # --- what people and faults do at the vendor -----------------------------------------------

    def put(
        self,
        object_name: str,
        fields: Mapping[str, Json],
        *,
        at: datetime | None = None,
        by: str | None = None,
        associations: Mapping[str, tuple[str, ...]] | None = None,
    ) -> str:
        """A person creates a record; returns its id."""
        record_id = str(next(self._ids))
        stamp = at or self._now()
        self._store(
            Record(
                ref=RecordRef(self.system, object_name, record_id),
                fields=dict(fields),
                revision="",
                modified_at=stamp,
                created_at=stamp,
                modified_by=by,
                associations=dict(associations or {}),
            )
        )
        return record_id

    def edit(
        self,
        object_name: str,
        record_id: str,
        fields: Mapping[str, Json],
        *,
        at: datetime | None = None,
        by: str | None = None,
    ) -> None:
        """A person changes a record. Raises KeyError when it is not there."""
        old = self._records[object_name][record_id]
        merged = {**old.fields, **fields}
        self._store(replace(old, fields=merged, modified_at=at or self._now(), modified_by=by))

    def remove(self, object_name: str, record_id: str, *, merged_into: str | None = None) -> None:
        """A person deletes a record, or merges it into another."""
        old = self._records[object_name][record_id]
        gone = replace(old, deleted=True, merged_into=merged_into, modified_at=self._now())
        self._store(gone)

    def restore(self, object_name: str, record_id: str) -> None:
        """A person takes a deleted record out of the bin. What was merged away stays away."""
        old = self._records[object_name][record_id]
        if old.merged_into is None:
            self._store(replace(old, deleted=False, modified_at=self._now()))

    def convert(self, object_name: str, record_id: str, to: RecordRef) -> None:
        """A person converts a Lead into the record named."""
        old = self._records[object_name][record_id]
        self._store(replace(old, converted_to=to, modified_at=self._now()))

    def emit(self, event: Event) -> None:
        """Something happened to a person: it appears in the stream `events`."""
        self._events.append(event)

    def get(self, object_name: str, record_id: str) -> Record:
        """A record as it is, deleted ones too. Raises KeyError."""
        return self._records[object_name][record_id]

    def all(self, object_name: str) -> list[Record]:
        """Every live record of an object, in the order of creation."""
        return [r for r in self._records[object_name].values() if not r.deleted]

    def disorder(self, rng: random.Random | None) -> None:
        """From now on pages come in any order, rows and older states repeated; None ends it."""
        self._disorder = rng

    def lose_reply(self, calls: int = 1, *, applied: bool = True) -> None:
        """The next writing calls are applied (or not) and their replies lost."""
        self._failures.append(_Failure(None, calls, applied))

    def fail(self, error: LeadloopError, calls: int = 1, *, wait: float | None = None) -> None:
        """The next calls are refused with this error, nothing applied; `wait` allows a retry."""
        self._failures.append(_Failure(Verdict(error, wait=wait), calls, applied=False))

    def reject(self, rule: Rejection) -> None:
        """Rows for which the rule returns an error are refused with it, from now on."""
        self._rejections.append(rule)

    # --- the protocol --------------------------------------------------------------------------

    def configure(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Every field is always read here: nothing to set."""

    def set_backfill(self, *, on: bool) -> None:
        """There is no automation here to keep still: nothing to set."""

    def check(self) -> AccountInfo:
        """The made-up account."""
        self._read("check")
        return AccountInfo(self._account_id, "memory-user", "1")

    def describe(self, object_name: str) -> ObjectSchema:
        """The fields of an object as they are now."""
        self._read("describe")
        return ObjectSchema(object_name, dict(self._schema.get(object_name, {})))

    def ensure_fields(self, definitions: Sequence[FieldDefinition]) -> list[Outcome]:
        """Add the missing fields."""
        self._read("ensure_fields")
        outcomes = []
        for wanted in definitions:
            fields = self._schema.setdefault(wanted.object, {})
            self._records.setdefault(wanted.object, {})
            created = wanted.name not in fields
            if created:
                fields[wanted.name] = FieldSchema(
                    wanted.name,
                    wanted.label,
                    wanted.type,
                    length=wanted.length,
                    unique=wanted.unique,
                    external_id=wanted.unique,
                )
            key = f"{wanted.object}.{wanted.name}"
            outcomes.append(Outcome(key, OutcomeStatus.OK, created=created))
        return outcomes

    def streams(self) -> tuple[StreamSpec, ...]:
        """One stream an object, and the events."""
        specs = [StreamSpec(name, name, Cadence.FAST, counted=True) for name in self._schema]
        return (*specs, StreamSpec(EVENTS, None, Cadence.FAST, counted=True))

    def changes(
        self, stream: str, since: Mapping[str, Json] | None, *, landed: Landed
    ) -> Iterator[Page]:
        """Pages by (modified, id) from the cursor on; a quiet stream costs one call."""
        events = stream == EVENTS
        pages = self._event_pages(landed) if events else self._record_pages(stream, since, landed)
        return (disordered(page, self._earlier, self._disorder) for page in pages)

    def census(self, stream: str, after: Mapping[str, Json] | None) -> Iterator[Page]:
        """Everything there is, a page a call."""
        records, events = ([], self._events) if stream == EVENTS else (self.all(stream), [])
        for page in census_pages(records, events, after, size=self._page_size):
            self._read("census")
            yield page

    def fetch(self, object_name: str, ids: Sequence[str]) -> list[Record]:
        """The records as they are; a merged-away one with the record it is now part of."""
        self._read("fetch")
        found: dict[str, Record] = {}
        for record_id in ids:
            record = self._records[object_name].get(record_id)
            while record is not None:
                found[record.ref.id] = record
                record = self._records[object_name].get(record.merged_into or "")
        return [r for r in found.values() if not r.deleted or r.merged_into]

    def find(self, object_name: str, field_name: str, values: Sequence[str]) -> list[Record]:
        """Records whose field equals one of the values, deleted ones included."""
        self._read("find")
        wanted = {v for v in values if v}
        found = self._records[object_name].values()
        return [r for r in found if r.fields.get(field_name) in wanted]

    def versions(
        self, object_name: str, fields: Mapping[str, Sequence[str]]
    ) -> dict[tuple[str, str], tuple[Version, ...]]:
        """Every field's history is kept, unless `forgetful`; `by` is as HubSpot words it."""
        self._read("versions")
        return {} if self.forgetful else self.field_history.of(object_name, fields)

    def write(self, rows: Sequence[Write]) -> list[Outcome]:
        """One outcome per row, 100 rows a call."""
        return write_batches(rows, CAPABILITIES.write_batch, self._send)

    def archive(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """Delete the records; deleting twice is no error."""
        self._read("archive")
        outcomes = []
        for record_id in ids:
            record = self._records[object_name].get(record_id)
            if record is not None and not record.deleted:
                self.remove(object_name, record_id)
            outcomes.append(Outcome(record_id, OutcomeStatus.OK, record_id))
        return outcomes

    erase = archive  # nothing here outlives a deletion but the fact that it was one

    def close(self) -> None:
        """Nothing is open."""

    def _record_pages(
        self, stream: str, since: Mapping[str, Json] | None, landed: Landed
    ) -> Iterator[Page]:
        at, start = moment(since, "at"), moment(since, "start")
        after = tuple((since or {}).get("after") or ())
        while True:
            self._read("changes")
            start = start or self._now()
            rows = self._window(stream, at)
            fresh = landed.unseen(stream, [(r.ref.id, r.revision) for r in rows])
            left = [r for r in rows if r.ref.id in fresh and _place(r) > after]
            page, rest = left[: self._page_size], left[self._page_size :]
            if rest:
                after = _place(page[-1])
                cursor: dict[str, Json] = {"at": iso(at) if at else None, "start": iso(start)}
                yield Page(tuple(page), (), {**cursor, "after": list(after)}, last=False)
            else:
                yield Page(tuple(page), (), {"at": iso(start - _OVERLAP)}, last=True)
                return

    def _window(self, stream: str, at: datetime | None) -> list[Record]:
        with self._lock:
            rows = list(self._records[stream].values())
        return sorted((r for r in rows if at is None or r.modified_at >= at), key=_place)

    def _event_pages(self, landed: Landed) -> Iterator[Page]:
        self._read("changes")
        at = iso(self._now())
        fresh = landed.unseen(EVENTS, [(event.key, "") for event in self._events])
        left = [event for event in self._events if event.key in fresh]
        while len(left) > self._page_size:
            page, left = left[: self._page_size], left[self._page_size :]
            yield Page((), tuple(page), {"at": None}, last=False)
            self._read("changes")
        yield Page((), tuple(left), {"at": at}, last=True)

    def _send(self, rows: Sequence[Write]) -> list[Outcome]:
        outcomes: list[Outcome] = []

        def call() -> Answer:
            failure = self._failure()
            if failure is None or failure.applied:
                with self._lock, self.field_history.written_by_us():
                    outcomes.extend(self._apply(row) for row in rows)
            if failure is not None and failure.error is None:
                raise ReplyLostError
            return Answer(500 if failure else 200, {}, b"")

        self.calls["write"] += 1
        self._caller.write(call)
        return outcomes

    def _read(self, name: str) -> None:
        self.calls[name] += 1
        self._caller.read(lambda: Answer(500 if self._failure(reading=True) else 200, {}, b""))

    def _failure(self, *, reading: bool = False) -> _Failure | None:
        """The failure this call meets; lost replies are kept for writes."""
        for failure in self._failures:
            if reading and failure.error is None:
                continue
            failure.calls -= 1
            if failure.calls <= 0:
                self._failures.remove(failure)
            self._met = failure.error
            return failure
        return None

    def _judge(self, answer: Answer) -> Verdict | None:
        return self._met if answer.status != 200 else None

    def _apply(self, row: Write) -> Outcome:
        for rule in self._rejections:
            error = rule(row)
            if error is not None:
                return rejected(row, error)
        unknown = sorted(set(row.fields) - set(self._schema[row.object]))
        if unknown and row.operation in (Operation.CREATE, Operation.UPDATE):
            return rejected(row, self._refusal(row, "field.unknown", unknown[0]))
        if row.operation is Operation.CREATE:
            return self._upsert(row)
        record = self._records[row.object].get(str(row.id))
        if row.operation is Operation.DELETE:
            if record is not None and not record.deleted:
                self.remove(row.object, str(row.id))
            return Outcome(row.key, OutcomeStatus.OK, row.id)
        if record is None or record.deleted:
            return rejected(row, self._refusal(row, "record.not_found"))
        if row.operation in JOINS:
            return self._join(row, record)
        if row.operation is Operation.OPT_OUT:
            self.opted_out.add((str(row.fields.get("email")), row.fields.get("subscription")))
        if row.operation is Operation.OPT_IN:
            self.opted_out.discard((str(row.fields.get("email")), row.fields.get("subscription")))
        flags = {k: v for k, v in row.fields.items() if k in self._schema[row.object]}
        is_update = row.operation is Operation.UPDATE
        if is_update and self._clash(row.object, flags, but=record.ref.id) is not None:
            return rejected(row, self._refusal(row, "record.duplicate_value"))
        return self._settle(row, record, flags, created=None)

    def _upsert(self, row: Write) -> Outcome:
        if row.external_id is None:
            raise InvariantError("A create needs the key it is upserted by.")
        name, value = row.external_id
        same = [r for r in self.all(row.object) if r.fields.get(name) == value]
        fields = {**row.fields, name: value}
        clash = self._clash(row.object, fields, but=same[0].ref.id if same else None)
        if clash is not None:
            message = f"{self.system} has such a record already"
            found = (clash.ref,)
            return rejected(row, DuplicateFoundError(message, found=found, system=self.system))
        if same:
            return self._settle(row, same[0], fields, created=False)
        record = self._records[row.object][self.put(row.object, {})]
        return self._settle(row, record, fields, created=True)

    def _clash(
        self, object_name: str, fields: Mapping[str, Json], but: str | None
    ) -> Record | None:
        unique = [f.name for f in self._schema[object_name].values() if f.unique]
        unique = [name for name in unique if fields.get(name)]
        for record in self.all(object_name) if unique else ():
            if record.ref.id != but and any(
                record.fields.get(name) == fields[name] for name in unique
            ):
                return record
        return None

    def _settle(
        self, row: Write, record: Record, fields: Mapping[str, Json], *, created: bool | None
    ) -> Outcome:
        merged = {**record.fields, **fields}
        if created is False and merged == dict(record.fields):
            return Outcome(row.key, OutcomeStatus.OK, record.ref.id, created=created, record=record)
        stored = self._store(
            replace(record, fields=merged, modified_at=self._now(), modified_by="memory-user")
        )
        return Outcome(row.key, OutcomeStatus.OK, stored.ref.id, created=created, record=stored)

    def _join(self, row: Write, record: Record) -> Outcome:
        """Join two records, or take them apart."""
        other, other_id = str(row.fields["to_object"]), str(row.fields["to_id"])
        joined = dict.fromkeys(record.associations.get(other, ()))
        if row.operation is Operation.DISSOCIATE:
            joined.pop(other_id, None)
        elif other_id not in self._records.get(other, {}):
            return rejected(row, self._refusal(row, "record.not_found"))
        else:
            joined[other_id] = None
        links = {**record.associations, other: tuple(joined)}
        stored = self._store(replace(record, associations=links, modified_at=self._now()))
        return Outcome(row.key, OutcomeStatus.OK, stored.ref.id, record=stored)

    def _refusal(self, row: Write, code: str, field: str | None = None) -> RecordRejectedError:
        message = f"{self.system} refused the row"
        return RecordRejectedError(
            message, code=code, system=self.system, object=row.object, field=field
        )

    def _store(self, record: Record) -> Record:
        with self._lock:
            if before := self._records.get(record.ref.object, {}).get(record.ref.id):
                self._earlier[record.ref] = before
            stored = replace(record, revision=f"{iso(record.modified_at)}/{next(self._stamps)}")
            before = self._records.get(record.ref.object, {}).get(record.ref.id)
            self.field_history.note(before, stored)
            self._records.setdefault(record.ref.object, {})[record.ref.id] = stored
            return stored

    def _now(self) -> datetime:
        at = self._clock().astimezone(UTC)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)


def connect(
    settings: Mapping[str, str], *, limiter: Limiter, sleep: Sleep, clock: Clock
) -> MemoryConnector:
    """The entry point of `connectors.base.load`: an empty account. Setting: `system`."""
    system = settings.get("system") or "memory"
    return MemoryConnector(system, limiter=limiter, sleep=sleep, clock=clock)


def _place(record: Record) -> tuple[str, int]:
    return (iso(record.modified_at), int(record.ref.id))
