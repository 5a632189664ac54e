"""What both teams promised, counted by hand: service levels of handoffs, people per month."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lifecycle.audit import Scope
from lifecycle.handoff import Assignment, Chosen, Handoff, Status
from lifecycle.periods import Span, span_of
from lifecycle.promises import Promises
from lifecycle.standing import Move, Transition
from lifecycle.subjects import Subject
from lifecycle.timeline import MomentKind
from lifecycle.touch import Touch
from lifecycle.working import Working
from mappings.contract import Contract, Team
from tests.lifecycle.audited import audited, findings, person
from tests.lifecycle.people import day
from tests.mappings.contracts import contract_of

ONE, TWO = "005000000000001", "005000000000002"
OPENED = day(1) + timedelta(hours=1)
"""A Tuesday in March 2026, 10:00 in Berlin."""
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Sales accepts within 4 hours, touches within a day, three times within five."""
    return contract_of(Path(tmp_path_factory.mktemp("contract")))


def given(name: str, owner: str, *touched: float, accepted: float | None = None) -> Subject:
    """Somebody handed over, touched after so many hours, and accepted."""
    attempts = tuple(OPENED + hours * HOUR for hours in touched)
    handoff = Handoff(
        f"{name}:mql", name, "high_touch", "mql", "forward", OPENED,
        Status.OPEN if accepted is None else Status.ACCEPTED,
        assignments=(Assignment(owner, OPENED, Chosen.TURN, "dach"),),
        attempts=attempts,
        accepted_at=OPENED + accepted * HOUR if accepted is not None else None,
    )  # fmt: skip
    return Subject(
        name,
        touches=tuple(
            Touch(at, f"t{at}", name, Team.SALES, MomentKind.CALL, "Call", owner) for at in attempts
        ),
        handoffs=(handoff,),
    )


PEOPLE = [given("ada", ONE, 3, accepted=2), given("ben", TWO)]


def working(contract: Contract, now: datetime) -> Working:
    """What sales did by then."""
    span = Span(OPENED - 10 * HOUR, now + HOUR, "then")
    found = Working(contract, span, now)
    for one in PEOPLE:
        found.add(one)
    return found


def test_service_levels_are_counted_by_owner(contract: Contract) -> None:
    """Two days on: one accepted and touched in time, the other neither; both still have time for
    three attempts. Each number names its people."""
    told = {
        (level, owner): (own.kept, own.broken, own.running)
        for _, level, owner, own in working(contract, OPENED + timedelta(days=2)).promises()
    }
    assert told == {
        ("accept", ONE): (["ada"], [], []),
        ("accept", TWO): ([], ["ben"], []),
        ("attempts", ONE): ([], [], ["ada"]),
        ("attempts", TWO): ([], [], ["ben"]),
        ("touch", ONE): (["ada"], [], []),
        ("touch", TWO): ([], ["ben"], []),
    }


def test_working_days_are_those_of_the_queue(contract: Contract) -> None:
    """Until the fifth working day of the queue's calendar is over an untouched lead is pending,
    afterwards it was not worked."""
    soon, late = (working(contract, OPENED + timedelta(days=n)) for n in (2, 30))
    figures = [desk.figures() for one in (soon, late) for _, desk in one.desks()]
    assert [(f["worked"], f["pending"], f["not_worked"]) for f in figures] == [(1, 1, 0), (1, 0, 1)]
    assert [f["worked_rate"] for f in figures] == [1.0, 0.5]


def test_a_handoff_is_told_to_sales_by_itself(contract: Contract) -> None:
    """Whoever the contract handed over was not handed over in silence."""
    quiet = replace(person("ada"), entries=(), touches=person("ada").touches[:1])
    came = quiet.came
    assert came is not None
    assert came.created_at is not None
    told = replace(PEOPLE[1].handoffs[0], assignments=(
        Assignment(TWO, came.created_at + HOUR, Chosen.TURN, "dach"),
    ))  # fmt: skip
    scope = Scope(came.created_at + timedelta(days=20), events_since=day(-2000))
    assert ("silent_handoff", came.ref) in findings(audited([quiet], scope=scope))
    assert findings(audited([replace(quiet, handoffs=(told,))], scope=scope)) == []


def moved(name: str, stage: str, at: datetime, persona: str) -> Subject:
    """Somebody who moved into a stage."""
    move = Transition(at, "high_touch", None, stage, Move.FORWARD, persona=persona)
    return Subject(name, moves=(move,))


def test_what_marketing_promised_is_counted_by_month_and_persona(contract: Contract) -> None:
    """Forty leaders a month were promised: one became MQL, one went further at once; a maker does
    not count, nor who is a lead yet. April stands apart, and says that it is not over."""
    now = OPENED + timedelta(days=40)
    span = span_of("2026-03-05..2026-04-05", contract.reporting, now)
    assert span is not None
    promises = Promises(contract, span, now)
    for one in (
        moved("ada", "mql", OPENED, "leader"),
        moved("ben", "sales_qualified", OPENED, "leader"),
        moved("cy", "mql", OPENED, "maker"),
        moved("dot", "lead", OPENED, "leader"),
        moved("eve", "mql", OPENED + timedelta(days=35), "leader"),
    ):
        promises.add(one)
    lines = [
        (line["from"], line["promised"], line["delivered"], line["is_over"], records)
        for line, records in promises.lines()
    ]
    assert lines == [
        ("2026-03-01", 40, 2, True, ["ada", "ben"]),
        ("2026-04-01", 40, 1, False, ["eve"]),
    ]
