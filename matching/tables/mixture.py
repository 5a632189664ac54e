"""What agreement is worth, learned without labels: a Fellegi-Sunter model as a mixture.

Every pair is one of: the same record twice (m), two strangers (u), or two who are near each other
and share by nature what their nearness explains: relatives (home and family name), twins (birth
date too), colleagues (employer and its address), namesakes (the name). Someone near is told from
the same one only by what nearness does not explain, so a household never adds up to a person.

u comes from random pairs and from how often values occur, m and the rest from expectation
maximisation over the candidate pairs, every pair outside them counting as strangers. Defaults
weigh as much as a few matches, so little data moves little, and weights never rise from a
stronger level to a weaker one. Weights are bits: log2(m / u).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from matching.tables.frame import Feature, Frame, compare_all
from matching.tables.kinds import Codes, Index

Floats = NDArray[np.float64]

NEAR: Mapping[str, frozenset[str]] = {
    "relative": frozenset({"family", "birth_family", "street", "place", "phone"}),
    "twin": frozenset({"family", "birth_family", "street", "place", "phone", "birth_date", "age"}),
    "colleague": frozenset({"employer", "street", "place", "phone"}),
    "namesake": frozenset({"given", "family", "middle"}),
}
"""Who may be near a person, and the fields that their nearness explains."""

_ODDS: Mapping[str, float] = {"relative": 0.1, "twin": 0.005, "colleague": 0.1, "namesake": 0.1}
_BELIEF = 20.0
"""Matches that the default m of a field count for."""
_RANDOM = 200_000
_STEPS = 60
_STILL = 1e-3
_ADJUSTMENT = 12.0
_RAREST = 0.02


@dataclass(frozen=True)
class Learned:
    """The numbers of a model. `m[field]` and `u[field]` have a share for each level; `near[who]`
    the shares of the fields that nearness explains; `odds[who]` and `match` how many such pairs
    there are, and matches, for one pair; `rare[field]` by how many others a value is shared that
    hardly anybody has.
    """

    match: float
    m: Mapping[str, Floats]
    u: Mapping[str, Floats]
    near: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
    odds: Mapping[str, float] = field(default_factory=dict)
    rare: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Compared:
    """Pairs of rows with their level codes by field, and for each field how many rows carry the
    agreed value (0 where the level has no frequency)."""

    codes: Mapping[str, Codes]
    carried: Mapping[str, Index]

    def __len__(self) -> int:
        return len(next(iter(self.codes.values()), ()))


def compared(frame: Frame, one: Index, other: Index) -> Compared:
    """The pairs of rows compared in every field."""
    codes = compare_all(frame, one, other)
    carried = {
        feature.name: _carried(feature, codes[feature.name], one) for feature in frame.features
    }
    return Compared(codes, carried)


def _carried(feature: Feature, codes: Codes, one: Index) -> Index:
    found = np.zeros(len(codes), dtype=np.int64)
    for level, part in feature.kind.agreed.items():
        rows = np.flatnonzero(codes == level)
        numbers, counts = feature.counts(part)
        values = numbers[feature.rows[one[rows]]]
        found[rows] = np.where(values >= 0, counts[values], 0)
    return found


@dataclass(frozen=True)
class Weighed:
    """For n pairs, in bits: by field the level's weight and the frequency adjustment, then the
    correction for people near each other, and the total. prior + all of them = total.
    """

    prior: float
    weights: Mapping[str, Floats]
    adjustments: Mapping[str, Floats]
    near: Floats
    total: Floats


def weigh(frame: Frame, learned: Learned, pairs: Compared) -> Weighed:
    """Log2 odds that each pair is one."""
    weights, adjustments = {}, {}
    prior = float(np.log2(learned.match))
    plain = np.full(len(pairs), prior)
    for feature in frame.features:
        name = feature.name
        table = np.log2(learned.m[name] / learned.u[name])
        weights[name] = np.append(0.0, table)[pairs.codes[name]]
        adjustments[name] = -_rarity(frame, feature, learned, pairs.carried[name])
        plain = plain + weights[name] + adjustments[name]
    against = [np.zeros(len(pairs))]
    against += [_nearness(learned, pairs, who, adjustments) for who in learned.near]
    crowd = np.logaddexp2.reduce(against, axis=0)
    return Weighed(prior, weights, adjustments, -crowd, plain - crowd)


def _nearness(
    learned: Learned, pairs: Compared, who: str, adjustments: Mapping[str, Floats]
) -> Floats:
    """Log2 odds of somebody near against strangers."""
    odds = np.full(len(pairs), np.log2(learned.odds[who]))
    for name, shares in learned.near[who].items():
        table = np.log2(shares / learned.u[name])
        odds += np.append(0.0, table)[pairs.codes[name]] + adjustments[name]
    return odds


def _rarity(frame: Frame, feature: Feature, learned: Learned, carried: Index) -> Floats:
    """How much commoner the agreed value is than agreement in general, in bits; 0 where no value
    counts. The two records themselves are not counted among those that carry the value.
    """
    rows = max(int((feature.rows >= 0).sum()), 1)
    rare = learned.rare.get(feature.name, 1.0)
    others = np.maximum(carried - 2, 0) + np.where(carried > 2, max(rare, 0.5), rare)  # noqa: PLR2004
    general = _collisions(frame, feature)
    bits = np.log2(others / rows / general)
    return np.where(carried > 0, np.clip(bits, -_ADJUSTMENT, _ADJUSTMENT), 0.0)


def _collisions(frame: Frame, feature: Feature) -> float:
    """The share of pairs whose values are equal, by counting."""
    del frame
    _, counts = feature.counts(feature.kind.agreed[1])
    rows = max(int((feature.rows >= 0).sum()), 2)
    return max(float((counts * (counts - 1)).sum()), 1.0) / (rows * (rows - 1))


# --- learning -----------------------------------------------------------------------------------


def defaults(frame: Frame, strangers: Compared, expected: float) -> Learned:
    """The start: m by kind, u from random pairs, `expected` matches."""
    u = {f.name: _shares(strangers.codes[f.name], None, len(f.kind.levels)) for f in frame.features}
    m = {f.name: np.array(f.kind.m) / sum(f.kind.m) for f in frame.features}
    match = expected / max(frame.pairs, 1)
    found: dict[str, dict[str, Floats]] = {}
    for who, explained in NEAR.items():
        free = {name: shares.copy() for name, shares in m.items() if name in explained}
        if free and len(free) < len(m):
            found[who] = free
    odds = {who: _ODDS[who] * match for who in found}
    return Learned(match, m, u, found, odds, dict.fromkeys(m, 1.0))


def learn(frame: Frame, candidates: Compared, *, seed: int = 1) -> Learned:
    """The model of the frame's own records.

    `candidates` are all pairs worth comparing. The same input and seed give the same model.
    """
    strangers = _strangers(frame, seed)
    expected = max(1.0, 0.4 * min(frame.left, (frame.total - frame.left) or frame.left))
    start = defaults(frame, strangers, expected)
    learned = start
    for _ in range(_STEPS):
        moved = _step(frame, start, learned, candidates, strangers)
        still = _apart(learned, moved) < _STILL
        learned = moved
        if still:
            break
    return learned


def reprior(frame: Frame, learned: Learned, candidates: Compared) -> Learned:
    """The model with how often matches and near people occur in this frame; levels stay."""
    whole, now = float(max(frame.pairs, 1)), learned
    for _ in range(_STEPS):
        weighed = weigh(frame, now, candidates)
        match = probability(weighed.total)
        near = _near_pairs(now, candidates, weighed, match)
        count = max(float(match.sum()), 0.5)
        odds = {
            who: max(float(p.sum()), 0.02 * _ODDS[who] * count) / whole for who, p in near.items()
        }
        moved = replace(now, match=min(count / whole, 0.5), odds=odds)
        still = abs(np.log2(moved.match / now.match)) < _STILL
        now = moved
        if still:
            break
    return now


def _near_pairs(
    learned: Learned, pairs: Compared, weighed: Weighed, match: Floats
) -> dict[str, Floats]:
    """For each kind of near people the probability that a pair is of that kind."""
    return {
        who: (1.0 - match)
        * np.exp2(_nearness(learned, pairs, who, weighed.adjustments) + weighed.near)
        for who in learned.near
    }


def _strangers(frame: Frame, seed: int) -> Compared:
    rng = np.random.default_rng(seed)
    size = min(_RANDOM, 4 * frame.pairs)
    one = rng.integers(frame.left, size=size)
    if frame.dedupes:
        other = rng.integers(frame.total, size=size)
    else:
        other = rng.integers(frame.left, frame.total, size=size)
    differ = one != other
    return compared(frame, one[differ], other[differ])


def _step(
    frame: Frame, start: Learned, learned: Learned, candidates: Compared, strangers: Compared
) -> Learned:
    """One round of expectation and maximisation."""
    weighed = weigh(frame, learned, candidates)
    match = probability(weighed.total)
    near = _near_pairs(learned, candidates, weighed, match)
    away = 1.0 - probability(weigh(frame, learned, strangers).total)
    u = {
        f.name: _stranger_shares(frame, f, candidates.codes[f.name], match,
                                 strangers.codes[f.name], away)
        for f in frame.features
    }  # fmt: skip
    m = {
        f.name: _ordered(_blend(candidates.codes[f.name], match, start.m[f.name]), u[f.name])
        for f in frame.features
    }
    shares = {
        who: {
            name: _blend(candidates.codes[name], near[who], start.near[who][name]) for name in free
        }
        for who, free in learned.near.items()
    }
    whole = float(max(frame.pairs, 1))
    few = start.match * whole / 0.4 * 0.01
    count = max(float(match.sum()), few, 0.5)
    odds = {who: max(float(near[who].sum()), 0.02 * _ODDS[who] * count) / whole for who in near}
    rare = {f.name: _rare(f, candidates, match) for f in frame.features}
    return Learned(min(count / whole, 0.5), m, u, shares, odds, rare)


def _stranger_shares(
    frame: Frame, feature: Feature, codes: Codes, match: Floats, random: Codes, away: Floats
) -> Floats:
    """U of each level: from random pairs, equal values from counting them all."""
    levels = len(feature.kind.levels)
    shares = _shares(random, away, levels)
    # Rare levels show in no random sample: those among the candidates are the fewest there are.
    seen = np.bincount(codes, weights=1.0 - match, minlength=levels + 1)[1:] / max(frame.pairs, 1)
    known = max(float((random > 0).mean()), 1e-6)
    return np.asarray(np.maximum(shares, np.minimum(seen / known, 1.0)))


def _shares(codes: Codes, weights: Floats | None, levels: int) -> Floats:
    counts = np.bincount(codes, weights=weights, minlength=levels + 1)[1:].astype(np.float64)
    counts += 0.3
    return np.asarray(counts / counts.sum())


def _blend(codes: Codes, weights: Floats, default: Floats) -> Floats:
    counts = np.bincount(codes, weights=weights, minlength=len(default) + 1)[1:]
    return np.asarray((counts + _BELIEF * default) / (counts.sum() + _BELIEF))


def _rare(feature: Feature, candidates: Compared, match: Floats) -> float:
    """By how many others a value is shared that only the two of a pair carry."""
    _, counts = feature.counts(feature.kind.agreed[1])
    rows = max(int(counts[counts <= 2].sum()), 1)  # noqa: PLR2004
    alone = (candidates.carried[feature.name] == 2) & (candidates.codes[feature.name] == 1)  # noqa: PLR2004
    strangers = 2.0 * float((1.0 - match[alone]).sum())
    return min(max((strangers + 1.0) / (rows + 2.0), _RAREST), 1.0)


def _ordered(m: Floats, u: Floats) -> Floats:
    """M so that m / u never rises from a stronger level to a weaker one: neighbours in the wrong
    order are pooled, keeping their shares together what they were."""
    pools: list[tuple[float, float, int]] = []
    for here, there in zip(m.tolist(), u.tolist(), strict=True):
        pools.append((here, there, 1))
        while len(pools) > 1 and pools[-1][0] * pools[-2][1] > pools[-2][0] * pools[-1][1]:
            a, b = pools.pop(), pools.pop()
            pools.append((a[0] + b[0], a[1] + b[1], a[2] + b[2]))
    ratios = np.repeat([p[0] / p[1] for p in pools], [p[2] for p in pools])
    return np.asarray(u * ratios)


def _apart(one: Learned, other: Learned) -> float:
    apart = [abs(np.log2(one.match / other.match)) / 10]
    apart += [float(np.abs(one.m[name] - other.m[name]).max()) for name in one.m]
    return float(max(apart))


def probability(total: Floats) -> Floats:
    """Probabilities of log2 odds."""
    return np.asarray(1.0 / (1.0 + np.exp2(-np.clip(total, -60, 60))))
