"""What is wrong with a pair now, and what people are to be told about it. Pure.

`conditions` reads the facts; `compare` sets them against what people were told before. A state is
told once when it begins and once when it has been over for a while: one that comes and goes within
minutes is one state. Texts hold names from the configuration, codes and counts, never a record's
values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from mappings.drift import Drift
from mappings.errors import LeadloopError
from state.quota import Account
from state.runs import Run
from state.trouble import Alert
from sync.circuit import Standing, standing

OVER_AFTER = timedelta(minutes=5)
"""How long a state must have been over before people are told so."""
TELL_AGAIN_AFTER = timedelta(minutes=5)
"""How long after a message that did not go out it is tried again."""
STALE_AFTER = timedelta(minutes=30)
"""How long no run may have gone through before a person is called, whatever the reason; a slower
schedule gets three of its intervals."""
GOOD = ("ok", "partial")
"""How a run ended that went through."""
CONFIGURATION = "configuration"
"""The key of what is wrong with changed files."""
VENDOR_GROUPS = ("auth", "remote")
"""Families of codes that speak of a vendor: what its account's row says is told instead."""


class Severity(StrEnum):
    """How bad a state is."""

    FAILURE = "failure"
    WARNING = "warning"
    NOTICE = "info"
    OVER = "success"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is wrong now. `key` names it for ever; `shared` ones concern a vendor account,
    and every pair that uses it.
    """

    key: str
    code: str
    what: str
    remedy: str
    severity: Severity = Severity.WARNING
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """What people are told, and the alert it is about."""

    alert: Alert
    title: str
    body: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Facts:
    """What the conditions of a pair are read from. `trouble` is what kept a run from starting;
    `drifts` are fields that are not as the mapping needs them, `last_good` when the newest run that
    went through ended; `fast` the schedule in seconds; `counted` what the last nightly
    reconciliation came to (`sync.counted`); `new_model` what a linkage model that waits for a
    person would change (`sync.retraining`).
    """

    pair: str
    now: datetime
    accounts: Sequence[Account]
    last_run: Run | None
    last_good: datetime | None
    dead_letters: int
    most_dead_letters: int
    fast: float
    trouble: LeadloopError | None = None
    drifts: Sequence[Drift] = ()
    counted: Sequence[Mapping[str, Any]] = ()
    new_model: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a comparison comes to: alerts as they are now, keys to forget, messages to send."""

    kept: tuple[Alert, ...]
    gone: tuple[str, ...]
    messages: tuple[Message, ...]


def conditions(facts: Facts) -> list[Condition]:
    """Everything that is wrong now, vendors first."""
    found = [one for account in facts.accounts if (one := _vendor(account, facts.now)) is not None]
    error = _error(facts)
    if error is not None:
        told = {one.code for one in found}
        if error["code"] not in told and not str(error["code"]).startswith("remote."):
            found.append(_stopped(facts, error))
    if facts.dead_letters > facts.most_dead_letters:
        found.append(
            Condition(
                "dead_letters",
                "alert.dead_letters",
                f"{facts.dead_letters} changes could not be delivered",
                "See `leadloop deadletters`, correct the causes, then `leadloop replay`.",
            )
        )
    found += [_drifted(drift) for drift in facts.drifts]
    if any(not one["adds_up"] for one in facts.counted):
        found.append(_incomplete(facts.counted))
    if facts.new_model is not None:
        found.append(_new_model(facts.new_model))
    patience = max(STALE_AFTER, timedelta(seconds=3 * facts.fast))
    if facts.last_good is not None and facts.now - facts.last_good > patience:
        found.append(
            Condition(
                "stale",
                "alert.stale",
                f"no run has gone through since {facts.last_good:%Y-%m-%d %H:%M} UTC",
                "See `leadloop status`.",
                Severity.FAILURE,
            )
        )
    return found


def refused_configuration(error: LeadloopError | None) -> Condition:
    """Changed files a daemon does not take up; without the error, as the state remembers it."""
    why = f": {error.message}" if error is not None else ""
    return Condition(
        CONFIGURATION,
        "alert.configuration",
        f"the daemon goes on with what it had before: changed files are not in force{why}",
        error.remedy if error is not None else "Run `leadloop validate`, correct what it names.",
    )


def _drifted(drift: Drift) -> Condition:
    """A field that is not as the mapping needs it; what rests because of it, and where."""
    rests = f" ({', '.join(drift.at)} rests)" if drift.rules else f" ({', '.join(drift.at)})"
    return Condition(
        f"drift:{drift.name}:{drift.kind.value}"[:255],
        "alert.schema",
        f"{drift.what}{rests}",
        drift.remedy,
    )


def _incomplete(counted: Sequence[Mapping[str, Any]]) -> Condition:
    """Counting has found what pulling had missed, or could not be done."""
    wrong = [one for one in counted if not one["adds_up"]]
    mended = sum(one["fetched"] + one["edits"] for one in wrong)
    left = sum(one["left"] for one in wrong)
    failed = sum(one["error"] is not None for one in wrong)
    told = [f"{mended} rows had been missed and were fetched"] if mended else []
    told += [f"{left} rows could not be fetched"] if left else []
    told += [f"{failed} streams could not be counted"] if failed else []
    return Condition(
        "incomplete",
        "alert.incomplete",
        f"the nightly count of {', '.join(one['name'] for one in wrong[:5])} does not add up: "
        f"{', '.join(told)}",
        "See `leadloop status --completeness`. What was fetched is on its way; if it happens again "
        "the next night, report it.",
    )


def _new_model(told: Mapping[str, Any]) -> Condition:
    """A linkage model was learned anew and decides more otherwise than it may by itself."""
    decisions = told["decisions"]
    return Condition(
        "model",
        "alert.model",
        f"a linkage model learned anew would decide {decisions['share']:.1%} of "
        f"{decisions['decided']} links and questions otherwise; the one in use stays",
        "See `leadloop model waiting`, then `leadloop model accept` or `leadloop model decline`.",
        Severity.NOTICE,
    )


def compare(told: Sequence[Alert], now: Sequence[Condition], *, scope: str, at: datetime) -> Change:
    """What changed since people were last told. `scope` names whose states these are in messages
    (the pair, or nothing for vendor accounts).
    """
    before = {alert.key: alert for alert in told}
    kept: list[Alert] = []
    messages: list[Message] = []
    for condition in now:
        alert = before.pop(condition.key, None) or Alert(condition.key, condition.code, at)
        alert = replace(alert, over_at=None)
        kept.append(alert)
        if alert.told_at is None and _may_try(alert, at):
            messages.append(_begun(alert, condition, scope))
    gone: list[str] = []
    for alert in before.values():
        over = replace(alert, over_at=alert.over_at or at)
        if alert.told_at is None:
            gone.append(alert.key)  # nobody was told of it: there is nothing to take back
        elif over.over_at is not None and at - over.over_at < OVER_AFTER:
            kept.append(over)
        else:
            kept.append(over)
            if _may_try(over, at):
                messages.append(_over(over, scope))
    return Change(tuple(kept), tuple(gone), tuple(messages))


def _may_try(alert: Alert, at: datetime) -> bool:
    return alert.failed_at is None or abs(at - alert.failed_at) >= TELL_AGAIN_AFTER


def _vendor(account: Account, now: datetime) -> Condition | None:
    stands = standing(account, now)
    if stands is Standing.CLOSED:
        return None
    name, code = account.system, account.code or "remote.unavailable"
    until = account.parked_until if stands is Standing.PARKED else account.probe_at
    again = f"; it is tried again at {until:%Y-%m-%d %H:%M:%S} UTC" if until else ""
    if code == "auth.refused":
        what, remedy = (
            f"{name} refuses our credentials",
            "Correct them in config.yaml, then run `leadloop doctor`.",
        )
    elif stands is Standing.PARKED:
        what, remedy = (
            f"{name}'s allowance of calls is used up",
            "Wait for it to renew; `leadloop status` says what waits.",
        )
    else:
        what, remedy = (
            f"{name} has failed {account.failures} times in a row",
            "Nothing to do if it is down; else run `leadloop doctor`.",
        )
    severity = Severity.FAILURE if code == "auth.refused" else Severity.WARNING
    return Condition(f"vendor:{name}", code, f"{what}{again}", remedy, severity, shared=True)


def _error(facts: Facts) -> Mapping[str, object] | None:
    """What stopped the pair: before a run could start, or its last run."""
    if facts.trouble is not None:
        return facts.trouble.as_dict()
    run = facts.last_run
    return run.error if run is not None and run.status not in GOOD else None


def _stopped(facts: Facts, error: Mapping[str, object]) -> Condition:
    code = str(error["code"])
    run = facts.last_run
    named = f"run {run.id}: " if run is not None and facts.trouble is None else ""
    remedy = str(error.get("remedy") or "See `leadloop status`.")
    return Condition(
        f"stopped:{code}", code, f"{named}{error['message']}", remedy, Severity.FAILURE
    )


def _begun(alert: Alert, condition: Condition, scope: str) -> Message:
    title = " ".join(part for part in ("Leadloop", scope, condition.code) if part)
    body = f"{condition.what}.\n{condition.remedy}"
    return Message(alert, title, body, condition.severity)


def _over(alert: Alert, scope: str) -> Message:
    title = " ".join(part for part in ("Leadloop", scope, alert.code, "is over") if part)
    body = f"It had begun at {alert.since:%Y-%m-%d %H:%M} UTC. Nothing to do."
    return Message(alert, title, body, Severity.OVER)
