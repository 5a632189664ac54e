"""SELECT to a function from a row to the JSON object the API shows."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.fields import Row
from sandbox.salesforce.reading import Getter, getter
from sandbox.salesforce.relationships import children_of
from sandbox.salesforce.soql import ast
from sandbox.salesforce.soql.functions import SHOWN
from sandbox.salesforce.soql.parser import malformed
from sandbox.salesforce.soql.predicates import compile_condition
from sandbox.salesforce.soql.rows import ordered, present
from sandbox.salesforce.soql.scope import Resolved, Scope, Step

Projector = Callable[[Row], dict[str, object]]
_FIELDS_LIMIT = 200
_GROUPS = frozenset({"ALL", "STANDARD", "CUSTOM"})


def projector(scope: Scope, query: ast.Query, version: str) -> Projector:
    """The shape of one record: attributes, then what was selected, in that order."""
    getters: dict[str, Getter] = {}
    parents: dict[str, list[ast.Path]] = {}
    for item in _items(scope, query):
        if isinstance(item, ast.Function):
            found = scope.resolve(item)
            getters[item.alias or found.names[-1]] = found.get
        elif isinstance(item, ast.TypeOf):
            name, get = _typed(scope, item, version)
            getters[name] = get
        else:
            found = scope.resolve(item)
            getters[found.names[0]] = found.get
            if len(found.names) > 1:
                parents.setdefault(found.names[0], []).append(_tail(item, found))
    for name, tails in parents.items():
        getters[name] = _parent(scope, scope.step((scope.table,), name), tails, version)
    for each in query.items:
        if isinstance(each, ast.Children):
            name, get = _children(scope, each.query, version)
            getters[name] = get
    shown = list(getters.items())
    prefix = f"/services/data/v{version}/sobjects/{scope.kind.name}/"
    kind = scope.kind.name

    def project(row: Row) -> dict[str, object]:
        record: dict[str, object] = {"attributes": {"type": kind, "url": prefix + str(row["Id"])}}
        for name, get in shown:
            record[name] = get(row)
        return record

    return project


def _tail(path: ast.Path, found: Resolved) -> ast.Path:
    return path[len(path) - len(found.names) + 1 :]


def _items(scope: Scope, query: ast.Query) -> list[ast.Path | ast.Function | ast.TypeOf]:
    """What is selected in order, FIELDS() spelled out; child queries stand behind it all."""
    items: list[ast.Path | ast.Function | ast.TypeOf] = []
    for item in query.items:
        if isinstance(item, ast.Column):
            items.append(item.path)
        elif isinstance(item, ast.TypeOf):
            items.append(item)
        elif isinstance(item, ast.Children):
            continue
        elif item.name == "FIELDS":
            items.extend(_group(scope, query, item))
        elif item.name in SHOWN:
            items.append(item)
        else:
            raise malformed(f"unexpected token: '{item.name}'")
    names = [tuple(part.lower() for part in path) for path in items if isinstance(path, tuple)]
    if len(set(names)) < len(names):
        twice = next(path for path in names if names.count(path) > 1)
        raise SalesforceError("INVALID_FIELD", f"duplicate field selected: {twice[-1]}")
    return items


def _group(scope: Scope, query: ast.Query, item: ast.Function) -> list[ast.Path]:
    argument = item.argument
    group = argument[0].upper() if isinstance(argument, tuple) else ""
    if group not in _GROUPS:
        raise malformed(f"unexpected token: '{group}'")
    if group != "STANDARD" and (query.limit is None or query.limit > _FIELDS_LIMIT):
        message = "The SOQL FIELDS function must have a LIMIT of at most 200"
        raise malformed(message)
    visible = scope.records.visible_fields(scope.kind, scope.user_id)
    return [
        (field.name,) for field in visible if group == "ALL" or field.custom == (group == "CUSTOM")
    ]


def _children(scope: Scope, query: ast.Query, version: str) -> tuple[str, Getter]:
    """The name of a child relationship and its nested answer; null where there are no children."""
    child = next(
        (
            one
            for one in children_of(scope.records, scope.kind)
            if one.name is not None and one.name.lower() == query.sobject.lower()
        ),
        None,
    )
    if child is None or child.name is None:
        message = (
            f"Didn't understand relationship '{query.sobject}' in FROM part of query call. If you"
            " are attempting to use a custom relationship, be sure to append the '__r' after the"
            " custom relationship name. Please reference your WSDL or the describe call for the"
            " appropriate names."
        )
        raise SalesforceError("INVALID_TYPE", message)
    inner = Scope(scope.records, child.table.kind.name, scope.user_id)
    project = projector(inner, query, version)
    test = None if query.where is None else compile_condition(inner, query.where)
    table, field = child.table, child.field

    def fetch(row: Row) -> object:
        seen = (table.seen(one) for one in table.matching(field, row["Id"]))
        rows = present(inner, (one for one in seen if one is not None))
        found = ordered(inner, query, filter(test, rows) if test else rows)[: query.limit]
        if not found:
            return None
        return {"totalSize": len(found), "done": True, "records": [project(one) for one in found]}

    return child.name, fetch


def _parent(scope: Scope, step: Step, tails: list[ast.Path], version: str) -> Getter:
    """The nested object of one relationship; null where there is no parent."""
    deeper: dict[str, list[ast.Path]] = {}
    names: list[str] = []
    for tail in tails:
        if len(tail) > 1:
            deeper.setdefault(tail[0].lower(), []).append(tail[1:])
        names.append(tail[0])
    nested = {
        name: (below := scope.step(step.tables, name), _parent(scope, below, rest, version))
        for name, rest in deeper.items()
    }
    many = len(step.tables) > 1

    def fetch(row: Row) -> object:
        found = step.follow(row)
        if found is None:
            return None
        table, parent = found
        kind = table.kind
        shown: dict[str, object] = {
            "attributes": {
                "type": "Name" if many else kind.name,
                "url": f"/services/data/v{version}/sobjects/{kind.name}/{parent['Id']}",
            }
        }
        for name in names:
            if name.lower() in nested:
                below, get = nested[name.lower()]
                shown[below.name] = get(parent)
                continue
            field = kind.find(name)
            if many and name.lower() == "type":
                shown["Type"] = kind.name
            elif field is not None:
                shown[field.name] = getter(field)(parent)
            else:
                shown[name] = None
        return shown

    return fetch


def _typed(scope: Scope, item: ast.TypeOf, version: str) -> tuple[str, Getter]:
    """The name of a relationship to several objects, and the parent with the fields of its own
    branch; null where there is no parent."""
    step = scope.step((scope.table,), item.path[-1])
    inner = {
        table.kind.name: Scope(scope.records, table.kind.name, scope.user_id)
        for table in step.tables
    }
    branches = {name.lower(): paths for name, paths in item.branches}
    shown = {
        name: [one.resolve(path) for path in branches.get(name.lower(), item.otherwise)]
        for name, one in inner.items()
    }

    def fetch(row: Row) -> object:
        found = step.follow(row)
        if found is None:
            return None
        table, parent = found
        kind = table.kind.name
        url = f"/services/data/v{version}/sobjects/{kind}/{parent['Id']}"
        fields = {each.names[-1]: each.get(parent) for each in shown[kind]}
        return {"attributes": {"type": kind, "url": url}, **fields}

    return step.name, fetch
