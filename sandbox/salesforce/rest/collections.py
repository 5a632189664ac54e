"""composite/sobjects: up to 200 records in one call, answered row by row in order.

HTTP 200 even when rows fail; failed rows carry `statusCode` and no id (recorded). With allOrNone
one failure takes every row back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from aiohttp import web

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.ids import to_18
from sandbox.salesforce.rest.context import DATA, Call, answer, call_of, json_body
from sandbox.salesforce.rest.sobjects import (
    key_field,
    locked,
    matches,
    record_body,
    wanted_fields,
    write_by_key,
)
from sandbox.salesforce.snapshot import Snapshot

MAX_RECORDS = 200
"""Records a collections call may carry (FACTS section 4)."""
_MAX_READ = 2000
_DEFAULT_SHARE = 0.5
Outcome = dict[str, object]
Write = Callable[[Mapping[str, object]], Outcome]


def routes() -> list[web.RouteDef]:
    """The endpoints of this module."""
    path = DATA + "/composite/sobjects"
    found: list[web.RouteDef] = []
    for slash in ("", "/"):
        found += [
            web.post(path + slash, create),
            web.patch(path + slash, update),
            web.delete(path + slash, delete),
        ]
    return [
        *found,
        web.get(path + "/{sobject}", read),
        web.post(path + "/{sobject}", read),
        web.patch(path + "/{sobject}/{field}", upsert),
    ]


async def create(request: web.Request) -> web.Response:
    """Create rows of one or several objects."""
    call = call_of(request)
    body = await json_body(request)

    def write(row: Mapping[str, object]) -> Outcome:
        sobject = _type_of(row)
        if any(key.lower() == "id" for key in row):
            code = "INVALID_FIELD_FOR_INSERT_UPDATE"
            raise SalesforceError(code, "cannot specify Id in an insert call", ["Id"])
        made = call.org.records.create(sobject, _fields(row), call.caller())
        return {"id": made, "success": True, "errors": []}

    return answer(_run(call, _records(body), write, all_or_none=body.get("allOrNone") is True))


async def update(request: web.Request) -> web.Response:
    """Update rows; the id may be spelled `id` (recorded) or `Id`."""
    call = call_of(request)
    body = await json_body(request)

    def write(row: Mapping[str, object]) -> Outcome:
        sobject, record_id = _type_of(row), _id_of(row)
        _present(call, sobject, record_id)
        call.org.records.update(sobject, record_id, _fields(row), call.caller())
        return {"id": to_18(record_id), "success": True, "errors": []}

    return answer(_run(call, _records(body), write, all_or_none=body.get("allOrNone") is True))


async def delete(request: web.Request) -> web.Response:
    """Delete rows by id, whatever objects they are of."""
    call = call_of(request)
    ids = [one.strip() for one in request.query.get("ids", "").split(",") if one.strip()]
    all_or_none = request.query.get("allOrNone", "false").lower() == "true"

    def write(row: Mapping[str, object]) -> Outcome:
        record_id = str(row["id"])
        long = to_18(record_id)
        table = None if long is None else call.org.records.checks.table_of(long)
        if table is None:
            raise SalesforceError("MALFORMED_ID", f"malformed id {record_id}")
        _present(call, table.kind.name, record_id)
        call.org.records.delete(table.kind.name, record_id, call.caller())
        return {"id": long, "success": True, "errors": []}

    return answer(
        _run(call, _limited([{"id": one} for one in ids]), write, all_or_none=all_or_none)
    )


async def upsert(request: web.Request) -> web.Response:
    """Upsert rows of one object by one external id, which each row carries. Of rows that carry the
    same one none is written [public reports of DUPLICATE_VALUE, "Duplicate external id specified"].
    """
    call = call_of(request)
    body = await json_body(request)
    table = call.org.records.table(request.match_info["sobject"])
    field = key_field(call, table, request.match_info["field"])
    rows = _records(body)
    given = Counter(str(_key_in(row, field.name)) for row in rows)

    def write(row: Mapping[str, object]) -> Outcome:
        value = _key_in(row, field.name)
        fields = {
            name: one
            for name, one in row.items()
            if name != "attributes" and name.lower() != field.name.lower()
        }
        if value is None or value == "":
            message = f"{field.name} not specified"
            raise SalesforceError("MISSING_ARGUMENT", message)
        if given[str(value)] > 1:
            message = f"Duplicate external id specified: {value}"
            raise SalesforceError("DUPLICATE_VALUE", message, [field.name])
        found = matches(call.org.records, table, field, value)
        if len(found) > 1:
            listed = ", ".join(found)
            message = f"{field.name}: more than one record found for external id field: [{listed}]"
            raise SalesforceError("DUPLICATE_EXTERNAL_ID", message, [field.name])
        made, created = write_by_key(
            call.org.records, table, field, value, fields, found=found, caller=call.caller()
        )
        return {"id": made, "success": True, "errors": [], "created": created}

    return answer(_run(call, rows, write, all_or_none=body.get("allOrNone") is True))


def _key_in(row: Mapping[str, object], name: str) -> object:
    """What a row says under a name, however it is spelled."""
    return next((value for key, value in row.items() if key.lower() == name.lower()), None)


async def read(request: web.Request) -> web.Response:
    """Records by id in the order asked for; null where there is none."""
    call = call_of(request)
    if request.method == "POST":
        body = await json_body(request)
        ids, fields = body.get("ids"), body.get("fields")
    else:
        ids = request.query.get("ids", "").split(",")
        fields = request.query.get("fields", "").split(",")
    if not isinstance(ids, list) or not isinstance(fields, list) or len(ids) > _MAX_READ:
        raise SalesforceError("INVALID_INPUT", "ids and fields are required lists")
    table = call.org.records.table(request.match_info["sobject"])
    wanted = wanted_fields(call, table, ",".join(str(one) for one in fields))
    shown: list[object] = []
    for one in ids:
        row = table.rows.get(to_18(str(one)) or "")
        gone = row is None or row.get("IsDeleted")
        shown.append(None if row is None or gone else record_body(call, table, row, wanted))
    return answer(shown)


def _run(
    call: Call, rows: list[Mapping[str, object]], write: Write, *, all_or_none: bool
) -> list[Outcome]:
    before = Snapshot(call.org.records) if all_or_none else None
    struck = struck_rows(call, len(rows))
    outcomes: list[Outcome] = []
    failures = 0
    for index, row in enumerate(rows):
        try:
            if index in struck:
                raise locked(str(row.get("id") or row.get("Id") or "") or None)
            outcomes.append(write(row))
        except SalesforceError as error:
            failures += 1
            outcomes.append(failed(error))
    if before is not None and failures:
        before.restore()
        return [_rolled_back(one) if one["success"] else one for one in outcomes]
    return outcomes


def failed(error: SalesforceError) -> Outcome:
    """A row that failed: no id, `statusCode` (recorded)."""
    return {"success": False, "errors": [error.body(code_key="statusCode", with_fields=True)]}


def _rolled_back(_outcome: Outcome) -> Outcome:
    message = (
        "Record rolled back because not all records were valid and the request was using"
        " AllOrNone header"
    )
    return failed(SalesforceError("ALL_OR_NONE_OPERATION_ROLLED_BACK", message))


def struck_rows(call: Call, count: int) -> set[int]:
    """Rows the faults lock_row (one) and partial_batch (a share, `value`) make fail."""
    struck: set[int] = set()
    if not count:
        return struck
    if call.org.faults.draw("salesforce", "lock_row", call.path) is not None:
        struck.add(call.org.random.randrange(count))
    fault = call.org.faults.draw("salesforce", "partial_batch", call.path)
    if fault is not None:
        share = _DEFAULT_SHARE if fault.value is None else fault.value
        wanted = min(count, max(1, round(count * share)))
        struck.update(call.org.random.sample(range(count), wanted))
    return struck


def _records(body: Mapping[str, object]) -> list[Mapping[str, object]]:
    rows = body.get("records")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SalesforceError("JSON_PARSER_ERROR", "The records list is missing or malformed")
    return _limited(rows)


def _limited(rows: list[Mapping[str, object]]) -> list[Mapping[str, object]]:
    if not rows:
        raise SalesforceError("MALFORMED_ID", "At least one record is required")
    if len(rows) > MAX_RECORDS:
        message = (
            f"record limit reached. cannot submit more than {MAX_RECORDS} records in this call"
        )
        raise SalesforceError("EXCEEDED_ID_LIMIT", message)
    return list(rows)


def _type_of(row: Mapping[str, object]) -> str:
    attributes = row.get("attributes")
    kind = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(kind, str):
        message = "Include an entity type in the attributes of every record"
        raise SalesforceError("INVALID_TYPE", message)
    return kind


def _id_of(row: Mapping[str, object]) -> str:
    found = row.get("id") or row.get("Id") or row.get("ID")
    if not isinstance(found, str) or to_18(found) is None:
        if not found:
            message = "Id not specified in an update call"
            raise SalesforceError("MISSING_ARGUMENT", message)
        raise SalesforceError("MALFORMED_ID", f"malformed id {found}")
    return found


def _fields(row: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in row.items() if key != "attributes" and key.lower() != "id"}


def _present(call: Call, sobject: str, record_id: str) -> None:
    """A row that never was answers INVALID_CROSS_REFERENCE_KEY in collections, not NOT_FOUND."""
    if (to_18(record_id) or "") not in call.org.records.table(sobject).rows:
        raise SalesforceError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
