"""Scoring evidence: what goes with won deals, and how well "marketing-qualified" foretells them.

Everybody who ever answered marketing is looked at once. They count as won when a deal of theirs
was. What they did counts up to the day their first deal was opened, so that no trait is learnt from
the outcome it is to foretell.

Intervals are of 95 %: Wilson's for shares, and the logarithm's (Katz) for lift, half a person added
to each cell where one is empty. They say how far chance alone may go; they do not say why.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lifecycle.paths import paths
from lifecycle.subjects import Subject
from lifecycle.touch import Touch, words_of
from mappings.contract import Contract, Fact, Team

WINDOW = timedelta(days=30)
"""Within which touches are counted towards a threshold."""
MOST = 10
"""The highest threshold that is tried."""
Z = 1.959964
"""Standard deviations on either side that hold 95 %."""
LEAST = 5
"""People a trait needs before it is shown."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with the edges of its 95 % interval, to four digits."""

    value: float
    low: float
    high: float

    def as_json(self) -> list[float]:
        """Value, low and high."""
        return [round(self.value, 4), round(self.low, 4), round(self.high, 4)]


def share(part: int, whole: int) -> Interval | None:
    """A share with Wilson's interval; None of nothing."""
    if not whole:
        return None
    rate, z2 = part / whole, Z * Z
    centre = (rate + z2 / (2 * whole)) / (1 + z2 / whole)
    reach = Z / (1 + z2 / whole) * math.sqrt(rate * (1 - rate) / whole + z2 / (4 * whole * whole))
    return Interval(rate, max(0.0, centre - reach), min(1.0, centre + reach))


def lift(won: int, people: int, other_won: int, others: int) -> Interval | None:
    """How many times likelier people with a trait win than the others; None without either, and
    where nobody has won: the half persons added would speak alone.
    """
    if not people or not others or not won + other_won:
        return None
    half = 0.5 if 0 in {won, other_won} else 0.0
    a, n, c, m = won + half, people + half, other_won + half, others + half
    ratio = (a / n) / (c / m)
    spread = math.sqrt(max(0.0, 1 / a - 1 / n + 1 / c - 1 / m))
    return Interval(ratio, ratio * math.exp(-Z * spread), ratio * math.exp(Z * spread))


@dataclass(slots=True)
class Tally:
    """People with a trait, and those of them who won; by the names of their records."""

    people: list[str] = field(default_factory=list)
    won: list[str] = field(default_factory=list)

    def add(self, record: str, *, won: bool) -> None:
        """One person more."""
        self.people.append(record)
        if won:
            self.won.append(record)


@dataclass(slots=True)
class Scoring:
    """One pass over people."""

    contract: Contract
    now: datetime
    everybody: Tally = field(default_factory=Tally)
    qualified: Tally = field(default_factory=Tally)
    _traits: dict[tuple[str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    _strongest: list[tuple[int, str, bool]] = field(default_factory=list)

    def add(self, person: Subject) -> None:
        """Look at one person."""
        opened = [deal.created_at for deal in person.deals if deal.created_at <= self.now]
        until = min(opened, default=self.now)
        touches = [t for t in person.touches if t.team is Team.MARKETING and t.at <= until]
        if not touches:
            return
        won = any(
            deal.is_won and deal.closed_at is not None and deal.closed_at <= self.now
            for deal in person.deals
        )
        self.everybody.add(person.record, won=won)
        for trait in _traits(person, touches):
            self._traits[trait].add(person.record, won=won)
        if self._is_qualified(person, until):
            self.qualified.add(person.record, won=won)
        self._strongest.append((densest(touches), person.record, won))

    def _is_qualified(self, person: Subject, until: datetime) -> bool:
        """Whether marketing's fact was established before the first deal was opened."""
        stages = {
            (lifecycle.name, stage.name)
            for lifecycle in self.contract.lifecycles
            for stage in lifecycle.stages
            if stage.fact is Fact.MQL
        }
        return any(
            (path.lifecycle, stage) in stages and at <= until
            for path in paths(self.contract, person)
            for stage, at in path.reached.items()
        )

    def traits(self) -> list[tuple[dict[str, Any], list[str]]]:
        """Every trait of enough people, the largest lift that chance leaves first."""
        everybody, winners = len(self.everybody.people), len(self.everybody.won)
        found: list[tuple[float, dict[str, Any], list[str]]] = []
        for (kind, value), own in self._traits.items():
            people, won = len(own.people), len(own.won)
            if people < LEAST:
                continue
            raised = lift(won, people, winners - won, everybody - people)
            line = {
                "trait": kind,
                "value": value,
                "people": people,
                "won": won,
                "conversion": _json(share(won, people)),
                "lift": _json(raised),
            }
            found.append((raised.low if raised is not None else 0.0, line, sorted(own.won)))
        found.sort(key=lambda one: (-one[0], one[1]["trait"], one[1]["value"]))
        return [(line, records) for _, line, records in found]

    def definition(self) -> dict[str, Any] | None:
        """How well marketing's qualification foretells a won deal; None without a contract."""
        if Fact.MQL not in self.contract.facts():
            return None
        return self._judged(len(self.qualified.people), len(self.qualified.won))

    def thresholds(self) -> list[dict[str, Any]]:
        """The same of the plain rule "so many answers within 30 days", for each number; the one
        that weighs precision and recall best (F1) is marked.
        """
        lines = []
        for least in range(1, MOST + 1):
            over = [won for count, _, won in self._strongest if count >= least]
            lines.append({"at_least": least} | self._judged(len(over), sum(over)))
        best = max(lines, key=lambda line: (line["f1"] or 0.0, line["at_least"]))
        return [line | {"is_best": line is best and bool(best["f1"])} for line in lines]

    def _judged(self, qualified: int, right: int) -> dict[str, Any]:
        winners = len(self.everybody.won)
        precision, recall = share(right, qualified), share(right, winners)
        f1 = None
        if precision is not None and recall is not None and right:
            f1 = 2 * precision.value * recall.value / (precision.value + recall.value)
        return {
            "qualified": qualified,
            "won": right,
            "precision": _json(precision),
            "recall": _json(recall),
            "f1": round(f1, 4) if f1 is not None else None,
        }


def densest(touches: list[Touch]) -> int:
    """The most touches within any 30 days."""
    best, start = 0, 0
    for end, touch in enumerate(touches):
        while touch.at - touches[start].at > WINDOW:
            start += 1
        best = max(best, end - start + 1)
    return best


def _traits(person: Subject, touches: list[Touch]) -> set[tuple[str, str]]:
    """What is told of a person: where they came from, what they answered, who they are."""
    found = {("source", words_of(touches[0]))}
    found |= {("answered", words_of(touch)) for touch in touches}
    found |= {(name, value) for name, value in person.traits.items() if value}
    if person.persona:
        found.add(("persona", person.persona))
    return found


def _json(interval: Interval | None) -> list[float] | None:
    return interval.as_json() if interval is not None else None
