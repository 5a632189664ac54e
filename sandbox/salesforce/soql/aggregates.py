"""COUNT() and the aggregates: groups of rows, their values, HAVING, ORDER BY and subtotals.

A group becomes a row of its own, whose fields are what the query says of it, so that HAVING and
ORDER BY are those of plain rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import combinations

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.fields import NUMBERS, Field, Row
from sandbox.salesforce.reading import Getter
from sandbox.salesforce.records import Records
from sandbox.salesforce.soql import ast
from sandbox.salesforce.soql.functions import SHOWN
from sandbox.salesforce.soql.parser import malformed
from sandbox.salesforce.soql.predicates import compile_condition
from sandbox.salesforce.soql.rows import ordered
from sandbox.salesforce.soql.scope import Resolved, Scope

_NAMES = frozenset({"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"})
_GROUPING = "GROUPING"
Key = tuple[object, ...]
Group = tuple[Key, frozenset[int], Sequence[Row]]
"""The values of the grouped fields, which of them are summed up over, and the rows."""
Reducer = Callable[[Group], object]
Item = ast.Column | ast.Function | ast.TypeOf | ast.Children


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
    """The AggregateResult records, grouped, filtered and in order; without GROUP BY exactly one."""
    groups = _Groups(scope, query)
    shown = groups.selected()
    test = None if query.having is None else compile_condition(groups, query.having)
    for order in query.order_by:
        groups.resolve(order.key)
    made = [groups.row(one) for one in _grouped(groups, query, rows)]
    if test is not None:
        made = list(filter(test, made))
    found = ordered(groups, query, made)
    return [
        {
            "attributes": {"type": "AggregateResult"},
            **{name: row[key] for name, key in shown},
        }
        for row in found
    ]


def _grouped(groups: _Groups, query: ast.Query, rows: Iterable[Row]) -> Iterator[Group]:
    """The groups, and for ROLLUP and CUBE those that sum them up."""
    keys = [one.get for one in groups.keys]
    kept: dict[Key, list[Row]] = {} if keys else {(): []}
    for row in rows:
        kept.setdefault(tuple(get(row) for get in keys), []).append(row)
    for key, members in kept.items():
        yield key, frozenset(), members
    for summed in _subtotals(query.group_mode, len(keys)):
        wider: dict[Key, list[Row]] = {}
        for key, members in kept.items():
            left = tuple(None if at in summed else value for at, value in enumerate(key))
            wider.setdefault(left, []).extend(members)
        for key, members in wider.items():
            yield key, summed, members


def _subtotals(mode: str, width: int) -> Iterator[frozenset[int]]:
    """Which grouped fields are summed up over: from the last to all, or every choice of them."""
    if mode == "ROLLUP":
        yield from (frozenset(range(at, width)) for at in reversed(range(width)))
    elif mode == "CUBE":
        for size in range(1, width + 1):
            yield from map(frozenset, combinations(range(width), size))


class _Groups:
    """The names of a grouped query: what is grouped by, and aggregates; each is a field of a
    group's row under its own spelling."""

    def __init__(self, scope: Scope, query: ast.Query) -> None:
        self.records: Records = scope.records
        self.user_id = scope.user_id
        self.today: date = scope.today
        self._scope = scope
        self._query = query
        self.keys = [_groupable(scope, target) for target in query.group_by]
        self._spellings = [_spelled(scope, target) for target in query.group_by]
        self._reducers: dict[str, Reducer] = {}
        self._aliases: dict[str, ast.Function] = {}

    def selected(self) -> list[tuple[str, str]]:
        """(name shown, field of a group's row) of each item of the select list."""
        shown, unnamed = [], 0
        for item in self._query.items:
            target = self._target(item)
            found = self.resolve(target)
            if isinstance(target, ast.Function):
                name = target.alias or f"expr{unnamed}"
                unnamed += target.alias is None
                self._aliases[name.lower()] = target
            else:
                name = found.names[-1]
            shown.append((name, found.field.name))
        return shown

    def row(self, group: Group) -> Row:
        """A group's row."""
        return {name: reduce(group) for name, reduce in self._reducers.items()}  # type: ignore[misc]

    def resolve(self, target: ast.Target) -> Resolved:
        """What is grouped by, or an aggregate; MALFORMED_QUERY for anything else."""
        if isinstance(target, ast.Function) and target.name in _NAMES:
            field, reducer = _aggregated(self._scope, target)
        elif isinstance(target, ast.Function) and target.name == _GROUPING:
            at = self._place(target.argument)
            field, reducer = Field("expr", "expr", "int"), lambda group: int(at in group[1])
        elif isinstance(target, tuple) and len(target) == 1 and target[0].lower() in self._aliases:
            return self.resolve(self._aliases[target[0].lower()])
        else:
            at = self._place(target)
            field, reducer = self.keys[at].field, lambda group: group[0][at]
        name = _spelled(self._scope, target)
        self._reducers[name] = reducer
        named = Field(name, field.label, field.type, length=field.length)
        names = self._scope.resolve(target).names if isinstance(target, tuple) else (name,)
        return Resolved(named, lambda row: row.get(name), names)

    def _place(self, target: ast.Target | None) -> int:
        """Where in GROUP BY a field stands."""
        spelled = "" if target is None else _spelled(self._scope, target)
        if spelled not in self._spellings:
            shown = target.name if isinstance(target, ast.Function) else (target or ("",))[-1]
            raise malformed(f"Field must be grouped or aggregated: {shown}")
        return self._spellings.index(spelled)

    @staticmethod
    def _target(item: Item) -> ast.Target:
        if isinstance(item, ast.Children | ast.TypeOf):
            raise malformed("child queries and TYPEOF cannot stand beside aggregates")
        return item.path if isinstance(item, ast.Column) else item


def _groupable(scope: Scope, target: ast.Target) -> Resolved:
    """The field or part of a date to group by."""
    if isinstance(target, ast.Function) and target.name in SHOWN:
        raise malformed(f"unexpected token: '{target.name}'")
    found = scope.resolve(target)
    if found.field.is_long_text or found.field.type in {"address", "complexvalue"}:
        message = f"field '{found.field.name}' can not be grouped in a query call"
        raise SalesforceError("INVALID_FIELD", message)
    return found


def _spelled(scope: Scope, target: ast.Target) -> str:
    """One spelling for every way to write a name or function; names are those of describe."""
    if isinstance(target, ast.Function):
        inner = "" if target.argument is None else _spelled(scope, target.argument)
        return f"{target.name}({inner})"
    return ".".join(scope.resolve(target).names)


def _aggregated(scope: Scope, item: ast.Function) -> tuple[Field, Reducer]:
    """An aggregate: the kind of its value and how it comes about."""
    if item.argument is None:
        if item.name != "COUNT":
            raise malformed("unexpected token: ')'")
        return Field("expr", "expr", "int"), lambda group: len(group[2])
    found = scope.resolve(item.argument)
    if item.name in {"SUM", "AVG"} and found.field.type not in NUMBERS | {"int"}:
        message = f"field {found.field.name} does not support aggregate operator {item.name}"
        raise SalesforceError("MALFORMED_QUERY", message)
    kind = {"COUNT": "int", "COUNT_DISTINCT": "int", "AVG": "double"}.get(item.name)
    return Field("expr", "expr", kind or found.field.type), _fold(item.name, found.get)


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
    return lambda group: fold(values(group[2]))
