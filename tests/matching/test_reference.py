"""recordlinkage as the reference: what it computes, we compute; what its classifier links, so do
we, on data that suits it.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from matching.tables.link import Matched, match
from matching.tables.values import listed, pairwise
from tests.matching.worlds import febrl

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pandas as pd
    import recordlinkage

Rows = list[dict[str, str]]
SIZE = 1_200
TEXTS = ("given_name", "surname", "suburb", "address_1")
EQUAL = ("date_of_birth", "postcode", "soc_sec_id")


@pytest.fixture(scope="module")
def sides() -> tuple[Rows, Rows]:
    """The first records of FEBRL 4, of both sides the same people."""
    ours = sorted(febrl("4a"), key=lambda row: int(row["rec_id"].split("-")[1]))[:SIZE]
    theirs = sorted(febrl("4b"), key=lambda row: int(row["rec_id"].split("-")[1]))[:SIZE]
    return ours, theirs


@pytest.fixture(scope="module")
def matched(sides: tuple[Rows, Rows]) -> Matched:
    """Both sides linked by us."""
    left, right = ({name: [row[name] for row in rows] for name in rows[0]} for rows in sides)
    return match(left, right, skip=["rec_id"])


def _frames(sides: tuple[Rows, Rows]) -> tuple[pd.DataFrame, pd.DataFrame]:
    ours, theirs = (pd.DataFrame(rows).replace("", None) for rows in sides)
    theirs.index = theirs.index + len(ours)
    return ours, theirs


def _compared(sides: tuple[Rows, Rows], pairs: Any) -> pd.DataFrame:
    compare = recordlinkage.Compare()
    for name in TEXTS:
        compare.string(name, name, method="jarowinkler", threshold=0.85, label=name)
    for name in EQUAL:
        compare.exact(name, name, label=name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: pd.DataFrame = compare.compute(pairs, *_frames(sides))
    return found


def test_likeness_is_theirs(sides: tuple[Rows, Rows]) -> None:
    """Jaro-Winkler and edits of pairs of names come to recordlinkage's figures."""
    from rapidfuzz.distance import JaroWinkler, Levenshtein

    one, other = ([row["surname"] or "x" for row in side][:400] for side in sides)
    rng = np.random.default_rng(3)
    one, other = [*one, *one], [*other, *rng.permutation(other).tolist()]
    texts, size = listed([*one, *other]), len(one)
    a, b = np.arange(size), np.arange(size, 2 * size)
    pairs = pd.MultiIndex.from_arrays([a, a])
    frames = (pd.DataFrame({"name": one}), pd.DataFrame({"name": other}))
    methods: dict[str, Any] = {
        "jarowinkler": JaroWinkler.similarity,
        "levenshtein": Levenshtein.normalized_similarity,
    }
    for method, scorer in methods.items():
        compare = recordlinkage.Compare()
        compare.string("name", "name", method=method, label="name")
        theirs = compare.compute(pairs, *frames)["name"].to_numpy()
        assert np.allclose(pairwise(scorer, texts, a, b), theirs, atol=1e-5), method


def test_chance_agreement_is_counted_as_they_count_it(
    sides: tuple[Rows, Rows], matched: Matched
) -> None:
    """Of strangers as many share a name as recordlinkage finds among all pairs of them."""
    index = recordlinkage.Index()
    index.full()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        every = index.index(*_frames(sides))
    ours, theirs = (every.get_level_values(at).to_numpy() for at in (0, 1))
    strangers = every[theirs - ours != SIZE]
    exact = recordlinkage.Compare()
    for name in ("given_name", "surname"):
        exact.exact(name, name, label=name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = exact.compute(strangers, *_frames(sides)).mean()
    for field, column in {"given": "given_name", "family": "surname"}.items():
        u = float(matched.learned.u[field][0])
        assert u == pytest.approx(float(found[column]), rel=0.15), field


def test_their_classifier_links_the_same_people(sides: tuple[Rows, Rows], matched: Matched) -> None:
    """On the pairs we compared, ECM on their comparisons and our mixture agree on all links but
    one in a hundred."""
    decided = matched.decided
    pairs = pd.MultiIndex.from_arrays([decided.one, decided.other])
    features = _compared(sides, pairs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        links = recordlinkage.ECMClassifier(init="jaro").fit_predict(features)
    theirs = {(int(a), int(b)) for a, b in links}
    ours = set(zip(decided.one[decided.link].tolist(), decided.other[decided.link].tolist(),
                   strict=True))  # fmt: skip
    assert len(ours) > 0.95 * SIZE
    assert len(ours ^ theirs) <= 0.01 * len(ours)
