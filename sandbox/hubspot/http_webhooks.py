"""Where an app's webhooks go and what it wants to hear, by the app's own API (v3).

These calls carry a developer's key, as `hapikey`; the account's own tokens open them here as well
(assumed). What is set here is delivered as what the admin endpoint sets: signed with the client
secret and, as nobody asked for trouble, once and in order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.errors import integer_in, not_found, object_in, validation
from sandbox.hubspot.times import iso, shown
from sandbox.hubspot.webhooks import APP_ID, EVENTS, Subscription, Target
from sandbox.hubspot.wire import (
    Route,
    account_of,
    batch_reply,
    body_of,
    inputs_of,
    nothing,
    reply,
    started,
)

MOST_CONCURRENT = 10
"""Requests at once, where an app does not say [D]."""


@dataclass
class AppHooks:
    """The app's settings and subscriptions, as its API shows them."""

    settings: dict[str, Any] | None = None
    subscriptions: dict[int, dict[str, Any]] = field(default_factory=dict)

    def target(self, secret: str) -> Target | None:
        """Where webhooks go by these; None while there is no URL or nothing is active."""
        active = tuple(
            Subscription(number, one["eventType"], one.get("propertyName"))
            for number, one in self.subscriptions.items()
            if one["active"]
        )
        if self.settings is None or not active:
            return None
        return Target(self.settings["targetUrl"], secret, active, duplicates=0.0, shuffle=False)


HOOKS: web.AppKey[AppHooks] = web.AppKey("webhooks", AppHooks)


def install(app: web.Application) -> None:
    """Give an application its app without settings."""
    app[HOOKS] = AppHooks()


def routes() -> list[Route]:
    """The endpoints of this module."""
    settings = "/webhooks/v3/{app_id}/settings"
    every = "/webhooks/v3/{app_id}/subscriptions"
    one = f"{every}/{{subscription_id:\\d+}}"
    return [
        ("GET", settings, read_settings),
        ("PUT", settings, put_settings),
        ("DELETE", settings, clear_settings),
        ("GET", every, list_subscriptions),
        ("POST", every, subscribe),
        ("POST", f"{every}/batch/update", update_several),
        ("GET", one, read_subscription),
        ("PATCH", one, update_subscription),
        ("DELETE", one, unsubscribe),
    ]


async def read_settings(request: web.Request) -> web.Response:
    """GET the target URL; 404 before there is one."""
    hooks = _hooks(request)
    if hooks.settings is None:
        raise not_found(f"No webhook settings for app {APP_ID}")
    return reply(hooks.settings)


async def put_settings(request: web.Request) -> web.Response:
    """PUT the target URL and how many requests it takes at once."""
    account, hooks = account_of(request), _hooks(request)
    body = await body_of(request)
    url = body.get("targetUrl")
    if not isinstance(url, str) or not url.startswith(("https://", "http://127.0.0.1")):
        raise validation("targetUrl must be an https URL.")
    most = integer_in(object_in(body, "throttling"), "maxConcurrentRequests", MOST_CONCURRENT)
    now = shown(iso(account.now()))
    born = now if hooks.settings is None else hooks.settings["createdAt"]
    hooks.settings = {
        "targetUrl": url,
        "throttling": {"maxConcurrentRequests": most},
        "createdAt": born,
        "updatedAt": now,
    }
    _aim(account, hooks)
    return reply(hooks.settings)


async def clear_settings(request: web.Request) -> web.Response:
    """DELETE the target URL, 204: nobody is told any more."""
    hooks = _hooks(request)
    hooks.settings = None
    _aim(account_of(request), hooks)
    return nothing()


async def list_subscriptions(request: web.Request) -> web.Response:
    """GET what the app wants to hear."""
    return reply({"results": list(_hooks(request).subscriptions.values())})


async def subscribe(request: web.Request) -> web.Response:
    """POST a subscription, 201; a second one of the same kind is refused."""
    account, hooks = account_of(request), _hooks(request)
    body = await body_of(request)
    kind, name = str(body.get("eventType") or ""), body.get("propertyName")
    event = kind.partition(".")[2]
    if event not in EVENTS or (event == "propertyChange") != isinstance(name, str):
        raise validation(f"Invalid subscription: eventType {kind!r}, propertyName {name!r}.")
    if any((e["eventType"], e.get("propertyName")) == (kind, name) for e in _all(hooks)):
        raise validation(f"Subscription already exists for {kind}.")
    number = max(hooks.subscriptions, default=0) + 1
    now = shown(iso(account.now()))
    made = {
        "id": str(number),
        "eventType": kind,
        "active": bool(body.get("active", False)),
        "createdAt": now,
        "updatedAt": now,
    } | ({} if name is None else {"propertyName": name})
    hooks.subscriptions[number] = made
    _aim(account, hooks)
    return reply(made, 201)


async def read_subscription(request: web.Request) -> web.Response:
    """GET one subscription."""
    return reply(_found(request))


async def update_subscription(request: web.Request) -> web.Response:
    """PATCH whether a subscription is active."""
    found = _found(request)
    _switch(account_of(request), found, (await body_of(request)).get("active"))
    _aim(account_of(request), _hooks(request))
    return reply(found)


async def update_several(request: web.Request) -> web.Response:
    """POST `{"inputs": [{"id", "active"}]}`."""
    account, hooks = account_of(request), _hooks(request)
    head, results = started(account), []
    for each in inputs_of(await body_of(request)):
        found = hooks.subscriptions.get(integer_in(each, "id", 0))
        if found is None:
            raise not_found(f"No subscription with id {each.get('id')}")
        _switch(account, found, each.get("active"))
        results.append(found)
    _aim(account, hooks)
    return batch_reply(account, head, results, [])


async def unsubscribe(request: web.Request) -> web.Response:
    """DELETE a subscription, 204."""
    hooks, found = _hooks(request), _found(request)
    del hooks.subscriptions[int(found["id"])]
    _aim(account_of(request), hooks)
    return nothing()


def _hooks(request: web.Request) -> AppHooks:
    if request.match_info["app_id"] != str(APP_ID):
        raise not_found(f"No app with id {request.match_info['app_id']}")
    return request.app[HOOKS]


def _all(hooks: AppHooks) -> list[dict[str, Any]]:
    return list(hooks.subscriptions.values())


def _found(request: web.Request) -> dict[str, Any]:
    wanted = request.match_info["subscription_id"]
    found = _hooks(request).subscriptions.get(int(wanted))
    if found is None:
        raise not_found(f"No subscription with id {wanted}")
    return found


def _switch(account: HubSpotAccount, found: dict[str, Any], active: object) -> None:
    if not isinstance(active, bool):
        raise validation("Invalid input JSON: active must be true or false.")
    found |= {"active": active, "updatedAt": shown(iso(account.now()))}


def _aim(account: HubSpotAccount, hooks: AppHooks) -> None:
    account.webhooks.subscribe(hooks.target(account.tokens.client_secret))
    account.webhooks.awake()
