"""What `leadloop match` promises of business people: namesakes, families in one company, shared
switchboards, a tenth in new jobs, an eighth without an address.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from benchmarks.table_worlds import business
from matching.tables.link import Matched, match
from matching.tables.quality import Truth, evaluate, precision_at

SEEDS = (7, 21)
Judged = list[tuple[Matched, Truth]]


@pytest.fixture(scope="module")
def judged() -> Judged:
    """Two worlds of 1,200 people a side, matched."""
    worlds = [business(1200, seed) for seed in SEEDS]
    return [(match(w.left, w.right, skip=["id"]), Truth(w.labels)) for w in worlds]


def test_nearly_everybody_is_found_and_next_to_nobody_wrongly(judged: Judged) -> None:
    """F1 .99 where .98 is promised, and precision .9995 where 95 % are found (.999 promised)."""
    for matched, truth in judged:
        figures = evaluate(matched, truth)
        assert figures["f1"] >= 0.99, figures
        assert figures["precision_at_95"] >= 0.9995, figures


def test_probabilities_mean_what_they_say(judged: Judged) -> None:
    """Of the pairs said to be so likely as many are right, in every range, to .05 and what chance
    does with so few pairs (three of its standard deviations)."""
    seen: dict[float, list[tuple[int, float, float]]] = defaultdict(list)
    for matched, truth in judged:
        for one in evaluate(matched, truth)["calibration"]:
            seen[one["from"]].append((one["pairs"], one["said"], one["right"]))
    for found in seen.values():
        pairs = sum(n for n, _, _ in found)
        said, right = (sum(n * row[at] for n, *row in found) / pairs for at in (0, 1))
        chance = 3.0 * float(np.sqrt(max(said * (1.0 - said), 1e-4) / pairs))
        assert abs(said - right) <= 0.05 + chance, seen
    assert sum(n for found in seen.values() for n, _, _ in found) > 1_000


def test_precision_at_a_recall() -> None:
    """It is that of the fewest pairs that suffice; equals count together, too few find nothing."""
    chance, right = np.array([0.9, 0.8, 0.8, 0.1]), np.array([True, False, True, True])
    assert precision_at(chance, right, 3, recall=1 / 3) == 1.0
    assert precision_at(chance, right, 3, recall=2 / 3) == pytest.approx(2 / 3, abs=1e-4)
    assert precision_at(chance, right, 3, recall=1.0) == 0.75
    assert precision_at(chance, right, 9) is None
    assert precision_at(chance[:0], right[:0], 1) is None
