"""The model: readable file, learning without labels, guards against collapse."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from matching.comparisons import COMPARISONS, compare
from matching.model import Model, default_model, train
from matching.normalise import Person
from matching.training import collapsed, expectation_maximisation, features
from tests.matching.worlds import World, blocked, business, learn


@pytest.fixture(scope="module")
def world() -> World:
    """A generated business world."""
    return business(600, seed=11)


@pytest.fixture(scope="module")
def pairs(world: World) -> list[tuple[Person, Person]]:
    """Its blocked pairs."""
    blocks = blocked(world.crm, world.incoming)
    return [(world.crm[c], world.incoming[k]) for k, found in blocks.items() for c in found]


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


@pytest.mark.parametrize("damage", [{}, {"prior": 1}, {"comparisons": {}}])
def test_foreign_files_are_refused(damage: dict[str, object]) -> None:
    """What is not a model of this release is refused in words."""
    data = {**default_model().to_json(), **damage} if damage else {}
    data.pop("frequencies", None)
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
    for name, levels in trained.comparisons.items():
        weights = [round(level.weight, 6) for level in levels]
        assert weights == sorted(weights, reverse=True), name
        assert weights[-1] <= 0, name


def test_learning_counts_the_matches(world: World, trained: Model) -> None:
    """Without a label the number of matches is found to within a tenth."""
    true = sum(len(keys) for keys in world.truth.values())
    assert trained.trained["expected_matches"] == pytest.approx(true, rel=0.1)


def test_expectation_maximisation_is_recordlinkages(pairs: list[tuple[Person, Person]]) -> None:
    """Started where recordlinkage starts, our use of its ECM ends where its own fit ends."""
    import recordlinkage as rl

    compared = compare([a for a, _ in pairs], [b for _, b in pairs])
    matrix, names = features(compared)
    agreeing = matrix[:, [n.endswith("_exact") and "email" not in n for n in names]]
    guard = logging.NullHandler()
    logging.getLogger().addHandler(guard)
    classifier = rl.ECMClassifier(init="jaro", binarize=None, max_iter=300, atol=1e-6)
    index = pd.MultiIndex.from_arrays([np.arange(len(agreeing))] * 2)
    frame = pd.DataFrame(agreeing, index=index)
    classifier.fit(frame)
    theirs = classifier.prob(frame).to_numpy()
    logging.getLogger().removeHandler(guard)
    odds = np.log(0.1 / 0.9) + np.log(9.0) * (2 * agreeing - 1).sum(axis=1)
    ours = expectation_maximisation(agreeing, 1 / (1 + np.exp(-odds)))
    assert np.abs(ours - theirs).max() < 0.02


def _collapses() -> Sequence[tuple[str, np.ndarray]]:
    sure = np.array([1.0, 1.0, 0.0, 0.0])
    return [
        ("nothing is a match", np.zeros(4)),
        ("everything is a match", np.ones(4)),
        ("the classes are swapped", 1 - sure),
        ("not a number", np.full(4, np.nan)),
    ]


@pytest.mark.parametrize("case", _collapses(), ids=lambda case: case[0])
def test_collapse_is_noticed(case: tuple[str, np.ndarray]) -> None:
    """A classification that contradicts the plain cases is not believed."""
    assert collapsed(case[1], np.array([1.0, 0.9999, 0.0, 0.00001]))


def test_a_sane_classification_is_believed() -> None:
    """The guard lets through what agrees with the plain cases."""
    assert not collapsed(np.array([1.0, 0.99, 0.0, 0.3]), np.array([1.0, 0.9999, 0.0, 0.2]))


def test_constant_columns_do_not_collapse() -> None:
    """A field that is the same for everybody, or always missing, leaves a usable model."""
    people = [Person(given=f"g{i}", family=f"family{i}", city="x") for i in range(300)]
    pairs = [(i, j) for i in range(300) for j in (i, (i + 1) % 300)]
    model = train(people, people, pairs)
    total = model.weigh(compare(people[:2], [people[0], people[5]])).total
    assert np.isfinite(total).all()
    assert total[0] > total[1]
    assert set(model.comparisons) == {comparison.name for comparison in COMPARISONS}


def test_learning_leaves_the_root_logger_alone(trained: Model) -> None:
    """Recordlinkage logs through the root logger; training installs nothing there."""
    kinds = {type(handler) for handler in logging.getLogger().handlers}
    assert logging.StreamHandler not in kinds
    assert logging.NullHandler not in kinds
