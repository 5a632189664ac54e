"""A handoff as data: who was given a lead, when, what they did with it, and what follows.

A `Handoff` is stored whole between two decisions (`lifecycle.handing`). Its `key` names it for
ever, and the keys of its effects are built from it, so that no decision taken twice is carried
out twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """How a handoff stands.

    `HELD`: required data is missing, and marketing still has the lead. `OPEN`: given to sales, no
    answer yet. `ACCEPTED`: sales has it. `REJECTED`: sales said no, with a reason. `ENDED`: the
    person moved on, forward or back to marketing.
    """

    HELD = "held"
    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ENDED = "ended"

    @property
    def is_under_way(self) -> bool:
        """Whether somebody has something to do about it."""
        return self in {Status.HELD, Status.OPEN, Status.ACCEPTED}


class Chosen(StrEnum):
    """Why an owner was chosen. `TAKEN`: somebody changed the owner in the CRM."""

    KEPT = "kept"
    TURN = "turn"
    FALLBACK = "fallback"
    NOBODY = "nobody"
    TAKEN = "taken"


class Level(StrEnum):
    """What a service level promises."""

    ACCEPT = "accept"
    TOUCH = "touch"
    ATTEMPTS = "attempts"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One owner's turn: since when, and why they were chosen. `user` None: nobody could be."""

    user: str | None
    at: datetime
    chosen: Chosen
    queue: str


@dataclass(frozen=True, slots=True)
class Handoff:
    """One handoff of one person.

    `missing` are the fields it is held for, or the reason a rejection waits for. `told` are
    the warnings and breaches that were told already, as `level:warning` or `level:breach`.
    `attempts` are sales' touches since it was given, in order.
    """

    key: str
    subject: str
    lifecycle: str
    stage: str
    trigger: str
    opened_at: datetime
    status: Status
    missing: tuple[str, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    attempts: tuple[datetime, ...] = ()
    accepted_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str = ""
    told: frozenset[str] = frozenset()

    @property
    def assignment(self) -> Assignment | None:
        """The last one."""
        return self.assignments[-1] if self.assignments else None

    @property
    def owner(self) -> str | None:
        """Who has it now."""
        return self.assignment.user if self.assignment is not None else None

    @property
    def given_at(self) -> datetime | None:
        """When it was given to sales for the first time: what promises count from."""
        return self.assignments[0].at if self.assignments else None

    @property
    def first_touch_at(self) -> datetime | None:
        """When a human first tried to reach the person."""
        return self.attempts[0] if self.attempts else None


class EffectKind(StrEnum):
    """What is to be done in the world."""

    ASSIGN = "assign"
    TASK = "task"
    NOTIFY = "notify"


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing to be done, once for ever by its key. `user` None: the team that runs marketing.

    `text` is a task's subject or the stable word of a notice: `handed_over`, `held`, `nobody`,
    `rejected`, `warning` or `breach` with the level.
    """

    key: str
    kind: EffectKind
    user: str | None
    text: str
