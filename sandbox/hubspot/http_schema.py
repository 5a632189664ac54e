"""Calls about the account itself and the shape of its data: account info, OAuth, properties,
custom object schemas, pipelines, owners.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web

from sandbox.hubspot.auth import RefusedGrantError
from sandbox.hubspot.errors import HubSpotError, not_found
from sandbox.hubspot.limits import TIME_ZONE
from sandbox.hubspot.wire import (
    account_of,
    batch_reply,
    body_of,
    cursor_in,
    flag_in,
    inputs_of,
    nothing,
    number_in,
    reply,
    started,
    store_of,
)

CURRENCY = "USD"


async def account_details(request: web.Request) -> web.Response:
    """GET `/account-info/v3/details`."""
    account = account_of(request)
    return reply(
        {
            "portalId": account.portal_id,
            "accountType": "STANDARD",
            "timeZone": str(TIME_ZONE),
            "companyCurrency": CURRENCY,
            "additionalCurrencies": [],
            **_offset(account.clock.now()),
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        }
    )


async def whoami(request: web.Request) -> web.Response:
    """GET `/integrations/v1/me` [R]."""
    account = account_of(request)
    return reply(
        {
            "portalId": account.portal_id,
            "timeZone": str(TIME_ZONE),
            "accountType": "STANDARD",
            "currency": CURRENCY,
            **_offset(account.clock.now()),
        }
    )


async def daily_usage(request: web.Request) -> web.Response:
    """GET `/account-info/v3/api-usage/daily/private-apps`."""
    account = account_of(request)
    limits = account.limits
    now = f"{account.clock.now():%Y-%m-%dT%H:%M:%SZ}"
    return reply(
        {
            "results": [
                {
                    "name": "private-apps-api-calls-daily",
                    "usageLimit": limits.daily,
                    "currentUsage": limits.used_today(),
                    "collectedAt": now,
                    "fetchStatus": "SUCCESS",
                    "resetsAt": f"{limits.resets_at():%Y-%m-%dT%H:%M:%SZ}",
                }
            ]
        }
    )


async def oauth_token(request: web.Request) -> web.Response:
    """POST form `/oauth/v1/token` or `/oauth/v3/token`: a refresh token for an access token."""
    form = {key: str(value) for key, value in (await request.post()).items()}
    try:
        return reply(account_of(request).tokens.grant(form))
    except RefusedGrantError as refused:
        return reply(refused.body, 400)


# --- properties ----------------------------------------------------------------------------


async def list_properties(request: web.Request) -> web.Response:
    """GET every property of an object type, live or archived."""
    book = store_of(request).book
    found = book.archived() if flag_in(request, "archived") else list(book)
    return reply({"results": [prop.v3() for prop in found]})


async def list_properties_v1(request: web.Request) -> web.Response:
    """GET `/properties/v1/contacts/properties`, a bare array [R]."""
    return reply([prop.v1() for prop in store_of(request).book])


async def read_property(request: web.Request) -> web.Response:
    """GET one property."""
    name = request.match_info["name"]
    return reply(store_of(request).book.read(name, archived=flag_in(request, "archived")).v3())


async def create_property(request: web.Request) -> web.Response:
    """POST a property, 201."""
    account, store = account_of(request), store_of(request)
    prop = store.book.create(await body_of(request), at=account.now())
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
            results.append(store.book.create(each, at=account.now()).v3())
        except HubSpotError as error:
            errors.append(error.item({"name": [str(each.get("name"))]}))
    return batch_reply(account, head, results, errors, status=201)


async def list_groups(request: web.Request) -> web.Response:
    """GET the property groups in use."""
    names = dict.fromkeys(prop.group for prop in store_of(request).book)
    groups = [
        {"name": name, "label": name.replace("_", " ").title(), "displayOrder": order,
         "archived": False}
        for order, name in enumerate(names)
    ]  # fmt: skip
    return reply({"results": groups})


# --- schemas -------------------------------------------------------------------------------


async def list_schemas(request: web.Request) -> web.Response:
    """GET the custom object schemas."""
    catalogue = account_of(request).catalogue
    return reply({"results": [catalogue.schema(type_id) for type_id in catalogue.schemas]})


async def read_schema(request: web.Request) -> web.Response:
    """GET one custom object schema."""
    return reply(account_of(request).catalogue.schema(request.match_info["object_type"]))


async def create_schema(request: web.Request) -> web.Response:
    """POST a custom object schema, 201."""
    account = account_of(request)
    schema = account.catalogue.add_custom(await body_of(request), at=account.now())
    account.writer.required[schema["objectTypeId"]] = tuple(schema["requiredProperties"])
    return reply(schema, 201)


# --- pipelines, owners ---------------------------------------------------------------------


async def list_pipelines(request: web.Request) -> web.Response:
    """GET the pipelines of an object type."""
    return reply({"results": account_of(request).pipelines.of(store_of(request).name)})


async def read_pipeline(request: web.Request) -> web.Response:
    """GET one pipeline."""
    pipelines = account_of(request).pipelines
    return reply(pipelines.read(store_of(request).name, request.match_info["pipeline_id"]))


async def list_stages(request: web.Request) -> web.Response:
    """GET the stages of a pipeline."""
    pipelines = account_of(request).pipelines
    found = pipelines.read(store_of(request).name, request.match_info["pipeline_id"])
    return reply({"results": found["stages"]})


async def list_owners(request: web.Request) -> web.Response:
    """GET the owners by ascending id, optionally of one e-mail."""
    limit = number_in(request, "limit", 100, 500)
    after = cursor_in(request)
    email = request.query.get("email", "").lower()
    archived = flag_in(request, "archived")
    found = [
        owner
        for number, owner in sorted(account_of(request).owners.items())
        if number > after and owner.archived == archived and email in ("", owner.email.lower())
    ]
    body: dict[str, Any] = {"results": [owner.body() for owner in found[:limit]]}
    if len(found) > limit:
        body["paging"] = {"next": {"after": str(found[limit - 1].id)}}
    return reply(body)


async def read_owner(request: web.Request) -> web.Response:
    """GET one owner by id, or by userId with `idProperty=userId`."""
    wanted = request.match_info["owner_id"]
    by_user = request.query.get("idProperty") == "userId"
    for owner in account_of(request).owners.values():
        if wanted == str(owner.user_id if by_user else owner.id):
            return reply(owner.body())
    raise not_found(f"No owner with ID {wanted}")


def _offset(now: datetime) -> dict[str, Any]:
    offset = now.astimezone(TIME_ZONE).utcoffset()
    seconds = int(offset.total_seconds()) if offset else 0
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return {
        "utcOffset": f"{'-' if seconds < 0 else '+'}{hours:02d}:{minutes:02d}",
        "utcOffsetMilliseconds": seconds * 1000,
    }
