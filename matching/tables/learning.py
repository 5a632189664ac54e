"""Learning a mixture without labels, from the frame's own records.

u comes from random pairs and from how often values occur, m and the rest from expectation
maximisation over the candidate pairs, every pair outside them counting as strangers. Defaults
weigh as much as a few matches, so little data moves little; weights never rise from a stronger
level to a weaker one; and no field of one person's records may be learned to disagree most of the
time, which is what keeps learning from settling on people who merely share a town or a name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from matching.tables.frame import ALONE, Feature, Frame, compare
from matching.tables.layout import COMPOSED
from matching.tables.mixture import (
    CHANGED,
    NEAR,
    PERSONAL,
    Compared,
    Floats,
    Learned,
    Weighed,
    compared,
    nearness,
    probability,
    unchanged,
    weigh,
)
from matching.tables.values import Codes, Flags, Index

_ODDS: Mapping[str, float] = {
    "relative": 0.1,
    "twin": 0.0005,
    "colleague": 0.1,
    "kin at work": 0.01,
    "namesake": 0.3,
    "neighbour": 0.1,
}
_NEEDS: Mapping[str, frozenset[str]] = {"kin at work": frozenset({"employer"})}
"""Fields without which a kind of nearness is no other than the ones beside it."""
_BELIEF = 20.0
"""Matches that the default m of a field count for."""
_RANDOM = 200_000
_TOO_FEW = 10
"""Random pairs that agree, below which chance says how many there are."""
_STEPS = 100
_STILL = 1e-3
_RAREST = {"email": 0.02, "phone": 0.02, "code": 0.02, "street": 0.1, "number": 0.1, "date": 0.2}
"""By how many strangers a value of only two records is shared at least (other kinds: `_SHARED`)."""
_SHARED = 1.0
_DIFFER = {"given": 0.3, "family": 0.3, "date": 0.3, "code": 0.3, "word": 0.3, "category": 0.3}
"""The largest share of one person's records taken to disagree (other kinds: one half). Together
these bounds keep learning from running away with pairs that merely share something."""
_HALF = 0.5
_NAMES = frozenset({"given", "family", "middle"})
"""Fields that say who somebody is."""
_NAMESAKES = 30.0
"""Namesakes at most, for each two people who share both names by chance."""
_CHANGE = 0.02
"""Share of matches to which each change is taken to have happened before anything is learned."""
_MOSTLY = 0.6
"""Share of those with one value who have other things in common, below which nature shares it."""
_TELLING, _TELL = 2, 10
"""Further fields that two rows must know, and pairs of rows that must, to tell whether a field is
shared by nature."""
_LOOKED_AT = 20_000
"""Pairs of rows that are looked at for that."""
_TOGETHER = 3.0
"""Rows one value is found with, from which on it is shared by nature, if nobody is there twice;
half as many where each row has at most one counterpart, in the other table."""


def defaults(frame: Frame, strangers: Compared, expected: float) -> Learned:
    """The start: m by kind, u from random pairs or from how often values occur, `expected`
    matches."""
    u = {f.name: _shares(strangers.codes[f.name], None, len(f.kind.levels)) for f in frame.features}
    for f in frame.features:
        if _is_rare(f, len(strangers)):
            u[f.name][0] = _equal(f)
    m = {f.name: np.array(f.kind.m) / sum(f.kind.m) for f in frame.features}
    # What is the same everywhere says nothing, from the beginning.
    m |= {f.name: u[f.name].copy() for f in frame.features if len(f.values.all) == 1}
    match = expected / max(frame.pairs, 1)
    found: dict[str, dict[str, Floats]] = {}
    for who, explained in _explained(frame).items():
        free = {name: shares.copy() for name, shares in m.items() if name in explained}
        if free and len(free) < len(m):
            found[who] = free
    odds = {who: _ODDS[who] * match for who in found}
    changed = {
        what: _CHANGE
        for what, fields in CHANGED.items()
        if len(fields & set(m)) > 1 and len(set(m) - fields) > 1
    }
    return Learned(match, m, u, found, odds, dict.fromkeys(m, 1.0), changed)


def _explained(frame: Frame) -> dict[str, frozenset[str]]:
    """What each kind of nearness explains in this frame.

    People are near each other in a table that says who they are: where nothing that is left tells
    rows apart, there would be no way to know near ones from one and the same.
    """
    fields = {f.name for f in frame.features}
    together = _together(frame)
    telling = {f.name for f in frame.features if _names_a_row(f, together)}
    near = {
        who: free
        for who, free in NEAR.items()
        if _NEEDS.get(who, fields) & fields and (fields & _NAMES or telling - free)
    }
    other = fields - telling
    shared = {
        f.name
        for f in frame.features
        if f.name in telling - PERSONAL
        and _shared_by_nature(
            frame, f, [o for o in frame.features if o.name in telling and o is not f]
        )
    }
    if shared < telling:
        other |= shared
    return {**near, "neighbour": frozenset(other if len(other) > 1 else ())}


def _together(frame: Frame) -> float:
    """Rows one value is found with, from which on it is shared by nature. Where even the most
    telling field has several rows of one value those are one person's, and as many for each other
    field: what counts is how much oftener it is shared than that one."""
    least = min(_company(f) for f in frame.features)
    return (_TOGETHER if frame.dedupes else _TOGETHER / 2) * max(1.0, least)


def _company(feature: Feature) -> float:
    """How many further rows a row finds with its value, on average."""
    rows = int((feature.rows >= 0).sum())
    return feature.tally(feature.kind.agreed[1]).shared * rows


def _names_a_row(feature: Feature, together: float) -> bool:
    """Whether the field tells persons or things apart, be it by its meaning or because hardly any
    value occurs with several."""
    if feature.name in PERSONAL:
        return True
    if feature.name in COMPOSED or feature.kind.name == "category":
        return False
    return _company(feature) < together


def _shared_by_nature(frame: Frame, feature: Feature, others: Sequence[Feature]) -> bool:
    """Whether those who share a value of the field mostly have little else in common: the family
    name and the street of a household, in columns nobody knows the meaning of."""
    one, other = _sharing(frame, feature)
    alike, known = np.zeros((2, len(one)))
    for feature_ in others:
        codes = compare(feature_, one, other)
        alike += (codes > 0) & (codes < len(feature_.kind.levels))
        known += codes > 0
    told = known >= _TELLING
    if int(told.sum()) < _TELL:
        return False
    return float((2 * alike[told] >= known[told]).mean()) < _MOSTLY


def _sharing(frame: Frame, feature: Feature) -> tuple[Index, Index]:
    """Rows that share a value of the field, each with the next one, of the other table if there
    are two; of very many some thousands, picked evenly."""
    known = np.flatnonzero(feature.rows >= 0)
    order = known[np.argsort(feature.rows[known], kind="stable")]
    one, other = order[:-1], order[1:]
    same = feature.rows[one] == feature.rows[other]
    if not frame.dedupes:
        same &= (one < frame.left) != (other < frame.left)
    places = np.flatnonzero(same)
    places = places[:: 1 + len(places) // _LOOKED_AT]
    return np.minimum(one[places], other[places]), np.maximum(one[places], other[places])


def learn(
    frame: Frame,
    candidates: Compared,
    *,
    answers: Mapping[int, bool] | None = None,
    share: float = 1.0,
    seed: int = 1,
) -> Learned:
    """The model of the frame's own records.

    `candidates` are all pairs worth comparing, or a random `share` of them, `answers` what people
    decided of some of them, by their place. The same input and seed give the same model.
    """
    told = _Told.of(answers or {})
    strangers = _strangers(frame, seed)
    expected = max(1.0, 0.4 * min(frame.left, (frame.total - frame.left) or frame.left))
    start = defaults(frame, strangers, expected)
    learned = start
    for _ in range(_STEPS if len(candidates) else 0):
        moved = _step(frame, start, learned, _Seen(candidates, told, share), strangers)
        still = _apart(learned, moved) < _STILL
        learned = moved
        if still:
            break
    return learned


def reprior(frame: Frame, learned: Learned, candidates: Compared, *, share: float = 1.0) -> Learned:
    """The model with how often matches and near people occur in this frame; levels stay."""
    whole, now = float(max(frame.pairs, 1)) * share, learned
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
        * np.exp2(nearness(learned, pairs, who, weighed.adjustments) + weighed.near)
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


@dataclass(frozen=True)
class _Told:
    """Candidate pairs that people have decided, by their place."""

    places: Index
    one: Flags

    @classmethod
    def of(cls, answers: Mapping[int, bool]) -> _Told:
        places = sorted(answers)
        return cls(np.array(places, np.int64), np.array([answers[at] for at in places], bool))

    def corrected(self, match: Floats) -> Floats:
        """Probabilities with certainty where a person has decided."""
        known = match.copy()
        known[self.places] = self.one
        return known


@dataclass(frozen=True)
class _Seen:
    """The candidates learned from, what was told of them, and their share of all candidates."""

    candidates: Compared
    told: _Told
    share: float


def _step(
    frame: Frame, start: Learned, learned: Learned, seen: _Seen, strangers: Compared
) -> Learned:
    """One round of expectation and maximisation."""
    candidates, told = seen.candidates, seen.told
    whole = float(max(frame.pairs, 1)) * seen.share
    weighed = weigh(frame, learned, candidates)
    match = told.corrected(probability(weighed.total))
    near = _near_pairs(learned, candidates, weighed, match)
    away = 1.0 - probability(weigh(frame, learned, strangers).total)
    u = {
        f.name: _stranger_shares(whole, f, candidates.codes[f.name], match,
                                 strangers.codes[f.name], away)
        for f in frame.features
    }  # fmt: skip
    kept = unchanged(learned, weighed)
    m = {}
    for f in frame.features:
        telling = match
        for what, stays in kept.items():
            if f.name in CHANGED[what]:
                telling = np.minimum(telling, match * stays)
        found = _blend(candidates.codes[f.name], telling, start.m[f.name])
        m[f.name] = _ordered(_bounded(found, _DIFFER.get(f.kind.name, _HALF)), u[f.name])
    shares = {
        who: {
            name: _blend(candidates.codes[name], near[who], start.near[who][name]) for name in free
        }
        for who, free in learned.near.items()
    }
    few = start.match * whole / 0.4 * 0.01
    count = max(float(match.sum()), few, 0.5)
    odds = {who: max(float(near[who].sum()), 0.02 * _ODDS[who] * count) / whole for who in near}
    if "namesake" in odds:
        # Beyond chance: without a bound everybody who moved would pass for a namesake.
        chance = float(np.prod([u[name][0] for name in learned.near["namesake"]]))
        odds["namesake"] = min(odds["namesake"], _NAMESAKES * chance)
    rare = {f.name: _rare(f, candidates, match, seen.share) for f in frame.features}
    changed = {what: _share(match, 1.0 - stays) for what, stays in kept.items()}
    return Learned(min(count / whole, 0.5), m, u, shares, odds, rare, changed)


def _share(match: Floats, happened: Floats) -> float:
    """The share of matches to which something happened, from one in a thousand to two fifths."""
    found = (float((match * happened).sum()) + _CHANGE * _BELIEF) / (float(match.sum()) + _BELIEF)
    return min(max(found, 0.001), 0.4)


def _stranger_shares(
    whole: float, feature: Feature, codes: Codes, match: Floats, random: Codes, away: Floats
) -> Floats:
    """U of each level: from random pairs, and never less than what the candidates show; of an
    agreement too rare for random pairs by the candidates alone."""
    levels = len(feature.kind.levels)
    shares = _shares(random, away, levels)
    # Rare levels show in no random sample: those among the candidates are the fewest there are.
    seen = np.bincount(codes, weights=1.0 - match, minlength=levels + 1)[1:] / whole
    known = max(float((random > 0).mean()), 1e-6) if len(random) else 1.0
    seen = np.minimum(seen / known, 1.0)
    found = np.maximum(shares, seen)
    if _is_rare(feature, len(random)):
        least = _RAREST.get(feature.kind.name, _SHARED)
        found[0] = max(float(seen[0]), least * _equal(feature))
    return np.asarray(found)


def _equal(feature: Feature) -> float:
    """The share of all pairs that agree exactly, counted from how often values occur."""
    return feature.tally(feature.kind.agreed[1]).shared


def _is_rare(feature: Feature, pairs: int) -> bool:
    """Whether exact agreement is too rare for so many random pairs to show how rare it is."""
    return _equal(feature) * pairs < _TOO_FEW


def _shares(codes: Codes, weights: Floats | None, levels: int) -> Floats:
    counts = np.bincount(codes, weights=weights, minlength=levels + 1)[1:].astype(np.float64)
    counts += 0.3
    return np.asarray(counts / counts.sum())


def _blend(codes: Codes, weights: Floats, default: Floats) -> Floats:
    counts = np.bincount(codes, weights=weights, minlength=len(default) + 1)[1:]
    return np.asarray((counts + _BELIEF * default) / (counts.sum() + _BELIEF))


def _bounded(shares: Floats, most: float) -> Floats:
    """The shares with the last, disagreement, cut to a bound."""
    over = float(shares[-1])
    if over <= most:
        return shares
    kept = shares * (1.0 - most) / max(1.0 - over, 1e-9)
    kept[-1] = most
    return kept


def _rare(feature: Feature, candidates: Compared, match: Floats, share: float) -> float:
    """By how many others a value is shared that only the two of a pair carry."""
    counts = feature.counts(feature.kind.agreed[1])
    rows = max(int(counts[counts <= ALONE].sum()), 1)
    alone = (candidates.carried[feature.name] == ALONE) & (candidates.codes[feature.name] == 1)
    strangers = 2.0 * float((1.0 - match[alone]).sum()) / share
    least = _RAREST.get(feature.kind.name, _SHARED)
    return min(max((strangers + 1.0) / (rows + 2.0), least), 1.0)


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
    """How far learning has moved. Shares of near people count: they go on moving long after the
    levels stand still, and decide on those who share a home."""
    apart = [abs(np.log2(one.match / other.match)) / 10]
    apart += [float(np.abs(one.m[name] - other.m[name]).max()) for name in one.m]
    apart += [abs(np.log2(one.odds[who] / other.odds[who])) / 30 for who in one.odds]
    return float(max(apart))
