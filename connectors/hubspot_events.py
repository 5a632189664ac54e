"""HubSpot's event streams: form submissions and e-mail events, newest first.

Neither endpoint can be asked for "what is new". Both answer newest first, so a pull reads down to
the first page of which every event is landed. Events can also arrive late, among older ones;
therefore everything since the cursor, less an overlap, is read whole every 15 minutes, and only
such a whole reading moves the cursor on. A pull that was cut off is always ended by a whole one.

Cursor: `{"at": iso}`, everything older is surely read; while a reading is under way also
`"open": {"began": iso, "until": iso}` (what is newer than `until` is landed). Where an answer ends
in the middle of an element and nothing tells how to get past it, what is newer goes on landing, and
`"gap": {"at": iso, "since": iso, "tried": iso}` says that between `at` and there something may be
unread: it is tried again, ever more seldom the longer it lasts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.base import instant, iso, moment
from connectors.hubspot_wire import SYSTEM
from connectors.payloads import RowFaultError
from mappings.errors import UnreadableAnswerError
from mappings.ports import Landed, Page
from mappings.records import Event, EventKind, Json, Malformed

DEEP_EVERY = timedelta(minutes=15)
"""Assumed: the slow cadence of BEHAVIOURS, Quota, is often enough to look for late events."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = {
    "SENT": EventKind.EMAIL_SENT,
    "DELIVERED": EventKind.EMAIL_DELIVERED,
    "OPEN": EventKind.EMAIL_OPEN,
    "CLICK": EventKind.EMAIL_CLICK,
    "BOUNCE": EventKind.EMAIL_BOUNCE,
    "SPAMREPORT": EventKind.EMAIL_SPAM_REPORT,
}
_KEY_PART = re.compile(r"[A-Za-z0-9_.-]{1,100}")
"""Assumed: the vendor's pages show UUIDs and numbers; longer ones would not fit a key either."""
_SHOWN = ("type", "url", "category", "status", "source", "appId", "emailCampaignId", "dropReason")


@dataclass(frozen=True, slots=True)
class Batch:
    """One page as the vendor gave it; `more` asks for the next, None at the end; `after` is where
    that begins, for vendors that say so."""

    events: tuple[Event, ...]
    more: Callable[[], Batch] | None
    at: datetime
    malformed: tuple[Malformed, ...] = ()
    after: str | None = None


def newest_first(
    stream: str,
    since: Mapping[str, Json] | None,
    landed: Landed,
    first: Callable[[datetime | None, datetime | None], Batch],
    *,
    overlap: timedelta,
) -> Iterator[Page]:
    """Pages of a newest-first stream; `first(oldest, newest)` asks for the first batch.

    An unchanged stream costs one call, and a whole reading of the overlap every 15 minutes.
    """
    at = moment(since, "at")
    opened, gap = (since or {}).get("open"), (since or {}).get("gap")
    batch = first(at - overlap if at else None, moment(opened, "until"))
    began = moment(opened, "began") or batch.at
    kept = {"gap": gap} if gap else {}
    if gap and _is_due(gap, began):
        at, kept = moment(gap, "at"), {}
    oldest = at - overlap if at else None
    whole = at is None or opened is not None or began - at >= DEEP_EVERY
    while True:
        fresh = landed.unseen(stream, [(event.key, "") for event in batch.events])
        new = tuple(event for event in batch.events if event.key in fresh)
        reached = oldest is not None and any(e.occurred_at < oldest for e in batch.events)
        if batch.more is None or reached:
            yield Page((), new, {"at": iso(began), **kept}, last=True, malformed=batch.malformed)
            return
        if not fresh and not whole:
            cursor = {"at": iso(at or began), **kept}
            yield Page((), (), cursor, last=True, malformed=batch.malformed)
            return
        until = min((e.occurred_at for e in batch.events), default=began)
        marker = {"began": iso(began), "until": iso(until)}
        open_cursor = {"at": iso(at) if at else None, "open": marker}
        yield Page((), new, {**open_cursor, **kept}, last=False, malformed=batch.malformed)
        try:
            batch = batch.more()
        except UnreadableAnswerError as error:
            yield _broken_off(stream, error, began, at, gap)
            return


def _is_due(gap: Mapping[str, Json], now: datetime) -> bool:
    """Whether it is time to see if the rest of a stream can be read by now: after a quarter of an
    hour at first, then each time after as long as it has lasted."""
    tried, began = instant(gap["tried"]), instant(gap["since"])
    return now - tried >= max(DEEP_EVERY, tried - began)


def _broken_off(
    stream: str,
    error: UnreadableAnswerError,
    began: datetime,
    at: datetime | None,
    gap: Mapping[str, Json] | None,
) -> Page:
    """The end of a reading that cannot get past an element: that is set aside, what is newer has
    landed, and the cursor goes on with a note of where something may be unread."""
    older = gap["at"] if gap else (iso(at) if at else None)
    note = {"at": older, "since": gap["since"] if gap else iso(began), "tried": iso(began)}
    alone = Malformed(SYSTEM, stream, "", "unreadable_row", error.payload)
    return Page((), (), {"at": iso(began), "gap": note}, last=True, malformed=(alone,))


def from_ms(value: object) -> datetime:
    """The instant of HubSpot's epoch milliseconds (number or text)."""
    return _EPOCH + timedelta(milliseconds=int(str(value)))


def to_ms(at: datetime) -> int:
    """Epoch milliseconds of an instant."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def form_fill(raw: Mapping[str, Any], *, guid: str, name: str) -> Event:
    """A submission as an event. Its identity is (form, conversionId), and where HubSpot leaves
    that out (form, submittedAt, e-mail), FACTS section 2; answers stay in the form's order.
    """
    answers = [
        {"name": str(v.get("name", "")), "value": _one(v.get("value"))}
        for v in raw.get("values") or ()
    ]
    given = [a["value"] for a in answers if str(a["name"]).lower() == "email" and a["value"]]
    email = str(given[0]).strip().lower() if given else None
    submitted = raw["submittedAt"]
    if raw.get("conversionId"):
        key = f"form:{guid}:{_key_part(raw['conversionId'])}"
    else:
        mark = email or json.dumps(answers, sort_keys=True)
        key = f"form:{guid}:{submitted}:{hashlib.sha256(mark.encode()).hexdigest()[:20]}"
    details = {"form_guid": guid, "page_url": _one(raw.get("pageUrl")), "answers": answers}
    return Event(SYSTEM, EventKind.FORM_FILL, key, from_ms(submitted), email, name, details)


def _one(value: Json) -> Json:
    """An answer of a form: one value. Raises RowFaultError for a nested one."""
    if isinstance(value, dict | list):
        raise RowFaultError("nested_value", "values")
    return value


def _key_part(value: Json) -> str:
    """A part of an event's identity: a short id, as text or number. Raises RowFaultError."""
    text = str(value)
    fits = isinstance(value, int | str) and not isinstance(value, bool)
    if not fits or not _KEY_PART.fullmatch(text):
        raise RowFaultError("wrong_id", "id")
    return text


def email_event(raw: Mapping[str, Any]) -> Event:
    """An e-mail event. Its identity is the pair (id, created), FACTS section 2.

    There is no unsubscribe type: it is a STATUSCHANGE, of the whole portal (`all_mail`) or of the
    subscriptions listed in `subscriptions`.
    """
    kind = _KINDS.get(str(raw.get("type")), EventKind.EMAIL_OTHER)
    details: dict[str, Json] = {
        name: _one(raw[name]) for name in _SHOWN if raw.get(name) is not None
    }
    if raw.get("type") == "STATUSCHANGE":
        left = _unsubscribed(raw.get("subscriptions") or ())
        whole = raw.get("portalSubscriptionStatus") == "UNSUBSCRIBED"
        details |= {"all_mail": whole, "subscriptions": left}
        if whole or left:
            kind = EventKind.EMAIL_UNSUBSCRIBE
    recipient = str(raw.get("recipient") or "").strip().lower()
    return Event(
        system=SYSTEM,
        kind=kind,
        key=f"email:{_key_part(raw['id'])}:{_key_part(raw['created'])}",
        occurred_at=from_ms(raw["created"]),
        email=recipient or None,
        name=str(raw.get("emailCampaignId") or ""),
        details=details,
        filtered=bool(raw.get("filteredEvent")),
    )


def _unsubscribed(subscriptions: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(s.get("id")) for s in subscriptions if s.get("status") == "UNSUBSCRIBED"]


def parse_instant(text: object) -> datetime:
    """HubSpot's time of a property: ISO text, or epoch milliseconds as older answers have it."""
    plain = str(text)
    return from_ms(plain) if plain.lstrip("-").isdigit() else instant(plain)
