"""What handoffs ask for, on both databases: asked once, over once, handed on with the person."""

from __future__ import annotations

from dataclasses import replace

from state import effects, loop, requeue
from state.effects import DONE, DROPPED, OPEN, Effect
from state.loop import Handoff, Observation, Standing
from state.store import Store
from tests.state.support import at

TASK = Effect("k1:task:1", "ada", "k1", "task", "u1", "Call", at(0))
NOTICE = replace(TASK, key="k1:notify:1", kind="notify", user=None, at=at(1))


def test_an_effect_is_asked_for_once(store: Store) -> None:
    """Asked again it stays as it is, done or not."""
    with store.begin() as tx:
        effects.ask(tx, "r1", [TASK, NOTICE])
        effects.close(tx, [TASK.key], DONE)
        effects.ask(tx, "r2", [replace(TASK, text="Call again"), NOTICE])
        found = effects.of_people(tx, ["ada", "nobody"])
    assert [(e.key, e.status, e.text) for e in found["ada"]] == [
        (TASK.key, DONE, "Call"), (NOTICE.key, OPEN, "Call"),
    ]  # fmt: skip
    assert found["ada"][0].done_at is not None
    assert set(found) == {"ada"}


def test_what_is_over_stays_over(store: Store) -> None:
    """A task that was done is not dropped afterwards; what waits is counted by its kind."""
    with store.begin() as tx:
        effects.ask(tx, "r1", [TASK, NOTICE])
        effects.close(tx, [TASK.key], DONE)
        effects.close(tx, [TASK.key, NOTICE.key], DROPPED)
        assert {e.key: e.status for e in effects.of_people(tx, ["ada"])["ada"]} == {
            TASK.key: DONE, NOTICE.key: DROPPED,
        }  # fmt: skip
        assert effects.of_people(tx, ["ada"], status=OPEN) == {}
        effects.ask(tx, "r1", [replace(NOTICE, key=f"n{n}", at=at(n)) for n in range(3)])
        assert (effects.count(tx, "notify"), effects.count(tx, "task")) == (3, 0)
        assert [e.key for e in effects.waiting(tx, "notify", limit=2)] == ["n0", "n1"]


def test_one_person_takes_over_what_is_known_of_another(store: Store) -> None:
    """Two golden records turn out to be one: handoffs, what they ask for and observed changes are
    the winner's; standing and ledger of the other are gone, its moves withdrawn."""
    handoff = Handoff("k1", "ada", "main", "mql", "open", "dach", "u1", at(0), None, {})
    with store.begin() as tx:
        effects.ask(tx, "r1", [TASK])
        loop.put_handoffs(tx, "r1", [handoff])
        loop.put_standings(tx, [Standing("ada", "main", "mql", at(0), {})])
        loop.observe(tx, "r1", [Observation("ada", "crm.Status", at(3), "New", "Working")])
        loop.add_moves(
            tx, "r1", [loop.Move("ada", at(0), "main", None, "mql", "forward", "", False, {})]
        )
        requeue.hand_over(tx, "r2", "ada", "bob")
        assert [h.key for h in loop.handoffs(tx, ["bob"])["bob"]] == ["k1"]
        assert [e.key for e in effects.of_people(tx, ["bob"])["bob"]] == [TASK.key]
        assert [o.after for o in loop.observations(tx, ["bob"])["bob"]] == ["Working"]
        assert loop.standings(tx, ["ada", "bob"]) == {}
        assert loop.moves(tx, ["ada", "bob"]) == {}
