"""Associations by the older APIs: companies v2, deals v1, engagements v1, CRM associations v1.

CRM associations v1 goes by numbered definitions [D]: those between contacts, companies and deals
are here, any other number is a 400 (assumed). One owner (v2) and one e-mail event by id as well.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.hubspot import legacy
from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.errors import not_found, validation
from sandbox.hubspot.http_legacy import offset_in
from sandbox.hubspot.http_pipelines import owner_v2
from sandbox.hubspot.wire import Route, account_of, body_of, list_of, nothing, number_in, reply

DEFINITIONS = {
    1: ("contacts", "companies"),
    2: ("companies", "contacts"),
    3: ("deals", "contacts"),
    4: ("contacts", "deals"),
    5: ("deals", "companies"),
    6: ("companies", "deals"),
}
"""Definition id to the object types it leads from and to."""
_TYPES = {"CONTACT": "contacts", "COMPANY": "companies", "DEAL": "deals"}


def routes() -> list[Route]:
    """The endpoints of this module."""
    company = "/companies/v2/companies/{record_id:\\d+}/contacts/{vid:\\d+}"
    deal = "/deals/v1/deal/{record_id:\\d+}/associations/{kind}"
    base = "/crm-associations/v1/associations"
    return [
        ("PUT", company, add_contact),
        ("DELETE", company, remove_contact),
        ("PUT", deal, associate_deal),
        ("DELETE", deal, dissociate_deal),
        ("GET", "/deals/v1/deal/associated/{kind}/{record_id:\\d+}/paged", deals_of),
        ("GET", "/engagements/v1/engagements/associated/{kind}/{record_id:\\d+}/paged", doings_of),
        ("GET", f"{base}/{{record_id:\\d+}}/HUBSPOT_DEFINED/{{definition:\\d+}}", list_ids),
        ("PUT", base, create),
        ("PUT", f"{base}/create-batch", create_several),
        ("PUT", f"{base}/delete", remove),
        ("PUT", f"{base}/delete-batch", remove_several),
        ("GET", "/owners/v2/owners/{owner_id:\\d+}", read_owner),
        ("GET", "/email/public/v1/events/{created:\\d+}/{event_id}", read_event),
    ]


# --- companies, deals, engagements ---------------------------------------------------------


async def add_contact(request: web.Request) -> web.Response:
    """PUT a contact into a company, 200 with the company."""
    account, record_id = account_of(request), request.match_info["record_id"]
    account.associate("companies", record_id, "contacts", request.match_info["vid"])
    store = account.catalogue.find("companies")
    return reply(legacy.company_body(account, store, account.live(store, record_id)))


async def remove_contact(request: web.Request) -> web.Response:
    """DELETE a contact from a company, 204."""
    ends = ("companies", request.match_info["record_id"], "contacts", request.match_info["vid"])
    _unlink(account_of(request), *ends)
    return nothing()


async def associate_deal(request: web.Request) -> web.Response:
    """PUT the records of `id` (repeated) to a deal, 204."""
    for one in request.query.getall("id", []):
        account_of(request).associate("deals", request.match_info["record_id"], _kind(request), one)
    return nothing()


async def dissociate_deal(request: web.Request) -> web.Response:
    """DELETE the records of `id` from a deal, 204."""
    for one in request.query.getall("id", []):
        _unlink(account_of(request), "deals", request.match_info["record_id"], _kind(request), one)
    return nothing()


async def deals_of(request: web.Request) -> web.Response:
    """GET the deals of a contact or company."""
    account = account_of(request)
    store = account.catalogue.find("deals")
    limit, start = number_in(request, "limit", 100, 100), offset_in(request)
    ids = _linked(account, _kind(request), request.match_info["record_id"], "deals")
    page = ids[start : start + limit]
    shown = [legacy.deal_body(account, store, store.live[one]) for one in page]
    more = start + limit < len(ids)
    return reply({"deals": shown, "hasMore": more, "offset": start + len(page)})


async def doings_of(request: web.Request) -> web.Response:
    """GET the engagements of a contact, company or deal."""
    account = account_of(request)
    limit, start = number_in(request, "limit", 100, 100), offset_in(request)
    found = [
        (store, store.live[one])
        for store in map(account.catalogue.find, legacy.ENGAGEMENTS)
        for one in _linked(account, _kind(request), request.match_info["record_id"], store.name)
    ]
    page = found[start : start + limit]
    shown = [legacy.engagement_body(account, store, record) for store, record in page]
    more = start + limit < len(found)
    return reply({"results": shown, "hasMore": more, "offset": start + len(page)})


# --- CRM associations v1 -------------------------------------------------------------------


async def list_ids(request: web.Request) -> web.Response:
    """GET the ids a record is associated with by a definition."""
    source, to = _definition(request.match_info["definition"])
    limit, start = number_in(request, "limit", 10, 100), offset_in(request)
    ids = _linked(account_of(request), source, request.match_info["record_id"], to)
    page = ids[start : start + limit]
    more = start + limit < len(ids)
    return reply({"results": page, "hasMore": more, "offset": start + len(page)})


async def create(request: web.Request) -> web.Response:
    """PUT `{fromObjectId, toObjectId, category, definitionId}`, 204."""
    _link_all(account_of(request), [await body_of(request)])
    return nothing()


async def create_several(request: web.Request) -> web.Response:
    """PUT a bare array of associations, 204."""
    _link_all(account_of(request), await list_of(request))
    return nothing()


async def remove(request: web.Request) -> web.Response:
    """PUT an association to take apart, 204."""
    _unlink_all(account_of(request), [await body_of(request)])
    return nothing()


async def remove_several(request: web.Request) -> web.Response:
    """PUT a bare array of associations to take apart, 204."""
    _unlink_all(account_of(request), await list_of(request))
    return nothing()


# --- single owners and events --------------------------------------------------------------


async def read_owner(request: web.Request) -> web.Response:
    """GET one owner in the v2 shape."""
    account = account_of(request)
    found = account.owners.get(int(request.match_info["owner_id"]))
    if found is None:
        raise not_found(f"No owner with ID {request.match_info['owner_id']}")
    return reply(owner_v2(found, account.portal_id))


async def read_event(request: web.Request) -> web.Response:
    """GET one e-mail event by when it was created and its id."""
    created, wanted = int(request.match_info["created"]), request.match_info["event_id"]
    span = {"startTimestamp": str(created), "endTimestamp": str(created)}
    offset: str | None = None
    while True:
        events, following, more = account_of(request).events.page(span, limit=1000, offset=offset)
        for event in events:
            if event["id"] == wanted:
                return reply(event)
        if not more:
            raise not_found(f"No event {wanted} at {created}")
        offset = following


def _kind(request: web.Request) -> str:
    """The object type named in the path."""
    found = _TYPES.get(request.match_info["kind"].upper())
    if found is None:
        raise validation(f"Unknown object type {request.match_info['kind']!r}.")
    return found


def _definition(number: object) -> tuple[str, str]:
    text = str(number)
    found = DEFINITIONS.get(int(text)) if text.isdigit() else None
    if found is None:
        raise validation(f"Unknown association definition {number!r}.")
    return found


def _linked(account: HubSpotAccount, source: str, record_id: str, to: str) -> list[int]:
    """Live associated ids of a live record, ascending."""
    record = account.live(account.catalogue.find(source), record_id)
    live = account.catalogue.find(to).live
    return [one for one in sorted(account.associations.of(source, record.id, to)) if one in live]


def _link_all(account: HubSpotAccount, rows: list[Any]) -> None:
    for from_id, to_id, (source, to) in map(_ends, rows):
        account.associate(source, from_id, to, to_id)


def _unlink_all(account: HubSpotAccount, rows: list[Any]) -> None:
    for from_id, to_id, (source, to) in map(_ends, rows):
        _unlink(account, source, from_id, to, to_id)


def _ends(row: Any) -> tuple[str, str, tuple[str, str]]:
    if not isinstance(row, dict):
        raise validation("Invalid input JSON: an association is an object.")
    pair = _definition(row.get("definitionId"))
    return str(row.get("fromObjectId", "")), str(row.get("toObjectId", "")), pair


def _unlink(account: HubSpotAccount, source: str, from_id: str, to: str, to_id: str) -> None:
    one = account.live(account.catalogue.find(source), from_id)
    other = account.live(account.catalogue.find(to), to_id)
    account.associations.unlink((source, one.id), (to, other.id))
