"""What every HubSpot request passes on its way in and out: faults, tokens, rate limits, headers.

The order is the vendor's as far as it can be seen: a call without credentials uses up no quota; a
refused call never reaches its handler. Headers follow the recordings: searches and all 429s show
no interval figures, and calls by OAuth token no daily ones.
"""

from __future__ import annotations

import re
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from sandbox.hubspot.account import FORCED_LAG, LATE_COMMIT, HubSpotAccount
from sandbox.hubspot.auth import expired
from sandbox.hubspot.errors import HubSpotError
from sandbox.hubspot.scopes import scope_of
from sandbox.hubspot.wire import ACCOUNT, Handler, correlation_id, failure, reply

SYSTEM = "hubspot"
_PUBLIC = re.compile(r"^/submissions/v3/integration/submit/|^/oauth/")
_DEVELOPERS = "/webhooks/v3/"
_READ_POST = re.compile(r"/(search|batch/read|read)/?$")


@web.middleware
async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The one middleware of the HubSpot application."""
    account = request.app[ACCOUNT]
    response = await _answer(account, request, handler)
    response.headers["Date"] = format_datetime(account.clock.now(), usegmt=True)
    return response


async def _answer(
    account: HubSpotAccount, request: web.Request, handler: Handler
) -> web.StreamResponse:
    if _PUBLIC.match(request.path):
        return await _handle(account, request, handler)
    search = _is_search(request)
    try:
        if account.faults.draw(SYSTEM, "expire_session", request.path):
            raise expired()
        if not _by_developer(account, request):
            account.tokens.check(request.headers.get("Authorization"))
        account.tokens.need(scope_of(request.path, writes=_writes(request)))
    except HubSpotError as error:
        return failure(account, error)
    oauth = account.tokens.is_oauth(request.headers.get("Authorization"))
    refused = _limited(account, request, search=search, oauth=oauth)
    response: web.StreamResponse
    if refused is not None:
        response = refused
    else:
        response = _fail_before(account, request) or await _handle(account, request, handler)
        if not search:
            response.headers.update(account.limits.interval_headers(oauth=oauth))
    if not oauth:
        response.headers.update(account.limits.daily_headers())
    return response


async def _handle(
    account: HubSpotAccount, request: web.Request, handler: Handler
) -> web.StreamResponse:
    await request.read()  # from here on nothing waits, so one request is one step
    lag = account.faults.draw(SYSTEM, "search_lag", request.path) if _writes(request) else None
    late = account.faults.draw(SYSTEM, "late_commit", request.path) if _writes(request) else None
    lag_token = FORCED_LAG.set(None if lag is None else 40.0 if lag.value is None else lag.value)
    late_token = LATE_COMMIT.set(0.0 if late is None else 5.0 if late.value is None else late.value)
    try:
        response = await handler(request)
    except HubSpotError as error:
        response = failure(account, error)
    except web.HTTPMethodNotAllowed as error:
        # Without a body, as public reports show it: HubSpot/hubspot-php issue 203.
        response = web.Response(status=405, headers={"Allow": error.headers["Allow"]})
    except web.HTTPException as error:  # no such route
        response = failure(account, HubSpotError(error.status, None, "resource not found"))
    finally:
        FORCED_LAG.reset(lag_token)
        LATE_COMMIT.reset(late_token)
    fault = account.faults.draw(SYSTEM, "error_after", request.path)
    if fault is not None:
        return server_error(account, 504 if fault.value is None else int(fault.value))
    return response


def _fail_before(account: HubSpotAccount, request: web.Request) -> web.Response | None:
    fault = account.faults.draw(SYSTEM, "error_before", request.path)
    if fault is not None:
        return server_error(account, 502 if fault.value is None else int(fault.value))
    if _writes(request) and account.faults.draw(SYSTEM, "lock_row", request.path):
        return failure(
            account,
            HubSpotError(
                423,
                "OBJECT_LOCKED",  # the category of a 423 is assumed
                "The requested resource is currently locked. Please try again later.",
            ),
        )
    return None


def _limited(
    account: HubSpotAccount, request: web.Request, *, search: bool, oauth: bool
) -> web.Response | None:
    faults = account.faults
    if faults.draw(SYSTEM, "daily_limit", request.path):
        return too_many(account, "DAILY")
    if faults.draw(SYSTEM, "rate_limit", request.path):
        account.storm_strikes += 1
        return too_many(
            account, "SECONDLY" if account.storm_strikes % 2 else "TEN_SECONDLY_ROLLING"
        )
    policy = account.limits.take(search=search, oauth=oauth)
    return None if policy is None else too_many(account, policy)


def too_many(account: HubSpotAccount, policy: str) -> web.Response:
    """A 429 without Retry-After: the bare body for the secondly limit [R], the one with
    `policyName` for the others [D].
    """
    body: dict[str, Any] = {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "correlationId": correlation_id(account),
    }
    if policy == "SECONDLY":
        body["category"] = "RATE_LIMITS"
    else:
        body |= {
            "errorType": "RATE_LIMIT",
            "policyName": policy,
            "requestId": correlation_id(account),
        }
    return reply(body, 429)


def server_error(account: HubSpotAccount, status: int) -> web.Response:
    """A 5xx; those of the gateway are HTML, as gateways are [K]."""
    if status in {502, 503, 504} or status >= 520:
        text = f"<html><body><h1>{status}</h1>The service is not available.</body></html>"
        return web.Response(status=status, text=text, content_type="text/html")
    return reply(
        {
            "status": "error",
            "message": "internal error",
            "correlationId": correlation_id(account),
        },
        status,
    )


def _by_developer(account: HubSpotAccount, request: web.Request) -> bool:
    """Whether a call of the webhooks API carries the developer's key, as the official clients
    send it."""
    key = request.query.get("hapikey")
    return request.path.startswith(_DEVELOPERS) and key == account.tokens.developer_key


def _is_search(request: web.Request) -> bool:
    return request.method == "POST" and request.path.rstrip("/").endswith("/search")


def _writes(request: web.Request) -> bool:
    return request.method in {"POST", "PATCH", "PUT", "DELETE"} and not (
        request.method == "POST" and _READ_POST.search(request.path)
    )
