"""Marketing e-mail events, kept in the vendor's own shape (FACTS section 2, Email events).

Their identity is the pair (id, created); there is no type UNSUBSCRIBED, a changed subscription is
a STATUSCHANGE. Effects on the contact's roll-up properties are worked out here as pure figures.

A million of them fit in half a gigabyte: each is kept as its JSON, beside arrays of what pages are
cut by. A page costs what it shows, wherever in the list it lies; only filters by campaign, app or
`filteredEvent` look at every event of the span.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
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
_ORDERED_TYPES = sorted(TYPES)
_CODES = {kind: code for code, kind in enumerate(_ORDERED_TYPES)}
_LATEST = 1 << 62
_BULK = 500

Event = dict[str, Any]
Place = tuple[int, int]
"""(created, arrival): where an event stands among all; arrival breaks ties."""


class EmailEvents:
    """All events, ordered by creation; campaigns by id."""

    def __init__(self, portal_id: int, rng: Random) -> None:
        self._portal_id = portal_id
        self._rng = rng
        self._rows: list[bytes] = []
        self._times = array("q")
        self._arrivals = array("q")
        self._kinds = array("B")
        self._known: set[int] = set()
        self._people = array("I")
        self._numbers: dict[str, int] = {"": 0}
        self.campaigns: dict[int, dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def all(self) -> Iterator[Event]:
        """Every event as of now, oldest first."""
        return map(json.loads, list(self._rows))

    def add(self, events: Iterable[Mapping[str, Any]], *, now: int) -> list[Event]:
        """Take events in; those known by (id, created) are passed over. Returns the new ones."""
        fresh = []
        for raw in events:
            event = self._complete(raw, now)
            key = _fingerprint(str(event["id"]), int(event["created"]))
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
        high = int(wanted.get("endTimestamp") or _LATEST)
        before = _read_offset(offset)
        page: list[Event] = []
        place: Place = (0, 0)
        for index in self._newest_first(wanted, low, high, before):
            event: Event = json.loads(self._rows[index])
            if not _fits(event, wanted):
                continue
            if len(page) == limit:
                return page, _offset(place), True
            page.append(event)
            place = (self._times[index], self._arrivals[index])
        return page, _offset(place), False

    def _newest_first(
        self, wanted: Mapping[str, str], low: int, high: int, before: Place | None
    ) -> Iterator[int]:
        """Indexes worth a look between two instants, from just before a place on."""
        start = bisect_left(self._times, low)
        end = bisect_right(self._times, high)
        if before is not None:
            end = min(end, self._index(before))
        recipient = (wanted.get("recipient") or "").lower()
        if recipient:
            yield from reversed(self._of_recipient(recipient, start, end))
            return
        code = _CODES.get(wanted.get("eventType") or "")
        for index in range(end - 1, start - 1, -1):
            if code is None or self._kinds[index] == code:
                yield index

    def _of_recipient(self, recipient: str, start: int, end: int) -> list[int]:
        number = self._numbers.get(recipient)
        found: list[int] = []
        while number is not None and start < end:
            try:
                index = self._people.index(number, start, end)
            except ValueError:
                break
            found.append(index)
            start = index + 1
        return found

    def _index(self, place: Place) -> int:
        """Where an event of this place stands, or would stand."""
        start = bisect_left(self._times, place[0])
        end = bisect_right(self._times, place[0])
        return bisect_left(self._arrivals, place[1], start, end)

    def _file(self, fresh: list[Event]) -> None:
        first = len(self._rows)
        entries = [
            (
                int(event["created"]),
                first + number,
                _CODES[event["type"]],
                self._number(str(event.get("recipient") or "").lower()),
                _packed(event),
            )
            for number, event in enumerate(fresh)
        ]
        if len(entries) > _BULK:
            columns = (self._times, self._arrivals, self._kinds, self._people, self._rows)
            merged = sorted([*zip(*columns, strict=True), *entries], key=lambda entry: entry[:2])
            self._times = array("q", (entry[0] for entry in merged))
            self._arrivals = array("q", (entry[1] for entry in merged))
            self._kinds = array("B", (entry[2] for entry in merged))
            self._people = array("I", (entry[3] for entry in merged))
            self._rows = [entry[4] for entry in merged]
            return
        for created, arrival, code, person, row in entries:
            index = bisect_right(self._times, created)
            self._times.insert(index, created)
            self._arrivals.insert(index, arrival)
            self._kinds.insert(index, code)
            self._people.insert(index, person)
            self._rows.insert(index, row)

    def _number(self, recipient: str) -> int:
        return self._numbers.setdefault(recipient, len(self._numbers))

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
    for param, key in (("appId", "appId"), ("campaignId", "emailCampaignId")):
        if wanted.get(param) and str(event.get(key)) != wanted[param]:
            return False
    excluded = wanted.get("excludeFilteredEvents", "").lower() == "true"
    return not (excluded and event.get("filteredEvent"))


def _fingerprint(event_id: str, created: int) -> int:
    """64 bits of the pair, since a million pairs of text and number would outweigh the events."""
    digest = hashlib.blake2b(f"{event_id}/{created}".encode(), digest_size=8).digest()
    return int.from_bytes(digest)


def _packed(event: Event) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _offset(place: Place) -> str:
    return f"EO{place[0]:013d}{place[1]:012d}"


def _read_offset(offset: str | None) -> Place | None:
    if not offset:
        return None
    digits = offset.removeprefix("EO")
    if len(digits) != 25 or not digits.isdigit():
        raise validation("offset is not one this endpoint gave out.")
    return int(digits[:13]), int(digits[13:])
