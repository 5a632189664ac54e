"""What a run finds out about where it may not go: sides that are down, lanes that wait, the poison
brake. Every stage of one run is handed the same `Blocks`, asks it before it calls or sends, and
tells it what it meets; so one side's trouble never delays the other side's work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from mappings.errors import LeadloopError, MassChangeRefusedError, QuotaExhaustedError
from mappings.ports import Lane
from mappings.records import Outcome, Side
from state import trouble
from state.outbox import Intent
from sync.crash import crashpoint
from sync.fates import Rejections
from sync.pair import Pair

log = structlog.get_logger("leadloop.blocks")

POISON = "rejections"
"""The kind of the brake that too many rejected rows set."""


@dataclass(slots=True)
class Blocks:
    """What keeps one run from going on everywhere.

    `down` sides take no calls; `unread` ones were not read to their end, so that nothing but
    consent may be planned from what is known of them; `deferred` lanes of a side wait for its
    allowance. `stopped` is the poison brake: consent alone goes on (law 7). With `watchful` off
    it does not set: a person has seen the rejections and said go on. `later` are rows, by key,
    that this run has sent in vain. `patient` runs leave rows alone that are due later still; one
    a person asked for tries everything.
    """

    pair: Pair
    run_id: str
    down: dict[Side, LeadloopError] = field(default_factory=dict)
    unread: dict[Side, LeadloopError] = field(default_factory=dict)
    deferred: dict[tuple[Side, Lane], LeadloopError] = field(default_factory=dict)
    rejections: Rejections = field(default_factory=Rejections)
    stopped: MassChangeRefusedError | None = None
    watchful: bool = True
    later: set[str] = field(default_factory=set)
    patient: bool = False

    @classmethod
    def at_start(cls, pair: Pair, run_id: str, *, released: bool, patient: bool = False) -> Blocks:
        """What is known before the first call. `released` takes the poison brake off first."""
        down = dict(pair.unreachable)
        blocks = cls(pair, run_id, down=down, watchful=not released, patient=patient)
        with pair.store.begin() as tx:
            if released:
                trouble.release_brake(tx, POISON)
            brake = trouble.brake(tx, POISON)
        crashpoint("after_release")
        if brake is not None:
            blocks.stopped = rejections_refused(
                brake.run_id, int(brake.counts["rejected"]), int(brake.counts["settled"])
            )
        return blocks

    @property
    def blind(self) -> bool:
        """Whether a side has not been read: what is planned now could be wrong, or a duplicate."""
        return bool(self.down or self.unread)

    @property
    def error(self) -> LeadloopError | None:
        """What the run ends with: what needs a person first."""
        found = (
            *([self.stopped] if self.stopped else ()),
            *self.down.values(),
            *self.unread.values(),
            *self.deferred.values(),
        )
        return found[0] if found else None

    def keep(self, side: Side, lane: Lane) -> bool:
        """Whether work of this lane may not be sent to this side now."""
        stopped = self.stopped is not None and lane is not Lane.CONSENT
        return stopped or self.rests(side, lane)

    def rests(self, side: Side, lane: Lane) -> bool:
        """Whether a call of this lane to this side would be refused."""
        if side in self.down:
            return True
        order = list(Lane)
        return any(
            blocked is side and order.index(lane) >= order.index(from_lane)
            for blocked, from_lane in self.deferred
        )

    def meet(self, side: Side, error: LeadloopError) -> None:
        """A call to this side was refused, or the side cannot be used: how far that reaches."""
        if isinstance(error, QuotaExhaustedError) and error.lane is not None:
            self.deferred.setdefault((side, Lane(error.lane)), error)
        else:
            self.down.setdefault(side, error)
        log.info("run.side_rests", run_id=self.run_id, system=error.system, code=error.code)

    def not_read(self, unread: Mapping[Side, LeadloopError]) -> None:
        """These sides were not read to their end, for want of a lane's allowance or wholly."""
        for side, error in unread.items():
            self.unread[side] = error
            self.meet(side, error)

    def see(self, rows: Iterable[tuple[Intent, Outcome]]) -> None:
        """Watch the rejections of a settled batch; too many set the brake, across restarts."""
        self.rejections = self.rejections.seen(rows)
        if not self.watchful or self.stopped or not self.rejections.exceed(self.pair.guard):
            return
        seen = self.rejections
        counts = {"rejected": seen.rejected, "settled": seen.settled, "streak": seen.longest}
        with self.pair.store.begin() as tx:
            trouble.set_brake(tx, POISON, self.run_id, counts)
        crashpoint("after_brake")
        self.stopped = rejections_refused(self.run_id, seen.rejected, seen.settled)
        log.error("run.braked", run_id=self.run_id, code=self.stopped.code)


def deferred(waiting: Mapping[tuple[str, str], int], blocks: Blocks) -> dict[str, Any]:
    """What waits to be sent, by system: how much in each lane, why, and until when where that is
    known. JSON-able; only systems with something waiting or a reason to wait.
    """
    found: dict[str, Any] = {}
    for (system, lane), count in sorted(waiting.items()):
        found.setdefault(system, {"lanes": {}})["lanes"][lane] = count
    reasons: dict[str, LeadloopError] = {}
    for (side, _), error in blocks.deferred.items():
        reasons[blocks.pair.connector(side).system] = error
    for side, error in blocks.down.items():
        reasons[blocks.pair.connector(side).system] = error
    for system, error in reasons.items():
        until = getattr(error, "resets_at", None)
        entry = found.setdefault(system, {"lanes": {}})
        entry.update(code=error.code, until=until.isoformat() if until else None)
    return found


def rejections_refused(run_id: str, rejected: int, settled: int) -> MassChangeRefusedError:
    """The poison brake is on: what was seen, and how to go on."""
    return MassChangeRefusedError(
        f"{rejected} of the {settled} rows run {run_id} sent were refused: the rest waits, but for "
        "opt-outs",
        code="guard.rejections",
        asked={POISON: rejected},
        remedy="Look at `leadloop deadletters`. Correct the cause and `leadloop replay`; or, if "
        f"the refusals are right, go on with `leadloop sync --approve {run_id}`.",
    )
