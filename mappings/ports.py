"""Protocols between the rooms: what one room needs of another, without importing it.

`connectors` implement `Connector`; `state` implements `Landed` and `Limiter`;
`sync` wires them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from mappings.errors import LeadloopError
from mappings.records import Event, Json, Malformed, Outcome, Record, Version, Write


class Lane(StrEnum):
    """Who goes first when a vendor's allowance is short (law 12), in this order."""

    CONSENT = "consent"
    FRESH = "fresh"
    OUTCOMES = "outcomes"
    INCREMENTAL = "incremental"
    REPAIR = "repair"
    BACKFILL = "backfill"


class Cadence(StrEnum):
    """How often a stream is due (BEHAVIOURS, Quota): 60 s, 15 min, nightly."""

    FAST = "fast"
    QUARTER = "quarter"
    NIGHTLY = "nightly"


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """One thing a connector can be asked for changes of.

    `name` is unique within the connector (`contacts`, `form:<guid>`, `email_events`, `Lead`);
    `object` is the vendor object its records carry, None for event streams. `trigger` names a
    field of another stream's records whose movement makes this stream due at once. A `counted` one
    can be asked for everything there is (`Connector.census`).
    """

    name: str
    object: str | None
    cadence: Cadence
    trigger: str | None = None
    counted: bool = False


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """One field as the vendor describes it, in neutral words.

    `type` is one of text, number, currency, boolean, date, datetime, picklist, multipicklist,
    email, phone, url, reference, other. `length` is in characters; `options` are the picklist's
    internal values; `restricted` says unknown options are refused.
    """

    name: str
    label: str
    type: str
    length: int | None = None
    options: tuple[str, ...] = ()
    restricted: bool = False
    required: bool = False
    createable: bool = True
    updateable: bool = True
    unique: bool = False
    external_id: bool = False
    calculated: bool = False


@dataclass(frozen=True, slots=True)
class ObjectSchema:
    """One vendor object: its fields by name, and whether the API user may make and edit records.

    One without any field stands for an object that the account does not have or does not show.
    """

    object: str
    fields: Mapping[str, FieldSchema]
    createable: bool = True
    updateable: bool = True

    @property
    def is_there(self) -> bool:
        """Whether the account has the object, as far as the API user may see."""
        return bool(self.fields)


@dataclass(frozen=True, slots=True)
class FieldDefinition:
    """A field Leadloop needs and `doctor --fix` may create, in neutral words.

    `type` as in FieldSchema; `length` for text; `scale` digits after the point for numbers.
    """

    object: str
    name: str
    label: str
    type: str
    length: int = 255
    scale: int = 0
    unique: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """Whom the credentials belong to: account id, acting user's id, allowance where known.
    `answered_at` is the vendor's own time of the answer, None where it sent none."""

    account_id: str
    user_id: str | None
    api_version: str
    daily_limit: int | None = None
    daily_used: int | None = None
    currency: str | None = None
    answered_at: datetime | None = None
    details: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a vendor allows, each number with its source in the connector's file.

    `write_batch` and `read_batch` are records per call, `join_batch` associations per call; where
    `bulk_from` creates of a backfill wait, up to `bulk_batch` go in one (0: there is no such way);
    `overlap_seconds` is re-read before every
    cursor because rows can commit late; `granularity_seconds` is that of its modified stamp.
    `restorable_by` is the field by which `find` takes ids and tells of deleted records for as long
    as they can be restored: who is not found by it was deleted for good. "": nobody can tell.
    """

    write_batch: int
    read_batch: int
    overlap_seconds: float
    granularity_seconds: float
    native_upsert: bool
    reads_back: bool
    join_batch: int = 100
    bulk_from: int = 0
    bulk_batch: int = 0
    restorable_by: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of changes. `cursor` is stored in the same transaction as the rows.

    A cursor is opaque JSON to everyone but its connector. `last` is true on the page that ends
    the pull; only then may the stream be called up to date. `malformed` are rows of the page that
    could not be used: they are set aside and the cursor moves past them.
    """

    records: tuple[Record, ...]
    events: tuple[Event, ...]
    cursor: Mapping[str, Json]
    last: bool
    malformed: tuple[Malformed, ...] = ()


class Landed(Protocol):
    """What a pull may ask about rows that have landed before (the quiet check, ADR 0004)."""

    def count_since(self, stream: str, at: datetime) -> int:
        """How many live records of the stream are landed with `modified_at >= at`."""

    def unseen(self, stream: str, rows: Sequence[tuple[str, str]]) -> set[str]:
        """Which ids of (id, revision) are not landed at exactly that revision.

        For an event stream the rows are (event key, "").
        """

    def holding(self, object_name: str, field_name: str, value: str) -> set[str]:
        """Ids of the object's live records that are landed with exactly this text in a field."""


class Limiter(Protocol):
    """Paces calls to one vendor account, keeps a share of its allowance for people, and keeps
    calls from a vendor that is known to be down or to refuse us.
    """

    def acquire(self, bucket: str = "default") -> None:
        """Wait for a place in the bucket, before every single call.

        Raises QuotaExhaustedError when our share is used up, and UnavailableError or
        AuthenticationError while the account's circuit is open: no call may be made then.
        """

    def observe(self, *, daily_limit: int | None, daily_used: int | None) -> None:
        """Learn the day's allowance from a vendor's headers (calls a day, calls used)."""

    def observe_rate(self, *, limit: int, left: int, seconds: float) -> None:
        """Learn the short-term one: calls allowed in so many seconds, and how many are left."""

    def ended(self, error: LeadloopError | None) -> None:
        """Told how a call ended, retries included: None when the vendor answered it."""


class Connector(Protocol):
    """One vendor system. See docs/how-to/write-a-connector.md.

    `changes` may repeat rows but never omits one. `write` returns exactly one outcome per row, in
    any order, and raises only when the whole call failed before anything could be applied; a
    reply lost after sending is an outcome of UNKNOWN for each of the call's rows. An answer that
    makes no sense raises UnreadableAnswerError; a row that makes none is `Malformed` on its page,
    left out by `fetch` (the pull sets it aside), and an UnreadableAnswerError to `find`.
    """

    system: str
    capabilities: Capabilities

    def check(self) -> AccountInfo:
        """Who we are at the vendor. Raises AuthenticationError or UnavailableError."""

    def describe(self, object_name: str) -> ObjectSchema:
        """The fields of an object as they are now; without any where the account has no such
        object, or does not show it."""

    def ensure_fields(self, definitions: Sequence[FieldDefinition]) -> list[Outcome]:
        """Create the missing ones through the vendor's API; key is `object.name`.

        REJECTED outcomes carry the manual steps in the error's remedy.
        """

    def streams(self) -> tuple[StreamSpec, ...]:
        """Everything there is to pull. May cost a call (forms are listed)."""

    def changes(
        self, stream: str, since: Mapping[str, Json] | None, *, landed: Landed
    ) -> Iterator[Page]:
        """Pages of what changed since the cursor; None means everything (backfill)."""

    def census(self, stream: str, after: Mapping[str, Json] | None) -> Iterator[Page]:
        """Pages of everything that is there now, of a `counted` stream: records that are not
        deleted, bare (id and modified time), and events whole. `after` is a page's cursor, behind
        which to go on. May repeat; leaves out nothing that is there from first page to last.
        """

    def fetch(self, object_name: str, ids: Sequence[str]) -> list[Record]:
        """The named records as they are now, merged-away ids followed; missing ones left out."""

    def find(self, object_name: str, field_name: str, values: Sequence[str]) -> list[Record]:
        """Records whose field equals one of the values exactly (key look-ups, deleted included
        where the vendor can tell)."""

    def versions(
        self, object_name: str, fields: Mapping[str, Sequence[str]]
    ) -> dict[tuple[str, str], tuple[Version, ...]]:
        """The values that fields (names by record id) have had, newest first, by (id, field), from
        the vendor's field history; what it does not keep or tell is left out, never guessed."""

    def write(self, rows: Sequence[Write]) -> list[Outcome]:
        """Send rows of one operation and one object, in as few calls as the vendor allows."""

    def archive(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """Delete (to the recycle bin) the named records; key is the id."""

    def erase(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """Delete the named records for good, as far as the vendor can; key is the id. One that is
        not there is no error."""

    def close(self) -> None:
        """Release connections. Further calls are an error."""


class Screen(Protocol):
    """Who must not be stored: erased people (law 8). Asked wherever something is put into the
    state; what it covers is left out and counted there.
    """

    def covers_record(self, record: Record) -> bool:
        """Whether the record is an erased person's, or joins one to something."""

    def covers_event(self, event: Event) -> bool:
        """Whether an erased person did it, or it was done to them."""

    def covers_row(self, row: Malformed) -> bool:
        """Whether a row that could not be read has an erased person's address or id."""

    def covers_id(self, system: str, object_name: str, record_id: str) -> bool:
        """Whether the id was an erased person's record."""


class Transactions(Protocol):
    """Where short transactions come from. No commit means rollback."""

    def begin(self) -> AbstractContextManager[object]:
        """A transaction that commits when the block ends without an error."""
