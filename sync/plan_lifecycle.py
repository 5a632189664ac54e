"""Planning what shows where a person stands: the stage's fields on both sides, HubSpot's own stage
as a projection of it, and what a handoff asks for: its owner and its tasks. Pure.

HubSpot's stage only moves forward by a plain write; where somebody is sent back it is cleared by
one request and set by the next (BEHAVIOURS, Lifecycle). What stands there that is further on than
the contract says, and that Leadloop has not put there, was put there by somebody: it stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

from mappings.fieldmap import ValueType
from mappings.ports import Lane
from mappings.record_ids import id18
from mappings.records import Json, Operation, Record, Side
from mappings.required_fields import CONTRACT_TYPES, EVENT_KEY, TASK
from state.outbox import Intent
from sync.intents import ID_OF, Draft, FieldChange, event_key, make
from sync.views import EntityView, HandoffTask, Projection, Rules, StageField

OWNER = "OwnerId"
OURS = "leadloop"
"""In whose name the keys of tasks are made that no marketing event asks for."""

Owned = tuple[str, Json, str]
"""A field of ours: its name, its canonical value, the rule that asks for it."""


def stage_fields(view: EntityView, record: Record | None, side: Side) -> Iterator[Owned]:
    """The contract's fields on a record of that side, or, with None, on one that is to be made."""
    for field in view.stage.fields if view.stage is not None else ():
        name = field.map if side is Side.MAP else field.crm
        if not _is_silent(field, record, name):
            yield name, field.value, field.rule


def _is_silent(field: StageField, record: Record | None, name: str) -> bool:
    """History is shown where something was shown already, so that it stays right; not elsewhere."""
    return field.history and (record is None or record.fields.get(name) in (None, ""))


def owner_field(view: EntityView, record: Record | None) -> Iterator[Owned]:
    """The owner a handoff has given the person to, while it is under way."""
    owner = view.stage.owner if view.stage is not None else None
    current = str(record.fields.get(OWNER) or "") if record is not None else ""
    if owner is not None and owner != id18(current):
        yield OWNER, owner, "handoff"


def handoff_tasks(view: EntityView, rules: Rules, target: Record | str | None) -> Iterator[Intent]:
    """The tasks of a handoff, on the person's record or on the one that is being made."""
    if view.stage is None or target is None:
        return
    for task in view.stage.tasks:
        yield _task(view, rules, task, target)


def _task(view: EntityView, rules: Rules, task: HandoffTask, target: Record | str) -> Intent:
    key = event_key(OURS, task.key)
    waits_for = target if isinstance(target, str) else None
    return make(
        Draft(
            entity_id=view.entity_id,
            side=Side.CRM,
            system=rules.crm_system,
            operation=Operation.CREATE,
            object=TASK,
            fields={
                "WhoId": {ID_OF: target} if isinstance(target, str) else target.ref.id,
                "OwnerId": task.user,
                "Subject": task.subject,
                "Description": task.text,
                "Status": "Not Started",
                "ActivityDate": task.at.astimezone(UTC).date().isoformat(),
            },
            lane=Lane.FRESH if rules.lane is not Lane.BACKFILL else rules.lane,
            reason="handoff",
            external_id=(EVENT_KEY, key),
            depends_on=waits_for,
            changes=[FieldChange(TASK, None, key, "handoff")],
            details={"effect": task.key},
        )
    )


def contract_type(name: str) -> ValueType | None:
    """What the values of one of the contract's fields are; None for any other field."""
    found = CONTRACT_TYPES.get(name)
    return ValueType(found) if found is not None else None


def projected(view: EntityView, record: Record) -> Iterator[Owned]:
    """HubSpot's own stage, where it is to be another one; None first where it has to go back."""
    wanted = view.stage.projection if view.stage is not None else None
    if wanted is None or wanted.field not in record.fields:
        return
    current = str(record.fields.get(wanted.field) or "")
    if current in {wanted.value, ""}:
        if not current:
            yield wanted.field, wanted.value, "stage"
    elif current == wanted.left:
        yield wanted.field, (wanted.value if _is_ahead(wanted, current) else None), "stage"
    elif _is_ahead(wanted, current):
        yield wanted.field, wanted.value, "stage"


def _is_ahead(wanted: Projection, current: str) -> bool:
    """Whether the value comes after the current one; of one nobody knows nothing is known."""
    order = wanted.order
    if current not in order or wanted.value not in order:
        return False
    return order.index(wanted.value) > order.index(current)
