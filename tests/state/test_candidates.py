"""The blocking index: who shares a key, without the keys that say nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event as hook

from mappings.records import Side
from state import candidates
from state.candidates import CAP, Indexed
from state.store import Store

FULL, OVER, RARE, NONE = 2**47 - 1, -(2**47), 0, 1
"""Keys from the first to the last that there are."""


def indexed(name: str, *keys: int) -> Indexed:
    """A made-up indexed record."""
    return Indexed(name, Side.CRM, "person", [name, 0, [name]], keys)


def test_a_key_carried_by_too_many_is_left_out(store: Store) -> None:
    """As many as CAP records still count; one more, and the key leads to nobody."""
    with store.begin() as tx:
        candidates.index(tx, [indexed(f"a{n}", FULL) for n in range(CAP)])
        candidates.index(tx, [indexed(f"b{n}", OVER) for n in range(CAP + 1)])
        candidates.index(tx, [indexed("c", RARE, OVER)])
        found = candidates.candidates(
            tx, {"x": [FULL], "y": [OVER], "z": [OVER, RARE], "w": [NONE], "v": []}
        )
    assert len(found["x"]) == CAP
    assert (found["y"], found["z"], found["w"], found["v"]) == ([], ["c"], [], [])


def test_indexing_again_replaces(store: Store) -> None:
    """A record's old keys lead to it no more; dropped records are gone altogether."""
    with store.begin() as tx:
        candidates.index(tx, [indexed("a", 1, 1), indexed("b", 1)])
        candidates.index(tx, [indexed("a", 2)])
        assert candidates.candidates(tx, {"x": [1, 2]}) == {"x": ["a", "b"]}
        assert candidates.candidates(tx, {"a": [1], "b": [1]}) == {"a": ["b"], "b": []}
        candidates.drop(tx, ["b"])
        assert candidates.candidates(tx, {"x": [1, 2]}) == {"x": ["a"]}
        assert candidates.people(tx, ["a", "b"]).keys() == {"a"}
        assert candidates.population_size(tx, "person") == 1
        (left,) = candidates.population(tx, Side.CRM, "person", limit=5)
        assert left.person == ["a", 0, ["a"]]
        assert list(candidates.population(tx, Side.MAP, "person", limit=5)) == []


KEYS = st.frozensets(st.sampled_from([0, 1, -1, FULL, OVER, 7, 8, 9]), max_size=4)


@given(held=st.lists(KEYS, max_size=8), asked=st.lists(KEYS, max_size=5))
def test_candidates_are_exactly_those_that_share_a_key(
    fresh_pair: Callable[[], Store], held: list[frozenset[int]], asked: list[frozenset[int]]
) -> None:
    """For any keys, the index gives what comparing every record would."""
    with fresh_pair().begin() as tx:
        candidates.index(tx, [indexed(f"r{n}", *keys) for n, keys in enumerate(held)])
        found = candidates.candidates(tx, {f"r{n}": keys for n, keys in enumerate(asked)})
    assert found == {
        f"r{n}": [f"r{m}" for m, own in enumerate(held) if own & keys and m != n]
        for n, keys in enumerate(asked)
    }


def test_the_order_of_coming_decides_nothing(store: Store) -> None:
    """A population is read in the order of its keys, cut to its limit, however it was indexed."""
    with store.begin() as tx:
        for name in ("c", "a", "d", "b"):
            candidates.index(tx, [indexed(name)])
        found = [one.record_key for one in candidates.population(tx, Side.CRM, "person", limit=3)]
    assert found == ["a", "b", "c"]


def test_the_smallest_blocks_go_first(store: Store) -> None:
    """Where few rows are enough, the larger blocks are left out, whoever came first; the smallest
    is followed however large it is, and without a limit all are."""
    with store.begin() as tx:
        candidates.index(tx, [indexed(f"c{n}", 3) for n in range(60)])
        candidates.index(tx, [indexed(f"b{n}", 2) for n in range(50)])
        candidates.index(tx, [indexed(f"a{n}", 1) for n in range(40)])
        found = candidates.near(tx, {"x": [1, 2, 3, 4], "y": [3]}, enough=100)
        assert len(found.found["x"]) == 90
        assert {name[0] for name in found.found["x"]} == {"a", "b"}
        assert len(candidates.near(tx, {"y": [3]}, enough=5).found["y"]) == 60
        assert len(candidates.near(tx, {"x": [1, 2, 3]}).found["x"]) == 150
        assert found.records.keys() == {*found.found["x"], *found.found["y"]}
        assert found.records["a7"] == indexed("a7")


def test_what_is_there_already_is_not_written_again(store: Store) -> None:
    """Indexing a record as it is writes no row; a changed one keeps the keys it still has."""
    with store.begin() as tx:
        candidates.index(tx, [indexed("a", 1, 2), indexed("b", 2)])
    written: list[str] = []

    def note(_c: Any, _cursor: Any, sql: str, _given: Any, _context: Any, _many: bool) -> None:
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            written.append(sql)

    hook.listen(store.engine, "before_cursor_execute", note)
    with store.begin() as tx:
        candidates.index(tx, [indexed("a", 2, 1), indexed("b", 2)])
    hook.remove(store.engine, "before_cursor_execute", note)
    assert written == []
    with store.begin() as tx:
        candidates.index(tx, [indexed("a", 2, 3)])
        assert candidates.candidates(tx, {"x": [1], "y": [2], "z": [3]}) == {
            "x": [],
            "y": ["a", "b"],
            "z": ["a"],
        }


def test_another_pair_shares_no_block(store: Store) -> None:
    """The same key of another pair leads to its records alone, and fills no block of ours."""
    other = store.for_pair("other")
    with other.begin() as tx:
        candidates.index(tx, [indexed(f"o{n}", 1) for n in range(CAP)])
    with store.begin() as tx:
        candidates.index(tx, [indexed("a", 1)])
        assert candidates.candidates(tx, {"x": [1]}) == {"x": ["a"]}
        candidates.drop(tx, ["o1", "a"])
    with other.begin() as tx:
        assert len(candidates.candidates(tx, {"x": [1]})["x"]) == CAP
