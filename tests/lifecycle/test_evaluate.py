"""Stages are decided the same however often and in however many pieces, forward only (law 6), and
neither team's fact hangs on the other's data (law 5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.evaluate import Evaluation, advance, replay
from lifecycle.evidence import Evidence
from lifecycle.standing import NOWHERE, Move, Standing, Transition
from lifecycle.timeline import Deal, Moment, MomentKind
from mappings.contract import Contract, Fact
from tests.lifecycle.people import (
    ROBOT,
    call,
    change,
    day,
    deal,
    fill,
    marketing,
    person,
    sales,
    stories,
)
from tests.mappings.contracts import contract_of

END = day(240)
LAWFUL = settings(deadline=None, max_examples=40)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """The contract of the mapping tests."""
    return contract_of(Path(tmp_path_factory.mktemp("contract")))


def told(moves: tuple[Transition, ...]) -> list[tuple[float, str, str]]:
    """Moves in short: day, stage, how."""
    return [((m.at - day(0)) / timedelta(days=1), m.after, m.move.value) for m in moves]


def test_a_person_goes_from_form_to_customer(contract: Contract) -> None:
    """The plain story: each stage on the day its last condition was met, and nothing else."""
    story = person(
        fill(1), fill(9), change(10, "crm.Status", "Working"), change(12, "crm.Budget__c", True),
        deals=[deal(15, closed=40, won=True)],
    )  # fmt: skip
    done = replay(contract, story, END)
    assert told(done.moves) == [
        (1, "lead", "forward"),
        (9, "mql", "forward"),
        (12, "sales_qualified", "forward"),
        (15, "opportunity", "forward"),
        (40, "customer", "forward"),
    ]
    assert done.standing.fact_at(contract, Fact.MQL) == day(9)
    assert done.standing.fact_at(contract, Fact.SALES_QUALIFIED) == day(12)
    assert done.moves[1].persona == "leader"
    assert done.next_at is None


def test_a_move_says_which_condition_was_met_when(contract: Contract) -> None:
    """Each condition with the day since when it holds: the address from the start, the second
    form on the ninth day."""
    mql = replay(contract, person(fill(1), fill(9)), END).moves[1]
    assert [(m.text, m.since) for m in mql.met] == [
        ("count(events.form_fill, days(30)) >= 2", day(9)),
        ('map.email != ""', day(0)),
    ]


def test_what_does_not_count_moves_nobody(contract: Contract) -> None:
    """Opens, what the vendor filters, and an integration's activities qualify no one."""
    filtered = replace(fill(2), filtered=True)
    opened = Moment(day(3), "open", MomentKind.EMAIL_OPEN)
    story = person(filtered, opened, call(4, ROBOT))
    assert replay(contract, story, END).moves == ()


def test_a_window_that_closes_in_between_is_seen(contract: Contract) -> None:
    """Two forms 31 days apart never count together; the standing knows when its answer turns."""
    story = person(fill(1), fill(32))
    assert [m.after for m in replay(contract, story, END).moves] == ["lead"]
    asked = advance(contract, NOWHERE, person(fill(1), fill(2), fields={"map.email": ""}), day(3))
    assert asked.next_at == day(31) + timedelta(microseconds=1)


def test_sales_sends_back_with_reason_and_date(contract: Contract) -> None:
    """Recycling is a move with reason; on the date the person returns to the stage that is handed
    over, once."""
    story = person(
        fill(1), fill(2), change(5, "crm.Recycle_Reason__c", "not_ready"),
        change(5, "crm.Recontact__c", "2026-06-01"), change(6, "crm.Status", "Recycled"),
    )  # fmt: skip
    done = replay(contract, story, day(120))
    recycled, returned = done.moves[2], done.moves[3]
    assert (recycled.after, recycled.move, recycled.reason) == (
        "nurture", Move.RECYCLE, "not_ready",
    )  # fmt: skip
    assert recycled.recontact == datetime.fromisoformat("2026-06-01T00:00:00+02:00")
    assert (returned.after, returned.move, returned.at) == (
        "mql", Move.RETURN, recycled.recontact,
    )  # fmt: skip
    assert done.moves[4:] == ()
    later = replay(contract, story, day(160)).moves[4:]
    assert [m.reason for m in later] == ["no_response"]  # 60 days without an answer


def test_a_step_back_waits_for_its_reason(contract: Contract) -> None:
    """Without one of the agreed reasons nobody is sent back, and the field is named."""
    moments = [fill(1), fill(2), change(6, "crm.Status", "Recycled")]
    waiting = replay(contract, person(*moments), day(10))
    assert waiting.standing.stage == "mql"
    assert waiting.missing == ("crm.Recycle_Reason__c",)
    odd = change(7, "crm.Recycle_Reason__c", "because")
    assert replay(contract, person(*moments, odd), day(10)).standing.stage == "mql"
    told_why = change(7, "crm.Recycle_Reason__c", "not_ready")
    assert replay(contract, person(*moments, told_why), day(10)).standing.stage == "nurture"


def test_what_was_used_up_does_not_count_again(contract: Contract) -> None:
    """After a step back two new forms are needed; the old ones do not bring anybody back."""
    back = [
        change(5, "crm.Recycle_Reason__c", "no_response"), change(6, "crm.Status", "Recycled"),
    ]  # fmt: skip
    once = replay(contract, person(fill(1), fill(2), *back, fill(8)), day(20))
    assert told(once.moves)[-1] == (8, "lead", "forward")
    twice = replay(contract, person(fill(1), fill(2), *back, fill(8), fill(9)), day(20))
    assert told(twice.moves)[-1] == (9, "mql", "forward")
    assert twice.standing.fact_at(contract, Fact.MQL) == day(2)


def test_a_segment_that_changes_is_a_recorded_move(contract: Contract) -> None:
    """A company that shrinks goes over to the other lifecycle; a blank size changes nothing."""
    grown = change(0, "map.company_size", "200")
    shrunk = change(5, "map.company_size", "20", "200")
    blank = change(5, "map.company_size", "", "200")
    moved = replay(contract, person(fill(1), grown, shrunk), day(9)).moves
    assert told(moved) == [(1, "lead", "forward"), (5, "lead", "segment")]
    assert moved[1].lifecycle == "self_serve"
    assert len(replay(contract, person(fill(1), grown, blank), day(9)).moves) == 1


def test_history_before_go_live_is_baseline(contract: Contract) -> None:
    """It is evaluated and told apart."""
    moves = replay(contract, person(fill(1), fill(9)), day(20), go_live=day(5)).moves
    assert [m.baseline for m in moves] == [True, False]


def test_what_was_not_recorded_is_not_certain(contract: Contract) -> None:
    """A move that rests on a field without history then says so."""
    story = person(fill(1), fill(2))
    without = replace(story.timeline, history={})
    moves = replay(contract, Evidence(without, story.rules, zone="UTC"), day(20)).moves
    assert [m.certain for m in moves] == [True, False]


def in_pieces(contract: Contract, story: Evidence, cuts: list[datetime]) -> Evaluation:
    """A life evaluated piece by piece, as runs do."""
    standing = NOWHERE
    moves: list[Transition] = []
    last = Evaluation(standing)
    for until in cuts:
        last = advance(contract, standing, story, until)
        assert not last.rewritten
        standing = last.standing
        moves += last.moves
    return replace(last, moves=tuple(moves))


@LAWFUL
@given(story=stories(), cuts=st.lists(st.integers(0, 24 * 200), max_size=6))
def test_pieces_make_the_whole(contract: Contract, story: Evidence, cuts: list[int]) -> None:
    """However a history is cut, moves and standing are those of one replay."""
    stops = [*sorted(day(cut / 24) for cut in cuts), END]
    whole = replay(contract, story, END)
    pieces = in_pieces(contract, story, stops)
    assert pieces.moves == whole.moves
    assert pieces.standing == whole.standing


@LAWFUL
@given(story=stories())
def test_working_due_instants_alone_is_enough(contract: Contract, story: Evidence) -> None:
    """Whoever evaluates only when something happened or `next_at` came finds every move at its
    time, and none in between."""
    standing: Standing = NOWHERE
    moves: list[Transition] = []
    at: datetime | None = story.instants[0]
    while at is not None and at <= END:
        done = advance(contract, standing, story, at)
        assert all(move.at == at for move in done.moves)
        moves += done.moves
        standing, at = done.standing, done.next_at
    assert tuple(moves) == replay(contract, story, END).moves


@LAWFUL
@given(story=stories())
def test_stages_only_go_forward(contract: Contract, story: Evidence) -> None:
    """Law 6: forward to a stage that lies ahead, back by recycling with an agreed reason only."""
    for move in replay(contract, story, END).moves:
        lifecycle = contract.lifecycle(move.lifecycle)
        if move.move is Move.FORWARD and move.before is not None:
            ahead = move.before in lifecycle.predecessors(move.after)
            assert ahead or not lifecycle.stage(move.before).entry
        if move.move is Move.RECYCLE:
            assert move.reason in lifecycle.recycle_reasons
        assert move.before != move.after or move.move is Move.SEGMENT


@LAWFUL
@given(own=marketing(), one=sales(), other=sales())
def test_sales_never_writes_marketings_fact(
    contract: Contract,
    own: list[Moment],
    one: tuple[list[Moment], list[Deal]],
    other: tuple[list[Moment], list[Deal]],
) -> None:
    """Law 5: whatever sales does, when somebody became marketing-qualified stays the same."""
    facts = {
        replay(contract, person(*own, *moments, deals=deals), END).standing.fact_at(
            contract, Fact.MQL
        )
        for moments, deals in (one, other, ([], []))
    }
    assert len(facts) == 1


@LAWFUL
@given(own=sales(), one=marketing(), other=marketing())
def test_marketing_never_writes_sales_fact(
    contract: Contract,
    own: tuple[list[Moment], list[Deal]],
    one: list[Moment],
    other: list[Moment],
) -> None:
    """Law 5, the other way."""
    facts = {
        replay(contract, person(*own[0], *moments, deals=own[1]), END).standing.fact_at(
            contract, Fact.SALES_QUALIFIED
        )
        for moments in (one, other, [])
    }
    assert len(facts) == 1


@LAWFUL
@given(story=stories(), late=st.integers(0, 24 * 100))
def test_late_evidence_rewrites_history(contract: Contract, story: Evidence, late: int) -> None:
    """An event that is pulled late gives what it would have given in time, and says that the
    past was gone through anew."""
    more = replace(
        story.timeline, moments=(*story.timeline.moments, fill(late / 24 + 0.01, "late"))
    )
    now = day(130)
    before = advance(contract, NOWHERE, story, now).standing
    known = Evidence(more, story.rules, zone="Europe/Berlin")
    after = advance(contract, before, known, now)
    assert after.rewritten
    assert after.moves == replay(contract, known, now).moves


def test_a_change_costs_few_questions(contract: Contract) -> None:
    """The work of one change does not grow with the length of the history: a person of two hundred
    events is asked no more questions than one of three."""

    def asked(count: int) -> int:
        story = person(*(fill(number / 10) for number in range(count)))
        before = advance(contract, NOWHERE, story, day(count / 10 + 1))
        more = replace(
            story.timeline, moments=(*story.timeline.moments, fill(count / 10 + 2, "one more"))
        )
        known = Evidence(more, story.rules, zone="Europe/Berlin")
        return len(list(_instants(contract, before.standing, known, day(count / 10 + 3))))

    assert asked(200) <= asked(3) + 1


def _instants(
    contract: Contract, standing: Standing, story: Evidence, until: datetime
) -> list[datetime]:
    found = []
    at: datetime | None = until
    while at is not None and at <= until:
        done = advance(contract, standing, story, at)
        found.append(at)
        standing, at = done.standing, done.next_at
    return found
