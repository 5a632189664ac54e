"""A few pairs of people scored one after the other, in microseconds each.

The same bits as `matching.scoring` works out by arrays, pair for pair, which a test holds them to:
arrays pay from some hundreds of pairs on, and cost milliseconds before the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log2, prod
from typing import Any

import numpy as np

from matching import levels
from matching.levels import FIELDS
from matching.normalise import Person
from matching.people import KIND_OF, Tallies
from matching.scores import DATE, FAMILY, GIVEN, IDENTIFIED, Scores
from matching.tables.evidence import DIGITS
from matching.tables.frame import ALONE
from matching.tables.kinds import KINDS
from matching.tables.mixture import ADJUSTMENT, CHANGED, Floats, Learned

_KINDS = tuple(KINDS[KIND_OF[name]] for name in FIELDS)
_AT = {name: at for at, name in enumerate(FIELDS)}
_LEAST: float = 2.0**-ADJUSTMENT
_SWAPPED, _GIVEN_SLIP = GIVEN.code("swapped"), GIVEN.code("slip")
_SHORT_FORM, _GIVEN_APART = GIVEN.code("short form"), GIVEN.code("different")
_FAMILY_SLIP, _FAMILY_APART = FAMILY.code("slip"), FAMILY.code("different")
_BORN_APART = DATE.code("different")
Table = tuple[float, ...]


@dataclass(frozen=True)
class Ready:
    """A model's numbers laid out for one pair at a time, as odds that are multiplied: by field what
    each level is worth, also among people near each other, and how a population's values are
    spread. What says nothing is worth 1."""

    learned: Learned
    tallies: Tallies

    @cached_property
    def prior(self) -> float:
        """Log2 odds that two records taken at random are one person's."""
        return log2(self.learned.match)

    @cached_property
    def ratios(self) -> tuple[Table, ...]:
        """M / u of each level of each field."""
        return tuple(_ratios(self.learned.m[name], self.learned.u[name]) for name in FIELDS)

    @cached_property
    def near(self) -> tuple[tuple[float, tuple[tuple[int, Table], ...]], ...]:
        """For everybody who may be near: the odds of it, and what each level is worth by field."""
        return tuple(
            (
                self.learned.odds[who],
                tuple((_AT[n], _ratios(one, self.learned.u[n])) for n, one in shares.items()),
            )
            for who, shares in self.learned.near.items()
        )

    @cached_property
    def changed(self) -> tuple[tuple[float, tuple[int, ...]], ...]:
        """For each change its share of one person's pairs, and the fields it goes by."""
        return tuple(
            (share, tuple(sorted(_AT[name] for name in CHANGED[what])))
            for what, share in self.learned.changed.items()
        )

    @cached_property
    def unchanged(self) -> float:
        """The share of one person's pairs to which nothing happened."""
        return 1.0 - sum(self.learned.changed.values())

    def rarity(self, field: int, code: int, one: Person, other: Person) -> float:
        """How much rarer what agrees is than agreement in general: 1 where nothing is known."""
        part, spread = _KINDS[field].agreed.get(code), self.tallies.get(FIELDS[field])
        if part is None or not spread or part not in spread:
            return 1.0
        mine, theirs = levels.held(field, part, one), levels.held(field, part, other)
        counts = spread[part].counts
        carried = min((counts.get(value, ALONE) for value in mine if value in theirs), default=-1)
        if carried < 0:  # they agree without being equal: the commoner counts
            carried = max((counts.get(own[0], ALONE) for own in (mine, theirs) if own), default=0)
        if carried <= 0:
            return 1.0
        first = spread.get(next(iter(_KINDS[field].agreed.values())))
        rare = self.learned.rare.get(FIELDS[field], 1.0)
        others = max(carried - ALONE, 0) + (max(rare, 0.5) if carried > ALONE else rare)
        general = spread[part].shared * (first.rows if first else 1)
        return min(max(general / others, _LEAST), 1 / _LEAST)


def _ratios(shares: Floats, strangers: Floats) -> Table:
    return (1.0, *(float(m / u) for m, u in zip(shares, strangers, strict=True)))


@dataclass(frozen=True, slots=True)
class _Pair:
    """One pair: level codes and rarities by field, what stands beside them as factors, and what
    comes of it all in bits."""

    codes: list[int]
    rarities: dict[int, float]
    changed: float
    near: float
    total: float
    identified: float
    called: bool


def _weighed(ready: Ready, one: Person, other: Person) -> _Pair:
    codes = levels.levels(one, other)
    worth = [table[code] for table, code in zip(ready.ratios, codes, strict=True)]
    rarities = {}
    if ready.tallies:
        for field, code in enumerate(codes):
            if code and (rarity := ready.rarity(field, code, one, other)) != 1.0:
                rarities[field] = rarity
                worth[field] *= rarity
    crowd = 1.0
    for odds, fields in ready.near:
        for at, table in fields:
            odds *= table[codes[at]]  # noqa: PLW2901 - the odds of one who is near, bit by bit
            if at in rarities:
                odds *= rarities[at]  # noqa: PLW2901
        crowd += odds
    changed = ready.unchanged
    for share, gone in ready.changed:
        for at in gone:
            share /= worth[at]  # noqa: PLW2901 - what changed says nothing
        changed += share
    total = log2(ready.learned.match * prod(worth) * changed / crowd)
    called = codes[levels.PHONE] == 1 and _called(codes)
    floor = (called or codes[levels.EMAIL] == 1) and _is_identified(codes, called=called)
    identified = max(IDENTIFIED - total, 0.0) if floor else 0.0
    return _Pair(codes, rarities, changed, crowd, total, identified, called)


def _called(codes: Sequence[int]) -> bool:
    """Of two with one number: whether their names agree with one slip at most, as
    `matching.scoring` has it."""
    given, family = codes[levels.GIVEN], codes[levels.FAMILY]
    if given == _SWAPPED:
        return True
    if not (0 < given <= _SHORT_FORM and 0 < family <= _FAMILY_SLIP):
        return False
    return given != _GIVEN_SLIP or family == 1


def _is_identified(codes: Sequence[int], *, called: bool) -> bool:
    """Of two with one address, or one number and name: whether nothing speaks against it."""
    given, family = codes[levels.GIVEN], codes[levels.FAMILY]
    if codes[levels.BIRTH_DATE] == _BORN_APART:
        return False
    return called or not (given == _GIVEN_APART or (given == 0 and family == _FAMILY_APART))


class Few(Scores):
    """Scores of some pairs, left[i] against right[i]."""

    def __init__(self, left: Sequence[Person], right: Sequence[Person], ready: Ready) -> None:
        self._ready, self.left, self.right = ready, left, right
        self._pairs = [_weighed(ready, one, other) for one, other in zip(left, right, strict=True)]
        self.identified = np.array([pair.identified for pair in self._pairs], dtype=np.float64)
        self.total = np.array([p.total + p.identified for p in self._pairs], dtype=np.float64)

    def exact_phone(self, row: int) -> bool:
        """Whether the pair shares a number and the names agree."""
        return self._pairs[row].called

    def level(self, row: int, name: str) -> int:
        """The level code of one pair in one field, 1 the strongest; 0 says nothing."""
        return self._pairs[row].codes[_AT[name]]

    def evidence(self, row: int) -> dict[str, Any]:
        """Prior, levels, weights and total of one pair: JSON-able, without anybody's data."""
        pair = self._pairs[row]
        return {
            "prior": round(self._ready.prior, DIGITS),
            "fields": [
                {
                    "field": FIELDS[at],
                    "level": _KINDS[at].levels[code - 1],
                    "weight": _as_bits(self._ready.ratios[at][code]),
                    "frequency": _as_bits(pair.rarities.get(at, 1.0)),
                }
                for at, code in enumerate(pair.codes)
                if code
            ],
            "changed": _as_bits(pair.changed),
            "near_people": _as_bits(1.0 / pair.near),
            "identifier": round(pair.identified, DIGITS),
        }


def _as_bits(factor: float) -> float:
    return round(log2(factor), DIGITS)
