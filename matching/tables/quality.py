"""How good an answer is, where the truth is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from matching.tables.link import Matched
from matching.tables.mixture import Floats
from matching.tables.values import Flags, Index

_BINS = (0.0, 0.05, 0.2, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


@dataclass(frozen=True, slots=True)
class Truth:
    """Which pairs are one: rows with an equal label, or pairs of rows given one by one.

    `labels[row]` is "" where nobody knows.
    """

    labels: Sequence[str] = ()
    pairs: frozenset[tuple[int, int]] = frozenset()

    def of(self, one: Index, other: Index) -> Flags:
        """Whether each pair of rows is one."""
        couples = zip(one.tolist(), other.tolist(), strict=True)
        if self.pairs:
            found = [(a, b) in self.pairs for a, b in couples]
        else:
            found = [bool(self.labels[a]) and self.labels[a] == self.labels[b] for a, b in couples]
        return np.array(found, dtype=bool)

    def count(self, left: int, *, dedupes: bool) -> int:
        """How many true pairs there are."""
        if self.pairs:
            return len(self.pairs)
        if dedupes:
            counts = Counter(label for label in self.labels if label)
            return sum(n * (n - 1) // 2 for n in counts.values())
        ours, theirs = (
            Counter(x for x in s if x) for s in (self.labels[:left], self.labels[left:])
        )
        return sum(n * theirs[label] for label, n in ours.items())


def evaluate(matched: Matched, truth: Truth) -> dict[str, Any]:
    """Precision, recall and F1 of links, pair completeness and reduction ratio of the candidates,
    and for each range of probabilities how many pairs were right."""
    frame, decided = matched.frame, matched.decided
    total = truth.count(frame.left, dedupes=frame.dedupes)
    right = truth.of(decided.one, decided.other)
    linked = decided.link
    found = int((linked & right).sum())
    precision = found / max(int(linked.sum()), 1)
    recall = found / max(total, 1)
    proposed = truth.of(matched.candidates.one, matched.candidates.other)
    return {
        "true_pairs": total,
        "links": int(linked.sum()),
        "right": found,
        "wrong": int(linked.sum()) - found,
        "precision": round(precision, 5),
        "recall": round(recall, 5),
        "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 5),
        "precision_at_95": precision_at(decided.probability, right, total),
        "pair_completeness": round(int(proposed.sum()) / max(total, 1), 5),
        "reduction_ratio": round(1.0 - len(proposed) / max(frame.pairs, 1), 6),
        "calibration": calibration(matched, right),
    }


def precision_at(chance: Floats, right: Flags, total: int, *, recall: float = 0.95) -> float | None:
    """The precision of the likeliest pairs that are needed to find that share of the `total` true
    ones, equals taken together; None where they cannot be found."""
    order = np.argsort(-chance, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(chance[order]) != 0, [True] * min(len(order), 1)))
    found = np.cumsum(right[order])[ends]
    enough = np.flatnonzero(found >= recall * total)
    return round(float(found[enough[0]] / (ends[enough[0]] + 1)), 5) if len(enough) else None


def calibration(matched: Matched, right: Flags) -> list[Mapping[str, Any]]:
    """For each range of probabilities: pairs, mean probability, share that is right."""
    chance = matched.decided.probability
    rows: list[Mapping[str, Any]] = []
    for low, high in pairwise(_BINS):
        inside = (chance >= low) & ((chance < high) | (high == 1.0))
        if inside.any():
            rows.append(
                {
                    "from": low,
                    "to": high,
                    "pairs": int(inside.sum()),
                    "said": round(float(chance[inside].mean()), 4),
                    "right": round(float(right[inside].mean()), 4),
                }
            )
    return rows
