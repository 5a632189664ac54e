"""Association labels, v4: those HubSpot has and those people define (hubspot-api-client's models).

Limits on how many records may be associated are kept and shown, and not enforced.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.associations import Label, kinds_from
from sandbox.hubspot.errors import integer_in, not_found, object_in, objects_in, validation
from sandbox.hubspot.wire import (
    DATED,
    Route,
    account_of,
    batch_reply,
    body_of,
    inputs_of,
    nothing,
    reply,
    started,
    store_of,
)

MAX_PAIRS = 2_000
Limits = dict[tuple[str, str, int], dict[str, Any]]
LIMITS: web.AppKey[Limits] = web.AppKey("association_limits", dict)
"""User-set limits by (source, to, type id)."""


def install(app: web.Application) -> None:
    """Give an application its limits: none."""
    app[LIMITS] = {}


def routes() -> list[Route]:
    """The endpoints of this module."""
    found: list[Route] = []
    for base in ("/crm/v4/associations", f"/crm/associations/{DATED}"):
        pair = f"{base}/{{object_type}}/{{to_type}}"
        limits = f"{base}/definitions/configurations"
        some = f"{limits}/{{object_type}}/{{to_type}}"
        found += [
            ("GET", f"{limits}/all", list_limits),
            ("GET", some, list_limits),
            ("POST", f"{some}/batch/create", set_limits),
            ("POST", f"{some}/batch/update", set_limits),
            ("POST", f"{some}/batch/purge", clear_limits),
            ("GET", f"{pair}/labels", list_labels),
            ("POST", f"{pair}/labels", create_label),
            ("PUT", f"{pair}/labels", update_label),
            ("DELETE", f"{pair}/labels/{{type_id:\\d+}}", delete_label),
            ("POST", f"{pair}/batch/labels/archive", archive_labels),
        ]
    return found


async def list_labels(request: web.Request) -> web.Response:
    """GET the association types from one object type to another, the unlabelled one with a null
    label [D: CRM API, associations v4, labels]."""
    source, to = store_of(request), store_of(request, "to_type")
    links = account_of(request).associations
    own = ("HUBSPOT_DEFINED", links.default_type(source.name, to.name))
    primary = [("HUBSPOT_DEFINED", one) for one in links.primary_types(source.name, to.name)]
    defined = [("USER_DEFINED", one.type_id) for one in _own(request)]
    return reply({"results": [links.shown({one})[0] for one in (own, *primary, *defined)]})


async def create_label(request: web.Request) -> web.Response:
    """POST `{"name", "label", "inverseLabel"?}`: the new type ids, one for each direction."""
    source, to = store_of(request), store_of(request, "to_type")
    body = await body_of(request)
    name, label, inverse = body.get("name"), body.get("label"), body.get("inverseLabel")
    if not isinstance(name, str) or not isinstance(label, str):
        raise validation("Invalid input JSON: some required fields were not set: [name, label]")
    links = account_of(request).associations
    made = links.define(
        (source.name, to.name), name, label, None if inverse is None else str(inverse)
    )
    ids = [made.type_id, made.inverse_id]
    return reply({"results": [_shown(links.labels[one]) for one in ids]})


async def update_label(request: web.Request) -> web.Response:
    """PUT another label on a type, 204."""
    body = await body_of(request)
    found = _label(account_of(request), integer_in(body, "associationTypeId", 0))
    found.label = str(body.get("label") or found.label)
    if body.get("inverseLabel"):
        labels = account_of(request).associations.labels
        labels[found.inverse_id].label = str(body["inverseLabel"])
    return nothing()


async def delete_label(request: web.Request) -> web.Response:
    """DELETE a label in both directions, 204; HubSpot's own ones stay."""
    account = account_of(request)
    found = _label(account, int(request.match_info["type_id"]))
    account.associations.undefine(found)
    return nothing()


async def archive_labels(request: web.Request) -> web.Response:
    """POST `{from, to, types}` to take single types off pairs of records, 204."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    for each in inputs_of(await body_of(request), MAX_PAIRS):
        one = account.live(source, str(object_in(each, "from").get("id", "")))
        other = account.live(to, str(object_in(each, "to").get("id", "")))
        kinds = kinds_from(objects_in(each, "types"))
        account.associations.drop((source.name, one.id), (to.name, other.id), kinds)
    return nothing()


async def list_limits(request: web.Request) -> web.Response:
    """GET the limits somebody set, all or those of one direction."""
    pair = None
    if "object_type" in request.match_info:
        pair = store_of(request).name, store_of(request, "to_type").name
    limits = request.app[LIMITS].items()
    return reply({"results": [one for key, one in limits if pair in (None, key[:2])]})


async def set_limits(request: web.Request) -> web.Response:
    """POST `{category, typeId, maxToObjectIds}` entries."""
    account = account_of(request)
    source, to = store_of(request), store_of(request, "to_type")
    head, results = started(account), []
    for each in inputs_of(await body_of(request)):
        number = integer_in(each, "typeId", 0)
        limit = {
            "category": str(each.get("category", "")),
            "typeId": number,
            "userEnforcedMaxToObjectIds": integer_in(each, "maxToObjectIds", 1),
            "label": account.associations.shown({("", number)})[0]["label"],
        }
        request.app[LIMITS][(source.name, to.name, number)] = limit
        results.append(limit)
    return batch_reply(account, head, results, [])


async def clear_limits(request: web.Request) -> web.Response:
    """POST `{category, typeId}` entries whose limits go, 204."""
    source, to = store_of(request), store_of(request, "to_type")
    for each in inputs_of(await body_of(request)):
        key = (source.name, to.name, integer_in(each, "typeId", 0))
        request.app[LIMITS].pop(key, None)
    return nothing()


def _own(request: web.Request) -> list[Label]:
    pair = store_of(request).name, store_of(request, "to_type").name
    labels = account_of(request).associations.labels.values()
    return [one for one in labels if (one.source, one.to) == pair]


def _label(account: HubSpotAccount, number: int) -> Label:
    found = account.associations.labels.get(number)
    if found is None:
        raise not_found(f"No association definition with id {number}")
    return found


def _shown(found: Label) -> dict[str, Any]:
    return {"category": "USER_DEFINED", "typeId": found.type_id, "label": found.label}
