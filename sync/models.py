"""Linkage models side by side: those the sync keeps in its state, and those of `leadloop match`.

Pure. Both are JSON of one shape with, for each field, levels that have m and u.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import log2
from typing import Any

Weights = dict[str, dict[str, float]]
"""Bits by field and level."""


@dataclass(frozen=True, slots=True)
class Change:
    """A level whose weight differs: bits before and after, None where a model lacks it."""

    field: str
    level: str
    before: float | None
    after: float | None

    @property
    def size(self) -> float:
        """By how many bits; a level that comes or goes counts with its whole weight."""
        return abs((self.after or 0.0) - (self.before or 0.0))


def weights(body: Mapping[str, Any]) -> Weights:
    """Every level's weight. Raises ValueError for what is no model."""
    try:
        fields = {name: one["levels"] for name, one in body["fields"].items()}
        return {
            str(name): {str(one["level"]): round(log2(one["m"] / one["u"]), 3) for one in levels}
            for name, levels in fields.items()
        }
    except (KeyError, TypeError, AttributeError, ValueError, ZeroDivisionError) as error:
        raise ValueError("not a model file") from error


def prior(body: Mapping[str, Any]) -> float:
    """Log2 odds that two records taken at random are one."""
    return round(log2(float(body["match"])), 3)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Levels whose weight differs by a tenth of a bit or more, the largest difference first."""
    first, second = weights(before), weights(after)
    sides = (first, second)
    names = {(f, level) for side in sides for f, levels in side.items() for level in levels}
    found = [
        Change(f, level, first.get(f, {}).get(level), second.get(f, {}).get(level))
        for f, level in sorted(names)
    ]
    kept = [one for one in found if one.size >= 0.1 or None in (one.before, one.after)]  # noqa: PLR2004
    return sorted(kept, key=lambda one: -one.size)


def as_json(body: Mapping[str, Any]) -> dict[str, Any]:
    """A model as the command line shows it."""
    return {"version": body.get("version"), "prior": prior(body), "weights": weights(body)}


def changes_as_json(found: list[Change]) -> list[dict[str, Any]]:
    """Changes, JSON-able."""
    return [asdict(one) for one in found]
