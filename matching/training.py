"""Learning m, u, prior and frequencies from the user's own people, without labels.

u comes from random pairs. m comes from blocked pairs classified by recordlinkage's expectation
maximisation, started from the default model and checked: a class that is empty, everything, or
contradicts plain evidence is a collapse, and the default model classifies instead. Estimates are
blended with the defaults, so that little data moves them little, and weights keep the order of
their levels.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.comparisons import (
    COMPARISONS,
    EMAIL,
    PHONE,
    STREET,
    Compared,
    Comparison,
    compare,
)
from matching.model import Floats, Frequencies, Level, Model, default_model, likelihoods, term
from matching.normalise import Person
from matching.scoring import score

_RANDOM_PAIRS = 100_000
_MOST_PAIRS = 60_000
_FEWEST_PAIRS = 100
_FEWEST_MATCHES = 30.0
_FEWEST_PEOPLE = 50
_EDGE = 1e-6
_STEPS = 40
_REFINEMENTS = 4
_BELIEF = 60.0  # the defaults count as this many matches
_COMMON = 1_000  # values kept by name in a frequency table
_PRIOR_RANGE = (-24.0, -7.0)
_NEAR_RANGE = (-5.0, 9.0)
_FEW = 15.0  # matches that the defaults about people near each other count for
_MOST_WEIGHT = 20.0
_NAMESAKE_RANGE = (0.0, 6.0)

Binary = NDArray[np.int8]


@dataclass(frozen=True)
class Classified:
    """Probability of a match for each blocked pair, and how it was found."""

    matches: Floats
    method: str


def fit(
    left: Sequence[Person], right: Sequence[Person], pairs: Sequence[tuple[int, int]], *, seed: int
) -> Model:
    """See `matching.model.train`."""
    model = default_model()
    if min(len(left), len(right)) < _FEWEST_PEOPLE or len(pairs) < _FEWEST_PAIRS:
        return model
    rng = np.random.default_rng(seed)
    chosen = _sample(pairs, rng)
    blocked = compare([left[i] for i, _ in chosen], [right[j] for _, j in chosen])
    model = replace(model, frequencies=_frequencies([*left, *right]))
    defaults = _probabilities(model, blocked)
    classified = classify(blocked, defaults)
    expected = float(classified.matches.sum()) * len(pairs) / len(chosen)
    if expected < _FEWEST_MATCHES:
        return default_model()
    stranger = _strangers(left, right, model, rng)
    matches, whole = classified.matches, len(pairs) / len(chosen)
    population = len(left) * len(right)
    for _ in range(_REFINEMENTS):
        model = _learn(model, blocked, matches, stranger, population=population, whole=whole)
        matches = _probabilities(model, blocked)
    return replace(
        model,
        trained={
            "people": [len(left), len(right)],
            "pairs": len(chosen),
            "expected_matches": round(float(matches.sum()) * whole, 1),
            "classified_by": classified.method,
            "seed": seed,
        },
    )


def _learn(
    model: Model,
    blocked: Compared,
    matches: Floats,
    stranger: Compared,
    *,
    population: int,
    whole: float,
) -> Model:
    """The model with everything estimated anew from one classification of the blocked pairs.

    What the classifier cannot see (namesakes, relatives, frequencies) enters here: repeated, it
    takes back pairs that agree in name alone. `whole` is how many pairs each sampled one stands
    for.
    """
    start = default_model()
    learned = replace(
        model,
        prior=_prior(float(matches.sum()) * whole, population),
        comparisons={
            comparison.name: _levels(comparison, start, blocked, matches, stranger)
            for comparison in COMPARISONS
        },
        relative=start.relative,
        colleague=start.colleague,
    )
    learned = replace(learned, namesakes=_namesakes(learned, blocked, matches, population / whole))
    relatives, colleagues = _near_people(learned, blocked)
    return replace(
        learned,
        relative=replace(start.relative, odds=relatives),
        colleague=replace(start.colleague, odds=colleagues),
    )


def _sample(
    pairs: Sequence[tuple[int, int]], rng: np.random.Generator
) -> Sequence[tuple[int, int]]:
    if len(pairs) <= _MOST_PAIRS:
        return pairs
    picked = rng.choice(len(pairs), size=_MOST_PAIRS, replace=False)
    return [pairs[i] for i in np.sort(picked).tolist()]


def _probabilities(model: Model, compared: Compared) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp2(-np.clip(model.weigh(compared).total, -60, 60))))


# --- expectation maximisation -------------------------------------------------------------------


def features(compared: Compared) -> tuple[Binary, list[str]]:
    """Binary features: for each comparison "agrees exactly", "agrees somehow", "disagrees".

    Unknown is 0 in all three, so that it need not pass for disagreement. Constant columns carry
    nothing and are left out.
    """
    columns, names = [], []
    for comparison in COMPARISONS:
        codes, last = compared.codes[comparison.name], len(comparison.levels)
        for name, column in (
            ("exact", codes == 1),
            ("agrees", (codes > 0) & (codes < last)),
            ("differs", codes == last),
        ):
            if 0 < int(column.sum()) < len(column):
                columns.append(column.astype(np.int8))
                names.append(f"{comparison.name}_{name}")
    matrix = np.column_stack(columns) if columns else np.zeros((len(compared), 0), dtype=np.int8)
    return matrix, names


def expectation_maximisation(matrix: Binary, start: Floats) -> Floats:
    """Match probability of each row by recordlinkage's ECM classifier, begun at `start`.

    `start` holds a first guess of each row's probability: the classifier's own start assumes that
    every feature speaks for a match, which is one thing that makes it collapse. The other is a
    feature that never occurs in one class (0 times infinity); between steps the shares are
    therefore kept off 0 and 1.
    """
    import recordlinkage as rl

    guess = np.clip(start, _EDGE, 1 - _EDGE)
    share = float(guess.mean())
    ones = np.vstack([(1 - guess) @ matrix / (1 - guess).sum(), guess @ matrix / guess.sum()])
    with _root_logger_unchanged(), np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(_STEPS):
            shares = np.clip(np.array([1 - share, share]), _EDGE, 1 - _EDGE)
            ones = np.clip(ones, _EDGE, 1 - _EDGE)
            begin = (np.log(shares), np.log(_columns(ones)))
            kernel = rl.ECMClassifier(binarize=None, max_iter=1, atol=None).kernel
            # The classifier begins at names of starts only; this is the one way in (0.16).
            kernel._init_parameters_jaro = lambda _, begin=begin: begin  # noqa: SLF001
            kernel.fit(matrix)
            moved = np.exp(kernel.feature_log_prob_[:, 1::2])
            still = bool(np.allclose(moved, ones, atol=1e-4))
            ones, share = moved, float(np.exp(kernel.class_log_prior_[1]))
            if still or not np.isfinite(ones).all():
                break
        kernel.feature_log_prob_ = np.log(_columns(np.clip(ones, _EDGE, 1 - _EDGE)))
        return np.asarray(kernel.predict_proba(matrix)[:, 1], dtype=np.float64)


def _columns(ones: Floats) -> Floats:
    """Shares of 1 as the classifier keeps them: for each feature the share of 0, then of 1."""
    return np.stack([1 - ones, ones], axis=2).reshape(len(ones), -1)


@contextmanager
def _root_logger_unchanged() -> Iterator[None]:
    """The classifier logs through the root logger, which would install a handler there."""
    root, guard = logging.getLogger(), logging.NullHandler()
    root.addHandler(guard)
    try:
        yield
    finally:
        root.removeHandler(guard)


def classify(blocked: Compared, defaults: Floats) -> Classified:
    """Match probabilities of blocked pairs: by expectation maximisation, or where that
    collapses by the default model's `defaults`.
    """
    matrix, _ = features(blocked)
    if matrix.shape[1] < 2 or not 0 < defaults.sum() < len(defaults):  # noqa: PLR2004
        return Classified(defaults, "defaults")
    found = expectation_maximisation(matrix, defaults)
    if collapsed(found, defaults):
        return Classified(defaults, "defaults")
    return Classified(found, "ecm")


def collapsed(found: Floats, defaults: Floats) -> bool:
    """Whether a classification cannot be trusted: not finite, one class nearly empty, or against
    the plain cases, those that the default model is sure of either way.
    """
    if not np.isfinite(found).all():
        return True
    share = float(found.mean())
    if not 1e-4 < share < 0.999:  # noqa: PLR2004
        return True
    sure, never = defaults > 0.999, defaults < 1e-4  # noqa: PLR2004
    lost = bool(sure.any()) and float(found[sure].mean()) < 0.9  # noqa: PLR2004
    flooded = bool(never.any()) and float(found[never].mean()) > 0.1  # noqa: PLR2004
    return lost or flooded


# --- estimates ----------------------------------------------------------------------------------


def _strangers(
    left: Sequence[Person], right: Sequence[Person], model: Model, rng: np.random.Generator
) -> Compared:
    """Random pairs, without the few that look like one person."""
    size = min(_RANDOM_PAIRS, 20 * max(len(left), len(right)))
    ours = rng.integers(len(left), size=size).tolist()
    theirs = rng.integers(len(right), size=size).tolist()
    compared = score([left[i] for i in ours], [right[j] for j in theirs], model)
    keep = compared.total < -3.0  # noqa: PLR2004 - one in nine
    return Compared({name: codes[keep] for name, codes in compared.compared.codes.items()}, {})


def _levels(
    comparison: Comparison,
    model: Model,
    blocked: Compared,
    matches: Floats,
    stranger: Compared,
) -> tuple[Level, ...]:
    before = model.comparisons[comparison.name]
    codes, others = blocked.codes[comparison.name], stranger.codes[comparison.name]
    size = len(before) + 1
    m_count = np.bincount(codes, weights=matches, minlength=size)[1:].astype(np.float64)
    u_count = np.bincount(others, minlength=size)[1:].astype(np.float64)
    if m_count.sum() < 1 or comparison.name == "name_order":
        return before
    m = _blend(m_count, [level.m for level in before], _BELIEF)
    u = _blend(u_count, [level.u for level in before], 100 + 0.2 * float(u_count.sum()))
    levels = [Level(old.name, float(m[i]), float(u[i])) for i, old in enumerate(before)]
    if comparison is not EMAIL:
        return _ordered(levels)
    # Two people with one address are too rare to be counted; a local part made of the name is
    # judged given the name. Both keep the default's odds.
    for name in ("exact", "exact_free", "local_from_name"):
        at = comparison.code(name) - 1
        levels[at] = replace(levels[at], u=levels[at].m * before[at].u / before[at].m)
    return (*levels[:2], *_ordered(levels[2:]))


def _blend(counts: NDArray[Any], default: Sequence[float], belief: float) -> Floats:
    prior = np.array(default) / sum(default)
    return np.asarray((counts + belief * prior) / (counts.sum() + belief))


def _ordered(levels: Sequence[Level]) -> tuple[Level, ...]:
    """The levels with weights that never rise from a stronger one to a weaker one: neighbours in
    the wrong order are pooled, keeping their m and u together what they were.
    """
    pools: list[tuple[float, float, list[Level]]] = []
    for level in levels:
        pools.append((level.m, level.u, [level]))
        while len(pools) > 1 and pools[-1][0] * pools[-2][1] > pools[-2][0] * pools[-1][1]:
            m, u, members = pools.pop()
            before_m, before_u, before = pools.pop()
            pools.append((before_m + m, before_u + u, before + members))
    return tuple(
        replace(level, m=level.u * min(m / u, 2.0**_MOST_WEIGHT))
        for m, u, members in pools
        for level in members
    )


def _near_people(model: Model, blocked: Compared) -> tuple[float, float]:
    """Log2 of how many matches there are for one pair of relatives, and for one of colleagues.

    Counted where it can be told: among pairs who share a street or a number. Expectation
    maximisation over the shares of matches, relatives, colleagues and strangers, levels held
    fixed; each default counts as a few matches.
    """
    street, phone = blocked.codes["street"], blocked.codes["phone"]
    near = ((street > 0) & (street <= STREET.code("similar"))) | (
        (phone > 0) & (phone <= PHONE.code("national"))
    )
    match, relative, colleague = (bits[near] for bits in likelihoods(model, blocked))
    start = model.relative.odds, model.colleague.odds
    odds = start
    for _ in range(50):
        parts = [match, relative - odds[0], colleague - odds[1]]
        whole = np.logaddexp2.reduce([np.full(len(match), -model.prior), *parts], axis=0)
        found = [float(np.exp2(part - whole).sum()) for part in parts]
        odds = (
            log2((found[0] + _FEW) / (found[1] + _FEW * 2.0 ** -start[0])),
            log2((found[0] + _FEW) / (found[2] + _FEW * 2.0 ** -start[1])),
        )
    low, high = _NEAR_RANGE
    return min(max(odds[0], low), high), min(max(odds[1], low), high)


def _namesakes(model: Model, blocked: Compared, matches: Floats, population: float) -> float:
    """By how many bits two people share a full name more often than by chance.

    Chance is given and family name taken singly. Every pair of one full name is in a block.
    """
    given, family = blocked.codes["given"], blocked.codes["family"]
    both = (given == 1) & (family == 1)
    found = float((1.0 - matches[both]).sum())
    chance = model.comparisons["given"][0].u * model.comparisons["family"][0].u
    bits = log2((found + 4.0) / (chance * population + 2.0))  # counting for one bit by default
    return min(max(bits, _NAMESAKE_RANGE[0]), _NAMESAKE_RANGE[1])


def _prior(expected: float, population: int) -> float:
    share = min(expected / population, 0.5)
    low, high = _PRIOR_RANGE
    return min(max(log2(share / (1 - share)), low), high)


def _frequencies(people: Sequence[Person]) -> dict[str, Frequencies]:
    columns: dict[str, Iterable[Sequence[str]]] = {
        "given": [(person.given,) for person in people],
        "family": [(person.family,) for person in people],
        "phone": [(*person.phones, *person.weak_phones) for person in people],
        "employer": [(person.company, *person.domains) for person in people],
        "place": [(person.city, person.postcode) for person in people],
    }
    return {
        name: table for name, rows in columns.items() if (table := _table(name, rows)) is not None
    }


def _table(name: str, rows: Iterable[Sequence[str]]) -> Frequencies | None:
    """Frequency of a value among the people who have any; those seen once or twice (one person,
    on both sides) share the rest.
    """
    counts: Counter[str] = Counter()
    total = 0
    for row in rows:
        values = {value for value in row if value}
        total += bool(values)
        counts.update(values)
    if total < _FEWEST_PEOPLE:
        return None
    # Sorted to the last: who is cut off among equals must not hang on the order of a set.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    common = {v: n for v, n in ranked[:_COMMON] if n > 2}  # noqa: PLR2004
    others = len(counts) - len(common)
    rest = (sum(counts.values()) - sum(common.values())) / max(others, 1) / total
    rest = 0.0 if name == "phone" else max(rest, 1.0 / total)
    return Frequencies({term(name, v): round(n / total, 7) for v, n in common.items()}, rest)
