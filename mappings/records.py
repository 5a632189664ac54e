"""Records, events and writes: what travels between connectors, state and the stages.

All are frozen. `fields` hold the vendor's own names and JSON values (HubSpot: strings or None;
Salesforce: JSON natives); turning them into typed values is `mappings.values`' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from mappings.errors import LeadloopError

Json = Any
"""A JSON value: None, bool, int, float, str, or lists and dicts of them."""


class Side(StrEnum):
    """The two sides of a connection pair."""

    MAP = "map"
    CRM = "crm"

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.CRM if self is Side.MAP else Side.MAP


@dataclass(frozen=True, slots=True, order=True)
class RecordRef:
    """Names one vendor record: connector kind, the vendor's object name, the vendor's id."""

    system: str
    object: str
    id: str

    def __str__(self) -> str:
        return f"{self.system}:{self.object}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> RecordRef:
        """The inverse of `str(ref)`. Raises ValueError on anything else."""
        system, object_name, record_id = text.split(":", 2)
        return cls(system, object_name, record_id)

    @staticmethod
    def is_name(text: str) -> bool:
        """Whether a text has the form of `str(ref)`."""
        return text.count(":") > 1


@dataclass(frozen=True, slots=True)
class Record:
    """One vendor record as read at one moment.

    `revision` is the vendor's modified stamp as text: two reads with one revision are one row.
    `modified_at` is the same instant, aware UTC. `deleted` rows may have empty `fields`.
    `merged_into` names the winner when this record lost a merge, `converted_to` the record a
    converted Lead became; ids are of the same system. `modified_by` is the vendor's user id where
    the vendor tells. `associations` maps an object name to the ids of associated records.
    """

    ref: RecordRef
    fields: Mapping[str, Json]
    revision: str
    modified_at: datetime
    created_at: datetime | None = None
    deleted: bool = False
    merged_into: str | None = None
    converted_to: RecordRef | None = None
    modified_by: str | None = None
    associations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_again(revision: str, at: datetime) -> str:
    """The name of a revision that says something else now though no edit has moved it: it was read
    again at that instant."""
    return f"{first_read(revision)}~{at:%Y-%m-%dT%H:%M:%S.%fZ}"


def first_read(revision: str) -> str:
    """The vendor's own name of a revision, however often it was read."""
    return revision.partition("~")[0]


@dataclass(frozen=True, slots=True)
class Version:
    """One value a field has had, from the vendor's history: since when, and by what it came there.

    `by` is the vendor's own word, "" where it has none: HubSpot's source (an open set, FACTS
    section 2), Salesforce's user id.
    """

    value: Json
    at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row a vendor sent that cannot be what it should be: set aside, kept as it came.

    `stream` names where it was read, `id` the record where its id could be read ("" otherwise),
    `reason` is a stable word (docs/glossary.md), `payload` its text, ASCII and cut to 65,536
    characters.
    """

    system: str
    stream: str
    id: str
    reason: str
    payload: str
    field: str | None = None


class EventKind(StrEnum):
    """What a marketing event says happened. Values are the names used in YAML."""

    FORM_FILL = "form_fill"
    EMAIL_SENT = "email_sent"
    EMAIL_DELIVERED = "email_delivered"
    EMAIL_OPEN = "email_open"
    EMAIL_CLICK = "email_click"
    EMAIL_BOUNCE = "email_bounce"
    EMAIL_UNSUBSCRIBE = "email_unsubscribe"
    EMAIL_SPAM_REPORT = "email_spam_report"
    EMAIL_OTHER = "email_other"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Event:
    """One marketing event, identified for ever by (system, key).

    `key` is built from what the vendor guarantees to be unique (form and conversion id; e-mail
    event id and created; a custom event's name and id). `email` is the address the vendor names,
    or that of the contact it names, lower case, or None. `name` is the form's, campaign's or event
    type's name or id, `details` what else is shown to people (answers, page, link); `filtered`
    marks events the vendor itself discounts (bots, privacy proxies).
    """

    system: str
    kind: EventKind
    key: str
    occurred_at: datetime
    email: str | None
    name: str = ""
    details: Mapping[str, Json] = field(default_factory=dict)
    filtered: bool = False


class Operation(StrEnum):
    """What a write does at the vendor.

    `CREATE` always goes through the external id (an upsert by unique key) where the object has
    one. `OPT_OUT` restricts consent: `fields` hold `email` and `subscription` (None = all mail).
    `ASSOCIATE` joins the record to another: `fields` hold `to_object` and `to_id`; `DISSOCIATE`
    takes them apart again. `DELETE` moves the record to the recycle bin. `OPT_IN` takes back an
    opt-out that was an error: `fields` hold `email`, `subscription` and `explanation`, the dated
    evidence. These three may be sent twice: the second time changes nothing.
    """

    CREATE = "create"
    UPDATE = "update"
    OPT_OUT = "opt_out"
    ASSOCIATE = "associate"
    DISSOCIATE = "dissociate"
    DELETE = "delete"
    OPT_IN = "opt_in"


JOINS = frozenset({Operation.ASSOCIATE, Operation.DISSOCIATE})
"""Operations about two records: no record is changed by them."""


@dataclass(frozen=True, slots=True)
class Write:
    """One row to be written. `key` is the idempotency key and comes back on its outcome.

    `external_id` is (field, value): required for CREATE, ignored otherwise. `id` is required for
    the other operations. `fields` hold the vendor's names and JSON values, ready to send.
    """

    key: str
    operation: Operation
    object: str
    fields: Mapping[str, Json]
    id: str | None = None
    external_id: tuple[str, str] | None = None


class OutcomeStatus(StrEnum):
    """How one row of a write ended."""

    OK = "ok"
    REJECTED = "rejected"
    RETRY = "retry"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row: never an exception, always tagged with the row's key.

    REJECTED and RETRY carry an error; RETRY means the vendor did not apply the row and the same
    row may be sent again (row lock, concurrent upsert); UNKNOWN means it may have been applied.
    `record` is the row read back where the vendor's answer held it.
    """

    key: str
    status: OutcomeStatus
    id: str | None = None
    created: bool | None = None
    error: LeadloopError | None = None
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class PersonAttributes:
    """What matching may know about a person, as found in a record: raw text, not normalised.

    Tuples hold every value a record has, best first. `birth_date` is ISO text if it is known.
    """

    given_name: str | None = None
    family_name: str | None = None
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    company: str | None = None
    website: str | None = None
    title: str | None = None
    street: str | None = None
    city: str | None = None
    postcode: str | None = None
    state: str | None = None
    country: str | None = None
    birth_date: str | None = None
