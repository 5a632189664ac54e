"""Communication preferences, v3 and v4 (and the dated version, which speaks as v4)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.hubspot.errors import HubSpotError, validation
from sandbox.hubspot.http_objects import SOURCE
from sandbox.hubspot.times import iso, shown
from sandbox.hubspot.wire import account_of, batch_reply, body_of, inputs_of, reply, started

STATES = ("SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED")


# --- v3 ------------------------------------------------------------------------------------


async def definitions_v3(request: web.Request) -> web.Response:
    """GET the subscription definitions."""
    return reply({"subscriptionDefinitions": account_of(request).consent.definitions()})


async def status_v3(request: web.Request) -> web.Response:
    """GET an address's status for every definition."""
    consent = account_of(request).consent
    email = request.match_info["email"].lower()
    statuses = [consent.v3_status(email, kind) for kind in consent.types.values()]
    return reply({"recipient": email, "subscriptionStatuses": statuses})


async def subscribe_v3(request: web.Request) -> web.Response:
    """POST a subscription; refused for somebody who opted out."""
    return await _change_v3(request, subscribed=True)


async def unsubscribe_v3(request: web.Request) -> web.Response:
    """POST a refusal of one type."""
    return await _change_v3(request, subscribed=False)


async def _change_v3(request: web.Request, *, subscribed: bool) -> web.Response:
    account = account_of(request)
    body = await body_of(request)
    email = _email(body.get("emailAddress"))
    kind = account.consent.type(body.get("subscriptionId"))
    if subscribed:
        account.consent.check_v3_subscribe(email, kind)
    account.set_consent(
        email,
        kind.id,
        subscribed=subscribed,
        source=SOURCE,
        legal_basis=body.get("legalBasis"),
        explanation=body.get("legalBasisExplanation"),
    )
    return reply(account.consent.v3_status(email, kind))


# --- v4 ------------------------------------------------------------------------------------


async def definitions_v4(request: web.Request) -> web.Response:
    """GET the subscription definitions in v4's envelope."""
    account = account_of(request)
    return _results(request, account.consent.definitions())


async def statuses_v4(request: web.Request) -> web.Response:
    """GET an address's status for every definition."""
    _channel(request.query.get("channel"))
    return _results(request, _statuses(request, request.match_info["email"].lower()))


async def set_status_v4(request: web.Request) -> web.Response:
    """POST `{subscriptionId, statusState, channel}` for an address."""
    return reply(_set_v4(request, request.match_info["email"].lower(), await body_of(request)))


async def wide_v4(request: web.Request) -> web.Response:
    """GET whether an address refuses all mail; empty results when it does not [D]."""
    _channel(request.query.get("channel"))
    email = request.match_info["email"].lower()
    return _results(request, account_of(request).consent.v4_wide(email))


async def unsubscribe_all_v4(request: web.Request) -> web.Response:
    """POST a refusal of all mail."""
    _channel(request.query.get("channel"))
    account = account_of(request)
    email = _email(request.match_info["email"])
    account.set_consent(email, None, subscribed=False, source=SOURCE)
    return _results(request, _statuses(request, email))


async def batch_read_v4(request: web.Request) -> web.Response:
    """POST addresses for their statuses."""
    _channel(request.query.get("channel"))
    return await _batch(
        request,
        lambda email: {"subscriberIdString": email, "statuses": _statuses(request, email)},
    )


async def batch_wide_v4(request: web.Request) -> web.Response:
    """POST addresses for their refusals of all mail."""
    _channel(request.query.get("channel"))
    consent = account_of(request).consent
    return await _batch(
        request,
        lambda email: {"subscriberIdString": email, "wideStatuses": consent.v4_wide(email)},
    )


async def batch_unsubscribe_all_v4(request: web.Request) -> web.Response:
    """POST addresses that refuse all mail from now on."""
    _channel(request.query.get("channel"))
    account = account_of(request)

    def refuse(email: str) -> dict[str, Any]:
        account.set_consent(email, None, subscribed=False, source=SOURCE)
        return {"subscriberIdString": email, "statuses": _statuses(request, email)}

    return await _batch(request, refuse)


async def batch_write_v4(request: web.Request) -> web.Response:
    """POST answers of several addresses; each may fail by itself."""
    account = account_of(request)
    head = started(account)
    results: list[Any] = []
    errors: list[dict[str, Any]] = []
    for each in inputs_of(await body_of(request)):
        email = str(each.get("subscriberIdString") or "")
        try:
            results.append(_set_v4(request, _email(email), each))
        except HubSpotError as error:
            errors.append(error.item({"subscriberIdString": [email]}))
    return batch_reply(account, head, results, errors)


def _set_v4(request: web.Request, email: str, body: dict[str, Any]) -> dict[str, Any]:
    account = account_of(request)
    _channel(body.get("channel"))
    state = body.get("statusState")
    if state not in STATES[:2]:
        raise validation(f"statusState must be one of {', '.join(STATES[:2])}.")
    kind = account.consent.type(body.get("subscriptionId"))
    changed = account.set_consent(
        _email(email),
        kind.id,
        subscribed=state == "SUBSCRIBED",
        source=SOURCE,
        legal_basis=body.get("legalBasis"),
        explanation=body.get("legalBasisExplanation"),
    )
    status = account.consent.v4_status(email, kind, now=account.now())
    if not changed:
        reason = "NO_STATUS_CHANGE"
    elif state == "SUBSCRIBED":
        reason = "RESUBSCRIBE_OCCURRED"
    else:
        reason = "UNSUBSCRIBE_OCCURRED"
    return {**status, "setStatusSuccessReason": reason}


def _statuses(request: web.Request, email: str) -> list[dict[str, Any]]:
    account = account_of(request)
    consent = account.consent
    return [consent.v4_status(email, kind, now=account.now()) for kind in consent.types.values()]


def _results(request: web.Request, results: list[dict[str, Any]]) -> web.Response:
    account = account_of(request)
    head = started(account)
    return reply({**head, "results": results, "completedAt": shown(iso(account.now()))})


async def _batch(request: web.Request, act: Any) -> web.Response:
    account = account_of(request)
    head = started(account)
    inputs = (await body_of(request)).get("inputs")
    if not isinstance(inputs, list) or len(inputs) > 100:
        raise validation("inputs must be a list of at most 100 addresses.")
    results: list[Any] = []
    errors: list[dict[str, Any]] = []
    for each in inputs:
        try:
            results.append(act(_email(each)))
        except HubSpotError as error:
            errors.append(error.item({"subscriberIdString": [str(each)]}))
    return batch_reply(account, head, results, errors)


def _channel(channel: object) -> None:
    if channel != "EMAIL":
        raise validation("channel is required and must be EMAIL.")


def _email(value: object) -> str:
    text = str(value or "").strip().lower()
    if "@" not in text:
        raise validation(f"Invalid email address: {text}")
    return text
