"""One pair after the other comes to what thousands come to at once."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.few import Few
from matching.levels import FIELDS, bar
from matching.linker import Candidate, decide
from matching.model import Model, default_model
from matching.normalise import Person
from matching.scoring import FEW, scored
from tests.matching.worlds import World, blocked, business, febrl4, learn

_WORDS = ["ann", "anne", "anna maria", "müller", "mueller", "moller", "user12", "user13", "x", "李"]
_ADDRESSES = [
    *("john.smith@acme.com", "john.smith1@acme.com", "john.smith2@acme.com", "jsmith@acme.co"),
    *("john.smith@gmail.com", "info.desk.long.name@acme.com", "jo@a.de", "joe@a.de", "ann@b.de"),
]
_NUMBERS = ["+4930901820", "+4930901821", "30901820", "030901820", "+14155550123", "4155550123"]
_STREETS = [
    "5 am markt",
    "6 am markt",
    "am markt 5",
    "markt am",
    "12 long winding rd",
    "12 long rd",
]
_DATES = ["1980-02-01", "1980-01-02", "1980-02-11", "1981-03-00", "1980-00-00", "2001-12-31"]


def _one_of(values: Sequence[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(["", "", *values])


def _some_of(values: Sequence[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


PEOPLE = st.builds(
    Person,
    given=_one_of(_WORDS),
    middle=_one_of(_WORDS),
    family=_one_of(_WORDS),
    emails=_some_of(_ADDRESSES),
    phones=_some_of(_NUMBERS[:2]),
    weak_phones=_some_of(_NUMBERS[2:]),
    company=_one_of(["acme", "acme 2", "acme 3", "acme widgets", "widgets acme", "bolt"]),
    domains=_some_of(["acme.com", "bolt.io"]),
    title=_one_of(["head of sales", "sales head", "head of sales emea", "buyer"]),
    street=_one_of(_STREETS),
    city=_one_of(["berlin", "berlim", "bern", "münchen"]),
    postcode=_one_of(["10115", "10151", "10116", "80331"]),
    state=_one_of(["be", "by"]),
    birth_date=_one_of(_DATES),
)


@pytest.fixture(scope="module")
def worlds() -> list[tuple[World, dict[str, list[str]], Model]]:
    """A business world and FEBRL 4, with their candidates and the model learned from them."""
    found = []
    for world in (business(500, seed=5), febrl4()):
        blocks = blocked(world.crm, world.incoming)
        found.append((world, blocks, learn(world, blocks)))
    return found


def _equal(left: Sequence[Person], right: Sequence[Person], model: Model) -> None:
    arrays, few = scored(left, right, model), Few(left, right, model.ready)
    for row in range(len(left)):
        named = (left[row], right[row])
        codes = [few.level(row, name) for name in FIELDS]
        assert codes == [arrays.level(row, name) for name in FIELDS], named
        assert few.exact_phone(row) == arrays.exact_phone(row), named
        assert few.reachable(row) == arrays.reachable(row), named
        mine, theirs = few.evidence(row), arrays.evidence(row)
        assert [f["level"] for f in mine["fields"]] == [f["level"] for f in theirs["fields"]]
        for name in ("prior", "changed", "near_people", "identifier"):
            assert mine[name] == pytest.approx(theirs[name], abs=2e-6), named
    assert np.allclose(few.total, arrays.total, rtol=0, atol=1e-9)
    assert np.allclose(few.identified, arrays.identified, rtol=0, atol=1e-9)


def test_every_pair_of_the_worlds_has_the_bits_it_has_by_arrays(
    worlds: list[tuple[World, dict[str, list[str]], Model]],
) -> None:
    """Levels, total and each step of the evidence are the same, under a learned model and the
    default one, for candidates and for people drawn at random."""
    rng = random.Random(3)
    for world, blocks, model in worlds:
        pairs = [(world.incoming[k], world.crm[c]) for k, own in blocks.items() for c in own]
        crm, incoming = list(world.crm.values()), list(world.incoming.values())
        pairs = rng.sample(pairs, min(len(pairs), 1500))
        pairs += [(rng.choice(incoming), rng.choice(crm)) for _ in range(500)]
        for used in (model, default_model()):
            _equal([one for one, _ in pairs], [other for _, other in pairs], used)


@settings(max_examples=150)
@given(people=st.lists(PEOPLE, min_size=2, max_size=5))
def test_whatever_people_there_are(people: list[Person]) -> None:
    """Any people, each with each and with themselves, in both orders."""
    left = [one for one in people for _ in people]
    right = [other for _ in people for other in people]
    _equal(left, right, default_model())
    totals = Few(left, right, default_model().ready).total.reshape(len(people), -1)
    assert np.allclose(totals, totals.T, rtol=0, atol=1e-9)


def test_alone_and_in_a_crowd_people_are_decided_alike(
    worlds: list[tuple[World, dict[str, list[str]], Model]],
) -> None:
    """The decision about a person alone, one pair after the other, is the one made among so many
    that arrays are used."""
    crowd = [Candidate(f"nobody {n}", Person()) for n in range(FEW + 1)]
    for world, blocks, model in worlds:
        for key in sorted(blocks)[:60]:
            asked = {key: world.incoming[key]}
            near = {key: [Candidate(c, world.crm[c]) for c in blocks[key]]}
            [quick] = decide(asked, near, model=model)
            [slow, _] = decide(asked | {"nobody": Person()}, near | {"nobody": crowd}, model=model)
            assert (quick.verdict, quick.targets) == (slow.verdict, slow.targets)
            assert quick.reason == slow.reason
            assert quick.probability == pytest.approx(slow.probability, abs=1e-9)
            assert quick.weight == pytest.approx(slow.weight, abs=1e-9)


@pytest.mark.parametrize("least", [0.8, 0.87, 0.88, 0.9, 70, 75, 86, 96])
def test_a_bar_is_where_arrays_have_it(least: float) -> None:
    """Arrays hold likenesses in 32 bits: what rounds up to the bar has reached it, what rounds to
    the next number below has not."""
    edge = bar(least)
    assert float(np.float32(edge + 1e-9)) >= least
    assert float(np.float32(edge - 1e-9)) < least
