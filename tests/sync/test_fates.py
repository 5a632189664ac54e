"""What becomes of a row, and of a run whose rows are refused: pure."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import DuplicateFoundError
from mappings.errors import (
    AuthenticationError,
    LeadloopError,
    OutcomeUnknownError,
    QuotaExhaustedError,
    RateLimitedError,
    RecordRejectedError,
    UnavailableError,
)
from mappings.ports import Lane
from mappings.records import Operation, Outcome, OutcomeStatus
from state.outbox import StoredIntent
from sync.config import GuardConfig
from sync.fates import (
    AT_ONCE,
    LONGEST_CONSENT_PAUSE,
    LONGEST_PAUSE,
    TRIES,
    Fate,
    Rejections,
    fate_of,
    given_up,
    is_worn_out,
    pause_before,
)
from tests.state.support import NOON, intent

OK = Outcome("k", OutcomeStatus.OK)
NO = Outcome("k", OutcomeStatus.REJECTED, error=RecordRejectedError("no"))
LOCKED = RecordRejectedError("locked", code="record.locked")


@pytest.mark.parametrize(
    ("status", "error", "fate"),
    [
        (OutcomeStatus.OK, None, Fate("ok")),
        (OutcomeStatus.REJECTED, RecordRejectedError("no"), Fate("rejected")),
        (OutcomeStatus.UNKNOWN, OutcomeUnknownError("lost"), Fate("unknown")),
        (OutcomeStatus.RETRY, LOCKED, Fate("open", later=True)),
        (OutcomeStatus.RETRY, None, Fate("open", later=True)),
    ],
)
def test_every_ending_has_its_fate(
    status: OutcomeStatus, error: LeadloopError | None, fate: Fate
) -> None:
    """What may have arrived is looked up, what was refused waits for a person, what passes is sent
    again and counted."""
    assert fate_of(Outcome("k", status, error=error)) == fate


@pytest.mark.parametrize(
    "error",
    [
        RateLimitedError("wait"),
        QuotaExhaustedError("used up"),
        UnavailableError("down"),
        AuthenticationError("no"),
    ],
    ids=lambda error: error.code,
)
def test_a_row_that_was_never_sent_costs_no_attempt(error: LeadloopError) -> None:
    """The vendor stopped in the middle of a call's batches: the rest is no worse for it, and the
    side rests."""
    found = fate_of(Outcome("k", OutcomeStatus.RETRY, error=error))
    assert found == Fate("open", attempt=False, rests=error)


def test_a_worn_out_row_names_its_last_answer() -> None:
    """A person sees what it was that never passed."""
    cause = LOCKED.as_dict()
    stored = StoredIntent(intent("k"), "run", "open", TRIES, None, cause, NOON, None)
    assert is_worn_out(stored)
    outcome = given_up(stored)
    assert outcome.error is not None
    assert outcome.error.code == "record.gave_up"
    assert "record.locked" in outcome.error.message


@given(st.text(min_size=1), st.sampled_from(Lane), st.integers(1, TRIES))
def test_pauses_grow_within_their_bounds(key: str, lane: Lane, attempts: int) -> None:
    """No pause before the next run at first, then longer ones up to the longest and a quarter; an
    opt-out never waits longer than five minutes and a quarter of that."""
    row = intent(key, lane=lane)
    pause = pause_before(row, attempts)
    assert pause <= pause_before(row, attempts + 1)
    assert (pause == timedelta(0)) is (attempts <= AT_ONCE)
    longest = LONGEST_CONSENT_PAUSE if lane is Lane.CONSENT else LONGEST_PAUSE
    assert pause <= longest * 1.25


def test_rows_of_one_batch_do_not_come_back_as_one() -> None:
    """Two hundred rows that met one lock are spread over a quarter of their pause."""
    pauses = sorted(pause_before(intent(f"k{number}"), 3) for number in range(200))
    assert len(set(pauses)) > 150
    assert pauses[-1] - pauses[0] > timedelta(seconds=10)


LIMITS = GuardConfig(floor=5, rejected_share=0.05, rejected_streak=100)


def seen(*outcomes: Outcome, operation: Operation = Operation.UPDATE) -> Rejections:
    """A run's rows so far."""
    return Rejections().seen([(intent("k", operation=operation), one) for one in outcomes])


@pytest.mark.parametrize(
    ("outcomes", "stops"),
    [
        ([NO] * 5, False),
        ([NO] * 6, True),
        ([OK] * 114 + [NO] * 6, False),
        ([OK] * 113 + [NO] * 6, True),
        ([OK] * 5000 + [NO] * 99, False),
        ([OK] * 5000 + [NO] * 100, True),
        ([OK] * 5000 + [NO] * 99 + [OK] + [NO] * 99, False),
        ([Outcome("k", OutcomeStatus.UNKNOWN)] * 500, False),
        ([Outcome("k", OutcomeStatus.RETRY, error=LOCKED)] * 500, False),
    ],
    ids=["floor", "share", "within", "beyond", "row-99", "row-100", "broken", "unknown", "retry"],
)
def test_the_brake_goes_by_share_and_by_row(outcomes: list[Outcome], stops: bool) -> None:
    """More than 5 % of what was settled, or 100 in a row; a handful is no share yet."""
    assert seen(*outcomes).exceed(LIMITS) is stops


def test_blocked_updates_count_for_nothing_and_blocked_creates_do() -> None:
    """An update under a duplicate rule is a merge proposal; a create that names records is refused
    like any other."""
    found = Outcome("k", OutcomeStatus.REJECTED, error=DuplicateFoundError("there"))
    assert seen(*[found] * 500) == Rejections()
    assert seen(*[found] * 500, operation=Operation.CREATE).rejected == 500


@given(st.lists(st.sampled_from([OK, NO]), max_size=300), st.integers(1, 50))
def test_batches_decide_nothing(outcomes: list[Outcome], size: int) -> None:
    """However the rows are cut into calls, the brake sees the same."""
    rows = [(intent("k"), one) for one in outcomes]
    cut = Rejections()
    for start in range(0, len(rows), size):
        cut = cut.seen(rows[start : start + size])
    assert cut == Rejections().seen(rows)
