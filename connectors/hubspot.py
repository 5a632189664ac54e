"""HubSpot: contacts, companies, deals, owners, form submissions, e-mail events, consent.

Vendor pages: developers.hubspot.com, CRM objects, search, associations v4, communication
preferences v4, and the legacy form submissions and e-mail events. Quirks turned right here:

- Search is eventually consistent, never returns archived records and refuses to page past 10,000.
  Changes are therefore read by keyset (modified >= t, paged by id) with an overlap, and archived
  records have a stream of their own.
- Batch results come shuffled: rows are matched by trace id, unique property or record id.
- Merged-away ids work in single calls only: what a batch does not find is asked for singly.
- Search and batch/read carry no associations: they are read in batches beside the records.
- A record read back from a write holds only some of its properties. It tells the new revision;
  it never replaces a full reading.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.base import (
    Clock,
    NullLimiter,
    Sleep,
    instant,
    iso,
    moment,
    setting,
    utc_now,
)
from connectors.hubspot_events import (
    Batch,
    email_event,
    form_fill,
    newest_first,
    to_ms,
)
from connectors.hubspot_fields import ensure_properties, object_schema
from connectors.hubspot_read import (
    LIST_PAGE,
    OBJECTS,
    READ_BATCH,
    RELATED,
    UNIQUE,
    Reader,
    loser_of,
    losers_of,
    next_of,
    record_of,
)
from connectors.hubspot_wire import SYSTEM, Paths, Wire, expect
from connectors.hubspot_write import Writer
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
from mappings.records import Json, Outcome, Record, RecordRef, Write

CAPABILITIES = Capabilities(
    join_batch=2000,  # FACTS section 2: associations v4 batch create
    write_batch=100,  # FACTS section 2: at most 100 inputs
    read_batch=READ_BATCH,
    overlap_seconds=300.0,  # BEHAVIOURS, Cursors; search lag of up to 38 s was recorded
    granularity_seconds=0.001,  # FACTS section 2: ISO milliseconds
    native_upsert=True,  # batch/upsert by a unique property
    reads_back=True,  # in part: see above
)
SUBMISSIONS_PAGE = 50  # FACTS section 2
EVENTS_PAGE = 1000  # FACTS section 2
FORMS_PAGE = 50  # assumed: the default page is 20, and 50 is accepted


class HubSpotConnector:
    """One HubSpot account on the `Connector` protocol."""

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
        self._paths = Paths(settings.get("api") or "v3")
        self._wire = Wire(
            setting(settings, SYSTEM, "access_token"),
            settings.get("base_url") or "https://api.hubapi.com",
            limiter=limiter or NullLimiter(),
            sleep=sleep,
        )
        self._clock = clock
        # Assumed: 38 s was the longest lag of search in the recordings (FACTS section 2).
        lag = float(settings.get("search_lag_seconds") or 40.0)
        self._overlap = timedelta(seconds=max(CAPABILITIES.overlap_seconds, 2 * lag))
        self._read = Reader(self._wire, self._paths)
        self._forms: dict[str, str] | None = None

    def configure(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Which properties to read of which object, beside those the connector needs."""
        self._read.configure(fields)

    def set_backfill(self, *, on: bool) -> None:
        """HubSpot has no header that keeps workflows still: nothing to set."""

    def check(self) -> AccountInfo:
        """Whose token it is, from the account's details."""
        answer = self._wire.get(self._paths.account)
        details = expect(answer)
        limit = answer.headers.get("x-hubspot-ratelimit-daily")
        left = answer.headers.get("x-hubspot-ratelimit-daily-remaining")
        return AccountInfo(
            account_id=str(details["portalId"]),
            user_id=None,
            api_version=self._paths.api,
            daily_limit=int(limit) if limit else None,
            daily_used=int(limit) - int(left) if limit and left else None,
            currency=details.get("companyCurrency"),
            details={"time_zone": details.get("timeZone")},
        )

    def describe(self, object_name: str) -> ObjectSchema:
        """The object's properties as they are now."""
        listed = expect(self._wire.get(self._paths.properties(object_name)))
        return object_schema(object_name, listed["results"])

    def ensure_fields(self, definitions: Sequence[FieldDefinition]) -> list[Outcome]:
        """Create the missing properties in the group `leadloop`."""
        return ensure_properties(self._wire, self._paths, definitions)

    def streams(self) -> tuple[StreamSpec, ...]:
        """Records, archives, e-mail events, owners, and one stream a form (forms are listed)."""
        self._forms = self._list_forms()
        return (
            *(StreamSpec(name, name, Cadence.FAST) for name in OBJECTS),
            StreamSpec("email_events", None, Cadence.FAST),
            StreamSpec("owners", "owners", Cadence.QUARTER),
            *(
                StreamSpec(f"form:{guid}", None, Cadence.QUARTER, trigger="recent_conversion_date")
                for guid in self._forms
            ),
            *(StreamSpec(f"archived:{name}", name, Cadence.NIGHTLY) for name in OBJECTS),
        )

    def changes(
        self, stream: str, since: Mapping[str, Json] | None, *, landed: Landed
    ) -> Iterator[Page]:
        """Pages of what changed; see the module for how each kind of stream is read."""
        kind, _, name = stream.partition(":")
        if kind == "form":
            title = self._form_name(name)
            return newest_first(
                stream,
                since,
                landed,
                lambda _oldest, _newest: self._submissions(name, title, None),
                overlap=self._overlap,
            )
        if kind == "email_events":
            return newest_first(stream, since, landed, self._email_events, overlap=self._overlap)
        if kind == "archived":
            return self._archived(stream, name, since, landed)
        if kind == "owners":
            return self._owners(stream, landed)
        if since is None or "list" in since:
            return self._backfill(stream, since)
        return self._incremental(stream, since, landed)

    def fetch(self, object_name: str, ids: Sequence[str]) -> list[Record]:
        """The records as they are now. An id that was merged away yields two: the record it is
        now part of, and itself as deleted with `merged_into`.
        """
        found = self._read.batch_read(object_name, list(dict.fromkeys(ids)), None)
        have = {record.ref.id for record in found}
        losers: list[Record] = []
        for record_id in dict.fromkeys(i for i in ids if i not in have):
            record = self._read.single(object_name, record_id)
            if record is None:
                continue
            if record.ref.id != record_id:
                losers.append(loser_of(record, record_id))
            if record.ref.id not in have:
                have.add(record.ref.id)
                found.append(record)
        return [*self._read.related(object_name, found), *losers]

    def find(self, object_name: str, field_name: str, values: Sequence[str]) -> list[Record]:
        """Records by a value. Unique properties are looked up at once and archived ones too;
        by `email` a contact is also found through an additional address. Others go through
        search, which lags and never sees archived records.
        """
        wanted = [v for v in dict.fromkeys(values) if v]
        if field_name in UNIQUE:
            found = self._read.batch_read(object_name, wanted, field_name)
            have = {value for record in found for value in _values_of(record, field_name)}
            missing = [v for v in wanted if v.lower() not in have]
            gone = self._read.batch_read(object_name, missing, field_name, archived=True)
            deleted = [record for record in gone if record.deleted]
            return [*self._read.related(object_name, found), *deleted]
        found = self._read.search_values(object_name, field_name, wanted)
        return self._read.complete(object_name, found)

    def write(self, rows: Sequence[Write]) -> list[Outcome]:
        """One outcome per row; 100 rows a call, consent one address a call."""
        return Writer(self._wire, self._paths, record_of).write(rows)

    def archive(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """Archive records (restorable for 90 days); archiving twice is no error."""
        return Writer(self._wire, self._paths, record_of).archive(object_name, ids)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    # --- records -----------------------------------------------------------------------------

    def _backfill(self, stream: str, since: Mapping[str, Json] | None) -> Iterator[Page]:
        """Everything by list, 100 a page with associations. Cursor: `list` (after), `start`."""
        after = (since or {}).get("list")
        start = moment(since, "start")
        related = ",".join(RELATED[stream]) or None
        while True:
            answer = self._read.page(stream, after, associations=related)
            start = start or answer.date(self._clock)
            body = expect(answer)
            records = [record_of(stream, raw) for raw in body["results"]]
            after = next_of(body)
            last = after is None
            cursor = self._settled(start) if last else {"list": after, "start": iso(start)}
            yield Page(_with_losers(records), (), cursor, last=last)
            if last:
                return

    def _incremental(
        self, stream: str, since: Mapping[str, Json], landed: Landed
    ) -> Iterator[Page]:
        """The quiet check (newest first), then the window by keyset where it is needed.

        The check is quiet when the first page is landed and the vendor counts as many rows in the
        window as are landed. Where it counts fewer (its search index lags behind our own writes,
        or records were archived, behind which late rows could hide) the window stays open and is
        asked again; once that has lasted longer than the overlap it is read whole.
        """
        at, start, last_id = instant(since["at"]), moment(since, "start"), since.get("after")
        if start is None:
            answer = self._read.search(stream, at, newest=True)
            start = answer.date(self._clock)
            body = expect(answer)
            records = [record_of(stream, raw) for raw in body["results"]]
            fresh = _unseen(landed, stream, records)
            whole = next_of(body) is None
            known = landed.count_since(stream, at)
            short = moment(since, "short") or start
            if not whole and not fresh and body["total"] < known and start - short < self._overlap:
                yield Page((), (), {"at": iso(at), "short": iso(short)}, last=True)
                return
            if whole or (not fresh and body["total"] == known):
                full = _with_losers(self._read.complete(stream, fresh))
                yield Page(full, (), self._settled(start), last=True)
                return
        yield from self._keyset(stream, at, start, last_id or "0", landed)

    def _keyset(
        self, stream: str, at: datetime, start: datetime, last_id: str, landed: Landed
    ) -> Iterator[Page]:
        while True:
            body = expect(self._read.search(stream, at, after_id=last_id))
            records = [record_of(stream, raw) for raw in body["results"]]
            last = next_of(body) is None or not records
            if not last:
                last_id = max((r.ref.id for r in records), key=int)
            open_cursor = {"at": iso(at), "start": iso(start), "after": last_id}
            fresh = self._read.complete(stream, _unseen(landed, stream, records))
            cursor = self._settled(start) if last else open_cursor
            yield Page(_with_losers(fresh), (), cursor, last=last)
            if last:
                return

    def _settled(self, start: datetime) -> dict[str, Json]:
        return {"at": iso(start - self._overlap)}

    def _archived(
        self, stream: str, name: str, since: Mapping[str, Json] | None, landed: Landed
    ) -> Iterator[Page]:
        """All archived records: archiving moves no modified date, so there is no "since"."""
        after = (since or {}).get("list")
        while True:
            answer = self._read.page(name, after, archived=True)
            at = answer.date(self._clock)
            body = expect(answer)
            records = [record_of(name, raw) for raw in body["results"]]
            after = next_of(body)
            cursor: dict[str, Json] = {"list": after} if after else {"at": iso(at)}
            yield Page(tuple(_unseen(landed, stream, records)), (), cursor, last=after is None)
            if after is None:
                return

    def _owners(self, stream: str, landed: Landed) -> Iterator[Page]:
        """All owners: there is no way to ask for the changed ones."""
        after: str | None = None
        while True:
            answer = self._wire.get(self._paths.owners, {"limit": LIST_PAGE, "after": after})
            at = answer.date(self._clock)
            body = expect(answer)
            records = [_owner(raw) for raw in body["results"]]
            after = next_of(body)
            fresh = tuple(_unseen(landed, stream, records))
            yield Page(fresh, (), {"at": iso(at)}, last=after is None)
            if after is None:
                return

    # --- events ------------------------------------------------------------------------------

    def _email_events(self, oldest: datetime | None, newest: datetime | None) -> Batch:
        query = {
            "limit": EVENTS_PAGE,
            "startTimestamp": to_ms(oldest) if oldest else None,
            "endTimestamp": to_ms(newest) if newest else None,
        }
        return self._email_batch(query)

    def _email_batch(self, query: Mapping[str, Any]) -> Batch:
        answer = self._wire.get(self._paths.email_events, query)
        body = expect(answer)
        events = tuple(email_event(raw) for raw in body["events"])
        offset = body.get("offset")
        more = bool(body.get("hasMore")) and bool(events)
        return Batch(
            events,
            (lambda: self._email_batch({**query, "offset": offset})) if more else None,
            answer.date(self._clock),
        )

    def _submissions(self, guid: str, title: str, after: str | None) -> Batch:
        query = {"limit": SUBMISSIONS_PAGE, "after": after}
        answer = self._wire.get(self._paths.submissions(guid), query)
        if answer.status == 404:  # the form was removed since the forms were listed
            return Batch((), None, answer.date(self._clock))
        body = expect(answer)
        events = tuple(form_fill(raw, guid=guid, name=title) for raw in body["results"])
        more = next_of(body)
        return Batch(
            events,
            (lambda: self._submissions(guid, title, more)) if more else None,
            answer.date(self._clock),
        )

    def _form_name(self, guid: str) -> str:
        if self._forms is None:
            self._forms = self._list_forms()
        return self._forms.get(guid, "")

    def _list_forms(self) -> dict[str, str]:
        """Form names by guid, of every type and not of HubSpot's own alone (FACTS section 2)."""
        forms: dict[str, str] = {}
        after: str | None = None
        while True:
            query = {"limit": FORMS_PAGE, "after": after, "formTypes": "all"}
            body = expect(self._wire.get(self._paths.forms, query))
            forms |= {str(f["id"]): str(f.get("name", "")) for f in body["results"]}
            after = next_of(body)
            if after is None:
                return forms


def connect(
    settings: Mapping[str, str], *, limiter: Limiter, sleep: Sleep, clock: Clock
) -> HubSpotConnector:
    """The entry point of `connectors.base.load`.

    Settings: `access_token`; `base_url`, `api` ("v3" or "2026-03"), `search_lag_seconds`.
    """
    return HubSpotConnector(settings, limiter=limiter, sleep=sleep, clock=clock)


def _owner(raw: Mapping[str, Any]) -> Record:
    names = ("email", "firstName", "lastName", "userId")
    revision = str(raw["updatedAt"])
    return Record(
        ref=RecordRef(SYSTEM, "owners", str(raw["id"])),
        fields={name: raw.get(name) for name in names},
        revision=revision,
        modified_at=instant(revision),
        created_at=instant(raw["createdAt"]),
        deleted=bool(raw.get("archived")),
    )


def _unseen(landed: Landed, stream: str, records: Sequence[Record]) -> list[Record]:
    fresh = landed.unseen(stream, [(r.ref.id, r.revision) for r in records])
    return [r for r in records if r.ref.id in fresh]


def _with_losers(records: Sequence[Record]) -> tuple[Record, ...]:
    return (*records, *(loser for record in records for loser in losers_of(record)))


def _values_of(record: Record, field_name: str) -> list[str]:
    """What a record is found by under a unique property, in lower case."""
    text = str(record.fields.get(field_name) or "")
    if field_name == "email":
        text += f";{record.fields.get('hs_additional_emails') or ''}"
    return [part.strip().lower() for part in text.split(";") if part.strip()]
