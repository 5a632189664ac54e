"""Learning m, u, prior and frequencies from the user's own people, without labels.

u comes from random pairs. m comes from blocked pairs classified by recordlinkage's expectation
maximisation, started from the default model and checked: a class that is empty, everything, or
contradicts plain evidence is a collapse, and the default model classifies instead. Estimates are
blended with the defaults, so that little data moves them little, and weights keep the order of
their levels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.comparisons import COMPARISONS, EMAIL, Compared, Comparison, compare
from matching.model import Floats, Frequencies, Level, Model, default_model, likelihoods, term
from matching.normalise import Person
from matching.scoring import score

_RANDOM_PAIRS = 100_000
_MOST_PAIRS = 300_000
_FEWEST_PAIRS = 100
_FEWEST_MATCHES = 30.0
_FEWEST_PEOPLE = 50
_BELIEF = 60.0  # the defaults count as this many matches
_COMMON = 1_000  # values kept by name in a frequency table
_PRIOR_RANGE = (-24.0, -7.0)
_RELATIVE_RANGE = (-1.0, 9.0)
_MOST_WEIGHT = 20.0

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
    comparisons = {
        comparison.name: _levels(comparison, model, blocked, classified.matches, stranger)
        for comparison in COMPARISONS
    }
    model = replace(model, prior=_prior(expected, len(left) * len(right)), comparisons=comparisons)
    return replace(
        model,
        relative=replace(model.relative, odds=_relatives(model, blocked, expected)),
        trained={
            "people": [len(left), len(right)],
            "pairs": len(chosen),
            "expected_matches": round(expected, 1),
            "classified_by": classified.method,
            "seed": seed,
        },
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

    `start` holds a first guess of each row's probability; the classifier's own start assumes
    that every feature speaks for a match, which is what makes it collapse.
    """
    import pandas as pd
    import recordlinkage as rl

    classifier = rl.ECMClassifier(init="jaro", binarize=None, max_iter=200, atol=1e-5)
    smooth = np.clip(start, 1e-6, 1 - 1e-6)
    share = float(smooth.mean())
    match = np.clip((smooth @ matrix) / smooth.sum(), 1e-4, 1 - 1e-4)
    other = np.clip(((1 - smooth) @ matrix) / (1 - smooth).sum(), 1e-4, 1 - 1e-4)

    def begin(_: Any) -> tuple[Any, Any]:
        # Columns come in pairs (0, 1) for each feature, classes in the order (non-match, match).
        rows = [np.column_stack([1 - p, p]).ravel() for p in (other, match)]
        return np.log([1 - share, share]), np.log(np.vstack(rows))

    classifier.kernel._init_parameters_jaro = begin  # noqa: SLF001 - the one way in (0.16)
    index = pd.MultiIndex.from_arrays([np.arange(len(matrix)), np.arange(len(matrix))])
    frame = pd.DataFrame(matrix, index=index)
    with np.errstate(divide="ignore", invalid="ignore"):
        classifier.fit(frame)
        return np.asarray(classifier.prob(frame), dtype=np.float64)


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
    if comparison is EMAIL:
        # Two people with one address are too rare to be counted; a local part made of the name
        # is judged given the name. Both keep the default's odds.
        for name in ("exact", "local_from_name"):
            at = comparison.code(name) - 1
            ratio = before[at].u / before[at].m
            levels[at] = replace(levels[at], u=levels[at].m * ratio)
    return _ordered(levels)


def _blend(counts: NDArray[Any], default: Sequence[float], belief: float) -> Floats:
    prior = np.array(default) / sum(default)
    return np.asarray((counts + belief * prior) / (counts.sum() + belief))


def _ordered(levels: Sequence[Level]) -> tuple[Level, ...]:
    """The levels with weights that never rise from a stronger one to a weaker one, the first
    never negative, the last never positive.
    """
    result: list[Level] = []
    ceiling = _MOST_WEIGHT
    for at, level in enumerate(levels):
        weight = min(level.weight, ceiling) if level.name != "exact" else level.weight
        if at == 0:
            weight = max(weight, 0.0)
        if at == len(levels) - 1:
            weight = min(weight, 0.0)
        result.append(replace(level, m=level.u * 2.0**weight))
        ceiling = weight
    return tuple(result)


def _relatives(model: Model, blocked: Compared, expected: float) -> float:
    """Log2 of how many matches there are for one pair of relatives in these people.

    Expectation maximisation over the shares of matches, relatives and strangers among all pairs,
    levels held fixed; the default counts as `_BELIEF` matches.
    """
    match, relative = likelihoods(model, blocked)
    prior = np.exp2(model.prior)
    share = prior * 2.0**-model.relative.odds
    relatives = 0.0
    for _ in range(50):
        as_match, as_relative = prior * np.exp2(match), share * np.exp2(relative)
        relatives = float((as_relative / (1.0 + as_match + as_relative)).sum())
        share = prior * max(relatives, 1e-3) / expected
    believed = _BELIEF * 2.0**-model.relative.odds
    odds = log2((expected + _BELIEF) / (relatives + believed))
    return min(max(odds, _RELATIVE_RANGE[0]), _RELATIVE_RANGE[1])


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
    common = {v: n for v, n in counts.most_common(_COMMON) if n > 2}  # noqa: PLR2004
    others = len(counts) - len(common)
    rest = (sum(counts.values()) - sum(common.values())) / max(others, 1) / total
    rest = 0.0 if name == "phone" else max(rest, 1.0 / total)
    return Frequencies({term(name, v): round(n / total, 7) for v, n in common.items()}, rest)
