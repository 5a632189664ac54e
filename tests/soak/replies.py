"""Replies that never come: the vendor has committed, and nobody is told."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from mappings.records import Side
from state import outbox
from tests.laws.laws import comes_to_rest
from tests.laws.town import Town
from tests.soak.kills import town_for_a_while
from tests.soak.stories import settle_in, something_happens

PER_TOWN = 200


@dataclass(slots=True)
class Replies:
    """What was lost and found."""

    lost: int = 0
    rows: int = 0
    rests: int = 0
    broken: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """The figures, JSON-able."""
        return {
            "replies_lost": self.lost,
            "rows_whose_outcome_was_unknown": self.rows,
            "times_at_rest": self.rests,
            "laws_broken": len(self.broken),
            "first_broken": self.broken[:3],
        }


def replies(count: int, *, seed: int, url: str | None = None) -> Replies:
    """So many replies lost after the vendor committed (and as many requests lost before)."""
    told = Replies()
    number = 0
    while told.lost < count:
        rng = random.Random(f"{seed}:{number}")
        number += 1
        wanted = min(PER_TOWN, count - told.lost)
        with town_for_a_while(url) as town:
            try:
                settle_in(town, rng)
                _lose(town, rng, wanted, told)
            except AssertionError as error:
                told.broken.append(f"town {seed}:{number - 1}: {error}")
    return told


def _lose(town: Town, rng: random.Random, count: int, told: Replies) -> None:
    before = told.lost
    rounds = 0
    while told.lost - before < count:
        rounds += 1
        for _ in range(rng.randrange(1, 5)):
            something_happens(town, rng)
        lost: Counter[bool] = Counter()
        for side in Side:
            vendor = town.vendor(side)
            vendor.lose_randomly(rng, lost)
        town.run()
        town.world.time.at += timedelta(minutes=1)
        with town.store.read() as tx:
            told.rows += outbox.count_by_status(tx).get("unknown", 0)
        told.lost += lost[True]
        if rounds % 15 == 0:
            comes_to_rest(town)
            told.rests += 1
    comes_to_rest(town)
    told.rests += 1
