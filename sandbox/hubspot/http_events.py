"""Custom events: sending them, and listing what happened to a contact (FACTS section 2)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.custom_events import CustomEvent
from sandbox.hubspot.errors import HubSpotError, validation
from sandbox.hubspot.times import parse_ms
from sandbox.hubspot.wire import (
    DATED,
    Route,
    account_of,
    body_of,
    cursor_in,
    inputs_of,
    nothing,
    number_in,
    reply,
)

MAX_BATCH = 500
"""Custom events in one batch (FACTS section 2)."""


def routes() -> list[Route]:
    """The endpoints of this module."""
    found: list[Route] = []
    for base in ("/events/v3/send", f"/events/{DATED}/send"):
        found += [("POST", base, send_event), ("POST", f"{base}/batch", send_events)]
    for base in ("/events/v3/events", f"/events/event-occurrences/{DATED}"):
        found += [("GET", base, list_events), ("GET", f"{base}/event-types", list_types)]
    return found


async def send_event(request: web.Request) -> web.Response:
    """POST one custom event, 204; a repeated uuid is refused."""
    account = account_of(request)
    account.custom_events.send(await body_of(request), now=account.now())
    return nothing()


async def send_events(request: web.Request) -> web.Response:
    """POST up to 500 custom events, 204."""
    account = account_of(request)
    for each in inputs_of(await body_of(request), MAX_BATCH):
        account.custom_events.send(each, now=account.now())
    return nothing()


async def list_events(request: web.Request) -> web.Response:
    """GET what happened, newest first: of one contact, of one type, within a span of time."""
    account = account_of(request)
    low, high = (_instant(request, key) for key in ("occurredAfter", "occurredBefore"))
    wanted, kind = _contact(request), request.query.get("eventType")
    limit, start = number_in(request, "limit", 100, 1000), cursor_in(request)
    found = [
        (event, contact)
        for event in reversed(account.custom_events.all)
        if (contact := contact_of(account, event)) is not None
        and (wanted is None or contact == wanted)
        and kind in (None, event.name)
        and (low is None or event.at >= low)
        and (high is None or event.at <= high)
    ]
    found.sort(key=lambda pair: pair[0].at, reverse=True)
    page = found[start : start + limit]
    body: dict[str, Any] = {"results": [event.body(contact) for event, contact in page]}
    if start + limit < len(found):
        body["paging"] = {"next": {"after": str(start + limit)}}
    return reply(body)


async def list_types(request: web.Request) -> web.Response:
    """GET the names of events there are."""
    names = {event.name for event in account_of(request).custom_events.all}
    return reply({"eventTypes": sorted(names)})


def contact_of(account: HubSpotAccount, event: CustomEvent) -> int | None:
    """The live contact an event belongs to now: merges are followed, addresses looked up."""
    if event.contact is not None:
        record = account.catalogue.find("contacts").resolve(event.contact)
        return None if record is None else record.id
    found = account.find_contact(event.email) if event.email else None
    return None if found is None else int(found)


def _contact(request: web.Request) -> int | None:
    """The contact asked for; objectType, where given, must be contacts."""
    if request.query.get("objectType", "contact").lower() not in {"contact", "contacts", "0-1"}:
        raise validation("This sandbox keeps custom events of contacts only.")
    account = account_of(request)
    email = request.query.get("objectProperty.email")
    if email is not None:
        found = account.find_contact(email)
        return -1 if found is None else int(found)
    wanted = request.query.get("objectId")
    if wanted is None:
        return None
    try:
        return account.live(account.catalogue.find("contacts"), wanted).id
    except HubSpotError:
        return -1


def _instant(request: web.Request, key: str) -> int | None:
    text = request.query.get(key)
    try:
        return None if text is None else parse_ms(text)
    except ValueError:
        raise validation(f"{key} must be milliseconds or an ISO date.") from None
