"""Who may use the account and by which tokens: users, roles, teams, token metadata, daily limits.

Users are the account's owners seen from the other side: an owner's `userId` is a user's `id`.
Shapes are those of hubspot-api-client's models; what no model says is told with the handler.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.auth import SCOPES
from sandbox.hubspot.errors import HubSpotError, not_found, validation
from sandbox.hubspot.pipelines import Owner
from sandbox.hubspot.webhooks import APP_ID
from sandbox.hubspot.wire import (
    DATED,
    Route,
    account_of,
    body_of,
    cursor_in,
    nothing,
    number_in,
    reply,
)

DOMAIN = "sandbox.example"
_ROLE = {"id": "10001", "name": "Sales user", "requiresBillingWrite": False}
_TEAM = "20001"


def routes() -> list[Route]:
    """The endpoints of this module."""
    found: list[Route] = [
        ("GET", "/integrations/v1/limit/daily", daily_limit),
        ("POST", "/oauth/v2/private-apps/get/access-token-info", private_app_info),
        ("GET", "/business-units/v3/business-units/user/{user_id}", business_units),
    ]
    for version in ("v1", "v3"):
        found += [
            ("GET", f"/oauth/{version}/access-tokens/{{token}}", access_token_info),
            ("GET", f"/oauth/{version}/refresh-tokens/{{token}}", refresh_token_info),
            ("DELETE", f"/oauth/{version}/refresh-tokens/{{token}}", revoke),
        ]
    for base in ("/settings/v3/users", f"/settings/users/{DATED}"):
        one = f"{base}/{{user_id}}"
        found += [
            ("GET", base, list_users),
            ("POST", base, create_user),
            ("GET", f"{base}/roles", list_roles),
            ("GET", f"{base}/teams", list_teams),
            ("GET", one, read_user),
            ("PUT", one, update_user),
            ("DELETE", one, remove_user),
        ]
    return found


# --- users ---------------------------------------------------------------------------------


async def list_users(request: web.Request) -> web.Response:
    """GET the users by ascending id."""
    limit, after = number_in(request, "limit", 100, 100), cursor_in(request)
    found = sorted(
        (one for one in _users(account_of(request)) if one.user_id > after),
        key=lambda one: one.user_id,
    )
    body: dict[str, Any] = {"results": [_user(one) for one in found[:limit]]}
    if len(found) > limit:
        body["paging"] = {"next": {"after": str(found[limit - 1].user_id)}}
    return reply(body)


async def read_user(request: web.Request) -> web.Response:
    """GET one user by id, or by address with `idProperty=EMAIL`."""
    return reply(_user(_found(request)))


async def create_user(request: web.Request) -> web.Response:
    """POST a user by address, 201; one whose address is taken is 409."""
    account = account_of(request)
    body = await body_of(request)
    email = str(body.get("email") or "")
    if "@" not in email:
        raise validation("Invalid input JSON: some required fields were not set: [email]")
    if any(one.email.lower() == email.lower() for one in _users(account)):
        raise HubSpotError(409, "CONFLICT", f"User with email {email} already exists")
    made = account.owners[int(account.create_owner(email, "", ""))]
    return reply({**_user(made), "sendWelcomeEmail": bool(body.get("sendWelcomeEmail"))}, 201)


async def update_user(request: web.Request) -> web.Response:
    """PUT another role or team: both are one and the same here, so they are only checked."""
    found = _found(request)
    role = (await body_of(request)).get("roleId")
    if role is not None and str(role) != _ROLE["id"]:
        raise validation(f"Role {role} does not exist")
    return reply(_user(found))


async def remove_user(request: web.Request) -> web.Response:
    """DELETE a user, 204; as an owner they are archived from now on."""
    found = _found(request)
    account_of(request).owners[found.id] = replace(found, archived=True)
    return nothing()


async def list_roles(request: web.Request) -> web.Response:
    """GET the roles: one."""
    account_of(request)
    return reply({"results": [_ROLE]})


async def list_teams(request: web.Request) -> web.Response:
    """GET the teams: one, of everybody."""
    members = [str(one.user_id) for one in _users(account_of(request))]
    return reply(
        {"results": [{"id": _TEAM, "name": "Sales", "userIds": members, "secondaryUserIds": []}]}
    )


async def business_units(request: web.Request) -> web.Response:
    """GET a user's business units: an account without that add-on has none."""
    account_of(request)
    return reply({"results": []})


def _users(account: HubSpotAccount) -> list[Owner]:
    return [one for one in account.owners.values() if not one.archived]


def _found(request: web.Request) -> Owner:
    wanted = request.match_info["user_id"]
    by_email = request.query.get("idProperty", "").upper() == "EMAIL"
    for one in _users(account_of(request)):
        if (one.email if by_email else str(one.user_id)).lower() == wanted.lower():
            return one
    raise not_found(f"User {wanted} does not exist")


def _user(owner: Owner) -> dict[str, Any]:
    return {
        "id": str(owner.user_id),
        "email": owner.email,
        "roleId": _ROLE["id"],
        "roleIds": [_ROLE["id"]],
        "primaryTeamId": _TEAM,
        "secondaryTeamIds": [],
        "superAdmin": False,
    }


# --- tokens --------------------------------------------------------------------------------


async def access_token_info(request: web.Request) -> web.Response:
    """GET what an OAuth access token is worth; 404 for one that is not (anybody may ask)."""
    account, token = account_of(request), request.match_info["token"]
    left = account.tokens.seconds_left(token)
    if left is None:
        raise _unknown_token()
    return reply(
        {
            "token": token,
            **_granted(account),
            "hub_domain": DOMAIN,
            "app_id": APP_ID,
            "expires_in": left,
            "token_type": "access",
        }
    )


async def refresh_token_info(request: web.Request) -> web.Response:
    """GET whose a refresh token is; 404 for an unknown one."""
    account, token = account_of(request), request.match_info["token"]
    if token != account.tokens.refresh_token:
        raise _unknown_token()
    return reply(
        {
            "token": token,
            "client_id": account.tokens.client_id,
            **_granted(account),
            "hub_domain": DOMAIN,
            "token_type": "refresh",
        }
    )


async def revoke(request: web.Request) -> web.Response:
    """DELETE a refresh token, 204. Here the account keeps its one for whoever comes next; tokens it
    gave out go on until they expire, as in life."""
    if request.match_info["token"] != account_of(request).tokens.refresh_token:
        raise _unknown_token()
    return nothing()


async def private_app_info(request: web.Request) -> web.Response:
    """POST `{"tokenKey"}` of a private app [D]; a token of no app is 404 (assumed)."""
    account = account_of(request)
    if (await body_of(request)).get("tokenKey") != account.tokens.token:
        raise not_found("Private app not found")
    return reply(
        {
            "userId": _first_user(account),
            "hubId": account.portal_id,
            "appId": APP_ID,
            "scopes": list(SCOPES),
        }
    )


def _granted(account: HubSpotAccount) -> dict[str, Any]:
    """Who gave a token, for which account, and what for."""
    first = next(iter(account.owners.values()))
    return {
        "user": first.email,
        "user_id": first.user_id,
        "hub_id": account.portal_id,
        "scopes": list(SCOPES),
    }


def _first_user(account: HubSpotAccount) -> int:
    return next(iter(account.owners.values())).user_id


def _unknown_token() -> HubSpotError:
    return HubSpotError(404, None, "missing or unknown token")


# --- limits --------------------------------------------------------------------------------


async def daily_limit(request: web.Request) -> web.Response:
    """GET `/integrations/v1/limit/daily`: a bare array, times in milliseconds [D]."""
    account = account_of(request)
    limits = account.limits
    return reply(
        [
            {
                "name": "api-calls-daily",
                "usageLimit": limits.daily,
                "currentUsage": limits.used_today(),
                "collectedAt": account.now(),
                "fetchStatus": "SUCCESS",
                "resetsAt": int(limits.resets_at().timestamp() * 1000),
            }
        ]
    )
