"""Whatever the cells hold and however few rows there are, matching ends with probabilities."""

from __future__ import annotations

import random

import numpy as np
import pytest

from matching.tables.evidence import clusters, contributions, pair_evidence
from matching.tables.link import NothingToCompareError, match
from matching.tables.modelfile import as_json, from_json

_HEADERS = (
    "name first_name last_name email phone company website title street zip city state country dob "
    "by bm bd age sex ssn amount note ref Straße PLZ salutation middle maiden_name full_name price"
).split()
_ODD = [
    "N/A", "-", "☃", "\u202e", "a", "0", "😀 x", "O'Neil", "Müller-Lüdenscheid", "null", "1/1/1",
    "9" * 20, "1e999", "nan", "-5", "@", "@@", "a@b", "http://", "+", "١٢٣", "½",
    "ß" * 50, "2020-13-45",
]  # fmt: skip
_PLAIN = [
    "Ada", "Ben Oak", "ada@ash.example", "+49 30 1234567", "Acme Ltd", "acme.example", "12 High St",
    "10115", "Berlin", "1980-02-01", "3.5", "2019", "red hat", "AB-123", "",
]  # fmt: skip


def _cell(rng: random.Random) -> str:
    return rng.choice(_ODD if rng.random() < 0.2 else _PLAIN)


@pytest.mark.parametrize("seed", range(60))
def test_rubbish_is_matched(seed: int) -> None:
    """Every probability is one, every weight a number, every pair has its evidence, the model can
    be written and read; or the caller is told that there is nothing to compare."""
    rng = random.Random(seed)
    size, other = rng.choice([1, 2, 3, 5, 30, 120]), rng.choice([0, 0, 1, 2, 40])
    headers = rng.sample(_HEADERS, rng.randint(1, 9))
    left = {name: [_cell(rng) for _ in range(size)] for name in headers}
    shared = rng.sample(headers, rng.randint(1, len(headers)))
    right = {name: [_cell(rng) for _ in range(other)] for name in shared} if other else None
    try:
        matched = match(left, right)
    except NothingToCompareError:
        return
    chance = matched.decided.probability
    assert ((chance >= 0) & (chance <= 1)).all()
    assert np.isfinite(matched.decided.weight).all()
    assert len(contributions(matched)) == len(matched.frame.features)
    assert all(len(rows) > 1 for _, rows in clusters(matched))
    if matched.frame.total > 1:
        pair_evidence(matched, 0, matched.frame.total - 1)
    assert from_json(as_json(matched.frame, matched.learned)).match == matched.learned.match
