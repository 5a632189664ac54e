"""The responsibility ledger: who had a person or a deal, from when to when, and why.

A ledger is complete by construction: it begins when the subject was first known, each stretch
ends where the next begins, and the last is open. Stretches for which there is no evidence (the
CRM did not track owners yet) are `unknown` and counted, never guessed. It follows from moves,
handoffs and the CRM's owner history alone, so that replaying them gives the same ledger.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest

from lifecycle.handoff import Handoff, Status
from lifecycle.standing import Move, Transition
from lifecycle.timeline import Deal, Moment
from mappings.contract import Contract, Team
from mappings.records import Json

Owner = tuple[datetime, str | None]
"""From an instant on, the CRM user who owns the record; None: nobody does."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Whose job it is: the team, the person where one is named, and why.

    `known` is False where nobody recorded who the person was.
    """

    team: Team
    person: str | None
    why: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class Stretch:
    """One line of the ledger: a duty in [start, end); `end` None: still."""

    start: datetime
    end: datetime | None
    duty: Duty


def owners_of(changes: Sequence[Moment], now: Json) -> tuple[Owner, ...]:
    """An owner history out of recorded changes (oldest first) and the owner as of now."""
    found = [(change.at, str(change.after) if change.after else None) for change in changes]
    if not changes:
        return ((datetime.min.replace(tzinfo=UTC), str(now) if now else None),)
    first = changes[0].before
    return ((datetime.min.replace(tzinfo=UTC), str(first) if first else None), *found)


def ledger(
    contract: Contract,
    created_at: datetime,
    moves: Sequence[Transition],
    handoffs: Sequence[Handoff],
    owners: Sequence[Owner],
    *,
    owners_known_from: datetime | None,
) -> tuple[Stretch, ...]:
    """A person's ledger. `owners_known_from` is when the CRM began to record owners, None: never;
    before that a stretch of sales' has an unknown person.
    """
    turns = {created_at}
    turns |= {move.at for move in moves}
    turns |= {at for one in handoffs for at in _turns(one)}
    turns |= {at for at, _ in owners}
    if owners_known_from is not None:
        turns.add(owners_known_from)
    starts = sorted(at for at in turns if at >= created_at)
    return _stretches(
        (at, _duty_at(contract, at, moves, handoffs, owners, owners_known_from)) for at in starts
    )


def deal_ledger(
    deal: Deal, owners: Sequence[Owner], *, owners_known_from: datetime | None
) -> tuple[Stretch, ...]:
    """An opportunity's ledger, from its creation to its close."""
    end = deal.closed_at if deal.is_closed else None
    turns = {deal.created_at, *(at for at, _ in owners)}
    if owners_known_from is not None:
        turns.add(owners_known_from)
    starts = sorted(at for at in turns if at >= deal.created_at and (end is None or at < end))
    found = _stretches((at, _of_sales(at, "deal", owners, owners_known_from)) for at in starts)
    if end is None or not found:
        return found
    return (*found[:-1], Stretch(found[-1].start, end, found[-1].duty))


def responsible_at(stretches: Sequence[Stretch], at: datetime) -> Duty | None:
    """Whose job it was at an instant; None before the ledger begins or after it ends."""
    position = bisect_right(stretches, at, key=lambda stretch: stretch.start)
    if not position:
        return None
    found = stretches[position - 1]
    return found.duty if found.end is None or at < found.end else None


def unknown_time(stretches: Iterable[Stretch], until: datetime) -> timedelta:
    """How long nobody can say who it was."""
    return sum(
        (
            (stretch.end or until) - stretch.start
            for stretch in stretches
            if not stretch.duty.known and stretch.start < until
        ),
        timedelta(),
    )


def _stretches(duties: Iterable[tuple[datetime, Duty]]) -> tuple[Stretch, ...]:
    """Duties by their start, equal neighbours as one, each until the next."""
    changed: list[tuple[datetime, Duty]] = []
    for at, duty in duties:
        if not changed or changed[-1][1] != duty:
            changed.append((at, duty))
    following = [at for at, _ in changed[1:]]
    return tuple(Stretch(at, end, duty) for (at, duty), end in zip_longest(changed, following))


def _turns(handoff: Handoff) -> Iterator[datetime]:
    yield handoff.opened_at
    yield from (assignment.at for assignment in handoff.assignments)
    yield from (at for at in (handoff.accepted_at, handoff.ended_at) if at is not None)


def _duty_at(
    contract: Contract,
    at: datetime,
    moves: Sequence[Transition],
    handoffs: Sequence[Handoff],
    owners: Sequence[Owner],
    owners_known_from: datetime | None,
) -> Duty:
    running = next(
        (
            h
            for h in reversed(handoffs)
            if h.opened_at <= at and (not h.ended_at or at < h.ended_at)
        ),
        None,
    )
    if running is not None:
        return _handed(running, at, owners)
    last = next((move for move in reversed(moves) if move.at <= at), None)
    if last is None:
        return Duty(Team.MARKETING, None, "no stage yet")
    stage = contract.lifecycle(last.lifecycle).stage(last.after)
    why = f"stage {last.after}"
    if last.move is Move.RECYCLE:
        why = f"recycled: {last.reason}"
    rejected = next(
        (h for h in reversed(handoffs) if h.status is Status.REJECTED and _ended_by(h, at)), None
    )
    if rejected is not None and last.at <= (rejected.ended_at or at):
        return Duty(Team.MARKETING, None, f"rejected: {rejected.reason or 'no reason'}")
    if stage.team is Team.MARKETING:
        return Duty(Team.MARKETING, None, why)
    return _of_sales(at, why, owners, owners_known_from, team=stage.team)


def _ended_by(handoff: Handoff, at: datetime) -> bool:
    return handoff.ended_at is not None and handoff.ended_at <= at


def _handed(handoff: Handoff, at: datetime, owners: Sequence[Owner]) -> Duty:
    """While a handoff runs it is clear whose job it is: marketing's until somebody has it."""
    given = [assignment for assignment in handoff.assignments if assignment.at <= at]
    if not given:
        missing = ", ".join(handoff.missing)
        return Duty(Team.MARKETING, None, f"held: {missing}" if missing else "held")
    accepted = handoff.accepted_at is not None and handoff.accepted_at <= at
    user = given[-1].user or _owner_at(owners, at)
    return Duty(Team.SALES, user, "accepted" if accepted else "handed over")


def _of_sales(
    at: datetime,
    why: str,
    owners: Sequence[Owner],
    known_from: datetime | None,
    *,
    team: Team = Team.SALES,
) -> Duty:
    if known_from is None or at < known_from:
        return Duty(team, None, why, known=False)
    return Duty(team, _owner_at(owners, at), why)


def _owner_at(owners: Sequence[Owner], at: datetime) -> str | None:
    position = bisect_right(owners, at, key=lambda owner: owner[0])
    return owners[position - 1][1] if position else None
