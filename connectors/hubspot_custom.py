"""HubSpot's custom events: the occurrences of the event types a mapping names.

One stream a type. The endpoint takes a span of time and pages within it; in which order is not
relied upon. A pull therefore reads everything since the cursor, less an overlap for what is
recorded late, and moves the cursor when it has come to the end: an unchanged stream costs one call.
What an app tells about later than that (`occurredAt` may lie in the past) the nightly count finds.

[GET /events/v3/events, dated /events/event-occurrences/2026-03: `eventType`, `occurredAfter`,
`occurredBefore`, `limit`, `after`; results name `id`, `eventType`, `objectType`, `objectId`,
`occurredAt`, `properties`, and no address.] Assumed: 100 a page, as for records, since no most is
told; ids are unique within a type; whether an instant that is given belongs to the span does not
matter to us.

An event belongs to a contact, whose address is read beside it; one of a contact without an address,
or of another object, is landed and finds nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.base import Answer, Clock, iso, moment
from connectors.hubspot_events import parse_instant
from connectors.hubspot_read import next_of
from connectors.hubspot_wire import SYSTEM, Paths, Wire, expect
from connectors.payloads import RowFaultError, Sifted, rows_in, sift
from mappings.ports import Cadence, Landed, Page, StreamSpec
from mappings.records import Event, EventKind, Json

KIND = "custom"
"""What streams of this kind begin with."""
PAGE = 100
LATE = timedelta(hours=1)
"""How late an occurrence may be recorded without waiting for the nightly count (assumed)."""
_CONTACTS = frozenset({"CONTACT", "0-1"})
_SHOWN = 20
"""Properties shown at most: the rest of a long event is for its own page in HubSpot."""

Addresses = Callable[[Sequence[str]], Mapping[str, str]]
"""The e-mail address of each contact, by id, that has one."""


@dataclass(frozen=True, slots=True)
class CustomEvents:
    """Reads occurrences of the named event types of one account."""

    wire: Wire
    paths: Paths
    names: tuple[str, ...]
    addresses: Addresses
    clock: Clock

    def streams(self) -> Iterator[StreamSpec]:
        """One for each type; costs no call."""
        for name in self.names:
            yield StreamSpec(f"{KIND}:{name}", None, Cadence.QUARTER, counted=True)

    def changes(
        self, name: str, since: Mapping[str, Json] | None, landed: Landed, *, overlap: timedelta
    ) -> Iterator[Page]:
        """Everything since the cursor. Cursor: `at`, from when on to look; within a reading also
        `began`, and `after`, where the next page begins."""
        at, began, after = moment(since, "at"), moment(since, "began"), (since or {}).get("after")
        while True:
            answer = self._asked(name, at, after)
            if answer.status == 400 and after:  # the vendor has forgotten that place
                after = None
                continue
            began = began or answer.date(self.clock)
            found = self._sifted(name, answer)
            fresh = landed.unseen(f"{KIND}:{name}", [(e.key, "") for e in found.good])
            events = self._addressed([e for e in found.good if e.key in fresh])
            after = next_of(expect(answer), after)
            cursor: dict[str, Json] = {"at": iso(began - max(overlap, LATE))}
            if after is not None:
                cursor = {"at": iso(at) if at else None, "began": iso(began), "after": after}
            yield Page((), events, cursor, last=after is None, malformed=found.malformed)
            if after is None:
                return

    def census(self, name: str, after: Mapping[str, Json] | None) -> Iterator[Page]:
        """Every occurrence. Cursor: `after`, where the next page begins."""
        place: str | None = (after or {}).get("after")
        while True:
            answer = self._asked(name, None, place)
            found = self._sifted(name, answer)
            place = next_of(expect(answer), place)
            events, last = self._addressed(found.good), place is None
            yield Page((), events, {"after": place}, last=last, malformed=found.malformed)
            if last:
                return

    def _asked(self, name: str, at: datetime | None, after: str | None) -> Answer:
        query = {
            "eventType": name,
            "occurredAfter": iso(at) if at else None,
            "limit": PAGE,
            "after": after,
        }
        return self.wire.get(self.paths.occurrences, query)

    def _sifted(self, name: str, answer: Answer) -> Sifted[Event]:
        """The occurrences of a page, for now with their contact's id in place of its address."""
        return sift(
            rows_in(SYSTEM, expect(answer), "results"),
            lambda raw: occurrence(raw, name),
            system=SYSTEM,
            stream=f"{KIND}:{name}",
            latest=answer.date(self.clock),
        )

    def _addressed(self, events: Iterable[Event]) -> tuple[Event, ...]:
        """The events with the address of their contact in place of its id, which is not kept: of
        erased people not even that may be."""
        told = list(events)
        contacts = {str(e.details["contact"]) for e in told if "contact" in e.details}
        known = self.addresses(sorted(contacts)) if contacts else {}
        return tuple(
            replace(
                event,
                email=known.get(str(event.details.get("contact"))),
                details={k: v for k, v in event.details.items() if k != "contact"},
            )
            for event in told
        )


def occurrence(raw: Mapping[str, Any], name: str) -> Event:
    """An occurrence of that type. Its identity is the pair (type, id)."""
    key, contact = str(raw["id"]), str(raw.get("objectId") or "")
    if not key.isascii() or not 0 < len(key) <= 100 or str(raw["eventType"]) != name:
        raise RowFaultError("wrong_id", "id")
    of_contact = str(raw.get("objectType") or "CONTACT").upper() in _CONTACTS
    details: dict[str, Json] = {"answers": _told(raw.get("properties") or {})}
    if of_contact and contact.isascii() and contact.isdigit():
        details["contact"] = contact
    at = parse_instant(raw["occurredAt"])
    return Event(SYSTEM, EventKind.CUSTOM, f"{KIND}:{name}:{key}", at, None, name, details)


def _told(properties: Mapping[str, Json]) -> list[dict[str, Json]]:
    """The properties in the order of their names. Raises RowFaultError for a nested one."""
    for name, value in properties.items():
        if isinstance(value, dict | list):
            raise RowFaultError("nested_value", name)
    named = sorted((str(name), value) for name, value in properties.items() if value is not None)
    return [{"name": name, "value": value} for name, value in named[:_SHOWN]]
