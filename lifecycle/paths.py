"""How far somebody came, and when: the one reading of stages that all reports count by.

With a contract the stages are its own, and the moves those that were decided. Without one there is
a path of plain facts (`PLAIN`): known, engaged, come to sales, worked, opportunity, customer.
A stage counts as reached when somebody entered it or any stage beyond it: nobody has to pass every
stage on the way, so a funnel never grows on its way down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from lifecycle.standing import Transition
from lifecycle.subjects import Subject
from mappings.contract import Contract, Fact, Lifecycle, Team

PLAIN = "facts"
"""The name of the path that needs no contract."""
PLAIN_STAGES: Mapping[str, Team] = {
    "known": Team.MARKETING,
    "engaged": Team.MARKETING,
    "in_sales": Team.SALES,
    "worked": Team.SALES,
    "opportunity": Team.SALES,
    "customer": Team.SHARED,
}
"""Its stages in order, and whose they are."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Somebody in one stage, from `start` up to `end`; None: still."""

    stage: str
    start: datetime
    end: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether they were there at an instant."""
        return self.start <= at and (self.end is None or at < self.end)


@dataclass(frozen=True, slots=True)
class Path:
    """One person's way through one lifecycle: when each stage was reached, and every stay."""

    lifecycle: str
    reached: Mapping[str, datetime]
    stays: tuple[Stay, ...]


@dataclass(frozen=True, slots=True)
class Ladder:
    """The stages of a lifecycle as a funnel shows them: in order, whose each is, what lies beyond
    it, and the one that counts as the goal."""

    lifecycle: str
    stages: Mapping[str, Team]
    beyond: Mapping[str, frozenset[str]]
    goal: str


def ladders(contract: Contract) -> tuple[Ladder, ...]:
    """One for each lifecycle; the one of plain facts where there is no contract."""
    if not contract:
        names = list(PLAIN_STAGES)
        beyond = {name: frozenset(names[i + 1 :]) for i, name in enumerate(names)}
        return (Ladder(PLAIN, PLAIN_STAGES, beyond, "customer"),)
    return tuple(_ladder(lifecycle) for lifecycle in contract.lifecycles)


def _ladder(lifecycle: Lifecycle) -> Ladder:
    entered = [stage for stage in lifecycle.stages if stage.entry]
    beyond = {
        stage.name: frozenset(
            other.name for other in entered if stage.name in lifecycle.predecessors(other.name)
        )
        for stage in entered
    }
    qualified = [stage.name for stage in entered if stage.fact is Fact.SALES_QUALIFIED]
    goal = qualified[0] if qualified else entered[-1].name
    return Ladder(lifecycle.name, {s.name: s.team for s in entered}, beyond, goal)


def paths(contract: Contract, person: Subject) -> tuple[Path, ...]:
    """A person's ways: one for each lifecycle they were in."""
    if not contract:
        return (plain_path(person),)
    names = dict.fromkeys(move.lifecycle for move in person.moves)
    known = {lifecycle.name: lifecycle for lifecycle in contract.lifecycles}
    return tuple(_path(known[name], person.moves) for name in names if name in known)


def _path(lifecycle: Lifecycle, moves: Sequence[Transition]) -> Path:
    stages = {stage.name for stage in lifecycle.stages}
    reached: dict[str, datetime] = {}
    stays: list[Stay] = []
    for number, move in enumerate(moves):
        if move.lifecycle != lifecycle.name or move.after not in stages:
            continue
        for name in (move.after, *lifecycle.predecessors(move.after)):
            reached.setdefault(name, move.at)
        after = moves[number + 1].at if number + 1 < len(moves) else None
        if after != move.at:
            stays.append(Stay(move.after, move.at, after))
    return Path(lifecycle.name, reached, tuple(stays))


def plain_path(person: Subject) -> Path:
    """The way through plain facts. Each is dated by the first sign of it or of one beyond it."""
    first = person.first_record
    signs = {
        "known": first.created_at if first is not None else None,
        "engaged": _first(t.at for t in person.touches if t.team is Team.MARKETING),
        "in_sales": person.came.created_at if person.came is not None else None,
        "worked": _first(t.at for t in person.touches if t.team is Team.SALES),
        "opportunity": _first(deal.created_at for deal in person.deals),
        "customer": _first(d.closed_at for d in person.deals if d.is_won and d.closed_at),
    }
    reached: dict[str, datetime] = {}
    names = list(PLAIN_STAGES)
    for number, name in enumerate(names):
        own = [at for other in names[number:] if (at := signs[other]) is not None]
        if own:
            reached[name] = min(own)
    return Path(PLAIN, reached, _stays(reached))


def _first(instants: Iterable[datetime]) -> datetime | None:
    return min(instants, default=None)


def _stays(reached: Mapping[str, datetime]) -> tuple[Stay, ...]:
    """Stages reached in order, each until the next; what was skipped has no stay."""
    names = [name for name in PLAIN_STAGES if name in reached]
    following = [reached[name] for name in names[1:]]
    return tuple(
        Stay(name, reached[name], end)
        for name, end in zip_longest(names, following)
        if end != reached[name]
    )
