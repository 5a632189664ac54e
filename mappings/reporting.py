"""How reports count: time zone, week, fiscal year, currency with dated rates, quotas, machines.

The `reporting` section of a mapping directory; it decides nothing that is written anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mappings.errors import Position
from mappings.money import Money, Rates
from mappings.positions import Faults, Node
from mappings.sections import Section

REPORTING_KEYS = (
    "zone", "week_starts", "year_starts", "currency", "rates", "quotas", "integrations", "traits",
)  # fmt: skip
RATE_KEYS = ("currency", "from", "rate")
QUOTA_KEYS = ("period", "amount", "marketing")
Weekday = StrEnum(
    "Weekday", ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
)
"""The days a week may start on, in order."""
Month = StrEnum(
    "Month",
    ["JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER",
     "OCTOBER", "NOVEMBER", "DECEMBER"],
)  # fmt: skip
"""The months a fiscal year may start with, in order."""
UNKNOWN = "XXX"
"""ISO 4217's code for no currency: amounts whose currency nobody has named."""

_CURRENCY = re.compile(r"[A-Z]{3}")
_PERIOD = re.compile(r"\d{4}(?:-Q[1-4]|-(?:0[1-9]|1[0-2]))?")


@dataclass(frozen=True, slots=True)
class Quota:
    """What is to be sold in a period (2026, 2026-Q1 or 2026-03), and marketing's share of it."""

    period: str
    amount: Money
    marketing: Decimal | None
    at: Position


@dataclass(frozen=True, slots=True)
class Reporting:
    """How reports count. `week_starts` is a weekday (0 = Monday), `year_starts` the fiscal year's
    first month. `currency` is that of amounts which name none, and of all sums; `rates` lead into
    it. `integrations` are CRM user ids whose doings are no human's; `traits` are MAP properties
    whose values are held against won deals.
    """

    zone: str = "UTC"
    week_starts: int = 0
    year_starts: int = 1
    currency: str = UNKNOWN
    rates: Rates = field(default_factory=lambda: Rates(UNKNOWN, {}))
    quotas: tuple[Quota, ...] = ()
    integrations: frozenset[str] = frozenset()
    traits: tuple[str, ...] = ()


def load_reporting(nodes: Sequence[Node], faults: Faults) -> Reporting:
    """The `reporting` of all files, the last one given counting."""
    found = Reporting()
    for node in nodes:
        found = _reporting(Section(node, faults, "`reporting`", REPORTING_KEYS), faults)
    return found


def _reporting(section: Section, faults: Faults) -> Reporting:
    currency = section.text("currency") or UNKNOWN
    if section.has("currency") and not _CURRENCY.fullmatch(currency):
        _fault(faults, section.place("currency"), f"`{currency}` is no currency.",
               "Write its ISO code, such as EUR.", "config.unknown_value")  # fmt: skip
        currency = UNKNOWN
    quotas = [_quota(item, currency, faults) for item in section.items("quotas")]
    return Reporting(
        zone=zone_of(section, faults),
        week_starts=list(Weekday).index(section.choice("week_starts", Weekday, Weekday.MONDAY)),
        year_starts=list(Month).index(section.choice("year_starts", Month, Month.JANUARY)) + 1,
        currency=currency,
        rates=_rates(section, currency, faults),
        quotas=tuple(quota for quota in quotas if quota is not None),
        integrations=frozenset(text for text, _ in section.names("integrations")),
        traits=tuple(text for text, _ in section.names("traits")),
    )


def zone_of(section: Section, faults: Faults) -> str:
    """The section's `zone`, UTC where it names none that is known."""
    zone = section.text("zone", "UTC")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        _fault(faults, section.place("zone"), f"`{zone}` is no time zone.",
               "Write it like Europe/Berlin.", "config.unknown_value")  # fmt: skip
        return "UTC"
    return zone


def _rates(section: Section, currency: str, faults: Faults) -> Rates:
    quotes: dict[str, list[tuple[date, Decimal]]] = {}
    for item in section.items("rates"):
        own = Section(item, faults, "a rate", RATE_KEYS)
        if not all([own.need("currency", "Name the currency."), own.need("rate", "Say how much one"
                    " unit of it is in the reporting currency.")]):  # fmt: skip
            continue
        rate, day = _number(own, "rate", faults), _day(own, faults)
        if rate is not None and day is not None:
            quotes.setdefault(own.text("currency"), []).append((day, rate))
    if quotes and currency == UNKNOWN:
        _fault(faults, section.place("rates"), "Rates lead into no currency.",
               "Add `currency:`, the one that is reported in.", "config.missing_key")  # fmt: skip
    return Rates(currency, {name: tuple(sorted(own)) for name, own in quotes.items()})


def _quota(node: Node, currency: str, faults: Faults) -> Quota | None:
    own = Section(node, faults, "a quota", QUOTA_KEYS)
    if not all([own.need("period", "Name the month, quarter or year."),
                own.need("amount", "Say how much is to be sold.")]):  # fmt: skip
        return None
    period, amount = own.text("period"), _number(own, "amount", faults)
    if not _PERIOD.fullmatch(period):
        _fault(faults, own.place("period"), f"`{period}` is no period.",
               "Write it like 2026, 2026-Q1 or 2026-03.", "config.wrong_type")  # fmt: skip
        return None
    share = _number(own, "marketing", faults) if own.has("marketing") else None
    if share is not None and not 0 <= share <= 1:
        _fault(faults, own.place("marketing"), "Marketing's share must lie between 0 and 1.",
               "Write 0.4 for two fifths.", "config.out_of_range")  # fmt: skip
        share = None
    whole = Money.parse(str(amount), currency) if amount is not None else None
    return Quota(period, whole, share, node.at) if whole is not None else None


def _number(section: Section, key: str, faults: Faults) -> Decimal | None:
    text = section.text(key)
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if number.is_finite() and number >= 0:
        return number
    _fault(faults, section.place(key), f"`{text}` is no number.", "Write it like 1250.50.",
           "config.wrong_type")  # fmt: skip
    return None


def _day(section: Section, faults: Faults) -> date | None:
    text = section.text("from", "1970-01-01")
    try:
        return date.fromisoformat(text)
    except ValueError:
        _fault(faults, section.place("from"), f"`{text}` is no date.",
               "Write it like 2026-01-31.", "config.wrong_type")  # fmt: skip
        return None


def _fault(faults: Faults, at: Position, message: str, fix: str, code: str) -> None:
    faults.add(at, message, fix, code=code)
