"""Stretches of time that reports are about, in the reporting zone and by the company's calendar.

Days, weeks, months, quarters and years begin at midnight of the reporting zone, so that every event
falls into exactly one of each. Quarters and years are the company's: fiscal year 2026 begins on the
first of its first month in the calendar year 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mappings.contract import Period
from mappings.reporting import Reporting

ALL = "all"
_YEAR = re.compile(r"(?:FY)?(\d{4})")
_QUARTER = re.compile(r"(?:FY)?(\d{4})-?Q([1-4])")
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_WEEK = re.compile(r"(\d{4})-W(\d{2})")
_DAYS = re.compile(r"last-(\d{1,4})-days")
_RANGE = re.compile(r"(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})")
WORDS = (
    "this-week", "last-week", "this-month", "last-month", "this-quarter", "last-quarter",
    "this-year", "last-year",
)  # fmt: skip
FORMS = "2026, 2026-Q1, 2026-03, 2026-W10, 2026-03-01..2026-03-31, last-90-days, last-month or all"
"""How a period may be written, for people."""
MONTHS = 12
QUARTER = 3
WEEK = 7


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to, and without, `end`; both aware UTC. `label` is how it was asked for."""

    start: datetime
    end: datetime
    label: str

    def __contains__(self, at: datetime | None) -> bool:
        """Whether an instant lies in it."""
        return at is not None and self.start <= at < self.end


EVER = Span(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), ALL)
"""All time."""


def span_of(text: str, reporting: Reporting, now: datetime) -> Span | None:
    """The period a text means (see `FORMS`); None where it means none."""
    zone = ZoneInfo(reporting.zone)
    today = now.astimezone(zone).date()
    if text == ALL:
        return EVER
    found = _named(text, reporting, today) if text in WORDS else _written(text, reporting, today)
    if found is None:
        return None
    first, last = found
    return Span(_midnight(first, zone), _midnight(last, zone), text)


def last_month(reporting: Reporting, now: datetime) -> Span:
    """The whole month before the one an instant lies in."""
    zone = ZoneInfo(reporting.zone)
    first, last = _named("last-month", reporting, now.astimezone(zone).date())
    return Span(_midnight(first, zone), _midnight(last, zone), "last-month")


def _named(text: str, reporting: Reporting, today: date) -> tuple[date, date]:
    which, _, unit = text.partition("-")
    first = _first_day(today, unit, reporting)
    if which == "this":
        return first, _next(first, unit)
    before = _first_day(first - timedelta(days=1), unit, reporting)
    return before, first


def _written(text: str, reporting: Reporting, today: date) -> tuple[date, date] | None:
    try:
        if found := _RANGE.fullmatch(text):
            first, last = date.fromisoformat(found[1]), date.fromisoformat(found[2])
            return (first, last + timedelta(days=1)) if first <= last else None
        if found := _DAYS.fullmatch(text):
            return today - timedelta(days=int(found[1]) - 1), today + timedelta(days=1)
        if found := _WEEK.fullmatch(text):
            first = date.fromisocalendar(int(found[1]), int(found[2]), 1)
            return _week(first, reporting)
        if found := _MONTH.fullmatch(text):
            first = date(int(found[1]), int(found[2]), 1)
            return first, _next(first, "month")
        if found := _QUARTER.fullmatch(text):
            year = date(int(found[1]), reporting.year_starts, 1)
            first = _later(year, QUARTER * (int(found[2]) - 1))
            return first, _next(first, "quarter")
        if found := _YEAR.fullmatch(text):
            first = date(int(found[1]), reporting.year_starts, 1)
            return first, _next(first, "year")
    except (ValueError, OverflowError):
        return None
    return None


def _week(monday: date, reporting: Reporting) -> tuple[date, date]:
    """The company's week that holds most of an ISO week: the one with its Thursday."""
    first = _first_day(monday + timedelta(days=3), "week", reporting)
    return first, first + timedelta(days=WEEK)


def _first_day(day: date, unit: str, reporting: Reporting) -> date:
    if unit == "week":
        return day - timedelta(days=(day.weekday() - reporting.week_starts) % WEEK)
    if unit == "month":
        return day.replace(day=1)
    into = (day.month - reporting.year_starts) % MONTHS
    if unit == "quarter":
        into %= QUARTER
    return _later(day.replace(day=1), -into)


def _next(first: date, unit: str) -> date:
    if unit == "week":
        return first + timedelta(days=WEEK)
    return _later(first, {"month": 1, "quarter": QUARTER, "year": MONTHS}[unit])


def _later(first: date, months: int) -> date:
    """The first of a month, so many months later."""
    whole = first.year * MONTHS + first.month - 1 + months
    return date(whole // MONTHS, whole % MONTHS + 1, 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def parts(span: Span, unit: Period, reporting: Reporting) -> Iterator[Span]:
    """The whole weeks, months or quarters that a span touches, in order, each labelled by its
    first day; none of `all` time."""
    zone = ZoneInfo(reporting.zone)
    if span.label == ALL:
        return
    day = _first_day(span.start.astimezone(zone).date(), unit.value, reporting)
    while (start := _midnight(day, zone)) < span.end:
        after = _next(day, unit.value)
        yield Span(start, _midnight(after, zone), day.isoformat())
        day = after


def month_of(at: datetime, zone: str) -> str:
    """The month an instant falls into, as 2026-03."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m}"
