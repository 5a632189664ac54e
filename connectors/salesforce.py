"""Salesforce: Lead, Contact, Account, Opportunity, contact roles, User, Campaign, Task, Event, and
where they are wanted CampaignMember and EmailMessageRelation.

Vendor pages: developer.salesforce.com, REST API (query, sObject collections), Tooling API (fields).
Quirks turned right here:

- Changes are read by SystemModstamp, which moves on system changes too but counts whole seconds
  and can commit late: an overlap is read again, and a record's revision is its stamp with a digest
  of its fields, because two edits within one second share the stamp.
- queryAll shows deleted records; merge losers are those with a MasterRecordId. The winner keeps
  no trace of them.
- What has left the recycle bin is in no query: a log of deletions is asked for it.
- A converted Lead names its Contact, Account and Opportunity.
- Collections answer 200 even when rows fail, in the order of the rows.
- Formula fields move no stamp: where one is read, everything is once a day.
- A field that was removed fails the whole query: it is left out and the query asked again.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.base import Answer, Clock, NullLimiter, Sleep, instant, iso, moment, utc_now
from connectors.lateness import widened
from connectors.payloads import (
    Sifted,
    narrowed,
    rows_in,
    sift,
    understanding,
    unreadable,
)
from connectors.salesforce_bin import as_gone, empty_bin
from connectors.salesforce_bulk import BULK_BATCH, BULK_FROM
from connectors.salesforce_bulk_read import READ_FROM, JobLostError, Jobs
from connectors.salesforce_bulk_read import pages as job_pages
from connectors.salesforce_census import census
from connectors.salesforce_deleted import KIND as DELETED
from connectors.salesforce_deleted import Log
from connectors.salesforce_fields import ensure_fields, object_schema
from connectors.salesforce_formulas import with_formulas
from connectors.salesforce_history import versions
from connectors.salesforce_paging import is_done, more_of, total_of, window
from connectors.salesforce_records import NEVER_DELETED, columns, record_id, record_of
from connectors.salesforce_soql import in_conditions, name, room_beside, select
from connectors.salesforce_wire import DEFAULT_VERSION, SYSTEM, Wire, code_of, expect
from connectors.salesforce_write import Writer
from mappings.errors import UnreadableAnswerError
from mappings.ports import (
    AccountInfo,
    Cadence,
    Capabilities,
    FieldDefinition,
    Landed,
    Limiter,
    ObjectSchema,
    Page,
    StreamSpec,
)
from mappings.record_ids import id18
from mappings.records import Json, Malformed, Outcome, Record, Version, Write

CAPABILITIES = Capabilities(
    write_batch=200,  # FACTS section 4, Collections
    read_batch=500,  # ids of 18 letters that fit a URI of 16,384 bytes, FACTS section 4
    overlap_seconds=300.0,  # BEHAVIOURS, Cursors: transactions in flight commit late
    granularity_seconds=1.0,  # FACTS section 4: whole seconds
    native_upsert=True,
    reads_back=False,  # collections answer with ids only
    bulk_from=BULK_FROM,
    bulk_batch=BULK_BATCH,
)

_FAST = ("Lead", "Contact", "Account", "Opportunity", "OpportunityContactRole")
_QUARTER = ("User", "Campaign", "Task", "Event")
_WHERE_WANTED = ("CampaignMember", "EmailMessageRelation")
"""Read where `configure` names them: each is a call every quarter of an hour."""
_NEWEST = "SystemModstamp DESC, Id DESC"
_KEYSET = "SystemModstamp, Id"


class SalesforceConnector:
    """One Salesforce org on the `Connector` protocol."""

    system = SYSTEM
    capabilities = CAPABILITIES

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        limiter: Limiter | None = None,
        sleep: Sleep = time.sleep,
        clock: Clock = utc_now,
    ) -> None:
        self._version = settings.get("version") or DEFAULT_VERSION
        self._wire = Wire(settings, limiter=limiter or NullLimiter(), sleep=sleep)
        self._sleep = sleep
        self._clock = clock
        lag = float(settings.get("commit_lag_seconds") or 60.0)  # assumed
        self._overlap = timedelta(seconds=max(CAPABILITIES.overlap_seconds, 2 * lag))
        self._backfill = settings.get("backfill", "") == "true"
        self._jobs = Jobs(self._wire, sleep=sleep, fields=lambda kind: self.describe(kind).fields)
        self._job_from = int(settings.get("job_from") or READ_FROM)
        self._fields: dict[str, tuple[str, ...]] = {}
        self._removed: dict[str, set[str]] = {}

    def configure(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Which fields to read of which object, beside those the connector needs."""
        self._fields = {kind: tuple(names) for kind, names in fields.items()}
        self._removed = {}

    def set_backfill(self, *, on: bool) -> None:
        """While on, assignment rules stay still (`Sforce-Auto-Assign: FALSE`)."""
        self._backfill = on

    def check(self) -> AccountInfo:
        """Who we are, from the login itself, and the day's allowance."""
        self._wire.login()
        answer = self._wire.get("limits/")
        limits = expect(answer)
        with understanding(lambda: unreadable(SYSTEM, limits)):
            daily = limits.get("DailyApiRequests") or {}
            top, left = daily.get("Max"), daily.get("Remaining")
            org, user = self._wire.identity.rstrip("/").split("/")[-2:]
            return AccountInfo(
                account_id=record_id(org),
                user_id=record_id(user),
                api_version=self._version,
                daily_limit=top,
                daily_used=top - left if top is not None and left is not None else None,
                answered_at=answer.date(self._clock),
            )

    def describe(self, object_name: str) -> ObjectSchema:
        """The object's fields as they are now, as far as the API user may see them.

        Fields that were left out of queries because they were gone are read again once they are
        back.
        """
        path = f"sobjects/{name(object_name)}/describe"
        answer = self._wire.get(path)
        if answer.status == 404:  # not there, or not for this user: the answer is the same
            return ObjectSchema(object_name, {})
        described = expect(answer)
        with understanding(lambda: unreadable(SYSTEM, described)):
            schema = object_schema(object_name, described)
        self._removed.get(object_name, set()).difference_update(schema.fields)
        return schema

    def ensure_fields(self, definitions: Sequence[FieldDefinition]) -> list[Outcome]:
        """Create the missing fields and let the API user see them."""
        return ensure_fields(self, self._wire, definitions)

    def streams(self) -> tuple[StreamSpec, ...]:
        """One stream an object; costs no call."""
        more = [kind for kind in _WHERE_WANTED if kind in self._fields]
        return (
            *(StreamSpec(kind, kind, Cadence.FAST, counted=True) for kind in _FAST),
            *(StreamSpec(kind, kind, Cadence.QUARTER, counted=True) for kind in (*_QUARTER, *more)),
            *(StreamSpec(f"{DELETED}:{kind}", None, Cadence.QUARTER) for kind in _FAST),
        )

    def changes(
        self, stream: str, since: Mapping[str, Json] | None, *, landed: Landed
    ) -> Iterator[Page]:
        """Pages of what changed, deleted and merged records included.

        The quiet check first (newest first, one call), then the window by (stamp, id); once a day
        what only a formula has changed (`salesforce_formulas`). Streams of the log of deletions
        (`salesforce_deleted`) take one call.
        """
        kind, _, logged = stream.partition(":")
        if kind == DELETED:
            return self._log(logged, landed).pages(since)
        return with_formulas(
            widened(self._changes(stream, since, landed), since, least=self._overlap),
            since,
            ended_at=lambda cursor: instant(cursor["read"]),
            has_formulas=lambda: self._has_formulas(stream),
            everything=lambda start: self._keyset(stream, None, start, None, landed),
        )

    def _changes(
        self, stream: str, since: Mapping[str, Json] | None, landed: Landed
    ) -> Iterator[Page]:
        at, start = moment(since, "at"), moment(since, "start")
        after = (since or {}).get("after")
        if since and start and since.get("job"):
            if not (yield from self._by_job(stream, since, start, landed)):
                yield from self._keyset(stream, None, start, None, landed, by_job=False)
            return
        if at is not None and start is None:
            quiet = self._quiet(stream, since or {}, at, landed)
            if quiet.last:
                yield quiet
                return
            start = instant(quiet.cursor["start"])
        yield from self._keyset(stream, at, start, after, landed)

    def _log(self, object_name: str, landed: Landed) -> Log:
        return Log(
            object_name,
            self._wire,
            lambda ids: self._in(object_name, "Id", ids),
            landed,
            self._wire.told_at or self._clock(),
        )

    def _has_formulas(self, object_name: str) -> bool:
        """Whether a field that is read of the object is calculated."""
        wanted = self._fields.get(object_name)
        if not wanted:
            return False
        known = self.describe(object_name).fields
        return any(known[field].calculated for field in wanted if field in known)

    def _quiet(self, stream: str, since: Mapping[str, Json], at: datetime, landed: Landed) -> Page:
        """The page that ends the pull, or one whose cursor says that the window must be read."""
        try:
            answer = self._query(stream, window(at), order=_NEWEST)
            found, start = self._sifted(stream, answer), answer.date(self._clock)
        except UnreadableAnswerError:
            answer = self._bare(stream, window(at), order=_NEWEST)
            return Page((), (), {"start": iso(answer.date(self._clock))}, last=False)
        fresh = _unseen(landed, stream, found.good)
        body = expect(answer)
        quiet = (
            not fresh
            and not since.get("unsettled")
            and total_of(body) - sum(r.deleted for r in found.good)
            == landed.count_since(stream, at)
        )
        if is_done(body) or quiet:
            settled = self._settled(start, found.good)
            return Page(tuple(fresh), (), settled, last=True, malformed=found.malformed)
        return Page((), (), {"start": iso(start)}, last=False)

    def census(self, stream: str, after: Mapping[str, Json] | None) -> Iterator[Page]:
        """Ids and stamps of everything that is not deleted."""
        return census(
            stream,
            after,
            deletable=stream not in NEVER_DELETED,
            query=self._wire.query,
            sifted=lambda answer: self._sifted(stream, answer),
            following=lambda a: a if is_done(expect(a)) else self._next(expect(a)),
        )

    def fetch(self, object_name: str, ids: Sequence[str]) -> list[Record]:
        """The records as they are now. A merged-away one comes with the record it is now part
        of; one that is merely deleted is left out.
        """
        found: dict[str, Record] = {}
        wanted = [id18(i) for i in dict.fromkeys(ids)]
        while wanted:
            for record in self._in(object_name, "Id", wanted).good:
                found[record.ref.id] = record
            masters = [r.merged_into for r in found.values() if r.merged_into]
            wanted = [i for i in dict.fromkeys(masters) if i not in found]
        return [r for r in found.values() if not r.deleted or r.merged_into]

    def find(self, object_name: str, field_name: str, values: Sequence[str]) -> list[Record]:
        """Records whose field is one of the values as Salesforce compares text (without case),
        deleted ones and closed Tasks of long ago included.
        """
        found = self._in(object_name, field_name, [v for v in values if v])
        if found.malformed:  # "not there" would be wrong, and might create a record twice
            raise unreadable(SYSTEM, found.malformed[0].payload)
        return found.good

    def versions(
        self, object_name: str, fields: Mapping[str, Sequence[str]]
    ) -> dict[tuple[str, str], tuple[Version, ...]]:
        """The object's history, of the fields whose tracking is on in the org."""
        return versions(self._wire, object_name, fields)

    def write(self, rows: Sequence[Write]) -> list[Outcome]:
        """One outcome per row, 200 rows a call; big backfills create by Bulk 2.0. Answers hold no
        record: `fetch` to read back."""
        return self._writer().write(rows)

    def archive(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """Delete to the recycle bin."""
        return self._writer().archive(object_name, ids)

    def erase(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """Delete the records and take them out of the recycle bin, where others stay 15 days. What
        may not be taken out is rejected, and can be restored until then."""
        archived = self._writer().archive(object_name, ids)
        return empty_bin(self._wire, object_name, [as_gone(outcome) for outcome in archived])

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def _writer(self) -> Writer:
        return Writer(self._wire, sleep=self._sleep, backfill=self._backfill)

    def _keyset(
        self,
        stream: str,
        at: datetime | None,
        start: datetime | None,
        after: Sequence[str] | None,
        landed: Landed,
        *,
        by_job: bool = True,
    ) -> Iterator[Page]:
        """The window in the order of (SystemModstamp, Id): one query's pages, taken up after a
        failure behind the last row that landed, however many rows share one stamp. Everything,
        where it is much, is left to a job (`salesforce_bulk_read`)."""
        answer: Answer | None = None
        while True:
            try:
                if answer is None:
                    answer = self._query(stream, window(at, after), order=_KEYSET)
                found = self._sifted(stream, answer)
                place = found.good
            except UnreadableAnswerError:
                answer = self._bare(stream, window(at, after), order=_KEYSET)
                bare = self._sifted(stream, answer)
                found, place = self._whole(stream, bare), bare.good
            body = expect(answer)
            start = start or answer.date(self._clock)
            if by_job and at is None and after is None and total_of(body) >= self._job_from:
                by_job = False
                if (yield from self._opened(stream, start, landed)):
                    return
            fresh = _unseen(landed, stream, found.good)
            if is_done(body):
                settled = self._settled(start, found.good)
                yield Page(tuple(fresh), (), settled, last=True, malformed=found.malformed)
                return
            if place:
                after = [iso(place[-1].modified_at), place[-1].ref.id]
            cursor = {"at": iso(at) if at else None, "start": iso(start), "after": after}
            yield Page(tuple(fresh), (), cursor, last=False, malformed=found.malformed)
            answer = self._next(body)

    def _opened(self, stream: str, start: datetime, landed: Landed) -> Generator[Page, None, bool]:
        """Everything by a new job; whether that has worked."""
        columns = self._wanted(stream)
        job = self._jobs.open(select(columns, stream))
        if job is None:
            return False
        cursor = {"at": None, "start": iso(start), "job": job, "columns": columns, "place": ""}
        yield Page((), (), cursor, last=False)
        return (yield from self._by_job(stream, cursor, start, landed))

    def _by_job(
        self, stream: str, cursor: Mapping[str, Json], start: datetime, landed: Landed
    ) -> Generator[Page, None, bool]:
        """Everything by the job of a cursor; whether it could be read to its end."""
        settled: dict[str, Json] = {"at": iso(start - self._overlap), "unsettled": True}
        try:
            yield from job_pages(
                self._jobs,
                stream,
                cursor,
                unseen=lambda records: _unseen(landed, stream, records),
                settled=settled,
            )
        except JobLostError:
            self._jobs.abandon(cursor["job"])
            return False
        return True

    def _next(self, body: Mapping[str, Any]) -> Answer | None:
        """The next page of a query; None when the vendor has forgotten the query, or answers
        nothing that can be read: it is asked anew behind the last row."""
        try:
            answer = self._wire.more(more_of(body))
        except UnreadableAnswerError:
            return None
        return None if code_of(answer) == "INVALID_QUERY_LOCATOR" else answer

    def _sifted(self, object_name: str, answer: Answer) -> Sifted[Record]:
        """The records of a page, and its rows that are none."""
        return sift(
            rows_in(SYSTEM, expect(answer), "records"),
            lambda raw: record_of(object_name, raw),
            system=SYSTEM,
            stream=object_name,
            latest=answer.date(self._clock),
        )

    def _bare(self, object_name: str, where: str, *, order: str) -> Answer:
        """A page without its content: ids and stamps."""
        return self._wire.query(
            select(("Id", "SystemModstamp"), object_name, where=where, order=order)
        )

    def _whole(self, object_name: str, bare: Sifted[Record]) -> Sifted[Record]:
        """The records of a bare page, each read by its id: those that make the answer unreadable
        are singled out."""
        aside: list[Malformed] = []

        def read(ids: Sequence[str]) -> list[Record]:
            part = self._in(object_name, "Id", ids)
            aside.extend(part.malformed)
            return part.good

        ids = [record.ref.id for record in bare.good]
        full = narrowed(ids, read, system=SYSTEM, stream=object_name)
        return Sifted(full.good, (*bare.malformed, *aside, *full.malformed))

    def _settled(self, start: datetime, records: Sequence[Record]) -> dict[str, Json]:
        """The cursor after a whole reading.

        `unsettled` when a row was stamped in the second of the reading or later: it may have been
        edited again within that second, so the next reading looks at the whole window.
        """
        edge = start.replace(microsecond=0) - timedelta(seconds=1)
        cursor: dict[str, Json] = {"at": iso(start - self._overlap)}
        if any(record.modified_at >= edge for record in records):
            cursor["unsettled"] = True
        return cursor

    def _in(self, object_name: str, field_name: str, values: Sequence[str]) -> Sifted[Record]:
        found: list[Record] = []
        aside: list[Malformed] = []
        room = room_beside(select(self._wanted(object_name), object_name))
        for where in in_conditions(field_name, values, room=room):
            answer = self._query(object_name, where)
            while True:
                part = self._sifted(object_name, answer)
                found += part.good
                aside += part.malformed
                body = expect(answer)
                if is_done(body):
                    break
                answer = self._wire.more(more_of(body))
        return Sifted(found, tuple(aside))

    def _query(self, object_name: str, where: str = "", *, order: str = "") -> Answer:
        """A query for all fields wanted of an object; removed ones are left out and remembered."""
        answer = self._wire.query(
            select(self._wanted(object_name), object_name, where=where, order=order)
        )
        if code_of(answer) != "INVALID_FIELD":
            return answer
        known = self.describe(object_name).fields
        gone = {f for f in self._wanted(object_name) if "." not in f and f not in known}
        if not gone:
            return answer
        self._removed.setdefault(object_name, set()).update(gone)
        return self._wire.query(
            select(self._wanted(object_name), object_name, where=where, order=order)
        )

    def _wanted(self, object_name: str) -> list[str]:
        wanted = columns(object_name, self._fields.get(object_name, ()))
        removed = self._removed.get(object_name, set())
        return [field for field in wanted if field not in removed]


def connect(
    settings: Mapping[str, str], *, limiter: Limiter, sleep: Sleep, clock: Clock
) -> SalesforceConnector:
    """The entry point of `connectors.base.load`.

    Settings: `login_url`, `client_id`, and `client_secret` or `private_key_file` with `username`;
    `ca_file`, `version`, `audience`, `instance_url`, `commit_lag_seconds`, `backfill`,
    `query_page` (rows a page, 200 to 2000: a wish the vendor may shorten), `job_from` (rows from
    which everything is read by a Bulk 2.0 job).
    """
    return SalesforceConnector(settings, limiter=limiter, sleep=sleep, clock=clock)


def _unseen(landed: Landed, stream: str, records: Sequence[Record]) -> list[Record]:
    fresh = landed.unseen(stream, [(r.ref.id, r.revision) for r in records])
    return [r for r in records if r.ref.id in fresh]
