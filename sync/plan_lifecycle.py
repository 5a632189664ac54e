"""Planning what shows where a person stands: the stage's fields on both sides, and HubSpot's own
stage as a projection of it. Pure.

HubSpot's stage only moves forward by a plain write; where somebody is sent back it is cleared by
one request and set by the next (BEHAVIOURS, Lifecycle). What stands there that is further on than
the contract says, and that Leadloop has not put there, was put there by somebody: it stays.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.fieldmap import ValueType
from mappings.records import Json, Record, Side
from mappings.required_fields import CONTRACT_TYPES
from sync.views import EntityView, Projection, StageField

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
