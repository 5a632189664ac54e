"""COUNT() and the aggregates, with or without GROUP BY."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.fields import NUMBERS, Row
from sandbox.salesforce.reading import Getter
from sandbox.salesforce.soql import ast
from sandbox.salesforce.soql.parser import malformed
from sandbox.salesforce.soql.scope import Scope

_NAMES = frozenset({"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"})
Reducer = Callable[[Sequence[Row]], object]


def is_bare_count(query: ast.Query) -> bool:
    """`SELECT COUNT() FROM ...`, which answers with totalSize and no records."""
    first = query.items[0]
    return isinstance(first, ast.Function) and first.name == "COUNT" and first.argument is None


def is_aggregate(query: ast.Query) -> bool:
    """Whether the answer is made of AggregateResult rows."""
    return bool(query.group_by) or any(
        isinstance(item, ast.Function) and item.name in _NAMES for item in query.items
    )


def aggregate(scope: Scope, query: ast.Query, rows: Iterable[Row]) -> list[dict[str, object]]:
    """The AggregateResult records, grouped; without GROUP BY exactly one."""
    keys = [scope.resolve(path) for path in query.group_by]
    groups: dict[tuple[object, ...], list[Row]] = {} if keys else {(): []}
    for row in rows:
        groups.setdefault(tuple(key.get(row) for key in keys), []).append(row)
    shown: list[tuple[str, Reducer]] = []
    unnamed = 0
    for item in query.items:
        name, reducer = _item(scope, query, item, unnamed)
        unnamed += isinstance(item, ast.Function) and item.alias is None
        shown.append((name, reducer))
    return [
        {
            "attributes": {"type": "AggregateResult"},
            **{name: reduce(members) for name, reduce in shown},
        }
        for members in groups.values()
    ]


def _item(
    scope: Scope, query: ast.Query, item: ast.Column | ast.Function | ast.Children, unnamed: int
) -> tuple[str, Reducer]:
    if isinstance(item, ast.Function):
        return item.alias or f"expr{unnamed}", _reducer(scope, item)
    if isinstance(item, ast.Children):
        raise malformed("child queries cannot stand beside aggregates")
    found = scope.resolve(item.path)
    grouped = [scope.resolve(path).names for path in query.group_by]
    if found.names not in grouped:
        message = f"Field must be grouped or aggregated: {item.path[-1]}"
        raise malformed(message)
    get = found.get
    return found.names[-1], lambda members: get(members[0]) if members else None


def _reducer(scope: Scope, item: ast.Function) -> Reducer:
    if item.name not in _NAMES:
        raise malformed(f"unexpected token: '{item.name}'")
    if item.argument is None:
        if item.name != "COUNT":
            raise malformed("unexpected token: ')'")
        return len
    found = scope.resolve(item.argument)
    if item.name in {"SUM", "AVG"} and found.field.type not in NUMBERS | {"int"}:
        message = f"field {found.field.name} does not support aggregate operator {item.name}"
        raise SalesforceError("MALFORMED_QUERY", message)
    return _fold(item.name, found.get)


def _fold(name: str, get: Getter) -> Reducer:
    def values(members: Sequence[Row]) -> list[object]:
        return [value for row in members if (value := get(row)) is not None]

    folds: dict[str, Callable[[list[object]], object]] = {
        "COUNT": len,
        "COUNT_DISTINCT": lambda found: len(set(found)),
        "MIN": lambda found: min(found, default=None),  # type: ignore[type-var]
        "MAX": lambda found: max(found, default=None),  # type: ignore[type-var]
        "SUM": lambda found: sum(found) if found else None,  # type: ignore[arg-type]
        "AVG": lambda found: sum(found) / len(found) if found else None,  # type: ignore[arg-type]
    }
    fold = folds[name]
    return lambda members: fold(values(members))
