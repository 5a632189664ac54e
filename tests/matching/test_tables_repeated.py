"""Columns that say again what others say are not compared; what has more to say is."""

from __future__ import annotations

import random

from benchmarks.table_shapes import nameless
from benchmarks.table_strangers import biographies
from benchmarks.table_worlds import historical, products
from matching.tables.layout import lay_out
from matching.tables.link import match
from matching.tables.quality import Truth, evaluate
from matching.tables.repeated import said_again

_GIVEN = "Ada Ben Cleo Dan Eve Finn Gus Hal Ivy Jon Kay Lea".split()
_FAMILY = "Ash Birch Cedar Elm Fir Hazel Larch Maple Oak Pine Rowan Yew".split()


def _people(size: int = 60) -> dict[str, list[str]]:
    rng = random.Random(5)
    given = [rng.choice(_GIVEN) for _ in range(size)]
    family = [rng.choice(_FAMILY) for _ in range(size)]
    return {"a": given, "b": family}


def test_a_whole_beside_its_parts_says_them_again() -> None:
    """A cell with both names in any order, a title or an initial beside, is the two again."""
    table = _people()
    both = zip(table["a"], table["b"], strict=True)
    table["c"] = [f"Dr {b}, {a} K." if at % 2 else f"{a} {b}" for at, (a, b) in enumerate(both)]
    assert said_again(table, ["c"]) == {"c"}


def test_a_copy_says_it_again() -> None:
    """Of two columns with the same words the later one goes."""
    table = _people()
    table["c"] = [cell.upper() for cell in table["a"]]
    assert said_again(table, ["a", "c"]) == {"c"}


def test_what_has_more_to_say_is_kept() -> None:
    """A title with maker and kind and the number of a model, which stands nowhere else."""
    table = _people()
    both = zip(table["a"], table["b"], strict=True)
    table["c"] = [f"{a} {b} X{at:03d}Z" for at, (a, b) in enumerate(both)]
    assert said_again(table, ["c"]) == frozenset()


def test_one_part_is_not_the_whole() -> None:
    """A town within an address leaves both, and so does chance among a few words."""
    table = _people()
    table["c"] = [f"{at} Main Street {town}" for at, town in enumerate(table["b"])]
    assert said_again(table, ["c", "b"]) == frozenset()
    assert said_again({"a": table["a"], "d": table["b"]}, ["a", "d"]) == frozenset()


def test_too_few_rows_say_nothing() -> None:
    """Where hardly a row has both, nothing is concluded; nor from no rows at all."""
    table = {name: cells[:5] for name, cells in _people().items()}
    table["c"] = [f"{a} {b}" for a, b in zip(table["a"], table["b"], strict=True)]
    assert said_again(table, ["c"]) == frozenset()
    assert said_again({"a": [], "b": []}, ["a", "b"]) == frozenset()


def test_a_name_repeated_under_another_header_is_not_compared() -> None:
    """An entry that has both names is left out, and stays where it was asked for; the title of a
    product stays."""
    world = biographies(150)
    assert "entry" not in [one.name for one in lay_out(world.left, None, skip=frozenset({"id"}))]
    told = lay_out(world.left, None, skip=frozenset({"id"}), kinds={"entry": "text"})
    assert "entry" in [one.name for one in told]
    goods = products(200)
    assert "label" in [one.name for one in lay_out(goods.left, goods.right)]


def test_repetition_and_duplicates_collapse_nothing() -> None:
    """Biographies that repeat names, and registers with a dozen rows a person without any header,
    are matched as well as others: neither those who share a name nor those who share a town count
    as one."""
    for world in (biographies(200), nameless(biographies(200)), nameless(historical(200))):
        figures = evaluate(match(world.left, world.right, skip=["id"]), Truth(world.labels))
        assert figures["f1"] >= 0.93, (world.name, figures)
        assert figures["precision"] >= 0.9, (world.name, figures)
