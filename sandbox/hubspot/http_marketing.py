"""Marketing calls: form definitions, submissions, public form fills, e-mail events, campaigns."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.hubspot.email_events import MAX_PAGE
from sandbox.hubspot.errors import HubSpotError, not_found, object_in, objects_in, validation
from sandbox.hubspot.submit import Fill, check, submit
from sandbox.hubspot.times import parse_ms
from sandbox.hubspot.wire import (
    account_of,
    body_of,
    cursor_in,
    flag_in,
    names_in,
    nothing,
    number_in,
    reply,
)

# --- forms ---------------------------------------------------------------------------------


async def list_forms(request: web.Request) -> web.Response:
    """GET definitions; only type `hubspot` unless `formTypes` asks for others [D]."""
    limit = number_in(request, "limit", 20, 500)
    types = tuple(names_in(request, "formTypes")) or ("hubspot",)
    found = account_of(request).forms.listed(types, archived=flag_in(request, "archived"))
    start = cursor_in(request)
    body: dict[str, Any] = {"results": found[start : start + limit]}
    if start + limit < len(found):
        body["paging"] = {"next": {"after": str(start + limit)}}
    return reply(body)


async def read_form(request: web.Request) -> web.Response:
    """GET one definition of any type."""
    return reply(account_of(request).forms.read(request.match_info["guid"]))


async def create_form(request: web.Request) -> web.Response:
    """POST a definition, 201."""
    account = account_of(request)
    body = await body_of(request)
    body.pop("id", None)
    return reply(account.forms.create(body, at=account.now()), 201)


async def update_form(request: web.Request) -> web.Response:
    """PATCH or PUT a definition."""
    account = account_of(request)
    guid = request.match_info["guid"]
    return reply(account.forms.change(guid, await body_of(request), at=account.now()))


async def archive_form(request: web.Request) -> web.Response:
    """DELETE a definition, 204; its submissions stay."""
    account_of(request).forms.read(request.match_info["guid"])["archived"] = True
    return nothing()


async def list_submissions(request: web.Request) -> web.Response:
    """GET the submissions of a form, newest first, at most 50 a page."""
    limit = number_in(request, "limit", 20, 50)
    forms = account_of(request).forms
    page, after = forms.page(
        request.match_info["guid"], limit=limit, after=request.query.get("after")
    )
    body: dict[str, Any] = {"results": [each.body() for each in page]}
    if after is not None:
        body["paging"] = {"next": {"after": after}}
    return reply(body)


async def submit_form(request: web.Request) -> web.Response:
    """POST a form fill, public or with a bearer token; 200 `{inlineMessage}`."""
    account = account_of(request)
    guid = request.match_info["guid"]
    if request.match_info["portal_id"] != str(account.portal_id):
        raise not_found("Portal not found")
    body = await body_of(request)
    fill = _fill(body)
    check(account, guid, fill)
    submitted = body.get("submittedAt")
    try:
        when = account.now() if submitted in (None, "") else parse_ms(str(submitted))
    except ValueError:
        raise validation("submittedAt must be milliseconds since 1970.") from None
    submit(account, guid, fill, submitted_at=when)
    message = object_in(account.forms.read(guid)["configuration"], "postSubmitAction")
    return reply({"inlineMessage": str(message.get("value") or "Thank you.")})


def _fill(body: dict[str, Any]) -> Fill:
    fields = body.get("fields")
    if (
        not isinstance(fields, list)
        or not fields
        or not all(isinstance(each, dict) for each in fields)
    ):
        raise HubSpotError(
            400,
            None,
            "The request is not valid",
            errors=[
                {"message": "Error in 'fields'. It is required", "errorType": "REQUIRED_FIELD"}
            ],
        )
    context = object_in(body, "context")
    consent = object_in(object_in(body, "legalConsentOptions"), "consent")
    return Fill(
        values=tuple(
            (
                str(each.get("objectTypeId") or "0-1"),
                str(each.get("name", "")),
                "" if each.get("value") is None else str(each["value"]),
            )
            for each in fields
        ),
        page_url=str(context.get("pageUri") or ""),
        page_name=str(context.get("pageName") or ""),
        consents=tuple(
            (int(each["subscriptionTypeId"]), bool(each.get("value")))
            for each in objects_in(consent, "communications")
            if str(each.get("subscriptionTypeId", "")).isdigit()
        ),
    )


# --- e-mail events -------------------------------------------------------------------------


async def list_email_events(request: web.Request) -> web.Response:
    """GET e-mail events newest first, at most 1,000 a page."""
    limit = number_in(request, "limit", 100, MAX_PAGE)
    for key in ("startTimestamp", "endTimestamp"):
        if not request.query.get(key, "0").isdigit():
            raise validation(f"{key} must be milliseconds since 1970.")
    events, offset, more = account_of(request).events.page(
        request.query, limit=limit, offset=request.query.get("offset")
    )
    return reply({"hasMore": more, "offset": offset, "events": events})


async def read_campaign(request: web.Request) -> web.Response:
    """GET an e-mail campaign by id."""
    wanted = request.match_info["campaign_id"]
    found = account_of(request).events.campaigns.get(int(wanted) if wanted.isdigit() else -1)
    if found is None:
        raise not_found(f"No campaign with ID {wanted}")
    return reply(found)


async def list_campaigns(request: web.Request) -> web.Response:
    """GET the e-mail campaigns' ids, a page at an offset."""
    limit = number_in(request, "limit", 100, MAX_PAGE)
    offset = request.query.get("offset") or "0"
    if not offset.isdigit():
        raise validation("offset is not one this endpoint gave out.")
    start = int(offset)
    found = [
        {"id": each["id"], "appId": each["appId"], "appName": each["appName"]}
        for each in account_of(request).events.campaigns.values()
    ]
    page = found[start : start + limit]
    more = start + len(page) < len(found)
    return reply({"hasMore": more, "offset": str(start + len(page)), "campaigns": page})
