"""What marketing's work brought in: pipeline and revenue, sourced, influenced, and by touch.

Amounts are converted at the rate of their day first and shared out afterwards, so that the credits
of a deal add up to what the report says it brought, to the cent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from lifecycle.attribution import Model, attribute, is_influenced, is_sourced
from lifecycle.funnel import EVERYBODY
from lifecycle.metrics import behind, rate
from lifecycle.periods import Span, span_of
from lifecycle.subjects import Opportunity
from lifecycle.touch import words_of
from mappings.contract import Team
from mappings.money import Money
from mappings.reporting import Quota, Reporting

DealGroup = Callable[[Opportunity, datetime], str]
"""Which group an opportunity belongs to at the instant it was opened, or won."""


@dataclass(slots=True)
class Sum:
    """An amount in the reporting currency's minor units, and what each deal adds to it."""

    minor: int = 0
    deals: list[tuple[str, int]] = field(default_factory=list)

    def add(self, minor: int, deal: str) -> None:
        """One deal more."""
        self.minor += minor
        self.deals.append((deal, minor))


@dataclass(slots=True)
class Revenue:
    """One pass over opportunities: those opened or won in the period, up to now.

    `group` says which group one belongs to; each belongs to exactly one, so that groups sum to the
    whole.
    """

    reporting: Reporting
    span: Span
    now: datetime
    group: DealGroup = lambda _one, _at: EVERYBODY
    not_converted: list[str] = field(default_factory=list)
    _sums: dict[tuple[str, str], Sum] = field(default_factory=lambda: defaultdict(Sum))
    _credits: dict[tuple[str, Model, str], Sum] = field(default_factory=lambda: defaultdict(Sum))

    def add(self, one: Opportunity) -> None:
        """Count one opportunity: opened in the period, won in it, both or neither."""
        deal = one.deal
        closed = deal.closed_at if deal.is_won else None
        if deal.created_at in self.span and deal.created_at <= self.now:
            self._count("pipeline", one, deal.created_at)
        if closed is not None and closed in self.span and closed <= self.now:
            amount = self._count("revenue", one, closed)
            if amount is not None:
                self._attribute(one, amount, self.group(one, closed))

    def _count(self, what: str, one: Opportunity, on: datetime) -> Money | None:
        deal = one.deal
        day = on.astimezone(ZoneInfo(self.reporting.zone)).date()
        amount = self.reporting.rates.convert(deal.amount, day) if deal.amount is not None else None
        if amount is None:
            if deal.key not in self.not_converted:
                self.not_converted.append(deal.key)
            return None
        group, touches = self.group(one, on), one.touches
        self._sums[group, what].add(amount.minor, deal.key)
        if is_sourced(deal, touches, Team.MARKETING):
            self._sums[group, f"sourced_{what}"].add(amount.minor, deal.key)
        if is_influenced(deal, touches, Team.MARKETING):
            self._sums[group, f"influenced_{what}"].add(amount.minor, deal.key)
        return amount

    def _attribute(self, one: Opportunity, amount: Money, group: str) -> None:
        deal = replace(one.deal, amount=amount)
        lead_at = lead_of(one)
        for model in Model:
            found = attribute(deal, one.touches, model, lead_at=lead_at)
            parts: Counter[str] = Counter()
            for credit in found.credits:
                parts[words_of(credit.touch)] += credit.amount.minor
            if found.unattributed is not None:
                parts[""] += found.unattributed.minor
            for source, minor in parts.items():
                self._credits[group, model, source].add(minor, deal.key)

    def credits(self) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """What each source is credited with by each model, the largest first; a blank source is
        what nobody is credited with. With what each deal adds.
        """
        return [
            (
                {"group": group, "model": model.value, "source": source,
                 "credited": self.money(own.minor)},
                self._behind(own),
            )
            for group in self._groups()
            for model in Model
            for source, own in self._by_source(group, model)
        ]  # fmt: skip

    def _by_source(self, group: str, model: Model) -> list[tuple[str, Sum]]:
        found = [
            (source, own)
            for (where, by, source), own in self._credits.items()
            if (where, by) == (group, model)
        ]
        return sorted(found, key=lambda one: (-one[1].minor, one[0]))

    def _groups(self) -> list[str]:
        return sorted({group for group, _ in self._sums}) or [EVERYBODY]

    def _behind(self, own: Sum) -> list[dict[str, Any]]:
        return behind((deal, self.money(minor)) for deal, minor in own.deals)

    def money(self, minor: int) -> str:
        """An amount as plain decimal text in the reporting currency."""
        return Money(minor, self.reporting.currency).text

    def totals(self) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Pipeline and revenue with the parts marketing sourced and influenced; with each deal."""
        found = []
        for group in self._groups():
            for what in ("pipeline", "revenue"):
                for name in (what, f"sourced_{what}", f"influenced_{what}"):
                    own = self._sums[group, name]
                    line = {
                        "group": group,
                        "what": name,
                        "amount": self.money(own.minor),
                        "deals": len(own.deals),
                        "share": rate(own.minor, self._sums[group, what].minor),
                    }
                    found.append((line, self._behind(own)))
        return found

    def quotas(self) -> list[dict[str, Any]]:
        """The quotas of exactly this period, and how far they are reached."""
        return [self._quota(quota) for quota in self.reporting.quotas if self._is_of_span(quota)]

    def _is_of_span(self, quota: Quota) -> bool:
        span = span_of(quota.period, self.reporting, self.now)
        return span is not None and (span.start, span.end) == (self.span.start, self.span.end)

    def _quota(self, quota: Quota) -> dict[str, Any]:
        revenue, sourced = (
            sum(own.minor for (_, name), own in self._sums.items() if name == what)
            for what in ("revenue", "sourced_revenue")
        )
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
