"""Companies v2, deals v1 and engagements v1: archived APIs that still answer [D]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from aiohttp import web

from sandbox.hubspot import legacy
from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.errors import HubSpotError, not_found, object_in, validation
from sandbox.hubspot.http_objects import SOURCE
from sandbox.hubspot.store import ObjectStore, Record
from sandbox.hubspot.times import iso
from sandbox.hubspot.wire import (
    Route,
    account_of,
    body_of,
    flag_in,
    names_in,
    nothing,
    number_in,
    reply,
)

MAX_PAGE = 250
_DOMAIN_PAGE = 100
_RECENT_CAP = 10_000
"""A list of recent records reaches no further back."""

Body = Callable[..., dict[str, Any]]
_Result = TypeVar("_Result")
_KINDS: dict[str, tuple[str, Body]] = {
    "companies": ("companyId", legacy.company_body),
    "deals": ("dealId", legacy.deal_body),
}


def routes() -> list[Route]:
    """The endpoints of this module."""
    company, deal = "/companies/v2/companies", "/deals/v1/deal"
    engagement = "/engagements/v1/engagements"
    found: list[Route] = []
    for base in (company, deal):
        found += [
            ("GET", f"{base}/paged", list_all),
            ("GET", f"{base}/recent/{{order:modified|created}}", list_recent),
            ("POST", base, create),
            ("GET", f"{base}/{{record_id:\\d+}}", read),
            ("PUT", f"{base}/{{record_id:\\d+}}", update),
            ("DELETE", f"{base}/{{record_id:\\d+}}", archive),
        ]
    return [
        *found,
        ("POST", "/companies/v2/domains/{domain}/companies", find_by_domain),
        ("GET", f"{company}/{{record_id:\\d+}}/vids", vids_of_company),
        ("GET", f"{engagement}/modified/after", engagements_after),
        ("GET", f"{engagement}/paged", list_engagements),
        ("GET", f"{engagement}/recent/modified", recent_engagements),
        ("POST", engagement, create_engagement),
        ("GET", f"{engagement}/{{record_id:\\d+}}", read_engagement),
        ("PATCH", f"{engagement}/{{record_id:\\d+}}", update_engagement),
        ("DELETE", f"{engagement}/{{record_id:\\d+}}", archive_engagement),
    ]


# --- companies and deals -------------------------------------------------------------------


async def list_all(request: web.Request) -> web.Response:
    """GET every record by ascending id, with the properties asked for, or with all of them where
    `includeAllProperties` asks (undocumented; tap-hubspot relies on it).
    """
    account, store, shape = _kind(request)
    names = [*names_in(request, "properties"), *names_in(request, "propertiesWithHistory")]
    limit, start = number_in(request, "limit", 100, MAX_PAGE), offset_in(request)
    ids = [one for one in store.ids_after(start) if one in store.live]
    page = [store.live[one] for one in ids[:limit]]
    shown = [] if flag_in(request, "includeAllProperties") else names or [store.modified_name]
    more_key = "has-more" if store.name == "companies" else "hasMore"
    return reply(
        {
            store.name: [shape(account, store, record, shown) for record in page],
            more_key: len(ids) > limit,
            "offset": page[-1].id if page else start,
        }
    )


async def list_recent(request: web.Request) -> web.Response:
    """GET records by last change or creation, newest first, at most the newest 10,000."""
    account, store, shape = _kind(request)
    created = request.match_info["order"] == "created"
    name = store.created_name if created else store.modified_name
    count, start = number_in(request, "count", 20, 100), offset_in(request)
    since = request.query.get("since") or "0"
    low = iso(int(since)) if since.isdigit() else ""
    found = sorted(
        (record for record in store.live.values() if record.values[name] >= low),
        key=lambda record: (record.values[name], record.id),
        reverse=True,
    )[:_RECENT_CAP]
    page = found[start : start + count]
    return reply(
        {
            "results": [shape(account, store, record) for record in page],
            "hasMore": start + len(page) < len(found),
            "offset": start + len(page),
            "total": len(found),
        }
    )


async def create(request: web.Request) -> web.Response:
    """POST a record, 200."""
    account, store, shape = _kind(request)
    body = await body_of(request)
    written = _in_old_words(
        lambda: account.write_new(store, legacy.properties_in(body, "name"), source=SOURCE)
    )
    for key, other in (("associatedCompanyIds", "companies"), ("associatedVids", "contacts")):
        for one in object_in(body, "associations").get(key) or []:
            account.associate(store.name, str(written.record.id), other, str(one))
    return reply(shape(account, store, written.record))


async def read(request: web.Request) -> web.Response:
    """GET one record whole."""
    account, store, shape = _kind(request)
    return reply(shape(account, store, account.live(store, request.match_info["record_id"])))


async def update(request: web.Request) -> web.Response:
    """PUT changes to a record."""
    account, store, shape = _kind(request)
    record = account.live(store, request.match_info["record_id"])
    properties = legacy.properties_in(await body_of(request), "name")
    _in_old_words(lambda: account.write_change(store, record, properties, source=SOURCE))
    return reply(shape(account, store, record))


async def archive(request: web.Request) -> web.Response:
    """DELETE a record: a company answers with its id, a deal with 204."""
    account, store, _ = _kind(request)
    record = account.live(store, request.match_info["record_id"])
    account.writer.archive(store, record)
    if store.name == "deals":
        return nothing()
    return reply({_KINDS[store.name][0]: record.id, "deleted": True})


async def find_by_domain(request: web.Request) -> web.Response:
    """POST a search for the companies of a domain."""
    account = account_of(request)
    store = account.catalogue.find("companies")
    body = await body_of(request)
    names = object_in(body, "requestOptions").get("properties") or ["domain", "name"]
    limit = min(int(body.get("limit") or _DOMAIN_PAGE), _DOMAIN_PAGE)
    start = int(object_in(body, "offset").get("companyId") or 0)
    ids = [
        one for one in sorted(store.lookup("domain", request.match_info["domain"])) if one > start
    ]
    page = [store.live[one] for one in ids[:limit]]
    offset = {"companyId": page[-1].id if page else 0, "isPrimary": True}
    return reply(
        {
            "results": [legacy.company_body(account, store, one, names) for one in page],
            "hasMore": len(ids) > limit,
            "offset": offset,
        }
    )


async def vids_of_company(request: web.Request) -> web.Response:
    """GET the ids of a company's contacts."""
    account, store, _ = _kind(request)
    record = account.live(store, request.match_info["record_id"])
    count, start = number_in(request, "count", 100, 100), int(request.query.get("vidOffset") or 0)
    ids = [one for one in sorted(account.associations.of(store.name, record.id, "contacts"))
           if one > start]  # fmt: skip
    page = ids[:count]
    return reply({"vids": page, "hasMore": len(ids) > count, "vidOffset": page[-1] if page else 0})


# --- engagements ---------------------------------------------------------------------------


async def engagements_after(request: web.Request) -> web.Response:
    """GET engagements changed since `after`, oldest first; `after` is milliseconds or a cursor."""
    limit = number_in(request, "limit", 100, MAX_PAGE)
    after, _, last = (request.query.get("after") or "0").partition("-")
    if not after.isdigit() or (last and not last.isdigit()):
        raise validation("after must be milliseconds or a cursor of this endpoint.")
    start = (int(after), int(last or -1))
    found = [each for each in _by_change(request) if each[:2] > start]
    page = found[:limit]
    cursor = f"{page[-1][0]}-{page[-1][1]}" if page else request.query.get("after", "0")
    account = account_of(request)
    return reply(
        {
            "results": [legacy.engagement_body(account, store, one) for *_, store, one in page],
            "hasMore": len(found) > limit,
            "after": cursor,
        }
    )


async def list_engagements(request: web.Request) -> web.Response:
    """GET every engagement by ascending id."""
    account = account_of(request)
    limit, start = number_in(request, "limit", 100, MAX_PAGE), offset_in(request)
    found = sorted(
        (
            (record.id, store, record)
            for store, record in _engagements(request)
            if record.id > start
        ),
        key=lambda each: each[0],
    )
    page = found[:limit]
    return reply(
        {
            "results": [legacy.engagement_body(account, store, one) for _, store, one in page],
            "hasMore": len(found) > limit,
            "offset": page[-1][0] if page else start,
        }
    )


async def recent_engagements(request: web.Request) -> web.Response:
    """GET engagements by last change, newest first."""
    account = account_of(request)
    count, start = number_in(request, "count", 20, 100), offset_in(request)
    since = request.query.get("since") or "0"
    low = int(since) if since.isdigit() else 0
    found = [each for each in reversed(_by_change(request)) if each[0] >= low][:_RECENT_CAP]
    page = found[start : start + count]
    return reply(
        {
            "results": [legacy.engagement_body(account, store, one) for *_, store, one in page],
            "hasMore": start + len(page) < len(found),
            "offset": start + len(page),
            "total": len(found),
        }
    )


async def create_engagement(request: web.Request) -> web.Response:
    """POST an engagement with its associations, 200."""
    account = account_of(request)
    body = await body_of(request)
    kind = str(object_in(body, "engagement").get("type", ""))
    name = next((one for one, word in legacy.ENGAGEMENTS.items() if word == kind), None)
    if name is None:
        raise validation(f"Unknown engagement type {kind!r}.")
    store = account.catalogue.find(name)
    properties = {"hs_timestamp": str(account.now()), **legacy.engagement_properties(kind, body)}
    written = _in_old_words(lambda: account.write_new(store, properties, source=SOURCE))
    for key, other in (
        ("contactIds", "contacts"),
        ("companyIds", "companies"),
        ("dealIds", "deals"),
    ):
        for one in object_in(body, "associations").get(key) or []:
            account.associate(store.name, str(written.record.id), other, str(one))
    return reply(legacy.engagement_body(account, store, written.record))


async def read_engagement(request: web.Request) -> web.Response:
    """GET one engagement."""
    store, record = _engagement(request)
    return reply(legacy.engagement_body(account_of(request), store, record))


async def update_engagement(request: web.Request) -> web.Response:
    """PATCH an engagement."""
    account = account_of(request)
    store, record = _engagement(request)
    kind = legacy.ENGAGEMENTS[store.name]
    properties = legacy.engagement_properties(kind, await body_of(request))
    _in_old_words(lambda: account.write_change(store, record, properties, source=SOURCE))
    return reply(legacy.engagement_body(account, store, record))


async def archive_engagement(request: web.Request) -> web.Response:
    """DELETE an engagement, 204."""
    store, record = _engagement(request)
    account_of(request).writer.archive(store, record)
    return nothing()


def _engagements(request: web.Request) -> list[tuple[ObjectStore, Record]]:
    catalogue = account_of(request).catalogue
    return [
        (store, record)
        for store in map(catalogue.find, legacy.ENGAGEMENTS)
        for record in store.live.values()
    ]


def _by_change(request: web.Request) -> list[tuple[int, int, ObjectStore, Record]]:
    """(last change, id, store, record) of every engagement, oldest change first."""
    return sorted(
        (
            (legacy.clock_ms(record, store.modified_name), record.id, store, record)
            for store, record in _engagements(request)
        ),
        key=lambda each: each[:2],
    )


def _engagement(request: web.Request) -> tuple[ObjectStore, Record]:
    wanted = int(request.match_info["record_id"])
    for name in legacy.ENGAGEMENTS:
        store = account_of(request).catalogue.find(name)
        record = store.resolve(wanted)
        if record is not None:
            return store, record
    raise not_found(f"Engagement {wanted} does not exist")


# --- reading the request -------------------------------------------------------------------


def _kind(request: web.Request) -> tuple[HubSpotAccount, ObjectStore, Body]:
    account, name = account_of(request), request.path.split("/")[1]
    return account, account.catalogue.find(name), _KINDS[name][1]


def offset_in(request: web.Request) -> int:
    """The `offset` of a page as a number, 0 when absent; 400 when it is none."""
    text = request.query.get("offset") or "0"
    if not text.isdigit():
        raise validation(f"Invalid value for offset: {text}")
    return int(text)


def _in_old_words(act: Callable[[], _Result]) -> _Result:
    try:
        return act()
    except HubSpotError as error:
        raise legacy.as_legacy(error) from error
