"""The vendors' records of who was in touch as entries and moments: Tasks, meetings, calls, e-mails,
answers to campaigns.

What counts as done, and when: a Task once it is closed, at the time it was completed; a meeting
from its beginning on, unless it was called off; a call at its time. A Task's subtype says whether
it was a call or an e-mail; a list e-mail reaches nobody in particular and is no moment. Whose doing
it was is its creator's (BEHAVIOURS, What counts as a touch).

Salesforce keeps an e-mail twice: as a Task, and as an EmailMessage that names it (`ActivityId`) and
knows more: everybody it went to, when it was sent, whether it came from the other side. Where both
are known the EmailMessage alone counts, and one that came in is nobody's attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from lifecycle.subjects import Entry
from lifecycle.timeline import Moment, MomentKind
from lifecycle.touch import TouchRules, is_human
from mappings.fieldmap import ValueType
from mappings.records import Json, Record
from mappings.required_fields import CALLS, EVENT, EVENT_KEY, MEETINGS, MEMBER, RECIPIENT, TASK
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


def moments_of(records: Iterable[Record]) -> list[Moment]:
    """What happened to one person, as far as these records of theirs tell, each thing once."""
    own = list(records)
    told = {
        str(r.fields.get("EmailMessage.ActivityId"))
        for r in own
        if r.ref.object == RECIPIENT and not r.deleted
    }
    moments = {
        moment.key: moment
        for record in own
        if not (record.ref.object == TASK and record.ref.id in told)
        if (moment := moment_of(record)) is not None
    }
    return list(moments.values())


def moment_of(record: Record) -> Moment | None:
    """A record as something that happened to a person; None where it has not, or is none."""
    read = _READ.get(record.ref.object)
    return read(record) if read is not None and not record.deleted else None


def _activity(record: Record) -> Moment | None:
    """A Task or meeting of the CRM's. What Leadloop itself wrote down is marketing's event, not a
    second one. A task it asked for is the doing of whoever finished it.
    """
    at = done_at(record)
    kind = kind_of(record)
    if at is None or kind is None:
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


def _message(record: Record) -> Moment | None:
    """An e-mail somebody sent to the person. One moment a message, however often it names them."""
    fields = record.fields
    at = _instant(fields.get("EmailMessage.MessageDate")) or record.created_at
    came_in = fields.get("EmailMessage.Incoming") is True or fields.get("RelationType") == _SENDER
    if at is None or came_in or fields.get("EmailMessage.Status") == _DRAFT:
        return None
    return Moment(
        at,
        f"{record.ref.system}:EmailMessage:{fields.get('EmailMessageId')}",
        MomentKind.EMAIL_MESSAGE,
        actor=_text(fields.get("EmailMessage.CreatedById")),
        source=str(fields.get("EmailMessage.Subject") or ""),
    )


def _response(record: Record) -> Moment | None:
    """An answer to a campaign. Only its day is told, which is taken at its beginning, but within
    the membership's own life; a membership that Leadloop made is marketing's event already.
    """
    fields = record.fields
    if fields.get("HasResponded") is not True or fields.get(EVENT_KEY):
        return None
    made = record.created_at or record.modified_at
    day = _day(fields.get("FirstRespondedDate"))
    at = max(made, min(day, record.modified_at)) if day is not None else record.modified_at
    name = str(fields.get("Campaign.Name") or fields.get("CampaignId") or "")
    return Moment(at, str(record.ref), MomentKind.CAMPAIGN_RESPONSE, source=name)


def _call(record: Record) -> Moment | None:
    """A call in HubSpot: one that came about, or was tried."""
    at = _instant(record.fields.get("hs_timestamp"))
    if at is None or record.fields.get("hs_call_status") in _NO_CALL:
        return None
    return _logged(record, at, MomentKind.CALL, "hs_call_title")


def _meeting(record: Record) -> Moment | None:
    """A meeting in HubSpot, from its beginning on."""
    fields = record.fields
    at = _instant(fields.get("hs_meeting_start_time")) or _instant(fields.get("hs_timestamp"))
    if at is None or fields.get("hs_meeting_outcome") in _NO_MEETING:
        return None
    return _logged(record, at, MomentKind.MEETING, "hs_meeting_title")


def _logged(record: Record, at: datetime, kind: MomentKind, title: str) -> Moment:
    """Whoever logged it did it; what another program brought into HubSpot is nobody's doing."""
    fields = record.fields
    user = _text(fields.get("hs_created_by_user_id"))
    by_hand = user is not None and fields.get("hs_object_source") not in _BROUGHT
    actor = f"{record.ref.system}:{user}" if by_hand else None
    return Moment(at, str(record.ref), kind, actor=actor, source=str(fields.get(title) or ""))


_SENDER, _DRAFT = "FromAddress", "5"
"""EmailMessageRelation's type of the one it is from; EmailMessage's status of one not sent."""
_NO_CALL = frozenset({"CANCELED", "QUEUED", "RINGING", "CONNECTING", "CALLING_CRM_USER"})
_NO_MEETING = frozenset({"CANCELED", "RESCHEDULED"})
_BROUGHT = frozenset({"API", "INTEGRATION", "IMPORT", "SALESFORCE", "MIGRATION"})
"""Where records come from that no person made in HubSpot, by `hs_object_source` (assumed to hold
the same words as a property's history, FACTS section 2, History)."""

_READ: Mapping[str, Callable[[Record], Moment | None]] = {
    TASK: _activity, EVENT: _activity, RECIPIENT: _message, MEMBER: _response, CALLS: _call,
    MEETINGS: _meeting,
}  # fmt: skip


def spoken_with(
    records: Iterable[Record],
    activities: Mapping[str, Sequence[Record]],
    integrations: frozenset[str],
) -> dict[str, str] | None:
    """When a human being was last active on each of these records, by its id, as ISO 8601; None
    where none of them has any activity that is known. What machines log says nothing of where a
    rep is at work.
    """
    known = {r.ref.id: activities.get(r.ref.id, ()) for r in records}
    if not any(known.values()):
        return None
    rules = TouchRules(integrations=integrations)
    human = {
        record_id: [m.at for m in moments_of(own) if is_human(m, rules)]
        for record_id, own in known.items()
    }
    return {record_id: max(own).isoformat() for record_id, own in human.items() if own}


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
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None


def _day(value: Json) -> datetime | None:
    text = canonical(value, ValueType.DATE)
    try:
        return datetime.combine(date.fromisoformat(str(text)), time(), UTC)
    except ValueError:
        return None


def _text(value: Json) -> str | None:
    return str(value) if value not in (None, "") else None
