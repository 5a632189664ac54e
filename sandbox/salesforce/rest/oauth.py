"""Tokens and identity: /services/oauth2/token, /services/oauth2/userinfo, /id/ORG/USER."""

from __future__ import annotations

from aiohttp import web

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.org import SalesforceOrg
from sandbox.salesforce.rest.context import ORG, answer
from sandbox.salesforce.sessions import OAuthError

MY_DOMAIN = "leadloop-sandbox.my.salesforce.com"
"""The org's own host name, for clients that come through the proxy."""
_LOGIN_HOSTS = frozenset({"login.salesforce.com", "test.salesforce.com"})


def routes() -> list[web.RouteDef]:
    """The endpoints of this module."""
    return [
        web.post("/services/oauth2/token", token),
        web.get("/services/oauth2/userinfo", userinfo),
        web.post("/services/oauth2/userinfo", userinfo),
        web.post("/services/oauth2/revoke", revoke),
        web.get("/id/{organization}/{user}", identity),
    ]


async def token(request: web.Request) -> web.Response:
    """Client credentials (Basic header or body), JWT bearer and refresh token."""
    org = request.app[ORG]
    form = {key: str(value) for key, value in (await request.post()).items()}
    form.update({key: value for key, value in request.query.items() if key not in form})
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    basic = credentials if scheme.lower() == "basic" else None
    try:
        access_token, user_id = org.sessions.grant(form, basic)
    except OAuthError as error:
        return answer(error.body, status=400)
    host = _host(request)
    issued_at = str(int(org.clock.now().timestamp() * 1000))
    url = f"{host}/id/{org.organization_id}/{user_id}"
    return answer(
        {
            "access_token": access_token,
            "signature": org.sessions.signature(url, issued_at),
            "scope": "api",
            "instance_url": host,
            "id": url,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }
    )


async def userinfo(request: web.Request) -> web.Response:
    """The OpenID view of the caller."""
    org = request.app[ORG]
    user_id = _bearer(request, org)
    name, email, username, active = org.values(
        "User", user_id, "Name", "Email", "Username", "IsActive"
    )
    host = _host(request)
    return answer(
        {
            "sub": f"{host}/id/{org.organization_id}/{user_id}",
            "user_id": user_id,
            "organization_id": org.organization_id,
            "preferred_username": username,
            "nickname": str(username).partition("@")[0],
            "name": name,
            "email": email,
            "email_verified": True,
            "zoneinfo": "Etc/UTC",
            "active": bool(active),
            "user_type": "STANDARD",
            "urls": _urls(host, org, user_id),
        }
    )


async def identity(request: web.Request) -> web.Response:
    """The identity URL a token answer names."""
    org = request.app[ORG]
    caller = _bearer(request, org)
    if request.match_info["user"] != caller:
        raise SalesforceError("INSUFFICIENT_ACCESS", "Missing_OAuth_Token", status=403)
    username, name, email, active = org.values(
        "User", caller, "Username", "Name", "Email", "IsActive"
    )
    host = _host(request)
    return answer(
        {
            "id": f"{host}/id/{org.organization_id}/{caller}",
            "asserted_user": True,
            "user_id": caller,
            "organization_id": org.organization_id,
            "username": username,
            "display_name": name,
            "email": email,
            "active": bool(active),
            "user_type": "STANDARD",
            "urls": _urls(host, org, caller),
        }
    )


async def revoke(request: web.Request) -> web.Response:
    """End a session by its token."""
    form = await request.post()
    request.app[ORG].sessions.expire(str(form.get("token", "")))
    return web.Response(status=200)


def _bearer(request: web.Request, org: SalesforceOrg) -> str:
    scheme, _, access_token = request.headers.get("Authorization", "").partition(" ")
    user_id = org.sessions.user_of(access_token) if scheme.lower() in {"bearer", "oauth"} else None
    if user_id is None:
        raise SalesforceError("INVALID_SESSION_ID", "Bad_OAuth_Token", status=403)
    return user_id


def _urls(host: str, org: SalesforceOrg, user_id: str) -> dict[str, str]:
    data = f"{host}/services/data/v{{version}}"
    return {
        "enterprise": f"{host}/services/Soap/c/{{version}}/{org.organization_id[:15]}",
        "partner": f"{host}/services/Soap/u/{{version}}/{org.organization_id[:15]}",
        "rest": f"{data}/",
        "sobjects": f"{data}/sobjects/",
        "query": f"{data}/query/",
        "profile": f"{host}/{user_id}",
        "tooling_rest": f"{data}/tooling/",
        "custom_domain": host,
    }


def _host(request: web.Request) -> str:
    """Where the org answers: whoever logged in at the vendor's login host is sent to its own."""
    if request.host in _LOGIN_HOSTS:
        return f"https://{MY_DOMAIN}"
    return f"{request.scheme}://{request.host}"
