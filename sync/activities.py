"""The CRM's activity history as entries and moments: Tasks and meetings.

What counts as done, and when: a Task once it is closed, at the time it was completed; a meeting
from its beginning on. A Task's subtype says whether it was a call or an e-mail; a list e-mail
reaches nobody in particular and is no moment. Whose doing it was is its creator's (BEHAVIOURS, What
counts as a touch).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from lifecycle.subjects import Entry
from lifecycle.timeline import Moment, MomentKind
from mappings.fieldmap import ValueType
from mappings.records import Json, Record
from mappings.required_fields import EVENT, EVENT_KEY, TASK
from mappings.values import canonical

_A_MOMENT = timedelta(seconds=5)
SUBTYPES = {"Call": MomentKind.CALL, "Email": MomentKind.EMAIL_MESSAGE, "ListEmail": None}
"""What a Task is by its `TaskSubtype`; any other is a task."""


def entry_of(record: Record) -> Entry:
    """A Task or meeting as a line of the activity history."""
    fields = record.fields
    return Entry(
        ref=str(record.ref),
        created_at=record.created_at or record.modified_at,
        done=done_at(record),
        creator=_text(fields.get("CreatedById")),
        on=_text(fields.get("WhoId")),
        about=_text(fields.get("WhatId")),
        logged=bool(fields.get(EVENT_KEY)),
    )


def moment_of(record: Record) -> Moment | None:
    """A Task or meeting as something that happened to a person; None where it has not, or is none:
    what Leadloop itself wrote down is marketing's event, not a second one. A task it asked for is
    the doing of whoever finished it.
    """
    at = done_at(record)
    kind = kind_of(record)
    if at is None or kind is None or record.deleted:
        return None
    actor = _text(record.fields.get("CreatedById"))
    if record.fields.get(EVENT_KEY):
        if not _was_asked_for(record, at):
            return None
        actor = record.modified_by
    return Moment(
        at,
        str(record.ref),
        kind,
        actor=actor,
        source=str(record.fields.get("Subject") or ""),
    )


def spoken_with(
    records: Iterable[Record],
    activities: Mapping[str, Sequence[Record]],
    integrations: frozenset[str],
) -> dict[str, str] | None:
    """When a human being was last active on each of these records, by its id, as ISO 8601; None
    where none of them has any activity that is known. What machines log says nothing of where a
    rep is at work.
    """
    known = {r.ref.id: [moment_of(a) for a in activities.get(r.ref.id, ())] for r in records}
    if not any(known.values()):
        return None
    human = {
        record_id: [m.at for m in moments if m is not None and _is_human(m, integrations)]
        for record_id, moments in known.items()
    }
    return {record_id: max(own).isoformat() for record_id, own in human.items() if own}


def _is_human(moment: Moment, integrations: frozenset[str]) -> bool:
    return moment.actor is not None and moment.actor not in integrations


def _was_asked_for(record: Record, done: datetime) -> bool:
    """Whether a Task of Leadloop's was open when it was made: a handoff's. One that logs an event
    is finished from the start; Salesforce gives both times in whole seconds, a moment apart.
    """
    made = record.created_at
    return record.ref.object == TASK and made is not None and done > made + _A_MOMENT


def kind_of(record: Record) -> MomentKind | None:
    """What an activity is; None for mail to many."""
    if record.ref.object == EVENT:
        return MomentKind.MEETING
    return SUBTYPES.get(str(record.fields.get("TaskSubtype")), MomentKind.TASK)


def done_at(record: Record) -> datetime | None:
    """When it was done; None while it is open. A meeting is done once it begins; one without a
    beginning (all day) at the start of its day.
    """
    fields = record.fields
    if record.ref.object == TASK:
        if fields.get("IsClosed") is not True:
            return None
        return _instant(fields.get("CompletedDateTime")) or record.created_at
    return _instant(fields.get("StartDateTime")) or _day(fields.get("ActivityDate"))


def _instant(value: Json) -> datetime | None:
    text = canonical(value, ValueType.DATETIME)
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _day(value: Json) -> datetime | None:
    text = canonical(value, ValueType.DATE)
    try:
        return datetime.combine(date.fromisoformat(str(text)), time(), UTC)
    except ValueError:
        return None


def _text(value: Json) -> str | None:
    return str(value) if value not in (None, "") else None
