"""Frames: every distinct value of every field numbered, once, and pairs of rows compared.

A frame holds the rows of both tables, left first. A feature numbers its distinct values, so that
comparing works on numbers and looks at each distinct pair of values once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA

from matching.tables.kinds import KINDS, Kind
from matching.tables.values import Atoms, Index, Value, Values, ids
from matching.text import squash

Numbers = NDArray[np.int32]

_MANY_VALUES = 20_000
"""Distinct values of a field beyond which each pair of rows is compared by itself."""
ALONE = 2
"""Rows that carry a value when only the two of a pair do; a tally leaves such values out."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How a population's values are spread in one part of a field: `rows` know the field,
    `shared` is the share of pairs that agree, `counts` how many rows carry each common value."""

    rows: int
    shared: float
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Feature:
    """One field of a frame: `rows[i]` is the number of row i's value, -1 where there is none.

    `tallies` are counts of a larger population by part, and then count instead of the frame's own.
    """

    name: str
    kind: Kind
    values: Values
    rows: Numbers
    tallies: Mapping[str, Tally] | None = None

    def atoms(self, part: str) -> Atoms:
        """What the values hold in a part ("" for a field without parts)."""
        return self.values.atoms(self.kind.parts.index(part) if part else None)

    def counts(self, part: str) -> Index:
        """How many rows carry each of the things that values hold in a part."""
        return self._counts[part]

    def tally(self, part: str) -> Tally:
        """How the values are spread in a part, in the population or the frame itself."""
        return self._tallies[part]

    def carried(self, part: str, a: Index, b: Index) -> Index:
        """How many rows carry what each two values agree on; where they agree without being
        equal, the commoner of both counts. 0 where a value lacks the part."""
        atoms, counts = self.atoms(part), self._counts_and_none[part]
        shared = atoms.shared(a, b, counts)
        commoner = np.maximum(counts[atoms.first[a]], counts[atoms.first[b]])
        return np.where(shared >= 0, counts[shared], commoner)

    @cached_property
    def _counts_and_none(self) -> dict[str, Index]:
        """Counts with a 0 in the last place, for what is not there."""
        return {part: np.append(counts, 0) for part, counts in self._counts.items()}

    @cached_property
    def _counts(self) -> dict[str, Index]:
        return {part: self._count(part) for part in self.kind.parts or ("",)}

    def _count(self, part: str) -> Index:
        atoms = self.atoms(part)
        if self.tallies is not None:
            known = self.tallies[part].counts if part in self.tallies else None
            counted = [known.get(one, ALONE) if known is not None else 0 for one in atoms.names]
            return np.array(counted, dtype=np.int64)
        rows = np.bincount(self.rows[self.rows >= 0], minlength=len(self.values.all))
        single = ~atoms.several & (atoms.first >= 0)
        found = np.bincount(
            atoms.first[single], weights=rows[single], minlength=len(atoms.names)
        ).astype(np.int64)
        for value, held in atoms.more.items():
            found[list(held)] += rows[value]
        return found

    @cached_property
    def _tallies(self) -> dict[str, Tally]:
        if self.tallies is not None:
            return {part: self.tallies.get(part, Tally(1, 1.0, {})) for part in self._counts}
        return {part: self._spread(part) for part in self._counts}

    def _spread(self, part: str) -> Tally:
        counts = self.counts(part)
        known = int((self.rows >= 0).sum())
        rows = max(known, 2)
        shared = max(float((counts * (counts - 1)).sum()), 1.0) / (rows * (rows - 1))
        names_ = self.atoms(part).names
        common = {names_[at]: int(counts[at]) for at in np.flatnonzero(counts > ALONE).tolist()}
        return Tally(max(known, 1), shared, common)


class _Words:
    """The plain names of a feature by row, "" where there is none."""

    def __init__(self, feature: Feature) -> None:
        self.feature = feature
        self._plain = np.append(feature.values.plain, "")

    def of(self, rows: Index) -> list[str]:
        """Those of some rows."""
        return [str(name) for name in self._plain[self.feature.rows[rows]]]


class Names:
    """Given and family names side by side: their words, and for each value of the two equal numbers
    for equal plain names, -1 for none and, in the last place, where a row has no value."""

    def __init__(self, given: Feature, family: Feature) -> None:
        self.given, self.family = _Words(given), _Words(family)
        both = ids([*given.values.plain, *family.values.plain], blank=True)
        size = len(given.values.all)
        self.numbers = np.append(both[:size], -1), np.append(both[size:], -1)


@dataclass(frozen=True)
class Frame:
    """Features of n rows, of which the first `left` are the left table's; for a dedupe all are."""

    features: tuple[Feature, ...]
    left: int
    total: int

    @property
    def dedupes(self) -> bool:
        """Whether it is one table against itself."""
        return self.left == self.total

    @property
    def pairs(self) -> int:
        """How many pairs there are altogether."""
        if self.dedupes:
            return self.total * (self.total - 1) // 2
        return self.left * (self.total - self.left)

    @cached_property
    def named(self) -> NDArray[np.bool_]:
        """Whether a row's address is made of its own name."""
        email, found = self.feature("email"), np.zeros(self.total, dtype=bool)
        names_ = [one for name in ("given", "family") if (one := self.feature(name)) is not None]
        if email is None:
            return found
        locals_ = [
            " ".join(squash(address.partition("@")[0]) for address in held)
            for held in email.values.all
        ]
        for one in names_:
            for row in np.flatnonzero((email.rows >= 0) & (one.rows >= 0)).tolist():
                name = one.values.plain[one.rows[row]]
                found[row] |= len(name) > 2 and name in locals_[email.rows[row]]  # noqa: PLR2004
        return found

    @cached_property
    def names(self) -> Names | None:
        """Both names of the rows, where there are both."""
        given, family = self.feature("given"), self.feature("family")
        return Names(given, family) if given is not None and family is not None else None

    def feature(self, name: str) -> Feature | None:
        """The feature of that name, None where the tables have none."""
        return next((one for one in self.features if one.name == name), None)


def numbered(
    name: str, kind: Kind, made: Sequence[Value], tallies: Mapping[str, Tally] | None = None
) -> Feature:
    """The feature whose row i has the i-th value; an empty one is none."""
    at: dict[Value, int] = {}
    rows = [at.setdefault(value, len(at)) if any(value) else -1 for value in made]
    return Feature(name, kind, Values(list(at)), np.array(rows, dtype=np.int32), tallies)


_EMAIL_NAMED = [KINDS["email"].code(level) for level in ("near", "same local", "alike")]


# --- comparing ----------------------------------------------------------------------------------


def compare(feature: Feature, one: Index, other: Index) -> NDArray[np.int8]:
    """The level code of each pair of rows in one field; 0 where a side says nothing."""
    if not len(feature.values.all):
        return np.zeros(len(one), dtype=np.int8)
    a, b = feature.rows[one].astype(np.int64), feature.rows[other].astype(np.int64)
    codes = np.zeros(len(a), dtype=np.int8)
    known = (a >= 0) & (b >= 0)
    composed = bool(feature.kind.parts)
    codes[known & (a == b)] = 1
    open_ = np.flatnonzero(known & ((a != b) | composed))
    if len(open_):
        size = len(feature.values.all)
        low, high = np.minimum(a[open_], b[open_]), np.maximum(a[open_], b[open_])
        if size > _MANY_VALUES:  # hardly a pair of them occurs twice, and sorting costs as much
            codes[open_] = feature.kind.compare(feature.values, low, high)
        else:
            distinct, back = np.unique(low * size + high, return_inverse=True)
            levels = feature.kind.compare(feature.values, distinct // size, distinct % size)
            codes[open_] = levels[back]
    return codes


def compare_all(frame: Frame, one: Index, other: Index) -> dict[str, NDArray[np.int8]]:
    """Level codes of pairs of rows in every field, names in each other's column included."""
    codes = {feature.name: compare(feature, one, other) for feature in frame.features}
    if frame.names is not None:
        _swapped(codes, frame.names, one, other)
    email, employer = codes.get("email"), codes.get("employer")
    if email is not None:
        # An address made of a name that agrees, at another provider: the name once more.
        said = np.isin(email, _EMAIL_NAMED)
        email[said & (frame.named[one] | frame.named[other])] = 0
    if email is not None and employer is not None:
        # The domain of an equal address is equal too: counted once, as the address.
        employer[(email == 1) & (employer < len(KINDS["employer"].levels))] = 0
    born, age = codes.get("birth_date"), codes.get("age")
    if born is not None and age is not None:
        # Whoever was born on one day is of one age: counted once.
        age[(born == 1) & (age < len(KINDS["age"].levels))] = 0
    return codes


def _swapped(codes: dict[str, NDArray[np.int8]], names_: Names, one: Index, other: Index) -> None:
    """Given and family name filled into each other's column are one level of the given name."""
    features = names_.given.feature, names_.family.feature
    odd = (codes["given"] != 1) & (codes["family"] != 1)
    # One of the two must be equal letter by letter; the other may have a slip or be missing.
    ours, theirs = ([side[f.rows[rows]] for side, f in zip(names_.numbers, features, strict=True)]
                    for rows in (one, other))  # fmt: skip
    equal = ((ours[0] == theirs[1]) & (ours[0] >= 0)) | ((ours[1] == theirs[0]) & (ours[1] >= 0))
    rows = np.flatnonzero(odd & equal)
    firsts = names_.given, names_.family
    cross_one = _crossed(firsts[0].of(one[rows]), firsts[1].of(other[rows]))
    cross_two = _crossed(firsts[1].of(one[rows]), firsts[0].of(other[rows]))
    swapped = (np.maximum(cross_one, cross_two) > 1) & (np.minimum(cross_one, cross_two) >= 0)
    if swapped.any():
        codes["given"][rows[swapped]] = KINDS["given"].code("swapped")
        codes["family"][rows[swapped]] = 0


def _crossed(one: Sequence[str], other: Sequence[str]) -> Index:
    """2 where two names are equal, 1 where they are a slip apart, 0 where one is missing, -1 where
    they differ."""
    alike = np.zeros(len(one), dtype=np.int64)
    for at, (a, b) in enumerate(zip(one, other, strict=True)):
        if a and b:
            far = OSA.distance(a, b, score_cutoff=2)
            slip = far == 1 or (far == 2 and min(len(a), len(b)) > 4)  # noqa: PLR2004
            alike[at] = 2 if a == b else 1 if slip else -1
    return alike
