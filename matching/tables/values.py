"""The distinct values of a field, and what comparing needs to know of each, worked out once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import product
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from matching import names
from matching.text import phonetic, squash

Codes = NDArray[np.int8]
Index = NDArray[np.int64]
Flags = NDArray[np.bool_]
Texts = NDArray[np.object_]
"""Texts, every one a str."""
Value = str | tuple[str, ...]
T = TypeVar("T")


_MANY = 100_000
"""Pairs from which on both processors score."""
_SYMMETRIC = (OSA.distance, fuzz.ratio, fuzz.token_sort_ratio, fuzz.token_set_ratio)
"""Scorers that come to the same whichever text is first; others are given them in order."""
SEVERAL = "|"
"""Between the things one part of a value holds: the sites of an employer."""


class Atoms:
    """The single things the values of a field hold: of two telephone numbers each.

    `names` are the distinct ones, `first` the number of each value's first (-1 for none), `more`
    all of a value that holds several, `held` how many that is (1 for one or none).
    """

    def __init__(self, held: Sequence[tuple[str, ...]]) -> None:
        seen: dict[str, int] = {}
        numbered = [tuple(seen.setdefault(one, len(seen)) for one in own) for own in held]
        self.names = list(seen)
        self.first = np.array([own[0] if own else -1 for own in numbered], dtype=np.int64)
        self.more = {at: own for at, own in enumerate(numbered) if len(own) > 1}
        self.several = np.zeros(len(numbered), dtype=bool)
        self.several[list(self.more)] = True
        self.held = np.ones(len(numbered), dtype=np.int64)
        self.held[list(self.more)] = [len(own) for own in self.more.values()]

    @cached_property
    def values(self) -> Values:
        """The distinct things as values of their own."""
        return Values(self.names)

    def of(self, value: int) -> tuple[int, ...]:
        """The numbers of all that a value holds."""
        first = int(self.first[value])
        return self.more.get(value, (first,) if first >= 0 else ())

    def shared(self, a: Index, b: Index, rank: Index | None = None) -> Index:
        """For each pair of values what both hold, -1 for nothing; of several the one that ranks
        lowest."""
        one, other = self.first[a], self.first[b]
        found = np.where(one == other, one, -1)
        for row in np.flatnonzero(self.several[a] | self.several[b]).tolist():
            both = set(self.of(int(a[row]))) & set(self.of(int(b[row])))
            ranked = [(0 if rank is None else int(rank[at]), self.names[at], at) for at in both]
            found[row] = min(ranked)[-1] if ranked else -1
        return found

    def crossed(self, a: Index, b: Index) -> tuple[Index, Index, Index]:
        """Every thing of one value with every thing of the other, and where each pair begins."""
        rows = np.flatnonzero(self.several[a] | self.several[b])
        if not len(rows):
            return self.first[a], self.first[b], np.arange(len(a))
        sizes = np.ones(len(a), dtype=np.int64)
        sizes[rows] = self.held[a[rows]] * self.held[b[rows]]
        starts = np.cumsum(sizes) - sizes
        one, other = np.zeros((2, int(sizes.sum())), dtype=np.int64)
        one[starts], other[starts] = self.first[a], self.first[b]
        for row in rows.tolist():
            both = product(self.of(int(a[row])), self.of(int(b[row])))
            for at, (x, y) in enumerate(both, start=int(starts[row])):
                one[at], other[at] = x, y
        return one, other, starts


class Values:
    """The distinct values of a field, with what comparing derives from them, each once."""

    def __init__(self, values: Sequence[Value]) -> None:
        self.all = list(values)
        self._derived: dict[Callable[[Values], Any], Any] = {}
        self._atoms: dict[int | None, Atoms] = {}

    def once(self, derive: Callable[[Values], T]) -> T:
        """What a function makes of the values, worked out the first time it is asked for."""
        if derive not in self._derived:
            self._derived[derive] = derive(self)
        return cast("T", self._derived[derive])

    def atoms(self, at: int | None = None) -> Atoms:
        """What the values hold, in one part of them or, without parts, altogether."""
        if at not in self._atoms:
            self._atoms[at] = Atoms([_held(value, at) for value in self.all])
        return self._atoms[at]

    @cached_property
    def texts(self) -> Texts:
        """The values as single texts."""
        return listed(v if isinstance(v, str) else " ".join(v) for v in self.all)

    @cached_property
    def plain(self) -> Texts:
        """Texts without spaces and without the German spelling of umlauts."""
        return listed(squash(text.replace(" ", "")) for text in self.texts)

    @cached_property
    def plain_ids(self) -> Index:
        """Equal numbers for equal plain texts."""
        return ids(self.plain)

    @cached_property
    def sounds(self) -> Index:
        """Equal numbers for texts that sound alike."""
        return ids([phonetic(text) for text in self.plain])

    @cached_property
    def lengths(self) -> Index:
        """Letters of each plain text."""
        return np.array([len(text) for text in self.plain], dtype=np.int64)

    @cached_property
    def initials(self) -> Index:
        """Equal numbers for plain texts with one first letter."""
        return ids([text[:1] for text in self.plain])

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """The texts as numbers; not a number where they are none."""
        return np.array([_number(text) for text in self.texts], dtype=np.float64)

    @cached_property
    def dates(self) -> Index:
        """Year, month and day of each text, a row each."""
        parts = [text.split("-") for text in self.texts]
        rows = [[int(p) if p.isdigit() else 0 for p in (*one, "", "")[:3]] for one in parts]
        return np.array(rows, dtype=np.int64).reshape(-1, 3)

    @cached_property
    def nicknames(self) -> Index:
        """Pairs of values that are one name and its short form, as one sorted number each."""
        at = {text: i for i, text in enumerate(self.texts)}
        size, found = len(at), set()
        for text, i in at.items():
            for form in names.forms(text):
                j = at.get(form, i)
                if i != j:
                    found.add(min(i, j) * size + max(i, j))
        return np.array(sorted(found), dtype=np.int64)

    def part(self, at: int) -> Index:
        """Equal numbers for equal parts of tuples; -1 for an empty part."""
        return self._parts[at]

    @cached_property
    def _parts(self) -> list[Index]:
        width = max((len(v) for v in self.all if isinstance(v, tuple)), default=0)
        return [ids([v[at] for v in self.all], blank=True) for at in range(width)]

    @cached_property
    def grams(self) -> Any:
        """Rows of trigram weights, each of length one: rare trigrams count more."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), dtype=np.float32)
        return vectors.fit_transform([text or "?" for text in self.texts])


def listed(texts: Iterable[str]) -> Texts:
    """Texts that can be picked many at a time."""
    every = list(texts)
    found = np.empty(len(every), dtype=object)
    found[:] = every
    return found


def _held(value: Value, at: int | None) -> tuple[str, ...]:
    if at is not None:
        return tuple(one for one in value[at].split(SEVERAL) if one)
    return value if isinstance(value, tuple) else (value,)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def ids(texts: Iterable[Any], *, blank: bool = False) -> Index:
    """Equal numbers for equal texts; with `blank`, -1 for an empty one."""
    seen: dict[Any, int] = {}
    numbers = [-1 if blank and not t else seen.setdefault(t, len(seen)) for t in texts]
    return np.array(numbers, dtype=np.int64)


def pairwise(
    scorer: Callable[..., Any],
    texts: Texts,
    a: Index,
    b: Index,
    cutoff: float | None = None,
) -> NDArray[np.float64]:
    """Scores of texts[a] against texts[b], the same whichever comes first.

    With a `cutoff` likenesses below it are 0, distances above it more than it: all the same to who
    asks for no others, and quicker.
    """
    if not len(a):
        return np.zeros(0)
    one, other = texts[a], texts[b]
    if scorer not in _SYMMETRIC:
        turned = np.asarray(one > other, dtype=bool)
        one, other = np.where(turned, other, one), np.where(turned, one, other)
    scored = process.cpdist(
        one.tolist(),
        other.tolist(),
        scorer=scorer,
        dtype=np.float32,
        score_cutoff=cutoff,
        workers=-1 if len(a) > _MANY else 1,
    )
    return np.asarray(scored, dtype=np.float64).ravel()


def distinct(numbers: Index) -> Index:
    """The different numbers, sorted. Sorting beats the hashing of `np.unique` by far where nearly
    all of millions are different."""
    ordered = np.sort(numbers)
    fresh = np.ones(len(ordered), dtype=bool)
    fresh[1:] = ordered[1:] != ordered[:-1]
    return ordered[fresh]


def missing(numbers: Index, among: Index) -> Index:
    """The numbers that are not among sorted others; their order stays."""
    if not len(among):
        return numbers
    at = np.minimum(np.searchsorted(among, numbers), len(among) - 1)
    return np.asarray(numbers[among[at] != numbers])


def merged(one: Index, other: Index) -> Index:
    """Two sorted runs as one."""
    # Stable sorting of whole numbers merges runs it finds.
    return np.sort(np.concatenate([one, other]), kind="stable")


def select(levels: Sequence[tuple[Flags, int]], last: int) -> Codes:
    """For each pair the code of the first claim that holds, the last one where none does."""
    claims, codes = [claim for claim, _ in levels], [np.int8(code) for _, code in levels]
    return np.asarray(np.select(claims, codes, np.int8(last)), dtype=np.int8)
