"""Lists of contacts, v1: the older face of the lists that v3 shows as well [D]."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.http_contacts_v1 import (
    contact_page,
    contacts_of,
    holder_of,
    in_old_words,
    offset_in,
)
from sandbox.hubspot.lists import RecordList
from sandbox.hubspot.wire import Handler, Route, account_of, body_of, nothing, number_in, reply


def routes() -> list[Route]:
    """The endpoints of this module."""
    lists = "/contacts/v1/lists"
    one = f"{lists}/{{list_id:\\d+}}"
    found: list[tuple[str, str, Handler]] = [
        ("GET", lists, list_lists),
        ("POST", lists, create_list),
        ("GET", f"{lists}/{{kind:static|dynamic}}", list_lists),
        ("GET", f"{lists}/batch", read_lists),
        ("GET", one, read_list),
        ("POST", one, rename_list),
        ("DELETE", one, delete_list),
        ("POST", f"{one}/{{act:add|remove}}", change_members),
        ("GET", f"{one}/contacts/{{order:all|recent}}", list_members),
    ]
    return [(method, path, in_old_words(handler)) for method, path, handler in found]


async def list_lists(request: web.Request) -> web.Response:
    """GET the lists of contacts, all of them or the static or dynamic ones."""
    account = account_of(request)
    count, start = number_in(request, "count", 20, 250), offset_in(request, "offset")
    kind = request.match_info.get("kind")
    found = [
        one
        for one in account.lists.all()
        if one.object_type == "contacts" and kind in (None, "dynamic" if one.dynamic else "static")
    ]
    page = found[start : start + count]
    return reply(
        {
            "lists": [_list_body(account, one) for one in page],
            "has-more": start + len(page) < len(found),
            "offset": start + len(page),
        }
    )


async def read_lists(request: web.Request) -> web.Response:
    """GET lists by `listId`."""
    account = account_of(request)
    found = [account.lists.read(one) for one in request.query.getall("listId", [])]
    return reply({"lists": [_list_body(account, one) for one in found]})


async def read_list(request: web.Request) -> web.Response:
    """GET one list."""
    account = account_of(request)
    return reply(_list_body(account, account.lists.read(request.match_info["list_id"])))


async def create_list(request: web.Request) -> web.Response:
    """POST a list, 200."""
    account = account_of(request)
    body = await body_of(request)
    kind = "DYNAMIC" if body.get("dynamic") else "MANUAL"
    made = account.lists.create(
        body.get("name"), "contacts", kind, body.get("filters") or [], at=account.now()
    )
    return reply(_list_body(account, made))


async def rename_list(request: web.Request) -> web.Response:
    """POST another name."""
    account = account_of(request)
    found = account.lists.read(request.match_info["list_id"])
    name = (await body_of(request)).get("name")
    if isinstance(name, str) and name:
        account.lists.rename(found, name, at=account.now())
    return reply(_list_body(account, found))


async def delete_list(request: web.Request) -> web.Response:
    """DELETE a list, 204."""
    account = account_of(request)
    account.lists.delete(account.lists.read(request.match_info["list_id"]), at=account.now())
    return nothing()


async def change_members(request: web.Request) -> web.Response:
    """POST vids and e-mails to add to or remove from a static list."""
    account, store = contacts_of(request)
    found = account.lists.read(request.match_info["list_id"])
    body = await body_of(request)
    vids = [int(one) for one in body.get("vids") or [] if str(one).isdigit()]
    emails = [str(one) for one in body.get("emails") or []]
    holders = {email: holder_of(account, store, email) for email in emails}
    vids += [record.id for record in holders.values() if record is not None]
    adding = request.match_info["act"] == "add"
    moved = account.lists.move(
        found, vids if adding else [], [] if adding else vids, at=account.now()
    )
    return reply(
        {
            "updated": moved.added if adding else moved.removed,
            "discarded": moved.unchanged,
            "invalidVids": moved.missing,
            "invalidEmails": [email for email, record in holders.items() if record is None],
        }
    )


async def list_members(request: web.Request) -> web.Response:
    """GET the members of a list: by vid, or those that joined last first."""
    account, store = contacts_of(request)
    found = account.lists.read(request.match_info["list_id"])
    members = account.lists.members(found)
    if request.match_info["order"] == "recent":
        members.sort(key=lambda member: member[1], reverse=True)
        return contact_page(request, (store.live[one] for one, _ in members))
    start = offset_in(request, "vidOffset")
    return contact_page(request, (store.live[one] for one, _ in members if one > start))


def _list_body(account: HubSpotAccount, found: RecordList) -> dict[str, Any]:
    return {
        "portalId": account.portal_id,
        "listId": found.id,
        "internalListId": found.id,
        "name": found.name,
        "listType": "DYNAMIC" if found.dynamic else "STATIC",
        "dynamic": found.dynamic,
        "createdAt": found.created,
        "updatedAt": found.updated,
        "filters": found.filters or [],
        "authorId": 40_000_001,
        "metaData": {
            "processing": "DONE",
            "size": len(account.lists.members(found)),
            "error": "",
            "lastProcessingStateChangeAt": found.updated,
            "lastSizeChangeAt": found.updated,
            "listReferencesCount": None,
            "parentFolderId": None,
        },
        "archived": False,
        "deleteable": True,
        "internal": False,
        "readOnly": False,
        "teamIds": [],
    }
