"""Every way Leadloop can fail, grouped by what can be done about it.

The class says how to recover; the `code` says what happened and is stable across releases, so
that alerts, dead letters and runbooks can name it. Messages carry no personal data and never a
vendor's own text: a connector turns vendor exceptions into these before they leave its file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file a person edits: 1-based line and column."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class LeadloopError(Exception):
    """Base of all errors: a stable code, where it happened, and what to do about it.

    `exit_code` is what the command line ends with when this error reaches it (DESIGN section 10).
    """

    exit_code = 1
    default_code = "internal"
    default_remedy = "Run the command again with --log-level debug and report what it says."

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        system: str | None = None,
        object: str | None = None,
        record_key: str | None = None,
        field: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.system = system
        self.object = object
        self.record_key = record_key
        self.field = field
        self.remedy = remedy or self.default_remedy

    def as_dict(self) -> dict[str, str | None]:
        """The error as JSON-able data: code, message, place, remedy. No personal data."""
        return {
            "code": self.code,
            "message": self.message,
            "system": self.system,
            "object": self.object,
            "record_key": self.record_key,
            "field": self.field,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a file: where, what, the fix, and the nearest valid name if there is one.

    A warning tells of something that works and will disappoint; it keeps nothing from being used.
    """

    at: Position
    message: str
    fix: str
    code: str = "config.invalid"
    excerpt: str = ""
    is_warning: bool = False


class ConfigurationError(LeadloopError):
    """The configuration cannot be used. Carries every problem found in one pass."""

    exit_code = 3
    default_code = "config.invalid"
    default_remedy = "Correct the lines named and run `leadloop validate`."

    def __init__(
        self,
        message: str,
        *,
        problems: tuple[Problem, ...] = (),
        code: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, code=code, remedy=remedy)
        self.problems = problems


class RateLimitedError(LeadloopError):
    """The vendor asked for a pause. `retry_after` is in seconds."""

    exit_code = 6
    default_code = "remote.rate_limited"
    default_remedy = "Nothing to do: Leadloop waits and goes on."

    def __init__(self, message: str, *, retry_after: float = 1.0, **where: str | None) -> None:
        super().__init__(message, **where)
        self.retry_after = retry_after


class UnavailableError(LeadloopError):
    """The vendor could not be reached, or answered that it cannot serve; nothing was sent."""

    exit_code = 6
    default_code = "remote.unavailable"
    default_remedy = "Check that the address is right and reachable, then run the command again."


class UnreadableAnswerError(UnavailableError):
    """A vendor answered with something that makes no sense; nothing was changed.

    `payload` is the beginning of it, kept for whoever looks into it and never part of a message.
    `rest` are top-level parts that could be read all the same: where the next page begins.
    """

    default_code = "remote.unreadable"
    default_remedy = "Run `leadloop sync` again; if it stays, see `leadloop deadletters`."

    def __init__(
        self,
        message: str,
        *,
        payload: str = "",
        rest: Mapping[str, object] | None = None,
        **where: str | None,
    ) -> None:
        super().__init__(message, **where)
        self.payload = payload
        self.rest = dict(rest or {})


class QuotaExhaustedError(LeadloopError):
    """Calls of the vendor's allowance have run out until `resets_at` (aware UTC, or unknown).

    `lane` is the lane that must wait because what is left of our share is kept for those before
    it; None when the vendor itself refuses, and every lane waits.
    """

    exit_code = 6
    default_code = "remote.quota_exhausted"
    default_remedy = (
        "Wait for the allowance to renew: what waits is kept and goes by itself. `leadloop status` "
        "says when it is tried again."
    )

    def __init__(
        self,
        message: str,
        *,
        resets_at: datetime | None = None,
        lane: str | None = None,
        **where: str | None,
    ) -> None:
        super().__init__(message, **where)
        self.resets_at = resets_at
        self.lane = lane


class AuthenticationError(LeadloopError):
    """The vendor refused our credentials, or they lack a permission."""

    exit_code = 5
    default_code = "auth.refused"
    default_remedy = "Check the credentials named in config.yaml, then run `leadloop doctor`."


class OutcomeUnknownError(LeadloopError):
    """A write was sent and its reply was lost: look it up by key before anything is sent again."""

    exit_code = 6
    default_code = "remote.outcome_unknown"
    default_remedy = "Run `leadloop sync` again: it looks the write up by its key first."


class StaleRevisionError(LeadloopError):
    """The record moved since we read it: read again and plan again."""

    exit_code = 4
    default_code = "record.stale"
    default_remedy = "Run `leadloop sync` again: it reads the record anew."


class AmbiguousIdentityError(LeadloopError):
    """Several records fit one person, or the reverse: a person must decide."""

    exit_code = 4
    default_code = "identity.ambiguous"
    default_remedy = "Decide with `leadloop review list`."


class RecordRejectedError(LeadloopError):
    """The vendor refused this record; the others go on."""

    exit_code = 4
    default_code = "record.rejected"
    default_remedy = "See `leadloop deadletters`, correct the cause, then `leadloop replay`."


class MassChangeRefusedError(LeadloopError):
    """The run would change more than the guard allows without a person's word (law 13).

    `asked` says how much of each kind: what `leadloop sync --approve RUN` lets through.
    """

    exit_code = 9
    default_code = "guard.mass_change"
    default_remedy = "Read `leadloop plan`, then `leadloop sync --approve RUN` or `--plan FILE`."

    def __init__(
        self, message: str, *, asked: Mapping[str, int] | None = None, **where: str | None
    ) -> None:
        super().__init__(message, **where)
        self.asked = dict(asked or {})


PASSING = (AuthenticationError, QuotaExhaustedError, RateLimitedError, UnavailableError)
"""One system cannot be used now, and nothing was sent to it: the other system's work goes on."""


class StateHeldError(LeadloopError):
    """Another Leadloop process holds this state."""

    exit_code = 7
    default_code = "state.held"
    default_remedy = "Stop the other process, or let it do the work: see `leadloop status`."


class LeaseLostError(StateHeldError):
    """Another process took over the state we held: nothing more may be written by this one."""

    default_code = "state.lease_lost"
    default_remedy = (
        "Nothing to do: whoever holds the state now goes on. Start this process again if it was "
        "meant to be the one; see `leadloop status`."
    )


class StateError(LeadloopError):
    """The state store cannot be used: missing, damaged, full disk, or a newer version's."""

    exit_code = 1
    default_code = "state.unusable"
    default_remedy = (
        "Free space or put the last copy of the state back, then run `leadloop doctor`."
    )


class InvariantError(LeadloopError):
    """Something that must never happen did. The pair stops and nothing is retried."""

    exit_code = 1
    default_code = "internal.invariant"
    default_remedy = "Stop, keep the state file, and report this with the run id."
