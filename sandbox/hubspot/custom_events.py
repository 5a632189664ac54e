"""Custom behavioural events, as apps send them and as the events API lists them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox.hubspot.errors import HubSpotError, object_in, validation
from sandbox.hubspot.times import iso, parse_ms, shown

MEMORY_MS = 365 * 86_400_000
"""How long a uuid is remembered: a repeated one within a year is refused (FACTS section 2)."""


@dataclass(frozen=True)
class CustomEvent:
    """One event of a contact; `contact` is None while nobody with its address is known."""

    id: str
    name: str
    at: int
    contact: int | None
    email: str
    properties: dict[str, str]

    def body(self, contact: int) -> dict[str, Any]:
        """As `/events/v3/events` lists it."""
        return {
            "objectType": "CONTACT",
            "objectId": str(contact),
            "eventType": self.name,
            "occurredAt": shown(iso(self.at)),
            "id": self.id,
            "properties": self.properties,
        }


class CustomEvents:
    """Every custom event of the account, in order of arrival."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._sent: dict[str, int] = {}
        self.all: list[CustomEvent] = []

    def send(self, raw: Mapping[str, Any], *, now: int) -> CustomEvent:
        """Keep an event from its JSON; 400 when it is incomplete, 409 for a known uuid."""
        if not raw.get("eventName"):
            raise validation("Invalid input JSON: some required fields were not set: [eventName]")
        if not any(raw.get(key) for key in ("objectId", "email", "utk")):
            raise validation("One of objectId, email or utk is required.")
        key = str(raw.get("uuid") or "")
        if key and now - self._sent.get(key, now - MEMORY_MS - 1) <= MEMORY_MS:
            raise HubSpotError(409, "CONFLICT", f"An event with uuid {key} was already sent.")
        try:
            at = parse_ms(str(raw["occurredAt"])) if raw.get("occurredAt") else now
        except ValueError:
            raise validation("occurredAt must be milliseconds or an ISO date.") from None
        contact = str(raw.get("objectId") or "")
        event = CustomEvent(
            id=key or str(uuid.UUID(int=self._rng.getrandbits(128), version=4)),
            name=str(raw["eventName"]),
            at=at,
            contact=int(contact) if contact.isdigit() else None,
            email=str(raw.get("email") or "").lower(),
            properties={name: str(v) for name, v in object_in(raw, "properties").items()},
        )
        if key:
            self._sent[key] = now
        self.all.append(event)
        return event
