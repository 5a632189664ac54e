"""The retry policy by class of failure: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.retrying import (
    MAX_WAIT_SECONDS,
    Decision,
    Verdict,
    decide,
    not_sent,
    rate_limited,
    reply_lost,
)
from mappings.errors import AuthenticationError, OutcomeUnknownError, UnavailableError

SERVER_ERROR = Verdict(UnavailableError("503"), wait=0.0, maybe_applied=True)
FINAL = Verdict(AuthenticationError("401"))


def first(failure: Verdict, *, harmless: bool) -> Decision:
    """The policy's word after a first attempt."""
    return decide(failure, system="v", harmless=harmless, attempt=1, waited=0.0, jitter=0.0)


@pytest.mark.parametrize(
    ("failure", "read", "write"),
    [
        (not_sent("v"), 0.2, 0.2),
        (rate_limited("v", 2.0), 2.0, 2.0),
        (reply_lost("v"), 0.2, None),
        (SERVER_ERROR, 0.2, None),
        (FINAL, None, None),
        (rate_limited("v", 60.0), None, None),
    ],
    ids=["not-sent", "pause", "lost", "5xx", "final", "long-pause"],
)
def test_the_table_of_the_policy(failure: Verdict, read: float | None, write: float | None) -> None:
    """Seconds until the same call goes again, None for never, as the module's table says."""
    assert first(failure, harmless=True).wait == read
    assert first(failure, harmless=False).wait == write


def test_jitter_stretches_a_pause_by_a_quarter_at_most() -> None:
    """Callers that failed together do not come back together."""
    word = decide(not_sent("v"), system="v", harmless=True, attempt=2, waited=0.2, jitter=1.0)
    assert word.wait == pytest.approx(0.4 * 1.25)


@pytest.mark.parametrize("failure", [reply_lost("v"), SERVER_ERROR])
def test_a_write_that_may_have_arrived_is_of_unknown_outcome(failure: Verdict) -> None:
    """Whatever the failure said of itself."""
    assert isinstance(first(failure, harmless=False).error, OutcomeUnknownError)


@given(
    st.sampled_from([not_sent("v"), rate_limited("v", 1.0), SERVER_ERROR, FINAL]),
    st.booleans(),
    st.floats(0, 1),
)
def test_pauses_grow_and_end_within_five_seconds(
    failure: Verdict,
    harmless: bool,
    jitter: float,
) -> None:
    """Every call ends, after few attempts, whatever the jitter."""
    waited, pauses = 0.0, []
    for attempt in range(1, 20):
        word = decide(
            failure, system="v", harmless=harmless, attempt=attempt, waited=waited, jitter=jitter
        )
        if word.wait is None:
            break
        pauses.append(word.wait)
        waited += word.wait
    assert waited <= MAX_WAIT_SECONDS
    assert len(pauses) < 6
    assert pauses == sorted(pauses)
