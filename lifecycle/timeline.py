"""What happened to one person, in order: the only thing the closed loop looks at.

A timeline is folded from landed events and records (`mappings.ports.Timelines`), one person or
deal at a time. Each moment keeps the key of what it was read from, so that every number can be
drilled down to the records behind it. Ordering is by instant, then key: it never depends on the
order in which things were pulled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mappings.money import Money
from mappings.records import Json


class MomentKind(StrEnum):
    """What a moment says happened. The first group are marketing events (`EventKind`), the
    second what people did in either system, the third changes of records.
    """

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

    CAMPAIGN_RESPONSE = "campaign_response"
    TASK = "task"
    CALL = "call"
    MEETING = "meeting"
    EMAIL_MESSAGE = "email_message"

    FIELD_CHANGE = "field_change"
    OWNER_CHANGE = "owner_change"
    CONVERTED = "converted"


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened.

    `key` names what it was read from (event key, `system:object:id`). `actor` is the user who
    did it, None where nobody did or the vendor does not tell. `source` is the form, campaign or
    subject. `filtered` marks what the vendor itself discounts. For a field or owner change
    `field`, `before` and `after` say what changed.
    """

    at: datetime
    key: str
    kind: MomentKind
    actor: str | None = None
    source: str = ""
    filtered: bool = False
    field: str = ""
    before: Json = None
    after: Json = None

    @property
    def order(self) -> tuple[datetime, str, str]:
        """What moments are sorted by: the same whatever order they came in."""
        return (self.at, self.key, self.field)


@dataclass(frozen=True, slots=True)
class Deal:
    """An opportunity as it is now.

    `people` are the golden records with a role on it, `account` the company's. `closed_at` is
    when it was closed, or its close date's end while it is open; a CRM that tells the day alone is
    taken at its beginning, and `closed_by` is the latest it can have been. `amount` is None where
    blank.
    """

    key: str
    created_at: datetime
    people: tuple[str, ...] = ()
    account: str | None = None
    owner: str | None = None
    stage: str = ""
    closed_at: datetime | None = None
    closed_by: datetime | None = None
    is_closed: bool = False
    is_won: bool = False
    amount: Money | None = None
    reason: str = ""

    @property
    def end(self) -> datetime | None:
        """Up to when what happened can have led to its close; None while it is open."""
        return (self.closed_by or self.closed_at) if self.is_closed else None


@dataclass(frozen=True, slots=True)
class Timeline:
    """One golden record: fields as they are now, and everything that happened, in order.

    `fields` hold both sides' mapped fields under the names contracts use. `history` says since
    when field changes are recorded; before it nobody knows what a field was.
    """

    subject: str
    fields: Mapping[str, Json]
    moments: tuple[Moment, ...]
    created_at: datetime | None = None
    deals: tuple[Deal, ...] = ()
    history: Mapping[str, datetime] = field(default_factory=dict)

    def changes_of(self, name: str) -> tuple[Moment, ...]:
        """The recorded changes of one field, oldest first."""
        kinds = (MomentKind.FIELD_CHANGE, MomentKind.OWNER_CHANGE)
        return tuple(m for m in self.moments if m.kind in kinds and m.field == name)

    def value_at(self, name: str, at: datetime) -> Json:
        """A field's value just after `at`, as far as its recorded changes tell."""
        value = self.fields.get(name)
        for change in reversed(self.changes_of(name)):
            if change.at <= at:
                return change.after
            value = change.before
        return value


def in_order(moments: Iterable[Moment]) -> tuple[Moment, ...]:
    """Moments by instant, then key, each once."""
    return tuple(sorted(set(moments), key=lambda moment: moment.order))
