"""Between the closed loop's decisions and the rows that keep them.

`lifecycle` decides on its own data, `state` keeps columns and JSON; neither knows the other. What a
run needs beside a standing is kept in the same row: under which contract it was decided, and what
was last seen of the fields the contract names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lifecycle.handoff import Handoff
from lifecycle.responsibility import Stretch
from lifecycle.standing import NOWHERE, Standing, Transition
from lifecycle.stored import (
    handoff_json,
    handoff_of,
    move_json,
    move_of,
    standing_json,
    standing_of,
)
from mappings.fieldmap import PairMapping
from mappings.records import Json
from state import loop
from state.loop import Duty, Move
from state.store import Tx


@dataclass(frozen=True, slots=True)
class Seen:
    """A field's value as it was last seen, and since when it is watched."""

    value: Json
    since: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """All that is kept of a golden record between two evaluations. `contract` says by which one it
    was evaluated (`contract_key`), `handed` whether that one hands over the stage they stand at."""

    standing: Standing = NOWHERE
    seen: Mapping[str, Seen] = field(default_factory=dict)
    contract: str = ""
    handed: bool = True


NOTHING = Kept()
"""Of somebody who was never evaluated."""


def contract_key(mapping: PairMapping) -> str:
    """Names what standings are decided by: the contract, and where its baseline ends."""
    return f"{mapping.contract.hash}:{mapping.go_live.isoformat() if mapping.go_live else ''}"


def kept_of(tx: Tx, entity_ids: Iterable[str]) -> dict[str, Kept]:
    """What is kept of these golden records; who was never evaluated is left out."""
    return {key: _kept(row) for key, row in loop.standings(tx, entity_ids).items()}


def _kept(row: loop.Standing) -> Kept:
    seen = {
        name: Seen(value, datetime.fromisoformat(since))
        for name, (value, since) in row.body.get("seen", {}).items()
    }
    body = row.body
    return Kept(standing_of(body), seen, body.get("contract", ""), body.get("handed", True))


def standing_row(entity_id: str, kept: Kept) -> loop.Standing:
    """What is kept of a golden record, as its row."""
    standing = kept.standing
    body = {
        **standing_json(standing),
        "seen": {name: [one.value, one.since.isoformat()] for name, one in kept.seen.items()},
        "contract": kept.contract,
        "handed": kept.handed,
    }
    return loop.Standing(entity_id, standing.lifecycle, standing.stage, standing.since, body)


def move_row(entity_id: str, move: Transition) -> Move:
    """A move as its row."""
    return Move(
        entity_id, move.at, move.lifecycle, move.before, move.after, move.move.value, move.reason,
        move.baseline, move_json(move),
    )  # fmt: skip


def moves_of(tx: Tx, entity_ids: Iterable[str]) -> dict[str, list[Transition]]:
    """The moves of golden records, oldest first."""
    return {key: [move_of(row) for row in rows] for key, rows in loop.moves(tx, entity_ids).items()}


def handoff_row(entity_id: str, handoff: Handoff) -> loop.Handoff:
    """A handoff as its row."""
    last = handoff.assignment
    return loop.Handoff(
        key=handoff.key,
        entity_id=entity_id,
        lifecycle=handoff.lifecycle,
        stage=handoff.stage,
        status=handoff.status.value,
        queue=last.queue if last is not None else None,
        owner=handoff.owner,
        opened_at=handoff.opened_at,
        ended_at=handoff.ended_at,
        body=handoff_json(handoff),
    )


def handoffs_of(tx: Tx, entity_ids: Iterable[str]) -> dict[str, list[Handoff]]:
    """The handoffs of golden records, oldest first."""
    found = loop.handoffs(tx, entity_ids)
    return {key: [handoff_of(row.body) for row in rows] for key, rows in found.items()}


def duty_row(entity_id: str, line: Stretch) -> Duty:
    """A line of the ledger as its row."""
    duty = line.duty
    return Duty(entity_id, line.start, line.end, duty.team.value, duty.person, duty.why, duty.known)
