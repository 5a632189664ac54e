"""Contacts v1: an archived API that still answers and that many tools still call.

Statuses and shapes follow HubSpot's archived documentation [D]: a create answers 200, a second
contact of one address 409 `CONTACT_EXISTS`, an update 204, a batch 202.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from sandbox.hubspot import legacy
from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.errors import HubSpotError, not_found, validation
from sandbox.hubspot.http_objects import SOURCE
from sandbox.hubspot.store import ObjectStore, Record
from sandbox.hubspot.wire import (
    Handler,
    Route,
    account_of,
    body_of,
    list_of,
    names_in,
    nothing,
    number_in,
    reply,
)

MAX_BATCH = 100
MAX_PAGE = 100
_DEFAULT_ROW = ("firstname", "lastmodifieddate", "company", "lastname")


def routes() -> list[Route]:
    """The endpoints of this module."""
    contact, lists = "/contacts/v1/contact", "/contacts/v1/lists/all/contacts"
    found: list[tuple[str, str, Handler]] = [
        ("POST", contact, create),
        ("POST", f"{contact}/batch", write_batch),
        ("POST", f"{contact}/createOrUpdate/email/{{email}}", create_or_update),
        ("GET", f"{contact}/vids/batch", read_batch),
        ("GET", f"{contact}/emails/batch", read_batch),
        ("GET", f"{contact}/vid/{{vid}}/profile", read),
        ("POST", f"{contact}/vid/{{vid}}/profile", update),
        ("DELETE", f"{contact}/vid/{{vid}}", archive),
        ("GET", f"{contact}/email/{{email}}/profile", read),
        ("POST", f"{contact}/email/{{email}}/profile", update),
        ("POST", f"{contact}/merge-vids/{{vid}}", merge),
        ("GET", "/contacts/v1/search/query", search_words),
        ("GET", f"{lists}/all", list_all),
        ("GET", f"{lists}/recent", list_recent),
        ("GET", "/contacts/v1/lists/recently_updated/contacts/recent", list_recent),
    ]
    return [(method, path, in_old_words(handler)) for method, path, handler in found]


def in_old_words(handler: Handler) -> Handler:
    """The handler, its refusals in the words of the older APIs."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except HubSpotError as error:
            raise legacy.as_legacy(error) from error

    return handle


# --- contacts ------------------------------------------------------------------------------


async def create(request: web.Request) -> web.Response:
    """POST a contact, 200 with its profile; a known address is 409."""
    account, store = contacts_of(request)
    properties = legacy.properties_in(await body_of(request), "property")
    holder = holder_of(account, store, str(properties.get("email") or ""))
    if holder is not None:
        identity = {"vid": holder.id, "identity": [], "linkedVid": [], "isContact": True}
        raise HubSpotError(
            409,
            None,
            "Contact already exists",
            extra={"error": "CONTACT_EXISTS", "identityProfile": identity},
        )
    written = account.write_new(store, properties, source=SOURCE)
    return reply(legacy.contact_profile(account, store, written.record, ()))


async def create_or_update(request: web.Request) -> web.Response:
    """POST a contact by its address: `{"vid", "isNew"}`."""
    account, store = contacts_of(request)
    properties = legacy.properties_in(await body_of(request), "property")
    record, is_new = _upsert(account, store, request.match_info["email"], properties)
    return reply({"vid": record.id, "isNew": is_new})


async def write_batch(request: web.Request) -> web.Response:
    """POST up to 100 contacts by vid or e-mail, 202; one bad contact refuses all of them."""
    account, store = contacts_of(request)
    given = await list_of(request)
    if len(given) > MAX_BATCH or not all(isinstance(each, dict) for each in given):
        raise validation(f"A batch holds at most {MAX_BATCH} contacts.")
    read = [(each, legacy.properties_in(each, "property")) for each in given]
    for each, properties in read:
        record = _target(account, store, each)
        account.writer.check(store, record, properties)
    for each, properties in read:
        record = _target(account, store, each)
        if record is None:
            _upsert(account, store, str(each.get("email", "")), properties)
        else:
            account.write_change(store, record, properties, source=SOURCE)
    return web.Response(status=202)


async def read(request: web.Request) -> web.Response:
    """GET the profile of a vid or an address."""
    account, store = contacts_of(request)
    names = names_in(request, "property")
    return reply(legacy.contact_profile(account, store, _one(request), names))


async def read_batch(request: web.Request) -> web.Response:
    """GET several profiles, keyed by vid; unknown ones are left out."""
    account, store = contacts_of(request)
    names = names_in(request, "property")
    found: dict[str, Any] = {}
    for vid in request.query.getall("vid", []):
        record = store.resolve(int(vid)) if vid.isdigit() else None
        if record is not None:
            found[vid] = legacy.contact_profile(account, store, record, names)
    for email in request.query.getall("email", []):
        record = holder_of(account, store, email)
        if record is not None:
            found[str(record.id)] = legacy.contact_profile(account, store, record, names)
    return reply(found)


async def update(request: web.Request) -> web.Response:
    """POST changes to a vid or an address, 204."""
    account, store = contacts_of(request)
    properties = legacy.properties_in(await body_of(request), "property")
    account.write_change(store, _one(request), properties, source=SOURCE)
    return nothing()


async def archive(request: web.Request) -> web.Response:
    """DELETE a contact: `{"vid", "deleted", "reason"}`."""
    account, store = contacts_of(request)
    record = _one(request)
    account.writer.archive(store, record)
    return reply({"vid": record.id, "deleted": True, "reason": "OK"})


async def merge(request: web.Request) -> web.Response:
    """POST `{"vidToMerge"}` into the contact of the path."""
    account, store = contacts_of(request)
    body = await body_of(request)
    other = account.live(store, str(body.get("vidToMerge", "")))
    account.writer.merge(store, _one(request), other)
    return web.Response(text="SUCCESS", content_type="text/plain")


async def search_words(request: web.Request) -> web.Response:
    """GET contacts whose name, company or address begins with every word of `q`."""
    account, store = contacts_of(request)
    words = request.query.get("q", "").lower().split()
    count = number_in(request, "count", 20, MAX_PAGE)
    start = offset_in(request, "offset")
    names = names_in(request, "property")
    found = [record for record in store.live.values() if _mentions(record, words)]
    page = found[start : start + count]
    return reply(
        {
            "query": request.query.get("q", ""),
            "offset": start + len(page),
            "has-more": start + len(page) < len(found),
            "total": len(found),
            "contacts": [legacy.contact_row(account, store, record, names) for record in page],
        }
    )


# --- pages of contacts ---------------------------------------------------------------------


async def list_all(request: web.Request) -> web.Response:
    """GET every contact by ascending vid, paged by `vidOffset`."""
    _, store = contacts_of(request)
    ids = store.ids_after(offset_in(request, "vidOffset"))
    return contact_page(request, (store.live[one] for one in ids if one in store.live))


async def list_recent(request: web.Request) -> web.Response:
    """GET contacts by last change (or creation), newest first, paged by time and vid."""
    account, store = contacts_of(request)
    created = "/all/" in request.path
    name = store.created_name if created else store.modified_name
    count = number_in(request, "count", 20, MAX_PAGE)
    limit = (offset_in(request, "timeOffset"), offset_in(request, "vidOffset"))
    stamped = sorted(
        ((legacy.clock_ms(record, name), record.id) for record in store.live.values()),
        reverse=True,
    )
    if limit[0]:
        stamped = [pair for pair in stamped if pair < limit]
    page = stamped[:count]
    last = page[-1] if page else (0, 0)
    names = names_in(request, "property") or _DEFAULT_ROW
    rows = [legacy.contact_row(account, store, store.live[one], names) for _, one in page]
    return reply(
        {
            "contacts": rows,
            "has-more": len(stamped) > count,
            "vid-offset": last[1],
            "time-offset": last[0],
        }
    )


def contact_page(request: web.Request, records: Iterable[Record]) -> web.Response:
    """One page of contacts in the older shape, as many as `count` asks."""
    account, store = contacts_of(request)
    count = number_in(request, "count", 20, MAX_PAGE)
    names = names_in(request, "property") or _DEFAULT_ROW
    page: list[Record] = []
    more = False
    for record in records:
        if len(page) == count:
            more = True
            break
        page.append(record)
    return reply(
        {
            "contacts": [legacy.contact_row(account, store, record, names) for record in page],
            "has-more": more,
            "vid-offset": page[-1].id if page else 0,
        }
    )


# --- finding -------------------------------------------------------------------------------


def contacts_of(request: web.Request) -> tuple[HubSpotAccount, ObjectStore]:
    """The account and its contacts."""
    account = account_of(request)
    return account, account.catalogue.find("contacts")


def _one(request: web.Request) -> Record:
    """The contact of the path's vid or address, or 404."""
    account, store = contacts_of(request)
    vid, email = request.match_info.get("vid", ""), request.match_info.get("email")
    if email is not None:
        record = holder_of(account, store, email)
    else:
        record = store.resolve(int(vid)) if vid.isdigit() else None
    if record is None:
        raise not_found("contact does not exist")
    return record


def holder_of(account: HubSpotAccount, store: ObjectStore, email: str) -> Record | None:
    """The live contact with an address."""
    found = account.writer.email_holder(store, email.strip()) if email else None
    return None if found is None else store.live[found]


def _target(account: HubSpotAccount, store: ObjectStore, each: dict[str, Any]) -> Record | None:
    if each.get("vid"):
        return account.live(store, str(each["vid"]))
    return holder_of(account, store, str(each.get("email") or ""))


def _upsert(
    account: HubSpotAccount, store: ObjectStore, email: str, properties: dict[str, object]
) -> tuple[Record, bool]:
    record = holder_of(account, store, email)
    if record is None:
        written = account.write_new(store, {"email": email, **properties}, source=SOURCE)
        return written.record, True
    account.write_change(store, record, properties, source=SOURCE)
    return record, False


def _mentions(record: Record, words: list[str]) -> bool:
    text = " ".join(
        record.values.get(name, "")
        for name in ("firstname", "lastname", "email", "company", "phone")
    ).lower()
    return all(any(part.startswith(word) for part in text.split()) for word in words)


def offset_in(request: web.Request, key: str) -> int:
    """A numeric cursor, 0 when absent; 400 when it is no number."""
    text = request.query.get(key) or "0"
    if not text.isdigit():
        raise validation(f"Invalid value for {key}: {text}")
    return int(text)
