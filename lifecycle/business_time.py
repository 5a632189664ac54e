"""Business hours: how much working time lies between two instants, and when a promise falls due.

A calendar is a time zone, opening hours by weekday and the days off. Hours are local wall time,
so that a day on which the clocks change has an hour more or less only if the change falls within
opening hours; everything else is computed in UTC. Pure: holidays are data, not looked up here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

HORIZON = timedelta(days=366)
"""How far a due instant is looked for: a calendar that opens on no day within a year is closed."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Open from `start` to `end`, local wall time; `end` 00:00 is midnight at the day's end."""

    start: time
    end: time


@dataclass(frozen=True)
class BusinessCalendar:
    """When a team works. `hours` maps a weekday (0 = Monday) to its openings, in order and apart.

    `days_off` are local dates without work whatever the weekday. Raises ZoneInfoNotFoundError for
    a zone nobody knows, ValueError for openings that overlap or run backwards.
    """

    name: str
    zone: str
    hours: Mapping[int, tuple[Opening, ...]]
    days_off: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        ZoneInfo(self.zone)
        for openings in self.hours.values():
            last = time.min
            for opening in openings:
                ends = opening.end if opening.end != time.min else time.max
                if opening.start < last or ends <= opening.start:
                    message = f"the opening hours of `{self.name}` overlap or run backwards"
                    raise ValueError(message)
                last = ends

    def is_open(self, at: datetime) -> bool:
        """Whether somebody works at this instant."""
        day = at.astimezone(ZoneInfo(self.zone)).date()
        return any(start <= at < end for start, end in self._windows(day))

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """Working time in [start, end); nothing where end is not after start."""
        total = timedelta()
        for opens, closes in self._from(start, until=end):
            total += max(timedelta(), min(closes, end) - max(opens, start))
        return total

    def due(self, start: datetime, work: timedelta) -> datetime | None:
        """The first instant by which `work` of working time has passed since `start`.

        None where the calendar does not open that long within a year.
        """
        left = work
        for opens, closes in self._from(start, until=start + HORIZON + work):
            opens = max(opens, start)  # noqa: PLW2901 - a window under way counts from now on
            if closes - opens >= left:
                return opens + left
            left -= max(timedelta(), closes - opens)
        return None

    def business_days_later(self, start: datetime, days: int) -> datetime | None:
        """The end of the `days`-th business day after the local day of `start`.

        What happens on a day off or after hours counts from the next business day, whose end is
        then day 0. None where the calendar has no such day within a year.
        """
        zone = ZoneInfo(self.zone)
        day, counted = start.astimezone(zone).date(), -1
        for _ in range(HORIZON.days + 7 * days):
            windows = self._windows(day)
            if windows and windows[-1][1] > start:
                counted += 1
                if counted == days:
                    return windows[-1][1]
            day += timedelta(days=1)
        return None

    def _from(self, start: datetime, *, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Windows that are not over at `start`, in order, up to the one holding `until`."""
        day = start.astimezone(ZoneInfo(self.zone)).date()
        last = until.astimezone(ZoneInfo(self.zone)).date()
        while day <= last:
            yield from (w for w in self._windows(day) if w[1] > start and w[0] < until)
            day += timedelta(days=1)

    def _windows(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        if day in self.days_off:
            return ()
        return _windows(self.zone, day, tuple(self.hours.get(day.weekday(), ())))


@lru_cache(maxsize=4096)
def _windows(
    zone: str, day: date, openings: tuple[Opening, ...]
) -> tuple[tuple[datetime, datetime], ...]:
    """A local day's openings as UTC instants, without those a clock change swallows whole.

    Kept, because the same days are asked for by every promise; the answer to a day never changes.
    """
    found = []
    for opening in openings:
        ends_next = opening.end == time.min
        start = _instant(zone, day, opening.start)
        end = _instant(zone, day + timedelta(days=ends_next), opening.end)
        if end > start:
            found.append((start, end))
    return tuple(found)


def _instant(zone: str, day: date, at: time) -> datetime:
    """The first instant at which the wall clock shows this time; a time that the clocks skip
    counts as the time before the change would have had it.
    """
    local = datetime.combine(day, at, ZoneInfo(zone))
    return local.astimezone(UTC)
