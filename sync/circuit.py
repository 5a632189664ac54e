"""Whether a vendor account may be called now, and what each call's end teaches about it. Pure.

Three things keep calls from a vendor, from the hardest to the softest:

- it has refused: its allowance is used up, and it is parked until that renews or may have;
- it has failed `FAILURES` times in a row, or refuses our credentials: the circuit is open, and
  after half a minute (a quarter of an hour for credentials) one call tries whether that is over;
- our share of the day is nearly used: lanes give way in the order of law 12, each leaving what is
  reserved for those before it.

Instants further off than they can be are those of a clock that has jumped since, and are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

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

FAILURES = 3
"""Calls that fail one after the other, retries included, before the circuit opens (assumed)."""
PROBE_AFTER = timedelta(seconds=30)
"""How long an open circuit rests before one call tries the vendor again. Half the daemon's cycle:
the failures of one cycle never keep the next from trying, so that an outage that ends is noticed,
and everything goes at full rate again, within a minute."""
PROBE_CREDENTIALS_AFTER = timedelta(minutes=15)
"""The same for refused credentials: they do not mend by themselves, and repeated wrong logins lock
an account. `leadloop doctor` tries at once."""
PARKED_FOR = timedelta(seconds=30)
"""How long a vendor that refused for want of allowance rests where it does not say until when; as
short for the same reason. It costs a call a cycle."""
BELIEVED_FOR = timedelta(hours=1)
"""How old the vendor's figures may be for a call to be refused on their account: after that one
call goes and brings new ones. Neither vendor says when its day begins (FACTS sections 2 and 4)."""
PROBES = 24
"""Calls a day kept aside of our share for finding out whether the allowance has renewed."""
FURTHEST = timedelta(hours=25)
"""No allowance takes longer than a day to renew."""

RESERVED: Mapping[Lane, float] = {
    Lane.CONSENT: 0.0,
    Lane.FRESH: 0.05,
    Lane.OUTCOMES: 0.10,
    Lane.INCREMENTAL: 0.15,
    Lane.REPAIR: 0.20,
    Lane.BACKFILL: 0.25,
}
"""How much of our share of the day a lane leaves to the lanes before it: the last twentieth is
consent's alone (law 7), the one before it consent's and fresh form fills', and so on."""


class Standing(StrEnum):
    """Whether an account may be called."""

    CLOSED = "ok"
    PARKED = "parked"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a call may go: `refusal` says no; `probe` that it is the one that may try."""

    refusal: LeadloopError | None = None
    probe: bool = False


def gate(account: Account, *, kind: str, lane: Lane, share: float, now: datetime) -> Gate:
    """Whether a call in this lane may go now. `kind` is what errors call the system."""
    parked = _plausible(account.parked_until, now, FURTHEST)
    if parked is not None:
        return Gate(_parked(kind, parked)) if now < parked else Gate(probe=True)
    probe = _plausible(account.probe_at, now, PROBE_CREDENTIALS_AFTER)
    if account.opened_at is not None:
        closed = probe is not None and now < probe
        return Gate(_open(account, kind, probe)) if closed else Gate(probe=True)
    return Gate(_used_up(account, kind=kind, lane=lane, share=share, now=now))


def standing(account: Account, now: datetime) -> Standing:
    """How an account stands, for people: a rest that is over still shows until a call succeeds."""
    if _plausible(account.parked_until, now, FURTHEST) is not None:
        return Standing.PARKED
    return Standing.OPEN if account.opened_at is not None else Standing.CLOSED


def ceiling(limit: int, share: float, lane: Lane) -> int:
    """Calls a day, by everybody, from which on a lane waits."""
    return max(1, int(limit * share * (1.0 - RESERVED[lane])) - PROBES)


def deferred_lanes(account: Account, *, share: float, now: datetime) -> list[Lane]:
    """Lanes that wait because our share of the day is short, in their order."""
    return [
        lane
        for lane in Lane
        if _used_up(account, kind=account.system, lane=lane, share=share, now=now) is not None
    ]


def after(account: Account, error: LeadloopError | None, now: datetime) -> Account:
    """The account as known after a call that ended so. None, and an error that shows the vendor
    at work, close the circuit; a lost write tells nothing either way.
    """
    if isinstance(error, OutcomeUnknownError):
        return account
    if isinstance(error, QuotaExhaustedError):
        until = error.resets_at or now + PARKED_FOR
        # What the figures said was wrong: the first call after the pause brings true ones.
        return replace(account, parked_until=until, code=error.code, daily_used=None, seen_at=None)
    refused = isinstance(error, AuthenticationError) and error.code == "auth.refused"
    if isinstance(error, UnavailableError) or refused:
        return _failed(account, error, now)
    if isinstance(error, RateLimitedError) and account.opened_at is None:
        return account
    return replace(
        account,
        parked_until=None,
        failures=0,
        failed_at=None,
        opened_at=None,
        probe_at=None,
        code=None,
    )


def _failed(account: Account, error: LeadloopError | None, now: datetime) -> Account:
    failures, since = account.failures + 1, account.failed_at or now
    code = error.code if error else None
    if failures < FAILURES:
        return replace(account, failures=failures, failed_at=since, code=code)
    rest = PROBE_CREDENTIALS_AFTER if isinstance(error, AuthenticationError) else PROBE_AFTER
    return replace(
        account,
        failures=failures,
        failed_at=since,
        opened_at=account.opened_at or now,
        probe_at=now + rest,
        parked_until=None,
        code=code,
    )


def _plausible(at: datetime | None, now: datetime, furthest: timedelta) -> datetime | None:
    return None if at is None or at - now > furthest else at


def _parked(kind: str, until: datetime) -> LeadloopError:
    return QuotaExhaustedError(
        f"{kind}'s allowance is used up; no call is made until {until:%Y-%m-%d %H:%M:%S} UTC",
        resets_at=until,
        system=kind,
    )


def _open(account: Account, kind: str, probe: datetime | None) -> LeadloopError:
    when = f"{probe:%Y-%m-%d %H:%M:%S} UTC" if probe else "the next call"
    if account.code == "auth.refused":
        return AuthenticationError(
            f"{kind} has refused the credentials {account.failures} times; they are tried again at "
            f"{when}",
            system=kind,
            remedy="Correct them in config.yaml, then run `leadloop doctor`: it tries at once, and "
            "what waits goes on.",
        )
    return UnavailableError(
        f"{kind} has failed {account.failures} times in a row; it is tried again at {when}",
        code="remote.circuit_open",
        system=kind,
        remedy="Nothing to do if the vendor is down; `leadloop doctor` tries it at once. What "
        "waits for it is kept and goes when it is back.",
    )


def _used_up(
    account: Account, *, kind: str, lane: Lane, share: float, now: datetime
) -> LeadloopError | None:
    limit, used, seen = account.daily_limit, account.daily_used, account.seen_at
    if limit is None or used is None or seen is None or now - seen >= BELIEVED_FOR:
        return None
    if used < ceiling(limit, share, lane):
        return None
    return QuotaExhaustedError(
        f"{used} of {kind}'s {limit} calls a day are used: what is left of Leadloop's share is "
        f"kept for what is more urgent than {lane.value}",
        code="remote.lane_deferred",
        resets_at=seen + BELIEVED_FOR,
        lane=lane.value,
        system=kind,
        remedy="Wait for the allowance to renew, or raise `leadloop_share` in config.yaml; "
        "`leadloop status` says what waits.",
    )
