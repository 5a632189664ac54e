"""Where a person stands in the contract, how they got there, and why: plain data.

A `Standing` is all that evaluation keeps between two changes; it is stored whole. A `Transition`
is what is written down for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mappings.contract import Contract, Fact


class Move(StrEnum):
    """How a stage was come to.

    `FORWARD` by its conditions; `RECYCLE` back, with a reason; `RETURN` out of nurture because the
    recontact date came; `SEGMENT` because another lifecycle applies now.
    """

    FORWARD = "forward"
    RECYCLE = "recycle"
    RETURN = "return"
    SEGMENT = "segment"


@dataclass(frozen=True, slots=True)
class Met:
    """One condition of a stage that holds, and since when it does without interruption."""

    stage: str
    number: int
    text: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Transition:
    """One move: what `explain` tells and reports count.

    `met` are the conditions it rests on, each with the instant since when it held. `baseline`
    marks history before `go_live`, of which nothing follows (law 13). `certain` is False where a
    field it rests on had no recorded history then.
    """

    at: datetime
    lifecycle: str
    before: str | None
    after: str
    move: Move
    reason: str = ""
    met: tuple[Met, ...] = ()
    persona: str | None = None
    recontact: datetime | None = None
    baseline: bool = False
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a person stands after the instant `at`.

    `reached` says when each stage's conditions first held, by (lifecycle, stage): the facts.
    `met` are the conditions that hold now. `held` are stages and exits that were true already when
    the person was sent back or came in: they count again once they have been false.
    `fresh_from` is the last recycling: earlier events are used up. `digest` names the past this
    rests on, so that late evidence is noticed.
    """

    at: datetime | None = None
    lifecycle: str | None = None
    stage: str | None = None
    since: datetime | None = None
    reached: tuple[tuple[str, str, datetime], ...] = ()
    met: tuple[Met, ...] = ()
    held: frozenset[str] = frozenset()
    fresh_from: datetime | None = None
    recycled_from: str | None = None
    recycle_reason: str = ""
    recontact: datetime | None = None
    digest: str = ""

    def reached_stages(self, lifecycle: str) -> frozenset[str]:
        """The stages of a lifecycle whose conditions have held at some time."""
        return frozenset(stage for name, stage, _ in self.reached if name == lifecycle)

    def fact_at(self, contract: Contract, fact: Fact) -> datetime | None:
        """When a team's qualification was established, whatever came later; None: never.

        The first of all lifecycles counts. It rests on that team's data alone (law 5), which the
        contract's checks see to.
        """
        stages = {
            (lc.name, stage.name)
            for lc in contract.lifecycles
            for stage in lc.stages
            if stage.fact is fact
        }
        return min((at for lc, stage, at in self.reached if (lc, stage) in stages), default=None)


NOWHERE = Standing()
"""Nobody has been evaluated yet."""
