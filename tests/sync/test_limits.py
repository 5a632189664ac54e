"""The limiter keeps a share of every vendor's allowance for people (law 12)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mappings.errors import QuotaExhaustedError
from state import runs
from state.open import open_store
from sync.limits import AccountLimiter

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@dataclass
class Time:
    """A monotonic clock that sleeping moves."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        """The present reading."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds


def limiter(
    tmp_path: Path, time: Time, *, share: float = 0.8, system: str = "hubspot"
) -> AccountLimiter:
    """A limiter on a fresh state."""
    store = open_store(f"sqlite:///{tmp_path}/state.sqlite3", clock=lambda: NOW, pair="main")
    return AccountLimiter(system, share, store, lambda: NOW, time.monotonic, time.sleep)


def test_calls_within_the_share_do_not_wait(tmp_path: Path) -> None:
    """Four fifths of HubSpot's 190 calls in ten seconds go through at once, the next one waits."""
    time = Time()
    paced = limiter(tmp_path, time)
    for _ in range(152):
        paced.acquire()
    assert time.slept == []
    paced.acquire()
    assert sum(time.slept) == pytest.approx(10.0)


def test_search_has_a_bucket_of_its_own(tmp_path: Path) -> None:
    """Searches are held to four a second and do not count against other calls."""
    time = Time()
    paced = limiter(tmp_path, time)
    for _ in range(9):
        paced.acquire("search")
    assert sum(time.slept) == pytest.approx(2.0)
    before = list(time.slept)
    paced.acquire()
    assert time.slept == before


def test_the_days_share_is_never_exceeded(tmp_path: Path) -> None:
    """Once our share of the daily allowance is used, no call is made until it renews."""
    paced = limiter(tmp_path, Time(), share=0.5, system="salesforce")
    paced.observe(daily_limit=1000, daily_used=499)
    paced.acquire()
    paced.observe(daily_limit=1000, daily_used=500)
    with pytest.raises(QuotaExhaustedError) as refused:
        paced.acquire()
    assert refused.value.resets_at == datetime(2026, 3, 3, tzinfo=UTC)
    assert refused.value.exit_code == 6


def test_the_allowance_is_remembered_across_restarts(tmp_path: Path) -> None:
    """What a vendor's headers said is in the state, where `status` finds it."""
    paced = limiter(tmp_path, Time(), system="salesforce")
    paced.observe(daily_limit=15_000, daily_used=4143)
    with paced.store.read() as tx:
        known = runs.quotas(tx)
    assert [(q.system, q.daily_limit, q.daily_used) for q in known] == [
        ("salesforce", 15_000, 4143)
    ]


def test_headers_without_figures_teach_nothing(tmp_path: Path) -> None:
    """A vendor that does not tell its allowance never parks us."""
    paced = limiter(tmp_path, Time(), system="salesforce")
    paced.observe(daily_limit=None, daily_used=None)
    paced.acquire()
    with paced.store.read() as tx:
        assert runs.quotas(tx) == []


def test_a_waiting_call_goes_as_soon_as_the_window_moves(tmp_path: Path) -> None:
    """The window slides: a place is free again when the oldest call is ten seconds old."""
    time = Time()
    paced = limiter(tmp_path, time, share=0.01)
    paced.acquire()
    time.now = 4.0
    paced.acquire()
    assert time.slept == [pytest.approx(6.0)]
    assert timedelta(seconds=time.now) == timedelta(seconds=10)
