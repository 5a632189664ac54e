"""Objects and single records: versions, describe, create, read, update, delete, upsert."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from sandbox.salesforce import describe as shapes
from sandbox.salesforce.coerce import coerce
from sandbox.salesforce.errors import SalesforceError, not_found
from sandbox.salesforce.fields import Field, Row
from sandbox.salesforce.ids import to_18
from sandbox.salesforce.org import API_VERSIONS
from sandbox.salesforce.reading import getter
from sandbox.salesforce.records import Caller, Records
from sandbox.salesforce.rest.conditions import since_header, unchanged_since
from sandbox.salesforce.rest.context import DATA, Call, answer, call_of, json_body
from sandbox.salesforce.rest.related import related
from sandbox.salesforce.table import Table
from sandbox.salesforce.times import http_date

_CREATED_FLAG_VERSION = 46
_RESOURCES = (
    "tooling", "query", "queryAll", "composite", "sobjects", "limits", "jobs", "search",
    "parameterizedSearch", "recent", "tabs", "theme", "appMenu", "quickActions", "compactLayouts",
    "process", "actions", "analytics",
)  # fmt: skip


def routes() -> list[web.RouteDef]:
    """The endpoints of this module."""
    one = DATA + "/sobjects/{sobject}/{id}"
    external = DATA + "/sobjects/{sobject}/{field}/{value:.+}"
    return [
        web.get("/services/data", versions),
        web.get("/services/data/", versions),
        web.get(DATA, resources),
        web.get(DATA + "/", resources),
        web.get(DATA + "/sobjects", describe_global),
        web.get(DATA + "/sobjects/", describe_global),
        web.get(DATA + "/sobjects/{sobject}/describe", describe),
        web.get(DATA + "/sobjects/{sobject}/describe/", describe),
        web.get(DATA + "/recent", recent),
        web.get(DATA + "/recent/", recent),
        web.get(DATA + "/sobjects/{sobject}", basic),
        web.get(DATA + "/sobjects/{sobject}/", basic),
        web.post(DATA + "/sobjects/{sobject}", create),
        web.post(DATA + "/sobjects/{sobject}/", create),
        web.post(DATA + "/sobjects/{sobject}/Id", create),
        web.get(one, read),
        web.patch(one, update),
        web.delete(one, delete),
        web.get(external, read_by_external_id),
        web.patch(external, upsert),
        web.delete(external, delete_by_external_id),
    ]


async def versions(_request: web.Request) -> web.Response:
    """Every version, without a session."""
    return answer(
        [
            {
                "label": _release(number),
                "url": f"/services/data/v{number}.0",
                "version": f"{number}.0",
            }
            for number in API_VERSIONS
        ]
    )


def _release(number: int) -> str:
    """What the vendor calls a version: three a year, v20 was Winter '11."""
    season = ("Winter", "Spring", "Summer")[(number - 20) % 3]
    return f"{season} '{11 + (number - 20) // 3}"


async def resources(request: web.Request) -> web.Response:
    """What a version offers."""
    call = call_of(request)
    found = {name: f"{call.base}/{name}" for name in _RESOURCES}
    identity = f"{request.scheme}://{request.host}/id/{call.org.organization_id}/{call.user_id}"
    return answer({**found, "identity": identity})


async def describe_global(request: web.Request) -> web.Response:
    """All objects."""
    call = call_of(request)
    return answer(shapes.describe_global(call.org.records, call.base))


async def describe(request: web.Request) -> web.Response:
    """One object whole."""
    call = call_of(request)
    kind = call.org.records.kind(request.match_info["sobject"])
    host = f"{request.scheme}://{request.host}"
    body = shapes.describe(call.org.records, kind, call.user_id, call.base, host)
    return answer(body, headers={"Last-Modified": http_date(call.org.clock.now())})


async def recent(request: web.Request) -> web.Response:
    """What the caller looked at last: nobody looks at records here, so nothing."""
    call_of(request)
    return answer([])


async def basic(request: web.Request) -> web.Response:
    """One object's flags."""
    call = call_of(request)
    kind = call.org.records.kind(request.match_info["sobject"])
    return answer(shapes.basic(call.org.records, kind, call.base))


async def create(request: web.Request) -> web.Response:
    """201 with the new id and its Location."""
    call = call_of(request)
    body = await json_body(request)
    kind = call.org.records.kind(request.match_info["sobject"])
    lock(call, None)
    made = call.org.records.create(kind.name, body, call.caller())
    location = f"{call.base}/sobjects/{kind.name}/{made}"
    return answer(
        {"id": made, "success": True, "errors": []}, status=201, headers={"Location": location}
    )


async def read(request: web.Request) -> web.Response:
    """One record, all visible fields or those of `fields=`."""
    call = call_of(request)
    records = call.org.records
    table = records.table(request.match_info["sobject"])
    row = records.live(table.kind.name, _record_id(request))
    if unchanged_since(request, records.modified(row)):
        return web.Response(status=304)
    return _shown(call, table, row, request.query.get("fields"))


async def update(request: web.Request) -> web.Response:
    """204, whatever was changed."""
    call = call_of(request)
    body = await json_body(request)
    kind = call.org.records.kind(request.match_info["sobject"])
    record_id = _record_id(request)
    lock(call, record_id)
    _not_changed_since(call, request, kind.name, record_id)
    call.org.records.update(kind.name, record_id, _without_id(body), call.caller())
    return web.Response(status=204)


async def delete(request: web.Request) -> web.Response:
    """204."""
    call = call_of(request)
    kind = call.org.records.kind(request.match_info["sobject"])
    record_id = _record_id(request)
    lock(call, record_id)
    _not_changed_since(call, request, kind.name, record_id)
    call.org.records.delete(kind.name, record_id, call.caller())
    return web.Response(status=204)


async def read_by_external_id(request: web.Request) -> web.Response:
    """One record by an external id; 300 with their URIs where several match. An id in the place
    of the field asks for what a record is related to."""
    call = call_of(request)
    table = call.org.records.table(request.match_info["sobject"])
    record_id = to_18(request.match_info["field"])
    if record_id is not None and table.kind.find(request.match_info["field"]) is None:
        return related(call, table, record_id, request.match_info["value"].rstrip("/"), request)
    table, field = _key(call, request)
    found = matches(call.org.records, table, field, request.match_info["value"])
    if not found:
        raise not_found()
    if len(found) > 1:
        return _several(call, table, found)
    return _shown(call, table, table.rows[found[0]], request.query.get("fields"))


async def upsert(request: web.Request) -> web.Response:
    """201 created, 200 (204 before v46) updated, 300 where several match and nothing changes."""
    call = call_of(request)
    body = await json_body(request)
    table, field = _key(call, request)
    value = request.match_info["value"]
    found = matches(call.org.records, table, field, value)
    if len(found) > 1:
        return _several(call, table, found)
    if not found and request.query.get("updateOnly", "").lower() == "true":
        raise not_found()
    lock(call, found[0] if found else None)
    made, created = write_by_key(
        call.org.records, table, field, value, body, found=found, caller=call.caller()
    )
    if not created and int(call.version.split(".")[0]) < _CREATED_FLAG_VERSION:
        return web.Response(status=204)
    shown: dict[str, object] = {"id": made, "success": True, "errors": []}
    if int(call.version.split(".")[0]) >= _CREATED_FLAG_VERSION:
        shown["created"] = created
    location = f"{call.base}/sobjects/{table.kind.name}/{made}"
    return answer(
        shown, status=201 if created else 200, headers={"Location": location} if created else None
    )


async def delete_by_external_id(request: web.Request) -> web.Response:
    """204, or 300 where several match."""
    call = call_of(request)
    table, field = _key(call, request)
    found = matches(call.org.records, table, field, request.match_info["value"])
    if not found:
        raise not_found()
    if len(found) > 1:
        return _several(call, table, found)
    call.org.records.delete(table.kind.name, found[0], call.caller())
    return web.Response(status=204)


def matches(records: Records, table: Table, field: Field, value: object) -> list[str]:
    """Live records whose key field has this value."""
    wanted = to_18(str(value)) if field.type == "id" else coerce(field, value)
    if wanted is None:
        return []
    return records.checks.live_matches(table, field, wanted)


def write_by_key(
    records: Records,
    table: Table,
    field: Field,
    value: object,
    body: Mapping[str, object],
    *,
    found: list[str],
    caller: Caller,
) -> tuple[str, bool]:
    """Update the one record found, or create it with its key; returns (id, created)."""
    if any(key.lower() == field.name.lower() for key in body):
        message = f"The {field.name} field should not be specified in the sobject data."
        raise SalesforceError("INVALID_FIELD", message, [field.name])
    fields = _without_id(body)
    if found:
        records.update(table.kind.name, found[0], fields, caller)
        return found[0], False
    if field.type == "id":
        raise not_found()
    return records.create(table.kind.name, {**fields, field.name: value}, caller), True


def key_field(call: Call, table: Table, name: str) -> Field:
    """The field an upsert may go by: Id, an external id, or an idLookup field."""
    records = call.org.records
    field = table.kind.find(name)
    if (
        field is None
        or not (field.external_id or field.id_lookup)
        or not records.access.can_read(call.user_id, table.kind.name, field)
    ):
        raise unknown_key(name)
    return field


def unknown_key(name: str) -> SalesforceError:
    """404 for a key field that is not there or hidden."""
    message = f"Provided external ID field does not exist or is not accessible: {name}"
    return SalesforceError("NOT_FOUND", message)


def lock(call: Call, record_id: str | None) -> None:
    """The fault lock_row: another transaction holds the row."""
    if call.org.faults.draw("salesforce", "lock_row", call.path) is not None:
        raise locked(record_id)


def locked(record_id: str | None) -> SalesforceError:
    """UNABLE_TO_LOCK_ROW as the vendor words it; the same write succeeds later."""
    tail = f": {record_id}" if record_id else ""
    message = f"unable to obtain exclusive access to this record or 1 records{tail}"
    return SalesforceError("UNABLE_TO_LOCK_ROW", message)


def record_body(call: Call, table: Table, row: Row, names: list[Field]) -> dict[str, object]:
    """A record as GET shows it."""
    kind = table.kind.name
    body: dict[str, object] = {
        "attributes": {"type": kind, "url": f"{call.base}/sobjects/{kind}/{row['Id']}"}
    }
    for field in names:
        body[field.name] = getter(field)(row)
    return body


def wanted_fields(call: Call, table: Table, text: str | None) -> list[Field]:
    """The visible fields, or those a comma-separated list names (Id comes along)."""
    visible = {
        field.name.lower(): field
        for field in call.org.records.visible_fields(table.kind, call.user_id)
    }
    if not text:
        return list(visible.values())
    chosen: list[Field] = []
    for name in (part.strip() for part in text.split(",")):
        found = visible.get(name.lower())
        if found is None:
            message = f"No such column '{name}' on sobject of type {table.kind.name}"
            raise SalesforceError("INVALID_FIELD", message)
        chosen.append(found)
    if all(field.name != "Id" for field in chosen):
        chosen.append(visible["id"])
    return chosen


def _record_id(request: web.Request) -> str:
    """The id in the path; what is none is taken for the name of a key field."""
    record_id = request.match_info["id"]
    if to_18(record_id) is None:
        raise unknown_key(record_id)
    return record_id


def _not_changed_since(call: Call, request: web.Request, sobject: str, record_id: str) -> None:
    """412 where a record was changed after If-Unmodified-Since."""
    since = since_header(request, "If-Unmodified-Since")
    if since is None:
        return
    modified = call.org.records.modified(call.org.records.live(sobject, record_id))
    if modified.replace(microsecond=0) > since:
        message = "The record has been modified since the specified date"
        raise SalesforceError("PRECONDITION_FAILED", message, status=412)


def _shown(call: Call, table: Table, row: Row, fields: str | None) -> web.Response:
    body = record_body(call, table, row, wanted_fields(call, table, fields))
    moved = http_date(call.org.records.modified(row))
    return answer(body, headers={"Last-Modified": moved})


def _key(call: Call, request: web.Request) -> tuple[Table, Field]:
    table = call.org.records.table(request.match_info["sobject"])
    return table, key_field(call, table, request.match_info["field"])


def _several(call: Call, table: Table, found: list[str]) -> web.Response:
    uris = [f"{call.base}/sobjects/{table.kind.name}/{one}" for one in found]
    return answer(uris, status=300)


def _without_id(body: Mapping[str, object]) -> dict[str, object]:
    for key in body:
        if key.lower() == "id":
            message = "The Id field should not be specified in the sobject data."
            raise SalesforceError("INVALID_FIELD", message, ["Id"])
    return dict(body)
