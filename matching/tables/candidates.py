"""Which pairs are compared at all: those that share a key few others have.

Every feature offers keys: its value, how it sounds, how it begins, its rarest words. A pass groups
rows by one key or by two of different features together, and keeps the smaller groups first until
it has cost its share of pairs. Which passes are worth it is thus decided by the data: a column
with few values yields nothing alone and splits what another leaves too large. No group larger than
a cap is ever spread out, so a constant column costs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np

from matching.tables.frame import Feature, Frame
from matching.tables.values import Index, Values, distinct, ids, merged, missing
from matching.text import phonetic

_IN_ALL = 60
"""Pairs all passes together may yield for each row (of the smaller table twice, of two)."""
_MANY = 12_000
_FURTHER = 20
"""Pairs for each row beyond that many: the better keys of large tables find nearly everybody, and
their worse ones mostly strangers."""
_MOST = 20_000_000
"""Pairs they may yield at most, however many rows there are."""
_A_PASS = 10
"""Passes that use all of it up, each costing its share."""
_LEAST = 3_000
_BLOCK = 400
"""Rows of the largest group that is spread out."""
_SLOTS = 22
"""Bits of the hashes that rows without company are told by."""
_MIXER = np.uint64(0x9E3779B97F4A7C15)
_EVERYTHING = 200_000
"""With this many pairs or fewer altogether all are compared."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass gave: its keys' names, the pairs it proposed, those no pass before it had."""

    name: str
    pairs: int
    new: int


@dataclass(frozen=True)
class Candidates:
    """Pairs of rows one[i] < other[i], each once, sorted, and how they were found. `numbers` are
    the pairs as one * `total` + other, which takes half the memory."""

    numbers: Index
    total: int
    passes: tuple[Pass, ...]

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def one(self) -> Index:
        """The first row of each pair."""
        return self.numbers // self.total

    @property
    def other(self) -> Index:
        """The second row of each pair."""
        return self.numbers % self.total


def propose(frame: Frame) -> Candidates:
    """The candidate pairs of a frame; with few rows simply all of them."""
    if frame.pairs <= _EVERYTHING:
        return _everything(frame)
    scale = _scale(frame)
    wanted = _IN_ALL * min(scale, _MANY) + _FURTHER * max(scale - _MANY, 0)
    most = max(_A_PASS * _LEAST, min(wanted, _MOST))
    budget = most // _A_PASS
    seen = np.zeros(0, dtype=np.int64)
    passes = []
    for way in _ways(frame, budget):
        if len(seen) >= most:
            break
        groups = _groups(frame, way.rows(), budget)
        pairs = distinct(_spread(frame, groups.kept))
        fresh = missing(pairs, seen)
        passes.append(Pass(way.name, len(pairs), len(fresh)))
        if len(fresh):
            seen = merged(seen, fresh)
    if frame.dedupes:
        chained = _identical(frame)
        fresh = missing(chained, seen)
        passes.append(Pass("identical rows", len(chained), len(fresh)))
        seen = merged(seen, fresh)
    return Candidates(seen, frame.total, tuple(passes))


def _scale(frame: Frame) -> int:
    """Rows that pairs are counted by: those of one table, or of the smaller of two twice."""
    return frame.total if frame.dedupes else 2 * min(frame.left, frame.total - frame.left)


def _identical(frame: Frame) -> Index:
    """Each row with the next one that is the same in every field: however many there are, they
    hang together by as many pairs."""
    alike = np.zeros(frame.total, dtype=np.int64)
    known = np.zeros(frame.total, dtype=bool)
    for feature in frame.features:
        known |= feature.rows >= 0
        joint = alike * (len(feature.values.all) + 1) + feature.rows + 1
        alike = np.unique(joint, return_inverse=True)[1].astype(np.int64)
    order = np.argsort(alike, kind="stable")
    same = (alike[order][1:] == alike[order][:-1]) & known[order][1:]
    return np.sort(order[:-1][same] * frame.total + order[1:][same])


def _everything(frame: Frame) -> Candidates:
    if frame.dedupes:
        one, other = np.triu_indices(frame.total, 1)
    else:
        one = np.repeat(np.arange(frame.left), frame.total - frame.left)
        other = np.tile(np.arange(frame.left, frame.total), frame.left)
    every = (Pass("every pair", len(one), len(one)),)
    return Candidates(one.astype(np.int64) * frame.total + other, frame.total, every)


# --- keys ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Key:
    """One key of one feature: for each row a number, -1 for none. `alone` keys make a pass by
    themselves; others only together with a key of another feature."""

    feature: str
    name: str
    rows: Index
    alone: bool = True


def _keys(feature: Feature) -> Iterator[Key]:
    makers = _MAKERS.get(feature.kind.name, {"value": _whole})
    for name, maker in makers.items():
        for at, numbers in enumerate(maker(feature.values)):
            rows = np.where(feature.rows >= 0, numbers[feature.rows], -1)
            yield Key(feature.name, f"{feature.name} {name}{at or ''}", rows, name != "begin")


def _whole(values: Values) -> list[Index]:
    return [values.plain_ids]


def _sound(values: Values) -> list[Index]:
    return [values.sounds]


def _begin(values: Values) -> list[Index]:
    return [ids([text[:3] for text in values.plain], blank=True)]


def _end(values: Values) -> list[Index]:
    return [ids([text[-4:] if len(text) > 5 else "" for text in values.plain], blank=True)]  # noqa: PLR2004


def _letters(values: Values) -> list[Index]:
    """The same letters in any order: what changed places stays together."""
    return [ids(["".join(sorted(text)) for text in values.plain], blank=True)]


def _month_and_day(values: Values) -> list[Index]:
    parts = np.sort(values.dates[:, 1:], axis=1)
    return [ids([tuple(p) if p[1] else "" for p in parts.tolist()], blank=True)]


def _year_and(values: Values) -> list[Index]:
    dates = values.dates.tolist()
    return [
        ids([(y, part) if y and part else "" for y, *rest in dates for part in (rest[at],)],
            blank=True)
        for at in (0, 1)
    ]  # fmt: skip


def _year(values: Values) -> list[Index]:
    return [ids([y or "" for y in values.dates[:, 0].tolist()], blank=True)]


def _addresses(values: Values) -> list[Index]:
    return _ends(values, None, str)


def _local(values: Values) -> list[Index]:
    return _ends(values, None, lambda address: address.partition("@")[0])


def _domain(values: Values) -> list[Index]:
    return _ends(values, None, lambda address: address.partition("@")[2])


def _numbers_end(values: Values) -> list[Index]:
    return _ends(values, None, lambda number: number[-7:])


def _sites(values: Values) -> list[Index]:
    return _ends(values, 1, str)


def _ends(values: Values, part: int | None, key: Callable[[str], str]) -> list[Index]:
    """A key of the first thing each value holds, and of the last where any holds several."""
    atoms = values.atoms(part)
    keys = np.append(ids([key(name) for name in atoms.names], blank=True), -1)
    if not atoms.more:
        return [keys[atoms.first]]
    last = atoms.first.copy()
    last[list(atoms.more)] = [held[-1] for held in atoms.more.values()]
    # One numbering: where only one is known it is first and last.
    return [keys[atoms.first], keys[last]]


def _first_part(values: Values) -> list[Index]:
    return [values.part(0)]


def _second_part(values: Values) -> list[Index]:
    return [values.part(1)]


def _town_sound(values: Values) -> list[Index]:
    return [ids([phonetic(str(v[1])) for v in values.all], blank=True)]


def _company_word(values: Values) -> list[Index]:
    return [ids([str(v[0]).partition(" ")[0] for v in values.all], blank=True)]


def _rare_words(values: Values) -> list[Index]:
    """The rarest and the next rarest word of each text."""
    worded = [sorted(set(text.split())) for text in values.texts]
    common = Counter(word for words in worded for word in words)
    ranked = [sorted(words, key=lambda w: (common[w], w)) for words in worded]
    # A word nobody else has cannot bring two rows together.
    shared = [[w for w in words if common[w] > 1 and len(w) > 1] for words in ranked]
    return [ids([w[at] if len(w) > at else "" for w in shared], blank=True) for at in range(3)]


def _street_front(values: Values) -> list[Index]:
    fronts = []
    for text in values.texts:
        tokens = text.split()
        house = next((t for t in tokens if t[:1].isdigit()), "")
        word = next((t for t in tokens if t.isalpha() and len(t) > 2), "")  # noqa: PLR2004
        fronts.append(f"{house} {phonetic(word)}" if house and word else "")
    return [ids(fronts, blank=True)]


def _rounded(values: Values) -> list[Index]:
    return [ids([round(n) if n == n else "" for n in values.numbers.tolist()], blank=True)]  # noqa: PLR0124


Maker = Callable[[Values], list[Index]]
_MAKERS: Mapping[str, Mapping[str, Maker]] = {
    "given": {"sound": _sound, "begin": _begin},
    "family": {"sound": _sound, "begin": _begin, "letters": _letters},
    "word": {"value": _whole, "sound": _sound, "begin": _begin},
    "middle": {"begin": _begin},
    "date": {
        "value": _whole,
        "month and day": _month_and_day,
        "year and": _year_and,
        "year": _year,
    },
    "age": {"value": _rounded},
    "number": {"value": _whole, "about": _rounded},
    "code": {"value": _whole, "begin": _begin, "end": _end, "letters": _letters},
    "email": {"value": _addresses, "local": _local, "domain": _domain},
    "phone": {"end": _numbers_end},
    "employer": {"site": _sites, "name": _first_part, "word": _company_word},
    "street": {"value": _whole, "front": _street_front, "words": _rare_words},
    "place": {"postcode": _first_part, "town": _second_part, "town sound": _town_sound},
    "title": {"value": _whole, "words": _rare_words},
    "text": {"value": _whole, "words": _rare_words},
}


# --- passes -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Way:
    """A pass before it is taken: what it is called, and how rows come by its key (-1 for none)."""

    name: str
    rows: Callable[[], Index]


@dataclass(frozen=True, slots=True)
class Spans:
    """Rows in order of their key, and where each kept group begins and ends."""

    rows: Index
    starts: Index
    ends: Index


@dataclass(frozen=True, slots=True)
class _Groups:
    """The groups a pass keeps, its pairs for each row it reaches, and whether nothing was cut."""

    kept: Spans
    price: float
    whole: bool


def _ways(frame: Frame, budget: int) -> list[_Way]:
    """The passes that give anything, the cheapest for what they reach first.

    What shares two keys shares each of them: where the pass of one key is taken whole, passes that
    join it with another find nothing more.
    """
    keys = [key for feature in frame.features for key in _keys(feature)]
    priced: list[tuple[float, int, _Way]] = []

    def weigh(way: _Way) -> bool:
        groups = _groups(frame, way.rows(), budget)
        if len(groups.kept.starts):
            priced.append((groups.price, len(priced), way))
        return groups.whole

    whole = [key.alone and weigh(_alone(key)) for key in keys]
    rest = [key for key, taken in zip(keys, whole, strict=True) if not taken]
    for one, other in combinations(rest, 2):
        if one.feature != other.feature:
            weigh(_pair(one, other))
    given, family = frame.feature("given"), frame.feature("family")
    if given is not None and family is not None:
        weigh(_Way("names in any order", partial(_unordered, given, family)))
    return [way for _, _, way in sorted(priced, key=lambda found: found[:2])]


def _alone(key: Key) -> _Way:
    return _Way(key.name, lambda: key.rows)


def _pair(one: Key, other: Key) -> _Way:
    return _Way(f"{one.name} + {other.name}", lambda: _joined(one.rows, other.rows))


def _joined(one: Index, other: Index) -> Index:
    width = int(other.max(initial=0)) + 1
    return np.where((one >= 0) & (other >= 0), one * width + other, -1)


def _unordered(given: Feature, family: Feature) -> Index:
    """Both names by sound, in one order whichever column they stand in."""
    shared = ids([*map(phonetic, given.values.plain), *map(phonetic, family.values.plain)])
    size = len(given.values.all)
    one = np.where(given.rows >= 0, shared[:size][given.rows], -1)
    two = np.where(family.rows >= 0, shared[size:][family.rows], -1)
    low, high = np.minimum(one, two), np.maximum(one, two)
    return np.where(low >= 0, low * (int(shared.max(initial=0)) + 1) + high, -1)


def _groups(frame: Frame, keys: Index, budget: int) -> _Groups:
    rows = _shared(frame, keys)
    order = rows[np.argsort(keys[rows], kind="stable")]
    edges = np.flatnonzero(np.diff(keys[order])) + 1
    starts = np.append(np.zeros(min(len(order), 1), np.int64), edges)
    ends = np.append(starts[1:], np.full(min(len(order), 1), len(order)))
    ours = _left_of(frame, order, starts)
    sizes = ends - starts
    costs = sizes * (sizes - 1) // 2 if frame.dedupes else ours * (sizes - ours)
    useful = costs > 0
    worth = np.flatnonzero(useful & (sizes <= _BLOCK))
    smallest = worth[np.argsort(costs[worth], kind="stable")]
    kept = smallest[np.cumsum(costs[smallest]) <= budget]
    reached = max(int(sizes[kept].sum()), 1)
    return _Groups(
        Spans(order, starts[kept], ends[kept]),
        float(costs[kept].sum()) / reached,
        whole=len(kept) == int(useful.sum()),
    )


def _left_of(frame: Frame, order: Index, starts: Index) -> Index:
    """How many left rows each group has."""
    if not len(starts):
        return np.zeros(0, dtype=np.int64)
    return np.add.reduceat((order < frame.left).astype(np.int64), starts)


def _shared(frame: Frame, keys: Index) -> Index:
    """Rows whose key others may have: a cheap look at hashes lets go of most that stand alone, so
    that few are left to be sorted."""
    known = keys >= 0
    slots = (keys.astype(np.uint64) * _MIXER) >> np.uint64(64 - _SLOTS)
    if frame.dedupes:
        known &= np.bincount(slots[known].astype(np.int64), minlength=1 << _SLOTS)[slots] > 1
    else:
        for own, others in ((slice(frame.left, None), slice(frame.left)),
                            (slice(frame.left), slice(frame.left, None))):  # fmt: skip
            there = np.zeros(1 << _SLOTS, dtype=bool)
            there[slots[others][known[others]]] = True
            known[own] &= there[slots[own]]
    return np.flatnonzero(known)


def _spread(frame: Frame, groups: Spans) -> Index:
    """Every pair within the groups, as one number each."""
    found = []
    sizes = groups.ends - groups.starts
    for size in np.unique(sizes).tolist():
        starts = groups.starts[sizes == size]
        members = np.sort(groups.rows[starts[:, None] + np.arange(size)[None, :]], axis=1)
        i, j = np.triu_indices(size, 1)
        one, other = members[:, i].ravel(), members[:, j].ravel()
        if not frame.dedupes:
            across = (one < frame.left) & (other >= frame.left)
            one, other = one[across], other[across]
        found.append(one.astype(np.int64) * frame.total + other)
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)
