"""Linkage models in the state: one is in use, at most one waits, and all of them are kept."""

from __future__ import annotations

from state import learned
from state.store import Store


def test_the_newest_used_model_is_in_use(store: Store) -> None:
    """Learning again replaces the model that scores; learning the same leaves it."""
    with store.begin() as tx:
        assert learned.in_use(tx) is None
        assert learned.last_learned(tx) is None
        learned.use(tx, "m1", {"weights": [1]})
        learned.use(tx, "m2", {"weights": [2]})
        learned.note_same(tx, "m2", {})
        assert learned.in_use(tx) == {"weights": [2]}
        assert learned.last_learned(tx) is not None


def test_a_model_waits_until_somebody_decides(store: Store) -> None:
    """What waits changes nothing; the next one takes its place; accepted it is in use, declined it
    is gone; there is nothing to decide twice."""
    with store.begin() as tx:
        learned.use(tx, "m1", {"weights": [1]})
        learned.propose(tx, "m2", {"weights": [2]}, {"outcome": "waiting"})
        learned.propose(tx, "m3", {"weights": [3]}, {"outcome": "waiting"})
        assert learned.in_use(tx) == {"weights": [1]}
        found = learned.waiting(tx)
        assert found is not None
        assert (found.version, found.told) == ("m3", {"outcome": "waiting"})
        assert learned.accept(tx) == found
        assert learned.in_use(tx) == {"weights": [3]}
        assert (learned.waiting(tx), learned.accept(tx), learned.decline(tx)) == (None, None, None)
        learned.propose(tx, "m4", {"weights": [4]}, {})
        assert learned.decline(tx) is not None
        assert (learned.waiting(tx), learned.in_use(tx)) == (None, {"weights": [3]})


def test_what_waits_is_replaced_by_what_is_used(store: Store) -> None:
    """A model that a person puts in use leaves no older question open."""
    with store.begin() as tx:
        learned.propose(tx, "m1", {"weights": [1]}, {})
        learned.use(tx, "m2", {"weights": [2]})
        assert learned.waiting(tx) is None
