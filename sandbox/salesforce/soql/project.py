"""SELECT to a function from a row to the JSON object the API shows."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.fields import Row
from sandbox.salesforce.reading import Getter, getter
from sandbox.salesforce.soql import ast
from sandbox.salesforce.soql.parser import malformed
from sandbox.salesforce.soql.scope import Resolved, Scope, Step

Projector = Callable[[Row], dict[str, object]]
_FIELDS_LIMIT = 200
_GROUPS = frozenset({"ALL", "STANDARD", "CUSTOM"})


def projector(scope: Scope, query: ast.Query, version: str) -> Projector:
    """The shape of one record: attributes, then what was selected, in that order."""
    flat: list[tuple[str, Getter]] = []
    parents: dict[str, list[ast.Path]] = {}
    order: list[str] = []
    for path in _paths(scope, query):
        found = scope.resolve(path)
        if len(found.names) == 1:
            flat.append((found.names[0], found.get))
            order.append(found.names[0])
        else:
            if found.names[0] not in parents:
                order.append(found.names[0])
            parents.setdefault(found.names[0], []).append(_tail(path, found))
    getters = dict(flat)
    for name, tails in parents.items():
        getters[name] = _parent(scope, scope.step((scope.table,), name), tails, version)
    shown = [(name, getters[name]) for name in dict.fromkeys(order)]
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


def _paths(scope: Scope, query: ast.Query) -> list[ast.Path]:
    paths: list[ast.Path] = []
    for item in query.items:
        if isinstance(item, ast.Column):
            paths.append(item.path)
        elif isinstance(item, ast.Children):
            raise malformed("child relationship queries are not answered by this sandbox")
        elif item.name == "FIELDS":
            paths.extend(_group(scope, query, item))
        else:
            raise malformed(f"unexpected token: '{item.name}'")
    names = [tuple(part.lower() for part in path) for path in paths]
    if len(set(names)) < len(names):
        twice = next(path for path in names if names.count(path) > 1)
        raise SalesforceError("INVALID_FIELD", f"duplicate field selected: {twice[-1]}")
    return paths


def _group(scope: Scope, query: ast.Query, item: ast.Function) -> list[ast.Path]:
    group = (item.argument or ("",))[0].upper()
    if group not in _GROUPS:
        raise malformed(f"unexpected token: '{group}'")
    if group != "STANDARD" and (query.limit is None or query.limit > _FIELDS_LIMIT):
        message = "The SOQL FIELDS function must have a LIMIT of at most 200"
        raise malformed(message)
    visible = scope.records.visible_fields(scope.kind, scope.user_id)
    return [
        (field.name,) for field in visible if group == "ALL" or field.custom == (group == "CUSTOM")
    ]


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
