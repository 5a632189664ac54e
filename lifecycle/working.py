"""What sales does with whom it is given: worked rate, first touch, attempts, promises kept.

A handover is one of the contract's handoffs. Without a contract it is the first record in the CRM
of somebody marketing had before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from lifecycle.calendars import WORKING_DAYS, WorkingDays
from lifecycle.funnel import EVERYBODY, Group
from lifecycle.handoff import Handoff
from lifecycle.metrics import behind, middle, rate
from lifecycle.periods import Span
from lifecycle.service_levels import clocks
from lifecycle.subjects import Subject, oldest
from mappings.contract import Contract, Team


@dataclass(frozen=True, slots=True)
class Handover:
    """One person given to sales: when, to whom, under which handoff (None without a contract)."""

    person: Subject
    at: datetime
    owner: str | None
    handoff: Handoff | None = None

    @property
    def queue(self) -> str | None:
        """The queue it was given from."""
        assigned = self.handoff.assignments if self.handoff is not None else ()
        return assigned[0].queue if assigned else None

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
    attempts: list[tuple[int, str]] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """The metrics."""
        judged = len(self.worked) + len(self.not_worked)
        given, attempts = len(self.handed_over), sum(count for count, _ in self.attempts)
        return {
            "handed_over": given,
            "worked": len(self.worked),
            "not_worked": len(self.not_worked),
            "pending": len(self.pending),
            "worked_rate": rate(len(self.worked), judged),
            "hours_to_first_touch_median": middle([hours for hours, _ in self.waits]),
            "attempts_mean": round(attempts / given, 4) if given else None,
        }

    def records(self) -> dict[str, list[str]]:
        """The people behind each of them."""
        return {
            "handed_over": sorted(self.handed_over),
            "worked": sorted(self.worked),
            "not_worked": sorted(self.not_worked),
            "pending": sorted(self.pending),
        }

    def values(self) -> dict[str, list[dict[str, Any]]]:
        """The times whose middle is told, in hours, and how often each person was tried."""
        return {
            "hours_to_first_touch": behind((key, round(hours, 4)) for hours, key in self.waits),
            "attempts": behind((key, count) for count, key in self.attempts),
        }


@dataclass(slots=True)
class Promised:
    """Promises of one level by one owner: the people behind each number."""

    kept: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    running: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Working:
    """One pass over people: what sales did with those it was given in the period."""

    contract: Contract
    span: Span
    now: datetime
    group: Group = lambda _person, _at: EVERYBODY
    handoffs: list[Handover] = field(default_factory=list)
    _desks: dict[str, Desk] = field(default_factory=lambda: defaultdict(Desk))
    _promises: dict[tuple[str, str, str], Promised] = field(
        default_factory=lambda: defaultdict(Promised)
    )
    _days: WorkingDays = field(init=False)

    def __post_init__(self) -> None:
        self._days = WorkingDays.of(self.contract)

    def add(self, person: Subject) -> None:
        """Count one person's handovers of the period."""
        for handover in handovers(self.contract, person):
            if handover.at in self.span and handover.at <= self.now:
                self.handoffs.append(handover)
                group = self.group(person, handover.at)
                self._work(handover, self._desks[group])
                self._promise(handover, group)

    def _work(self, handover: Handover, desk: Desk) -> None:
        key = handover.person.record
        touches = [at for at in handover.touches if at <= self.now]
        calendar = self._days.calendar(queue=handover.queue, owner=handover.owner)
        until = calendar.business_days_later(handover.at, WORKING_DAYS)
        desk.handed_over.append(key)
        desk.attempts.append((len(touches), key))
        if touches:
            desk.waits.append(((touches[0] - handover.at) / timedelta(hours=1), key))
        if touches and (until is None or touches[0] <= until):
            desk.worked.append(key)
        elif until is not None and until <= self.now:
            desk.not_worked.append(key)
        else:
            desk.pending.append(key)

    def _promise(self, handover: Handover, group: str) -> None:
        """Attempts are those that count in all figures: no integration's."""
        if handover.handoff is None:
            return
        handoff, record = (
            replace(handover.handoff, attempts=handover.touches),
            handover.person.record,
        )
        for clock in clocks(self.contract, self._days.calendars, handoff):
            own = self._promises[group, clock.level.value, handover.owner or ""]
            if clock.is_broken(self.now):
                own.broken.append(record)
            elif clock.kept_at is not None and clock.kept_at <= self.now:
                own.kept.append(record)
            else:
                own.running.append(record)

    def desks(self) -> list[tuple[str, Desk]]:
        """Each group's work, by name."""
        return sorted(self._desks.items()) or [(EVERYBODY, Desk())]

    def promises(self) -> list[tuple[str, str, str, Promised]]:
        """(group, level, owner, promises), in order."""
        return [(*where, own) for where, own in sorted(self._promises.items())]
