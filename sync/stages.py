"""Where a person stands in the contract, as moments of their story: which stage, when, and which
condition was met when.

Decided afresh from the state's evidence, as the next run would decide it, and written nowhere: what
is told is what the contract says now of what is known now.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from lifecycle.evaluate import Evaluation, replay
from lifecycle.standing import Met, Transition
from mappings.fieldmap import PairMapping
from mappings.records import Record
from state.store import Tx
from sync.loop_rows import NOTHING, kept_of
from sync.timelines import evidences, person_of


def standing_in(
    tx: Tx, mapping: PairMapping, entity_id: str, records: Sequence[Record]
) -> Evaluation | None:
    """A person's stages up to now; None without a contract, or where nobody knows anything."""
    person = person_of(tx, mapping, entity_id, records)
    if not mapping.contract or person is None:
        return None
    seen = kept_of(tx, [entity_id]).get(entity_id, NOTHING).seen
    since = {entity_id: {name: one.since for name, one in seen.items()}}
    ((_, evidence),) = evidences(tx, mapping, [person], since)
    return replay(mapping.contract, evidence, tx.now, go_live=mapping.go_live)


def told(evaluation: Evaluation, now: datetime) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
    """(when, in words, details) of every move, and last how the person stands now."""
    for move in evaluation.moves:
        yield move.at, _words(move), _details(move)
    standing = evaluation.standing
    if standing.stage is None:
        return
    details: dict[str, Any] = {"met": [_met(one) for one in standing.met]}
    if evaluation.next_at is not None:
        details["next_at"] = evaluation.next_at.isoformat()
    if evaluation.missing:
        details["missing"] = list(evaluation.missing)
    if evaluation.contested:
        details["contested"] = list(evaluation.contested)
    yield now, f"stands at {standing.stage} ({standing.lifecycle})", details


def _words(move: Transition) -> str:
    before = f" from {move.before}" if move.before is not None else ""
    reason = f": {move.reason}" if move.reason else ""
    history = ", before go_live" if move.baseline else ""
    return f"{move.move.value} to {move.after}{before}{reason}{history}"


def _details(move: Transition) -> dict[str, Any]:
    details: dict[str, Any] = {
        "lifecycle": move.lifecycle,
        "stage": move.after,
        "move": move.move.value,
        "met": [_met(one) for one in move.met],
        "certain": move.certain,
        "baseline": move.baseline,
    }
    if move.persona is not None:
        details["persona"] = move.persona
    if move.recontact is not None:
        details["recontact"] = move.recontact.isoformat()
    return details


def _met(one: Met) -> dict[str, str]:
    return {"stage": one.stage, "condition": one.text, "since": one.since.isoformat()}
