"""Who takes a lead: the first queue whose condition holds, then whose turn it is.

Whoever has the person already keeps them, where they are one of the queue and can. Else the turn
goes to the member who, for their weight, has been given least; of equals to the one listed first.
Members who are inactive, away or full are passed over; where nobody is left the fallback takes it.
Decided from counts that are passed in, so that two decisions never take the same turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from lifecycle.handoff import Assignment, Chosen
from mappings.contract import CalendarSpec, Contract, HandoffRule, Member, Queue
from mappings.criteria import Facts, compile_criterion


@dataclass(frozen=True, slots=True)
class Staff:
    """What is known of the users: who is active, how many leads each has open, and how many each
    was given of each queue, by (queue, user). Who is not among `active` cannot take anything.
    """

    active: frozenset[str]
    open: Mapping[str, int] = field(default_factory=dict)
    given: Mapping[tuple[str, str], int] = field(default_factory=dict)


def queue_for(contract: Contract, rule: HandoffRule, facts: Facts) -> Queue:
    """The queue of the first line whose condition holds; the last line has none."""
    for line in rule.routing:
        asked = compile_criterion(line.when.text, contract.names) if line.when else None
        if line.when is None or (asked is not None and asked.holds(facts)):
            return contract.queues[line.queue]
    return contract.queues[rule.routing[-1].queue]


def assign(
    contract: Contract, queue: Queue, staff: Staff, at: datetime, *, current: str | None
) -> Assignment:
    """Choose an owner. `current` is who has the person now, None for nobody."""
    today = local_day(contract.calendars.get(queue.calendar or ""), at)
    able = [member for member in queue.members if _can(member, staff, today)]
    if current in {member.user for member in able}:
        return Assignment(current, at, Chosen.KEPT, queue.name)
    if able:
        user = min(able, key=lambda m: _share(m, staff.given.get((queue.name, m.user), 0))).user
        return Assignment(user, at, Chosen.TURN, queue.name)
    if queue.fallback in staff.active:
        return Assignment(queue.fallback, at, Chosen.FALLBACK, queue.name)
    return Assignment(None, at, Chosen.NOBODY, queue.name)


def local_day(calendar: CalendarSpec | None, at: datetime) -> date:
    """The day it is where the queue works; in UTC where no calendar says."""
    return at.astimezone(ZoneInfo(calendar.zone if calendar is not None else "UTC")).date()


def _can(member: Member, staff: Staff, today: date) -> bool:
    is_away = any(absence.first <= today <= absence.last for absence in member.away)
    is_full = member.capacity is not None and staff.open.get(member.user, 0) >= member.capacity
    return member.user in staff.active and not is_away and not is_full


def _share(member: Member, given: int) -> Fraction:
    """What the member would have had, for their weight, after one more."""
    return Fraction(given + 1, member.weight)
