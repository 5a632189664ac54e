"""From weights of pairs to an answer: who is linked to whom, and how sure that is.

Linking two tables, every right row belongs to at most one person of the left table (its candidates
compete for it), and where next to no left row is claimed twice, left rows are competed for as well.
Where the left table has people twice, their rows do not compete: who is decided first, and every
row of that person is linked. Deduping one, rows are gathered into clusters along the strongest
evidence first, and never against what the pairs inside a cluster say of one another. Decisions
depend on no order of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.tables.frame import Frame
from matching.tables.mixture import Floats, Learned, compared, probability, weigh
from matching.tables.values import Flags, Index

_NEAR = -2.0
"""Bits from which on two rows are looked at together."""
_MOST = 12.0
"""Bits one pair may count for or against a cluster."""
_BEST = 0.6
"""What the best pair counts beside the average of all pairs between two clusters."""
_LARGE = 0.5
"""By which power of the smaller cluster's size the best pair counts less."""
_COMPONENT = 300
"""Rows looked at together at most; more are first parted where evidence is weakest."""
_SPREAD = 200
"""Rows of the largest cluster whose every pair is an answer; beyond it, pairs compared."""
_TWICE = 0.02
"""Share of left rows claimed twice beyond which several right rows may be one left row."""
_SURE = 0.9
_CERTAIN = 40.0
"""Bits beyond which odds are cut: their sums stay exact to four digits."""
_ROUNDS = 30


@dataclass(frozen=True)
class Decided:
    """Pairs of rows one[i] < other[i], sorted: probability that the two are one, weight (bits),
    whether they are linked. `cluster[row]` is the smallest row of each row's cluster (deduping;
    itself when alone). `one_to_one` says that left rows were competed for, too.
    """

    one: Index
    other: Index
    probability: Floats
    weight: Floats
    link: Flags
    cluster: Index
    one_to_one: bool = False


def decide(
    frame: Frame, learned: Learned, pairs: tuple[Index, Index], weight: Floats, *, link: float
) -> Decided:
    """The answer for candidate pairs with their weights; `link` is the probability from which on
    a pair is linked."""
    if frame.dedupes:
        return _gathered(frame, learned, pairs, weight, link)
    return _assigned(frame, learned, pairs, weight, link)


# --- two tables ---------------------------------------------------------------------------------


def _assigned(
    frame: Frame, learned: Learned, pairs: tuple[Index, Index], weight: Floats, link: float
) -> Decided:
    one, other = pairs
    fellows = _fellows(frame, learned, pairs, weight)
    chance = _beliefs(pairs, weight, frame.total, fellows, both=False)
    claimed = np.bincount(one[chance >= _SURE], minlength=frame.total)
    twice = float((claimed > 1).sum()) / max(float((claimed > 0).sum()), 1.0)
    one_to_one = twice < _TWICE
    if one_to_one:
        chance = _beliefs(pairs, weight, frame.total, fellows, both=True)
    best = _best(other, chance, frame.total)
    chosen = np.zeros(len(one) + frame.total, dtype=bool)
    chosen[fellows[best]] = True
    linked = chosen[fellows] & (chance >= link)
    if one_to_one:
        linked &= _best(one, np.where(linked, chance, 0.0), frame.total)
    itself = np.arange(frame.total, dtype=np.int64)
    return Decided(one, other, chance, weight, linked, itself, one_to_one)


def _fellows(frame: Frame, learned: Learned, pairs: tuple[Index, Index], weight: Floats) -> Index:
    """For each pair a number that it shares with the pairs whose left rows are one person's as far
    as its right row is concerned: one and the same as the right row's likeliest left row.

    Where next to no right row has two such left rows, the left table has nobody twice, and a row
    that looks like another is somebody else: then every pair has its own.
    """
    one, other = pairs
    own = np.arange(len(one), dtype=np.int64)
    known = np.flatnonzero(weight >= 0.0)
    # Equals are decided by place: the first of a row's strongest pairs.
    order = known[np.lexsort((-known, weight[known], other[known]))]
    best = np.full(frame.total, -1, dtype=np.int64)
    best[other[order]] = order
    rest = known[best[other[known]] != known]
    if not len(rest):
        return own
    twins = one[best[other[rest]]], one[rest]
    between = weigh(frame, learned, compared(frame, *twins)).total
    sure = float(np.log2(_SURE / (1.0 - _SURE)))
    found = np.unique(other[weight >= sure])
    twice = np.unique(other[rest[np.minimum(between, weight[rest]) >= sure]])
    if len(twice) < _TWICE * len(found):
        return own
    rows = rest[between >= 0.0]
    own[rows] = own[best[other[rows]]] = len(one) + other[rows]
    return own


def _beliefs(
    pairs: tuple[Index, Index], weight: Floats, total: int, fellows: Index, *, both: bool
) -> Floats:
    """Probability of each pair where a right row has at most one person of the left table; with
    `both` a left row at most one right row, too.

    Belief propagation: a pair is up against the other claims on its rows, each as strong as its
    own rivals leave it. A claim on a row that clearly belongs elsewhere thus counts for little.
    """
    one, other = pairs
    odds = np.exp2(np.clip(weight, -_CERTAIN, _CERTAIN))
    ours, theirs = np.ones(len(odds)), np.ones(len(odds))
    for _ in range(_ROUNDS if both else 1):
        theirs = _room(other, odds * ours, total, fellows)
        if both:
            ours = np.sqrt(ours * _room(one, odds * theirs, total))
    belief = odds * ours * theirs
    return np.asarray(belief / (1.0 + belief))


def _room(rows: Index, claims: Floats, total: int, fellows: Index | None = None) -> Floats:
    """For each claim what the other claims on its row leave it, those of its fellows aside."""
    mine = claims if fellows is None else np.bincount(fellows, weights=claims)[fellows]
    rest = np.bincount(rows, weights=claims, minlength=total)[rows] - mine
    return np.asarray(1.0 / (1.0 + np.maximum(rest, 0.0)))


def _best(rows: Index, chance: Floats, total: int) -> Flags:
    """Whether a pair is the first of the likeliest of its row; equals are decided by the other
    row's place, and since they share the chance, none of them reaches one half."""
    order = np.lexsort((-np.arange(len(rows)), chance, rows))
    last = np.full(total, -1, dtype=np.int64)
    last[rows[order]] = order
    found = np.zeros(len(rows), dtype=bool)
    found[last[last >= 0]] = True
    return found


# --- one table ----------------------------------------------------------------------------------


def _gathered(
    frame: Frame,
    learned: Learned,
    pairs: tuple[Index, Index],
    weight: Floats,
    link: float,
) -> Decided:
    floor = float(np.log2(link / (1.0 - link)))
    found = list(_components(frame.total, pairs, weight))
    components = [rows for rows in found if len(rows) <= _COMPONENT]
    large = [rows for rows in found if len(rows) > _COMPONENT]
    whole = _everybody(components)
    known = _weights(frame, learned, whole, pairs, weight)
    cluster = np.arange(frame.total, dtype=np.int64)
    joined: dict[tuple[int, int], float] = {}
    for rows in large:
        cluster[rows] = min(rows)
    for rows in components:
        for members, bits in _merges(rows, known, floor):
            cluster[members[0] + members[1]] = min(members[0] + members[1])
            for a in members[0]:
                for b in members[1]:
                    joined[min(a, b), max(a, b)] = bits
    return _answer(pairs, weight, cluster, joined, known, floor)


def _answer(
    pairs: tuple[Index, Index],
    weight: Floats,
    cluster: Index,
    joined: dict[tuple[int, int], float],
    known: dict[tuple[int, int], float],
    floor: float,
) -> Decided:
    one, other = pairs
    inside = cluster[one] == cluster[other]
    # Two rows kept apart although they look alike stay a question, below a link.
    bits = np.where(inside, weight, np.minimum(weight, floor - 1e-9))
    listed = set(zip(one[inside].tolist(), other[inside].tolist(), strict=True))
    extra = [pair for pair in joined if pair not in listed]
    gained = np.array([(a, b) for a, b in extra], dtype=np.int64).reshape(-1, 2)
    rows = [np.concatenate([pairs[at], gained[:, at]]) for at in (0, 1)]
    own = np.concatenate([weight, np.array([known.get(pair, floor) for pair in extra])])
    total = np.concatenate([bits, np.array([known.get(pair, floor) for pair in extra])])
    together = np.concatenate([inside, np.ones(len(extra), dtype=bool)])
    for i in np.flatnonzero(together).tolist():
        pair = int(rows[0][i]), int(rows[1][i])
        total[i] = max(total[i], joined.get(pair, floor))
    order = np.lexsort((rows[1], rows[0]))
    return Decided(
        rows[0][order],
        rows[1][order],
        probability(total)[order],
        own[order],
        together[order],
        cluster,
    )


def _components(total: int, pairs: tuple[Index, Index], weight: Floats) -> Iterator[list[int]]:
    """Rows that hang together; what would be too large is parted at stronger evidence. What then
    is still too large hangs together beyond doubt: rows that were copied many times."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    one, other = pairs
    pending, least = np.arange(total), _NEAR
    while len(pending):
        inside = np.zeros(total, dtype=bool)
        inside[pending] = True
        edge = (weight >= least) & inside[one] & inside[other]
        graph = coo_matrix((np.ones(int(edge.sum())), (one[edge], other[edge])), (total, total))
        _, label = connected_components(graph, directed=False)
        order = pending[np.argsort(label[pending], kind="stable")]
        groups = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
        for rows in groups:
            if 1 < len(rows) <= _COMPONENT:
                yield sorted(rows.tolist())
        large = [rows for rows in groups if len(rows) > _COMPONENT]
        if least >= _MOST:
            yield from (sorted(rows.tolist()) for rows in large)
            return
        pending = np.concatenate(large) if large else np.zeros(0, np.int64)
        least += 4.0


def _everybody(components: Sequence[Sequence[int]]) -> tuple[Index, Index]:
    """Every pair of rows within the components."""
    one, other = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for rows in components:
        numbers = np.array(rows, dtype=np.int64)
        i, j = np.triu_indices(len(rows), 1)
        one.append(numbers[i])
        other.append(numbers[j])
    return np.concatenate(one), np.concatenate(other)


def _weights(
    frame: Frame,
    learned: Learned,
    whole: tuple[Index, Index],
    pairs: tuple[Index, Index],
    weight: Floats,
) -> dict[tuple[int, int], float]:
    """The weight of every pair within the components, those never proposed included."""
    have = pairs[0] * frame.total + pairs[1]
    want = whole[0] * frame.total + whole[1]
    at = np.minimum(np.searchsorted(have, want), max(len(have) - 1, 0))
    there = have[at] == want if len(have) else np.zeros(len(want), dtype=bool)
    found = np.zeros(len(want))
    found[there] = weight[at[there]]
    new = ~there
    if new.any():
        found[new] = weigh(frame, learned, compared(frame, whole[0][new], whole[1][new])).total
    keys = zip(whole[0].tolist(), whole[1].tolist(), strict=True)
    return dict(zip(keys, found.tolist(), strict=True))


Merge = tuple[tuple[list[int], list[int]], float]


def _merges(
    rows: Sequence[int], known: dict[tuple[int, int], float], floor: float
) -> Iterator[Merge]:
    """The clusters that become one, in order, and the evidence for it in bits.

    Evidence between two clusters is half what their best pair says and half what all their pairs
    say on average: one damaged record must not part a cluster, nor one likeness join two.
    """
    size = len(rows)
    best = np.full((size, size), -np.inf)
    for a in range(size):
        for b in range(a):
            best[a, b] = best[b, a] = np.clip(known[rows[b], rows[a]], -_MOST, _MOST)
    sums: NDArray[np.float64] = np.where(np.isfinite(best), best, 0.0)
    count = np.ones(size)
    members = [[row] for row in rows]
    alive = np.ones(size, dtype=bool)
    while alive.sum() > 1:
        lean = _BEST / np.minimum.outer(count, count) ** _LARGE
        between = lean * best + (1.0 - lean) * sums / np.outer(count, count)
        between[~alive] = between[:, ~alive] = -np.inf
        np.fill_diagonal(between, -np.inf)
        a, b = sorted(divmod(int(between.argmax()), size))
        bits = float(between[a, b])
        if bits < floor:
            return
        yield (list(members[a]), list(members[b])), bits
        members[a] += members[b]
        best[a], sums[a] = np.maximum(best[a], best[b]), sums[a] + sums[b]
        best[:, a], sums[:, a] = best[a], sums[a]
        count[a] += count[b]
        alive[b] = False
