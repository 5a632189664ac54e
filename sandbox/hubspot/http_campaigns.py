"""Marketing e-mails and campaigns, v3 (shapes of hubspot-api-client's models, and of HubSpot's
reference for campaigns, which the client does not know)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.errors import not_found, validation
from sandbox.hubspot.marketing_emails import Email, statistics
from sandbox.hubspot.times import parse_ms
from sandbox.hubspot.wire import (
    DATED,
    Route,
    account_of,
    body_of,
    cursor_in,
    flag_in,
    names_in,
    nothing,
    number_in,
    reply,
)


def routes() -> list[Route]:
    """The endpoints of this module."""
    found: list[Route] = []
    for base in ("/marketing/v3/emails", f"/marketing/emails/{DATED}"):
        one = f"{base}/{{email_id:\\d+}}"
        found += [
            ("GET", base, list_emails),
            ("POST", base, create_email),
            ("GET", f"{base}/statistics/list", email_statistics),
            ("GET", one, read_email),
            ("PATCH", one, update_email),
            ("DELETE", one, archive_email),
        ]
    for base in ("/marketing/v3/campaigns", f"/marketing/campaigns/{DATED}"):
        one = f"{base}/{{guid}}"
        assets = f"{one}/assets/{{kind}}"
        found += [
            ("GET", base, list_campaigns),
            ("POST", base, create_campaign),
            ("GET", one, read_campaign),
            ("PATCH", one, update_campaign),
            ("DELETE", one, delete_campaign),
            ("GET", assets, list_assets),
            ("PUT", f"{assets}/{{asset_id}}", add_asset),
            ("DELETE", f"{assets}/{{asset_id}}", remove_asset),
        ]
    return found


# --- e-mails -------------------------------------------------------------------------------


async def list_emails(request: web.Request) -> web.Response:
    """GET the marketing e-mails; with their figures by `includeStats=true`."""
    account = account_of(request)
    found = [] if flag_in(request, "archived") else _emails(account)
    if "isPublished" in request.query:
        found = [one for one in found if one["isPublished"] == flag_in(request, "isPublished")]
    limit, start = number_in(request, "limit", 10, 300), cursor_in(request)
    page = found[start : start + limit]
    if flag_in(request, "includeStats"):
        page = [{**one, "stats": _statistics(account, [one])} for one in page]
    return reply(_page(page, len(found), start))


async def read_email(request: web.Request) -> web.Response:
    """GET one marketing e-mail."""
    account = account_of(request)
    found = _email(account, request.match_info["email_id"])
    if flag_in(request, "includeStats"):
        found = {**found, "stats": _statistics(account, [found])}
    return reply(found)


async def create_email(request: web.Request) -> web.Response:
    """POST a draft, 201."""
    account = account_of(request)
    return reply(account.emails.create(await body_of(request), at=account.now()), 201)


async def update_email(request: web.Request) -> web.Response:
    """PATCH a draft; what was sent takes no change (assumed)."""
    account = account_of(request)
    found = _email(account, request.match_info["email_id"])
    if found["isPublished"]:
        raise validation(f"Email {found['id']} is published and cannot be changed.")
    draft = account.emails.draft(found["id"])
    draft |= {
        key: value
        for key, value in (await body_of(request)).items()
        if key in draft.keys() - {"id"}
    }
    return reply(draft)


async def archive_email(request: web.Request) -> web.Response:
    """DELETE a draft, 204."""
    account_of(request).emails.remove(request.match_info["email_id"])
    return nothing()


async def email_statistics(request: web.Request) -> web.Response:
    """GET the figures of e-mails in a span of time: together, and by e-mail campaign."""
    account = account_of(request)
    start, end = _instant(request, "startTimestamp"), _instant(request, "endTimestamp")
    wanted = set(names_in(request, "emailIds"))
    chosen = [
        one
        for one in _emails(account)
        if one["isPublished"] and (not wanted or one["id"] in wanted)
    ]
    campaigns = {int(one["primaryEmailCampaignId"]) for one in chosen}
    events = [
        event
        for event in account.events.all()
        if event.get("emailCampaignId") in campaigns and start <= event["created"] <= end
    ]
    by_campaign = {
        str(number): statistics(e for e in events if e["emailCampaignId"] == number)
        for number in sorted(campaigns)
    }
    return reply(
        {
            "emails": [int(one["id"]) for one in chosen],
            "aggregate": statistics(events),
            "campaignAggregations": by_campaign,
        }
    )


def _emails(account: HubSpotAccount) -> list[Email]:
    return account.emails.all(account.events.campaigns, born=account.born)


def _email(account: HubSpotAccount, wanted: str) -> Email:
    for one in _emails(account):
        if one["id"] == wanted:
            return one
    raise not_found(f"No email found with id {wanted}")


def _statistics(account: HubSpotAccount, emails: list[Email]) -> dict[str, Any]:
    campaigns = {int(one.get("primaryEmailCampaignId", -1)) for one in emails}
    return statistics(e for e in account.events.all() if e.get("emailCampaignId") in campaigns)


def _instant(request: web.Request, key: str) -> int:
    text = request.query.get(key)
    try:
        return parse_ms(text or "")
    except ValueError:
        raise validation(f"{key} is required, as an ISO 8601 date.") from None


# --- campaigns -----------------------------------------------------------------------------


async def list_campaigns(request: web.Request) -> web.Response:
    """GET the campaigns; of their properties those that are asked for."""
    account = account_of(request)
    words = request.query.get("name", "").lower()
    found = [
        one
        for one in account.campaigns.all()
        if words in str(one["properties"].get("hs_name", "")).lower()
    ]
    limit, start = number_in(request, "limit", 50, 100), cursor_in(request)
    page = [_campaign(request, one) for one in found[start : start + limit]]
    return reply(_page(page, len(found), start))


async def create_campaign(request: web.Request) -> web.Response:
    """POST a campaign, 201."""
    account = account_of(request)
    return reply(account.campaigns.create(await body_of(request), at=account.now()), 201)


async def read_campaign(request: web.Request) -> web.Response:
    """GET one campaign with its assets: none of them is expanded here."""
    found = account_of(request).campaigns.read(request.match_info["guid"])
    return reply({**_campaign(request, found), "assets": {}})


async def update_campaign(request: web.Request) -> web.Response:
    """PATCH some properties."""
    account = account_of(request)
    body = await body_of(request)
    return reply(account.campaigns.change(request.match_info["guid"], body, at=account.now()))


async def delete_campaign(request: web.Request) -> web.Response:
    """DELETE a campaign, 204."""
    account_of(request).campaigns.remove(request.match_info["guid"])
    return nothing()


async def list_assets(request: web.Request) -> web.Response:
    """GET the assets of a kind, by id alone."""
    key = _asset_key(request)
    assets = account_of(request).campaigns.assets.get(key, {})
    return reply({"results": [{"id": one, "name": one} for one in assets]})


async def add_asset(request: web.Request) -> web.Response:
    """PUT an asset into a campaign, 204."""
    assets = account_of(request).campaigns.assets
    assets.setdefault(_asset_key(request), {})[request.match_info["asset_id"]] = None
    return nothing()


async def remove_asset(request: web.Request) -> web.Response:
    """DELETE an asset from a campaign, 204; the asset stays."""
    assets = account_of(request).campaigns.assets
    assets.get(_asset_key(request), {}).pop(request.match_info["asset_id"], None)
    return nothing()


def _asset_key(request: web.Request) -> tuple[str, str]:
    guid = request.match_info["guid"]
    account_of(request).campaigns.read(guid)
    return guid, request.match_info["kind"]


def _campaign(request: web.Request, found: dict[str, Any]) -> dict[str, Any]:
    asked = names_in(request, "properties")
    shown = {name: found["properties"].get(name) for name in asked}
    return {**found, "properties": shown}


def _page(page: list[Any], total: int, start: int) -> dict[str, Any]:
    body: dict[str, Any] = {"total": total, "results": page}
    if start + len(page) < total:
        body["paging"] = {"next": {"after": str(start + len(page))}}
    return body
