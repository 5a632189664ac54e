"""Which value survives: owners win, blanks keep, directions hold, and what is done stays done."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import Position
from mappings.fieldmap import Aggregate, Direction, FieldRule, Overwrite, TooLong, ValueType
from mappings.records import Json, Side
from mappings.survivorship import FieldDecision, FieldState, decide_field
from mappings.values import canonical, equal

SECOND = timedelta(seconds=1)
AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
PLAIN = FieldRule(
    map="jobtitle",
    crm={"Lead": "Title"},
    direction=Direction.BOTH,
    owner=Side.MAP,
    overwrite=Overwrite.ALWAYS,
    clear=False,
    type=ValueType.TEXT,
    at=Position("mapping.yaml", 1, 1),
)

TEXTS = ["Poet", "poet", "POET ", "Web", "Other", "x" * 30, "7", "-3.50", "2026-03-02", "a;b", "é"]
values = st.one_of(st.none(), st.sampled_from(TEXTS), st.text(max_size=4))
instants = st.one_of(st.none(), st.integers(0, 3).map(lambda n: AT + timedelta(hours=n)))
rules = st.builds(
    replace,
    st.just(PLAIN),
    direction=st.sampled_from(Direction),
    owner=st.sampled_from([Side.MAP, Side.CRM, None]),
    overwrite=st.sampled_from(Overwrite),
    clear=st.booleans(),
    type=st.sampled_from(ValueType),
    aggregate=st.sampled_from([None, None, None, Aggregate.MAX, Aggregate.NEWEST]),
    values=st.sampled_from([{}, {}, {"Poet": "Writer|Bard", "*": "Other"}, {"a": "b", "b": "a"}]),
    transform=st.sampled_from([(), (), ("trim", "title_case"), ("upper",)]),
    default=st.sampled_from([None, None, "[not provided]"]),
    too_long=st.sampled_from(TooLong),
    max_length=st.sampled_from([None, None, 5, 20]),
)


@st.composite
def states(draw: st.DrawFn, rule: FieldRule) -> FieldState:
    """A field on both sides, with or without a last agreement."""
    left, right, first, second = (canonical(draw(values), rule.type) for _ in range(4))
    left = draw(st.sampled_from([left, first]))
    right = draw(st.sampled_from([right, second]))
    base = draw(st.sampled_from([None, (first, second)]))
    return FieldState(left, right, base, draw(instants), draw(instants))


cases = rules.flatmap(lambda rule: st.tuples(st.just(rule), states(rule)))


def applied(state: FieldState, decision: FieldDecision) -> FieldState:
    """The field after the decision was carried out and agreed on."""
    left = decision.value if decision.write_to is Side.MAP else state.map_value
    right = decision.value if decision.write_to is Side.CRM else state.crm_value
    later = AT + timedelta(days=1)
    return FieldState(
        left,
        right,
        (left, right),
        later if decision.write_to is Side.MAP else state.map_at,
        later if decision.write_to is Side.CRM else state.crm_at,
    )


@given(cases)
def test_what_is_done_stays_done(case: tuple[FieldRule, FieldState]) -> None:
    """Law 4: deciding again after the decision was carried out writes nothing, for any rule."""
    rule, state = case
    decision = decide_field(rule, state)
    if decision.rejection is None:
        assert decide_field(rule, applied(state, decision)).write_to is None


@given(cases)
def test_a_decision_keeps_the_rule(case: tuple[FieldRule, FieldState]) -> None:
    """Law 5: never against the direction, never a blank without `clear`, never over a value that
    may not be replaced; a refusal writes nothing; deciding is repeatable."""
    rule, state = case
    decision = decide_field(rule, state)
    assert str(decision) == str(decide_field(rule, state))
    if decision.rejection is not None:
        assert decision.write_to is None
    if decision.write_to is None:
        return
    target = state.crm_value if decision.write_to is Side.CRM else state.map_value
    closed = Direction.TO_MAP if decision.write_to is Side.CRM else Direction.TO_CRM
    assert rule.direction is not closed
    assert not equal(decision.value, target, rule.type)
    assert decision.value is not None or rule.clear
    if rule.aggregate is None and target is not None:
        assert rule.overwrite in {Overwrite.ALWAYS, Overwrite.NEWEST}


@given(cases)
def test_nothing_is_invented(case: tuple[FieldRule, FieldState]) -> None:
    """With neither table nor transform nor truncation, what is written is what a side says."""
    rule, state = case
    plain = replace(rule, values={}, transform=(), default=None, max_length=None)
    decision = decide_field(plain, state)
    if decision.write_to is not None:
        source = state.map_value if decision.write_to is Side.CRM else state.crm_value
        assert equal(decision.value, source, rule.type) or rule.aggregate is Aggregate.MAX


@given(values, values, values, values)
def test_the_owner_wins_where_both_changed(
    left: Json, right: Json, first: Json, second: Json
) -> None:
    """Law 5: of two changes to different values the owner's is carried, on either side."""
    state = FieldState(
        canonical(left, ValueType.TEXT),
        canonical(right, ValueType.TEXT),
        (canonical(first, ValueType.TEXT), canonical(second, ValueType.TEXT)),
    )
    moved = state.base is not None and (
        state.map_value != state.base[0] and state.crm_value != state.base[1]
    )
    if not moved or None in (state.map_value, state.crm_value):
        return
    if state.map_value == state.crm_value:
        return
    for owner in Side:
        decision = decide_field(replace(PLAIN, owner=owner), state)
        kept = state.map_value if owner is Side.MAP else state.crm_value
        assert (decision.write_to, decision.value) == (owner.other, kept)


@given(cases)
def test_the_sides_are_treated_alike(case: tuple[FieldRule, FieldState]) -> None:
    """Mirroring the sides mirrors the decision, where nothing is translated."""
    rule, state = case
    turned = {
        Direction.BOTH: Direction.BOTH,
        Direction.TO_CRM: Direction.TO_MAP,
        Direction.TO_MAP: Direction.TO_CRM,
    }
    plain = replace(rule, values={}, transform=(), default=None, max_length=None, aggregate=None)
    mirrored = replace(
        plain, owner=plain.owner.other if plain.owner else None, direction=turned[plain.direction]
    )
    other = FieldState(
        state.crm_value,
        state.map_value,
        (state.base[1], state.base[0]) if state.base else None,
        state.crm_at,
        state.map_at,
    )
    one, two = decide_field(plain, state), decide_field(mirrored, other)
    assert (one.write_to.other if one.write_to else None) == two.write_to
    assert one.value == two.value


def decided(rule: FieldRule, left: Json, right: Json, base: Any = None, **at: Any) -> Any:
    """(side, value, reason) of a decision."""
    decision = decide_field(rule, FieldState(left, right, base, **at))
    return decision.write_to, decision.value, decision.reason


OLD, NEW = (
    {"map_at": AT, "crm_at": AT + timedelta(hours=1)},
    {
        "map_at": AT + timedelta(hours=1),
        "crm_at": AT,
    },
)


@pytest.mark.parametrize(
    ("changes", "left", "right", "base", "at", "expected"),
    [
        ({}, "Poet", "Poet", None, {}, (None, None, "agreed")),
        ({}, "Poet", None, None, {}, (Side.CRM, "Poet", "changed_in_map")),
        ({}, None, "Clerk", None, {}, (Side.MAP, "Clerk", "changed_in_crm")),
        ({}, "Poet", "Clerk", None, {}, (Side.CRM, "Poet", "first_agreement")),
        ({}, "Poet", "Clerk", ("Poet", "Clerk"), {}, (None, None, "left_apart")),
        ({}, "Poet", "Clerk", ("Poet", "Poet"), {}, (Side.MAP, "Clerk", "changed_in_crm")),
        ({}, None, "Poet", ("Poet", "Poet"), {}, (None, None, "blank_kept")),
        ({"clear": True}, None, "Poet", ("Poet", "Poet"), {}, (Side.CRM, None, "changed_in_map")),
        ({}, None, "Clerk", ("Poet", "Poet"), {}, (Side.MAP, "Clerk", "owner_blank")),
        (
            {"direction": Direction.TO_MAP},
            "Poet", "Clerk", ("Clerk", "Clerk"), {},
            (None, None, "direction_closed"),
        ),
        (
            {"overwrite": Overwrite.IF_BLANK},
            "Poet", "Clerk", ("Clerk", "Clerk"), {},
            (None, None, "overwrite_forbidden"),
        ),
        (
            {"overwrite": Overwrite.IF_BLANK},
            "Poet", None, ("Clerk", None), {},
            (Side.CRM, "Poet", "changed_in_map"),
        ),
        (
            {"overwrite": Overwrite.NEWEST},
            "Poet", "Clerk", ("x", "x"), OLD,
            (Side.MAP, "Clerk", "newest_wins"),
        ),
        (
            {"overwrite": Overwrite.NEWEST},
            "Poet", "Clerk", ("x", "x"), NEW,
            (Side.CRM, "Poet", "newest_wins"),
        ),
        (
            {"overwrite": Overwrite.NEWEST},
            "Poet", "Clerk", ("x", "x"), {},
            (Side.CRM, "Poet", "owner_wins_times_unknown"),
        ),
        (
            {"overwrite": Overwrite.NEWEST},
            "Poet", "Clerk", ("x", "x"), {"map_at": AT, "crm_at": AT.replace(microsecond=9)},
            (Side.CRM, "Poet", "owner_wins_times_unknown"),
        ),
        ({"owner": None}, "Poet", "Clerk", ("x", "x"), OLD, (Side.MAP, "Clerk", "newest_wins")),
        ({"owner": None}, "Poet", "Clerk", ("x", "x"), NEW, (Side.CRM, "Poet", "newest_wins")),
        ({"owner": None}, "Poet", "Clerk", ("x", "x"), {}, (None, None, "conflict")),
        ({"owner": None}, "Poet", "Clerk", None, {}, (None, None, "conflict")),
        ({"owner": None}, "Poet", "Clerk", ("Clerk", "Clerk"), {},
            (Side.CRM, "Poet", "changed_in_map")),
        ({"owner": None}, None, "Clerk", ("x", "x"), NEW, (Side.MAP, "Clerk", "other_blank")),
        ({"owner": None}, "Poet", None, ("x", "x"), OLD, (Side.CRM, "Poet", "other_blank")),
        (
            {"owner": None, "clear": True},
            None, "Clerk", ("x", "x"), NEW,
            (Side.CRM, None, "newest_wins"),
        ),
        (
            {"owner": None, "overwrite": Overwrite.IF_BLANK},
            "Poet", "Clerk", ("x", "x"), NEW,
            (None, None, "overwrite_forbidden"),
        ),
        (
            {"aggregate": Aggregate.NEWEST},
            "Poet", "Clerk", ("x", "x"), OLD,
            (Side.MAP, "Clerk", "newest_wins"),
        ),
        (
            {"aggregate": Aggregate.SUM, "type": ValueType.NUMBER, "direction": Direction.TO_MAP},
            "15", "5", ("15", "5"), {},
            (None, None, "agreed"),
        ),
        (
            {"aggregate": Aggregate.SUM, "type": ValueType.NUMBER},
            None, "10", ("10", "10"), {},
            (Side.MAP, "10", "aggregate_sum"),
        ),
        (
            {"overwrite": Overwrite.NEWEST},
            "Poet", "Clerk", ("Clerk", "Clerk"), OLD,
            (Side.CRM, "Poet", "changed_in_map"),
        ),
        (
            {"aggregate": Aggregate.MAX, "type": ValueType.NUMBER},
            "10", "30", None, {},
            (Side.MAP, "30", "aggregate_max"),
        ),
        (
            {"aggregate": Aggregate.MAX, "type": ValueType.NUMBER},
            None, "-3", None, {},
            (Side.MAP, "-3", "aggregate_max"),
        ),
        (
            {"aggregate": Aggregate.SUM, "type": ValueType.NUMBER},
            "12", "10", ("10", "10"), {},
            (Side.CRM, "12", "aggregate_sum"),
        ),
        (
            {"aggregate": Aggregate.MAX, "type": ValueType.NUMBER},
            "many", "3", None, {},
            (None, None, "not_a_number"),
        ),
        ({"max_length": 3}, "Poet", None, None, {}, (None, None, "rejected")),
        (
            {"max_length": 3, "too_long": TooLong.TRUNCATE},
            "Poet", None, None, {},
            (Side.CRM, "Poe", "changed_in_map"),
        ),
        ({"default": "[none]"}, None, "[none]", None, {}, (None, None, "agreed")),
        ({"default": "[none]"}, "Poet", "[none]", ("x", "x"), {}, (Side.CRM, "Poet", "owner_wins")),
    ],
)  # fmt: skip
def test_the_table(
    changes: dict[str, Any], left: Json, right: Json, base: Any, at: dict[str, Any], expected: Any
) -> None:
    """The decisions of BEHAVIOURS, one line each: changed on one side, on both, blank, forbidden,
    newest (an unrelated edit of the record wins no field), aggregates (a blank is no zero)."""
    assert decided(replace(PLAIN, **changes), left, right, base, **at) == expected


@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(-9, 9))
def test_a_sum_counts_each_sides_increments_once(start: int, left: int, right: int) -> None:
    """Marketo's surprise does not happen: from an agreed score both sides' increments are added
    once, and after at most two writes both sides say the same and keep still."""
    rule = replace(PLAIN, aggregate=Aggregate.SUM, type=ValueType.NUMBER)
    state = FieldState(str(start + left), str(start + right), (str(start), str(start)))
    for _ in range(2):
        state = applied(state, decide_field(rule, state))
    total = str(start + left + right)
    if start + left == start + right:  # the same score on both sides is agreement, not a sum
        total = str(start + left)
    assert (state.map_value, state.crm_value) == (total, total)
    assert decide_field(rule, state).write_to is None


SCORE = replace(PLAIN, aggregate=Aggregate.SUM, type=ValueType.NUMBER)
added = st.lists(
    st.tuples(st.just(Side.MAP), st.integers(0, 20))
    | st.tuples(st.just(Side.CRM), st.integers(0, 20).map(lambda n: n * 1000)),
    max_size=8,
)
"""Points gained; on such scales the two sides never show one number for different reasons, which
would be agreement."""


def scored(state: FieldState, side: Side, points: int) -> FieldState:
    """The field after somebody gained points on one side."""
    if side is Side.MAP:
        return replace(state, map_value=str(int(str(state.map_value)) + points))
    return replace(state, crm_value=str(int(str(state.crm_value)) + points))


@given(added, st.randoms(use_true_random=False))
def test_a_sum_counts_every_point_once(steps: list[tuple[Side, int]], rng: Any) -> None:
    """Whatever is added on which side, in any order, with syncs anywhere between and none, one or
    several decisions at a time: the total is what was added, on both sides, once."""
    state = FieldState("0", "0", ("0", "0"))
    for side, points in steps:
        state = scored(state, side, points)
        for _ in range(rng.randrange(3)):
            state = applied(state, decide_field(SCORE, state))
    for _ in range(3):
        state = applied(state, decide_field(SCORE, state))
    total = str(sum(points for _, points in steps))
    assert (state.map_value, state.crm_value) == (total, total)


@pytest.mark.parametrize("direction", [Direction.TO_MAP, Direction.TO_CRM])
@given(added)
def test_a_one_way_sum_counts_every_point_once(
    direction: Direction, steps: list[tuple[Side, int]]
) -> None:
    """Where the total goes to one side alone, it is still everything that was added, once, and
    the other side keeps its own."""
    rule = replace(SCORE, direction=direction, owner=Side.MAP)
    state, own = FieldState("0", "0", ("0", "0")), {Side.MAP: 0, Side.CRM: 0}
    target = Side.MAP if direction is Direction.TO_MAP else Side.CRM
    for side, points in steps:
        own[side] += points
        state = scored(state, side, points)
        state = applied(state, decide_field(rule, state))
    kept = {Side.MAP: state.map_value, Side.CRM: state.crm_value}
    assert kept[target] == str(sum(own.values()))
    assert kept[target.other] == str(own[target.other])


@given(cases)
def test_an_edit_elsewhere_on_the_record_decides_nothing(
    case: tuple[FieldRule, FieldState],
) -> None:
    """A side that has not changed the field never wins it, whatever else was edited when."""
    rule, state = case
    if state.base is None or rule.aggregate in (Aggregate.MAX, Aggregate.SUM):
        return
    decision = decide_field(rule, state)
    unmoved = {
        Side.MAP: equal(state.map_value, state.base[0], rule.type),
        Side.CRM: equal(state.crm_value, state.base[1], rule.type),
    }
    if decision.write_to is not None:
        assert not unmoved[decision.write_to.other]


@given(cases)
def test_a_conflict_needs_two_changes_and_nobody_to_decide(
    case: tuple[FieldRule, FieldState],
) -> None:
    """A conflict is never raised where an owner, a time or a blank decides, and never loses a
    value: nothing is written."""
    rule, state = case
    decision = decide_field(rule, state)
    if decision.reason != "conflict":
        return
    assert rule.owner is None
    assert decision.write_to is None
    assert state.map_at is None or state.crm_at is None or abs(state.map_at - state.crm_at) < SECOND
    for side in Side:
        told = replace(rule, owner=side)
        assert decide_field(told, state).reason != "conflict"


SUM = {"aggregate": Aggregate.SUM, "type": ValueType.NUMBER}
CRMS = {"owner": Side.CRM}


@pytest.mark.parametrize(
    ("changes", "left", "right", "met", "expected"),
    [
        (CRMS, "New", "Clerk", ("Clerk", "Clerk"), (Side.CRM, "New", "changed_in_map")),
        (CRMS, "New", "Clerk", ("Poet", "Clerk"), (Side.CRM, "New", "changed_in_map")),
        (CRMS, "Poet", "Clerk", ("Poet", "Clerk"), (Side.MAP, "Clerk", "first_agreement")),
        (CRMS, "New", "Judge", ("Poet", "Clerk"), (Side.MAP, "Judge", "owner_wins")),
        (CRMS, None, "Clerk", ("Poet", "Clerk"), (None, None, "blank_kept")),
        (CRMS, None, "Clerk", (None, "Clerk"), (Side.MAP, "Clerk", "changed_in_crm")),
        ({"owner": None}, "New", "Clerk", ("Poet", "Clerk"), (None, None, "conflict")),
        ({"owner": None}, "New", "Clerk", ("Clerk", "Clerk"), (Side.CRM, "New", "changed_in_map")),
        (SUM, "15", "10", ("10", "10"), (Side.CRM, "15", "aggregate_sum")),
        (SUM, "15", "20", ("10", "20"), (Side.CRM, "35", "aggregate_sum")),
    ],
)  # fmt: skip
def test_before_the_first_agreement(
    changes: dict[str, Any], left: Json, right: Json, met: Any, expected: Any
) -> None:
    """What was edited since the two records were linked is a change; what was not is met for the
    first time. Totals are counted from what the sides agreed on when they met, else added up."""
    assert decided(replace(PLAIN, **changes), left, right, met=met) == expected
