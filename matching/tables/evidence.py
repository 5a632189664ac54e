"""What a match says of itself: one pair field by field, the clusters, where evidence comes from.

Everything here is JSON-able and holds no values of anybody's record.
"""

from __future__ import annotations

from collections import defaultdict
from math import log2
from typing import Any

import numpy as np

from matching.tables.link import Matched
from matching.tables.mixture import Compared, Weighed, compared, probability, weigh

DIGITS = 6
_SAME, _UTTER = 1e-6, 1e-9


def pair_as_json(pairs: Compared, weighed: Weighed, row: int) -> dict[str, Any]:
    """Prior, levels with their bits, and corrections of one of the pairs; they come to its total.

    A field that says nothing has no line.
    """
    fields = []
    for name, codes in pairs.codes.items():
        if code := int(codes[row]):
            fields.append(
                {
                    "field": name,
                    "level": pairs.kinds[name].levels[code - 1],
                    "weight": round(float(weighed.weights[name][row]), DIGITS),
                    "frequency": round(float(weighed.adjustments[name][row]), DIGITS),
                }
            )
    return {
        "prior": round(weighed.prior, DIGITS),
        "fields": fields,
        "changed": round(float(weighed.changed[row]), DIGITS),
        "near_people": round(float(weighed.near[row]), DIGITS),
    }


def rivals(total: float, posterior: float) -> float:
    """The bits between what a pair says on its own and what remains once everybody who would fit as
    well, and what else is known of the two, has been heard: `total` and they come to the log2 odds
    of `posterior`. A posterior of 0 or 1 is taken for one in a thousand million."""
    if abs(posterior - 1.0 / (1.0 + 2.0**-total)) <= _SAME:
        return 0.0
    kept = min(max(posterior, _UTTER), 1.0 - _UTTER)
    return round(log2(kept / (1.0 - kept)) - total, DIGITS)


def pair_evidence(matched: Matched, one: int, other: int) -> dict[str, Any]:
    """Prior, levels, weights, frequencies and total of any two rows, in bits; they add up, and
    with `rivals` they come to the log2 odds of the posterior.

    `posterior` is the probability after resolution where the pair was a candidate, else what the
    total alone says; `linked` whether it is an answer.
    """
    low, high = min(one, other), max(one, other)
    pair = compared(matched.frame, np.array([low]), np.array([high]))
    weighed = weigh(matched.frame, matched.learned, pair)
    decided = matched.decided
    at = np.flatnonzero((decided.one == low) & (decided.other == high))
    settled = float(decided.probability[at[0]] if len(at) else probability(weighed.total)[0])
    return {
        **pair_as_json(pair, weighed, 0),
        "total": round(float(weighed.total[0]), DIGITS),
        "rivals": rivals(float(weighed.total[0]), settled),
        "posterior": round(settled, DIGITS),
        "linked": bool(len(at) and decided.link[at[0]]),
    }


def contributions(matched: Matched) -> list[dict[str, Any]]:
    """For each field: how often both rows of a link have it, how often it agrees at its strongest
    level, and how many bits it gives a link on average; the strongest field first."""
    decided, frame = matched.decided, matched.frame
    linked = decided.link
    pairs = compared(frame, decided.one[linked], decided.other[linked])
    weighed = weigh(frame, matched.learned, pairs)
    count = max(len(pairs), 1)
    found = []
    for feature in frame.features:
        codes = pairs.codes[feature.name]
        bits = weighed.weights[feature.name] + weighed.adjustments[feature.name]
        found.append(
            {
                "field": feature.name,
                "kind": feature.kind.name,
                "known": round(float((codes > 0).sum()) / count, 4),
                "agrees": round(float((codes == 1).sum()) / count, 4),
                "bits": round(float(bits.sum()) / count, 2),
            }
        )
    return sorted(found, key=lambda one: (-float(str(one["bits"])), str(one["field"])))


def clusters(matched: Matched) -> list[tuple[float, list[int]]]:
    """Clusters of two rows or more with the probability of their least sure pair, the least sure
    first, the larger before the smaller."""
    decided = matched.decided
    least: dict[int, float] = {}
    for i in np.flatnonzero(decided.link).tolist():
        at = int(decided.cluster[decided.one[i]])
        least[at] = min(least.get(at, 1.0), float(decided.probability[i]))
    members: dict[int, list[int]] = defaultdict(list)
    for row, at in enumerate(decided.cluster.tolist()):
        members[at].append(row)
    found = [(least.get(at, 1.0), rows) for at, rows in members.items() if len(rows) > 1]
    return sorted(found, key=lambda one: (round(one[0], 4), -len(one[1]), one[1]))
