"""The closed loop's rows, on both databases: written once, rewritten whole, never doubled."""

from __future__ import annotations

from dataclasses import replace

from state import loop
from state.loop import Duty, Handoff, Move, Observation, Standing
from state.store import Store
from tests.state.support import at

MOVE = Move("ada", at(0), "main", None, "lead", "forward", "", baseline=False, body={"met": []})
HANDOFF = Handoff("k1", "ada", "main", "mql", "open", "dach", "u1", at(0), None, {"told": []})


def test_a_standing_is_kept_whole_and_replaced(store: Store) -> None:
    """One row a person, as it was written last; who was never evaluated is left out."""
    ada = Standing("ada", "main", "lead", at(0), {"digest": "x"})
    with store.begin() as tx:
        loop.put_standings(tx, [ada, replace(ada, entity_id="bob")])
        loop.put_standings(tx, [replace(ada, stage="mql", since=at(5))])
        found = loop.standings(tx, ["ada", "bob", "nobody"])
        assert found["ada"] == replace(ada, stage="mql", since=at(5))
        assert set(found) == {"ada", "bob"}
        assert loop.count_stages(tx) == {("main", "mql"): 1, ("main", "lead"): 1}


def test_a_move_is_written_once(store: Store) -> None:
    """A run that is killed and repeats itself leaves one row, of the run that was first."""
    with store.begin() as tx:
        loop.add_moves(tx, "r1", [MOVE])
    with store.begin() as tx:
        loop.add_moves(tx, "r2", [MOVE, replace(MOVE, at=at(9), before="lead", after="mql")])
        assert [m.after for m in loop.moves(tx, ["ada"])["ada"]] == ["lead", "mql"]


def test_a_rewritten_past_keeps_what_it_withdrew(store: Store) -> None:
    """Late evidence: what did not happen after all no longer counts, and counts again when it
    turns out to have happened; nothing is deleted."""
    earlier = replace(MOVE, at=at(-3))
    with store.begin() as tx:
        loop.add_moves(tx, "r1", [MOVE])
        loop.rewrite_moves(tx, "r2", "ada", [earlier])
        assert loop.moves(tx, ["ada"]) == {"ada": [earlier]}
        loop.rewrite_moves(tx, "r3", "ada", [MOVE])
        assert loop.moves(tx, ["ada"]) == {"ada": [MOVE]}
        loop.rewrite_moves(tx, "r4", "ada", [])
        assert loop.moves(tx, ["ada"]) == {}


def test_a_rewritten_past_tells_a_move_as_it_was(store: Store) -> None:
    """The same move from another stage, for another reason, with other evidence, is corrected,
    whether it counted or had been withdrawn."""
    otherwise = replace(MOVE, before="nurture", reason="recontact", body={"persona": "leader"})
    with store.begin() as tx:
        loop.add_moves(tx, "r1", [MOVE])
        loop.rewrite_moves(tx, "r2", "ada", [otherwise])
        assert loop.moves(tx, ["ada"]) == {"ada": [otherwise]}
        loop.rewrite_moves(tx, "r3", "ada", [])
        loop.rewrite_moves(tx, "r4", "ada", [MOVE])
        assert loop.moves(tx, ["ada"]) == {"ada": [MOVE]}


def test_a_move_that_was_withdrawn_can_happen(store: Store) -> None:
    """Where a clock went back the past was rewritten without it; it counts once it has happened."""
    with store.begin() as tx:
        loop.add_moves(tx, "r1", [MOVE])
        loop.rewrite_moves(tx, "r2", "ada", [])
        loop.add_moves(tx, "r3", [MOVE])
        assert loop.moves(tx, ["ada"]) == {"ada": [MOVE]}


def test_handoffs_are_found_by_person_status_and_owner(store: Store) -> None:
    """What assignment counts by: open leads of each owner, and turns taken in each queue."""
    second = replace(HANDOFF, key="k2", entity_id="bob", owner="u2", opened_at=at(5))
    held = replace(HANDOFF, key="k3", entity_id="cy", status="held", owner=None, queue=None)
    with store.begin() as tx:
        loop.put_handoffs(tx, "r1", [HANDOFF, second, held])
        loop.put_handoffs(tx, "r2", [replace(HANDOFF, status="ended", ended_at=at(9))])
        assert loop.handoffs(tx, ["ada"])["ada"][0].status == "ended"
        assert [h.key for h in loop.handoffs_with(tx, ["open", "held"])] == ["k3", "k2"]
        assert loop.open_by_owner(tx, ["open", "accepted"]) == {"u2": 1}
        assert loop.given_by_queue(tx) == {("dach", "u1"): 1, ("dach", "u2"): 1}


def test_the_ledger_answers_for_any_moment(store: Store) -> None:
    """Each line until the next; a ledger is replaced whole."""
    lines = [
        Duty("ada", at(0), at(10), "marketing", None, "stage lead", known=True),
        Duty("ada", at(10), None, "sales", "u1", "handed over", known=True),
    ]
    with store.begin() as tx:
        loop.put_duties(tx, {"ada": [replace(lines[0], end=None)]})
        loop.put_duties(tx, {"ada": lines})
        assert loop.duties(tx, ["ada"]) == {"ada": lines}
        asked = [loop.duty_at(tx, "ada", moment) for moment in (at(-1), at(0), at(10), at(99))]
        assert asked == [None, lines[0], lines[1], lines[1]]
        loop.put_duties(tx, {"ada": [lines[0]]})
        assert loop.duty_at(tx, "ada", at(10)) is None


def test_an_observation_is_noted_once_and_as_it_was(store: Store) -> None:
    """The first word stands: reading a record again changes no history. Blanks are values."""
    seen = Observation("ada", "crm.Status", at(0), None, "New")
    with store.begin() as tx:
        loop.observe(tx, "r1", [seen])
        loop.observe(tx, "r2", [replace(seen, after="Old"), replace(seen, at=at(5), after=None)])
        assert [(o.at, o.after) for o in loop.observations(tx, ["ada", "x"])["ada"]] == [
            (at(0), "New"), (at(5), None),
        ]  # fmt: skip


def test_pairs_do_not_see_each_other(store: Store) -> None:
    """Every row belongs to one pair."""
    with store.begin() as tx:
        loop.add_moves(tx, "r1", [MOVE])
        loop.put_handoffs(tx, "r1", [HANDOFF])
    with store.for_pair("other").begin() as tx:
        assert loop.moves(tx, ["ada"]) == {}
        assert loop.handoffs_with(tx, ["open"]) == []


def test_ten_thousand_people_at_once(store: Store) -> None:
    """More ids than one statement takes are asked for in pieces."""
    ids = [f"p{number}" for number in range(10_000)]
    with store.begin() as tx:
        loop.put_standings(tx, [Standing(i, "main", "lead", at(0), {}) for i in ids])
        assert len(loop.standings(tx, ids)) == 10_000
