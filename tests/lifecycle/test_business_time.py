"""Business hours: weekends, days off, clock changes, and the two directions agree."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.business_time import BusinessCalendar, Opening

NINE_TO_FIVE = (Opening(time(9), time(17)),)
BERLIN = BusinessCalendar(
    "Berlin",
    "Europe/Berlin",
    dict.fromkeys(range(5), NINE_TO_FIVE),
    frozenset({date(2026, 4, 3), date(2026, 4, 6)}),  # Good Friday, Easter Monday
)
ALWAYS = BusinessCalendar(
    "always", "America/New_York", dict.fromkeys(range(7), (Opening(time(0), time(0)),))
)
CLOSED = BusinessCalendar("closed", "UTC", {})
INSTANTS = st.integers(0, 730 * 86_400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
WORK = st.timedeltas(timedelta(), timedelta(hours=200))


def berlin(*parts: int) -> datetime:
    """A wall-clock moment in Berlin."""
    return datetime(*parts, tzinfo=ZoneInfo("Europe/Berlin"))  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        (berlin(2026, 3, 2, 10), berlin(2026, 3, 2, 12), 2),
        (berlin(2026, 3, 2, 8), berlin(2026, 3, 2, 18), 8),
        (berlin(2026, 3, 6, 16), berlin(2026, 3, 9, 10), 2),  # over a weekend
        (berlin(2026, 4, 2, 16), berlin(2026, 4, 7, 10), 2),  # over Easter
        (berlin(2026, 3, 7, 10), berlin(2026, 3, 7, 12), 0),  # a Saturday
        (berlin(2026, 3, 3, 12), berlin(2026, 3, 2, 12), 0),  # backwards
    ],
)
def test_only_opening_hours_count(start: datetime, end: datetime, hours: float) -> None:
    """Nights, weekends, days off and stretches that run backwards are no working time."""
    assert BERLIN.worked(start, end) == timedelta(hours=hours)


def test_clock_changes_do_not_move_opening_hours() -> None:
    """The Monday after either clock change still opens at nine on the wall."""
    for monday in (berlin(2026, 3, 30, 9), berlin(2026, 10, 26, 9)):
        assert BERLIN.is_open(monday)
        assert not BERLIN.is_open(monday - timedelta(minutes=1))


def test_days_of_23_and_25_hours() -> None:
    """Where work goes round the clock, the day of a clock change is as long as it really is."""
    zone = ZoneInfo("America/New_York")
    for day, hours in ((date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 7, 1), 24)):
        start = datetime.combine(day, time(0), zone)
        end = datetime.combine(day + timedelta(days=1), time(0), zone)
        assert ALWAYS.worked(start.astimezone(UTC), end.astimezone(UTC)) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        (berlin(2026, 3, 2, 10), 4, berlin(2026, 3, 2, 14)),
        (berlin(2026, 3, 6, 16), 4, berlin(2026, 3, 9, 12)),
        (berlin(2026, 3, 7, 16), 1, berlin(2026, 3, 9, 10)),
        (berlin(2026, 4, 2, 16), 8, berlin(2026, 4, 7, 16)),
    ],
)
def test_a_promise_falls_due_in_working_time(start: datetime, hours: int, due: datetime) -> None:
    """Four hours from Friday at four are Monday at noon."""
    assert BERLIN.due(start, timedelta(hours=hours)) == due


@given(INSTANTS, WORK)
def test_due_and_worked_agree(start: datetime, work: timedelta) -> None:
    """Until a promise is due exactly the promised working time passes, and not a moment less."""
    due = BERLIN.due(start, work)
    assert due is not None
    assert due >= start
    assert BERLIN.worked(start, due) == work


@given(INSTANTS, INSTANTS, INSTANTS)
def test_working_time_adds_up(a: datetime, b: datetime, c: datetime) -> None:
    """Cut anywhere, the parts are the whole."""
    first, middle, last = sorted((a, b, c))
    assert BERLIN.worked(first, middle) + BERLIN.worked(middle, last) == BERLIN.worked(first, last)


def test_a_closed_calendar_promises_nothing() -> None:
    """Where nobody ever works nothing falls due, and the search for it ends."""
    assert CLOSED.due(datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1)) is None
    assert CLOSED.business_days_later(datetime(2026, 1, 1, tzinfo=UTC), 5) is None


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        (berlin(2026, 3, 2, 10), 5, berlin(2026, 3, 9, 17)),
        (berlin(2026, 3, 6, 18), 0, berlin(2026, 3, 9, 17)),  # after hours: Monday is day 0
        (berlin(2026, 3, 31, 10), 5, berlin(2026, 4, 9, 17)),  # over Easter
    ],
)
def test_business_days(start: datetime, days: int, end: datetime) -> None:
    """Five business days later is the close of the fifth day after this one."""
    assert BERLIN.business_days_later(start, days) == end


@pytest.mark.parametrize(
    "openings",
    [
        (Opening(time(9), time(9)),),
        (Opening(time(17), time(9)),),
        (Opening(time(9), time(13)), Opening(time(12), time(17))),
    ],
)
def test_impossible_hours_are_refused(openings: tuple[Opening, ...]) -> None:
    """Hours that overlap or run backwards are an error, not an odd number later."""
    with pytest.raises(ValueError, match="overlap or run backwards"):
        BusinessCalendar("odd", "UTC", {0: openings})
