"""Due rows, vendor accounts, brakes and alerts: what outlives a process, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from state import due, quota, trouble
from state.quota import Account
from state.store import Store
from state.trouble import Alert
from tests.state.support import NOON, at


def test_a_row_is_due_when_its_instant_has_come(store: Store) -> None:
    """Not before, and the longest due first."""
    with store.begin() as tx:
        due.put(tx, "plan", {"later": at(1), "now": at(0), "long": at(-60)})
        due.put(tx, "other", {"now": at(0)})
        assert [row.subject for row in due.due(tx, kinds=["plan"])] == ["long", "now"]
        assert due.waiting(tx) == {"plan": (3, at(-60)), "other": (1, at(0))}


def test_a_worked_row_is_not_due_again_and_a_moved_one_is(store: Store) -> None:
    """Whoever sets a new instant wants it worked then, worked before or not."""
    with store.begin() as tx:
        due.put(tx, "plan", {"ada": at(0)})
        due.done(tx, due.due(tx, kinds=["plan"]))
        assert due.due(tx, kinds=["plan"]) == []
        due.put(tx, "plan", {"ada": at(-1)})
        assert [row.at for row in due.due(tx, kinds=["plan"])] == [at(-1)]


def test_a_slot_is_worked_once_whichever_way_the_clock_jumps(store: Store) -> None:
    """A slot that was worked while the clock was ahead is not worked when its time comes."""
    ahead, behind = replace(store, clock=lambda: at(86_400)), replace(store, clock=lambda: at(-60))
    with ahead.begin() as tx:
        due.put_once(tx, "slot", "nightly:2026-03-03", at(3600))
        due.done(tx, due.due(tx, kinds=["slot"]))
    for clock in (behind, store, ahead):
        with clock.begin() as tx:
            due.put_once(tx, "slot", "nightly:2026-03-03", at(3600))
            assert due.due(tx, kinds=["slot"]) == []


def test_what_lies_further_ahead_than_it_is_ever_put_is_due(store: Store) -> None:
    """The clock was set back by two days since: nobody waits two days for a quarter of an hour.
    Kinds that may lie as far ahead as they like wait for their time."""
    with store.begin() as tx:
        due.put(tx, "deletion", {"ahead": at(2 * 86_400), "soon": at(600)})
        due.put(tx, "plan", {"ada": at(2 * 86_400)})
        found = due.due(
            tx, kinds=["deletion", "plan"], furthest={"deletion": timedelta(minutes=15)}
        )
        assert [row.subject for row in found] == ["ahead"]


def test_a_slot_missed_in_a_downtime_is_worked_late(store: Store) -> None:
    """It stays due until somebody works it."""
    with store.begin() as tx:
        due.put_once(tx, "slot", "nightly:2026-03-01", at(-100_000))
        assert len(due.due(tx, kinds=["slot"])) == 1


def test_a_withdrawn_row_is_gone_and_a_worked_one_is_kept_for_a_while(store: Store) -> None:
    """What is no longer awaited is not worked; memory of what was worked ends."""
    with store.begin() as tx:
        due.put(tx, "plan", {"ada": at(0), "bob": at(0)})
        due.withdraw(tx, "plan", ["ada"])
        due.done(tx, due.due(tx, kinds=["plan"]))
        due.withdraw(tx, "plan", ["bob"])
        assert due.forget(tx, NOON) == 0
        assert due.forget(tx, at(1)) == 1


def test_due_rows_are_a_pairs_own(store: Store) -> None:
    """Another pair's rows are nobody else's business."""
    with store.begin() as tx:
        due.put(tx, "plan", {"ada": at(0)})
    with store.for_pair("other").begin() as tx:
        assert due.due(tx, kinds=["plan"]) == []


def test_an_account_is_every_pairs(store: Store) -> None:
    """Two pairs that use one account know the same of it, and keep one row."""
    seen = Account("sf", 1000, 10, NOON, at(60), 3, NOON, at(60), "remote.unavailable")
    with store.begin() as tx:
        assert quota.load(tx, "sf") == Account("sf")
        quota.store(tx, seen)
    with store.for_pair("other").begin() as tx:
        assert quota.load(tx, "sf") == seen
        quota.store(tx, replace(seen, daily_used=11))
        assert [one.daily_used for one in quota.accounts(tx)] == [11]
        assert quota.accounts(tx, ["hs"]) == []


def test_a_brake_keeps_the_run_that_set_it_until_it_is_released(store: Store) -> None:
    """A second run that meets it changes nothing; a person's word takes it off."""
    with store.begin() as tx:
        trouble.set_brake(tx, "rejections", "run-1", {"rejected": 30})
        trouble.set_brake(tx, "rejections", "run-2", {"rejected": 1})
        found = trouble.brake(tx, "rejections")
        assert found is not None
        assert (found.run_id, found.counts) == ("run-1", {"rejected": 30})
        trouble.release_brake(tx, "rejections")
        assert trouble.brakes(tx) == []


def test_an_alert_is_kept_until_it_is_over(store: Store) -> None:
    """One row a state, changed in place, forgotten when told to."""
    first = Alert("brake", "guard.mass_change", NOON)
    with store.begin() as tx:
        trouble.keep_alerts(tx, [first])
        trouble.keep_alerts(tx, [replace(first, told_at=at(1))])
        assert trouble.alerts(tx) == [replace(first, told_at=at(1))]
        trouble.keep_alerts(tx, [], ["brake"])
        assert trouble.alerts(tx) == []
