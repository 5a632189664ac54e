"""One setting for tables as unlike one another as tables are in life: none of them collapses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.table_pen import TableWorld
from benchmarks.table_worlds import (
    business,
    census,
    codes,
    german_customers,
    german_register,
    historical,
    households,
    products,
    sparse,
    tiny,
)
from matching.tables.link import match
from matching.tables.quality import Truth, evaluate

Case = tuple[Callable[[], TableWorld], float, float]
CASES: dict[str, Case] = {
    "census against employers": (lambda: census(300), 0.97, 0.99),
    "a register of a century ago": (lambda: historical(300), 0.97, 0.98),
    "a German register": (german_register, 0.97, 0.97),
    "German customers": (lambda: german_customers(600), 0.96, 0.99),
    "thirty rows": (tiny, 0.9, 0.9),
    "nothing but codes": (lambda: codes(500), 0.97, 0.98),
    "products": (lambda: products(400), 0.92, 0.98),
    "half empty rows": (lambda: sparse(600), 0.88, 0.96),
    "households": (lambda: households(200), 0.93, 0.99),
    "business people": (lambda: business(800), 0.98, 0.985),
}


@pytest.mark.parametrize("name", CASES)
def test_no_table_collapses(name: str) -> None:
    """Without labels or options, F1 and precision stay above the line of each kind of table, and
    links are as often right as they are said to be."""
    make, f1, precision = CASES[name]
    world = make()
    matched, truth = match(world.left, world.right, skip=["id"]), Truth(world.labels)
    figures = evaluate(matched, truth)
    assert figures["f1"] >= f1, figures
    assert figures["precision"] >= precision, figures
    said = float(matched.decided.probability[matched.decided.link].mean())
    assert abs(said - figures["precision"]) <= 0.05, figures
