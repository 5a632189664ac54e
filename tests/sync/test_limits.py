"""The limiter paces, keeps a share of every allowance for people, and remembers (law 12)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mappings.errors import (
    AuthenticationError,
    LeadloopError,
    QuotaExhaustedError,
    UnavailableError,
)
from mappings.ports import Lane
from state import quota
from state.open import open_store
from state.store import Store
from sync.circuit import FAILURES, PROBES
from sync.limits import AccountLimiter, Accounts, Turn

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


@dataclass
class Time:
    """Both clocks; sleeping moves them."""

    passed: float = 0.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        """The time-out clock."""
        return self.passed

    def now(self) -> datetime:
        """The business clock."""
        return START + timedelta(seconds=self.passed)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.passed += seconds


@pytest.fixture
def time() -> Time:
    """Eight in the morning."""
    return Time()


@pytest.fixture
def store(tmp_path: Path, time: Time) -> Iterator[Store]:
    """A fresh state."""
    opened = open_store(f"sqlite:///{tmp_path}/state.sqlite3", clock=time.now, pair="main")
    yield opened
    opened.close()


Start = Callable[..., AccountLimiter]


@pytest.fixture
def start(store: Store, time: Time) -> Start:
    """A process that begins: a limiter of one account over the same state."""

    def build(system: str = "hubspot", share: float = 0.8, pair: str = "main") -> AccountLimiter:
        return AccountLimiter(
            system,
            "ours",
            share,
            store.for_pair(pair),
            time.now,
            time.monotonic,
            time.sleep,
            lambda _: time.passed,
        )

    return build


def failing(turn: Turn, error: LeadloopError, times: int = FAILURES) -> None:
    """Calls that end so."""
    for _ in range(times):
        turn.acquire()
        turn.ended(error)


def test_calls_within_the_share_do_not_wait(start: Start, time: Time) -> None:
    """Four fifths of HubSpot's 190 calls in ten seconds go through at once, the next one waits."""
    turn = start().turn()
    for _ in range(152):
        turn.acquire()
    assert time.slept == []
    turn.acquire()
    assert sum(time.slept) == pytest.approx(10.0)


def test_search_has_a_bucket_of_its_own(start: Start, time: Time) -> None:
    """Searches are held to four a second and do not count against other calls."""
    turn = start().turn()
    for _ in range(9):
        turn.acquire("search")
    assert sum(time.slept) == pytest.approx(2.0)
    before = list(time.slept)
    turn.acquire()
    assert time.slept == before


def test_a_waiting_call_goes_as_soon_as_the_window_moves(start: Start, time: Time) -> None:
    """The window slides: a place is free again when the oldest call is ten seconds old."""
    turn = start(share=0.01).turn()
    turn.acquire()
    time.passed = 4.0
    turn.acquire()
    assert time.slept == [pytest.approx(6.0)]


def test_two_pairs_of_one_account_share_its_window(store: Store, time: Time) -> None:
    """Pacing belongs to the account: what one pair has called, the other waits for."""
    accounts = Accounts(store, time.now)
    first, second = (accounts.of("ours", "hubspot", 0.8) for _ in range(2))
    assert first is second
    assert accounts.of("theirs", "hubspot", 0.8) is not first


def test_the_window_is_what_the_vendor_says(start: Start, time: Time) -> None:
    """A smaller account's header makes the bucket smaller."""
    turn = start().turn()
    turn.observe_rate(limit=100, left=100, seconds=10.0)
    for _ in range(80):
        turn.acquire()
    assert time.slept == []
    turn.acquire()
    assert sum(time.slept) == pytest.approx(10.0)


def test_where_others_fill_the_window_we_hold_back(start: Start, time: Time) -> None:
    """What the header says is left is the others': calls trickle until there is room again."""
    turn = start().turn()
    turn.acquire()
    turn.observe_rate(limit=190, left=20, seconds=10.0)
    turn.acquire()
    assert time.slept == [pytest.approx(1.0)]
    turn.observe_rate(limit=190, left=150, seconds=10.0)
    turn.acquire()
    assert len(time.slept) == 1


def test_the_days_share_is_never_exceeded(start: Start, time: Time) -> None:
    """Calls count before the next header says so; consent has the last of the share."""
    turn = start("salesforce", share=0.5).turn(Lane.CONSENT)
    turn.observe(daily_limit=1000, daily_used=500 - PROBES - 2)
    turn.acquire()
    turn.acquire()
    with pytest.raises(QuotaExhaustedError) as refused:
        turn.acquire()
    assert refused.value.resets_at == time.now() + timedelta(hours=1)
    assert refused.value.exit_code == 6


def test_a_lane_waits_while_the_ones_before_it_go_on(start: Start) -> None:
    """With nine tenths of our share used, incremental work waits, fresh fills and consent do
    not."""
    limiter = start("salesforce", share=1.0)
    turn = limiter.turn()
    turn.observe(daily_limit=10_000, daily_used=9_000)
    with pytest.raises(QuotaExhaustedError) as refused:
        turn.acquire()
    assert refused.value.lane == "incremental"
    with turn.using(Lane.FRESH):
        turn.acquire()
    assert (turn.lane, turn.may_call(Lane.CONSENT)) == (Lane.INCREMENTAL, True)


def test_a_new_day_is_found_out_by_one_call(start: Start, time: Time) -> None:
    """The next day a process that ran through the night goes on, without a restart."""
    turn = start("salesforce").turn()
    turn.observe(daily_limit=1000, daily_used=1000)
    with pytest.raises(QuotaExhaustedError):
        turn.acquire()
    time.passed += 3600
    turn.acquire()
    turn.observe(daily_limit=1000, daily_used=1)
    turn.acquire()


def test_a_restart_forgets_neither_the_day_nor_a_park(start: Start, time: Time) -> None:
    """What was used today and until when the vendor refuses is in the state."""
    turn = start("salesforce").turn()
    turn.observe(daily_limit=1000, daily_used=790)
    with pytest.raises(QuotaExhaustedError):
        start("salesforce", pair="other").turn().acquire()
    turn.ended(QuotaExhaustedError("no", resets_at=time.now() + timedelta(hours=2)))
    again = start("salesforce").turn(Lane.CONSENT)
    with pytest.raises(QuotaExhaustedError) as refused:
        again.acquire()
    assert refused.value.resets_at == time.now() + timedelta(hours=2)


def test_headers_without_figures_teach_nothing(start: Start, store: Store) -> None:
    """A vendor that does not tell its allowance never parks us."""
    turn = start("salesforce").turn()
    turn.observe(daily_limit=None, daily_used=None)
    turn.acquire()
    turn.ended(None)
    with store.read() as tx:
        assert quota.accounts(tx) == []


def test_an_open_circuit_outlives_the_process_and_probes_with_one_call(
    start: Start, time: Time
) -> None:
    """A restart calls nobody before its time; then one call of all threads' goes, and its success
    lets all go."""
    failing(start().turn(), UnavailableError("down"))
    limiter = start()
    first, second = limiter.turn(), limiter.turn()
    with pytest.raises(UnavailableError) as refused:
        first.acquire()
    assert refused.value.code == "remote.circuit_open"
    time.passed += 60
    first.acquire()
    with pytest.raises(UnavailableError):
        second.acquire()
    first.acquire()  # its own retry
    first.ended(None)
    second.acquire()


def test_a_probe_that_never_ends_is_given_up(start: Start, time: Time) -> None:
    """A thread that died while it tried does not keep the circuit half open for ever."""
    limiter = start()
    failing(limiter.turn(), UnavailableError("down"))
    time.passed += 60
    limiter.turn().acquire()
    time.passed += 200
    limiter.turn().acquire()


def test_what_another_process_found_out_counts(start: Start) -> None:
    """`doctor` reaches the vendor while the daemon's circuit is open: the daemon goes on."""
    daemon, doctor = start().turn(), start().turn()
    failing(daemon, AuthenticationError("no"))
    with pytest.raises(AuthenticationError):
        daemon.acquire()
    doctor.ended(None)
    daemon.acquire()


def test_refusals_of_our_own_are_no_failures(start: Start) -> None:
    """A call that was never made says nothing about the vendor: the state stays as it was."""
    limiter = start()
    failing(limiter.turn(), UnavailableError("down"))
    before = limiter.known()
    for _ in range(5):
        with pytest.raises(UnavailableError):
            limiter.turn().acquire()
    assert limiter.known() == before
