"""Tokens and identity: /services/oauth2/token, /services/oauth2/userinfo, /id/ORG/USER."""

from __future__ import annotations

from aiohttp import web

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.org import SalesforceOrg
from sandbox.salesforce.rest.context import ORG, answer
from sandbox.salesforce.sessions import OAuthError

MY_DOMAIN = "leadloop-sandbox.my.salesforce.com"
"""The org's own host name, for clients that come through the proxy."""
_TOKEN_SECONDS = 7_200
_LOGIN_HOSTS = frozenset({"login.salesforce.com", "test.salesforce.com"})


def routes() -> list[web.RouteDef]:
    """The endpoints of this module."""
    return [
        web.post("/services/oauth2/token", token),
        web.get("/services/oauth2/userinfo", userinfo),
        web.post("/services/oauth2/userinfo", userinfo),
        web.post("/services/oauth2/revoke", revoke),
        web.get("/services/oauth2/revoke", revoke),
        web.post("/services/oauth2/introspect", introspect),
        web.get("/.well-known/openid-configuration", openid_configuration),
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
            **_named(org, user_id),
            "profile": f"{host}/{user_id}",
            "zoneinfo": "Etc/UTC",
            "locale": "en_US",
            "language": "en_US",
            "utcOffset": 0,
            "photos": _photos(host),
            "address": {},
            "is_app_installed": True,
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
            "nick_name": str(username).partition("@")[0],
            "display_name": name,
            "email": email,
            "email_verified": True,
            "first_name": _named(org, caller)["given_name"],
            "last_name": _named(org, caller)["family_name"],
            "timezone": "Etc/UTC",
            "photos": _photos(host),
            "addr_street": None,
            "addr_city": None,
            "addr_state": None,
            "addr_country": None,
            "addr_zip": None,
            "mobile_phone": None,
            "mobile_phone_verified": False,
            "is_lightning_login_user": False,
            "status": {"created_date": None, "body": None},
            "is_app_installed": True,
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": 0,
            "last_modified_date": org.values("User", caller, "LastModifiedDate")[0],
            "active": bool(active),
            "user_type": "STANDARD",
            "urls": _urls(host, org, caller),
        }
    )


async def revoke(request: web.Request) -> web.Response:
    """End a session by its token; one that is none is an error of OAuth's own. The refresh token
    stays good, for whoever comes next."""
    form = {**request.query, **{key: str(one) for key, one in (await request.post()).items()}}
    sessions, token_given = request.app[ORG].sessions, str(form.get("token", ""))
    if sessions.user_of(token_given) is None and token_given != sessions.refresh_token:
        said = {"error": "invalid_token", "error_description": "invalid token"}
        return answer(said, status=400)
    sessions.expire(token_given)
    return web.Response(status=200)


async def introspect(request: web.Request) -> web.Response:
    """What a token is worth, for who has the connected app's credentials [D: RFC 7662]; one that is
    worth nothing is only inactive. That tokens live for two hours is assumed."""
    org = request.app[ORG]
    form = {key: str(value) for key, value in (await request.post()).items()}
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    try:
        org.sessions.check_client(form, credentials if scheme.lower() == "basic" else None)
    except OAuthError as error:
        return answer(error.body, status=401)
    user_id = org.sessions.user_of(form.get("token"))
    if user_id is None:
        return answer({"active": False})
    now = int(org.clock.now().timestamp())
    return answer(
        {
            "active": True,
            "scope": "api",
            "client_id": org.sessions.client_id,
            "username": org.values("User", user_id, "Username")[0],
            "sub": f"{_host(request)}/id/{org.organization_id}/{user_id}",
            "token_type": "access_token",
            "iat": now,
            "nbf": now,
            "exp": now + _TOKEN_SECONDS,
        }
    )


async def openid_configuration(request: web.Request) -> web.Response:
    """Where which OAuth endpoint is."""
    host = _host(request)
    oauth = f"{host}/services/oauth2"
    return answer(
        {
            "issuer": host,
            "authorization_endpoint": f"{oauth}/authorize",
            "token_endpoint": f"{oauth}/token",
            "revocation_endpoint": f"{oauth}/revoke",
            "userinfo_endpoint": f"{oauth}/userinfo",
            "introspection_endpoint": f"{oauth}/introspect",
            "jwks_uri": f"{host}/id/keys",
            "scopes_supported": ["api", "id", "openid", "refresh_token", "full"],
            "response_types_supported": ["code", "token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        }
    )


def _bearer(request: web.Request, org: SalesforceOrg) -> str:
    scheme, _, access_token = request.headers.get("Authorization", "").partition(" ")
    user_id = org.sessions.user_of(access_token) if scheme.lower() in {"bearer", "oauth"} else None
    if user_id is None:
        raise SalesforceError("INVALID_SESSION_ID", "Bad_OAuth_Token", status=403)
    return user_id


def _named(org: SalesforceOrg, user_id: str) -> dict[str, object]:
    given, family = org.values("User", user_id, "FirstName", "LastName")
    return {"given_name": given, "family_name": family}


def _photos(host: str) -> dict[str, str]:
    return {"picture": f"{host}/profilephoto/005/F", "thumbnail": f"{host}/profilephoto/005/T"}


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
