"""Associations v3: by name instead of by label, one type a pair (shapes as tap-hubspot reads)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.errors import HubSpotError, object_in, validation
from sandbox.hubspot.http_associations import none_found
from sandbox.hubspot.store import ObjectStore
from sandbox.hubspot.wire import (
    Route,
    account_of,
    batch_reply,
    body_of,
    cursor_in,
    inputs_of,
    nothing,
    number_in,
    object_body,
    reply,
    started,
    store_of,
)

MAX_BATCH = 1_000
_WORDS = {"companies": "company", "contacts": "contact", "deals": "deal", "tickets": "ticket"}


def routes() -> list[Route]:
    """The endpoints of this module."""
    batch = "/crm/v3/associations/{object_type}/{to_type}"
    one = "/crm/v3/objects/{object_type}/{object_id}/associations/{to_type}"
    return [
        ("POST", f"{batch}/batch/read", batch_read),
        ("POST", f"{batch}/batch/create", batch_create),
        ("POST", f"{batch}/batch/archive", batch_archive),
        ("GET", f"{batch}/types", list_types),
        ("GET", one, list_links),
        ("PUT", f"{one}/{{to_id}}/{{kind}}", put_link),
        ("DELETE", f"{one}/{{to_id}}/{{kind}}", delete_link),
    ]


def type_name(source: ObjectStore, to: ObjectStore) -> str:
    """The name of the unlabelled association: `contact_to_company`."""
    words = (_WORDS.get(one.name, one.singular.lower()) for one in (source, to))
    return "_to_".join(words)


async def list_types(request: web.Request) -> web.Response:
    """GET the association types from one object type to another."""
    source, to = store_of(request), store_of(request, "to_type")
    number = account_of(request).associations.default_type(source.name, to.name)
    return reply({"results": [{"id": str(number), "name": type_name(source, to)}]})


async def list_links(request: web.Request) -> web.Response:
    """GET the associated ids of one record, at most 500 a page."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    record = account.live(source, request.match_info["object_id"])
    limit, after = number_in(request, "limit", 500, 500), cursor_in(request)
    ids = [one for one in _linked(account, source, record.id, to) if one > after]
    kind = type_name(source, to)
    body: dict[str, Any] = {"results": [{"id": str(one), "type": kind} for one in ids[:limit]]}
    if len(ids) > limit:
        body["paging"] = {"next": {"after": str(ids[limit - 1])}}
    return reply(body)


async def put_link(request: web.Request) -> web.Response:
    """PUT an association; answers with the record."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    from_id, to_id = request.match_info["object_id"], request.match_info["to_id"]
    account.associate(source.name, from_id, to.name, to_id)
    record = account.live(source, from_id)
    body = object_body(source, record, source.defaults)
    other = account.live(to, to_id)
    shown = [{"id": str(other.id), "type": type_name(source, to)}]
    return reply({**body, "associations": {to.name: {"results": shown}}})


async def delete_link(request: web.Request) -> web.Response:
    """DELETE an association, 204."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    one = account.live(source, request.match_info["object_id"])
    other = account.live(to, request.match_info["to_id"])
    account.associations.unlink((source.name, one.id), (to.name, other.id))
    return nothing()


async def batch_read(request: web.Request) -> web.Response:
    """POST ids; those without associations are error entries, 207."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    head, kind = started(account), type_name(source, to)
    results: list[Any] = []
    errors: list[dict[str, Any]] = []
    for each in inputs_of(await body_of(request), MAX_BATCH):
        wanted = str(each.get("id", ""))
        ids = _linked(account, source, int(wanted), to) if wanted.isdigit() else []
        if ids:
            shown = [{"id": str(one), "type": kind} for one in ids]
            results.append({"from": {"id": wanted}, "to": shown})
        else:
            errors.append(none_found(source, to, wanted))
    return batch_reply(account, head, results, errors)


async def batch_create(request: web.Request) -> web.Response:
    """POST `{from, to, type}` triples, 201."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    head = started(account)
    results: list[Any] = []
    errors: list[dict[str, Any]] = []
    for each in inputs_of(await body_of(request), MAX_BATCH):
        from_id, to_id = _ends(each)
        if not each.get("type"):
            raise validation("Invalid input JSON: some required fields were not set: [type]")
        try:
            account.associate(source.name, from_id, to.name, to_id)
            results.append({"from": {"id": from_id}, "to": {"id": to_id}, "type": each["type"]})
        except HubSpotError as error:
            errors.append(error.item({"fromObjectId": [from_id], "toObjectId": [to_id]}))
    return batch_reply(account, head, results, errors, status=201)


async def batch_archive(request: web.Request) -> web.Response:
    """POST triples to take apart, 204."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    for each in inputs_of(await body_of(request), MAX_BATCH):
        from_id, to_id = _ends(each)
        if from_id.isdigit() and to_id.isdigit():
            account.associations.unlink((source.name, int(from_id)), (to.name, int(to_id)))
    return nothing()


def _ends(each: dict[str, Any]) -> tuple[str, str]:
    return str(object_in(each, "from").get("id", "")), str(object_in(each, "to").get("id", ""))


def _linked(
    account: HubSpotAccount, source: ObjectStore, record_id: int, to: ObjectStore
) -> list[int]:
    ends = account.associations.of(source.name, record_id, to.name)
    return [one for one in sorted(ends) if one in to.live]
