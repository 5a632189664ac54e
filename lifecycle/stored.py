"""Standings, moves and handoffs as JSON, for the state to keep and give back unchanged.

Instants are ISO text in UTC. `..._of` reads what `..._json` wrote; a key that is not there counts
as its default, so that what an earlier version kept can be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lifecycle.handoff import Assignment, Chosen, Handoff, Status
from lifecycle.standing import Met, Move, Standing, Transition

Body = dict[str, Any]


def standing_json(standing: Standing) -> Body:
    """A standing, whole."""
    return {
        "at": _text(standing.at),
        "lifecycle": standing.lifecycle,
        "stage": standing.stage,
        "since": _text(standing.since),
        "reached": [[name, stage, _text(at)] for name, stage, at in standing.reached],
        "met": [_met_json(met) for met in standing.met],
        "held": sorted(standing.held),
        "fresh_from": _text(standing.fresh_from),
        "recycled_from": standing.recycled_from,
        "recycle_reason": standing.recycle_reason,
        "recontact": _text(standing.recontact),
        "digest": standing.digest,
    }


def standing_of(body: Mapping[str, Any]) -> Standing:
    """A standing as it was kept."""
    return Standing(
        at=_instant(body.get("at")),
        lifecycle=body.get("lifecycle"),
        stage=body.get("stage"),
        since=_instant(body.get("since")),
        reached=tuple(
            (name, stage, datetime.fromisoformat(at)) for name, stage, at in body.get("reached", ())
        ),
        met=tuple(map(_met_of, body.get("met", ()))),
        held=frozenset(body.get("held", ())),
        fresh_from=_instant(body.get("fresh_from")),
        recycled_from=body.get("recycled_from"),
        recycle_reason=body.get("recycle_reason", ""),
        recontact=_instant(body.get("recontact")),
        digest=body.get("digest", ""),
    )


def move_json(move: Transition) -> Body:
    """What a move rests on: the part that has no column of its own."""
    return {
        "met": [_met_json(met) for met in move.met],
        "persona": move.persona,
        "recontact": _text(move.recontact),
        "certain": move.certain,
    }


def move_of(row: Any) -> Transition:
    """A move out of its columns (`at`, `lifecycle`, `before`, ...) and its body."""
    body: Mapping[str, Any] = row.body
    return Transition(
        at=row.at,
        lifecycle=row.lifecycle,
        before=row.before,
        after=row.after,
        move=Move(row.move),
        reason=row.reason,
        met=tuple(map(_met_of, body.get("met", ()))),
        persona=body.get("persona"),
        recontact=_instant(body.get("recontact")),
        baseline=row.baseline,
        certain=body.get("certain", True),
    )


def handoff_json(handoff: Handoff) -> Body:
    """A handoff, whole."""
    return {
        "key": handoff.key,
        "subject": handoff.subject,
        "lifecycle": handoff.lifecycle,
        "stage": handoff.stage,
        "trigger": handoff.trigger,
        "opened_at": _text(handoff.opened_at),
        "status": handoff.status.value,
        "missing": list(handoff.missing),
        "assignments": [
            [one.user, _text(one.at), one.chosen.value, one.queue] for one in handoff.assignments
        ],
        "attempts": [_text(at) for at in handoff.attempts],
        "accepted_at": _text(handoff.accepted_at),
        "ended_at": _text(handoff.ended_at),
        "reason": handoff.reason,
        "told": sorted(handoff.told),
    }


def handoff_of(body: Mapping[str, Any]) -> Handoff:
    """A handoff as it was kept."""
    return Handoff(
        key=body["key"],
        subject=body["subject"],
        lifecycle=body["lifecycle"],
        stage=body["stage"],
        trigger=body["trigger"],
        opened_at=datetime.fromisoformat(body["opened_at"]),
        status=Status(body["status"]),
        missing=tuple(body.get("missing", ())),
        assignments=tuple(
            Assignment(user, datetime.fromisoformat(at), Chosen(chosen), queue)
            for user, at, chosen, queue in body.get("assignments", ())
        ),
        attempts=tuple(map(datetime.fromisoformat, body.get("attempts", ()))),
        accepted_at=_instant(body.get("accepted_at")),
        ended_at=_instant(body.get("ended_at")),
        reason=body.get("reason", ""),
        told=frozenset(body.get("told", ())),
    )


def _met_json(met: Met) -> list[Any]:
    return [met.stage, met.number, met.text, _text(met.since)]


def _met_of(body: Any) -> Met:
    stage, number, text, since = body
    return Met(stage, number, text, datetime.fromisoformat(since))


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at is not None else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
