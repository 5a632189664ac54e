"""Pipelines with their stages, and owners; v3 and the older paths that still answer."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.hubspot.errors import not_found
from sandbox.hubspot.pipelines import Owner, Pipeline
from sandbox.hubspot.times import parse_ms
from sandbox.hubspot.wire import (
    DATED,
    Route,
    account_of,
    body_of,
    cursor_in,
    flag_in,
    nothing,
    number_in,
    reply,
    store_of,
)


def routes() -> list[Route]:
    """The endpoints of this module."""
    found: list[Route] = [
        ("GET", "/deals/v1/pipelines", list_deal_pipelines_v1),
        ("GET", "/deals/v1/pipelines/{pipeline_id}", read_deal_pipeline_v1),
        ("GET", "/crm-pipelines/v1/pipelines/{object_type}", list_pipelines_v1),
        ("GET", "/owners/v2/owners", list_owners_v2),
    ]
    for base in ("/crm/v3/owners", f"/crm/owners/{DATED}"):
        found += [("GET", base, list_owners), ("GET", f"{base}/{{owner_id}}", read_owner)]
    for base in ("/crm/v3/pipelines", f"/crm/pipelines/{DATED}"):
        every, one = f"{base}/{{object_type}}", f"{base}/{{object_type}}/{{pipeline_id}}"
        stage = f"{one}/stages/{{stage_id}}"
        found += [
            ("GET", every, list_pipelines),
            ("POST", every, create_pipeline),
            ("GET", one, read_pipeline),
            ("PATCH", one, update_pipeline),
            ("PUT", one, update_pipeline),
            ("DELETE", one, delete_pipeline),
            ("GET", f"{one}/audit", list_changes),
            ("GET", f"{one}/stages", list_stages),
            ("POST", f"{one}/stages", create_stage),
            ("GET", stage, read_stage),
            ("PATCH", stage, update_stage),
            ("PUT", stage, update_stage),
            ("DELETE", stage, delete_stage),
            ("GET", f"{stage}/audit", list_changes),
        ]
    return found


# --- pipelines -----------------------------------------------------------------------------


async def list_pipelines(request: web.Request) -> web.Response:
    """GET the pipelines of an object type."""
    return reply({"results": account_of(request).pipelines.of(store_of(request).name)})


async def read_pipeline(request: web.Request) -> web.Response:
    """GET one pipeline."""
    pipelines = account_of(request).pipelines
    return reply(pipelines.read(store_of(request).name, request.match_info["pipeline_id"]))


async def list_stages(request: web.Request) -> web.Response:
    """GET the stages of a pipeline."""
    pipelines = account_of(request).pipelines
    found = pipelines.read(store_of(request).name, request.match_info["pipeline_id"])
    return reply({"results": found["stages"]})


async def create_pipeline(request: web.Request) -> web.Response:
    """POST a pipeline with its stages, 201."""
    account = account_of(request)
    body = await body_of(request)
    made = account.pipelines.create(store_of(request).name, body, at=account.now())
    return reply(made, 201)


async def update_pipeline(request: web.Request) -> web.Response:
    """PATCH a pipeline, or PUT it whole."""
    account = account_of(request)
    found = account.pipelines.change(
        store_of(request).name,
        request.match_info["pipeline_id"],
        await body_of(request),
        at=account.now(),
    )
    return reply(found)


async def delete_pipeline(request: web.Request) -> web.Response:
    """DELETE a pipeline, 204."""
    pipelines = account_of(request).pipelines
    pipelines.remove(store_of(request).name, request.match_info["pipeline_id"])
    return nothing()


async def create_stage(request: web.Request) -> web.Response:
    """POST a stage, 201."""
    account = account_of(request)
    made = account.pipelines.create_stage(
        store_of(request).name,
        request.match_info["pipeline_id"],
        await body_of(request),
        at=account.now(),
    )
    return reply(made, 201)


async def read_stage(request: web.Request) -> web.Response:
    """GET one stage."""
    pipelines = account_of(request).pipelines
    return reply(pipelines.read_stage(store_of(request).name, *_ids(request)))


async def update_stage(request: web.Request) -> web.Response:
    """PATCH or PUT a stage."""
    account = account_of(request)
    body = await body_of(request)
    kind = store_of(request).name
    return reply(account.pipelines.change_stage(kind, _ids(request), body, at=account.now()))


async def delete_stage(request: web.Request) -> web.Response:
    """DELETE a stage, 204."""
    account_of(request).pipelines.remove_stage(store_of(request).name, *_ids(request))
    return nothing()


def _ids(request: web.Request) -> tuple[str, str]:
    return request.match_info["pipeline_id"], request.match_info["stage_id"]


async def list_changes(request: web.Request) -> web.Response:
    """GET who changed a pipeline or stage: the sandbox keeps no such record."""
    pipelines = account_of(request).pipelines
    pipelines.read(store_of(request).name, request.match_info["pipeline_id"])
    return reply({"results": []})


async def list_deal_pipelines_v1(request: web.Request) -> web.Response:
    """GET `/deals/v1/pipelines`: a bare array, numbers and flags instead of strings [D]."""
    return reply([_deal_pipeline_v1(one) for one in account_of(request).pipelines.of("deals")])


async def read_deal_pipeline_v1(request: web.Request) -> web.Response:
    """GET one deal pipeline in the v1 shape."""
    pipelines = account_of(request).pipelines
    return reply(_deal_pipeline_v1(pipelines.read("deals", request.match_info["pipeline_id"])))


async def list_pipelines_v1(request: web.Request) -> web.Response:
    """GET `/crm-pipelines/v1/pipelines/{type}` [D]."""
    store = store_of(request)
    found = [
        {
            "objectType": store.singular,
            "objectTypeId": store.type_id,
            "pipelineId": one["id"],
            "label": one["label"],
            "displayOrder": one["displayOrder"],
            "active": not one["archived"],
            "default": one["id"] in {"default", "0"},
            **_dates_v1(one),
            "stages": [
                {
                    "stageId": stage["id"],
                    "label": stage["label"],
                    "displayOrder": stage["displayOrder"],
                    "metadata": stage["metadata"],
                    "active": not stage["archived"],
                    **_dates_v1(stage),
                }
                for stage in one["stages"]
            ],
        }
        for one in account_of(request).pipelines.of(store.name)
    ]
    return reply({"results": found})


def _deal_pipeline_v1(pipeline: Pipeline) -> dict[str, Any]:
    return {
        "pipelineId": pipeline["id"],
        "label": pipeline["label"],
        "displayOrder": pipeline["displayOrder"],
        "active": not pipeline["archived"],
        **_dates_v1(pipeline),
        "stages": [
            {
                "stageId": stage["id"],
                "label": stage["label"],
                "displayOrder": stage["displayOrder"],
                "probability": float(stage["metadata"]["probability"]),
                "closedWon": float(stage["metadata"]["probability"]) == 1,
                "active": not stage["archived"],
                **_dates_v1(stage),
            }
            for stage in pipeline["stages"]
        ],
    }


def _dates_v1(body: dict[str, Any]) -> dict[str, int]:
    return {key: parse_ms(body[key]) for key in ("createdAt", "updatedAt")}


# --- owners --------------------------------------------------------------------------------


async def list_owners(request: web.Request) -> web.Response:
    """GET the owners by ascending id, optionally of one e-mail."""
    limit = number_in(request, "limit", 100, 500)
    after = cursor_in(request)
    email = request.query.get("email", "").lower()
    archived = flag_in(request, "archived")
    found = [
        owner
        for number, owner in sorted(account_of(request).owners.items())
        if number > after and owner.archived == archived and email in ("", owner.email.lower())
    ]
    body: dict[str, Any] = {"results": [owner.body() for owner in found[:limit]]}
    if len(found) > limit:
        body["paging"] = {"next": {"after": str(found[limit - 1].id)}}
    return reply(body)


async def read_owner(request: web.Request) -> web.Response:
    """GET one owner by id, or by userId with `idProperty=userId`."""
    wanted = request.match_info["owner_id"]
    by_user = request.query.get("idProperty") == "userId"
    for owner in account_of(request).owners.values():
        if wanted == str(owner.user_id if by_user else owner.id):
            return reply(owner.body())
    raise not_found(f"No owner with ID {wanted}")


async def list_owners_v2(request: web.Request) -> web.Response:
    """GET `/owners/v2/owners`: a bare array, optionally of one e-mail [D]."""
    account = account_of(request)
    email = request.query.get("email", "").lower()
    found = [
        owner_v2(owner, account.portal_id)
        for owner in account.owners.values()
        if email in ("", owner.email.lower())
        and (not owner.archived or flag_in(request, "includeInactive"))
    ]
    return reply(found)


def owner_v2(owner: Owner, portal_id: int) -> dict[str, Any]:
    """An owner in the v2 shape."""
    return {
        "portalId": portal_id,
        "ownerId": owner.id,
        "type": "PERSON",
        "firstName": owner.first,
        "lastName": owner.last,
        "email": owner.email,
        "createdAt": owner.created,
        "updatedAt": owner.created,
        "remoteList": [],
        "hasContactsAccess": True,
        "activeUserId": owner.user_id,
        "userIdIncludingInactive": owner.user_id,
    }
