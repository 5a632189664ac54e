"""What agreement is worth, learned without labels: a Fellegi-Sunter model as a mixture.

Every pair is one of: the same record twice (m), two strangers (u), or two who are near each other
and share by nature what their nearness explains: relatives (home and family name), twins (birth
date too), colleagues (employer and its address), namesakes (the name). Someone near is told from
the same one only by what nearness does not explain, so a household never adds up to a person.

One person's records disagree for a reason, too: who moved has another street, town and telephone
at once. Weights are bits: log2(m / u), added up field by field; what goes by several fields
together stands beside them as a correction. `learning` finds the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from matching.tables.frame import ALONE, Feature, Frame, compare_all
from matching.tables.kinds import Kind
from matching.tables.values import Codes, Index

Floats = NDArray[np.float64]

NEAR: Mapping[str, frozenset[str]] = {
    "relative": frozenset({"family", "birth_family", "street", "place", "phone", "email"}),
    "twin": frozenset({"family", "birth_family", "street", "place", "phone", "birth_date", "age"}),
    "colleague": frozenset({"employer", "street", "place", "phone"}),
    "kin at work": frozenset({"family", "employer", "street", "place", "phone"}),
    "namesake": frozenset({"given", "family"}),
}
"""Who may be near a person, and the fields that their nearness explains."""

PERSONAL = frozenset(
    {"given", "family", "middle", "birth_family", "birth_date", "age", "email", "phone"}
)
"""Fields that name a person; whatever else there is may be shared by neighbours."""

CHANGED: Mapping[str, frozenset[str]] = {
    "moved": frozenset({"street", "place", "phone"}),
    "new job": frozenset({"employer", "title", "email", "phone"}),
}
"""What changes together in one person's life, and then agrees no more than strangers do."""

ADJUSTMENT = 12.0
"""Bits by which a value's frequency may move a weight at most."""


@dataclass(frozen=True)
class Learned:
    """The numbers of a model. `m[field]` and `u[field]` have a share for each level; `near[who]`
    the shares of the fields that nearness explains; `odds[who]` and `match` how many such pairs
    there are, and matches, for one pair; `changed[what]` the share of matches to which that
    happened; `rare[field]` by how many others a value is shared that hardly anybody has.
    """

    match: float
    m: Mapping[str, Floats]
    u: Mapping[str, Floats]
    near: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
    odds: Mapping[str, float] = field(default_factory=dict)
    rare: Mapping[str, float] = field(default_factory=dict)
    changed: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Compared:
    """Pairs of rows with their level codes by field. For each field `carried` is how many rows
    carry the agreed value (0 where the level has no frequency), `general` the share of all pairs
    that agree in the part of the field in question; `kinds` are the fields' kinds."""

    kinds: Mapping[str, Kind]
    codes: Mapping[str, Codes]
    carried: Mapping[str, Index]
    general: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(next(iter(self.codes.values()), ()))

    @cached_property
    def counted(self) -> dict[str, Index]:
        """For each field the pairs that agree on something whose frequency counts."""
        return {name: np.flatnonzero(carried > 0) for name, carried in self.carried.items()}


def compared(frame: Frame, one: Index, other: Index) -> Compared:
    """The pairs of rows compared in every field."""
    codes = compare_all(frame, one, other)
    counted = {f.name: carried(f, codes[f.name], one, other) for f in frame.features}
    return Compared(
        {f.name: f.kind for f in frame.features},
        codes,
        {name: rows for name, (rows, _) in counted.items()},
        {name: general for name, (_, general) in counted.items()},
    )


def carried(feature: Feature, codes: Codes, one: Index, other: Index) -> tuple[Index, Floats]:
    """For pairs of rows at these levels how many rows carry the agreed value (0 where the level has
    no frequency), and the share of all pairs that agree in that part."""
    found, general = np.zeros(len(codes), dtype=np.int64), np.ones(len(codes))
    for level, part in feature.kind.agreed.items():
        rows = np.flatnonzero(codes == level)
        if not len(rows):
            continue
        values = feature.rows[one[rows]], feature.rows[other[rows]]
        found[rows] = feature.carried(part, *(side.astype(np.int64) for side in values))
        general[rows] = feature.tally(part).shared
    return found, general


@dataclass(frozen=True)
class Weighed:
    """For n pairs, in bits: by field the level's weight and the frequency adjustment, then the
    corrections for what changes together and for people near each other, and the total.
    prior + all of them = total.
    """

    prior: float
    weights: Mapping[str, Floats]
    adjustments: Mapping[str, Floats]
    changed: Floats
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
        adjustments[name] = -_rarity(feature, learned, pairs)
        plain = plain + weights[name] + adjustments[name]
    against = [np.zeros(len(pairs))]
    against += [nearness(learned, pairs, who, adjustments) for who in learned.near]
    crowd = together(against)
    changed = together(_changes(learned, weights, adjustments, len(pairs)))
    return Weighed(prior, weights, adjustments, changed, -crowd, plain + changed - crowd)


def _changes(
    learned: Learned, weights: Mapping[str, Floats], adjustments: Mapping[str, Floats], size: int
) -> list[Floats]:
    """Log2 likelihoods of one person to whom nothing happened, and each change, against plain
    agreement field by field."""
    none = 1.0 - sum(learned.changed.values())
    found = [np.full(size, np.log2(none))]
    for what, share in learned.changed.items():
        fields = CHANGED[what] & set(weights)
        gone = [-(weights[name] + adjustments[name]) for name in sorted(fields)]
        found.append(np.log2(share) + np.sum(gone, axis=0))
    return found


def unchanged(learned: Learned, weighed: Weighed) -> dict[str, Floats]:
    """For each change the probability, given one person, that it did not happen to them."""
    parts = _changes(learned, weighed.weights, weighed.adjustments, len(weighed.total))
    return {
        what: 1.0 - np.exp2(part - weighed.changed)
        for what, part in zip(learned.changed, parts[1:], strict=True)
    }


def nearness(
    learned: Learned, pairs: Compared, who: str, adjustments: Mapping[str, Floats]
) -> Floats:
    """Log2 odds of somebody near against strangers."""
    odds = np.full(len(pairs), np.log2(learned.odds[who]))
    for name, shares in learned.near[who].items():
        table = np.log2(shares / learned.u[name])
        odds += np.append(0.0, table)[pairs.codes[name]] + adjustments[name]
    return odds


def _rarity(feature: Feature, learned: Learned, pairs: Compared) -> Floats:
    """How much commoner the agreed value is than agreement in general, in bits; 0 where no value
    counts."""
    found, at = np.zeros(len(pairs)), pairs.counted[feature.name]
    if len(at):
        carried, general = pairs.carried[feature.name][at], pairs.general[feature.name][at]
        found[at] = commoner(feature, learned.rare.get(feature.name, 1.0), carried, general)
    return found


def commoner(feature: Feature, rare: float, carried: Index, general: Floats) -> Floats:
    """How much commoner values that so many rows carry are than agreement in general, in bits. The
    two records themselves are not counted among those that carry the value; `rare` is by how many
    others a value is shared that only they carry."""
    rows = feature.tally(next(iter(feature.kind.agreed.values()))).rows
    others = np.maximum(carried - ALONE, 0) + np.where(carried > ALONE, max(rare, 0.5), rare)
    return np.asarray(np.clip(np.log2(others / rows / general), -ADJUSTMENT, ADJUSTMENT))


def together(parts: Sequence[Floats]) -> Floats:
    """Log2 of the sum of what the parts are log2 of."""
    most = parts[0]
    for part in parts[1:]:
        most = np.maximum(most, part)
    found = np.zeros(len(most))
    for part in parts:
        found += np.exp2(part - most)
    return np.asarray(most + np.log2(found))


def probability(total: Floats) -> Floats:
    """Probabilities of log2 odds."""
    return np.asarray(1.0 / (1.0 + np.exp2(-np.clip(total, -60, 60))))
