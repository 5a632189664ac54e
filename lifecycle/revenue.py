"""What marketing's work brought in: pipeline and revenue, sourced, influenced, and by touch.

Amounts are converted at the rate of their day first and shared out afterwards, so that the credits
of a deal add up to what the report says it brought, to the cent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from lifecycle.attribution import Model, attribute, is_influenced, is_sourced
from lifecycle.metrics import rate
from lifecycle.periods import Span, span_of
from lifecycle.subjects import Opportunity
from lifecycle.timeline import Deal
from lifecycle.touch import words_of
from mappings.contract import Team
from mappings.money import Money
from mappings.reporting import Quota, Reporting


@dataclass(slots=True)
class Sum:
    """An amount in the reporting currency's minor units, and the deals in it."""

    minor: int = 0
    deals: list[str] = field(default_factory=list)

    def add(self, minor: int, deal: str) -> None:
        """One deal more."""
        self.minor += minor
        self.deals.append(deal)


@dataclass(slots=True)
class Revenue:
    """One pass over opportunities: those opened or won in the period, up to now."""

    reporting: Reporting
    span: Span
    now: datetime
    sums: dict[str, Sum] = field(default_factory=lambda: defaultdict(Sum))
    not_converted: list[str] = field(default_factory=list)
    _credits: dict[Model, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _credited: dict[tuple[Model, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, one: Opportunity) -> None:
        """Count one opportunity: opened in the period, won in it, both or neither."""
        deal = one.deal
        closed = deal.closed_at if deal.is_won else None
        if deal.created_at in self.span and deal.created_at <= self.now:
            self._count("pipeline", one, deal.created_at)
        if closed is not None and closed in self.span and closed <= self.now:
            amount = self._count("revenue", one, closed)
            if amount is not None:
                self._attribute(one, amount)

    def _count(self, what: str, one: Opportunity, on: datetime) -> Money | None:
        deal = one.deal
        day = on.astimezone(ZoneInfo(self.reporting.zone)).date()
        amount = self.reporting.rates.convert(deal.amount, day) if deal.amount is not None else None
        if amount is None:
            if deal.key not in self.not_converted:
                self.not_converted.append(deal.key)
            return None
        self.sums[what].add(amount.minor, deal.key)
        touches = one.touches
        if is_sourced(deal, touches, Team.MARKETING):
            self.sums[f"sourced_{what}"].add(amount.minor, deal.key)
        if is_influenced(deal, touches, Team.MARKETING):
            self.sums[f"influenced_{what}"].add(amount.minor, deal.key)
        return amount

    def _attribute(self, one: Opportunity, amount: Money) -> None:
        deal = replace(one.deal, amount=amount)
        lead_at = lead_of(one)
        for model in Model:
            found = attribute(deal, one.touches, model, lead_at=lead_at)
            for credit in found.credits:
                self._credit(model, words_of(credit.touch), credit.amount.minor, deal)
            if found.unattributed is not None:
                self._credit(model, "", found.unattributed.minor, deal)

    def _credit(self, model: Model, source: str, minor: int, deal: Deal) -> None:
        self._credits[model][source] += minor
        if minor or not source:
            self._credited[model, source].add(deal.key)

    def credits(self) -> list[tuple[dict[str, Any], list[str]]]:
        """What each source is credited with by each model, the largest first; a blank source is
        what nobody is credited with.
        """
        found = []
        for model in Model:
            own = sorted(self._credits[model].items(), key=lambda one: (-one[1], one[0]))
            for source, minor in own:
                line = {"model": model.value, "source": source, "credited": self.money(minor)}
                found.append((line, sorted(self._credited[model, source])))
        return found

    def money(self, minor: int) -> str:
        """An amount as plain decimal text in the reporting currency."""
        return Money(minor, self.reporting.currency).text

    def totals(self) -> list[tuple[dict[str, Any], list[str]]]:
        """Pipeline and revenue with the parts marketing sourced and influenced."""
        found = []
        for what in ("pipeline", "revenue"):
            whole = self.sums[what]
            for name in (what, f"sourced_{what}", f"influenced_{what}"):
                own = self.sums[name]
                line = {
                    "what": name,
                    "amount": self.money(own.minor),
                    "deals": len(own.deals),
                    "share": rate(own.minor, whole.minor),
                }
                found.append((line, sorted(own.deals)))
        return found

    def quotas(self) -> list[dict[str, Any]]:
        """The quotas of exactly this period, and how far they are reached."""
        return [self._quota(quota) for quota in self.reporting.quotas if self._is_of_span(quota)]

    def _is_of_span(self, quota: Quota) -> bool:
        span = span_of(quota.period, self.reporting, self.now)
        return span is not None and (span.start, span.end) == (self.span.start, self.span.end)

    def _quota(self, quota: Quota) -> dict[str, Any]:
        revenue, sourced = self.sums["revenue"].minor, self.sums["sourced_revenue"].minor
        share = quota.marketing
        return {
            "period": quota.period,
            "quota": quota.amount.text,
            "quota_reached": rate(revenue, quota.amount.minor),
            "marketing": str(share) if share is not None else None,
            "marketing_quota_reached": (
                rate(sourced, int(quota.amount.minor * share)) if share is not None else None
            ),
        }


def lead_of(one: Opportunity) -> datetime | None:
    """When the first of a deal's people came to sales: the touch before it made the lead."""
    came = [p.came.created_at for p in one.people if p.came is not None and p.came.created_at]
    return min(came, default=None)
