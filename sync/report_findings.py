"""What each part of a report comes to, in one sentence: the heading above its table and picture.

Pure: written from the same data as the table, so that a sentence never says what a cell does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from lifecycle.attribution import Model

Line = Mapping[str, Any]
Lines = Sequence[Line]
NOBODY = "(no answer to marketing)"
"""What stands for the source of those who never answered marketing."""

NO_TOUCH = "(no touch)"
"""What stands for what nobody is credited with."""


def finding(part: str, lines: Any, found: Line) -> str:
    """The sentence of a part of a report, "" where there is nothing to say."""
    say = _SAID.get(part)
    return say(lines, found) if say is not None and lines else ""


def whole(lines: Lines) -> list[dict[str, Any]]:
    """The funnel of everybody: the groups of each stage added up."""
    added: dict[tuple[str, str], dict[str, Any]] = {}
    for line in lines:
        own = added.setdefault(
            (line["lifecycle"], line["stage"]),
            {"lifecycle": line["lifecycle"], "stage": line["stage"], "entered": 0, "converted": 0,
             "is_last": True},
        )  # fmt: skip
        own["entered"] += line["entered"]
        own["converted"] += line["converted"]
        own["is_last"] = own["is_last"] and line["conversion"] is None
    return [
        line
        | {
            "conversion": None
            if line["is_last"] or not line["entered"]
            else line["converted"] / line["entered"]
        }
        for line in added.values()
    ]


def linear(lines: Lines) -> dict[str, Decimal]:
    """What each source is credited with by the linear model, over all groups; largest first."""
    added: dict[str, Decimal] = {}
    for line in lines:
        if line["model"] == Model.LINEAR:
            own = added.get(line["source"], Decimal())
            added[line["source"]] = own + Decimal(line["credited"])
    return dict(sorted(added.items(), key=lambda one: (-one[1], one[0])))


def _stages(lines: Lines, _found: Line) -> str:
    reached = [line for line in whole(lines) if line["entered"]]
    if not reached:
        return "Nobody reached a stage in this period."
    judged = [line for line in reached if line["conversion"] is not None]
    if not judged:
        return ""
    least = min(judged, key=lambda line: line["conversion"])
    return (
        f"Fewest go on from {least['stage']}: {least['converted']:,} of {least['entered']:,}"
        f" ({least['conversion']:.0%})."
    )


def _sources(lines: Lines, _found: Line) -> str:
    known = [line for line in lines if line["source"]]
    if not known:
        return "Nobody who reached the goal had answered marketing."
    first = known[0]
    return (
        f"The fastest source is {first['source']}: {first['source_days_median']:,.1f} days to"
        f" {first['goal']} ({_people(first['source_reached'])})."
    )


def _working(lines: Lines, _found: Line) -> str:
    given, worked, missed, pending = (
        sum(line[key] for line in lines)
        for key in ("handed_over", "worked", "not_worked", "pending")
    )
    if not given:
        return "Nobody was handed over in this period."
    judged = worked + missed
    if not judged:
        return f"{_people(given)} handed over; of nobody the five working days are over."
    still = f"; of {pending:,} the days are not over" if pending else ""
    return (
        f"{worked:,} of {judged:,} were worked within five working days"
        f" ({worked / judged:.0%}){still}."
    )


def _handoffs(lines: Lines, _found: Line) -> str:
    untouched = sum(line["first_touch_at"] is None for line in lines)
    return f"{len(lines):,} handed over, {untouched:,} of them not touched yet."


def _service_levels(lines: Lines, _found: Line) -> str:
    kept, broken, running = (
        sum(line[key] for line in lines) for key in ("kept", "broken", "running")
    )
    still = f"; {running:,} still run" if running else ""
    return f"{broken:,} of {kept + broken:,} promises were broken{still}."


def _promises(lines: Lines, _found: Line) -> str:
    over = [line for line in lines if line["is_over"]]
    kept = sum(line["delivered"] >= line["promised"] for line in over)
    return f"{kept:,} of {len(over):,} promises whose time is over were kept."


def _totals(lines: Lines, found: Line) -> str:
    revenue, sourced, influenced = (
        sum((Decimal(line["amount"]) for line in lines if line["what"] == what), Decimal())
        for what in ("revenue", "sourced_revenue", "influenced_revenue")
    )
    if not revenue:
        return "Nothing was won in this period."
    return (
        f"Marketing sourced {sourced / revenue:.0%} and influenced {influenced / revenue:.0%} of"
        f" {amount(f'{revenue}')} {currency(found)}."
    )


def _credits(lines: Lines, _found: Line) -> str:
    by_source = linear(lines)
    sum_of = sum(by_source.values())
    if not sum_of:
        return ""
    source, most = max(by_source.items(), key=lambda one: one[1])
    share = most / sum_of
    if not source:
        return f"{share:.0%} of the revenue had no touch before it (linear)."
    return f"Most is credited to {source}: {share:.0%} (linear)."


def _quotas(lines: Lines, _found: Line) -> str:
    reached = (
        f"{line['quota_reached']:.0%} of the quota of {line['period']} is reached"
        for line in lines
        if line["quota_reached"] is not None
    )
    told = "; ".join(reached)
    return f"{told}." if told else ""


def _stalled(lines: Lines, _found: Line) -> str:
    unknown = sum(line["responsible"] is None for line in lines)
    still = f", {unknown:,} of which were nobody's or nobody knows whose" if unknown else ""
    return f"{len(lines):,} deals have gone quiet{still}."


def _traits(lines: Lines, _found: Line) -> str:
    telling = [line for line in lines if line["lift"] is not None and line["lift"][1] > 1]
    if not telling:
        return "No trait stands out from what chance does."
    first, (lift, low, high) = telling[0], telling[0]["lift"]
    return (
        f"Whoever has {first['trait']} {first['value']} wins {lift:.1f} times as often as others"
        f" (95 %: {low:.1f} to {high:.1f})."
    )


def _definition(line: Line, _found: Line) -> str:
    if line["precision"] is None or line["recall"] is None:
        return "Too little was won or qualified to judge the MQL definition by."
    return (
        f"{line['precision'][0]:.0%} of the qualified won; {line['recall'][0]:.0%} of those who won"
        " had been qualified."
    )


def _thresholds(lines: Lines, _found: Line) -> str:
    best = next((line for line in lines if line["is_best"]), None)
    if best is None:
        return "Nobody who answered marketing has won, so that no threshold is better than another."
    return (
        f"{best['at_least']:,} or more answers within 30 days weigh precision"
        f" ({best['precision'][0]:.0%}) and recall ({best['recall'][0]:.0%}) best."
    )


def amount(text: str) -> str:
    """An amount of a report, with thousands."""
    return f"{Decimal(text):,}"


def currency(found: Line) -> str:
    """The currency of a report's amounts for people; `units` where none is named (XXX)."""
    return "units" if found["currency"] == "XXX" else str(found["currency"])


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"


_SAID: Mapping[str, Callable[[Any, Line], str]] = {
    "stages": _stages,
    "sources": _sources,
    "working": _working,
    "handoffs": _handoffs,
    "service_levels": _service_levels,
    "promises": _promises,
    "totals": _totals,
    "credits": _credits,
    "quotas": _quotas,
    "stalled": _stalled,
    "traits": _traits,
    "definition": _definition,
    "thresholds": _thresholds,
}
"""What is said of each part."""
