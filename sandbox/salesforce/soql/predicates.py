"""WHERE to a closure over rows.

Text compares without case (ids and case-sensitive fields with it); null equals only null, is
unequal to every value, and is neither less nor greater than any (the vendor's rules).
"""

from __future__ import annotations

import operator as op
import re
from collections.abc import Callable
from datetime import date
from typing import Any

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.fields import NUMBERS, Field, Row, Value
from sandbox.salesforce.ids import to_18
from sandbox.salesforce.soql import ast
from sandbox.salesforce.soql.ranges import date_range
from sandbox.salesforce.soql.scope import Names, Resolved, Scope
from sandbox.salesforce.table import fold
from sandbox.salesforce.times import parse_date_as_datetime

Predicate = Callable[[Row], bool]
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": op.lt, "<=": op.le, ">": op.gt, ">=": op.ge,
}  # fmt: skip
_DAYS = frozenset({"date", "datetime"})


def compile_condition(scope: Names, node: ast.Condition) -> Predicate:
    """The test a row must pass."""
    if isinstance(node, ast.Both):
        return _all([compile_condition(scope, part) for part in node.parts])
    if isinstance(node, ast.Either):
        return _any([compile_condition(scope, part) for part in node.parts])
    if isinstance(node, ast.Not):
        inner = compile_condition(scope, node.part)
        return lambda row: not inner(row)
    if isinstance(node, ast.Member):
        return _member(scope, node)
    if isinstance(node, ast.InQuery):
        return _in_query(scope, node)
    return _compared(scope, node)


def _all(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:
        first, second = parts
        return lambda row: first(row) and second(row)
    return lambda row: all(part(row) for part in parts)


def _any(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:
        first, second = parts
        return lambda row: first(row) or second(row)
    return lambda row: any(part(row) for part in parts)


def filterable(scope: Names, path: ast.Target) -> Resolved:
    """The field, which must be one that may stand in WHERE."""
    found = scope.resolve(path)
    if found.field.is_long_text or found.field.type in {"address", "complexvalue"}:
        message = f"field '{found.field.name}' can not be filtered in a query call"
        raise SalesforceError("INVALID_FIELD", message)
    return found


def constant(field: Field, literal: ast.Literal) -> Value:
    """The literal as the field stores it, or the vendor's refusal of a wrong kind."""
    value = literal.value
    if literal.kind == "null":
        return False if field.type == "boolean" else None
    if field.type == "boolean":
        return _expect(field, literal, {"boolean"}, "boolean")
    if field.type == "int" or field.type in NUMBERS:
        return _expect(field, literal, {"number"}, "double" if field.type != "int" else "int")
    if field.type == "datetime":
        if literal.kind == "date":
            raise _wrong(field, "dateTime", quoted=False)
        return _expect(field, literal, {"datetime"}, "dateTime")
    if field.type == "date":
        return _expect(field, literal, {"date"}, "date")
    if literal.kind != "text":
        message = (
            f"value of filter criterion for field '{field.name}' must be of type string and"
            " should be enclosed in quotes"
        )
        raise SalesforceError("INVALID_FIELD", message)
    if field.type in {"id", "reference"}:
        return _id(field, str(value))
    return fold(field, str(value))


def _id(field: Field, value: str) -> Value:
    long = to_18(value)
    if long is None and value:
        message = f"invalid ID field: {value}"
        raise SalesforceError("INVALID_QUERY_FILTER_OPERATOR", message)
    return long


def _expect(field: Field, literal: ast.Literal, kinds: set[str], name: str) -> Value:
    if literal.kind not in kinds:
        raise _wrong(field, name, quoted=literal.kind == "text")
    return literal.value


def _wrong(field: Field, kind: str, *, quoted: bool) -> SalesforceError:
    tail = " and should not be enclosed in quotes" if quoted or kind == "dateTime" else ""
    message = f"value of filter criterion for field '{field.name}' must be of type {kind}{tail}"
    return SalesforceError("INVALID_FIELD", message)


def _folded(found: Resolved) -> Callable[[Row], object]:
    field, get = found.field, found.get
    if field.is_text and not field.case_sensitive:

        def lower(row: Row) -> object:
            value = get(row)
            return value.lower() if type(value) is str else value

        return lower
    return get


def _compared(scope: Names, node: ast.Compared) -> Predicate:
    found = filterable(scope, node.path)
    if node.value.kind == "range":
        return _ranged(scope, found, node)
    if node.operator == "LIKE":
        return _like(found, str(node.value.value))
    wanted = constant(found.field, node.value)
    get = _folded(found)
    if node.operator == "=":
        return lambda row: get(row) == wanted
    if node.operator == "!=":
        return lambda row: get(row) != wanted
    if found.field.type == "boolean":
        message = f"operator '{node.operator}' is not valid for field '{found.field.name}'"
        raise SalesforceError("INVALID_FIELD", message)
    compare = _ORDER[node.operator]
    if wanted is None:
        return lambda _row: False
    return lambda row: (value := get(row)) is not None and compare(value, wanted)


def _like(found: Resolved, pattern: str) -> Predicate:
    if not found.field.is_text:
        message = f"invalid operator on field '{found.field.name}'"
        raise SalesforceError("INVALID_FIELD", message)
    regex = ""
    chars = iter(pattern)
    for char in chars:
        if char == "\\":
            regex += re.escape(next(chars, ""))
        else:
            regex += {"%": ".*", "_": "."}.get(char) or re.escape(char)
    test = re.compile(regex, re.IGNORECASE | re.DOTALL).fullmatch
    get = found.get
    return lambda row: (value := get(row)) is not None and test(str(value)) is not None


def _ranged(scope: Names, found: Resolved, node: ast.Compared) -> Predicate:
    if found.field.type not in _DAYS:
        message = f"unexpected token: '{node.value.value}'"
        raise SalesforceError("MALFORMED_QUERY", message)
    first, stop = date_range(str(node.value.value), node.value.count, scope.today)
    low, high = _edge(found.field, first), _edge(found.field, stop)
    get = found.get
    tests: dict[str, Callable[[str], bool]] = {
        "=": lambda value: low <= value < high,
        "!=": lambda value: not low <= value < high,
        "<": lambda value: value < low,
        "<=": lambda value: value < high,
        ">": lambda value: value >= high,
        ">=": lambda value: value >= low,
    }
    test = tests[node.operator]
    return lambda row: (value := get(row)) is not None and test(str(value))


def _edge(field: Field, day: date) -> str:
    text = day.isoformat()
    return text if field.type == "date" else str(parse_date_as_datetime(text))


def _member(scope: Names, node: ast.Member) -> Predicate:
    found = filterable(scope, node.path)
    if node.spread:
        return _spread(found, node)
    wanted = frozenset(constant(found.field, value) for value in node.values)
    get = _folded(found)
    if node.negated:
        return lambda row: get(row) not in wanted
    return lambda row: get(row) in wanted


def _spread(found: Resolved, node: ast.Member) -> Predicate:
    if found.field.type != "multipicklist":
        name = found.field.name
        message = f"includes or excludes operator only valid on multipicklist field: {name}"
        raise SalesforceError("INVALID_FIELD", message)
    choices = [frozenset(str(value.value).lower().split(";")) for value in node.values]
    get = found.get

    def holds(row: Row) -> bool:
        value = get(row)
        chosen = frozenset(str(value).lower().split(";")) if value is not None else frozenset()
        return any(choice <= chosen for choice in choices)

    return (lambda row: not holds(row)) if node.negated else holds


def _in_query(scope: Names, node: ast.InQuery) -> Predicate:
    found = filterable(scope, node.path)
    inner = Scope(scope.records, node.sobject, scope.user_id)
    column = inner.resolve(node.column)
    test = None if node.where is None else compile_condition(inner, node.where)
    wanted = {
        column.get(row)
        for row in inner.table.all_seen()
        if not row.get("IsDeleted") and (test is None or test(row))
    }
    wanted.discard(None)
    get = found.get
    if node.negated:
        return lambda row: get(row) not in wanted
    return lambda row: get(row) in wanted
