"""Plans without what a vendor could not take now: fields that are gone, records it would refuse.

Rules of a mapping rest by themselves (`mappings.drift`); this is for what Leadloop writes besides
them, and for records that would lack a value their object has begun to demand. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mappings.records import Operation
from mappings.required_fields import ACTIVITY_ANCHORS
from state.outbox import Intent
from sync.intents import digest
from sync.plan_people import EntityPlan


@dataclass(frozen=True, slots=True)
class Unfit:
    """(object, field) pairs: `missing` cannot be written, `demanded` must come with a new record.
    `matching` says that people cannot be told apart for want of a field.
    """

    missing: frozenset[tuple[str, str]] = frozenset()
    demanded: frozenset[tuple[str, str]] = frozenset()
    matching: bool = False


def fitting(plan: EntityPlan, unfit: Unfit) -> EntityPlan:
    """The plan without missing fields, and without creates that would be refused, or could not be
    found again, nor what depends on them: their golden record stays on the work list until the
    object takes them again.
    """
    if not (unfit.missing or unfit.demanded):
        return plan
    held = {intent.key for intent in plan.intents if _is_refused(intent, unfit)}
    kept = [i for i in plan.intents if i.key not in held and i.depends_on not in held]
    cut = [_cut(intent, unfit) for intent in kept]
    intents = tuple(intent for intent in cut if intent is not None)
    return replace(plan, intents=intents, stays=plan.stays or bool(held))


def _is_refused(intent: Intent, unfit: Unfit) -> bool:
    if intent.operation is not Operation.CREATE:
        return False
    anchors = {name for name in intent.fields if name in ACTIVITY_ANCHORS} | {intent.external_field}
    if any((intent.object, name) in unfit.missing for name in anchors):
        return True
    wanted = [name for object_name, name in unfit.demanded if object_name == intent.object]
    return any(intent.fields.get(name) is None for name in wanted)


def _cut(intent: Intent, unfit: Unfit) -> Intent | None:
    """The intent without missing fields; None for an update with none left."""
    gone = {name for name in intent.fields if (intent.object, name) in unfit.missing}
    if not gone:
        return intent
    fields = {name: value for name, value in intent.fields.items() if name not in gone}
    details = {**intent.details, "changes": _without(intent.details.get("changes", ()), gone)}
    details["expected"] = {
        rule: value
        for rule, value in intent.details.get("expected", {}).items()
        if value[2] not in gone
    }
    if intent.operation is not Operation.UPDATE:
        return replace(intent, fields=fields, details=details)
    if not fields:
        return None
    return replace(
        intent,
        fields=fields,
        details=details,
        key=digest(intent.key, sorted(gone)),
        fingerprint=digest(intent.fingerprint, sorted(gone)),
    )


def _without(changes: Sequence[dict[str, object]], gone: set[str]) -> list[dict[str, object]]:
    return [change for change in changes if change["field"] not in gone]
