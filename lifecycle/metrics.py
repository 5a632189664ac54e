"""Every metric by name: what it counts, in which unit. docs/metrics.md says the same words.

A metric is folded in one place (`lifecycle.funnel`, `working`, `revenue`) and goes by its name here
in JSON, CSV, tables and pictures; nothing counts it a second time, and nothing counts it in SQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from statistics import median, quantiles
from typing import Any

NINETIETH = 9
"""Which of the nine cuts into tenths is the ninetieth percentile."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One number: its name in every output, its unit, and what it is."""

    name: str
    unit: str
    what: str


METRICS: tuple[Metric, ...] = (
    Metric(
        "entered",
        "people",
        "Reached the stage, or one beyond it, for the first time in the period.",
    ),
    Metric(
        "converted",
        "people",
        "Of those, who have reached a stage beyond it by now.",
    ),
    Metric(
        "conversion",
        "share",
        "`converted` / `entered`; blank where nobody entered, or nothing lies beyond.",
    ),
    Metric(
        "standing",
        "people",
        "Stood in the stage when the period ended, or now.",
    ),
    Metric(
        "stagnant",
        "people",
        "Of those, who entered it and were last touched by either team more than 30 days earlier.",
    ),
    Metric(
        "days_in_stage_median",
        "days",
        "Middle of the stays in the stage that ended in the period; stays of no length are none.",
    ),
    Metric(
        "days_in_stage_p90",
        "days",
        "Nine tenths of these stays were at most so long.",
    ),
    Metric(
        "source_reached",
        "people",
        "Reached the goal in the period, by where they came from: the first answer to "
        "marketing. The goal is the stage of the fact `sales_qualified`, else the last "
        "one.",
    ),
    Metric(
        "source_days_median",
        "days",
        "Middle of the times from the first stage to the goal.",
    ),
    Metric(
        "handed_over",
        "people",
        "Came to sales in the period: handed over by the contract; without one, a first "
        "record in Salesforce of somebody marketing had before.",
    ),
    Metric(
        "worked",
        "people",
        "Of those, whom a human being in sales touched by the end of the fifth working day after.",
    ),
    Metric(
        "not_worked",
        "people",
        "Of those, whom nobody touched by then.",
    ),
    Metric(
        "pending",
        "people",
        "Of those, who are untouched and whose five working days are not over; they are "
        "in no rate.",
    ),
    Metric(
        "worked_rate",
        "share",
        "`worked` / (`worked` + `not_worked`).",
    ),
    Metric(
        "hours_to_first_touch_median",
        "hours",
        "Middle of the times from the handover to the first touch by sales, of all who "
        "were touched, by the clock.",
    ),
    Metric(
        "attempts_mean",
        "touches",
        "Touches by sales after the handover, per person handed over.",
    ),
    Metric(
        "kept",
        "promises",
        "Service levels of handoffs of the period that were kept in time.",
    ),
    Metric(
        "broken",
        "promises",
        "Those whose time ran out first.",
    ),
    Metric(
        "running",
        "promises",
        "Those whose time still runs.",
    ),
    Metric(
        "promised",
        "people",
        "How many people marketing promised would reach the stage.",
    ),
    Metric(
        "delivered",
        "people",
        "How many did, of the persona promised.",
    ),
    Metric(
        "revenue",
        "money",
        "Amounts of deals won in the period, in the reporting currency at the rate of the "
        "day each was won.",
    ),
    Metric(
        "pipeline",
        "money",
        "Amounts of deals opened in the period, at the rate of that day.",
    ),
    Metric(
        "sourced",
        "money",
        "The part of deals whose first touch, before the deal was opened, was marketing's.",
    ),
    Metric(
        "influenced",
        "money",
        "The part of deals with a touch by marketing before they closed.",
    ),
    Metric(
        "credited",
        "money",
        "What a source is credited with by a model. Over all sources, with "
        "`unattributed`, it is the revenue, to the cent.",
    ),
    Metric(
        "unattributed",
        "money",
        "The part of deals with no touch before they closed.",
    ),
    Metric(
        "not_converted",
        "deals",
        "Deals without an amount, or in a currency without a rate for the day: in no sum.",
    ),
    Metric(
        "revenue_share",
        "share",
        "`sourced` revenue / `revenue`.",
    ),
    Metric(
        "quota_reached",
        "share",
        "`revenue` / the quota of the period.",
    ),
    Metric(
        "marketing_quota_reached",
        "share",
        "`sourced` revenue / marketing's share of the quota.",
    ),
)
"""All metrics, in the order in which reports show them."""


def behind(values: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    """What a figure that is no count is reckoned from: records, and what each adds to it."""
    return [{"record": record, "value": value} for record, value in sorted(values)]


def rate(part: int, whole: int) -> float | None:
    """A share to four digits; None of nothing."""
    return round(part / whole, 4) if whole else None


def days(spans: Iterable[timedelta]) -> list[float]:
    """Lengths in days, to four digits."""
    return [round(span / timedelta(days=1), 4) for span in spans]


def middle(values: list[float]) -> float | None:
    """The median, None of nothing."""
    return round(median(values), 4) if values else None


def ninetieth(values: list[float]) -> float | None:
    """The 90th percentile (of the values as they are, between neighbours in proportion)."""
    if len(values) < 2:  # noqa: PLR2004 - one value is its own percentile
        return values[0] if values else None
    return round(quantiles(values, n=10, method="inclusive")[NINETIETH - 1], 4)
