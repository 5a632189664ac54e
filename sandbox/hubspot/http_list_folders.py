"""Folders of lists, and which list of the older API is which of v3's.

Shapes are those of hubspot-api-client's models. The sandbox numbers lists the same in both APIs, so
that an id maps to itself.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.errors import not_found, validation
from sandbox.hubspot.lists import Folder
from sandbox.hubspot.times import iso, shown
from sandbox.hubspot.wire import DATED, Route, account_of, body_of, list_of, nothing, reply

USER = 40_000_001


def routes() -> list[Route]:
    """The endpoints of this module."""
    found: list[Route] = []
    for base in ("/crm/v3/lists", f"/crm/lists/{DATED}"):
        one = f"{base}/folders/{{folder_id:\\d+}}"
        found += [
            ("GET", f"{base}/idmapping", map_one),
            ("POST", f"{base}/idmapping", map_several),
            ("GET", f"{base}/folders", read_folder),
            ("POST", f"{base}/folders", create_folder),
            ("PUT", f"{base}/folders/move-list", move_list),
            ("DELETE", one, delete_folder),
            ("PUT", f"{one}/rename", rename_folder),
            ("PUT", f"{one}/move/{{parent_id:\\d+}}", move_folder),
        ]
    return found


async def map_one(request: web.Request) -> web.Response:
    """GET the v3 id of `legacyListId`; 404 for none."""
    wanted = request.query.get("legacyListId", "")
    found = account_of(request).lists.read(wanted)
    return reply({"listId": str(found.id), "legacyListId": wanted})


async def map_several(request: web.Request) -> web.Response:
    """POST older ids as a bare array; unknown ones are named."""
    known = {str(one.id) for one in account_of(request).lists.all()}
    asked = [str(one) for one in await list_of(request)]
    return reply(
        {
            "legacyListIdsToIdsMapping": [
                {"listId": one, "legacyListId": one} for one in asked if one in known
            ],
            "missingLegacyListIds": [one for one in asked if one not in known],
        }
    )


async def read_folder(request: web.Request) -> web.Response:
    """GET `folderId` (0, the root, by default) with the folders and lists in it."""
    wanted = request.query.get("folderId") or "0"
    account = account_of(request)
    if wanted != "0":
        _folder(account, wanted)
    return reply({"folder": _body(account, int(wanted))})


async def create_folder(request: web.Request) -> web.Response:
    """POST `{"name", "parentFolderId"?}`."""
    account = account_of(request)
    body = await body_of(request)
    name, parent = body.get("name"), str(body.get("parentFolderId") or "0")
    if not isinstance(name, str) or not name:
        raise validation("Invalid input JSON: some required fields were not set: [name]")
    if parent != "0":
        _folder(account, parent)
    number = max(account.lists.folders, default=0) + 1
    now = account.now()
    account.lists.folders[number] = Folder(number, name, int(parent), now, now)
    return reply({"folder": _body(account, number)})


async def rename_folder(request: web.Request) -> web.Response:
    """PUT another name (`newFolderName`)."""
    account = account_of(request)
    found = _folder(account, request.match_info["folder_id"])
    found.name = request.query.get("newFolderName") or found.name
    found.updated = account.now()
    return reply({"folder": _body(account, found.id)})


async def move_folder(request: web.Request) -> web.Response:
    """PUT a folder into another one; never into itself or what is in it."""
    account = account_of(request)
    found, parent = (
        _folder(account, request.match_info["folder_id"]),
        request.match_info["parent_id"],
    )
    above = int(parent)
    while above:
        if above == found.id:
            raise validation(f"Folder {found.id} cannot be moved into itself.")
        above = _folder(account, str(above)).parent
    found.parent, found.updated = int(parent), account.now()
    return reply({"folder": _body(account, found.id)})


async def delete_folder(request: web.Request) -> web.Response:
    """DELETE an empty folder, 204."""
    account = account_of(request)
    found = _folder(account, request.match_info["folder_id"])
    body = _body(account, found.id)
    if body["childNodes"] or body["childLists"]:
        raise validation(f"Folder {found.id} is not empty.")
    del account.lists.folders[found.id]
    return nothing()


async def move_list(request: web.Request) -> web.Response:
    """PUT `{"listId", "newFolderId"}`, 204."""
    account = account_of(request)
    body = await body_of(request)
    found, folder = account.lists.read(body.get("listId")), str(body.get("newFolderId") or "0")
    if folder != "0":
        _folder(account, folder)
    found.folder = int(folder)
    return nothing()


def _folder(account: HubSpotAccount, wanted: str) -> Folder:
    found = account.lists.folders.get(int(wanted)) if wanted.isdigit() else None
    if found is None:
        raise not_found(f"Folder does not exist with ID {wanted}.")
    return found


def _body(account: HubSpotAccount, number: int) -> dict[str, Any]:
    """A folder with everything below it."""
    lists = account.lists
    inside = [one.id for one in lists.folders.values() if one.parent == number]
    body: dict[str, Any] = {
        "id": number,
        "parentFolderId": 0,
        "name": "",
        "userId": USER,
        "childNodes": [_body(account, one) for one in inside],
        "childLists": [one.id for one in lists.all() if one.folder == number],
    }
    found = lists.folders.get(number)
    if found is not None:
        stamp = shown(iso(found.updated))
        body |= {"name": found.name, "parentFolderId": found.parent}
        body |= {"createdAt": shown(iso(found.created)), "updatedAt": stamp}
    return body
