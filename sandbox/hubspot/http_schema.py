"""Calls about the account itself: account info, OAuth, custom object schemas."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web

from sandbox.hubspot.auth import RefusedGrantError
from sandbox.hubspot.limits import TIME_ZONE
from sandbox.hubspot.wire import account_of, body_of, nothing, reply

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


async def update_schema(request: web.Request) -> web.Response:
    """PATCH labels and display properties."""
    account, alias = account_of(request), request.match_info["object_type"]
    body = await body_of(request)
    schema = account.catalogue.change_schema(alias, body, at=account.now())
    account.writer.required[schema["objectTypeId"]] = tuple(schema["requiredProperties"])
    return reply(schema)


async def delete_schema(request: web.Request) -> web.Response:
    """DELETE a custom object type that has no records, 204."""
    account_of(request).catalogue.remove_custom(request.match_info["object_type"])
    return nothing()


async def add_association(request: web.Request) -> web.Response:
    """POST a further object type a custom one may be associated with, 201."""
    catalogue = account_of(request).catalogue
    made = catalogue.add_association(request.match_info["object_type"], await body_of(request))
    return reply(made, 201)


async def remove_association(request: web.Request) -> web.Response:
    """DELETE an association added later, 204."""
    found = request.match_info
    account_of(request).catalogue.remove_association(found["object_type"], found["association_id"])
    return nothing()


def _offset(now: datetime) -> dict[str, Any]:
    offset = now.astimezone(TIME_ZONE).utcoffset()
    seconds = int(offset.total_seconds()) if offset else 0
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return {
        "utcOffset": f"{'-' if seconds < 0 else '+'}{hours:02d}:{minutes:02d}",
        "utcOffsetMilliseconds": seconds * 1000,
    }
