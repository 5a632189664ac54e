"""Marketing e-mail events, kept in the vendor's own shape (FACTS section 2, Email events).

Their identity is the pair (id, created); there is no type UNSUBSCRIBED, a changed subscription is
a STATUSCHANGE. Effects on the contact's roll-up properties are worked out here as pure figures.
"""

from __future__ import annotations

import uuid
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

from sandbox.hubspot.errors import validation
from sandbox.hubspot.times import iso

TYPES = frozenset(
    {
        "SENT", "DROPPED", "PROCESSED", "DELIVERED", "DEFERRED", "BOUNCE", "OPEN", "CLICK",
        "PRINT", "FORWARD", "SPAMREPORT", "STATUSCHANGE", "UNBOUNCE",
    }
)  # fmt: skip
MAX_PAGE = 1000
"""Largest page (FACTS section 2)."""

_COUNTS = {
    "DELIVERED": "hs_email_delivered",
    "OPEN": "hs_email_open",
    "CLICK": "hs_email_click",
    "BOUNCE": "hs_email_bounce",
}
_DATES = {"SENT": "send", "OPEN": "open", "CLICK": "click"}

Event = dict[str, Any]


class EmailEvents:
    """All events, ordered by creation; campaigns by id."""

    def __init__(self, portal_id: int, rng: Random) -> None:
        self._portal_id = portal_id
        self._rng = rng
        self._events: list[Event] = []
        self._times: list[int] = []
        self._known: set[tuple[str, int]] = set()
        self.campaigns: dict[int, dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._events)

    def all(self) -> list[Event]:
        """Every event, oldest first."""
        return list(self._events)

    def add(self, events: Iterable[Mapping[str, Any]], *, now: int) -> list[Event]:
        """Take events in; those known by (id, created) are passed over. Returns the new ones."""
        fresh = []
        for raw in events:
            event = self._complete(raw, now)
            key = (str(event["id"]), int(event["created"]))
            if key not in self._known:
                self._known.add(key)
                fresh.append(event)
        self._file(fresh)
        return fresh

    def page(
        self, wanted: Mapping[str, str], *, limit: int, offset: str | None
    ) -> tuple[list[Event], str, bool]:
        """(events newest first, next offset, more?) for the query parameters of the API."""
        low = int(wanted.get("startTimestamp") or 0)
        high = int(wanted.get("endTimestamp") or 1 << 62)
        start, end = bisect_left(self._times, low), bisect_right(self._times, high)
        skip = _read_offset(offset)
        page: list[Event] = []
        seen = 0
        for position in range(end - 1, start - 1, -1):
            event = self._events[position]
            if not _fits(event, wanted):
                continue
            seen += 1
            if seen <= skip:
                continue
            if len(page) == limit:
                return page, _offset(skip + limit), True
            page.append(event)
        return page, _offset(skip + len(page)), False

    def _file(self, fresh: list[Event]) -> None:
        if len(fresh) > 500:
            self._events.extend(fresh)
            self._events.sort(key=lambda event: int(event["created"]))
            self._times = [int(event["created"]) for event in self._events]
            return
        for event in fresh:
            place = bisect_right(self._times, int(event["created"]))
            self._times.insert(place, int(event["created"]))
            self._events.insert(place, event)

    def _complete(self, raw: Mapping[str, Any], now: int) -> Event:
        event = dict(raw)
        if event.get("type") not in TYPES:
            raise validation(f"Unknown e-mail event type {event.get('type')!r}.")
        event.setdefault("id", str(uuid.UUID(int=self._rng.getrandbits(128), version=4)))
        event.setdefault("created", now)
        event.setdefault("portalId", self._portal_id)
        event.setdefault("appId", 113)
        event.setdefault("appName", "Batch")
        event.setdefault("filteredEvent", False)
        return event


def rollup(values: Mapping[str, str], events: Iterable[Event], names: dict[int, str]) -> dict[
    str, str
]:  # fmt: skip
    """What a contact's e-mail properties become after `events`; filtered ones do not count."""
    new: dict[str, str] = {}

    def read(name: str) -> str:
        return new.get(name, values.get(name, ""))

    for event in events:
        if event.get("filteredEvent"):
            continue
        kind, at = str(event["type"]), iso(int(event["created"]))
        if kind in _COUNTS:
            name = _COUNTS[kind]
            new[name] = str(int(read(name) or 0) + 1)
        if kind in _DATES:
            first, last = (f"hs_email_{end}_{_DATES[kind]}_date" for end in ("first", "last"))
            new[first] = min(read(first) or at, at)
            new[last] = max(read(last), at)
        if kind == "SENT":
            campaign = names.get(int(event.get("emailCampaignId") or 0))
            if campaign and new["hs_email_last_send_date"] == at:
                new["hs_email_last_email_name"] = campaign
        if kind == "BOUNCE" and event.get("category"):
            new["hs_email_hard_bounce_reason_enum"] = _bounce_reason(str(event["category"]))
    return {name: value for name, value in new.items() if values.get(name) != value}


def _bounce_reason(category: str) -> str:
    known = {"CONTENT", "MAILBOX_FULL", "OTHER", "POLICY", "SPAM", "UNKNOWN_USER"}
    return category if category in known else "OTHER"


def _fits(event: Event, wanted: Mapping[str, str]) -> bool:
    kind = wanted.get("eventType")
    if kind and event["type"] != kind:
        return False
    recipient = wanted.get("recipient")
    if recipient and str(event.get("recipient", "")).lower() != recipient.lower():
        return False
    for param, key in (("appId", "appId"), ("campaignId", "emailCampaignId")):
        if wanted.get(param) and str(event.get(key)) != wanted[param]:
            return False
    excluded = wanted.get("excludeFilteredEvents", "").lower() == "true"
    return not (excluded and event.get("filteredEvent"))


def _offset(count: int) -> str:
    return f"EO{count:012d}"


def _read_offset(offset: str | None) -> int:
    if not offset:
        return 0
    digits = offset.removeprefix("EO")
    if not digits.isdigit():
        raise validation("offset is not one this endpoint gave out.")
    return int(digits)
