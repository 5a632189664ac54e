"""The model: readable file, learning without labels, guards against collapse."""

from __future__ import annotations

import json

import numpy as np
import pytest

from matching.model import Model, default_model, train
from matching.normalise import Person
from matching.people import READERS
from matching.scoring import score
from tests.matching.worlds import World, blocked, business, learn


@pytest.fixture(scope="module")
def world() -> World:
    """A generated business world."""
    return business(600, seed=11)


@pytest.fixture(scope="module")
def trained(world: World) -> Model:
    """A model learned from it."""
    return learn(world, blocked(world.crm, world.incoming))


def test_model_survives_its_file(trained: Model) -> None:
    """A model read back from its JSON is the same model, and says so by its version."""
    again = Model.from_json(json.loads(json.dumps(trained.to_json())))
    assert again.version == trained.version
    assert again.to_json() == trained.to_json()
    assert trained.version != default_model().version


@pytest.mark.parametrize(
    "damage", [{}, {"format": 0}, {"fields": {}}, {"frequencies": {"given": 1}}]
)
def test_foreign_files_are_refused(damage: dict[str, object]) -> None:
    """What is not a model of this release is refused in words."""
    data = {**default_model().to_json(), **damage} if damage else {}
    with pytest.raises(ValueError, match="not a model"):
        Model.from_json(data)


@pytest.mark.parametrize("size", [0, 1, 10])
def test_too_little_to_learn_from_gives_the_default(size: int) -> None:
    """With nobody, one or ten people the default model stands."""
    people = [Person(given=f"a{i}", family=f"b{i}") for i in range(size)]
    found = train(people, people, [(i, i) for i in range(size)])
    assert found.version == default_model().version


def test_learning_is_repeatable(world: World, trained: Model) -> None:
    """The same people and seed give the same model."""
    assert learn(world, blocked(world.crm, world.incoming)).version == trained.version


def test_weights_keep_the_order_of_their_levels(trained: Model) -> None:
    """A stronger level never weighs less than a weaker one; disagreement is never for a match."""
    for name in trained.learned.m:
        weights = np.log2(trained.learned.m[name] / trained.learned.u[name]).round(6).tolist()
        assert weights == sorted(weights, reverse=True), name
        assert weights[-1] <= 0, name


def test_learning_counts_the_matches(world: World, trained: Model) -> None:
    """Without a label the number of matches is found to within a tenth."""
    true = sum(len(keys) for keys in world.truth.values())
    assert trained.trained["expected_matches"] == pytest.approx(true, rel=0.1)


def test_constant_columns_do_not_collapse() -> None:
    """A field that is the same for everybody, or always missing, leaves a usable model."""
    people = [Person(given=f"g{i}", family=f"family{i}", city="x") for i in range(300)]
    pairs = [(i, j) for i in range(300) for j in (i, (i + 1) % 300)]
    model = train(people, people, pairs)
    total = score(people[:2], [people[0], people[5]], model).total
    assert np.isfinite(total).all()
    assert total[0] > total[1]
    assert set(model.learned.m) == set(READERS)
