"""Webhooks out: which changes an app is told of, in which words, and how they are signed.

FACTS section 2, Webhooks: arrays of at most 100; event ids are not unique; a merge tells the new
id and each loser also fires a deletion, while fields it changed fire nothing; a privacy deletion
fires a deletion as well. Delivery (order, repetition, retries) is `sandbox.webhook_sender`'s.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import unquote

MAX_BATCH = 100
"""Events in one request (FACTS section 2)."""
APP_ID = 1_234_567
"""The app that is told, and whose private app the static token is."""
EVENTS = ("creation", "propertyChange", "deletion", "privacyDeletion", "merge", "restore")
_DECODED = re.compile(
    "%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE
)  # the escapes HubSpot takes out of the URI before it signs [D]
_FLAGS = {"creation": "CREATED", "deletion": "DELETED", "restore": "RESTORED"}

Event = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One thing that happened to a record; `values` are the properties a change wrote."""

    event: str
    object_type: str
    record_id: int
    at: int
    source: str
    values: Mapping[str, str] = field(default_factory=dict)
    merged: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Subscription:
    """What the app asked for: `contact.propertyChange` of one property, `contact.creation`..."""

    id: int
    kind: str
    property_name: str | None = None


@dataclass(frozen=True)
class Target:
    """Where webhooks go and how badly: `duplicates` is the share of events sent twice, `shuffle`
    mixes the order, `retry_seconds` is the wait before a failed request is sent again.
    """

    url: str
    secret: str
    subscriptions: tuple[Subscription, ...]
    duplicates: float = 0.2
    shuffle: bool = True
    retry_seconds: float = 1.0


class Webhooks:
    """The events one app still has to be told. Without a target nothing is kept."""

    def __init__(self, portal_id: int, rng: Random) -> None:
        self._portal_id = portal_id
        self._rng = rng
        self.target: Target | None = None
        self.pending: deque[Event] = deque()
        self.awake: Callable[[], None] = lambda: None
        """Starts whoever delivers."""

    def subscribe(self, target: Target | None) -> None:
        """Tell `target` from now on, or nobody; what was pending is forgotten."""
        self.target = target
        self.pending.clear()

    def note(self, change: Change) -> None:
        """Queue the events that follow from a change, one for each subscription it meets."""
        if self.target is None:
            return
        kind = f"{_singular(change.object_type)}.{change.event}"
        for each in self.target.subscriptions:
            if each.kind != kind:
                continue
            if change.event != "propertyChange":
                self.pending.append(self._event(each, change))
            elif each.property_name in change.values:
                value = change.values[each.property_name or ""]
                more = {"propertyName": each.property_name, "propertyValue": value}
                self.pending.append({**self._event(each, change), **more})

    def batch(self) -> list[Event]:
        """The next request's events, taken off the queue: some twice, in any order."""
        target = self.target
        if target is None:
            return []
        taken = [self.pending.popleft() for _ in range(min(MAX_BATCH, len(self.pending)))]
        twice = [event for event in taken if self._rng.random() < target.duplicates]
        room = MAX_BATCH - len(taken)
        self.pending.extend(twice[room:])
        events = [*taken, *twice[:room]]
        if target.shuffle:
            self._rng.shuffle(events)
        return events

    def _event(self, subscription: Subscription, change: Change) -> Event:
        event: Event = {
            "eventId": self._rng.randint(1, 2**31),
            "subscriptionId": subscription.id,
            "portalId": self._portal_id,
            "appId": APP_ID,
            "occurredAt": change.at,
            "subscriptionType": subscription.kind,
            "attemptNumber": 0,
            "objectId": change.record_id,
            "changeSource": change.source,
        }
        flag = _FLAGS.get(change.event)
        if flag is not None:
            event["changeFlag"] = flag
        return {**event, **change.merged}


def parse_target(body: Mapping[str, Any]) -> Target:
    """A target from the admin's JSON; ValueError with what is wrong."""
    known = {"url", "secret", "subscriptions", "duplicates", "shuffle", "retry_seconds"}
    unknown = sorted(set(body) - known)
    if unknown:
        message = f"unknown keys: {', '.join(unknown)}"
        raise ValueError(message)
    url, secret, listed = body.get("url"), body.get("secret"), body.get("subscriptions")
    if not isinstance(url, str) or not isinstance(secret, str) or not isinstance(listed, list):
        message = "url, secret and subscriptions are required"
        raise ValueError(message)  # noqa: TRY004 - one error type for every bad definition
    subscriptions = tuple(_parse_subscription(raw, n) for n, raw in enumerate(listed, 1))
    return Target(
        url=url,
        secret=secret,
        subscriptions=subscriptions,
        duplicates=float(body.get("duplicates", 0.2)),
        shuffle=bool(body.get("shuffle", True)),
        retry_seconds=float(body.get("retry_seconds", 1.0)),
    )


def signature(secret: str, url: str, body: bytes, timestamp: str) -> str:
    """The value of X-HubSpot-Signature-v3 for a POST (FACTS section 2, Webhooks)."""
    plain = _DECODED.sub(lambda match: unquote(match[0]), url)
    message = b"POST" + plain.encode() + body + timestamp.encode()
    return base64.b64encode(hmac.digest(secret.encode(), message, hashlib.sha256)).decode()


def _parse_subscription(raw: object, number: int) -> Subscription:
    kind = raw.get("subscriptionType") if isinstance(raw, Mapping) else None
    name = raw.get("propertyName") if isinstance(raw, Mapping) else None
    event = str(kind).partition(".")[2]
    if event not in EVENTS or (event == "propertyChange") != isinstance(name, str):
        message = (
            "a subscription needs subscriptionType (object.event; events: "
            f"{', '.join(EVENTS)}) and, for propertyChange alone, propertyName"
        )
        raise ValueError(message)
    return Subscription(number, str(kind), name)


def _singular(object_type: str) -> str:
    return {"companies": "company"}.get(object_type, object_type.removesuffix("s"))
