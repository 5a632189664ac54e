"""composite/tree: new records with their children in one call, all of them or none.

At most 200 records in all, five levels deep, each with a reference id of its own; children stand
below the name of their relationship (FACTS section 4 and the REST API guide [D]; the words of the
refusals are assumed).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aiohttp import web

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.relationships import children_of
from sandbox.salesforce.rest.collections import failed
from sandbox.salesforce.rest.context import DATA, Call, answer, call_of, json_body
from sandbox.salesforce.snapshot import Snapshot

MAX_RECORDS, MAX_DEPTH = 200, 5


@dataclass(frozen=True)
class Node:
    """One record to make: its object, reference and fields, and what hangs below it by the field
    that points up."""

    sobject: str
    reference: str
    fields: Mapping[str, object]
    below: tuple[tuple[str, Node], ...] = ()

    def all(self) -> Iterator[Node]:
        """This record and everything below it, parents first."""
        yield self
        for _, child in self.below:
            yield from child.all()


def routes() -> list[web.RouteDef]:
    """The endpoints of this module."""
    path = DATA + "/composite/tree/{sobject}"
    return [web.post(path + slash, create) for slash in ("", "/")]


async def create(request: web.Request) -> web.Response:
    """201 with an id for every reference; 400 with what is wrong, and nothing is made."""
    call = call_of(request)
    rows = (await json_body(request)).get("records")
    if not isinstance(rows, list) or not rows:
        raise SalesforceError("INVALID_INPUT", "records must hold at least one record")
    sobject = call.org.records.kind(request.match_info["sobject"]).name
    try:
        nodes = [_node(call, sobject, row, 1) for row in rows]
        _check([one for node in nodes for one in node.all()])
    except _RefusedError as refused:
        return _refusal([(refused.reference, refused.error)])
    before = Snapshot(call.org.records)
    results: list[dict[str, object]] = []
    errors: list[tuple[str, SalesforceError]] = []
    for node in nodes:
        _make(call, node, {}, results, errors)
    if errors:
        before.restore()
        return _refusal(errors)
    return answer({"hasErrors": False, "results": results}, status=201)


class _RefusedError(Exception):
    """A tree that cannot be: the record and the reason."""

    def __init__(self, reference: str, message: str) -> None:
        super().__init__(message)
        self.reference = reference
        self.error = SalesforceError("INVALID_INPUT", message)


def _node(call: Call, sobject: str, row: object, depth: int) -> Node:
    if not isinstance(row, dict):
        raise _RefusedError("", "A record must be an object")
    attributes = row.get("attributes")
    reference = attributes.get("referenceId") if isinstance(attributes, dict) else None
    if not isinstance(reference, str) or not reference:
        raise _RefusedError("", "Include a reference ID for each record in the request.")
    if depth > MAX_DEPTH:
        raise _RefusedError(reference, f"A tree may be at most {MAX_DEPTH} levels deep.")
    kinds = {
        one.name.lower(): one
        for one in children_of(call.org.records, call.org.records.kind(sobject))
        if one.name is not None
    }
    fields: dict[str, object] = {}
    below: list[tuple[str, Node]] = []
    for name, value in row.items():
        child = kinds.get(name.lower())
        if name == "attributes":
            continue
        if child is None or not isinstance(value, dict):
            fields[name] = value
            continue
        for one in value.get("records") or []:
            node = _node(call, child.table.kind.name, one, depth + 1)
            below.append((child.field.name, node))
    return Node(sobject, reference, fields, tuple(below))


def _check(nodes: list[Node]) -> None:
    if len(nodes) > MAX_RECORDS:
        raise _RefusedError("", f"A tree may hold at most {MAX_RECORDS} records.")
    known: set[str] = set()
    for node in nodes:
        if node.reference in known:
            raise _RefusedError(node.reference, "Duplicate ReferenceId provided in the request.")
        known.add(node.reference)


def _make(
    call: Call,
    node: Node,
    parent: Mapping[str, object],
    results: list[dict[str, object]],
    errors: list[tuple[str, SalesforceError]],
) -> None:
    """Make a record and what is below it; where it fails, nothing below it is tried."""
    try:
        made = call.org.records.create(node.sobject, {**node.fields, **parent}, call.caller())
    except SalesforceError as error:
        errors.append((node.reference, error))
        return
    results.append({"referenceId": node.reference, "id": made})
    for field, child in node.below:
        _make(call, child, {field: made}, results, errors)


def _refusal(errors: list[tuple[str, SalesforceError]]) -> web.Response:
    shown = [
        {"referenceId": reference, "errors": failed(error)["errors"]} for reference, error in errors
    ]
    return answer({"hasErrors": True, "results": shown}, status=400)
