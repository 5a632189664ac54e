"""Where a person stands in the contract, as moments of their story: which stage, when, and which
condition was met when; their handoffs, and whose job they were.

Stages are decided afresh from the state's evidence, as the next run would decide them, and written
nowhere: what is told is what the contract says now of what is known now.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from lifecycle.evaluate import Evaluation, replay
from lifecycle.standing import Met, Transition
from mappings.contract import Team
from mappings.fieldmap import PairMapping
from mappings.records import Record
from state import loop
from state.store import Tx
from sync.handoffs import of_person
from sync.loop_rows import NOTHING, kept_of
from sync.timelines import evidences, person_of

Told = tuple[datetime, str, dict[str, Any]]
"""One moment of a story: when, in words, with details."""


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


def told(evaluation: Evaluation, now: datetime) -> Iterator[Told]:
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


def handed(tx: Tx, mapping: PairMapping, entity_id: str) -> Iterator[Told]:
    """The same of every handoff of a person: when it began, who was given it, what came of it."""
    for one in of_person(tx, mapping, entity_id):
        handoff = one.handoff
        details = {
            "handoff": handoff.key,
            "status": handoff.status.value,
            "missing": list(handoff.missing),
            "promises": [promise.as_json() for promise in one.promises],
        }
        yield handoff.opened_at, f"{handoff.stage} is to be handed over", details
        about = {"handoff": handoff.key}
        for turn in handoff.assignments:
            what = f"{handoff.stage} was given to {turn.user or 'nobody'} ({turn.chosen.value})"
            yield turn.at, what, {**about, "queue": turn.queue}
        for at in handoff.attempts:
            yield at, "sales tried to reach them", about
        if handoff.accepted_at is not None:
            yield handoff.accepted_at, f"{handoff.stage} was accepted", about
        if handoff.ended_at is not None:
            reason = f": {handoff.reason}" if handoff.reason else ""
            yield handoff.ended_at, f"the handoff was {handoff.status.value}{reason}", about


def responsible(tx: Tx, entity_id: str) -> Iterator[Told]:
    """The same of the ledger of duties: from when on whose job the person was, and why."""
    for line in loop.duties(tx, [entity_id]).get(entity_id, ()):
        who = line.person or ("nobody" if line.known else "unknown")
        person = f" ({who})" if line.team != Team.MARKETING.value else ""
        details = {"team": line.team, "person": line.person, "why": line.why, "known": line.known}
        yield line.start, f"{line.team}'s from here on{person}: {line.why}", details


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
