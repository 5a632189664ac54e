"""Who may call a vendor now, and what each call's end teaches: pure, by the clock it is given."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import (
    AuthenticationError,
    LeadloopError,
    OutcomeUnknownError,
    QuotaExhaustedError,
    RateLimitedError,
    UnavailableError,
)
from mappings.ports import Lane
from state.quota import Account
from sync.circuit import (
    BELIEVED_FOR,
    FAILURES,
    PARKED_FOR,
    PROBE_AFTER,
    PROBE_CREDENTIALS_AFTER,
    PROBES,
    Gate,
    Standing,
    after,
    ceiling,
    deferred_lanes,
    gate,
    standing,
)

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NEW = Account("sf")


def ask(account: Account, now: datetime = NOW, lane: Lane = Lane.INCREMENTAL) -> Gate:
    """Whether a call may go."""
    return gate(account, kind="salesforce", lane=lane, share=0.8, now=now)


def failing(times: int, error: LeadloopError, account: Account = NEW) -> Account:
    """The account after so many failures in a row."""
    for _ in range(times):
        account = after(account, error, NOW)
    return account


DOWN = UnavailableError("down")
REFUSED = AuthenticationError("no")


@pytest.mark.parametrize(
    ("error", "rest"), [(DOWN, PROBE_AFTER), (REFUSED, PROBE_CREDENTIALS_AFTER)]
)
def test_the_circuit_opens_after_failures_in_a_row(error: LeadloopError, rest: timedelta) -> None:
    """Not by one error less; then nothing goes until its time, and one call tries."""
    almost = failing(FAILURES - 1, error)
    assert ask(almost) == Gate()
    opened = failing(FAILURES, error)
    refusal = ask(opened, NOW + rest - SECOND).refusal
    assert isinstance(refusal, type(error))
    assert refusal.system == "salesforce"
    assert ask(opened, NOW + rest) == Gate(probe=True)
    assert standing(opened, NOW) is Standing.OPEN


def test_a_probe_that_fails_keeps_it_open_and_one_that_succeeds_closes_it() -> None:
    """Half open: the next call decides."""
    opened = failing(FAILURES, DOWN)
    later = NOW + PROBE_AFTER
    again = after(opened, DOWN, later)
    assert ask(again, later).refusal is not None
    assert again.opened_at == NOW
    assert after(again, None, later) == replace(NEW)


@pytest.mark.parametrize(
    "error",
    [
        None,
        RateLimitedError("wait"),
        AuthenticationError("no", code="auth.forbidden"),
        AuthenticationError("no", code="auth.missing_scopes"),
    ],
)
def test_a_vendor_that_answers_is_at_work(error: LeadloopError | None) -> None:
    """A pause asked for, or one permission missing, is no outage: an open circuit closes, and
    failures do not add up over such an answer."""
    assert standing(after(failing(FAILURES, DOWN), error, NOW), NOW) is Standing.CLOSED
    if not isinstance(error, RateLimitedError):
        assert after(failing(FAILURES - 1, DOWN), error, NOW).failures == 0


def test_a_lost_write_tells_nothing_either_way() -> None:
    """It neither opens nor closes: it may have been done, and the vendor may be well."""
    opened = failing(FAILURES, DOWN)
    assert failing(50, OutcomeUnknownError("lost")) == NEW
    assert after(opened, OutcomeUnknownError("lost"), NOW) == opened


def test_a_used_up_allowance_parks_until_it_renews() -> None:
    """Until the vendor's instant, or half a minute where it names none; figures are forgotten, for
    they were wrong."""
    seen = replace(NEW, daily_limit=1000, daily_used=1, seen_at=NOW)
    dated = after(seen, QuotaExhaustedError("no", resets_at=NOW + timedelta(hours=3)), NOW)
    refusal = ask(dated, NOW + timedelta(hours=2), Lane.CONSENT).refusal
    assert isinstance(refusal, QuotaExhaustedError)
    assert (refusal.resets_at, refusal.lane) == (NOW + timedelta(hours=3), None)
    assert ask(dated, NOW + timedelta(hours=3)) == Gate(probe=True)
    undated = after(seen, QuotaExhaustedError("no"), NOW)
    assert ask(undated, NOW + PARKED_FOR - SECOND).refusal is not None
    assert ask(undated, NOW + PARKED_FOR) == Gate(probe=True)
    assert (undated.daily_used, standing(undated, NOW)) == (None, Standing.PARKED)


@given(
    st.sampled_from([DOWN, QuotaExhaustedError("no"), RateLimitedError("slow down")]),
    st.lists(st.integers(0, 25), min_size=FAILURES, max_size=9),
)
def test_a_storm_is_over_within_a_minute_of_its_end(
    error: LeadloopError, failures: list[int]
) -> None:
    """Whatever the last cycle of a storm met, calls that fail until 25 seconds into it: the next
    cycle, a minute after it began, may try, and once that call has succeeded everything goes."""
    account = NEW
    for second in sorted(failures):
        account = after(account, error, NOW + second * SECOND)
    next_cycle = NOW + 60 * SECOND
    assert ask(account, next_cycle).refusal is None
    assert ask(after(account, None, next_cycle), next_cycle) == Gate()


def test_lanes_give_way_in_the_order_of_law_12() -> None:
    """As the day's share fills, backfill waits first and consent last, never beyond the share."""
    limit = 10_000
    waits: list[list[Lane]] = []
    for used in range(0, limit, 10):
        account = replace(NEW, daily_limit=limit, daily_used=used, seen_at=NOW)
        found = deferred_lanes(account, share=0.8, now=NOW)
        if len(found) > len(waits):
            waits.append(found)
    assert waits == [list(Lane)[-n:] for n in range(1, 7)]
    assert ceiling(limit, 0.8, Lane.CONSENT) == 8000 - PROBES
    refusal = ask(replace(NEW, daily_limit=limit, daily_used=7000, seen_at=NOW)).refusal
    assert isinstance(refusal, QuotaExhaustedError)
    assert (refusal.lane, refusal.code) == ("incremental", "remote.lane_deferred")


@pytest.mark.parametrize("lane", list(Lane))
def test_a_lane_waits_from_its_ceiling_on(lane: Lane) -> None:
    """Not one call earlier, not one later."""
    most = ceiling(10_000, 0.8, lane)
    account = replace(NEW, daily_limit=10_000, seen_at=NOW)
    assert ask(replace(account, daily_used=most - 1), lane=lane).refusal is None
    assert ask(replace(account, daily_used=most), lane=lane).refusal is not None


def test_old_figures_refuse_nobody() -> None:
    """The vendor's day may have begun anew: after an hour a call goes and finds out."""
    full = replace(NEW, daily_limit=1000, daily_used=1000, seen_at=NOW)
    assert ask(full, NOW + BELIEVED_FOR - SECOND).refusal is not None
    assert ask(full, NOW + BELIEVED_FOR) == Gate()


def test_a_clock_that_was_ahead_does_not_keep_an_account_parked_for_ever() -> None:
    """An instant further off than it can be was made by a clock that has jumped since."""
    year = NOW + timedelta(days=365)
    assert ask(replace(NEW, parked_until=year)) == Gate()
    opened = replace(NEW, failures=3, opened_at=year, probe_at=year)
    assert ask(opened) == Gate(probe=True)


def test_failures_say_since_when_before_they_open_the_circuit() -> None:
    """The first of a row of failures is remembered, with its code, until a call succeeds."""
    once = after(NEW, DOWN, NOW)
    twice = after(once, DOWN, NOW + SECOND)
    assert (twice.failures, twice.failed_at, twice.code) == (2, NOW, DOWN.code)
    assert standing(twice, NOW + SECOND) is Standing.CLOSED
    assert after(twice, DOWN, NOW + 2 * SECOND).failed_at == NOW
    assert after(twice, None, NOW + 2 * SECOND) == NEW


ENDS = st.sampled_from(
    [None, DOWN, REFUSED, RateLimitedError("w"), QuotaExhaustedError("q"), OutcomeUnknownError("o")]
)


@given(st.lists(st.tuples(ENDS, st.integers(0, 2000)), max_size=30))
def test_whatever_happens_a_call_goes_within_the_longest_rest(
    history: list[tuple[LeadloopError | None, int]],
) -> None:
    """No history locks an account for good: a quarter of an hour later somebody may try, and one
    success makes everything as it was."""
    account, now = NEW, NOW
    for error, seconds in history:
        now += timedelta(seconds=seconds)
        account = after(account, error, now)
    assert ask(account, now + PROBE_CREDENTIALS_AFTER).refusal is None
    assert ask(after(account, None, now), now) == Gate()
