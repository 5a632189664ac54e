"""Definitions of custom events: what kinds an account has, with their properties [D].

A definition is known by its full name, `pe<portal>_<name>`. Sending an event asks for no definition
here. That a definition is answered with 200 when it is made is assumed.
"""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.errors import HubSpotError, not_found, objects_in, validation
from sandbox.hubspot.times import iso, shown
from sandbox.hubspot.wire import (
    DATED,
    Route,
    account_of,
    body_of,
    cursor_in,
    flag_in,
    nothing,
    number_in,
    reply,
)

Definition = dict[str, Any]
DEFINITIONS: web.AppKey[dict[str, Definition]] = web.AppKey("event_definitions", dict)
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,49}")
_PROPERTY = re.compile(r"[a-z][a-z0-9_]{0,49}")
_TYPES = frozenset({"string", "number", "enumeration", "datetime", "bool"})
_STANDARD = ("hs_browser", "hs_city", "hs_country", "hs_device_type", "hs_page_url", "hs_title")
"""Properties every event has, some of them."""


def install(app: web.Application) -> None:
    """Give an application its definitions: none."""
    app[DEFINITIONS] = {}


def routes() -> list[Route]:
    """The endpoints of this module."""
    found: list[Route] = []
    for base in ("/events/v3/event-definitions", f"/events/{DATED}/event-definitions"):
        one = f"{base}/{{name}}"
        property_of = f"{one}/property/{{property}}"
        found += [
            ("GET", base, list_definitions),
            ("POST", base, define),
            ("GET", one, read),
            ("PATCH", one, change),
            ("DELETE", one, remove),
            ("POST", f"{one}/property", add_property),
            ("PATCH", property_of, change_property),
            ("DELETE", property_of, remove_property),
        ]
    return found


async def list_definitions(request: web.Request) -> web.Response:
    """GET the definitions by name; with their properties where asked (`includeProperties`)."""
    words = request.query.get("searchString", "").lower()
    every = [one for one in request.app[DEFINITIONS].values() if words in one["name"]]
    limit, start = number_in(request, "limit", 100, 500), cursor_in(request)
    page = every[start : start + limit]
    if not flag_in(request, "includeProperties"):
        page = [{key: value for key, value in one.items() if key != "properties"} for one in page]
    body: dict[str, Any] = {"total": len(every), "results": page}
    if start + limit < len(every):
        body["paging"] = {"next": {"after": str(start + limit)}}
    return reply(body)


async def define(request: web.Request) -> web.Response:
    """POST a definition; 409 for a name that is taken."""
    account, known = account_of(request), request.app[DEFINITIONS]
    body = await body_of(request)
    label = body.get("label")
    if not isinstance(label, str) or not label:
        raise validation("Invalid input JSON: some required fields were not set: [label]")
    name = str(body.get("name") or re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_"))
    if _NAME.fullmatch(name) is None:
        raise validation(f"Event name {name!r} is invalid.")
    full = f"pe{account.portal_id}_{name}"
    if full in known:
        raise HubSpotError(409, "OBJECT_ALREADY_EXISTS", f"Event {full} already exists.")
    primary = account.catalogue.find(str(body.get("primaryObject") or "CONTACT"))
    number = 1_000_001 + len(known)
    known[full] = {
        "id": str(number),
        "objectTypeId": f"6-{number}",
        "name": name,
        "fullyQualifiedName": full,
        "labels": {"singular": label, "plural": label},
        "description": str(body.get("description") or ""),
        "primaryObject": primary.singular,
        "primaryObjectId": primary.type_id,
        "trackingType": "MANUAL",
        "archived": False,
        "createdAt": shown(iso(account.now())),
        "createdUserId": next(iter(account.owners.values())).user_id,
        "associations": [],
        "properties": [
            *(
                _property(account, {"name": one, "label": one, "type": "string"})
                for one in _STANDARD
            ),
            *(_property(account, one) for one in objects_in(body, "propertyDefinitions")),
        ],
    }
    return reply(known[full])


async def read(request: web.Request) -> web.Response:
    """GET one definition by its full name."""
    return reply(_found(request))


async def change(request: web.Request) -> web.Response:
    """PATCH label and description."""
    found, body = _found(request), await body_of(request)
    if isinstance(body.get("label"), str):
        found["labels"] = {"singular": body["label"], "plural": body["label"]}
    found["description"] = str(body.get("description") or found["description"])
    return reply(found)


async def remove(request: web.Request) -> web.Response:
    """DELETE a definition, 204."""
    del request.app[DEFINITIONS][_found(request)["fullyQualifiedName"]]
    return nothing()


async def add_property(request: web.Request) -> web.Response:
    """POST a property."""
    found, made = _found(request), _property(account_of(request), await body_of(request))
    if any(one["name"] == made["name"] for one in found["properties"]):
        raise HubSpotError(409, "OBJECT_ALREADY_EXISTS", f"Property {made['name']} already exists.")
    found["properties"].append(made)
    return reply(made)


async def change_property(request: web.Request) -> web.Response:
    """PATCH a property's label, description and options."""
    found, body = _property_of(request), await body_of(request)
    found |= {key: body[key] for key in ("label", "description", "options") if key in body}
    return reply(found)


async def remove_property(request: web.Request) -> web.Response:
    """DELETE a property, 204; those every event has stay."""
    gone = _property_of(request)
    if gone["name"] in _STANDARD:
        raise validation(f"Property {gone['name']} is defined by HubSpot.")
    _found(request)["properties"].remove(gone)
    return nothing()


def _found(request: web.Request) -> Definition:
    name = request.match_info["name"]
    found = request.app[DEFINITIONS].get(name)
    if found is None:
        raise not_found(f"Event definition {name} does not exist")
    return found


def _property_of(request: web.Request) -> dict[str, Any]:
    wanted = request.match_info["property"]
    for one in _found(request)["properties"]:
        if one["name"] == wanted:
            found: dict[str, Any] = one
            return found
    raise not_found(f"Property {wanted} does not exist")


def _property(account: HubSpotAccount, body: dict[str, Any]) -> dict[str, Any]:
    name, kind = str(body.get("name") or ""), str(body.get("type") or "")
    if _PROPERTY.fullmatch(name) is None or kind not in _TYPES:
        raise validation(f"Property {name!r} of type {kind!r} is invalid.")
    return {
        "name": name,
        "label": str(body.get("label") or name),
        "type": kind,
        "description": str(body.get("description") or ""),
        "options": objects_in(body, "options"),
        "archived": False,
        "createdAt": shown(iso(account.now())),
    }
