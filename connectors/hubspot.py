"""HubSpot: contacts, companies, deals, owners, lists, forms, e-mail and custom events, consent, and
where they are wanted calls and meetings.

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
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from connectors.base import (
    Answer,
    Clock,
    NullLimiter,
    Sleep,
    instant,
    iso,
    moment,
    utc_now,
)
from connectors.hubspot_auth import Credentials
from connectors.hubspot_census import email_census, form_census, record_census
from connectors.hubspot_custom import KIND as CUSTOM
from connectors.hubspot_custom import CustomEvents
from connectors.hubspot_events import newest_first
from connectors.hubspot_fields import ensure_properties, is_unknown_object, object_schema
from connectors.hubspot_lists import KIND as LIST
from connectors.hubspot_lists import OBJECT as LISTED
from connectors.hubspot_lists import Lists
from connectors.hubspot_marketing import Marketing
from connectors.hubspot_read import (
    LIST_PAGE,
    OBJECTS,
    OWN_ID,
    READ_BATCH,
    RELATED,
    UNIQUE,
    Reader,
    certain,
    id_of,
    loser_of,
    losers_of,
    next_of,
    record_of,
    total_of,
    values_of,
)
from connectors.hubspot_wire import SYSTEM, Paths, Wire, expect
from connectors.hubspot_write import Writer
from connectors.lateness import widened
from connectors.payloads import (
    Sifted,
    flag,
    object_of,
    rows_in,
    scalars,
    sift,
    understanding,
    unreadable,
)
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
from mappings.records import Json, Outcome, Record, RecordRef, Version, Write

CAPABILITIES = Capabilities(
    join_batch=2000,  # FACTS section 2: associations v4 batch create
    write_batch=100,  # FACTS section 2: at most 100 inputs
    read_batch=READ_BATCH,
    overlap_seconds=300.0,  # BEHAVIOURS, Cursors; search lag of up to 38 s was recorded
    granularity_seconds=0.001,  # FACTS section 2: ISO milliseconds
    native_upsert=True,  # batch/upsert by a unique property
    reads_back=True,  # in part: see above
    restorable_by=OWN_ID,  # FACTS section 2, Merge, delete: archived ones are listable
)

_CONVERTED = "recent_conversion_date"
"""The contact's property that moves when a form is filled in: what makes forms due."""


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
            Credentials(settings),
            settings.get("base_url") or "https://api.hubapi.com",
            paths=self._paths,
            limiter=limiter or NullLimiter(),
            sleep=sleep,
        )
        self._clock = clock
        # Assumed: 38 s was the longest lag of search in the recordings (FACTS section 2).
        lag = float(settings.get("search_lag_seconds") or 40.0)
        self._overlap = timedelta(seconds=max(CAPABILITIES.overlap_seconds, 2 * lag))
        numbers = tuple(one for one in settings.get("lists", "").split(",") if one)
        self._lists = Lists(self._wire, self._paths, numbers, clock)
        self._read = Reader(self._wire, self._paths, self._lists.marked)
        self._marketing = Marketing(self._wire, self._paths, clock)
        names = tuple(name for name in settings.get("custom_events", "").split(",") if name)
        self._custom = CustomEvents(self._wire, self._paths, names, self._read.addresses, clock)

    def configure(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Which properties to read of which object, beside those the connector needs."""
        properties = self._lists.configure(fields.get(LISTED, ()))
        self._read.configure({**fields, LISTED: properties})

    def set_backfill(self, *, on: bool) -> None:
        """HubSpot has no header that keeps workflows still: nothing to set."""

    def check(self) -> AccountInfo:
        """Whose token it is, from the account's details."""
        answer = self._wire.get(self._paths.account)
        details = object_of(SYSTEM, expect(answer))
        limit = _number(answer.headers.get("x-hubspot-ratelimit-daily"))
        left = _number(answer.headers.get("x-hubspot-ratelimit-daily-remaining"))
        if not isinstance(details.get("portalId"), int | str):
            raise unreadable(SYSTEM, details)
        return AccountInfo(
            account_id=str(details["portalId"]),
            user_id=None,
            api_version=self._paths.api,
            daily_limit=limit,
            daily_used=limit - left if limit is not None and left is not None else None,
            currency=details.get("companyCurrency"),
            answered_at=answer.date(self._clock),
            details={"time_zone": details.get("timeZone")},
        )

    def describe(self, object_name: str) -> ObjectSchema:
        """The object's properties as they are now; of contacts the lists, too."""
        answer = self._wire.get(self._paths.properties(object_name))
        if is_unknown_object(answer):
            return ObjectSchema(object_name, {})
        listed = expect(answer)
        with understanding(lambda: unreadable(SYSTEM, listed)):
            found = object_schema(object_name, listed["results"])
        if object_name != LISTED:
            return found
        lists = {one.name: one for one in self._lists.definitions()}
        return replace(found, fields={**found.fields, **lists})

    def ensure_fields(self, definitions: Sequence[FieldDefinition]) -> list[Outcome]:
        """Create the missing properties in the group `leadloop`."""
        return ensure_properties(self._wire, self._paths, definitions)

    def streams(self) -> tuple[StreamSpec, ...]:
        """Records, archives, events, owners, a stream for each form (they are listed) and list."""
        forms = self._marketing.forms(again=True)
        unlisted = [StreamSpec("forms", None, Cadence.FAST)] if self._marketing.unlisted else []
        return (
            *(StreamSpec(name, name, Cadence.FAST, counted=True) for name in OBJECTS),
            *unlisted,
            StreamSpec("email_events", None, Cadence.FAST, counted=True),
            StreamSpec("owners", "owners", Cadence.QUARTER),
            *(StreamSpec(n, n, Cadence.QUARTER, counted=True) for n in self._read.wanted),
            *(
                StreamSpec(f"form:{guid}", None, Cadence.QUARTER, _CONVERTED, counted=True)
                for guid in forms
            ),
            *self._custom.streams(),
            *self._lists.streams(),
            *(
                StreamSpec(f"archived:{name}", name, Cadence.NIGHTLY)
                for name in (*OBJECTS, *self._read.wanted)
            ),
        )

    def changes(
        self, stream: str, since: Mapping[str, Json] | None, *, landed: Landed
    ) -> Iterator[Page]:
        """Pages of what changed; see the module for how each kind of stream is read."""
        kind, _, name = stream.partition(":")
        if kind == "form":
            return newest_first(
                stream,
                since,
                landed,
                lambda _oldest, _newest: self._marketing.submissions(name),
                overlap=self._overlap,
            )
        if kind == "email_events":
            read = self._marketing.email_events
            pages = newest_first(stream, since, landed, read, overlap=self._overlap)
            return self._marketing.with_campaigns(pages)
        if kind == CUSTOM:
            return self._custom.changes(name, since, landed, overlap=self._overlap)
        if kind == LIST:
            return self._lists.changes(name, landed, lambda ids: self.fetch(LISTED, ids))
        if kind == "archived":
            return self._archived(stream, name, since, landed)
        if kind == "owners":
            return self._owners(stream, landed)
        if kind == "forms":
            return iter([Page((), (), {}, last=True, malformed=self._marketing.unlisted)])
        pages = (
            self._backfill(stream, since)
            if since is None or "list" in since
            else self._incremental(stream, since, landed)
        )
        return widened(pages, since, least=self._overlap)

    def census(self, stream: str, after: Mapping[str, Json] | None) -> Iterator[Page]:
        """Everything there is: a list of stamps for records, all events of event streams."""
        kind, _, name = stream.partition(":")
        if kind == "form":
            return form_census(self._marketing, name, after)
        if kind == "email_events":
            return email_census(self._marketing, after)
        if kind == CUSTOM:
            return self._custom.census(name, after)
        return record_census(self._read, stream, after, self._clock)

    def fetch(self, object_name: str, ids: Sequence[str]) -> list[Record]:
        """The records as they are now. An id that was merged away yields two: the record it is
        now part of, and itself as deleted with `merged_into`.
        """
        found = self._read.batch_read(object_name, list(dict.fromkeys(ids)), None).good
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
        return [*self._read.related(object_name, found).good, *losers]

    def find(self, object_name: str, field_name: str, values: Sequence[str]) -> list[Record]:
        """Records by a value. Unique properties are looked up at once and archived ones too;
        by `email` a contact is also found through an additional address. Others go through
        search, which lags and never sees archived records.
        """
        wanted = [v for v in dict.fromkeys(values) if v]
        if field_name in {*UNIQUE, OWN_ID}:
            by = field_name if field_name in UNIQUE else None  # ids need no name
            found = certain(self._read.batch_read(object_name, wanted, by))
            have = {value for record in found for value in values_of(record, field_name)}
            missing = [v for v in wanted if v.lower() not in have]
            gone = certain(self._read.batch_read(object_name, missing, by, archived=True))
            deleted = [record for record in gone if record.deleted]
            return [*self._read.related(object_name, found).good, *deleted]
        found = self._read.search_values(object_name, field_name, wanted)
        return certain(self._read.complete(object_name, found))

    def versions(
        self, object_name: str, fields: Mapping[str, Sequence[str]]
    ) -> dict[tuple[str, str], tuple[Version, ...]]:
        """The properties' own history, 50 records a call; lists have none."""
        told = {
            one: [n for n in names if n not in self._lists.fields] for one, names in fields.items()
        }
        return self._read.versions(
            object_name, {one: names for one, names in told.items() if names}
        )

    def write(self, rows: Sequence[Write]) -> list[Outcome]:
        """One outcome per row; 100 rows a call, consent one address a call."""
        return Writer(self._wire, self._paths, record_of).write(rows)

    def archive(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """Archive records (restorable for 90 days); archiving twice is no error."""
        return Writer(self._wire, self._paths, record_of).archive(object_name, ids)

    def erase(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """Contacts are deleted for good with all that hangs on them (HubSpot's GDPR deletion, one a
        call; what it takes and when is HubSpot's business, up to 30 days); others are archived."""
        return Writer(self._wire, self._paths, record_of).erase(object_name, ids)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    # --- records -----------------------------------------------------------------------------

    def _backfill(self, stream: str, since: Mapping[str, Json] | None) -> Iterator[Page]:
        """Everything by list, 100 a page with associations. Cursor: `list` (after), `start`."""
        after = (since or {}).get("list")
        start = moment(since, "start")
        while True:
            found, answer = self._listed(stream, after)
            start = start or answer.date(self._clock)
            after = next_of(expect(answer), after)
            last = after is None
            cursor = self._settled(start) if last else {"list": after, "start": iso(start)}
            yield _page(found, cursor, last=last)
            if last:
                return

    def _listed(self, stream: str, after: str | None) -> tuple[Sifted[Record], Answer]:
        """A page of the list. Where one record makes the page unreadable, the page is asked for
        without its content and the records one by one."""
        related = ",".join(RELATED[stream]) or None
        try:
            answer = self._read.page(stream, after, associations=related)
            found = self._read.sifted(stream, answer, answer.date(self._clock))
            return Sifted(self._read.marked(stream, found.good), found.malformed), answer
        except UnreadableAnswerError:
            answer = self._read.page(stream, after, bare=True)
            return self._whole(stream, answer), answer

    def _whole(self, stream: str, answer: Answer) -> Sifted[Record]:
        """The records of a bare page, each read by its id."""
        bare = self._read.sifted(stream, answer, answer.date(self._clock))
        full = self._read.whole(stream, [record.ref.id for record in bare.good])
        return Sifted(full.good, (*bare.malformed, *full.malformed))

    def _incremental(
        self, stream: str, since: Mapping[str, Json], landed: Landed
    ) -> Iterator[Page]:
        """The quiet check (newest first), then the window by keyset where it is needed."""
        at, start, last_id = instant(since["at"]), moment(since, "start"), since.get("after")
        if start is None:
            quiet = self._quiet(stream, since, landed)
            if quiet.last:
                yield quiet
                return
            start = instant(quiet.cursor["start"])
        yield from self._keyset(stream, at, start, last_id or "0", landed)

    def _quiet(self, stream: str, since: Mapping[str, Json], landed: Landed) -> Page:
        """The page that ends the pull, or one whose cursor says that the window must be read.

        The check is quiet when the first page is landed and the vendor counts as many rows in the
        window as are landed. Where it counts fewer (its search index lags behind our own writes,
        or records were archived, behind which late rows could hide) the window stays open and is
        asked again; once that has lasted longer than the overlap it is read whole.
        """
        at = instant(since["at"])
        try:
            answer = self._read.search(stream, at, newest=True)
            found = self._read.sifted(stream, answer, answer.date(self._clock))
        except UnreadableAnswerError:
            answer = self._read.search(stream, at, newest=True, bare=True)
            return _reading(at, answer.date(self._clock))
        start, body = answer.date(self._clock), expect(answer)
        fresh = _unseen(landed, stream, found.good)
        whole, total = next_of(body) is None, total_of(body)
        known = landed.count_since(stream, at)
        short = moment(since, "short") or start
        if not whole and not fresh and total < known and start - short < self._overlap:
            cursor = {"at": iso(at), "short": iso(short)}
            return _page(Sifted([], found.malformed), cursor, last=True)
        if whole or (not fresh and total == known):
            full = self._read.complete(stream, fresh)
            aside = Sifted(full.good, (*found.malformed, *full.malformed))
            return _page(aside, self._settled(start), last=True)
        return _reading(at, start)

    def _keyset(
        self, stream: str, at: datetime, start: datetime, last_id: str, landed: Landed
    ) -> Iterator[Page]:
        """The window by id: 200 a page however many rows share one modified time, and never past
        the 10,000 that one search gives, since each page is a search of its own."""
        while True:
            try:
                answer = self._read.search(stream, at, after_id=last_id)
                found = self._read.sifted(stream, answer, answer.date(self._clock))
                full = self._read.complete(stream, _unseen(landed, stream, found.good))
                full = Sifted(full.good, (*found.malformed, *full.malformed))
            except UnreadableAnswerError:
                answer = self._read.search(stream, at, after_id=last_id, bare=True)
                found = self._read.sifted(stream, answer, answer.date(self._clock))
                full = self._whole(stream, answer)
            body = expect(answer)
            last = next_of(body) is None or not rows_in(SYSTEM, body, "results")
            cursor = self._settled(start)
            if not last:
                last_id = _highest(found, last_id, body)
                cursor = {"at": iso(at), "start": iso(start), "after": last_id}
            yield _page(full, cursor, last=last)
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
            found = self._read.sifted(name, answer, at)
            after = next_of(expect(answer), after)
            cursor: dict[str, Json] = {"list": after} if after else {"at": iso(at)}
            fresh = tuple(_unseen(landed, stream, found.good))
            yield Page(fresh, (), cursor, last=after is None, malformed=found.malformed)
            if after is None:
                return

    def _owners(self, stream: str, landed: Landed) -> Iterator[Page]:
        """All owners: there is no way to ask for the changed ones."""
        after: str | None = None
        while True:
            answer = self._wire.get(self._paths.owners, {"limit": LIST_PAGE, "after": after})
            at = answer.date(self._clock)
            rows = rows_in(SYSTEM, expect(answer), "results")
            found = sift(rows, _owner, system=SYSTEM, stream=stream, latest=at)
            after = next_of(expect(answer), after)
            fresh = tuple(_unseen(landed, stream, found.good))
            cursor = {"at": iso(at)}
            yield Page(fresh, (), cursor, last=after is None, malformed=found.malformed)
            if after is None:
                return


def connect(
    settings: Mapping[str, str], *, limiter: Limiter, sleep: Sleep, clock: Clock
) -> HubSpotConnector:
    """The entry point of `connectors.base.load`.

    Settings: `access_token`, or `refresh_token`, `client_id` and `client_secret`; `base_url`,
    `api` ("v3" or "2026-03"), `search_lag_seconds`, `custom_events` (names of the event types to
    read, with commas between them), `lists` (likewise, numbers of lists contacts are to tell of).
    """
    return HubSpotConnector(settings, limiter=limiter, sleep=sleep, clock=clock)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _highest(found: Sifted[Record], last_id: str, body: Any) -> str:
    """The highest id of a page. Raises UnreadableAnswerError when the page leads no further."""
    ids = [record.ref.id for record in found.good]
    ids += [one.id for one in found.malformed if one.id.isdigit()]
    highest = max(ids, key=int, default=last_id)
    if int(highest) <= int(last_id):
        raise unreadable(SYSTEM, body)
    return highest


def _page(found: Sifted[Record], cursor: Mapping[str, Json], *, last: bool) -> Page:
    """A page of records, with the ones that were merged into them."""
    losers = (loser for record in found.good for loser in losers_of(record))
    return Page((*found.good, *losers), (), cursor, last=last, malformed=found.malformed)


def _reading(at: datetime, start: datetime) -> Page:
    """No page yet: the window from `at` on has to be read, as of `start`."""
    return Page((), (), {"at": iso(at), "start": iso(start)}, last=False)


def _owner(raw: Mapping[str, Any]) -> Record:
    names = ("email", "firstName", "lastName", "userId")
    revision = str(raw["updatedAt"])
    return Record(
        ref=RecordRef(SYSTEM, "owners", id_of(raw)),
        fields=scalars({name: raw.get(name) for name in names}),
        revision=revision,
        modified_at=instant(revision),
        created_at=instant(raw["createdAt"]),
        deleted=flag(raw, "archived"),
    )


def _unseen(landed: Landed, stream: str, records: Sequence[Record]) -> list[Record]:
    fresh = landed.unseen(stream, [(r.ref.id, r.revision) for r in records])
    return [r for r in records if r.ref.id in fresh]
