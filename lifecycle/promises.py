"""Marketing's promises: so many people reach a stage in every week, month or quarter."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lifecycle.metrics import rate
from lifecycle.paths import paths
from lifecycle.periods import Span, parts
from lifecycle.subjects import Subject
from mappings.contract import Contract, Promise

Place = tuple[int, datetime]
"""Which promise, and the beginning of its week, month or quarter."""


@dataclass(slots=True)
class Promises:
    """One pass over people: who reached what was promised, in every part of the period.

    A part that sticks out of the period is counted whole, since that is how it was promised.
    """

    contract: Contract
    span: Span
    now: datetime
    _reached: dict[Place, list[str]] = field(default_factory=lambda: defaultdict(list))
    _parts: dict[int, list[Span]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        until = min(self.span.end, self.now)
        asked = Span(self.span.start, until, self.span.label)
        for number, promise in enumerate(self.contract.promises):
            self._parts[number] = list(parts(asked, promise.per, self.contract.reporting))

    def add(self, person: Subject) -> None:
        """Count one person."""
        for path in paths(self.contract, person):
            for number, promise in enumerate(self.contract.promises):
                at = path.reached.get(promise.stage)
                if promise.lifecycle != path.lifecycle or at is None or at > self.now:
                    continue
                if promise.persona is not None and _persona(person, at) != promise.persona:
                    continue
                for part in self._parts[number]:
                    if at in part:
                        self._reached[number, part.start].append(person.record)

    def lines(self) -> list[tuple[dict[str, Any], list[str]]]:
        """Each promise in each part: how many were promised, how many came, who."""
        return [
            (self._line(promise, number, part), sorted(self._reached[number, part.start]))
            for number, promise in enumerate(self.contract.promises)
            for part in self._parts[number]
        ]

    def _line(self, promise: Promise, number: int, part: Span) -> dict[str, Any]:
        delivered = len(self._reached[number, part.start])
        return {
            "lifecycle": promise.lifecycle,
            "stage": promise.stage,
            "persona": promise.persona,
            "per": promise.per.value,
            "from": part.label,
            "is_over": part.end <= self.now,
            "promised": promise.count,
            "delivered": delivered,
            "share": rate(delivered, promise.count),
        }


def _persona(person: Subject, at: datetime) -> str | None:
    """Which persona somebody was when they moved."""
    return next((move.persona for move in person.moves if move.at == at), None)
