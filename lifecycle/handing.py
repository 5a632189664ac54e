"""Handoff decisions: when a lead is given to sales, to whom, and what follows from their answer.

Pure. `begin` answers a move into a stage that is handed over; `follow` looks at a handoff under
way after any change and at every instant it named. Both answer the handoff as it is now, what is
to be done in the world (`Effect`, once for ever by its key), and when to look again.

Nobody is followed up twice: while a handoff of a person is under way no other begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lifecycle.assign import Staff, assign, queue_for
from lifecycle.business_time import BusinessCalendar
from lifecycle.handoff import (
    Assignment,
    Chosen,
    Effect,
    EffectKind,
    Handoff,
    Level,
    Status,
)
from lifecycle.service_levels import Clock, clocks
from lifecycle.standing import Move, Transition
from mappings.contract import Contract, Criterion, HandoffRule, Stage
from mappings.criteria import Facts, compile_criterion

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a decision needs beside the handoff: the agreement, its calendars, and the staff."""

    contract: Contract
    calendars: Mapping[str, BusinessCalendar]
    staff: Staff


@dataclass(frozen=True, slots=True)
class Situation:
    """How things are with the person: what is known, who owns them in the CRM and since when,
    every human touch by sales so far (instants, in order), and the moves since the last look.
    """

    facts: Facts
    owner: str | None = None
    owner_since: datetime | None = None
    touches: tuple[datetime, ...] = ()
    moves: tuple[Transition, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """A handoff as it is now, what is to be done, and when its answer may change by itself."""

    handoff: Handoff
    effects: tuple[Effect, ...] = ()
    next_at: datetime | None = None


def handoff_key(subject: str, move: Transition) -> str:
    """Names a handoff for ever: the person, the stage, and the move that set it off."""
    stamp = int(move.at.timestamp() * 1_000_000)
    return f"{subject}:{move.lifecycle}:{move.after}:{stamp}"


def begin(
    desk: Desk,
    subject: str,
    move: Transition,
    situation: Situation,
    known: Sequence[Handoff],
    *,
    is_late: bool = False,
) -> Decision | None:
    """The handoff a move sets off; None where it sets off none.

    History before `go_live` sets off nothing (law 13), nor does a step back, nor a person of whom
    somebody has a handoff under way. `known` are the person's handoffs so far. It opens with the
    move, or now where the move `is_late`: a changed contract hands over what was reached before.
    """
    stage = desk.contract.lifecycle(move.lifecycle).stage(move.after)
    key = handoff_key(subject, move)
    is_taken = any(one.status.is_under_way or one.key == key or _covers(one, move) for one in known)
    if stage.handoff is None or move.baseline or move.move is Move.RECYCLE or is_taken:
        return None
    opened_at = situation.facts.now if is_late else move.at
    handoff = Handoff(
        key, subject, move.lifecycle, move.after, move.move.value, opened_at, Status.HELD
    )
    return follow(desk, handoff, replace(situation, moves=()))


def _covers(handoff: Handoff, move: Transition) -> bool:
    """Whether a handoff that is over was of this move: late evidence may date a move otherwise
    than it was when it was handed over."""
    return handoff.ended_at is not None and move.at <= handoff.ended_at


def follow(desk: Desk, handoff: Handoff, situation: Situation) -> Decision:
    """Look at a handoff again, at `situation.facts.now`."""
    if not handoff.status.is_under_way:
        return Decision(handoff)
    stage = desk.contract.lifecycle(handoff.lifecycle).stage(handoff.stage)
    rule = stage.handoff
    if rule is None:  # the contract no longer hands this stage over
        return Decision(_ended(handoff, situation.facts.now, "contract"))
    effects: list[Effect] = []
    handoff = _taken(_touched(handoff, situation), situation)
    handoff = _answered(desk, handoff, rule, situation, effects)
    handoff = _moved_on(handoff, situation.moves)
    if handoff.status.is_under_way:
        handoff = _given(desk, handoff, stage, rule, situation, effects)
    running = clocks(desk.contract, desk.calendars, handoff)
    handoff = _told(handoff, rule, running, situation.facts.now, effects)
    return Decision(handoff, tuple(effects), _next(handoff, running, situation.facts.now))


def taken_back(handoff: Handoff, at: datetime) -> Handoff:
    """A handoff that an operator has undone: it is over, and nobody else is asked."""
    return _ended(handoff, at, "undone")


def missing_data(stage: Stage, facts: Facts) -> tuple[str, ...]:
    """The required fields that are blank."""
    return tuple(name for name in stage.requires if facts.fields.get(name) in (None, ""))


def _given(
    desk: Desk,
    handoff: Handoff,
    stage: Stage,
    rule: HandoffRule,
    situation: Situation,
    effects: list[Effect],
) -> Handoff:
    """Hold it for what is missing, or give it to somebody who can take it."""
    now = situation.facts.now
    if handoff.status is Status.HELD:
        missing = missing_data(stage, situation.facts)
        if missing:
            if missing != handoff.missing:
                effects.append(_notice(handoff, None, "held", *missing))
            return replace(handoff, missing=missing)
    owner = handoff.owner
    is_first = not handoff.assignments
    if not is_first and (owner in desk.staff.active):
        return handoff
    queue = queue_for(desk.contract, rule, situation.facts)
    current = situation.owner if is_first else owner
    chosen = assign(desk.contract, queue, desk.staff, now, current=current)
    if not is_first and chosen.user == owner:
        return handoff  # still nobody
    if handoff.status is Status.HELD:
        handoff = replace(handoff, status=Status.OPEN, missing=())
    handoff = replace(handoff, assignments=(*handoff.assignments, chosen))
    effects += _given_away(handoff, rule)
    return handoff


def _given_away(handoff: Handoff, rule: HandoffRule) -> list[Effect]:
    """What is done for a new owner; where there is none, somebody must hear of it."""
    chosen, turn = handoff.assignments[-1], len(handoff.assignments)
    if chosen.chosen is Chosen.NOBODY:
        return [_notice(handoff, None, "nobody", str(turn))]
    found = [
        Effect(f"{handoff.key}:assign:{turn}", EffectKind.ASSIGN, chosen.user, chosen.queue),
        Effect(f"{handoff.key}:task:{turn}", EffectKind.TASK, chosen.user, rule.task),
    ]
    if rule.notify:
        found.append(_notice(handoff, chosen.user, "handed_over", str(turn)))
    return found


def _touched(handoff: Handoff, situation: Situation) -> Handoff:
    given, now = handoff.given_at, situation.facts.now
    if given is None:
        return handoff
    return replace(handoff, attempts=tuple(at for at in situation.touches if given <= at <= now))


def _taken(handoff: Handoff, situation: Situation) -> Handoff:
    """Somebody changed the owner in the CRM since: theirs is the lead now."""
    last, since = handoff.assignment, situation.owner_since
    if last is None or since is None or since <= last.at or situation.owner in {None, last.user}:
        return handoff
    taken = Assignment(situation.owner, since, Chosen.TAKEN, last.queue)
    return replace(handoff, assignments=(*handoff.assignments, taken))


def _answered(
    desk: Desk,
    handoff: Handoff,
    rule: HandoffRule,
    situation: Situation,
    effects: list[Effect],
) -> Handoff:
    """Sales' answer: yes, or no with a reason. Without `accept` the first touch is a yes."""
    now = situation.facts.now
    if handoff.status not in {Status.OPEN, Status.ACCEPTED}:
        return handoff
    if _holds(desk.contract, rule.reject, situation.facts):
        reason = str(situation.facts.fields.get(rule.reason or "") or "")
        if rule.reason is not None and not reason:
            return replace(handoff, missing=(rule.reason,))  # a no without a why is none yet
        effects.append(_notice(handoff, None, "rejected"))
        return replace(_ended(handoff, now, reason), status=Status.REJECTED)
    handoff = replace(handoff, missing=())
    if handoff.status is Status.ACCEPTED:
        return handoff
    if rule.accept is None:
        at = handoff.first_touch_at
    else:
        at = now if _holds(desk.contract, rule.accept, situation.facts) else None
    return handoff if at is None else replace(handoff, status=Status.ACCEPTED, accepted_at=at)


def _moved_on(handoff: Handoff, moves: Sequence[Transition]) -> Handoff:
    """A later move ends it: forward it was worked, backward it goes back to marketing. A move into
    the very stage is the one that set it off, dated anew by late evidence.
    """
    for move in moves:
        is_own = (move.lifecycle, move.after) == (handoff.lifecycle, handoff.stage)
        if handoff.status.is_under_way and move.at > handoff.opened_at and not is_own:
            worked = move.move is Move.FORWARD and handoff.assignments
            accepted = handoff.accepted_at or (move.at if worked else None)
            handoff = replace(
                _ended(handoff, move.at, move.reason or move.after), accepted_at=accepted
            )
    return handoff


def _told(
    handoff: Handoff,
    rule: HandoffRule,
    running: Sequence[Clock],
    now: datetime,
    effects: list[Effect],
) -> Handoff:
    """Warn before a promise is broken, and escalate when it is: each told once. The first broken
    one goes to the first of `escalate_to`, the next to the next."""
    told = set(handoff.told)
    for clock in running:
        warning, breach = f"{clock.level}:warning", f"{clock.level}:breach"
        if clock.is_broken(now) and breach not in told:
            count = sum(one.endswith(":breach") for one in told)
            told.add(breach)
            effects.append(_notice(handoff, handoff.owner, "breach", clock.level))
            above = rule.level.escalate_to[count : count + 1] if rule.level is not None else ()
            effects += [_notice(handoff, user, "escalated", clock.level) for user in above]
        elif clock.is_near(now) and warning not in told:
            told.add(warning)
            effects.append(_notice(handoff, handoff.owner, "warning", clock.level))
    return replace(handoff, told=frozenset(told))


def _next(handoff: Handoff, running: Sequence[Clock], now: datetime) -> datetime | None:
    """A promise is broken just after it fell due, at the due instant it is not."""
    if not handoff.status.is_under_way:
        return None
    found = [
        at
        for clock in running
        if clock.kept_at is None
        for at in (clock.warn_at, clock.due_at + _TICK)
        if at > now
    ]
    return min(found, default=None)


def _ended(handoff: Handoff, at: datetime, reason: str) -> Handoff:
    return replace(handoff, status=Status.ENDED, ended_at=at, reason=reason, missing=())


def _notice(handoff: Handoff, user: str | None, word: str, *about: str | Level) -> Effect:
    key = ":".join((handoff.key, "notify", word, *about))
    return Effect(key, EffectKind.NOTIFY, user, " ".join((word, *about)))


def _holds(contract: Contract, criterion: Criterion | None, facts: Facts) -> bool:
    asked = compile_criterion(criterion.text, contract.names) if criterion is not None else None
    return asked is not None and asked.holds(facts)
