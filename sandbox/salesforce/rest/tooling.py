"""The Tooling API as far as custom fields go: create, read, change and delete CustomField.

A field made here is visible to nobody until a FieldPermissions row grants it. `Activity.X__c`
appears on Task and Event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from aiohttp import web

from sandbox.salesforce import custom_fields
from sandbox.salesforce import describe as shapes
from sandbox.salesforce.errors import SalesforceError, not_found
from sandbox.salesforce.fields import Row
from sandbox.salesforce.ids import to_18
from sandbox.salesforce.rest.context import DATA, Call, answer, call_of, json_body
from sandbox.salesforce.times import stamp

_OBJECTS = frozenset(
    {"Account", "Activity", "Campaign", "CampaignMember", "Contact", "Lead", "Opportunity", "User"}
)


def routes() -> list[web.RouteDef]:
    """The endpoints of this module."""
    base = DATA + "/tooling/sobjects"
    found: list[web.RouteDef] = []
    for slash in ("", "/"):
        found += [
            web.get(base + slash, describe_global),
            web.post(base + "/CustomField" + slash, create),
        ]
    one = base + "/CustomField/{id}"
    return [
        *found,
        web.get(base + "/CustomField/describe", describe),
        web.get(one, read),
        web.patch(one, update),
        web.delete(one, delete),
    ]


async def describe_global(request: web.Request) -> web.Response:
    """The tooling objects there are."""
    call = call_of(request)
    kind = call.org.records.kind("CustomField")
    listed = [shapes.summary(kind, f"{call.base}/tooling")]
    return answer({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": listed})


async def describe(request: web.Request) -> web.Response:
    """CustomField itself."""
    call = call_of(request)
    kind = call.org.records.kind("CustomField")
    host = f"{request.scheme}://{request.host}"
    body = shapes.describe(call.org.records, kind, None, f"{call.base}/tooling", host)
    return answer(body)


async def create(request: web.Request) -> web.Response:
    """201 with the id of the new field's definition."""
    call = _allowed(request)
    body = await json_body(request)
    sobject, name = _full_name(body)
    metadata = _metadata(body)
    if sobject not in _OBJECTS:
        message = f"Cannot find object: {sobject}"
        raise SalesforceError("INVALID_CROSS_REFERENCE_KEY", message, ["FullName"])
    field = custom_fields.add(
        call.org.records, sobject, {**_definition(metadata), "name": name}, guarded=True
    )
    made = _remember(call, sobject, field.name, metadata)
    return answer(
        {"id": made, "success": True, "errors": [], "warnings": [], "infos": []}, status=201
    )


async def read(request: web.Request) -> web.Response:
    """The definition with its Metadata."""
    call = call_of(request)
    row = _row(call, request.match_info["id"])
    url = f"{call.base}/tooling/sobjects/CustomField/{row['Id']}"
    shown: dict[str, object] = {"attributes": {"type": "CustomField", "url": url}, **row}
    shown["Metadata"] = json.loads(str(row["Metadata"]))
    return answer(shown)


async def update(request: web.Request) -> web.Response:
    """204; the type and size may change, the permissions stay."""
    call = _allowed(request)
    row = _row(call, request.match_info["id"])
    metadata = _metadata(await json_body(request))
    name = f"{row['DeveloperName']}__c"
    definition = {**_definition(metadata), "name": name}
    custom_fields.retype(call.org.records, str(row["TableEnumOrId"]), definition)
    call.org.records.tables["CustomField"].put({**row, "Metadata": json.dumps(metadata)})
    return web.Response(status=204)


async def delete(request: web.Request) -> web.Response:
    """204; the field and its values are gone."""
    call = _allowed(request)
    row = _row(call, request.match_info["id"])
    name = f"{row['DeveloperName']}__c"
    custom_fields.remove(call.org.records, str(row["TableEnumOrId"]), name)
    call.org.records.tables["CustomField"].forget(str(row["Id"]))
    return web.Response(status=204)


def _allowed(request: web.Request) -> Call:
    call = call_of(request)
    if not call.org.can_customize:
        message = "insufficient access rights on cross-reference id"
        raise SalesforceError("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", message, status=403)
    return call


def _full_name(body: Mapping[str, object]) -> tuple[str, str]:
    sobject, _, name = str(body.get("FullName", "")).partition(".")
    if not sobject or not name.endswith("__c"):
        message = "FullName must name an object and a custom field: Lead.Example__c"
        raise SalesforceError("FIELD_INTEGRITY_EXCEPTION", message, ["FullName"])
    return sobject, name


def _metadata(body: Mapping[str, object]) -> dict[str, object]:
    metadata = body.get("Metadata")
    if not isinstance(metadata, dict) or not metadata.get("type"):
        message = "Required fields are missing: [Metadata.type]"
        raise SalesforceError("REQUIRED_FIELD_MISSING", message, ["Metadata"])
    if not metadata.get("label"):
        message = "Required fields are missing: [Metadata.label]"
        raise SalesforceError("REQUIRED_FIELD_MISSING", message, ["Metadata"])
    return dict(metadata)


def _definition(metadata: Mapping[str, object]) -> dict[str, object]:
    """The Metadata API's spelling in ours: picklist values lie deep in `valueSet`."""
    definition = dict(metadata)
    values = metadata.get("valueSet")
    if isinstance(values, dict):
        inner = values.get("valueSetDefinition")
        listed = inner.get("value") if isinstance(inner, dict) else None
        if isinstance(listed, list):
            definition["picklist"] = [
                str(one.get("valueName") or one.get("fullName") or one.get("label"))
                for one in listed
                if isinstance(one, dict)
            ]
        definition["restricted"] = bool(values.get("restricted"))
    return definition


def _remember(call: Call, sobject: str, name: str, metadata: Mapping[str, object]) -> str:
    records = call.org.records
    made = records.minter.mint("00N")
    now = stamp(call.org.clock.now())
    records.tables["CustomField"].put(
        {
            "Id": made,
            "FullName": f"{sobject}.{name}",
            "DeveloperName": name.removesuffix("__c"),
            "TableEnumOrId": sobject,
            "ManageableState": "unmanaged",
            "Metadata": json.dumps(metadata),
            "CreatedDate": now,
            "CreatedById": call.user_id,
            "LastModifiedDate": now,
            "LastModifiedById": call.user_id,
            "SystemModstamp": now,
        }
    )
    return made


def _row(call: Call, record_id: str) -> Row:
    row = call.org.records.tables["CustomField"].rows.get(to_18(record_id) or "")
    if row is None:
        raise not_found()
    return row
