"""Business calendars of a contract, with the public holidays of their country.

Holidays come from the library `holidays`, for the years it is asked about; `mappings` has checked
that the country is one it knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache

from lifecycle.business_time import BusinessCalendar, Opening
from mappings.contract import CalendarSpec, Contract, Queue
from mappings.record_ids import id18

YEARS = range(2015, 2046)
"""Years whose holidays are known: those of any history a CRM keeps, and of any promise."""


WORKING_DAYS = 5
"""By the end of which working day after a handover somebody counts as worked, or told."""


def plain_week(zone: str) -> BusinessCalendar:
    """Monday to Friday, all day: what working days are where no calendar says otherwise."""
    whole = (Opening(time(), time()),)
    return BusinessCalendar("plain", zone, dict.fromkeys(range(5), whole))


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """Whose working days are whose. `calendars` are the contract's."""

    contract: Contract
    calendars: Mapping[str, BusinessCalendar]

    @classmethod
    def of(cls, contract: Contract) -> WorkingDays:
        """Those of a contract."""
        return cls(contract, calendars_of(contract))

    def calendar(self, *, queue: str | None = None, owner: str | None = None) -> BusinessCalendar:
        """By which the working days of a lead count: that of the queue it was given from, else of a
        queue its owner is a member of, else the only one there is, else Monday to Friday in the
        reporting zone.
        """
        known = self.contract.queues.get(queue or "")
        theirs = [known] if known is not None else []
        theirs += [one for one in self.contract.queues.values() if _has(one, owner)]
        named = [one.calendar for one in theirs if one.calendar in self.calendars]
        if not named and len(self.calendars) == 1:
            named = list(self.calendars)
        return self.calendars[named[0] or ""] if named else plain_week(self.contract.reporting.zone)


def _has(queue: Queue, user: str | None) -> bool:
    members = (*(member.user for member in queue.members), queue.fallback)
    return user is not None and id18(user) in map(id18, members)


def calendars_of(contract: Contract) -> Mapping[str, BusinessCalendar]:
    """The contract's calendars by name, ready to count with."""
    return {name: calendar_of(spec) for name, spec in contract.calendars.items()}


def calendar_of(spec: CalendarSpec) -> BusinessCalendar:
    """One calendar."""
    return BusinessCalendar(
        name=spec.name,
        zone=spec.zone,
        hours={
            day: tuple(Opening(start, end) for start, end in openings)
            for day, openings in spec.hours.items()
        },
        days_off=frozenset(spec.days_off) | _holidays(spec.holidays),
    )


@lru_cache(maxsize=64)
def _holidays(where: str) -> frozenset[date]:
    if not where:
        return frozenset()
    from holidays import country_holidays

    country, _, part = where.partition("-")
    return frozenset(country_holidays(country, subdiv=part or None, years=YEARS))
