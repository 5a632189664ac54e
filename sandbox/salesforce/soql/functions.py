"""Functions of one row: parts of dates, labels, formats.

The org's users live in UTC and read American English; its fiscal year is the calendar's; picklist
values are their own labels. How FORMAT writes money is assumed: as the user interface does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.fields import Field, Row
from sandbox.salesforce.soql import ast
from sandbox.salesforce.soql.parser import malformed

if TYPE_CHECKING:
    from sandbox.salesforce.soql.scope import Resolved, Scope

_NOON = 12
_MONTHS_A_QUARTER = 3


def _week_in_year(day: date) -> int:
    """Weeks of seven days from the first of January."""
    return (day.timetuple().tm_yday - 1) // 7 + 1


PARTS: dict[str, Callable[[datetime], int]] = {
    "CALENDAR_MONTH": lambda at: at.month,
    "CALENDAR_QUARTER": lambda at: (at.month - 1) // _MONTHS_A_QUARTER + 1,
    "CALENDAR_YEAR": lambda at: at.year,
    "DAY_IN_MONTH": lambda at: at.day,
    "DAY_IN_WEEK": lambda at: at.isoweekday() % 7 + 1,
    "DAY_IN_YEAR": lambda at: at.timetuple().tm_yday,
    "FISCAL_MONTH": lambda at: at.month,
    "FISCAL_QUARTER": lambda at: (at.month - 1) // _MONTHS_A_QUARTER + 1,
    "FISCAL_YEAR": lambda at: at.year,
    "HOUR_IN_DAY": lambda at: at.hour,
    "WEEK_IN_MONTH": lambda at: (at.day - 1) // 7 + 1,
    "WEEK_IN_YEAR": _week_in_year,
}
"""Numbers cut out of a date; Sunday is day 1 of the week."""
SHOWN = frozenset({"TOLABEL", "FORMAT"})
"""Functions that may be selected without grouping."""
_DATES = frozenset({"date", "datetime"})


def computed(scope: Scope, function: ast.Function) -> Resolved:
    """A function of a field as if it were a field; an unknown one is MALFORMED_QUERY."""
    name = function.name
    if name not in PARTS and name not in SHOWN and name not in {"DAY_ONLY", "CONVERTTIMEZONE"}:
        raise malformed(f"unexpected token: '{name}'")
    if function.argument is None:
        raise malformed("unexpected token: ')'")
    inner = scope.resolve(function.argument)
    if name == "TOLABEL":
        return inner
    if name == "FORMAT":
        field = Field(inner.field.name, inner.field.label, "string", length=255)
        return replace(inner, field=field, get=_formatted(inner))
    if inner.field.type not in _DATES:
        message = f"field '{inner.field.name}' is not valid for {name}: it must be a date"
        raise SalesforceError("INVALID_FIELD", message)
    if name == "CONVERTTIMEZONE":
        return inner
    if name == "DAY_ONLY":
        return replace(inner, field=Field("expr", "expr", "date"), get=_day(inner))
    return replace(inner, field=Field("expr", "expr", "int"), get=_part(inner, PARTS[name]))


def _part(inner: Resolved, cut: Callable[[datetime], int]) -> Callable[[Row], object]:
    get = inner.get
    return lambda row: None if (value := get(row)) is None else cut(_moment(str(value)))


def _day(inner: Resolved) -> Callable[[Row], object]:
    get = inner.get
    return lambda row: None if (value := get(row)) is None else str(value)[:10]


def _formatted(inner: Resolved) -> Callable[[Row], object]:
    get, kind = inner.get, inner.field.type

    def shown(row: Row) -> object:
        value = get(row)
        if value is None:
            return None
        if kind in _DATES:
            at = _moment(str(value))
            day = f"{at.month}/{at.day}/{at.year}"
            hour = f"{(at.hour - 1) % _NOON + 1}:{at:%M} {'AM' if at.hour < _NOON else 'PM'}"
            return day if kind == "date" else f"{day}, {hour}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            return str(value)
        return f"${value:,.2f}" if kind == "currency" else f"{value:,}"

    return shown


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text[:19])
