"""People are called once when a state begins and once when it is over: pure, by the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import AuthenticationError, LeadloopError, StateError, UnavailableError
from state.quota import Account
from state.runs import Run
from state.trouble import Alert
from sync.conditions import (
    OVER_AFTER,
    STALE_AFTER,
    TELL_AGAIN_AFTER,
    Condition,
    Facts,
    Message,
    Severity,
    compare,
    conditions,
)

NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WELL = Facts("main", NOW, (), None, None, 0, 100, 60.0)
BRAKED = Condition("stopped:guard.mass_change", "guard.mass_change", "too much", "look")


def run(status: str, code: str | None = None) -> Run:
    """The last run, ended so."""
    error = {"code": code, "message": "why", "remedy": "`leadloop sync --approve RUN`"}
    return Run("r1", "sync", status, NOW, NOW, "c", "m", {}, error if code else None)


def codes(facts: Facts) -> list[str]:
    """What is wrong."""
    return [one.code for one in conditions(facts)]


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        (WELL, []),
        (replace(WELL, last_run=run("ok"), last_good=NOW), []),
        (replace(WELL, last_run=run("partial")), []),
        (replace(WELL, last_run=run("refused", "guard.mass_change")), ["guard.mass_change"]),
        (replace(WELL, last_run=run("refused", "guard.consent_paused")), ["guard.consent_paused"]),
        (replace(WELL, last_run=run("refused", "guard.rejections")), ["guard.rejections"]),
        (replace(WELL, last_run=run("failed", "internal.invariant")), ["internal.invariant"]),
        (replace(WELL, last_run=run("failed", "auth.missing_scopes")), ["auth.missing_scopes"]),
        (replace(WELL, last_run=run("failed", "remote.unavailable")), []),
        (replace(WELL, trouble=StateError("full", code="state.disk_full")), ["state.disk_full"]),
        (replace(WELL, trouble=UnavailableError("down")), []),
        (replace(WELL, dead_letters=100), []),
        (replace(WELL, dead_letters=101), ["alert.dead_letters"]),
        (replace(WELL, last_good=NOW - STALE_AFTER), []),
        (replace(WELL, last_good=NOW - STALE_AFTER - MINUTE), ["alert.stale"]),
        (replace(WELL, last_good=NOW - timedelta(hours=3), fast=3600.0), []),
        (replace(WELL, last_good=NOW - timedelta(hours=4), fast=3600.0), ["alert.stale"]),
    ],
)
def test_every_state_has_its_condition(facts: Facts, wrong: list[str]) -> None:
    """What a person must know of is named; what passes by itself is not, until it lasts."""
    assert codes(facts) == wrong


def test_a_resting_vendor_is_told_once_and_not_as_the_runs_error_too() -> None:
    """Parked, open, or refusing us: one condition per account, shared by its pairs."""
    accounts = (
        Account("hs", parked_until=NOW + MINUTE, code="remote.quota_exhausted"),
        Account("sf", failures=3, opened_at=NOW, probe_at=NOW + MINUTE, code="auth.refused"),
        Account("well", 1000, 10, NOW),
    )
    facts = replace(WELL, accounts=accounts, last_run=run("failed", "auth.refused"))
    found = conditions(facts)
    assert [(one.key, one.code, one.shared) for one in found] == [
        ("vendor:hs", "remote.quota_exhausted", True),
        ("vendor:sf", "auth.refused", True),
    ]
    assert found[1].severity is Severity.FAILURE
    assert found[0].what.startswith("hs's allowance of calls is used up; it is tried again at 2026")
    down = Account("sf", failures=4, opened_at=NOW, probe_at=NOW + MINUTE, code="remote.x")
    (one,) = conditions(replace(WELL, accounts=(down,)))
    assert one.what.startswith("sf has failed 4 times in a row; it is tried again at 2026-03-02")


class People:
    """Who is told: keeps what the state keeps, and the messages that arrived."""

    def __init__(self) -> None:
        self.told: dict[str, Alert] = {}
        self.messages: list[str] = []
        self.away = False

    def look(self, *now: Condition, at: datetime) -> None:
        """One comparison, and its messages sent or not."""
        change = compare(list(self.told.values()), now, scope="main", at=at)
        self.told = {alert.key: alert for alert in change.kept}
        for message in change.messages:
            self.take(message, at)

    def take(self, message: Message, at: datetime) -> None:
        """One message."""
        alert = message.alert
        if self.away:
            self.told[alert.key] = replace(alert, failed_at=at)
            return
        self.messages.append(message.title)
        if message.severity is Severity.OVER:
            del self.told[alert.key]
        else:
            self.told[alert.key] = replace(alert, told_at=at, failed_at=None)


BEGUN, OVER = "Leadloop main guard.mass_change", "Leadloop main guard.mass_change is over"


def test_a_state_is_told_once_however_long_it_lasts() -> None:
    """A hundred runs that stop for one reason are one message."""
    people = People()
    for minute in range(100):
        people.look(BRAKED, at=NOW + minute * MINUTE)
    assert people.messages == [BEGUN]
    people.look(at=NOW + 100 * MINUTE)
    assert people.messages == [BEGUN]
    people.look(at=NOW + 100 * MINUTE + OVER_AFTER)
    assert people.messages == [BEGUN, OVER]
    people.look(at=NOW + 200 * MINUTE)
    assert (people.messages, people.told) == ([BEGUN, OVER], {})


def test_a_state_that_comes_and_goes_is_one_state() -> None:
    """A storm that lets a call through now and then wakes nobody twice."""
    people = People()
    for minute in range(60):
        now = (BRAKED,) if minute % 3 else ()
        people.look(*now, at=NOW + minute * MINUTE)
    assert people.messages == [BEGUN]


def test_a_message_that_does_not_go_out_is_tried_again_later() -> None:
    """Not with every run, and until it arrives; what is over by then was nothing."""
    people = People()
    people.away = True
    people.look(BRAKED, at=NOW)
    people.away = False
    people.look(BRAKED, at=NOW + MINUTE)
    assert people.messages == []
    people.look(BRAKED, at=NOW + TELL_AGAIN_AFTER)
    assert people.messages == [BEGUN]
    people.told = {BRAKED.key: Alert(BRAKED.key, BRAKED.code, NOW, failed_at=NOW)}
    people.look(at=NOW + MINUTE)
    assert (people.messages, people.told) == ([BEGUN], {})


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 20)), max_size=60))
def test_messages_alternate_whatever_happens(steps: list[tuple[bool, bool, int]]) -> None:
    """Never told twice that it began, nor that it is over, nor over before it began; quiet and
    reachable long enough, people know the truth."""
    people, at = People(), NOW
    for wrong, away, minutes in steps:
        at += minutes * MINUTE
        people.away = away
        people.look(*((BRAKED,) if wrong else ()), at=at)
    people.away = False
    for _ in range(4):
        at += max(OVER_AFTER, TELL_AGAIN_AFTER)
        people.look(at=at)
    assert people.messages == [BEGUN, OVER] * (len(people.messages) // 2)
    assert people.told == {}


def test_messages_hold_no_persons_data() -> None:
    """Texts are the error's own, which by contract hold none, and names from the configuration."""
    error: LeadloopError = AuthenticationError("hubspot refused the access token (401)")
    (found,) = conditions(replace(WELL, trouble=error))
    change = compare((), [found], scope="main", at=NOW)
    assert [m.body for m in change.messages] == [f"{error.message}.\n{error.remedy}"]
