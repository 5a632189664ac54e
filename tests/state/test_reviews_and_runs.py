"""Review items, decisions, ruled-out pairs; runs, approvals and allowances."""

from __future__ import annotations

from typing import Any

from state import reviews, runs
from state.store import Store
from tests.state.support import now


def asked(subject: str, *candidates: str) -> dict[str, Any]:
    """A review item as resolve opens it."""
    return {"kind": "match", "subject": subject, "candidates": list(candidates), "decision_id": 1}


def decided(subject: str, verdict: str) -> dict[str, Any]:
    """A match decision as resolve records it."""
    return {
        "subject": subject,
        "verdict": verdict,
        "targets": ["crm:1"],
        "probability": 0.5,
        "weight": -1.25,
        "reason": "scored",
        "evidence": {"email": {"level": "exact"}},
        "model_version": "m1",
    }


def test_a_subject_has_one_open_item(store: Store) -> None:
    """Asking again refreshes the open item; once it is decided, a new one may be opened."""
    with store.begin() as tx:
        reviews.open_items(tx, "r1", [asked("s1", "a"), asked("s2", "b")])
        reviews.open_items(tx, "r2", [asked("s1", "a", "c")])
        first = reviews.items(tx)
        assert [(row.subject, row.candidates) for row in first] == [
            ("s1", ("a", "c")),
            ("s2", ("b",)),
        ]
        reviews.close(tx, first[0].id, "accepted", "a")
        closed = reviews.item(tx, first[0].id)
        assert closed is not None
        assert (closed.status, closed.chosen, closed.decided_at) == ("accepted", "a", now())
        assert reviews.open_subjects(tx, ["s1", "s2"]) == {"s2"}
        reviews.open_items(tx, "r3", [asked("s1", "d")])
        assert reviews.open_count(tx, "match") == 2
        assert reviews.open_count(tx, "merge") == 0
        assert len(reviews.items(tx, status=None)) == 3


def test_closing_subjects_closes_their_open_items_alone(store: Store) -> None:
    """New data settles the open items of these records, again and again, and no others."""
    with store.begin() as tx:
        for run in ("r1", "r2"):
            reviews.open_items(tx, run, [asked("s1"), asked("s2"), asked("s3")])
            reviews.close_subjects(tx, ["s1", "s2"], "settled")
        assert reviews.open_subjects(tx, ["s1", "s2", "s3"]) == {"s3"}
        assert len(reviews.items(tx, status="settled")) == 4


def test_decisions_keep_their_evidence(store: Store) -> None:
    """Every decision about a record is kept; the id given back is the newest of its subject."""
    with store.begin() as tx:
        first = reviews.record_decisions(tx, "r1", [decided("s1", "review")])
        second = reviews.record_decisions(tx, "r2", [decided("s1", "link"), decided("s2", "new")])
        history = reviews.decisions_of(tx, ["s1"])
        assert second["s1"] > first["s1"]
        assert [row.verdict for row in history] == ["review", "link"]
        assert history[0].evidence == {"email": {"level": "exact"}}
        assert history[0].weight == -1.25
        found = reviews.decision(tx, second["s2"])
        assert found is not None
        assert found.targets == ("crm:1",)
        assert reviews.decision(tx, 999) is None


def test_ruled_out_pairs_hold_whichever_way_round(store: Store) -> None:
    """A pair said not to be one person is found from both ends and stored once."""
    with store.begin() as tx:
        reviews.rule_out(tx, [("b", "a"), ("a", "b"), ("c", "d")])
        assert reviews.ruled_out(tx, ["a"]) == {("a", "b")}
        assert reviews.ruled_out(tx, ["b", "d"]) == {("a", "b"), ("c", "d")}
        assert reviews.ruled_out(tx, ["e"]) == set()


def test_the_last_run_is_the_newest_that_was_carried_out(store: Store) -> None:
    """One that was refused or is under way has done nothing; without any there is none."""
    with store.begin() as tx:
        assert runs.get(tx, "last") is None
        for run_id, status in (("run-1", "ok"), ("run-2", "partial"), ("run-3", "refused")):
            runs.start(tx, run_id, "sync", config_hash="c", mapping_hash="m")
            runs.finish(tx, run_id, status, {})
        runs.start(tx, "run-4", "sync", config_hash="c", mapping_hash="m")
        last = runs.get(tx, "last")
    assert last is not None
    assert last.status in {"ok", "partial"}


def test_a_run_left_open_by_a_killed_process_is_interrupted(store: Store) -> None:
    """Starting a run ends the one that never finished, with no counts made up."""
    with store.begin() as tx:
        runs.start(tx, "run-1", "sync", config_hash="c", mapping_hash="m")
        runs.start(tx, "run-2", "sync", config_hash="c", mapping_hash="m")
        runs.finish(tx, "run-2", "partial", {"written": 3}, {"code": "x"})
        found = {row.id: row for row in runs.latest(tx)}
        one = runs.get(tx, "run-2")
        assert runs.get(tx, "run-") is None
        assert runs.get(tx, "run-9") is None
        assert runs.get(tx, "%") is None
    assert found["run-1"].status == "interrupted"
    assert found["run-1"].error is None
    assert one is not None
    assert (one.status, one.counts, one.error) == ("partial", {"written": 3}, {"code": "x"})


def test_an_approval_is_for_its_subject(store: Store) -> None:
    """A person's word holds for the mapping or run it was given for, and is kept once."""
    with store.begin() as tx:
        runs.approve(tx, "mapping:1", {"by": "cli"})
        runs.approve(tx, "mapping:1", {"by": "again"})
        assert runs.approved(tx, "mapping:1")
        assert not runs.approved(tx, "mapping:2")
