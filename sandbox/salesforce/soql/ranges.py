"""Date literals: TODAY, LAST_N_DAYS:5 and their like, as half-open ranges of days in UTC.

The org's fiscal year is the calendar's, so that fiscal periods are the others.

The vendor counts in the user's time zone and week; this org's users live in UTC and their week
begins on Sunday (the vendor's default locale).
"""

from __future__ import annotations

from datetime import date, timedelta

from sandbox.salesforce.soql.parser import malformed

_DAYS = {"TODAY": (0, 1), "YESTERDAY": (-1, 0), "TOMORROW": (1, 2)}
_MONTHS = 12
_UNITS = ("WEEK", "MONTH", "QUARTER", "YEAR")


def date_range(name: str, count: int | None, today: date) -> tuple[date, date]:
    """First day and the day after the last one; an unknown literal is MALFORMED_QUERY."""
    name = name.replace("FISCAL_", "")
    if name in _DAYS:
        start, stop = _DAYS[name]
        return today + timedelta(days=start), today + timedelta(days=stop)
    if name.endswith("_DAYS") or name == "N_DAYS_AGO":
        found = _days(name, count, today)
    else:
        found = _period(name, count, today)
    if found is None:
        raise malformed(f"unexpected token: '{name}'")
    return found


def _days(name: str, count: int | None, today: date) -> tuple[date, date] | None:
    if name in {"LAST_90_DAYS", "NEXT_90_DAYS"}:
        name, count = name.replace("90", "N"), 90
    if count is None:
        return None
    if name == "LAST_N_DAYS":
        return today - timedelta(days=count), today + timedelta(days=1)
    if name == "NEXT_N_DAYS":
        return today + timedelta(days=1), today + timedelta(days=count + 1)
    if name == "N_DAYS_AGO":
        return today - timedelta(days=count), today - timedelta(days=count - 1)
    return None


def _period(name: str, count: int | None, today: date) -> tuple[date, date] | None:
    if name.startswith("N_") and name.endswith("S_AGO") and count is not None:
        unit = name.removeprefix("N_").removesuffix("S_AGO")
        if unit not in _UNITS:
            return None
        return _shifted(unit, -count, today), _shifted(unit, 1 - count, today)
    which, _, unit = name.partition("_")
    if unit.startswith("N_") and count is not None:
        single = {f"N_{one}S": one for one in _UNITS}.get(unit)
        spans = {"LAST": (-count, 0), "NEXT": (1, count + 1)}
        if single is None or which not in spans:
            return None
        first, stop = spans[which]
        return _shifted(single, first, today), _shifted(single, stop, today)
    step = {"LAST": -1, "THIS": 0, "NEXT": 1}.get(which)
    if step is None or unit not in _UNITS:
        return None
    return _shifted(unit, step, today), _shifted(unit, step + 1, today)


def _shifted(unit: str, step: int, today: date) -> date:
    """The first day of the week, month, quarter or year `step` periods from this one."""
    if unit == "WEEK":
        sunday = today - timedelta(days=(today.weekday() + 1) % 7)
        return sunday + timedelta(weeks=step)
    if unit == "YEAR":
        return date(today.year + step, 1, 1)
    span = 3 if unit == "QUARTER" else 1
    index = today.year * _MONTHS + (today.month - 1) // span * span + step * span
    return date(index // _MONTHS, index % _MONTHS + 1, 1)
