"""Whoever weighs a pair, it weighs the same: here, by Splink on DuckDB, by Splink on Spark."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.table_pen import TableWorld
from benchmarks.table_shapes import nameless, registrations, small
from benchmarks.table_strangers import companies, hospitals
from benchmarks.table_worlds import business, codes, households, products, tiny
from matching.tables.engines import DuckDB, Engine, Spark
from matching.tables.frame import compare_all
from matching.tables.link import Matched, decisions, match
from matching.tables.splinking import Levels

WORLDS: dict[str, Callable[[], TableWorld]] = {
    "thirty rows": tiny,
    "business people": lambda: business(120),
    "households": lambda: households(40),
    "two registers": lambda: registrations(90),
    "codes": lambda: codes(150),
    "products": lambda: products(120),
    "companies": lambda: companies(120),
    "patients": lambda: hospitals(120),
    "no headers": lambda: nameless(small(100)),
}
_SAME = 1e-9
"""Bits two sums of the same numbers in another order may be apart."""


def _both(world: TableWorld, engine: Engine) -> tuple[Matched, Matched]:
    """The world matched here and by an engine."""
    here = match(world.left, world.right, skip=["id"])
    return here, match(world.left, world.right, skip=["id"], engine=engine)


def _agree(here: Matched, there: Matched) -> None:
    """The same pairs with the same weights, probabilities and decisions."""
    ours, theirs = here.decided, there.decided
    assert ours.one.tolist() == theirs.one.tolist()
    assert ours.other.tolist() == theirs.other.tolist()
    assert float(np.abs(ours.weight - theirs.weight).max(initial=0.0)) < _SAME
    assert float(np.abs(ours.probability - theirs.probability).max(initial=0.0)) < _SAME
    assert decisions(ours).tolist() == decisions(theirs).tolist()
    assert ours.cluster.tolist() == theirs.cluster.tolist()


@pytest.mark.parametrize("name", WORLDS)
def test_duckdb_decides_the_same(name: str) -> None:
    """Every pair of every world has the same weight, probability and decision by Splink on DuckDB,
    frequencies, near people and changes included."""
    _agree(*_both(WORLDS[name](), DuckDB()))


def test_duckdb_lets_go_of_the_hopeless_too() -> None:
    """Where the model is learned from a share of the candidates the same pairs are kept, with the
    same figures."""
    world = households(60)
    here, there = (
        match(world.left, world.right, skip=["id"], enough=2_000, engine=engine)
        for engine in (None, DuckDB())
    )
    assert len(here.decided.one) < len(here.candidates)
    _agree(here, there)


def test_no_candidates_are_no_trouble() -> None:
    """Two tables of which no row has a counterpart to be compared with."""
    left = {"name": [""], "email": ["ada@ash.example"]}
    right = {"name": ["Ben Birch"], "email": [""]}
    _agree(match(left, right), match(left, right, engine=DuckDB()))


@pytest.mark.parametrize("name", WORLDS)
def test_a_field_alone_reaches_the_same_level(name: str) -> None:
    """What is compared along with a field is all its level depends on, in another process, too."""
    world = WORLDS[name]()
    frame = match(world.left, world.right, skip=["id"]).frame
    rng = np.random.default_rng(3)
    one, other = np.sort(rng.integers(frame.total, size=(2, 3_000)), axis=0)
    levels: Levels = pickle.loads(pickle.dumps(Levels(frame)))  # noqa: S301 - our own
    whole = compare_all(frame, one, other)
    for at, feature in enumerate(frame.features):
        assert levels.reached(at, one, other).tolist() == whole[feature.name].tolist()


# --- Spark --------------------------------------------------------------------------------------


LOCAL = {
    "spark.master": "local[2]", "spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2",
    "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1",
}  # fmt: skip


# Spark's own gateway leaves sockets to the collector (py4j); pytest blames the test for them.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["business people", "no headers"])
def test_spark_decides_the_same(name: str) -> None:
    """Every pair has the same weight, probability and decision by Splink on Spark with two local
    workers."""
    pytest.importorskip("pyspark", reason="pyspark is not here: make test-spark has it")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark needs Java, which is not here")
    _agree(*_both(WORLDS[name](), Spark(LOCAL)))
