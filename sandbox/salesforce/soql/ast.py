"""A query as data: what the parser makes and the compiler reads."""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[str, ...]


@dataclass(frozen=True)
class Literal:
    """A value in a query; `kind` is text, number, boolean, null, date, datetime or range."""

    kind: str
    value: str | float | int | bool | None
    count: int | None = None


@dataclass(frozen=True)
class Function:
    """A function, an aggregate or FIELDS(...): name in upper case, argument, alias."""

    name: str
    argument: Path | Function | None
    alias: str | None = None


Target = Path | Function
"""What may be compared, grouped and sorted by."""


@dataclass(frozen=True)
class Compared:
    """`target operator value`; operator `LIKE` has a text value."""

    path: Target
    operator: str
    value: Literal


@dataclass(frozen=True)
class Member:
    """`path [NOT] IN (...)`, or for multi-select picklists INCLUDES and EXCLUDES (`spread`)."""

    path: Path
    values: tuple[Literal, ...]
    negated: bool = False
    spread: bool = False


@dataclass(frozen=True)
class InQuery:
    """`path [NOT] IN (SELECT column FROM sobject WHERE ...)`."""

    path: Path
    column: Path
    sobject: str
    where: Condition | None
    negated: bool = False


@dataclass(frozen=True)
class Both:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Either:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition = Compared | Member | InQuery | Both | Either | Not


@dataclass(frozen=True)
class Column:
    """A selected field, possibly of a parent."""

    path: Path


@dataclass(frozen=True)
class TypeOf:
    """TYPEOF: fields of a parent by what it is, and those of any other."""

    path: Path
    branches: tuple[tuple[str, tuple[Path, ...]], ...]
    otherwise: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Children:
    """A child relationship query in the select list."""

    query: Query


@dataclass(frozen=True)
class Order:
    """One sort key; nulls come first unless told otherwise."""

    key: Target
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True)
class Query:
    """A whole query."""

    items: tuple[Column | Function | TypeOf | Children, ...]
    sobject: str
    alias: str | None = None
    where: Condition | None = None
    group_by: tuple[Target, ...] = ()
    group_mode: str = ""
    """ROLLUP or CUBE, or neither."""
    having: Condition | None = None
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    all_rows: bool = False
