"""Planning companies and deals. Pure.

Companies that are linked keep their mapped fields in step; none is created. An opportunity that
one of our people has a role on becomes a deal in the MAP, joined to those people's contacts.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.ports import Lane
from mappings.records import Json, Operation, Side
from mappings.required_fields import CRM_KEY, MAP_KEY
from state.outbox import Intent
from sync.bonds import BondPlan, plan_bond, plan_creation
from sync.intents import ID_OF, Draft, FieldChange, make
from sync.plan_people import EntityPlan
from sync.views import EntityView, Rules, bond_of, is_held


def plan_company(view: EntityView, rules: Rules) -> EntityPlan:
    """Fields of a linked company, both ways, and the link key on both."""
    bond = _bond(view, rules)
    if bond is None:
        return EntityPlan(view.entity_id)
    intents = [intent for side in Side if (intent := _update(view, rules, bond, side))]
    return EntityPlan(
        view.entity_id,
        tuple(intents),
        bond_of(view.map_record, view.crm_record),
        bond.agreed,
        bond.rejections,
        reasons=bond.reasons,
        conflicts=bond.conflicts,
    )


def plan_deal(view: EntityView, rules: Rules) -> EntityPlan:
    """A deal's fields and its joins to contacts; creates the deal where the mapping says so."""
    if view.crm_record is None or (view.map_record is None and not view.joins):
        return EntityPlan(view.entity_id)
    if view.map_record is None:
        return _create_deal(view, rules)
    bond = _bond(view, rules)
    intents: list[Intent] = []
    if bond is not None:
        intents.extend(i for side in Side if (i := _update(view, rules, bond, side)))
    intents.extend(_joins(view, rules, view.map_record.ref.id, None))
    agreed = dict(bond.agreed) if bond else {}
    agreed.update(
        {key: pair for key, pair in (view.shadow or {}).items() if key.startswith("join:")}
    )
    return EntityPlan(
        view.entity_id,
        tuple(intents),
        bond_of(view.map_record, view.crm_record),
        agreed,
        bond.rejections if bond else (),
        reasons=bond.reasons if bond else {},
        conflicts=bond.conflicts if bond else (),
    )


def _bond(view: EntityView, rules: Rules) -> BondPlan | None:
    if view.map_record is None or view.crm_record is None:
        return None
    return plan_bond(
        view.mapping,
        view.map_record,
        view.crm_record,
        view.shadow,
        systems={Side.MAP: rules.map_system, Side.CRM: rules.crm_system},
        times=view.times,
    )


def _update(view: EntityView, rules: Rules, bond: BondPlan, side: Side) -> Intent | None:
    record = view.map_record if side is Side.MAP else view.crm_record
    if record is None:
        return None
    writes: dict[str, Json] = dict(bond.writes[side])
    changes = list(bond.changes[side])
    key = MAP_KEY if side is Side.MAP else CRM_KEY
    missing = key in record.fields and record.fields[key] != view.entity_id
    if missing and not is_held(view, record.ref, key, view.entity_id):
        writes[key] = view.entity_id
        changes.append(FieldChange(key, record.fields[key], view.entity_id, "link_key"))
    if not writes:
        return None
    expected = {name: list(value) for name, value in bond.expected[side].items()}
    return make(
        Draft(
            entity_id=view.entity_id,
            side=side,
            system=rules.map_system if side is Side.MAP else rules.crm_system,
            operation=Operation.UPDATE,
            object=record.ref.object,
            fields=writes,
            lane=rules.lane,
            reason="fields",
            target=record,
            changes=changes,
            details={
                "bond": bond_of(view.map_record, view.crm_record),
                "expected": expected,
                "again": side is Side.CRM and bond.unfinished,
            },
        )
    )


def _create_deal(view: EntityView, rules: Rules) -> EntityPlan:
    if not view.mapping.create_map or not view.creatable or view.crm_record is None:
        return EntityPlan(view.entity_id)
    creation = plan_creation(
        view.mapping,
        view.crm_record,
        to=Side.MAP,
        object_name=view.mapping.map_object,
        system=rules.map_system,
    )
    create = make(
        Draft(
            entity_id=view.entity_id,
            side=Side.MAP,
            system=rules.map_system,
            operation=Operation.CREATE,
            object=view.mapping.map_object,
            fields=creation.fields,
            lane=Lane.OUTCOMES if rules.lane is not Lane.BACKFILL else rules.lane,
            reason="no_counterpart",
            external_id=(MAP_KEY, view.entity_id),
            changes=creation.changes,
            details={
                "link": "created",
                "crm_ref": str(view.crm_record.ref),
                "expected": {name: list(value) for name, value in creation.expected.items()},
            },
        )
    )
    key = _key_update(view, rules)
    joins = _joins(view, rules, None, create.key)
    return EntityPlan(view.entity_id, (create, *key, *joins), rejections=creation.rejections)


def _key_update(view: EntityView, rules: Rules) -> Iterator[Intent]:
    """The link key on the opportunity whose deal is being created."""
    record = view.crm_record
    if record is None or record.fields.get(CRM_KEY, view.entity_id) == view.entity_id:
        return
    yield make(
        Draft(
            entity_id=view.entity_id,
            side=Side.CRM,
            system=rules.crm_system,
            operation=Operation.UPDATE,
            object=record.ref.object,
            fields={CRM_KEY: view.entity_id},
            lane=rules.lane,
            reason="fields",
            target=record,
            changes=[FieldChange(CRM_KEY, record.fields[CRM_KEY], view.entity_id, "link_key")],
        )
    )


def _joins(
    view: EntityView, rules: Rules, deal_id: str | None, create_key: str | None
) -> Iterator[Intent]:
    """Associations that are not there yet; the shadow remembers those that were made."""
    for object_name, contact_id in view.joins:
        key = f"join:{object_name}:{contact_id}"
        if key in (view.shadow or {}):
            continue
        waits: Json = {ID_OF: create_key} if create_key else deal_id
        yield make(
            Draft(
                entity_id=view.entity_id,
                side=Side.MAP,
                system=rules.map_system,
                operation=Operation.ASSOCIATE,
                object=view.mapping.map_object,
                fields={"to_object": object_name, "to_id": contact_id, "from_id": waits},
                lane=Lane.OUTCOMES if rules.lane is not Lane.BACKFILL else rules.lane,
                reason="join",
                target_id=deal_id,
                depends_on=create_key,
                changes=[FieldChange("association", None, f"{object_name}:{contact_id}", "join")],
                details={
                    "bond": bond_of(view.map_record, view.crm_record),
                    "crm_ref": str(view.crm_record.ref) if view.crm_record else None,
                    "expected": {key: [contact_id, contact_id, ""]},
                },
            )
        )
