"""Periods begin and end at midnight of the reporting zone, by the company's calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.periods import ALL, Span, month_of, parts, span_of
from mappings.contract import Period
from mappings.reporting import Reporting

BERLIN = Reporting(zone="Europe/Berlin")
FISCAL = replace(BERLIN, year_starts=4, week_starts=6)
NOW = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)  # April already in Berlin


def days(text: str, reporting: Reporting = BERLIN) -> tuple[date, date]:
    """First and last day of a period, in Berlin."""
    span = span_of(text, reporting, NOW)
    assert span is not None
    zone = timedelta(hours=12)
    return (span.start + zone).date(), (span.end - zone).date()


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-Q1", "2026-01-01", "2026-03-31"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2026-W01", "2025-12-29", "2026-01-04"),
        ("2026-03-05..2026-03-06", "2026-03-05", "2026-03-06"),
        ("last-7-days", "2026-03-26", "2026-04-01"),
        ("this-month", "2026-04-01", "2026-04-30"),
        ("last-month", "2026-03-01", "2026-03-31"),
        ("last-quarter", "2026-01-01", "2026-03-31"),
        ("this-week", "2026-03-30", "2026-04-05"),
        ("last-year", "2025-01-01", "2025-12-31"),
    ],
)
def test_a_period_means_whole_days(text: str, first: str, last: str) -> None:
    """Each way of writing a period gives its first and last day, today being Berlin's today."""
    assert days(text) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-04-01", "2027-03-31"),
        ("FY2025-Q4", "2026-01-01", "2026-03-31"),
        ("2026-Q1", "2026-04-01", "2026-06-30"),
        ("this-year", "2026-04-01", "2027-03-31"),
        ("last-week", "2026-03-22", "2026-03-28"),
        ("2026-W14", "2026-03-29", "2026-04-04"),
    ],
)
def test_fiscal_years_and_weeks_are_the_companys(text: str, first: str, last: str) -> None:
    """With a year from April and weeks from Sunday, quarters, years and weeks begin there."""
    assert days(text, FISCAL) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    "text",
    ["", "2026-13", "2026-Q5", "2026-W60", "2026-03-06..2026-03-05", "yesterday", "0000", "9999",
     "last-0x-days", "2026-02-30..2026-03-01"],
)  # fmt: skip
def test_what_is_no_period_is_none(text: str) -> None:
    """Nonsense means nothing, and is no error here."""
    assert span_of(text, BERLIN, NOW) is None


def test_a_day_of_a_clock_change_has_its_own_length() -> None:
    """March in Berlin is an hour short: it ends where April begins there."""
    span = span_of("2026-03", BERLIN, NOW)
    assert span is not None
    assert span.end - span.start == timedelta(days=31, hours=-1)
    assert NOW not in span
    assert month_of(NOW, "Europe/Berlin") == "2026-04"


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - the strategy adds the zone
def test_every_instant_is_in_one_part_of_each_kind(at: datetime) -> None:
    """Weeks, months and quarters cover time without gap or overlap."""
    whole = Span(datetime(2019, 12, 1, tzinfo=UTC), datetime(2030, 2, 1, tzinfo=UTC), "x")
    for unit in Period:
        assert sum(at in part for part in parts(whole, unit, FISCAL)) == 1


def test_all_time_has_no_parts() -> None:
    """Everything there is lies in `all`, which is not cut into weeks."""
    span = span_of(ALL, BERLIN, NOW)
    assert span is not None
    assert NOW in span
    assert None not in span
    assert list(parts(span, Period.WEEK, BERLIN)) == []
