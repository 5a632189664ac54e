"""Sales' promises about a handoff: when each falls due, when it is warned of, whether it is kept.

Time is business time of the calendar of the queue that has the lead, from the moment it was given
to sales. A promise that is kept late stays broken: what was late is a fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from lifecycle.business_time import BusinessCalendar
from lifecycle.handoff import Handoff, Level, Status
from mappings.contract import BusinessSpan, Contract, ServiceLevel


@dataclass(frozen=True, slots=True)
class Clock:
    """One promise of one handoff: due when, warned of when, kept when (None: not yet)."""

    level: Level
    warn_at: datetime
    due_at: datetime
    kept_at: datetime | None

    def is_broken(self, now: datetime) -> bool:
        """Whether the time ran out before it was kept."""
        return (self.kept_at if self.kept_at is not None else now) > self.due_at

    def is_near(self, now: datetime) -> bool:
        """Whether it is time to warn: not kept, not broken, most of the time gone."""
        return self.kept_at is None and self.warn_at <= now <= self.due_at


def clocks(
    contract: Contract, calendars: Mapping[str, BusinessCalendar], handoff: Handoff
) -> tuple[Clock, ...]:
    """The promises that run for a handoff; none while it is held or where none is made."""
    rule = contract.lifecycle(handoff.lifecycle).stage(handoff.stage).handoff
    given = handoff.given_at
    if rule is None or rule.level is None or given is None:
        return ()
    calendar = _calendar(contract, calendars, handoff, rule.level)
    if calendar is None:
        return ()
    found = (
        _clock(level, span, kept, given, calendar, rule.level.warn)
        for level, span, kept in _promises(rule.level, handoff)
    )
    return tuple(clock for clock in found if clock is not None)


def _promises(
    level: ServiceLevel, handoff: Handoff
) -> Iterator[tuple[Level, BusinessSpan, datetime | None]]:
    answered = handoff.accepted_at
    if handoff.status is Status.REJECTED:
        answered = handoff.ended_at  # no is an answer
    over = handoff.ended_at if not handoff.status.is_under_way else None
    if level.accept_within is not None:
        yield Level.ACCEPT, level.accept_within, answered or over
    if level.touch_within is not None:
        yield Level.TOUCH, level.touch_within, handoff.first_touch_at or over
    if level.attempts is not None and level.attempts_within is not None:
        enough = len(handoff.attempts) >= level.attempts
        kept = handoff.attempts[level.attempts - 1] if enough else over
        yield Level.ATTEMPTS, level.attempts_within, kept


def _clock(
    level: Level,
    span: BusinessSpan,
    kept: datetime | None,
    given: datetime,
    calendar: BusinessCalendar,
    warn: float,
) -> Clock | None:
    """None where the calendar never opens long enough: it cannot be kept by any clock."""
    due = (
        calendar.business_days_later(given, span.days)
        if span.days is not None
        else calendar.due(given, span.hours)
    )
    if due is None:
        return None
    warned = calendar.due(given, calendar.worked(given, due) * warn)
    return Clock(level, min(warned or due, due), due, kept)


def _calendar(
    contract: Contract,
    calendars: Mapping[str, BusinessCalendar],
    handoff: Handoff,
    level: ServiceLevel,
) -> BusinessCalendar | None:
    queue = handoff.assignments[0].queue
    name = contract.queues[queue].calendar if queue in contract.queues else None
    return calendars.get(name or level.calendar or "")
