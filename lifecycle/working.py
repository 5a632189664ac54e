"""What sales does with whom it is given: worked rate, first touch, attempts, promises kept.

A handover is one of the contract's handoffs. Without a contract it is the first record in the CRM
of somebody marketing had before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from lifecycle.business_time import BusinessCalendar, Opening
from lifecycle.funnel import EVERYBODY, Group
from lifecycle.handoff import Handoff
from lifecycle.metrics import middle, rate
from lifecycle.periods import Span
from lifecycle.service_levels import clocks
from lifecycle.subjects import Subject, oldest
from mappings.contract import Contract, Team

WORKING_DAYS = 5
"""By the end of which working day after the handover somebody counts as worked."""


def plain_week(zone: str) -> BusinessCalendar:
    """Monday to Friday, all day: what working days are where no calendar says otherwise."""
    whole = (Opening(time(), time()),)
    return BusinessCalendar("plain", zone, dict.fromkeys(range(WORKING_DAYS), whole))


@dataclass(frozen=True, slots=True)
class Handover:
    """One person given to sales: when, to whom, under which handoff (None without a contract)."""

    person: Subject
    at: datetime
    owner: str | None
    handoff: Handoff | None = None

    @property
    def touches(self) -> tuple[datetime, ...]:
        """Sales' touches from then on."""
        end = self.handoff.ended_at if self.handoff is not None else None
        return tuple(
            touch.at
            for touch in self.person.touches
            if touch.team is Team.SALES and touch.at >= self.at and (end is None or touch.at <= end)
        )


def handovers(contract: Contract, person: Subject) -> Iterator[Handover]:
    """A person's handovers, oldest first."""
    if contract:
        for handoff in person.handoffs:
            if handoff.given_at is not None:
                yield Handover(person, handoff.given_at, handoff.owner, handoff)
        return
    known, came = oldest(person.map), person.came
    if known is None or came is None or known.created_at is None or came.created_at is None:
        return
    if known.created_at < came.created_at:
        yield Handover(person, came.created_at, person.owner)


@dataclass(slots=True)
class Desk:
    """One group's work: the people behind each number."""

    handed_over: list[str] = field(default_factory=list)
    worked: list[str] = field(default_factory=list)
    not_worked: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    waits: list[tuple[float, str]] = field(default_factory=list)
    attempts: int = 0

    def figures(self) -> dict[str, Any]:
        """The metrics."""
        judged = len(self.worked) + len(self.not_worked)
        given = len(self.handed_over)
        return {
            "handed_over": given,
            "worked": len(self.worked),
            "not_worked": len(self.not_worked),
            "pending": len(self.pending),
            "worked_rate": rate(len(self.worked), judged),
            "hours_to_first_touch_median": middle([hours for hours, _ in self.waits]),
            "attempts_mean": round(self.attempts / given, 4) if given else None,
        }

    def records(self) -> dict[str, list[str]]:
        """The people behind each of them."""
        return {
            "handed_over": sorted(self.handed_over),
            "worked": sorted(self.worked),
            "not_worked": sorted(self.not_worked),
            "pending": sorted(self.pending),
            "hours_to_first_touch_median": sorted(key for _, key in self.waits),
        }


@dataclass(slots=True)
class Promised:
    """Promises of one level by one owner: the handoffs behind each number."""

    kept: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    running: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Working:
    """One pass over people: what sales did with those it was given in the period."""

    contract: Contract
    calendars: Mapping[str, BusinessCalendar]
    span: Span
    now: datetime
    group: Group = lambda _person, _at: EVERYBODY
    zone: str = "UTC"
    handoffs: list[Handover] = field(default_factory=list)
    _desks: dict[str, Desk] = field(default_factory=lambda: defaultdict(Desk))
    _promises: dict[tuple[str, str], Promised] = field(
        default_factory=lambda: defaultdict(Promised)
    )

    def add(self, person: Subject) -> None:
        """Count one person's handovers of the period."""
        for handover in handovers(self.contract, person):
            if handover.at in self.span and handover.at <= self.now:
                self.handoffs.append(handover)
                self._work(handover, self._desks[self.group(person, handover.at)])
                self._promise(handover)

    def _work(self, handover: Handover, desk: Desk) -> None:
        key = handover.person.record
        touches = [at for at in handover.touches if at <= self.now]
        until = self._calendar(handover).business_days_later(handover.at, WORKING_DAYS)
        desk.handed_over.append(key)
        desk.attempts += len(touches)
        if touches:
            desk.waits.append(((touches[0] - handover.at) / timedelta(hours=1), key))
        if touches and (until is None or touches[0] <= until):
            desk.worked.append(key)
        elif until is not None and until <= self.now:
            desk.not_worked.append(key)
        else:
            desk.pending.append(key)

    def _calendar(self, handover: Handover) -> BusinessCalendar:
        """The calendar of the queue that took the lead; else the plain week."""
        if handover.handoff is not None and handover.handoff.assignments:
            queue = self.contract.queues.get(handover.handoff.assignments[0].queue)
            known = self.calendars.get(queue.calendar or "") if queue is not None else None
            if known is not None:
                return known
        return plain_week(self.zone)

    def _promise(self, handover: Handover) -> None:
        handoff = handover.handoff
        if handoff is None:
            return
        for clock in clocks(self.contract, self.calendars, handoff):
            own = self._promises[clock.level.value, handover.owner or ""]
            if clock.is_broken(self.now):
                own.broken.append(handoff.key)
            elif clock.kept_at is not None and clock.kept_at <= self.now:
                own.kept.append(handoff.key)
            else:
                own.running.append(handoff.key)

    def desks(self) -> list[tuple[str, Desk]]:
        """Each group's work, by name."""
        return sorted(self._desks.items()) or [(EVERYBODY, Desk())]

    def promises(self) -> list[tuple[str, str, Promised]]:
        """(level, owner, promises), in order."""
        return [(level, owner, own) for (level, owner), own in sorted(self._promises.items())]
