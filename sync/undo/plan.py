"""Planning an undo: which values go back, which records go, what stays and why (law 11). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from mappings.records import Operation
from state.outbox import Intent
from sync.undo.consent import opt_outs
from sync.undo.records import deletions, joins, revivals
from sync.undo.scene import Scene, UndoPlan
from sync.undo.values import values


def plan_undo(scene: Scene) -> UndoPlan:
    """Everything the undo comes to. Planning it again after it was done gives nothing."""
    plan = UndoPlan()
    lines = [
        line
        for line in scene.lines
        if line.undone_by is None and (not line.undoes or line.id in scene.chosen)
    ]
    chosen = [line for line in lines if line.id in scene.chosen]
    gone = deletions(scene, plan, lines, chosen)
    joins(scene, plan, chosen, gone)
    revivals(scene, plan, chosen)
    opt_outs(scene, plan, chosen, gone)
    values(scene, plan, lines, chosen, gone)
    return plan


def summary(intents: Iterable[Intent]) -> dict[str, int]:
    """How many of what an undo does: values and records."""
    counts = {"values": 0, "clears": 0, "deleted": 0, "unjoined": 0, "consent": 0}
    for intent in intents:
        if intent.operation is Operation.DELETE:
            counts["deleted"] += 1
        elif intent.operation is Operation.DISSOCIATE:
            counts["unjoined"] += 1
        elif intent.operation in (Operation.OPT_IN, Operation.OPT_OUT):
            counts["consent"] += 1
        else:
            for change in intent.details["changes"]:
                kind = "clears" if change["after"] is None else "values"
                counts["consent" if change["rule"] == "consent" else kind] += 1
    return counts
