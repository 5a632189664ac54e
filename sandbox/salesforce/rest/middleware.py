"""What happens around every REST call: session, allowance, vendor-shaped faults, headers.

Transport faults (latency, lost replies, cut bodies) are the server's; those a vendor would make
itself are made here, in the vendor's shapes (FACTS sections 4 and 6).
"""

from __future__ import annotations

from aiohttp import web

from sandbox.salesforce.errors import SalesforceError, not_found
from sandbox.salesforce.org import SalesforceOrg
from sandbox.salesforce.rest import bulk_v1
from sandbox.salesforce.rest.context import ORG, TOKEN, USER, Handler, refusal
from sandbox.salesforce.times import http_date
from sandbox.salesforce.usage import concurrent, exhausted

_SYSTEM = "salesforce"
_MAX_URI = 16_384
"""Longest URI in bytes (FACTS section 4)."""
_UNAUTHENTICATED = ("/services/oauth2/", "/.well-known/", "/id/", "/services/Soap/")
_ASYNC = "/services/async/"
"""Bulk 1.0 has a header of its own for the session, and errors of its own."""
_VERSIONS = ("/services/data", "/services/data/")
_UNAVAILABLE = 503


@web.middleware
async def vendor(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Session, allowance and faults around a call; refusals become answers here."""
    org = request.app[ORG]
    path = request.path
    if path.startswith(_UNAUTHENTICATED) or path in _VERSIONS:
        response = await _plain(org, request, handler)
    else:
        response = await _api(org, request, handler)
        response.headers["Sforce-Limit-Info"] = org.usage.header
    response.headers["Date"] = http_date(org.clock.now())
    return response


async def _plain(org: SalesforceOrg, request: web.Request, handler: Handler) -> web.StreamResponse:
    broken = _broken(org, "error_before", request.path)
    if broken is not None:
        return refusal(broken)
    try:
        response = await handler(request)
    except SalesforceError as error:
        return refusal(error)
    except web.HTTPNotFound:
        return refusal(not_found())
    return _after(org, request.path, response)


async def _api(org: SalesforceOrg, request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        _admit(org, request)
        response = await handler(request)
    except SalesforceError as error:
        return _refused(request, error)
    except web.HTTPNotFound:
        return _refused(request, not_found())
    except web.HTTPMethodNotAllowed as error:
        allowed = ",".join(sorted(error.allowed_methods))
        message = f"HTTP Method '{request.method}' not allowed. Allowed are {allowed}"
        return refusal(SalesforceError("METHOD_NOT_ALLOWED", message))
    return _after(org, request.path, response)


def _refused(request: web.Request, error: SalesforceError) -> web.Response:
    return bulk_v1.refused(request, error) if request.path.startswith(_ASYNC) else refusal(error)


def _admit(org: SalesforceOrg, request: web.Request) -> None:
    """Everything that may refuse a call before it reaches its handler."""
    path = request.path
    if len(request.raw_path) > _MAX_URI:
        raise SalesforceError("URI_TOO_LONG", "URI Too Long", status=414)
    broken = _broken(org, "error_before", path)
    if broken is not None:
        raise broken
    token = _token(request)
    if org.faults.draw(_SYSTEM, "expire_session", path) is not None:
        org.sessions.expire(token)
    user_id = org.sessions.user_of(token)
    if user_id is None:
        raise SalesforceError("INVALID_SESSION_ID", "Session expired or invalid")
    request[USER], request[TOKEN] = user_id, str(token)
    if org.faults.draw(_SYSTEM, "daily_limit", path) is not None:
        raise exhausted()
    if org.faults.draw(_SYSTEM, "rate_limit", path) is not None:
        raise concurrent()
    org.usage.count()


def _after(org: SalesforceOrg, path: str, response: web.StreamResponse) -> web.StreamResponse:
    broken = _broken(org, "error_after", path)
    return response if broken is None else refusal(broken)


def _broken(org: SalesforceOrg, kind: str, path: str) -> SalesforceError | None:
    fault = org.faults.draw(_SYSTEM, kind, path)
    if fault is None:
        return None
    status = int(fault.value or _UNAVAILABLE)
    if status == _UNAVAILABLE:
        return SalesforceError("SERVER_UNAVAILABLE", "Server temporarily unavailable")
    message = (
        "An unexpected error occurred. Please include this ErrorId if you contact support:"
        " 1234567890-12345 (-123456789)"
    )
    return SalesforceError("UNKNOWN_EXCEPTION", message, status=status)


def _token(request: web.Request) -> str | None:
    session = request.headers.get("X-SFDC-Session")
    if session is not None and request.path.startswith(_ASYNC):
        return session
    header = request.headers.get("Authorization", "")
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() in {"bearer", "oauth"} and token else None
