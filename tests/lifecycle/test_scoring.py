"""Scoring evidence counted by hand, with its intervals; nothing is learnt from the outcome."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.scoring import Scoring, densest, lift, share
from lifecycle.subjects import Subject
from lifecycle.timeline import Deal, MomentKind
from mappings.contract import Contract
from tests.lifecycle.audited import NOW, before, touch
from tests.lifecycle.test_funnel import CONTRACT, moved

FORM, CLICK = MomentKind.FORM_FILL, MomentKind.EMAIL_CLICK


def prospect(name: str, *sources: str, won: bool = False, opened: float = 10) -> Subject:
    """Somebody who filled in these forms, one a day from a hundred days ago."""
    touches = tuple(touch(before(100 - i), name, FORM, s) for i, s in enumerate(sources))
    deal = Deal(f"d-{name}", before(opened), is_closed=True, is_won=True, closed_at=before(1))
    return Subject(name, touches=touches, deals=(deal,) if won else ())


def scored(people: list[Subject], contract: Contract | None = None) -> Scoring:
    """What they tell."""
    scoring = Scoring(contract or Contract(), NOW)
    for one in people:
        scoring.add(one)
    return scoring


def test_a_lift_counted_by_hand() -> None:
    """Of ten who asked for the price list four won, of twenty others two: four times as many, with
    Katz's interval."""
    people = [prospect(f"a{i}", "Price list", won=i < 4) for i in range(10)]
    people += [prospect(f"b{i}", "Newsletter", won=i < 2) for i in range(20)]
    lines = {(line["trait"], line["value"]): line for line, _ in scored(people).traits()}
    price = lines["answered", "form_fill: Price list"]
    assert (price["people"], price["won"]) == (10, 4)
    assert price["conversion"] == [0.4, 0.1682, 0.6873]
    assert price["lift"] == [4.0, 0.8764, 18.2557]  # 4 times or through e to 1.96 * sqrt(0.6)
    assert lines["answered", "form_fill: Newsletter"]["lift"][0] == 0.25


def test_the_names_behind_a_trait_are_its_winners() -> None:
    """A trait is drilled to those who won with it."""
    people = [prospect(f"a{i}", "Price list", won=i < 2) for i in range(6)]
    [(_, records), *_] = scored(people).traits()
    assert records == ["a0", "a1"]


def test_what_few_people_share_is_not_shown() -> None:
    """Four people are no trait."""
    assert scored([prospect(f"a{i}", "Rare") for i in range(4)]).traits() == []


def test_nothing_is_learnt_from_the_outcome() -> None:
    """What somebody did after their first deal was opened does not count towards it, and whoever
    answered nothing before is not looked at."""
    late = touch(before(5), "a0", FORM, "Onboarding")
    one = prospect("a0", "Price list", won=True)
    people = [replace(one, touches=(*one.touches, late))]
    people += [prospect(f"b{i}", "Price list", "Onboarding") for i in range(5)]
    lines = {line["value"]: line for line, _ in scored(people).traits()}
    assert lines["form_fill: Onboarding"]["won"] == 0
    assert scored([replace(one, touches=(late,))]).everybody.people == []


def test_profile_values_and_personas_are_traits() -> None:
    """What is known of who they are is held against winning as what they did is."""
    people = [
        replace(prospect(f"a{i}", "News", won=i < 3), traits={"industry": "Chemicals", "x": ""},
                persona="leader")
        for i in range(5)
    ]  # fmt: skip
    kinds = {(line["trait"], line["value"]) for line, _ in scored(people).traits()}
    assert {("industry", "Chemicals"), ("persona", "leader")} <= kinds
    assert ("x", "") not in kinds


def test_the_definition_is_judged_by_precision_and_recall() -> None:
    """Three became MQL before a deal, two of them won; of four winners it found two."""

    def person(name: str, *, mql: bool, won: bool) -> Subject:
        steps = [("lead", 90.0)] + ([("mql", 80.0)] if mql else [])
        return replace(prospect(name, "News", won=won), moves=moved(name, *steps).moves)

    people = [
        person("a", mql=True, won=True), person("b", mql=True, won=True),
        person("c", mql=True, won=False), person("d", mql=False, won=True),
        person("e", mql=False, won=True), person("f", mql=False, won=False),
    ]  # fmt: skip
    judged = scored(people, CONTRACT).definition()
    assert judged is not None
    assert (judged["qualified"], judged["won"]) == (3, 2)
    assert (judged["precision"][0], judged["recall"][0], judged["f1"]) == (0.6667, 0.5, 0.5714)
    assert scored(people).definition() is None


def test_the_threshold_that_weighs_best_is_marked() -> None:
    """Winners answered three times within a month, the others once or twice: three is best."""
    people = [prospect(f"w{i}", "A", "B", "C", won=True) for i in range(5)]
    people += [prospect(f"o{i}", *["A"] * (1 + i % 2)) for i in range(10)]
    lines = scored(people).thresholds()
    assert [line["at_least"] for line in lines if line["is_best"]] == [3]
    assert [line["qualified"] for line in lines[:4]] == [15, 10, 5, 0]
    assert not any(line["is_best"] for line in scored([]).thresholds())


def test_touches_are_counted_in_their_densest_month() -> None:
    """Two within thirty days and one long before are two."""
    apart = [touch(before(ago), "a", CLICK) for ago in (90, 40, 10)]
    assert (densest(apart), densest([])) == (2, 0)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_intervals_hold_their_number(won: int, lost: int, other_won: int, other_lost: int) -> None:
    """A share lies within its interval and that within 0 and 1; a lift lies within its own, and is
    there whenever both groups are and somebody has won."""
    found = share(won, won + lost)
    if found is not None:
        assert 0 <= found.low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.high <= 1
    raised = lift(won, won + lost, other_won, other_won + other_lost)
    assert (raised is not None) == all([won + lost, other_won + other_lost, won + other_won])
    if raised is not None:
        assert raised.low <= raised.value <= raised.high


@pytest.mark.parametrize("cells", [(0, 0, 1, 1), (1, 1, 0, 0), (0, 5, 0, 160)])
def test_nobody_has_no_lift(cells: tuple[int, int, int, int]) -> None:
    """Without people, without others, or where nobody has won, there is nothing to compare."""
    assert lift(*cells) is None
