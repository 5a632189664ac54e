"""Business calendars of a contract, with the public holidays of their country.

Holidays come from the library `holidays`, for the years it is asked about; `mappings` has checked
that the country is one it knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from lifecycle.business_time import BusinessCalendar, Opening
from mappings.contract import CalendarSpec, Contract

YEARS = range(2015, 2046)
"""Years whose holidays are known: those of any history a CRM keeps, and of any promise."""


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
