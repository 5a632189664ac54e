"""The mixture: evidence adds up, decisions depend on no order, learning keeps its bounds."""

from __future__ import annotations

import random

import numpy as np
import pytest

from benchmarks.table_worlds import census, households, sparse, tiny
from matching.tables.evidence import contributions, pair_evidence
from matching.tables.kinds import KINDS
from matching.tables.link import Matched, NothingToCompareError, decisions, match
from matching.tables.modelfile import as_json, from_json
from matching.tables.quality import Truth, evaluate

Links = set[frozenset[str]]


@pytest.fixture(scope="module")
def linked() -> Matched:
    """A small census linked to its employers' records."""
    world = census(60)
    return match(world.left, world.right, skip=["id"])


def _links(matched: Matched, ids: list[str]) -> Links:
    decided = matched.decided
    rows = zip(decided.one[decided.link], decided.other[decided.link], strict=True)
    return {frozenset((ids[a], ids[b])) for a, b in rows}


def test_evidence_adds_up(linked: Matched) -> None:
    """For links, non-links and pairs never proposed, prior and steps come to the total, and with
    what rivals take to the posterior."""
    rng = random.Random(1)
    left, total = linked.frame.left, linked.frame.total
    pairs = [(rng.randrange(left), rng.randrange(left, total)) for _ in range(50)]
    pairs += list(zip(linked.decided.one[:20].tolist(), linked.decided.other[:20].tolist(),
                      strict=True))  # fmt: skip
    for one, other in pairs:
        shown = pair_evidence(linked, one, other)
        steps = sum(f["weight"] + f["frequency"] for f in shown["fields"])
        summed = shown["prior"] + steps + shown["changed"] + shown["near_people"]
        assert summed == pytest.approx(shown["total"], abs=1e-4)
        odds = 2.0 ** (summed + shown["rivals"])
        assert odds / (1.0 + odds) == pytest.approx(shown["posterior"], abs=1e-5)


def test_evidence_is_symmetric(linked: Matched) -> None:
    """Which row is named first changes nothing."""
    for at in range(0, len(linked.decided.one), 97):
        one, other = int(linked.decided.one[at]), int(linked.decided.other[at])
        assert pair_evidence(linked, one, other) == pair_evidence(linked, other, one)


def test_at_most_one_left_row_each(linked: Matched) -> None:
    """No right row is linked twice; every link is more likely than not."""
    decided = linked.decided
    rows = decided.other[decided.link]
    assert len(rows) == len(set(rows.tolist())) > 0
    assert (decided.probability[decided.link] >= 0.5).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_row_order_decides_nothing(seed: int) -> None:
    """The same rows in another order are linked alike."""
    world = sparse(150)
    ids = world.left["id"]
    plain = _links(match(world.left, skip=["id"]), ids)
    order = list(range(len(ids)))
    random.Random(seed).shuffle(order)
    mixed = {name: [values[i] for i in order] for name, values in world.left.items()}
    assert _links(match(mixed, skip=["id"]), mixed["id"]) == plain


def test_a_part_of_the_candidates_teaches_enough() -> None:
    """Learned from some of the pairs and compared piece by piece, next to the same people are
    linked; with a model given, next to the same prior is found."""
    world = census(300)
    whole = match(world.left, world.right, skip=["id"])
    assert len(whole.candidates) > 40_000
    some = match(world.left, world.right, skip=["id"], enough=20_000)
    ids = [*world.left["id"], *(f"right {key}" for key in (world.right or {})["id"])]
    plain, sampled = _links(whole, ids), _links(some, ids)
    assert len(plain ^ sampled) <= 0.03 * len(plain)
    assert evaluate(some, Truth(world.labels))["f1"] >= 0.96
    assert len(some.decided.one) < len(whole.decided.one)
    given = match(world.left, world.right, skip=["id"], model=whole.learned, enough=20_000)
    assert abs(np.log2(given.learned.match / whole.learned.match)) < 0.5


def test_the_same_input_gives_the_same_answer() -> None:
    """Two calls agree in every probability."""
    world = households(30)
    first, second = (match(world.left, world.right, skip=["id"]) for _ in range(2))
    assert (first.decided.probability == second.decided.probability).all()


def test_weights_never_rise_with_weaker_levels(linked: Matched) -> None:
    """From the strongest level to the weakest a weight only falls, whatever was learned."""
    for name, m in linked.learned.m.items():
        weights = np.log2(m / linked.learned.u[name])
        assert (np.diff(weights) <= 1e-9).all(), name


def test_a_constant_column_weighs_nothing() -> None:
    """A column that is the same everywhere neither links nor parts."""
    world = tiny()
    with_constant = {**world.left, "country_of_issue": ["here"] * len(world.labels)}
    found = {one["field"]: one for one in contributions(match(with_constant, skip=["id"]))}
    assert abs(found["country_of_issue"]["bits"]) < 0.5
    plain = _links(match(world.left, skip=["id"]), world.left["id"])
    assert _links(match(with_constant, skip=["id"]), world.left["id"]) == plain


@pytest.mark.parametrize("size", [100, 30_000])
def test_one_column_that_tells_links_however_many_rows_there_are(size: int) -> None:
    """Pairs with one address, everything else being the same everywhere: too rare among random
    pairs to be seen there, and yet all are found."""
    table = {"first_name": ["Ada"] * size, "city": ["Ulm"] * size,
             "email": [f"p{at // 2}@ash.example" for at in range(size)]}  # fmt: skip
    decided = match(table).decided
    ours, theirs = (rows[decided.link].tolist() for rows in (decided.one, decided.other))
    links = set(zip(ours, theirs, strict=True))
    assert links == {(at, at + 1) for at in range(0, size, 2)}


def test_many_equal_rows_end_soon() -> None:
    """Three thousand copies of one row are compared along a chain, not each with each."""
    names = [f"Ada{at % 700} Ash{at % 900}" for at in range(1500)]
    table = {"name": ["Cleo Copied"] * 3000 + names, "city": ["Leeds"] * 3000 + ["York"] * 1500}
    matched = match(table)
    copies = (matched.candidates.one < 3000) & (matched.candidates.other < 3000)
    assert copies.sum() == 2999


def test_a_field_without_values_is_left_out() -> None:
    """An empty column on either side is no field; with nothing else left the caller is told."""
    world = tiny()
    empty = {**world.left, "shoe_size": [""] * len(world.labels)}
    assert "shoe_size" not in {f.name for f in match(empty, skip=["id"]).frame.features}
    with pytest.raises(NothingToCompareError):
        match({"id": ["1", "2"], "name": ["", ""]}, skip=["id"])


def test_a_model_survives_its_file(linked: Matched) -> None:
    """Written and read back, a model weighs the same pairs the same."""
    body = as_json(linked.frame, linked.learned)
    again = from_json(body)
    assert as_json(linked.frame, again) == body
    for damaged in ({}, {"format": 1}, {**body, "format": 99}, {**body, "near": 3}):
        with pytest.raises(ValueError, match="not a model"):
            from_json(damaged)


def test_scores_count_what_is_there(linked: Matched) -> None:
    """With the answer itself as the truth everything is right; with another, nothing."""
    decided = linked.decided
    own = zip(decided.one[decided.link].tolist(), decided.other[decided.link].tolist(), strict=True)
    figures = evaluate(linked, Truth(pairs=frozenset(own)))
    assert (figures["precision"], figures["recall"], figures["f1"]) == (1.0, 1.0, 1.0)
    nobody = Truth(labels=[str(i) for i in range(linked.frame.total)])
    assert evaluate(linked, nobody)["right"] == 0


def test_what_is_kept_apart_is_asked_about() -> None:
    """A pair between .05 and a link is a review, below that nothing."""
    decided = match(households(40).left, skip=["id"]).decided
    said = decisions(decided)
    assert set(said[decided.link]) <= {"link"}
    assert (decided.probability[said == "review"] >= 0.05).all()
    assert (decided.probability[(said == "") & ~decided.link] < 0.05).all()


@pytest.mark.parametrize("name", sorted(KINDS))
def test_default_shares_are_shares(name: str) -> None:
    """Each kind names a share for each level, and they come to one."""
    kind = KINDS[name]
    assert len(kind.levels) == len(kind.m) == len(set(kind.levels))
    assert sum(kind.m) == pytest.approx(1.0, abs=0.02)
