"""Properties and their groups, v3 and the older v1 that still answers."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.hubspot.errors import HubSpotError, validation
from sandbox.hubspot.properties import Property
from sandbox.hubspot.store import ObjectStore
from sandbox.hubspot.wire import (
    DATED,
    Route,
    account_of,
    batch_reply,
    body_of,
    flag_in,
    inputs_of,
    nothing,
    reply,
    started,
    store_of,
)


def routes() -> list[Route]:
    """The endpoints of this module."""
    found: list[Route] = []
    for base in ("/crm/v3/properties/{object_type}", f"/crm/properties/{DATED}/{{object_type}}"):
        found += [
            ("GET", base, list_properties),
            ("POST", base, create_property),
            ("GET", f"{base}/groups", list_groups),
            ("POST", f"{base}/groups", create_group),
            ("GET", f"{base}/groups/{{name}}", read_group),
            ("PATCH", f"{base}/groups/{{name}}", update_group),
            ("DELETE", f"{base}/groups/{{name}}", archive_group),
            ("POST", f"{base}/batch/read", batch_read_properties),
            ("POST", f"{base}/batch/create", batch_create_properties),
            ("POST", f"{base}/batch/archive", batch_archive_properties),
            ("GET", f"{base}/{{name}}", read_property),
            ("PATCH", f"{base}/{{name}}", update_property),
            ("DELETE", f"{base}/{{name}}", archive_property),
        ]
    for base in ("/properties/v1/{object_type}", "/properties/v2/{object_type}"):
        found += _v1_routes(f"{base}/properties", f"{base}/groups")
    found += _v1_routes(
        "/{object_type:contacts}/v1/properties", "/{object_type:contacts}/v1/groups"
    )
    found.append(("GET", "/{object_type:companies}/v2/properties", list_properties_v1))
    return found


def _v1_routes(base: str, groups: str) -> list[Route]:
    return [
        ("GET", base, list_properties_v1),
        ("POST", base, create_property_v1),
        ("GET", f"{base}/named/{{name}}", read_property_v1),
        ("PUT", f"{base}/named/{{name}}", update_property_v1),
        ("DELETE", f"{base}/named/{{name}}", archive_property),
        ("GET", groups, list_groups_v1),
        ("POST", groups, create_group_v1),
    ]


# --- v3 ------------------------------------------------------------------------------------


async def list_properties(request: web.Request) -> web.Response:
    """GET every property of an object type, live or archived."""
    book = store_of(request).book
    found = book.archived() if flag_in(request, "archived") else list(book)
    return reply({"results": [prop.v3() for prop in found]})


async def read_property(request: web.Request) -> web.Response:
    """GET one property."""
    name = request.match_info["name"]
    return reply(store_of(request).book.read(name, archived=flag_in(request, "archived")).v3())


async def create_property(request: web.Request) -> web.Response:
    """POST a property, 201."""
    account, store = account_of(request), store_of(request)
    prop = _made(store, await body_of(request), account.now())
    return reply(prop.v3(), 201)


async def update_property(request: web.Request) -> web.Response:
    """PATCH a property."""
    account, store = account_of(request), store_of(request)
    name = request.match_info["name"]
    return reply(store.book.update(name, await body_of(request), at=account.now()).v3())


async def archive_property(request: web.Request) -> web.Response:
    """DELETE a property, 204."""
    store_of(request).book.archive(request.match_info["name"], at=account_of(request).now())
    return nothing()


async def batch_read_properties(request: web.Request) -> web.Response:
    """POST property names; unknown ones become error entries."""
    account, store = account_of(request), store_of(request)
    head = started(account)
    results: list[Any] = []
    errors: list[dict[str, Any]] = []
    for each in inputs_of(await body_of(request)):
        try:
            results.append(store.book.read(str(each.get("name"))).v3())
        except HubSpotError as error:
            errors.append(error.item({"name": [str(each.get("name"))]}))
    return batch_reply(account, head, results, errors)


async def batch_create_properties(request: web.Request) -> web.Response:
    """POST several properties; each may fail by itself."""
    account, store = account_of(request), store_of(request)
    head = started(account)
    results: list[Any] = []
    errors: list[dict[str, Any]] = []
    for each in inputs_of(await body_of(request)):
        try:
            results.append(_made(store, each, account.now()).v3())
        except HubSpotError as error:
            errors.append(error.item({"name": [str(each.get("name"))]}))
    return batch_reply(account, head, results, errors, status=201)


async def batch_archive_properties(request: web.Request) -> web.Response:
    """POST property names to archive, 204; unknown ones are no matter."""
    account, store = account_of(request), store_of(request)
    for each in inputs_of(await body_of(request)):
        store.book.archive(str(each.get("name")), at=account.now())
    return nothing()


def _made(store: ObjectStore, definition: dict[str, Any], at: int) -> Property:
    """A new property; 400 where its group is none of the object's (the words are assumed)."""
    group = definition.get("groupName")
    if group and all(one["name"] != group for one in store.book.groups()):
        raise validation(f"Property group {group!r} does not exist on {store.singular}")
    return store.book.create(definition, at=at)


# --- groups --------------------------------------------------------------------------------


async def list_groups(request: web.Request) -> web.Response:
    """GET the property groups."""
    return reply({"results": store_of(request).book.groups()})


async def read_group(request: web.Request) -> web.Response:
    """GET one property group."""
    return reply(store_of(request).book.group(request.match_info["name"]))


async def create_group(request: web.Request) -> web.Response:
    """POST a property group, 201."""
    return reply(store_of(request).book.create_group(await body_of(request)), 201)


async def update_group(request: web.Request) -> web.Response:
    """PATCH a property group."""
    book, name = store_of(request).book, request.match_info["name"]
    return reply(book.change_group(name, await body_of(request)))


async def archive_group(request: web.Request) -> web.Response:
    """DELETE a property group, 204; one that still has properties stays (assumed)."""
    store_of(request).book.remove_group(request.match_info["name"])
    return nothing()


# --- v1 ------------------------------------------------------------------------------------


async def list_properties_v1(request: web.Request) -> web.Response:
    """GET `/properties/v1/contacts/properties`, a bare array [R]."""
    return reply([prop.v1() for prop in store_of(request).book])


async def read_property_v1(request: web.Request) -> web.Response:
    """GET one property in the v1 shape."""
    return reply(store_of(request).book.read(request.match_info["name"]).v1())


async def create_property_v1(request: web.Request) -> web.Response:
    """POST a property in the v1 shape, 200."""
    account, store = account_of(request), store_of(request)
    return reply(_made(store, await body_of(request), account.now()).v1())


async def update_property_v1(request: web.Request) -> web.Response:
    """PUT a property in the v1 shape."""
    account, store = account_of(request), store_of(request)
    name = request.match_info["name"]
    return reply(store.book.update(name, await body_of(request), at=account.now()).v1())


async def list_groups_v1(request: web.Request) -> web.Response:
    """GET the groups as a bare array; with their properties by `includeProperties=true`."""
    store = store_of(request)
    found = [_group_v1(group) for group in store.book.groups()]
    if flag_in(request, "includeProperties"):
        for group in found:
            own = (prop for prop in store.book if prop.group == group["name"])
            group["properties"] = [prop.v1() for prop in own]
    return reply(found)


async def create_group_v1(request: web.Request) -> web.Response:
    """POST a group in the v1 shape (`displayName`), 200."""
    body = await body_of(request)
    made = store_of(request).book.create_group({**body, "label": body.get("displayName")})
    return reply(_group_v1(made))


def _group_v1(group: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": group["name"],
        "displayName": group["label"],
        "displayOrder": group["displayOrder"],
    }
