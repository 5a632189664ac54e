"""Whether a failed call may be sent again, and when: the retry policy by class of failure. Pure.

| What happened | A read | A write |
|---|---|---|
| the vendor was not reached | again, doubling pauses | again: nothing was sent |
| it answered that nothing was applied, and asks for a pause | again after it | again after it |
| the answer was lost, or a 5xx came | again, doubling pauses | never: OutcomeUnknownError |
| anything else it answered | never | never |

Pauses within one call add up to at most five seconds; what needs longer goes back to the scheduler
as the error it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mappings.errors import (
    LeadloopError,
    OutcomeUnknownError,
    RateLimitedError,
    UnavailableError,
)

MAX_WAIT_SECONDS = 5.0
"""DESIGN section 6: longer waits belong to the scheduler."""
FIRST_PAUSE = 0.2
"""Seconds before a failed call is sent again; each further one waits twice as long."""
JITTER = 0.25
"""Share by which a pause is stretched at random, so that callers do not come back as one."""
LOCK_PAUSE = 0.5
"""Seconds before a row that met a lock is sent again; assumed: most locks last one transaction."""


class NotSentError(Exception):
    """The vendor was not reached: nothing was sent."""


class ReplyLostError(Exception):
    """The request left, and no whole answer came back."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a call that did not succeed means.

    `wait` is the pause in seconds after which the same call may be sent again, None for never.
    `maybe_applied` is true where it may have worked all the same (5xx, lost answer).
    """

    error: LeadloopError
    wait: float | None = None
    maybe_applied: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy says: send again after `wait` seconds, or (None) end with `error`."""

    error: LeadloopError
    wait: float | None


def decide(
    failure: Verdict,
    *,
    system: str,
    harmless: bool,
    attempt: int,
    waited: float,
    jitter: float,
) -> Decision:
    """What to do after attempt number `attempt` (from 1), `waited` seconds of pauses so far.

    `harmless` calls change nothing at the vendor; `jitter` is a number in 0..1.
    """
    if failure.maybe_applied and not harmless:
        return Decision(_unknown(system), None)
    if failure.wait is None:
        return Decision(failure.error, None)
    pause = max(failure.wait, FIRST_PAUSE * 2.0 ** (attempt - 1)) * (1.0 + JITTER * jitter)
    if waited + pause > MAX_WAIT_SECONDS:
        return Decision(failure.error, None)
    return Decision(failure.error, pause)


def lock_pauses(jitter: Callable[[], float]) -> Iterator[float]:
    """Seconds to wait before rows that met a lock are sent again: each time twice as long,
    stretched at random, MAX_WAIT_SECONDS together at most. Longer locks are the scheduler's."""
    waited, pause = 0.0, LOCK_PAUSE
    while True:
        stretched = pause * (1.0 + JITTER * jitter())
        waited, pause = waited + stretched, pause * 2.0
        if waited > MAX_WAIT_SECONDS:
            return
        yield stretched


def rate_limited(system: str, wait: float) -> Verdict:
    """The verdict on an answer that asks for a pause of `wait` seconds."""
    error = RateLimitedError(f"{system} asked for a pause", retry_after=wait, system=system)
    return Verdict(error, wait=wait)


def not_sent(system: str) -> Verdict:
    """The verdict on a vendor that was not reached."""
    return Verdict(UnavailableError(f"{system} could not be reached", system=system), wait=0.0)


def reply_lost(system: str) -> Verdict:
    """The verdict on an answer that did not come, or not whole."""
    error = UnavailableError(f"{system} did not answer", system=system)
    return Verdict(error, wait=0.0, maybe_applied=True)


def _unknown(system: str) -> LeadloopError:
    return OutcomeUnknownError(f"{system} was sent a write and its answer was lost", system=system)
