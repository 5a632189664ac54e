"""The admin endpoint: what the vendors let nobody do, and what a judge wants to know.

JSON over http on loopback. Every error is `{"message": ...}` with 400 (a bad request), 404 (no
such path, object or world) or 409 (a world is loaded already). Paths:

- `POST /email-events` a list of events (or `{"events": [...]}`) in HubSpot's own shape
- `GET /truth` who is who, in worlds that know it
- `GET|POST|DELETE /faults` list, arm (see `sandbox.faults`), disarm all
- `GET|DELETE /calls` counts `{system: {method: {path template: n}}}` since the last DELETE
- `POST /schema` `{"system": "hubspot"|"salesforce", "object": "contacts"|"Lead"..., "action":
  "add"|"remove"|"retype", "field": {...}}`; `field` is in the vendor's own words: HubSpot
  `{"name", "label", "type", "fieldType", "groupName", ...}`, Salesforce
  `{"name", "label", "type", "length", ...}`; remove needs `name` alone, retype `name` and `type`
- `GET|POST /clock` now; `{"seconds": N}` or `{"to": ISO 8601}` move it; `{"rate_limits":
  "on"|"off"}` and `{"search_lag": factor}` (0: search sees writes at once) switch the vendors
- `POST /world` `{"kind": "generated"|"febrl4", "people": N, "crm_records": M, "seed": S}`, and
  for whoever judges audits `"clean": true` (both teams do as they should) and
  `"defects": {"...": N}` (so many of each of `sandbox.world.plant`, named by the truth);
  `POST /world/tick` `{"days": N, "rates": {...}}` lets time pass and says what happened; rates
  replace some of `sandbox.world.days.RATES`, so for merges and deletions: `{"crm_merge": 0.01}`
- `POST /acts` one thing a person does by hand: `{"system", "act", ...}` (see `sandbox.acts`)
- `POST /settings` how an account or org is set up: `{"system", name: value}` (`sandbox.tenancy`)
- `GET|POST|DELETE /webhooks` where HubSpot's webhooks go: `{"url", "secret", "subscriptions":
  [{"subscriptionType", "propertyName"?}], "duplicates", "shuffle", "retry_seconds"}`; what waits
  and what became of the requests; nowhere
- `GET /state/hubspot/{object}`, `GET /state/salesforce/{object}` every record as stored, deleted
  ones too, one JSON object a line (see `sandbox.dumps`)
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

from sandbox.acts import perform
from sandbox.clock import iso
from sandbox.dumps import hubspot_rows, salesforce_rows
from sandbox.hubspot.errors import HubSpotError
from sandbox.hubspot.webhooks import parse_target
from sandbox.salesforce.errors import SalesforceError
from sandbox.tenancy import configure

if TYPE_CHECKING:
    from sandbox.server import Sandbox

_MAX_BODY = 256 * 1024 * 1024
_LINES_PER_WRITE = 500
_DELIVERIES = ("delivered", "refused", "given_up")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Result = TypeVar("_Result")


class AdminError(Exception):
    """A request the admin endpoint refuses, with the status to answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def build_admin(sandbox: Sandbox) -> web.Application:
    """The admin application over one sandbox."""
    app = web.Application(client_max_size=_MAX_BODY, middlewares=[_errors_as_json])
    admin = _Admin(sandbox)
    app.router.add_post("/email-events", admin.add_email_events)
    app.router.add_get("/truth", admin.truth)
    app.router.add_get("/faults", admin.list_faults)
    app.router.add_post("/faults", admin.add_fault)
    app.router.add_delete("/faults", admin.clear_faults)
    app.router.add_get("/calls", admin.list_calls)
    app.router.add_delete("/calls", admin.reset_calls)
    app.router.add_post("/schema", admin.change_schema)
    app.router.add_get("/clock", admin.read_clock)
    app.router.add_post("/clock", admin.move_clock)
    app.router.add_post("/world", admin.load_world)
    app.router.add_post("/world/tick", admin.tick_world)
    app.router.add_post("/acts", admin.act)
    app.router.add_post("/settings", admin.set_up)
    app.router.add_get("/webhooks", admin.list_webhooks)
    app.router.add_post("/webhooks", admin.point_webhooks)
    app.router.add_delete("/webhooks", admin.stop_webhooks)
    app.router.add_get("/state/{system}/{object}", admin.dump)
    return app


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except AdminError as error:
        return web.json_response({"message": str(error)}, status=error.status)
    except web.HTTPException as error:
        return web.json_response({"message": error.reason}, status=error.status)


class _Admin:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def add_email_events(self, request: web.Request) -> web.Response:
        body = await _json(request)
        events = body.get("events") if isinstance(body, dict) else body
        if not isinstance(events, list) or not all(isinstance(row, dict) for row in events):
            message = "expected a list of events, each an object"
            raise AdminError(message)
        _check(lambda: self._sandbox.hubspot.add_email_events(events))
        return web.json_response({"added": len(events)})

    async def truth(self, request: web.Request) -> web.Response:
        if self._sandbox.world is None:
            message = "no world is loaded, so nobody knows who is who"
            raise AdminError(message, 404)
        return web.json_response(self._sandbox.world.truth())

    async def list_faults(self, request: web.Request) -> web.Response:
        return web.json_response({"faults": self._sandbox.faults.list()})

    async def add_fault(self, request: web.Request) -> web.Response:
        body = await _object(request)
        fault = _check(lambda: self._sandbox.faults.add(body))
        return web.json_response({"id": fault.id}, status=201)

    async def clear_faults(self, request: web.Request) -> web.Response:
        self._sandbox.faults.clear()
        return web.json_response({"faults": []})

    async def list_calls(self, request: web.Request) -> web.Response:
        return web.json_response(self._sandbox.calls.counts())

    async def reset_calls(self, request: web.Request) -> web.Response:
        self._sandbox.calls.reset()
        return web.json_response({})

    async def change_schema(self, request: web.Request) -> web.Response:
        body = await _object(request)
        _check(lambda: change_schema(self._sandbox, body))
        return web.json_response({"changed": True})

    async def read_clock(self, request: web.Request) -> web.Response:
        return web.json_response(_clock_state(self._sandbox))

    async def move_clock(self, request: web.Request) -> web.Response:
        body = await _object(request)
        _move_clock(self._sandbox, body)
        return web.json_response(_clock_state(self._sandbox))

    async def load_world(self, request: web.Request) -> web.Response:
        body = await _object(request)
        kind = body.get("kind", "generated")
        sizes = {key: _whole(body, key) for key in ("people", "crm_records", "seed")}
        wanted = {key: value for key, value in sizes.items() if value is not None}
        clean, defects = body.get("clean", False), body.get("defects")
        if not isinstance(clean, bool) or not (defects is None or _are_counts(defects)):
            message = "clean must be true or false, defects an object of whole numbers"
            raise AdminError(message)
        try:
            world = _check(
                lambda: self._sandbox.load_world(kind, clean=clean, defects=defects, **wanted)
            )
        except RuntimeError as error:
            raise AdminError(str(error), 409) from error
        return web.json_response(world.summary(), status=201)

    async def tick_world(self, request: web.Request) -> web.Response:
        body = await _object(request, empty_is_fine=True)
        days, rates = _whole(body, "days"), body.get("rates")
        if rates is not None and not _are_shares(rates):
            message = "rates must be an object of numbers"
            raise AdminError(message)
        world = self._sandbox.world
        if world is None:
            message = "no world is loaded; POST /world first"
            raise AdminError(message, 404)
        passed = _check(lambda: world.tick(1 if days is None else days, rates))
        return web.json_response(passed)

    async def act(self, request: web.Request) -> web.Response:
        body = await _object(request)
        return web.json_response(_check(lambda: perform(self._sandbox, body)))

    async def set_up(self, request: web.Request) -> web.Response:
        body = await _object(request)
        _check(lambda: configure(self._sandbox, body))
        return web.json_response({"changed": True})

    async def list_webhooks(self, request: web.Request) -> web.Response:
        webhooks = self._sandbox.hubspot.webhooks
        target = webhooks.target
        return web.json_response(
            {
                "url": None if target is None else target.url,
                "pending": len(webhooks.pending),
                **{key: self._sandbox.webhooks.counts[key] for key in _DELIVERIES},
            }
        )

    async def point_webhooks(self, request: web.Request) -> web.Response:
        body = await _object(request)
        target = _check(lambda: parse_target(body))
        self._sandbox.hubspot.webhooks.subscribe(target)
        self._sandbox.webhooks.start()
        return web.json_response({"subscriptions": len(target.subscriptions)}, status=201)

    async def stop_webhooks(self, request: web.Request) -> web.Response:
        self._sandbox.hubspot.webhooks.subscribe(None)
        return web.json_response({})

    async def dump(self, request: web.Request) -> web.StreamResponse:
        system, name = request.match_info["system"], request.match_info["object"]
        readers = {
            "hubspot": lambda: hubspot_rows(self._sandbox.hubspot, name),
            "salesforce": lambda: salesforce_rows(self._sandbox.salesforce, name),
        }
        if system not in readers:
            message = f"no such system: {system}"
            raise AdminError(message, 404)
        try:
            rows = readers[system]()
        except (KeyError, ValueError) as error:
            message = f"no such object in {system}: {name}"
            raise AdminError(message, 404) from error
        return await _stream(request, rows)


async def _stream(request: web.Request, rows: Iterator[dict[str, Any]]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    while part := list(islice(rows, _LINES_PER_WRITE)):
        await response.write("".join(json.dumps(row) + "\n" for row in part).encode())
    await response.write_eof()
    return response


def change_schema(sandbox: Sandbox, body: dict[str, Any]) -> None:
    """One change of a vendor's schema, as `POST /schema` takes it. Raises what refuses it."""
    system, object_name = body.get("system"), body.get("object")
    action, field = body.get("action"), body.get("field")
    if not isinstance(object_name, str) or not isinstance(field, dict) or "name" not in field:
        message = "expected system, object, action and field with a name"
        raise AdminError(message)
    actions: dict[tuple[object, object], Callable[[str, dict[str, Any]], object]] = {
        ("hubspot", "add"): sandbox.hubspot.ensure_property,
        ("hubspot", "remove"): lambda name, one: sandbox.hubspot.remove_property(name, one["name"]),
        ("hubspot", "retype"): lambda name, one: sandbox.hubspot.retype_property(
            name, one["name"], one
        ),
        ("salesforce", "add"): sandbox.salesforce.add_field,
        ("salesforce", "remove"): lambda name, one: sandbox.salesforce.remove_field(
            name, one["name"]
        ),
        ("salesforce", "retype"): sandbox.salesforce.retype_field,
    }
    change = actions.get((system, action))
    if change is None:
        message = "system must be hubspot or salesforce, action one of add, remove, retype"
        raise AdminError(message)
    change(object_name, field)


def _move_clock(sandbox: Sandbox, body: dict[str, Any]) -> None:
    known = {"seconds", "to", "rate_limits", "search_lag"}
    if not body or set(body) - known:
        message = f"expected one or more of: {', '.join(sorted(known))}"
        raise AdminError(message)
    limits, lag = body.get("rate_limits"), body.get("search_lag")
    seconds, target = body.get("seconds"), body.get("to")
    if limits not in (None, "on", "off"):
        message = "rate_limits must be on or off"
        raise AdminError(message)
    for key, value in (("search_lag", lag), ("seconds", seconds)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            message = f"{key} must be a number"
            raise AdminError(message)
    if target is not None:
        sandbox.clock.set(_instant(target))
    if seconds is not None:
        sandbox.clock.move(seconds)
    if limits is not None:
        sandbox.switch_rate_limits(on=limits == "on")
    if lag is not None:
        sandbox.hubspot.search_lag = float(lag)


def _clock_state(sandbox: Sandbox) -> dict[str, object]:
    return {
        "now": iso(sandbox.clock.now()),
        "rate_limits": "on" if sandbox.rate_limits else "off",
        "search_lag": sandbox.hubspot.search_lag,
    }


def _instant(value: object) -> datetime:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError as error:
        message = "to must be an ISO 8601 date and time"
        raise AdminError(message) from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _check(action: Callable[[], _Result]) -> _Result:
    """Run a change; what the sandbox refuses becomes a 400 with its reason."""
    try:
        return action()
    except AdminError:
        raise
    except (KeyError, TypeError, ValueError, HubSpotError, SalesforceError) as error:
        raise AdminError(str(error)) from error


def _are_shares(rates: object) -> bool:
    return isinstance(rates, dict) and all(
        isinstance(rate, int | float) and not isinstance(rate, bool) for rate in rates.values()
    )


def _are_counts(defects: object) -> bool:
    return isinstance(defects, dict) and all(
        isinstance(count, int) and not isinstance(count, bool) for count in defects.values()
    )


def _whole(body: dict[str, Any], key: str) -> int | None:
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        message = f"{key} must be a whole number, zero or more"
        raise AdminError(message)
    return value


async def _object(request: web.Request, *, empty_is_fine: bool = False) -> dict[str, Any]:
    if empty_is_fine and not request.can_read_body:
        return {}
    body = await _json(request)
    if not isinstance(body, dict):
        message = "expected a JSON object"
        raise AdminError(message)
    return body


async def _json(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except ValueError as error:
        message = "the body is not JSON"
        raise AdminError(message) from error
