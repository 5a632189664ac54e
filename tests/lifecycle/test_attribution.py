"""Attribution: known shares by hand, and laws for any touches."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.attribution import Model, attribute, is_influenced, is_sourced
from lifecycle.timeline import Deal, Moment, MomentKind
from lifecycle.touch import Touch, TouchRules, attempts, touches_of
from mappings.contract import Team
from mappings.money import Money

START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    """So many days into the year."""
    return START + timedelta(days=number)


def touch(number: float, team: Team = Team.MARKETING, person: str = "p1") -> Touch:
    """A touch on a day."""
    kind = MomentKind.FORM_FILL if team is Team.MARKETING else MomentKind.CALL
    return Touch(day(number), f"t{number}", person, team, kind)


def deal(minor: int = 10_000, *, created: float = 30, closed: float | None = 60) -> Deal:
    """A deal, won unless it never closes."""
    return Deal(
        key="d",
        created_at=day(created),
        closed_at=None if closed is None else day(closed),
        is_closed=closed is not None,
        is_won=closed is not None,
        amount=Money(minor, "EUR"),
    )


def shares(model: Model, days: Sequence[float], *, lead: float = 10) -> list[int]:
    """What touches on these days get of 100.00."""
    found = attribute(deal(), [touch(d) for d in days], model, lead_at=day(lead))
    return [credit.amount.minor for credit in found.credits]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (Model.FIRST_TOUCH, [10_000, 0, 0, 0, 0]),
        (Model.LAST_TOUCH, [0, 0, 0, 0, 10_000]),
        (Model.LINEAR, [2_000] * 5),
        (Model.U_SHAPED, [4_000, 4_000, 667, 667, 666]),
        (Model.W_SHAPED, [3_000, 3_000, 500, 3_000, 500]),
    ],
)
def test_five_touches_by_hand(model: Model, expected: list[int]) -> None:
    """Touches on days 1, 10 (lead), 20, 30 (opportunity) and 50, closed on day 60."""
    assert shares(model, [1, 10, 20, 30, 50]) == expected


def test_decay_halves_every_week() -> None:
    """A touch a week earlier weighs half as much."""
    assert shares(Model.TIME_DECAY, [46, 53, 60]) == [1429, 2857, 5714]


@pytest.mark.parametrize("model", list(Model))
def test_one_touch_takes_everything(model: Model) -> None:
    """Whatever the model, a single touch is every milestone at once."""
    assert shares(model, [5]) == [10_000]


def test_a_touch_that_is_two_milestones_gets_both_shares() -> None:
    """Somebody whose first touch made them a lead: 80 % there, the rest to the other."""
    assert shares(Model.U_SHAPED, [10, 40]) == [8_000, 2_000]


def test_no_touch_no_credit() -> None:
    """A deal nobody touched is told as unattributed, not spread over nothing."""
    found = attribute(deal(), [touch(61)], Model.LINEAR)
    assert found.credits == ()
    assert found.unattributed == Money(10_000, "EUR")


TOUCHES = st.lists(st.builds(touch, st.floats(0, 90), st.sampled_from(list(Team))), max_size=25)


@given(
    st.integers(-1_000_000, 10**12),
    TOUCHES,
    st.sampled_from(list(Model)),
    st.floats(0, 90),
    st.randoms(use_true_random=False),
)
def test_revenue_is_conserved(
    minor: int, touches: list[Touch], model: Model, lead: float, shuffle: random.Random
) -> None:
    """To the cent, for any touches in any order, and nobody after the close gets anything."""
    one = attribute(deal(minor), touches, model, lead_at=day(lead))
    mixed = list(touches)
    shuffle.shuffle(mixed)
    assert attribute(deal(minor), mixed, model, lead_at=day(lead)) == one
    credited = sum(credit.amount.minor for credit in one.credits)
    assert credited + (one.unattributed.minor if one.unattributed else 0) == minor
    assert all(credit.touch.at <= day(60) for credit in one.credits)


def test_sourced_and_influenced() -> None:
    """Sourced: the first touch before the opportunity. Influenced: any touch before the close."""
    sales_first = [touch(1, Team.SALES), touch(40)]
    assert not is_sourced(deal(), sales_first)
    assert is_influenced(deal(), sales_first)
    assert is_sourced(deal(), [touch(2), touch(3, Team.SALES)])
    assert not is_sourced(deal(), [touch(31)])
    assert not is_influenced(deal(), [touch(61)])
    assert not is_influenced(deal(), [touch(1)], within=timedelta(days=7))


def moment(kind: MomentKind, actor: str | None = None, *, filtered: bool = False) -> Moment:
    """Something that happened on day 1."""
    return Moment(day(1), f"{kind}:{actor}", kind, actor=actor, filtered=filtered)


@pytest.mark.parametrize(
    ("one", "team"),
    [
        (moment(MomentKind.FORM_FILL), Team.MARKETING),
        (moment(MomentKind.EMAIL_CLICK), Team.MARKETING),
        (moment(MomentKind.EMAIL_CLICK, filtered=True), None),
        (moment(MomentKind.EMAIL_OPEN), None),
        (moment(MomentKind.EMAIL_SENT), None),
        (moment(MomentKind.CALL, "005rep"), Team.SALES),
        (moment(MomentKind.TASK, "005bot"), None),
        (moment(MomentKind.TASK), None),
        (moment(MomentKind.FIELD_CHANGE, "005rep"), None),
    ],
)
def test_what_counts_as_a_touch(one: Moment, team: Team | None) -> None:
    """Answers to marketing and what a known human did; never opens, machines, filtered events."""
    rules = TouchRules(integrations=frozenset({"005bot"}))
    assert [t.team for t in touches_of([one], "p1", rules)] == ([team] if team else [])


def test_attempts_are_sales_touches_in_order() -> None:
    """Counted by who tried, in the order of trying."""
    calls = [Moment(day(d), f"c{d}", MomentKind.CALL, actor="005rep") for d in (5, 3)]
    found = attempts([*calls, moment(MomentKind.FORM_FILL)], "p1", TouchRules())
    assert [t.at for t in found] == [day(3), day(5)]
