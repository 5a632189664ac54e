"""A vendor account has one allowance however many processes call it: a command beside the daemon
takes its places from the same windows (DESIGN section 13)."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mappings.errors import QuotaExhaustedError
from mappings.ports import Lane
from state import quota
from state.open import open_store
from state.store import Store, Tx
from sync.limits import AccountLimiter
from tests.databases import state_url

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SHARE = 0.8
OURS = 152
"""Four fifths of HubSpot's 190 calls in ten seconds."""


class FullError(Exception):
    """There was no place left, and nobody waits here."""


def refuses_to_wait(seconds: float) -> None:
    """In place of sleeping."""
    raise FullError(seconds)


def limiter(store: Store, at: float = 0.0, system: str = "hubspot") -> AccountLimiter:
    """The limiter of a process whose shared clock stands still."""

    def shared(_: Tx) -> float:
        return at

    return AccountLimiter(
        system, "ours", SHARE, store, lambda: NOW, lambda: at, refuses_to_wait, shared
    )


def opened(url: str) -> Store:
    """The state, as a process opens it."""
    return open_store(url, clock=lambda: NOW, pair="main")


def calls_until_full(account: AccountLimiter) -> int:
    """How many calls go without waiting."""
    turn, made = account.turn(), 0
    try:
        while True:
            turn.acquire()
            made += 1
    except FullError:
        return made


def _a_process(url: str, ready: object, told: object) -> None:
    store = opened(url)
    ready.wait()  # type: ignore[attr-defined]
    told.put(calls_until_full(limiter(store)))  # type: ignore[attr-defined]
    store.close()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A state that is there."""
    where = state_url(tmp_path)
    opened(where).close()
    return where


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """The state, opened by this process."""
    here = opened(url)
    yield here
    here.close()


def test_two_processes_share_one_window(url: str) -> None:
    """Law 12: two processes that call as fast as they can make no more calls between them than one
    may alone, and no place stays free."""
    spawn = multiprocessing.get_context("spawn")
    ready, told = spawn.Barrier(2), spawn.Queue()
    both = [spawn.Process(target=_a_process, args=(url, ready, told)) for _ in range(2)]
    for one in both:
        one.start()
    made = [told.get(timeout=60) for _ in both]
    for one in both:
        one.join()
    assert sum(made) == OURS


def test_the_window_slides_for_whoever_asks(store: Store) -> None:
    """What one process has called is free for another once it is ten seconds old."""
    assert calls_until_full(limiter(store, at=0.0)) == OURS
    assert calls_until_full(limiter(store, at=9.9)) == 0
    assert calls_until_full(limiter(store, at=10.0)) == OURS


def test_a_clock_that_was_set_back_holds_nobody_up(store: Store) -> None:
    """Calls noted in what is now the far future are no calls of this window."""
    assert calls_until_full(limiter(store, at=3600.0)) == OURS
    assert calls_until_full(limiter(store, at=0.0)) == OURS


def test_the_days_calls_are_counted_together(store: Store) -> None:
    """Law 12: what another process has used of the day is known before the next call is made, and
    neither writes over what the other has counted."""
    one, other = (limiter(store, system="salesforce") for _ in range(2))
    one.observe(daily_limit=1000, daily_used=100)
    for _ in range(3):
        other.turn().acquire()
        one.turn().acquire()
    with store.read() as tx:
        assert quota.load(tx, "ours").daily_used == 106


def test_a_lane_closes_for_all_processes_at_once(store: Store) -> None:
    """Law 12: one process learns that the share is nearly used; another, which never heard it from
    the vendor, does not send a backfill call, and still sends an opt-out."""
    one, other = (limiter(store, system="salesforce") for _ in range(2))
    other.turn(Lane.BACKFILL).acquire()
    one.observe(daily_limit=1000, daily_used=760)
    one.turn(Lane.CONSENT).acquire()
    with pytest.raises(QuotaExhaustedError):
        other.turn(Lane.BACKFILL).acquire()
    other.turn(Lane.CONSENT).acquire()


def test_what_parks_one_process_parks_the_other(store: Store) -> None:
    """A vendor that is out of calls is left alone by everybody."""
    one, other = limiter(store), limiter(store)
    other.turn().acquire()
    turn = one.turn()
    turn.acquire()
    turn.ended(QuotaExhaustedError("used up", resets_at=NOW + timedelta(hours=1)))
    with pytest.raises(QuotaExhaustedError):
        other.turn().acquire()


def test_the_databases_clock_is_that_of_this_machine(store: Store) -> None:
    """What processes pace themselves by moves in seconds since 1970."""
    with store.read() as tx:
        first, then = quota.database_seconds(tx), quota.database_seconds(tx)
    assert NOW.timestamp() < first <= then < first + 3600
