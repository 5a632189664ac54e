"""Which rows to look at: by id, by an indexed value, by SystemModstamp, or all of them.

The chosen rows are a superset of the answer in a useful order; the WHERE closure decides. Only the
top-level AND of a condition narrows, except for stamp bounds, which also follow OR (the keyset form
`stamp > t OR (stamp = t AND Id > x)` is how clients page).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sandbox.salesforce.fields import Field, Row, Value
from sandbox.salesforce.soql import ast
from sandbox.salesforce.soql.predicates import constant
from sandbox.salesforce.soql.scope import Scope

_STAMP = "SystemModstamp"
_INDEXED = frozenset({"id", "email", "phone"})
_COMMON = frozenset({"OwnerId", "CreatedById", "LastModifiedById"})
_NAMES = frozenset({"Name", "LastName", "Company", "Username"})


@dataclass(frozen=True)
class Source:
    """Rows to test, and whether they already come in (SystemModstamp, Id) order."""

    rows: Iterable[Row]
    by_stamp: bool = False


@dataclass(frozen=True)
class _Bounds:
    low: str | None = None
    high: str | None = None


def choose(scope: Scope, query: ast.Query) -> Source:
    """The cheapest source for a query."""
    table = scope.table
    parts = _conjuncts(query.where)
    best: list[str] | None = None
    for part in parts:
        found = _lookup(scope, part)
        if found is not None and (best is None or len(found) < len(best)):
            best = found
    bounds = _bounds(scope, query.where) if _STAMP in scope.kind.fields else _Bounds()
    if best is not None:
        stamped = table.count_between(bounds.low, bounds.high) if bounds != _Bounds() else None
        if stamped is None or len(best) <= stamped:
            return Source(_rows(scope, best))
    if bounds != _Bounds() or sorts_by_stamp(query):
        return Source(table.between(bounds.low, bounds.high), by_stamp=True)
    return Source(table.all_seen())


def sorts_by_stamp(query: ast.Query) -> bool:
    """Whether ORDER BY is SystemModstamp, or SystemModstamp and Id, ascending."""
    keys = [order.key for order in query.order_by]
    if not keys or any(order.descending or order.nulls_last for order in query.order_by):
        return False
    names = [key[-1].lower() if isinstance(key, tuple) and len(key) == 1 else "" for key in keys]
    return names in ([_STAMP.lower()], [_STAMP.lower(), "id"])


def _rows(scope: Scope, ids: Iterable[str]) -> Iterator[Row]:
    for record_id in ids:
        row = scope.table.seen(record_id)
        if row is not None:
            yield row


def _conjuncts(node: ast.Condition | None) -> tuple[ast.Condition, ...]:
    if isinstance(node, ast.Both):
        return tuple(leaf for part in node.parts for leaf in _conjuncts(part))
    return () if node is None else (node,)


def _lookup(scope: Scope, node: ast.Condition) -> list[str] | None:
    """Ids a conjunct allows, by index; None where no index helps."""
    if isinstance(node, ast.Compared) and node.operator == "=":
        literals: tuple[ast.Literal, ...] = (node.value,)
    elif isinstance(node, ast.Member) and not node.negated and not node.spread:
        literals = node.values
    else:
        return None
    if not isinstance(node.path, tuple) or len(node.path) != 1:
        return None
    if any(one.kind in {"null", "range"} for one in literals):
        return None
    field = scope.kind.find(node.path[0])
    if field is None or not _has_index(field):
        return None
    return _find(scope, field, {constant(field, one) for one in literals})


def _has_index(field: Field) -> bool:
    if field.type == "reference":
        return field.name not in _COMMON
    return (
        field.type in _INDEXED
        or field.external_id
        or field.unique
        or field.id_lookup
        or field.name in _NAMES
    )


def _find(scope: Scope, field: Field, values: set[Value]) -> list[str]:
    if field.type == "id":
        return sorted(str(value) for value in values if value in scope.table.rows)
    found: list[str] = []
    for value in values:
        found.extend(scope.table.matching(field, value))
    found.sort()
    return found


def _bounds(scope: Scope, node: ast.Condition | None) -> _Bounds:
    """The stamps outside which no row can pass (bounds included)."""
    if isinstance(node, ast.Compared):
        return _bound(node)
    if isinstance(node, ast.Both):
        inner = [_bounds(scope, part) for part in node.parts]
        lows = [one.low for one in inner if one.low is not None]
        highs = [one.high for one in inner if one.high is not None]
        return _Bounds(max(lows, default=None), min(highs, default=None))
    if isinstance(node, ast.Either):
        inner = [_bounds(scope, part) for part in node.parts]
        every_low = [one.low for one in inner if one.low is not None]
        every_high = [one.high for one in inner if one.high is not None]
        return _Bounds(
            min(every_low) if len(every_low) == len(inner) else None,
            max(every_high) if len(every_high) == len(inner) else None,
        )
    return _Bounds()


def _bound(node: ast.Compared) -> _Bounds:
    if not isinstance(node.path, tuple) or len(node.path) != 1:
        return _Bounds()
    if node.path[0].lower() != _STAMP.lower():
        return _Bounds()
    if node.value.kind != "datetime":
        return _Bounds()
    value = str(node.value.value)
    if node.operator in {">", ">="}:
        return _Bounds(low=value)
    if node.operator in {"<", "<="}:
        return _Bounds(high=value)
    return _Bounds(value, value) if node.operator == "=" else _Bounds()
