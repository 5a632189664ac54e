"""What the tests of the state share: a clock, made-up records, events and intents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mappings.ports import Lane
from mappings.records import Event, EventKind, Operation, Record, RecordRef, Side
from state.mirror import Mirrored
from state.outbox import Intent

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""What the business clock of these tests says."""


def now() -> datetime:
    """The business clock: it stands still."""
    return NOON


def at(seconds: float) -> datetime:
    """An instant so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def contact(number: int, *, second: float = 0, **changes: Any) -> Record:
    """A made-up MAP contact whose revision follows from when it was changed."""
    return Record(
        **{
            "ref": RecordRef("hubspot", "contacts", str(number)),
            "fields": {"email": f"p{number}@example.com", "firstname": "Ada"},
            "revision": f"r{second}",
            "modified_at": at(second),
            **changes,
        }
    )


def mirrored(record: Record, lookup: str | None = None, lookup2: str | None = None) -> Mirrored:
    """A record as fold hands it to the mirror."""
    return Mirrored(record, "contacts", lookup or record.fields.get("email"), lookup2)


def event(key: str, kind: EventKind = EventKind.EMAIL_OPEN, **changes: Any) -> Event:
    """A made-up marketing event."""
    return Event(
        **{
            "system": "hubspot",
            "kind": kind,
            "key": key,
            "occurred_at": NOON,
            "email": "p1@example.com",
            **changes,
        }
    )


def intent(key: str, entity_id: str = "e1", **changes: Any) -> Intent:
    """A made-up update of a CRM Lead."""
    fields: Mapping[str, Any] = {"Title": "Engineer"}
    return Intent(
        **{
            "key": key,
            "entity_id": entity_id,
            "side": Side.CRM,
            "system": "salesforce",
            "operation": Operation.UPDATE,
            "object": "Lead",
            "fields": fields,
            "lane": Lane.INCREMENTAL,
            "reason": "changed",
            "fingerprint": f"f-{key}",
            "target_id": "00Q1",
            **changes,
        }
    )
