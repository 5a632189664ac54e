"""The blocking index: who shares a key, without the keys that say nothing."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from mappings.records import Side
from state import candidates
from state.candidates import CAP, Indexed
from state.store import Store


def indexed(name: str, *keys: str) -> Indexed:
    """A made-up indexed record."""
    return Indexed(name, Side.CRM, "person", {"given_name": name, "emails": [name]}, keys)


def test_a_key_carried_by_too_many_is_left_out(store: Store) -> None:
    """As many as CAP records still count; one more, and the key leads to nobody."""
    with store.begin() as tx:
        candidates.index(tx, [indexed(f"a{n}", "full") for n in range(CAP)])
        candidates.index(tx, [indexed(f"b{n}", "over") for n in range(CAP + 1)])
        candidates.index(tx, [indexed("c", "rare", "over")])
        found = candidates.candidates(
            tx, {"x": ["full"], "y": ["over"], "z": ["over", "rare"], "w": ["none"], "v": []}
        )
    assert len(found["x"]) == CAP
    assert (found["y"], found["z"], found["w"], found["v"]) == ([], ["c"], [], [])


def test_indexing_again_replaces(store: Store) -> None:
    """A record's old keys lead to it no more; dropped records are gone altogether."""
    with store.begin() as tx:
        candidates.index(tx, [indexed("a", "k1", "k1"), indexed("b", "k1")])
        candidates.index(tx, [indexed("a", "k2")])
        assert candidates.candidates(tx, {"x": ["k1", "k2"]}) == {"x": ["a", "b"]}
        assert candidates.candidates(tx, {"a": ["k1"], "b": ["k1"]}) == {"a": ["b"], "b": []}
        candidates.drop(tx, ["b"])
        assert candidates.candidates(tx, {"x": ["k1", "k2"]}) == {"x": ["a"]}
        assert candidates.people(tx, ["a", "b"]).keys() == {"a"}
        assert candidates.population_size(tx, "person") == 1
        (left,) = candidates.population(tx, Side.CRM, "person", limit=5)
        assert left.person == {"given_name": "a", "emails": ["a"]}
        assert list(candidates.population(tx, Side.MAP, "person", limit=5)) == []


KEYS = st.frozensets(st.sampled_from("abcdef'\"\\é"), max_size=4)


@given(held=st.lists(KEYS, max_size=8), asked=st.lists(KEYS, max_size=5))
def test_candidates_are_exactly_those_that_share_a_key(
    fresh_pair: Callable[[], Store], held: list[frozenset[str]], asked: list[frozenset[str]]
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
