"""Reading requests and writing replies the HubSpot way: shared by every handler."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiohttp import web

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.errors import HubSpotError, malformed, validation
from sandbox.hubspot.history import history
from sandbox.hubspot.store import ObjectStore, Record
from sandbox.hubspot.times import iso, shown
from sandbox.hubspot.webhooks import APP_ID

ACCOUNT: web.AppKey[HubSpotAccount] = web.AppKey("account", HubSpotAccount)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Route = tuple[str, str, Handler]
"""(method, path template, handler)"""
_UNKNOWN = "application/octet-stream"
"""What clients send that name no content type."""
DATED = "2026-03"
"""The dated API version served beside v3/v4 (FACTS section 0)."""


def account_of(request: web.Request) -> HubSpotAccount:
    """The account this application serves."""
    return request.app[ACCOUNT]


def store_of(request: web.Request, part: str = "object_type") -> ObjectStore:
    """The store named in the path."""
    return account_of(request).catalogue.find(request.match_info[part])


def correlation_id(account: HubSpotAccount) -> str:
    """A fresh correlation id."""
    return str(uuid.UUID(int=account.rng.getrandbits(128), version=4))


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON object of the request, or 400."""
    body = await _json_of(request, b"{}")
    if not isinstance(body, dict):
        raise malformed("Cannot deserialize value: an object is expected")
    return body


async def list_of(request: web.Request) -> list[Any]:
    """The JSON array of the request, or 400."""
    body = await _json_of(request, b"[]")
    if not isinstance(body, list):
        raise malformed("Cannot deserialize value: an array is expected")
    return body


async def _json_of(request: web.Request, empty: bytes) -> object:
    """What the request carries; 415 for another content type than JSON, where one is given."""
    kind = request.headers.get("Content-Type", "application/json").lower()
    if "json" not in kind and kind != _UNKNOWN:
        raise HubSpotError(415, None, "Unsupported Media Type")
    try:
        return json.loads(await request.read() or empty)
    except json.JSONDecodeError as error:
        raise malformed(error.msg, line=error.lineno, column=error.colno) from None
    except UnicodeDecodeError:
        raise malformed("Invalid UTF-8") from None


def inputs_of(body: Mapping[str, Any], most: int = 100) -> list[dict[str, Any]]:
    """The `inputs` of a batch; 400 when there are more than the vendor's `most`."""
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(each, dict) for each in inputs):
        raise validation("Invalid input JSON: inputs must be a list of objects.")
    if len(inputs) > most:
        raise validation(f"The maximum number of inputs supported in a batch request is {most}.")
    return inputs


def names_in(request: web.Request, key: str) -> list[str]:
    """An array parameter, whether repeated or comma separated."""
    return [name for value in request.query.getall(key, []) for name in value.split(",") if name]


def flag_in(request: web.Request, key: str) -> bool:
    """A boolean parameter; the SDK sends it capitalised."""
    return request.query.get(key, "").lower() == "true"


def number_in(request: web.Request, key: str, default: int, most: int) -> int:
    """A positive integer parameter, cut to `most`; 400 when it is none."""
    text = request.query.get(key, str(default))
    if not text.isdigit() or int(text) < 1:
        raise validation(f"Invalid value for {key}: {text}")
    return min(int(text), most)


def cursor_in(request: web.Request) -> int:
    """The `after` cursor as a number, 0 when absent; 400 when it is none of ours."""
    after = request.query.get("after") or "0"
    if not after.isdigit():
        raise validation("The after cursor is invalid.")
    return int(after)


def reply(body: object, status: int = 200) -> web.Response:
    """A JSON reply with the vendor's content type."""
    return web.Response(
        status=status,
        text=json.dumps(body, separators=(",", ":"), ensure_ascii=False),
        headers={"Content-Type": "application/json;charset=utf-8"},
    )


def nothing() -> web.Response:
    """A 204."""
    return web.Response(status=204)


def failure(account: HubSpotAccount, error: HubSpotError) -> web.Response:
    """The reply of a refusal."""
    return reply(error.body(correlation_id(account)), error.status)


def object_body(
    store: ObjectStore,
    record: Record,
    names: Iterable[str],
    *,
    versioned: Iterable[str] = (),
    archived: bool | None = None,
) -> dict[str, Any]:
    """A record on the wire: `names` that are defined, null where never set (FACTS section 2)."""
    values, book = record.values, store.book
    properties: dict[str, str | None] = {}
    for name in names:
        if name in properties:
            continue
        value = values.get(name)
        if value is None:
            if name in book:
                properties[name] = None
        elif value[-5:] == ".000Z":
            prop = book.find(name)
            timed = prop is not None and prop.type == "datetime"
            properties[name] = shown(value) if timed else value
        else:
            properties[name] = value
    body: dict[str, Any] = {
        "id": str(record.id),
        "properties": dict(sorted(properties.items())),
        "createdAt": shown(values[store.created_name]),
        "updatedAt": shown(values[store.modified_name]),
        "archived": record.archived_at is not None if archived is None else archived,
    }
    if record.archived_at is not None:
        body["archivedAt"] = shown(iso(record.archived_at))
    wanted = [name for name in versioned if name in book]
    if wanted:
        body["propertiesWithHistory"] = {name: versions(record, name) for name in wanted}
    return body


def versions(record: Record, name: str) -> list[dict[str, Any]]:
    """The values a property has had, newest first."""
    return [_version(each.value, each.at, each.source) for each in history(record, name)]


def _version(value: str, at: int, source: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "value": value,
        "timestamp": shown(iso(at)),
        "sourceType": source,
    }
    if source == "CRM_UI":
        body |= {"sourceId": "userId:40000001", "updatedByUserId": 40_000_001}
    elif source == "INTEGRATION":
        body |= {"sourceId": str(APP_ID), "sourceLabel": "Private app"}
    return body


def started(account: HubSpotAccount) -> dict[str, Any]:
    """The head of a batch envelope."""
    return {"status": "COMPLETE", "startedAt": shown(iso(account.now()))}


def batch_reply(
    account: HubSpotAccount,
    head: dict[str, Any],
    results: list[Any],
    errors: list[dict[str, Any]],
    *,
    status: int = 200,
) -> web.Response:
    """A batch envelope, results shuffled (seeded); 207 when some inputs failed."""
    account.rng.shuffle(results)
    body = {
        "status": head["status"],
        "results": results,
        "startedAt": head["startedAt"],
        "completedAt": shown(iso(account.now())),
    }
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    return reply(body, 207 if errors else status)
