"""The responsibility ledger has no gap and no overlap, and says what it does not know (law 9)."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.evaluate import replay
from lifecycle.evidence import Evidence
from lifecycle.handoff import Assignment, Chosen, Handoff, Status
from lifecycle.responsibility import (
    Owner,
    Stretch,
    deal_ledger,
    ledger,
    owners_of,
    responsible_at,
    unknown_time,
)
from lifecycle.standing import Transition
from mappings.contract import Contract, Team
from tests.lifecycle.people import REP, change, day, deal, fill, person, stories
from tests.mappings.contracts import contract_of

END = day(240)
OTHER = "005000000000002"


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """The contract of the mapping tests."""
    return contract_of(Path(tmp_path_factory.mktemp("contract")))


def whole(stretches: tuple[Stretch, ...], start: datetime) -> bool:
    """Whether stretches begin where they should, join, and the last is open."""
    joined = all(one.end == two.start for one, two in pairwise(stretches))
    forward = all(one.end is None or one.start < one.end for one in stretches)
    return joined and forward and stretches[0].start == start and stretches[-1].end is None


def plain(stretches: tuple[Stretch, ...]) -> list[tuple[float, str, str | None, str]]:
    """A ledger in short: from which day, team, person, why."""
    return [
        ((s.start - day(0)) / timedelta(days=1), s.duty.team.value, s.duty.person, s.duty.why)
        for s in stretches
    ]


def test_a_lead_goes_from_marketing_to_sales_and_back(contract: Contract) -> None:
    """Held it is still marketing's, given it is the owner's, and sent back it is marketing's."""
    story = person(
        fill(1), fill(2), change(5, "crm.Recycle_Reason__c", "not_ready"),
        change(9, "crm.Status", "Recycled"),
    )  # fmt: skip
    moves = replay(contract, story, day(20)).moves
    handoff = Handoff(
        "k", "p1", "high_touch", "mql", "forward", day(2), Status.ENDED,
        assignments=(Assignment(REP, day(3), Chosen.TURN, "dach"),
                     Assignment(OTHER, day(6), Chosen.TURN, "dach")),
        accepted_at=day(4), ended_at=day(9),
    )  # fmt: skip
    found = ledger(contract, day(0), moves, [handoff], [], owners_known_from=day(0))
    assert plain(found) == [
        (0, "marketing", None, "no stage yet"),
        (1, "marketing", None, "stage lead"),
        (2, "marketing", None, "held"),
        (3, "sales", REP, "handed over"),
        (4, "sales", REP, "accepted"),
        (6, "sales", OTHER, "accepted"),
        (9, "marketing", None, "recycled: not_ready"),
    ]
    assert whole(found, day(0))
    duty = responsible_at(found, day(5))
    assert duty is not None
    assert (duty.team, duty.person) == (Team.SALES, REP)
    assert responsible_at(found, day(-1)) is None


def test_time_without_evidence_is_unknown(contract: Contract) -> None:
    """Before the CRM recorded owners nobody knows whose lead it was: counted, not guessed."""
    moves = replay(contract, person(deals=[deal(1)]), day(20)).moves
    owners: list[Owner] = [(day(-50), REP)]
    found = ledger(contract, day(0), moves, [], owners, owners_known_from=day(5))
    assert [(s.duty.person, s.duty.known) for s in found] == [
        (None, True), (None, False), (REP, True),
    ]  # fmt: skip
    assert unknown_time(found, day(20)) == timedelta(days=4)
    never = ledger(contract, day(0), moves, [], owners, owners_known_from=None)
    assert unknown_time(never, day(20)) == timedelta(days=19)


def test_a_rejected_lead_is_marketings(contract: Contract) -> None:
    """Sales' no, with its reason, until something moves the person on."""
    moves = replay(contract, person(fill(1), fill(2)), day(20)).moves
    no = Handoff(
        "k", "p1", "high_touch", "mql", "forward", day(2), Status.REJECTED,
        assignments=(Assignment(REP, day(2), Chosen.TURN, "dach"),), ended_at=day(4),
        reason="not_ready",
    )  # fmt: skip
    found = ledger(contract, day(0), moves, [no], [], owners_known_from=day(0))
    assert plain(found)[-1] == (4, "marketing", None, "rejected: not_ready")


def test_a_deal_has_a_ledger_from_creation_to_close() -> None:
    """Every owner in turn, unknown before owners were recorded, nobody after the close."""
    owners = owners_of([change(5, "d.OwnerId", OTHER, REP)], OTHER)
    found = deal_ledger(deal(1, closed=9), owners, owners_known_from=day(2))
    assert [(s.start, s.end, s.duty.person) for s in found] == [
        (day(1), day(2), None), (day(2), day(5), REP), (day(5), day(9), OTHER),
    ]  # fmt: skip
    assert responsible_at(found, day(9)) is None
    assert whole(deal_ledger(deal(1), owners_of([], REP), owners_known_from=day(0)), day(1))


def test_an_owner_history_begins_with_the_first_owner() -> None:
    """Before the first recorded change it was whom that change replaced."""
    assert [user for _, user in owners_of([change(5, "o", OTHER, REP)], OTHER)] == [REP, OTHER]
    assert [user for _, user in owners_of([], REP)] == [REP]
    assert [user for _, user in owners_of([], None)] == [None]


@st.composite
def handoffs(draw: st.DrawFn, moves: tuple[Transition, ...]) -> list[Handoff]:
    """Handoffs one after the other, each however it went."""
    found: list[Handoff] = []
    last = day(0)
    for move in moves:
        if move.at < last or not draw(st.booleans()):
            continue
        times = sorted(draw(st.lists(st.integers(1, 500), max_size=4)))
        stamps = [move.at + timedelta(hours=hours) for hours in times]
        over = draw(st.booleans()) and bool(stamps)
        given_to = stamps[:-1] if over else stamps
        found.append(
            Handoff(
                f"k{len(found)}", "p1", move.lifecycle, move.after, "forward", move.at,
                Status.ENDED if over else Status.OPEN,
                assignments=tuple(
                    Assignment(draw(st.sampled_from([REP, OTHER, None])), at, Chosen.TURN, "q")
                    for at in given_to
                ),
                accepted_at=draw(st.sampled_from([None, *stamps])),
                ended_at=stamps[-1] if over else None,
            )
        )  # fmt: skip
        if not over:
            break
        last = stamps[-1]
    return found


@settings(deadline=None, max_examples=60)
@given(data=st.data(), story=stories(), known=st.none() | st.integers(0, 200))
def test_no_gap_and_no_overlap(
    contract: Contract, data: st.DataObject, story: Evidence, known: int | None
) -> None:
    """Law 9: at every moment since a person is known exactly one duty answers, and two replays
    give the same ledger."""
    moves = replay(contract, story, END).moves
    drawn = data.draw(handoffs(moves))
    at = st.integers(-50, 200).map(day)
    owners = sorted(data.draw(st.lists(st.tuples(at, st.sampled_from([REP, OTHER])), max_size=4)))
    since = day(known) if known is not None else None

    def once() -> tuple[Stretch, ...]:
        again = replay(contract, story, END).moves
        return ledger(contract, day(0), again, drawn, owners, owners_known_from=since)

    found = once()
    assert whole(found, day(0))
    assert found == once()
    for moment in data.draw(st.lists(st.integers(0, 300).map(day), max_size=5)):
        assert responsible_at(found, moment) is not None
        assert sum(s.start <= moment and (s.end is None or moment < s.end) for s in found) == 1


def test_a_deal_that_was_closed_as_it_was_opened_was_nobodys_job() -> None:
    """An opportunity entered when it was won already has no stretch, and no error."""
    assert deal_ledger(deal(1, closed=1), owners_of([], REP), owners_known_from=day(0)) == ()
