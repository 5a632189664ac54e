"""Handoffs: held, given, answered, warned of, escalated, reassigned, ended; each effect once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.assign import Staff, assign
from lifecycle.calendars import calendar_of, calendars_of
from lifecycle.handing import Decision, Desk, Situation, begin, follow, handoff_key
from lifecycle.handoff import Chosen, EffectKind, Handoff, Level, Status
from lifecycle.service_levels import clocks
from lifecycle.standing import Move, Transition
from mappings.contract import Contract
from mappings.criteria import Facts
from tests.lifecycle.people import PROFILE, day
from tests.mappings.contracts import contract_of

ONE, TWO, WORLD, ABOVE, FALLBACK = (f"00500000000000{n}" for n in (1, 2, 3, 8, 9))
EVERYBODY = frozenset({ONE, TWO, WORLD, ABOVE, FALLBACK})
OPENED = day(1) + timedelta(hours=1)
"""A Tuesday, 10:00 in Berlin."""


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """The contract of the mapping tests: `dach` shares 2 to 1, `world` has one member."""
    return contract_of(Path(tmp_path_factory.mktemp("contract")))


@pytest.fixture
def desk(contract: Contract) -> Desk:
    """Everybody is there and has nothing yet."""
    return Desk(contract, calendars_of(contract), Staff(EVERYBODY))


def moved(
    at: datetime = OPENED, *, baseline: bool = False, move: Move = Move.FORWARD
) -> Transition:
    """A move into the stage that is handed over."""
    return Transition(at, "high_touch", "lead", "mql", move, baseline=baseline)


def now(at: datetime = OPENED, *, owner: str | None = None, since: datetime | None = None,
        touches: tuple[datetime, ...] = (), moves: tuple[Transition, ...] = (),
        **fields: Any) -> Situation:  # fmt: skip
    """How things are; `crm_Status` stands for `crm.Status`."""
    named = {name.replace("_", ".", 1): value for name, value in fields.items()}
    facts = Facts(at, dict(PROFILE) | named, zone="Europe/Berlin")
    return Situation(facts, owner, since, touches, moves)


def begun(desk: Desk, situation: Situation | None = None) -> Decision:
    """A handoff that has just begun."""
    decision = begin(desk, "p1", moved(), situation or now(), [])
    assert decision is not None
    return decision


def words(decision: Decision) -> list[tuple[str, str | None, str]]:
    """Effects in short."""
    return [(effect.kind.value, effect.user, effect.text) for effect in decision.effects]


def test_a_qualified_lead_is_given_to_somebody(desk: Desk) -> None:
    """An owner, a task, a notice, and the first instant at which to look again."""
    decision = begun(desk)
    assert decision.handoff.status is Status.OPEN
    assert words(decision) == [
        ("assign", ONE, "dach"),
        ("task", ONE, "Call this lead"),
        ("notify", ONE, "handed_over 1"),
    ]
    assert decision.next_at == OPENED + timedelta(hours=2)  # half of the four hours


def test_missing_data_holds_it(desk: Desk) -> None:
    """Marketing is told what is missing, once; when it is there the lead is given, not before."""
    held = begun(desk, now(map_company=""))
    assert (held.handoff.status, held.handoff.missing) == (Status.HELD, ("map.company",))
    assert words(held) == [("notify", None, "held map.company")]
    again = follow(desk, held.handoff, now(OPENED + timedelta(days=1), map_company=""))
    assert again.effects == ()
    given_now = follow(desk, held.handoff, now(OPENED + timedelta(days=2)))
    assert given_now.handoff.status is Status.OPEN
    assert given_now.handoff.given_at == OPENED + timedelta(days=2)


def test_history_and_steps_back_hand_nothing_over(desk: Desk) -> None:
    """Law 13: before `go_live` nothing is assigned; recycling is no handoff; nor is a stage
    without one."""
    assert begin(desk, "p1", moved(baseline=True), now(), []) is None
    assert begin(desk, "p1", moved(move=Move.RECYCLE), now(), []) is None
    assert begin(desk, "p1", replace(moved(), after="lead"), now(), []) is None


def test_nobody_is_followed_up_twice(desk: Desk) -> None:
    """While somebody works on a person, or holds them, no second handoff begins."""
    first = begun(desk).handoff
    later = moved(OPENED + timedelta(days=9), move=Move.RETURN)
    assert begin(desk, "p1", later, now(later.at), [first]) is None
    assert begin(desk, "p1", moved(), now(), [replace(first, status=Status.ENDED)]) is None
    over = replace(first, status=Status.ENDED, ended_at=OPENED + timedelta(days=3))
    assert begin(desk, "p1", later, now(later.at), [over]) is not None


def test_territories_choose_the_queue(desk: Desk) -> None:
    """Germany goes to its own queue, everybody else to the last line's."""
    assert begun(desk, now(map_country="France")).handoff.owner == WORLD


def test_whoever_has_the_person_keeps_them(desk: Desk) -> None:
    """An owner who is one of the queue and can take it is not changed; a stranger is."""
    kept = begun(desk, now(owner=TWO)).handoff.assignment
    assert kept is not None
    assert (kept.user, kept.chosen) == (TWO, Chosen.KEPT)
    assert begun(desk, now(owner=ABOVE)).handoff.owner == ONE


def test_turns_follow_the_weights(contract: Contract) -> None:
    """Of three leads the member of weight two gets two, the other one."""
    given_so_far: dict[tuple[str, str], int] = {}
    turns = []
    for _ in range(6):
        staff = Staff(EVERYBODY, given=given_so_far)
        user = assign(contract, contract.queues["dach"], staff, OPENED, current=None).user
        assert user is not None
        given_so_far["dach", user] = given_so_far.get(("dach", user), 0) + 1
        turns.append(user)
    assert (turns.count(ONE), turns.count(TWO)) == (4, 2)
    assert turns[:3].count(ONE) == 2


@pytest.mark.parametrize(
    ("staff", "at", "user", "chosen"),
    [
        (Staff(EVERYBODY - {ONE}), OPENED, TWO, Chosen.TURN),  # inactive
        (Staff(EVERYBODY, open={ONE: 3}), OPENED, TWO, Chosen.TURN),  # full
        (Staff(EVERYBODY), datetime(2026, 3, 9, 0, tzinfo=UTC), TWO, Chosen.TURN),  # away
        (Staff(EVERYBODY), datetime(2026, 3, 8, 22, tzinfo=UTC), ONE, Chosen.TURN),  # not yet
        (Staff(EVERYBODY), datetime(2026, 3, 13, 23, tzinfo=UTC), ONE, Chosen.TURN),  # back
        (Staff(EVERYBODY - {ONE, TWO}), OPENED, FALLBACK, Chosen.FALLBACK),
        (Staff(frozenset()), OPENED, None, Chosen.NOBODY),
    ],
)
def test_who_cannot_take_it_is_passed_over(
    contract: Contract, staff: Staff, at: datetime, user: str | None, chosen: Chosen
) -> None:
    """Inactive, full and absent members, by the days of the queue's own time zone; then the
    fallback; and where that is gone, nobody, which is said."""
    found = assign(contract, contract.queues["dach"], staff, at, current=None)
    assert (found.user, found.chosen) == (user, chosen)


def test_that_nobody_can_take_it_is_told_and_tried_again(desk: Desk) -> None:
    """No owner is invented: somebody hears of it once, and the next who can gets the lead."""
    alone = replace(desk, staff=Staff(frozenset()))
    nobody = begun(alone)
    assert words(nobody) == [("notify", None, "nobody 1")]
    assert follow(alone, nobody.handoff, now(OPENED + timedelta(hours=1))).effects == ()
    found = follow(desk, nobody.handoff, now(OPENED + timedelta(hours=2)))
    assert found.handoff.owner == ONE


def test_sales_says_yes(desk: Desk) -> None:
    """Acceptance is read from the CRM, and the promise to accept is kept by it."""
    at = OPENED + timedelta(hours=3)
    accepted = follow(desk, begun(desk).handoff, now(at, crm_Status="Working"))
    assert (accepted.handoff.status, accepted.handoff.accepted_at) == (Status.ACCEPTED, at)
    kept = clocks(desk.contract, desk.calendars, accepted.handoff)[0]
    assert (kept.level, kept.is_broken(day(90))) == (Level.ACCEPT, False)


def test_sales_says_no_with_a_reason(desk: Desk) -> None:
    """A no without a why is none yet; with one it goes back to marketing and is told."""
    first = begun(desk).handoff
    waiting = follow(desk, first, now(crm_Status="Unqualified"))
    assert waiting.handoff.status is Status.OPEN
    assert waiting.handoff.missing == ("crm.Recycle_Reason__c",)
    no = follow(desk, waiting.handoff,
                now(crm_Status="Unqualified", crm_Recycle_Reason__c="not_ready"))  # fmt: skip
    assert (no.handoff.status, no.handoff.reason) == (Status.REJECTED, "not_ready")
    assert ("notify", None, "rejected") in words(no)
    assert no.next_at is None


def test_silence_is_warned_of_and_escalated(desk: Desk) -> None:
    """Half of the time: the owner is warned. Just after it: the owner and the one above hear of
    it. Each once, however often it is looked at."""
    handoff, at = begun(desk).handoff, OPENED
    told: list[tuple[datetime, str | None, str]] = []
    for _ in range(12):
        decision = follow(desk, handoff, now(at))
        told += [(at, *one[1:]) for one in words(decision)]
        assert follow(desk, decision.handoff, now(at)).effects == ()
        handoff = decision.handoff
        if decision.next_at is None:
            break
        at = decision.next_at
    due = datetime(2026, 3, 3, 13, tzinfo=UTC)  # four hours after ten in Berlin
    tick = timedelta(microseconds=1)
    assert told[:3] == [
        (OPENED + timedelta(hours=2), ONE, "warning accept"),
        (due + tick, ONE, "breach accept"),
        (due + tick, ABOVE, "escalated accept"),
    ]
    assert [text for _, _, text in told[3:]] == [
        "warning touch", "breach touch", "warning attempts", "breach attempts",
    ]  # fmt: skip


def test_attempts_count_from_the_handoff(desk: Desk) -> None:
    """What sales did before it had the lead is no attempt; three after it keep the promise."""
    touches = (OPENED - timedelta(days=1), *(OPENED + timedelta(days=n) for n in (1, 2, 3)))
    worked = follow(desk, begun(desk).handoff, now(day(20), touches=touches)).handoff
    assert worked.attempts == touches[1:]
    kept = {clock.level: clock.is_broken(day(20)) for clock in
            clocks(desk.contract, desk.calendars, worked)}  # fmt: skip
    assert kept == {Level.ACCEPT: True, Level.TOUCH: False, Level.ATTEMPTS: False}


def test_when_the_owner_leaves_somebody_else_gets_it(desk: Desk) -> None:
    """Open and accepted leads of a user who became inactive are given to the next, with a task
    and a notice of their own; the promise goes on counting."""
    accepted = follow(desk, begun(desk).handoff, now(crm_Status="Working")).handoff
    left = replace(desk, staff=Staff(EVERYBODY - {ONE}))
    decision = follow(left, accepted, now(OPENED + timedelta(days=2), crm_Status="Working"))
    assert decision.handoff.owner == TWO
    assert decision.handoff.given_at == OPENED
    assert {e.key for e in decision.effects if e.kind is EffectKind.TASK} == {
        f"{accepted.key}:task:2"
    }


def test_a_colleague_may_take_it(desk: Desk) -> None:
    """Somebody changes the owner in the CRM: theirs it is, nothing is written, and nobody takes
    it from them when the first owner leaves."""
    since = OPENED + timedelta(hours=5)
    situation = now(since, owner=ABOVE, since=since)
    taken = follow(desk, begun(desk).handoff, situation)
    assert taken.handoff.owner == ABOVE
    assert [e for e in taken.effects if e.kind is EffectKind.ASSIGN] == []
    left = replace(desk, staff=Staff(EVERYBODY - {ONE}))
    assert follow(left, taken.handoff, situation).handoff.owner == ABOVE


@pytest.mark.parametrize(
    ("move", "accepted"), [(Move.FORWARD, True), (Move.RECYCLE, False)], ids=["forward", "back"]
)
def test_a_later_move_ends_it(desk: Desk, move: Move, accepted: bool) -> None:
    """Forward it was worked, even where nobody said so; back to nurture it is over."""
    later = Transition(OPENED + timedelta(days=3), "high_touch", "mql",
                       "sales_qualified" if accepted else "nurture", move, reason="")  # fmt: skip
    done = follow(desk, begun(desk).handoff, now(later.at, moves=(later,)))
    assert done.handoff.status is Status.ENDED
    assert (done.handoff.accepted_at is not None) is accepted
    assert done.next_at is None


def test_public_holidays_are_no_business_days(contract: Contract) -> None:
    """International Women's Day is one in Berlin, and not in Bavaria."""
    berlin = calendar_of(contract.calendars["berlin"])
    bavaria = calendar_of(replace(contract.calendars["berlin"], holidays="DE-BY"))
    day_off = datetime(2027, 3, 8, 11, tzinfo=UTC)
    assert not berlin.is_open(day_off)
    assert bavaria.is_open(day_off)


STEPS = st.lists(
    st.tuples(
        st.integers(1, 96),
        st.sampled_from(["New", "Working", "Unqualified"]),
        st.sampled_from(["", "not_ready"]),
        st.sampled_from(["", "Example"]),
        st.frozensets(st.sampled_from(sorted(EVERYBODY))),
        st.booleans(),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=150)
@given(steps=STEPS)
def test_whatever_happens_effects_are_done_once(contract: Contract, steps: list[Any]) -> None:
    """Every effect has a key of its own, looking twice changes nothing, whoever is given a lead
    is there, and what is over stays over."""
    desk = Desk(contract, calendars_of(contract), Staff(EVERYBODY))
    decision, at, keys = begun(desk), OPENED, list[str]()
    touches: tuple[datetime, ...] = ()
    keys += [effect.key for effect in decision.effects]
    for hours, status, reason, company, active, touched in steps:
        at += timedelta(hours=hours)
        touches += (at,) if touched else ()
        situation = now(at, touches=touches, crm_Status=status, crm_Recycle_Reason__c=reason,
                        map_company=company)  # fmt: skip
        there = replace(desk, staff=Staff(active))
        before, decision = decision.handoff, follow(there, decision.handoff, situation)
        keys += [effect.key for effect in decision.effects]
        again = follow(there, decision.handoff, situation)
        assert (again.handoff, again.effects) == (decision.handoff, ())
        assert all(e.user in active for e in decision.effects if e.kind is EffectKind.ASSIGN)
        if not before.status.is_under_way:
            assert decision.handoff == before
        assert decision.next_at is None or decision.next_at > at
    assert len(keys) == len(set(keys))


def test_keys_name_a_handoff_for_ever() -> None:
    """The same move gives the same key, another move another one."""
    assert handoff_key("p1", moved()) == handoff_key("p1", moved())
    others = {handoff_key("p2", moved()), handoff_key("p1", moved(day(8)))}
    assert handoff_key("p1", moved()) not in others


def test_a_stage_that_is_no_longer_handed_over_ends_its_handoffs(
    desk: Desk, contract: Contract
) -> None:
    """A changed contract leaves nobody waiting for an answer that is no longer asked for."""
    handoff: Handoff = begun(desk).handoff
    lifecycle = contract.lifecycle("high_touch")
    stages = tuple(replace(stage, handoff=None) for stage in lifecycle.stages)
    changed = replace(contract, lifecycles=(replace(lifecycle, stages=stages),))
    over = follow(replace(desk, contract=changed), handoff, now(day(5)))
    assert (over.handoff.status, over.handoff.reason) == (Status.ENDED, "contract")
