"""Associations v4 (FACTS section 2): single and batch, default and typed."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.associations import kinds_from
from sandbox.hubspot.errors import HubSpotError, object_in, objects_in, validation
from sandbox.hubspot.store import ObjectStore
from sandbox.hubspot.wire import (
    account_of,
    batch_reply,
    body_of,
    cursor_in,
    inputs_of,
    list_of,
    nothing,
    number_in,
    reply,
    started,
    store_of,
)

MAX_READ = 1_000
MAX_CREATE = 2_000


async def put_default(request: web.Request) -> web.Response:
    """PUT the default association between two records, 200."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    from_id, to_id = request.match_info["object_id"], request.match_info["to_id"]
    account.associate(source.name, from_id, to.name, to_id)
    head = started(account)
    return batch_reply(account, head, _default_results(account, source, from_id, to, to_id), [])


async def put_labels(request: web.Request) -> web.Response:
    """PUT typed associations between two records, 201."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    one = account.live(source, request.match_info["object_id"])
    other = account.live(to, request.match_info["to_id"])
    kinds = kinds_from(await list_of(request))
    if not kinds:
        raise validation("At least one association type is required.")
    account.associations.check(source.name, to.name, kinds)
    account.associations.link((source.name, one.id), (to.name, other.id), kinds)
    return reply(
        {
            "fromObjectTypeId": source.type_id,
            "fromObjectId": one.id,
            "toObjectTypeId": to.type_id,
            "toObjectId": other.id,
            "labels": [],
        },
        201,
    )


async def delete_link(request: web.Request) -> web.Response:
    """DELETE every association between two records, 204."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    one = account.live(source, request.match_info["object_id"])
    other = account.live(to, request.match_info["to_id"])
    account.associations.unlink((source.name, one.id), (to.name, other.id))
    return nothing()


async def list_links(request: web.Request) -> web.Response:
    """GET the associations of one record towards one object type, at most 500 a page."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    record = account.live(source, request.match_info["object_id"])
    limit = number_in(request, "limit", 500, 500)
    after = cursor_in(request)
    ends = account.associations.of(source.name, record.id, to.name)
    ids = [each for each in sorted(ends) if each > after and each in to.live]
    body: dict[str, Any] = {
        "results": [
            {"toObjectId": each, "associationTypes": account.associations.shown(ends[each])}
            for each in ids[:limit]
        ]
    }
    if len(ids) > limit:
        body["paging"] = {"next": {"after": str(ids[limit - 1])}}
    return reply(body)


async def batch_read_links(request: web.Request) -> web.Response:
    """POST ids; records without associations are named in `errors`, 207 [D]."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    head = started(account)
    results: list[Any] = []
    errors: list[dict[str, Any]] = []
    for each in inputs_of(await body_of(request), MAX_READ):
        wanted = str(each.get("id", ""))
        number = int(wanted) if wanted.isdigit() else -1
        ends = account.associations.of(source.name, number, to.name)
        linked = [
            {"toObjectId": other, "associationTypes": account.associations.shown(kinds)}
            for other, kinds in sorted(ends.items())
            if other in to.live
        ]
        if linked:
            results.append({"from": {"id": wanted}, "to": linked})
        else:
            errors.append(none_found(source, to, wanted))
    return batch_reply(account, head, results, errors)


async def batch_create_links(request: web.Request) -> web.Response:
    """POST typed associations, 201; each may fail by itself."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    head = started(account)
    results: list[Any] = []
    errors: list[dict[str, Any]] = []
    for each in inputs_of(await body_of(request), MAX_CREATE):
        try:
            one = account.live(source, str(object_in(each, "from").get("id", "")))
            other = account.live(to, str(object_in(each, "to").get("id", "")))
            kinds = kinds_from(objects_in(each, "types"))
            account.associations.check(source.name, to.name, kinds)
            account.associations.link((source.name, one.id), (to.name, other.id), kinds)
            results.append(
                {
                    "fromObjectTypeId": source.type_id,
                    "fromObjectId": one.id,
                    "toObjectTypeId": to.type_id,
                    "toObjectId": other.id,
                    "labels": [],
                }
            )
        except HubSpotError as error:
            errors.append(error.item(_ends(each)))
    return batch_reply(account, head, results, errors, status=201)


async def batch_default_links(request: web.Request) -> web.Response:
    """POST default associations, 200."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    head = started(account)
    results: list[Any] = []
    errors: list[dict[str, Any]] = []
    for each in inputs_of(await body_of(request), MAX_CREATE):
        from_id = str(object_in(each, "from").get("id", ""))
        to_id = str(object_in(each, "to").get("id", ""))
        try:
            account.associate(source.name, from_id, to.name, to_id)
            results += _default_results(account, source, from_id, to, to_id)
        except HubSpotError as error:
            errors.append(error.item(_ends(each)))
    return batch_reply(account, head, results, errors)


async def batch_archive_links(request: web.Request) -> web.Response:
    """POST `{from, to: [..]}` pairs to take apart, 204."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    for each in inputs_of(await body_of(request), MAX_CREATE):
        from_id = str(object_in(each, "from").get("id", ""))
        for other in objects_in(each, "to"):
            to_id = str(other.get("id", ""))
            if from_id.isdigit() and to_id.isdigit():
                account.associations.unlink((source.name, int(from_id)), (to.name, int(to_id)))
    return nothing()


def _default_results(
    account: HubSpotAccount, source: ObjectStore, from_id: str, to: ObjectStore, to_id: str
) -> list[Any]:
    return [
        {
            "from": {"id": one},
            "to": {"id": other},
            "associationSpec": {
                "associationCategory": "HUBSPOT_DEFINED",
                "associationTypeId": account.associations.default_type(start, end),
            },
        }
        for one, other, start, end in (
            (from_id, to_id, source.name, to.name),
            (to_id, from_id, to.name, source.name),
        )
    ]


def none_found(source: ObjectStore, to: ObjectStore, wanted: str) -> dict[str, Any]:
    """The error entry of a record that is associated with nothing of the kind."""
    return HubSpotError(
        404,
        "OBJECT_NOT_FOUND",
        f"No {to.singular.lower()} is associated with {source.singular.lower()} {wanted}.",
        sub_category="crm.associations.NO_ASSOCIATIONS_FOUND",
    ).item({"fromObjectId": [wanted]})


def _ends(each: dict[str, Any]) -> dict[str, list[str]]:
    return {
        "fromObjectId": [str(object_in(each, "from").get("id", ""))],
        "toObjectId": [str(object_in(each, "to").get("id", ""))],
    }
