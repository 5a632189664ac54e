"""Fields that both sides have changed and no rule decides: questions with both values.

A conflict is a review item of its own kind, one for each person and field. Nothing is written for
that field while it is open. A person says whose value goes (`leadloop review accept ID map|crm`)
or that both stay as they are (`reject`); either is kept as what was last agreed, so that the
ordinary plan carries it out, the ledger has its before-image, and undo takes it back like any
other write. It stands until one of the two values moves; then it is decided anew. A question whose
values came to agree by themselves is closed as settled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mappings.errors import LeadloopError
from mappings.records import Json, Side
from state import identity, reviews
from state.reviews import ReviewItem, StoredDecision
from state.store import Tx
from sync.bonds import Conflict
from sync.plan_people import EntityPlan
from sync.shadows import agree

CONFLICT = "conflict"
"""The kind of these review items, and the verdict of what they keep as evidence."""
RULES = "fields/1"
"""The version of the rules that found it, where match decisions name their model."""
MARK = "~"
"""Between record and rule in a subject: no vendor's id and no field name holds it."""
MOST = 100_000


def subject_of(bond: str, conflict: Conflict) -> str:
    """What a question is kept under: the MAP record and the rule."""
    return f"{bond.partition('|')[0]}{MARK}{conflict.rule}"[:600]


def ask(tx: Tx, run_id: str, plans: Sequence[EntityPlan]) -> int:
    """Open a question for every conflict, refresh those whose values moved, close those that have
    gone; how many are open for these plans. One that stands as it is stays as it is."""
    waiting = {item.subject: item for item in reviews.items(tx, kind=CONFLICT, limit=MOST)}
    told = {
        subject_of(plan.bond, conflict): (plan, conflict)
        for plan in plans
        for conflict in plan.conflicts
    }
    fresh = {
        subject: pair
        for subject, pair in told.items()
        if subject not in waiting or not _same(tx, waiting[subject], pair[1])
    }
    ids = reviews.record_decisions(
        tx, run_id, [_evidence(subject, *pair) for subject, pair in sorted(fresh.items())]
    )
    reviews.open_items(
        tx,
        run_id,
        [
            {
                "kind": CONFLICT,
                "subject": subject,
                "candidates": plan.bond.split("|"),
                "decision_id": ids[subject],
            }
            for subject, (plan, _) in sorted(fresh.items())
        ],
    )
    planned = {plan.bond.partition("|")[0] for plan in plans if plan.bond}
    gone = [s for s in waiting if s.partition(MARK)[0] in planned and s not in told]
    reviews.close_subjects(tx, gone, "settled")
    return len(told)


def _same(tx: Tx, item: ReviewItem, conflict: Conflict) -> bool:
    known = reviews.decision(tx, item.decision_id) if item.decision_id else None
    return known is not None and values_of(known) == {
        Side.MAP: conflict.map_value,
        Side.CRM: conflict.crm_value,
    }


def _evidence(subject: str, plan: EntityPlan, conflict: Conflict) -> dict[str, Any]:
    return {
        "subject": subject,
        "verdict": CONFLICT,
        "targets": plan.bond.split("|"),
        "probability": 0.5,
        "weight": 0.0,
        "reason": CONFLICT,
        "evidence": {
            "entity": plan.entity_id,
            "bond": plan.bond,
            "rule": conflict.rule,
            "map": {"field": conflict.map_field, "value": conflict.map_value},
            "crm": {"field": conflict.crm_field, "value": conflict.crm_value},
        },
        "model_version": RULES,
    }


def values_of(decision: StoredDecision) -> dict[Side, Json]:
    """Both values of a conflict, canonical."""
    return {side: decision.evidence[side.value]["value"] for side in Side}


def settle(tx: Tx, decision: StoredDecision, side: Side | None) -> str:
    """A person's word: that side's value goes to the other, or (None) both stay as they are.

    Returns the golden record, which is on the work list now. Raises LeadloopError when it has gone.
    """
    evidence: Mapping[str, Any] = decision.evidence
    entity_id, bond, rule = evidence["entity"], evidence["bond"], evidence["rule"]
    if entity_id not in identity.entities(tx, [entity_id]):
        raise LeadloopError(
            "the person of this conflict is not known any more",
            code="review.record_gone",
            remedy="Nothing was changed. Run `leadloop sync`: it asks anew where need be.",
        )
    agreed = _as_agreed(values_of(decision), side)
    agree(tx, f"review:{decision.id}", {(entity_id, bond): {rule: list(agreed)}})
    identity.add_work(tx, [entity_id], "reviewed")
    return str(entity_id)


def _as_agreed(values: Mapping[Side, Json], side: Side | None) -> tuple[Json, Json]:
    """What must count as last agreed for the three-way difference to say what the person said:
    only the chosen side has changed since; or, for None, neither."""
    left, right = values[Side.MAP], values[Side.CRM]
    if side is Side.MAP:
        return (None if left is not None else right), right
    if side is Side.CRM:
        return left, (None if right is not None else left)
    return left, right
