"""Lists and their members, v3 (shapes of hubspot-api-client's models and tap-hubspot's reads)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.errors import HubSpotError, not_found, validation
from sandbox.hubspot.lists import Moved, RecordList
from sandbox.hubspot.times import iso, shown
from sandbox.hubspot.wire import (
    DATED,
    Route,
    account_of,
    batch_reply,
    body_of,
    inputs_of,
    list_of,
    names_in,
    nothing,
    number_in,
    reply,
    started,
    store_of,
)

MAX_PAGE = 500
MAX_MEMBERS = 250
MAX_OFFSET = 10_000
"""A search of lists reaches no further (tap-hubspot's notes on the endpoint)."""
_SORTS = {
    "HS_LIST_ID": lambda one: one.id,
    "HS_UPDATED_AT": lambda one: one.updated,
    "HS_CREATED_AT": lambda one: one.created,
    "HS_LIST_NAME": lambda one: one.name.lower(),
}


def routes() -> list[Route]:
    """The endpoints of this module."""
    found: list[Route] = []
    for base in ("/crm/v3/lists", f"/crm/lists/{DATED}"):
        one = f"{base}/{{list_id:\\d+}}"
        found += [
            ("GET", base, read_several),
            ("POST", base, create_list),
            ("POST", f"{base}/search", search_lists),
            ("GET", f"{base}/object-type-id/{{object_type}}/name/{{name}}", read_by_name),
            ("GET", f"{base}/records/{{object_type}}/{{object_id}}/memberships", lists_of_record),
            ("POST", f"{base}/records/memberships/batch/read", lists_of_records),
            ("GET", one, read_list),
            ("DELETE", one, delete_list),
            ("PUT", f"{one}/update-list-name", rename_list),
            ("GET", f"{one}/memberships", list_members),
            ("GET", f"{one}/memberships/join-order", list_members),
            ("DELETE", f"{one}/memberships", remove_everybody),
            ("PUT", f"{one}/memberships/add", add_members),
            ("PUT", f"{one}/memberships/remove", remove_members),
            ("PUT", f"{one}/memberships/add-and-remove", change_members),
            ("PUT", f"{one}/memberships/add-from/{{source_id:\\d+}}", add_from_list),
            ("PUT", f"{one}/restore", restore_list),
            ("PUT", f"{one}/update-list-filters", change_filters),
        ]
    return found


async def create_list(request: web.Request) -> web.Response:
    """POST a list, 200 `{"list": ...}`."""
    account = account_of(request)
    body = await body_of(request)
    made = account.lists.create(
        body.get("name"),
        str(body.get("objectTypeId", "")),
        str(body.get("processingType", "")),
        body.get("filterBranch"),
        at=account.now(),
    )
    return reply({"list": list_body(account, made)})


async def read_list(request: web.Request) -> web.Response:
    """GET one list."""
    account = account_of(request)
    return reply({"list": list_body(account, _found(request))})


async def read_several(request: web.Request) -> web.Response:
    """GET lists by `listIds`; unknown ones are left out."""
    account = account_of(request)
    wanted = set(names_in(request, "listIds"))
    found = [one for one in account.lists.all() if str(one.id) in wanted]
    return reply({"lists": [list_body(account, one) for one in found]})


async def read_by_name(request: web.Request) -> web.Response:
    """GET the list of a name within an object type."""
    account, store = account_of(request), store_of(request)
    for one in account.lists.all():
        if one.object_type == store.name and one.name == request.match_info["name"]:
            return reply({"list": list_body(account, one)})
    raise not_found(f"List does not exist with name {request.match_info['name']}.")


async def search_lists(request: web.Request) -> web.Response:
    """POST a search: by name, ids and processing types, one page at an offset."""
    account = account_of(request)
    body = await body_of(request)
    count, offset = _whole(body, "count", 20), _whole(body, "offset", 0)
    if offset > MAX_OFFSET:
        raise validation(f"offset must be at most {MAX_OFFSET}.")
    words = str(body.get("query") or "").lower()
    kinds, ids = body.get("processingTypes") or [], [str(one) for one in body.get("listIds") or []]
    found = [
        one
        for one in account.lists.all()
        if words in one.name.lower()
        and (not kinds or one.processing in kinds)
        and (not ids or str(one.id) in ids)
    ]
    sort = str(body.get("sort") or "HS_LIST_ID")
    key = _SORTS.get(sort.removeprefix("-"))
    if key is None:
        raise validation(f"Unknown sort {sort!r}.")
    found.sort(key=key, reverse=sort.startswith("-"))
    page = found[offset : offset + min(count, MAX_PAGE)]
    return reply(
        {
            "offset": offset + len(page),
            "hasMore": offset + len(page) < len(found),
            "lists": [_search_body(account, one) for one in page],
            "total": len(found),
        }
    )


async def delete_list(request: web.Request) -> web.Response:
    """DELETE a list, 204."""
    account = account_of(request)
    account.lists.delete(_found(request), at=account.now())
    return nothing()


async def restore_list(request: web.Request) -> web.Response:
    """PUT a deleted list back, 204."""
    account = account_of(request)
    account.lists.restore(request.match_info["list_id"], at=account.now())
    return nothing()


async def change_filters(request: web.Request) -> web.Response:
    """PUT another filter branch on a dynamic list."""
    account, found = account_of(request), _found(request)
    account.lists.refilter(found, (await body_of(request)).get("filterBranch"), at=account.now())
    return reply({"updatedList": list_body(account, found)})


async def rename_list(request: web.Request) -> web.Response:
    """PUT another name (`listName`)."""
    account, found = account_of(request), _found(request)
    name = request.query.get("listName", "")
    if not name:
        raise validation("listName is required.")
    account.lists.rename(found, name, at=account.now())
    return reply({"updatedList": list_body(account, found)})


async def list_members(request: web.Request) -> web.Response:
    """GET a page of members by record id, or in the order they joined."""
    account, found = account_of(request), _found(request)
    limit = number_in(request, "limit", 100, MAX_MEMBERS)
    members = account.lists.members(found)
    if request.path.rstrip("/").endswith("join-order"):
        members.sort(key=lambda member: (member[1], member[0]))
    after = request.query.get("after") or "0"
    start = int(after) if after.isdigit() else 0
    page = members[start : start + limit]
    body: dict[str, Any] = {
        "results": [
            {"recordId": str(record_id), "membershipTimestamp": shown(iso(joined))}
            for record_id, joined in page
        ],
        "total": len(members),
    }
    if start + limit < len(members):
        body["paging"] = {"next": {"after": str(start + limit)}}
    return reply(body)


async def add_members(request: web.Request) -> web.Response:
    """PUT record ids into a static list."""
    account = account_of(request)
    ids = [_number(one) for one in await list_of(request)]
    return _moved(account.lists.move(_found(request), ids, [], at=account.now()))


async def remove_members(request: web.Request) -> web.Response:
    """PUT record ids out of a static list."""
    account = account_of(request)
    ids = [_number(one) for one in await list_of(request)]
    return _moved(account.lists.move(_found(request), [], ids, at=account.now()))


async def change_members(request: web.Request) -> web.Response:
    """PUT record ids in and out at once."""
    account = account_of(request)
    body = await body_of(request)
    add = [_number(one) for one in body.get("recordIdsToAdd") or []]
    remove = [_number(one) for one in body.get("recordIdsToRemove") or []]
    return _moved(account.lists.move(_found(request), add, remove, at=account.now()))


async def remove_everybody(request: web.Request) -> web.Response:
    """DELETE every membership of a static list, 204."""
    account, found = account_of(request), _found(request)
    everybody = [record_id for record_id, _ in account.lists.members(found)]
    account.lists.move(found, [], everybody, at=account.now())
    return nothing()


async def add_from_list(request: web.Request) -> web.Response:
    """PUT every member of another list in, 204."""
    account, found = account_of(request), _found(request)
    source = account.lists.read(request.match_info["source_id"])
    everybody = [record_id for record_id, _ in account.lists.members(source)]
    account.lists.move(found, everybody, [], at=account.now())
    return nothing()


async def lists_of_record(request: web.Request) -> web.Response:
    """GET the lists a record is in."""
    account, store = account_of(request), store_of(request)
    record = account.live(store, request.match_info["object_id"])
    results = [
        {
            "listId": str(one.id),
            "listVersion": one.version,
            "firstAddedTimestamp": shown(iso(joined)),
            "lastAddedTimestamp": shown(iso(joined)),
        }
        for one, joined in account.lists.of_record(store.name, record.id)
    ]
    return reply({"results": results, "total": len(results)})


async def lists_of_records(request: web.Request) -> web.Response:
    """POST records of any type, `results` name each with its lists; 207 where one is not there.

    [The reference's page of this call; there `listId` is a number where the single call has text,
    and `requestedAt` comes beside the batch's other stamps.] Assumed: 100 inputs a call.
    """
    account = account_of(request)
    inputs = inputs_of(await body_of(request))
    head = started(account)
    of: dict[str, dict[int, list[dict[str, Any]]]] = {}
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for each in inputs:
        try:
            store = account.catalogue.find(str(each.get("objectTypeId", "")))
            record = account.live(store, str(each.get("recordId", "")))
        except HubSpotError as error:
            errors.append(error.item({"recordId": [str(each.get("recordId", ""))]}))
            continue
        if store.name not in of:
            of[store.name] = _joined(account, store.name)
        results.append(
            {
                "objectTypeId": store.type_id,
                "recordId": str(record.id),
                "recordListMemberships": of[store.name].get(record.id, []),
            }
        )
    return batch_reply(account, head, results, errors)


def _joined(account: HubSpotAccount, object_type: str) -> dict[int, list[dict[str, Any]]]:
    """The memberships of every record of a type that has any."""
    found: dict[int, list[dict[str, Any]]] = {}
    for one in account.lists.all():
        if one.object_type != object_type:
            continue
        for record_id, joined in account.lists.members(one):
            shown_at = shown(iso(joined))
            found.setdefault(record_id, []).append(
                {
                    "listId": one.id,
                    "listVersion": one.version,
                    "firstAddedTimestamp": shown_at,
                    "lastAddedTimestamp": shown_at,
                }
            )
    return found


def list_body(account: HubSpotAccount, found: RecordList) -> dict[str, Any]:
    """A list as v3 shows it."""
    body: dict[str, Any] = {**_shared(found), "size": len(account.lists.members(found))}
    if found.dynamic:
        body["filterBranch"] = found.filters
    return body


def _search_body(account: HubSpotAccount, found: RecordList) -> dict[str, Any]:
    extra = {
        "hs_list_size": str(len(account.lists.members(found))),
        "hs_list_reference_count": "0",
        "hs_folder_name": "",
    }
    return {**_shared(found), "additionalProperties": extra}


def _shared(found: RecordList) -> dict[str, Any]:
    return {
        "listId": str(found.id),
        "listVersion": found.version,
        "name": found.name,
        "objectTypeId": found.type_id,
        "processingType": found.processing,
        "processingStatus": "COMPLETE",
        "createdAt": shown(iso(found.created)),
        "updatedAt": shown(iso(found.updated)),
        "filtersUpdatedAt": shown(iso(found.created)),
        "createdById": "40000001",
        "updatedById": "40000001",
    }


def _moved(moved: Moved) -> web.Response:
    return reply(
        {
            "recordsIdsAdded": [str(one) for one in moved.added],
            "recordIdsRemoved": [str(one) for one in moved.removed],
            "recordIdsMissing": [str(one) for one in moved.missing],
        }
    )


def _found(request: web.Request) -> RecordList:
    return account_of(request).lists.read(request.match_info["list_id"])


def _number(raw: object) -> int:
    text = str(raw)
    if not text.isdigit():
        raise validation(f"Invalid record ID: {text}")
    return int(text)


def _whole(body: dict[str, Any], key: str, default: int) -> int:
    value = body.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise validation(f"{key} must be a whole number.")
    return value
