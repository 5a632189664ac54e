"""What a record is related to, by the names of its relationships: /sobjects/Contact/ID/Account.

A parent is shown as a record, children as the answer of a query, all on one page (assumed). A
parent that is not set is 404, as an unknown relationship is [D].
"""

from __future__ import annotations

from aiohttp import web

from sandbox.salesforce.errors import SalesforceError, not_found
from sandbox.salesforce.fields import Field
from sandbox.salesforce.relationships import Child, children_of
from sandbox.salesforce.rest.context import Call, answer
from sandbox.salesforce.soql.execute import execute
from sandbox.salesforce.table import Table


def related(
    call: Call, table: Table, record_id: str, relationship: str, request: web.Request
) -> web.Response:
    """The parent or the children a relationship leads to."""
    records = call.org.records
    row = records.live(table.kind.name, record_id)
    for field in records.visible_fields(table.kind, call.user_id):
        if (field.relationship or "").lower() == relationship.lower():
            return _parent(call, field, row.get(field.name), request)
    for child in children_of(records, table.kind):
        if (child.name or "").lower() == relationship.lower():
            return _children(call, child, record_id, request)
    raise _unknown(relationship, table)


def _parent(call: Call, field: Field, value: object, request: web.Request) -> web.Response:
    tables = (call.org.records.table(name) for name in field.reference_to)
    target = next((one for one in tables if str(value) in one.rows), None)
    found = [] if target is None else _found(call, target, f"Id = '{value}'", request)
    if not found:
        raise not_found()
    return answer(found[0])


def _children(call: Call, child: Child, record_id: str, request: web.Request) -> web.Response:
    found = _found(call, child.table, f"{child.field.name} = '{record_id}'", request)
    return answer({"totalSize": len(found), "done": True, "records": found})


def _found(call: Call, table: Table, where: str, request: web.Request) -> list[dict[str, object]]:
    """Records with all visible fields, or those of `fields=`."""
    visible = call.org.records.visible_fields(table.kind, call.user_id)
    names = request.query.get("fields") or ",".join(field.name for field in visible)
    query = f"SELECT {names} FROM {table.kind.name} WHERE {where}"
    found = execute(call.org.records, query, user_id=call.user_id, version=call.version)
    return found.shown(0, found.total)


def _unknown(relationship: str, table: Table) -> SalesforceError:
    message = f"The relationship {relationship} does not exist on {table.kind.name}"
    return SalesforceError("NOT_FOUND", message)
