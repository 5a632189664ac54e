"""Planning one person: consent, fields, creation, roll-ups, activities and outcomes. Pure.

`plan_person` takes a view and the rules and gives every intent this person needs now, the shadow
values that are true already, the fields that were refused, and what becomes of the events. Doing
what it says and planning again gives nothing (law 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC

from mappings.fieldmap import OutcomeFact, OutcomeRule, ValueType
from mappings.ports import Lane
from mappings.records import Json, Operation, Record, Side
from mappings.required_fields import (
    CRM_KEY,
    FIRST_ENGAGEMENT,
    LAST_CAMPAIGN,
    LAST_ENGAGEMENT,
    MAP_KEY,
    PROJECTION,
)
from mappings.values import canonical, equal, to_vendor
from state.outbox import Intent
from sync.bonds import BondPlan, Conflict, Rejection, plan_bond, plan_creation
from sync.intents import ID_OF, Draft, FieldChange, make
from sync.plan_activities import nobody, plan_activities, rolled_up
from sync.plan_consent import opt_out_of_new_address, opt_outs
from sync.plan_lifecycle import (
    OWNER,
    contract_type,
    handoff_tasks,
    owner_field,
    projected,
    stage_fields,
)
from sync.views import ROLLUP_FIELDS, EntityView, Rules, becomes, bond_of, is_held

FACT_TYPES: Mapping[OutcomeFact, ValueType] = {
    OutcomeFact.OPPORTUNITY_AMOUNT: ValueType.NUMBER,
    OutcomeFact.TOTAL_REVENUE: ValueType.NUMBER,
    OutcomeFact.WON_COUNT: ValueType.NUMBER,
    OutcomeFact.CLOSE_DATE: ValueType.DATE,
    OutcomeFact.CUSTOMER_SINCE: ValueType.DATE,
}


@dataclass(frozen=True, slots=True)
class EntityPlan:
    """What one golden record needs.

    `intents` are in the order they must be sent in. `agreed` goes into the shadow of `bond` at
    once. `events` maps a disposition to the row ids of events that need no write. One that `stays`
    leaves its golden record on the work list: it is not all that is to be planned. `resolved` are
    dead letters of which nothing is left to be written.
    """

    entity_id: str
    intents: tuple[Intent, ...] = ()
    bond: str = ""
    agreed: Mapping[str, tuple[Json, Json]] = field(default_factory=dict)
    rejections: tuple[Rejection, ...] = ()
    events: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    stays: bool = False
    resolved: tuple[int, ...] = ()


def plan_person(view: EntityView, rules: Rules) -> EntityPlan:
    """Everything this person needs now: consent alone while a deletion of theirs is held."""
    intents = list(opt_outs(view, rules))
    if view.held:
        return EntityPlan(view.entity_id, tuple(intents))
    if view.map_record is None or not view.included:
        return EntityPlan(view.entity_id, tuple(intents), events=nobody(view))
    bond = _fields(view, rules)
    if bond is not None:
        intents.extend(opt_out_of_new_address(view, bond))
    crm_intent, create_key = _crm_write(view, rules, bond)
    if crm_intent is not None:
        intents.append(crm_intent)
    target = view.crm_record or (create_key or None)
    intents.extend(_map_writes(view, rules, bond, create_key))
    activities, events = plan_activities(view, rules, target)
    intents.extend(activities)
    intents.extend(handoff_tasks(view, rules, target))
    creation = None if crm_intent is None or create_key is None else crm_intent
    rejections = bond.rejections if bond else ()
    if creation is not None:
        rejections = (*rejections, *_creation_rejections(view, rules))
    return EntityPlan(
        entity_id=view.entity_id,
        intents=tuple(intents),
        bond=bond_of(view.map_record, view.crm_record),
        agreed=bond.agreed if bond else {},
        rejections=rejections,
        events=events,
        reasons=bond.reasons if bond else {},
        conflicts=bond.conflicts if bond else (),
    )


def _fields(view: EntityView, rules: Rules) -> BondPlan | None:
    if view.map_record is None or view.crm_record is None:
        return None
    bond = plan_bond(
        view.mapping,
        view.map_record,
        view.crm_record,
        view.shadow,
        systems={Side.MAP: rules.map_system, Side.CRM: rules.crm_system},
        times=view.times,
    )
    wanted = str(bond.writes[Side.MAP].get("email") or "").lower()
    return bond.without(Side.MAP, "email") if wanted in view.taken else bond


def _crm_write(
    view: EntityView, rules: Rules, bond: BondPlan | None
) -> tuple[Intent | None, str | None]:
    """The one write to the chosen CRM record, or the creation of it with its key."""
    if view.crm_record is None:
        intent = _create(view, rules)
        return intent, intent.key if intent else None
    writes = dict(bond.writes[Side.CRM]) if bond else {}
    changes = list(bond.changes[Side.CRM]) if bond else []
    expected = dict(bond.expected[Side.CRM]) if bond else {}
    for name, value, rule in _owned_crm_fields(view):
        current = view.crm_record.fields.get(name)
        if is_held(view, view.crm_record.ref, name, value):
            continue
        if name in view.crm_record.fields and not equal(current, value, owned_type(name)):
            writes[name] = to_vendor(value, owned_type(name), rules.crm_system)
            changes.append(FieldChange(name, current, value, rule))
    if not writes:
        return None, None
    intent = make(
        Draft(
            entity_id=view.entity_id,
            side=Side.CRM,
            system=rules.crm_system,
            operation=Operation.UPDATE,
            object=view.crm_record.ref.object,
            fields=writes,
            lane=rules.lane,
            reason="fields",
            target=view.crm_record,
            changes=changes,
            details={
                "bond": bond_of(view.map_record, view.crm_record),
                "expected": {key: list(value) for key, value in expected.items()},
                "events": rolled_up(view, rules),
                # whom the person was given to is an outcome, too: shown in the MAP by this very run
                "again": (bond is not None and bond.unfinished) or OWNER in writes,
            },
        )
    )
    return intent, None


def _create(view: EntityView, rules: Rules) -> Intent | None:
    wanted = becomes(view)
    if wanted is None or not view.creatable or view.map_record is None:
        return None
    creation = plan_creation(
        view.mapping, view.map_record, to=Side.CRM, object_name=wanted, system=rules.crm_system
    )
    fields = dict(creation.fields)
    changes = list(creation.changes)
    for name, value, rule in _owned_crm_fields(view):
        if name != CRM_KEY and value is not None:
            fields[name] = to_vendor(value, owned_type(name), rules.crm_system)
            changes.append(FieldChange(name, None, value, rule))
    for consent in rules.mapping.consent:
        if consent.subscription in view.refused and wanted in consent.crm:
            fields[consent.crm[wanted]] = True
            changes.append(FieldChange(consent.crm[wanted], None, True, "consent"))
    return make(
        Draft(
            entity_id=view.entity_id,
            side=Side.CRM,
            system=rules.crm_system,
            operation=Operation.CREATE,
            object=wanted,
            fields=fields,
            lane=rules.lane,
            reason="no_counterpart",
            external_id=(CRM_KEY, view.entity_id),
            changes=changes,
            details={
                "link": "created",
                "map_ref": str(view.map_record.ref),
                "expected": {key: list(value) for key, value in creation.expected.items()},
                "events": rolled_up(view, rules),
            },
        )
    )


def _creation_rejections(view: EntityView, rules: Rules) -> tuple[Rejection, ...]:
    wanted = becomes(view)
    if view.map_record is None or wanted is None:
        return ()
    return plan_creation(
        view.mapping,
        view.map_record,
        to=Side.CRM,
        object_name=wanted,
        system=rules.crm_system,
    ).rejections


def _owned_crm_fields(view: EntityView) -> Iterator[tuple[str, Json, str]]:
    """Fields that are Leadloop's own on the CRM record: name, canonical value, rule."""
    if view.crm_record is None or view.crm_record.ref.object not in view.keyed:
        yield CRM_KEY, view.entity_id, "link_key"
    yield from stage_fields(view, view.crm_record, Side.CRM)
    yield from owner_field(view, view.crm_record)
    if view.rollup is None:
        return
    for kind, name in ROLLUP_FIELDS.items():
        number = view.rollup.counts.get(kind)
        if number:
            yield name, str(number), "rollup"
    for name, moment in (
        (FIRST_ENGAGEMENT, view.rollup.first_at),
        (LAST_ENGAGEMENT, view.rollup.last_at),
    ):
        if moment is not None:
            yield name, canonical(moment.astimezone(UTC).isoformat(), ValueType.DATETIME), "rollup"
    if view.rollup.last_name:
        yield LAST_CAMPAIGN, view.rollup.last_name[:255], "rollup"


def owned_type(name: str) -> ValueType:
    """What the values of Leadloop's own CRM fields are."""
    of_contract = contract_type(name)
    if of_contract is not None:
        return of_contract
    if name in {CRM_KEY, LAST_CAMPAIGN, OWNER}:
        return ValueType.TEXT
    return ValueType.DATETIME if name in {FIRST_ENGAGEMENT, LAST_ENGAGEMENT} else ValueType.NUMBER


def _map_writes(
    view: EntityView, rules: Rules, bond: BondPlan | None, create_key: str | None
) -> Iterator[Intent]:
    """One write per MAP contact: fields and link key on the primary, outcomes on all."""
    for position, record in enumerate(view.map_records):
        writes: dict[str, Json] = {}
        changes: list[FieldChange] = []
        expected: dict[str, tuple[Json, Json, str]] = {}
        if position == 0 and bond is not None:
            writes.update(bond.writes[Side.MAP])
            changes.extend(bond.changes[Side.MAP])
            expected.update(bond.expected[Side.MAP])
        for name, value, value_type, rule in _owned_map_fields(
            view, rules, record, primary=position == 0, create_key=create_key
        ):
            if is_held(view, record.ref, name, value):
                continue
            writes[name] = (
                value if isinstance(value, dict) else to_vendor(value, value_type, rules.map_system)
            )
            changes.append(FieldChange(name, record.fields.get(name), value, rule))
        if writes:
            yield make(
                Draft(
                    entity_id=view.entity_id,
                    side=Side.MAP,
                    system=rules.map_system,
                    operation=Operation.UPDATE,
                    object=record.ref.object,
                    fields=writes,
                    lane=Lane.OUTCOMES if rules.lane is not Lane.BACKFILL else rules.lane,
                    reason="outcomes",
                    target=record,
                    depends_on=create_key,
                    changes=changes,
                    details={
                        "bond": bond_of(view.map_record, view.crm_record),
                        "expected": {key: list(value) for key, value in expected.items()},
                        "follow_up": create_key is not None,
                        "again": writes.get(PROJECTION) == "",  # cleared: set by the next
                    },
                )
            )


def _owned_map_fields(
    view: EntityView, rules: Rules, record: Record, *, primary: bool, create_key: str | None
) -> Iterator[tuple[str, Json, ValueType, str]]:
    """Leadloop's own properties that differ from what the contact has."""
    yield from _stage_on_map(view, record)
    if view.crm_record is None and create_key is None:
        return
    if primary and record.fields.get(MAP_KEY) != view.entity_id:
        yield MAP_KEY, view.entity_id, ValueType.TEXT, "link_key"
    for outcome in rules.mapping.outcomes:
        value_type = FACT_TYPES.get(outcome.fact, ValueType.TEXT)
        value = _fact(view, outcome, create_key)
        current = record.fields.get(outcome.map)
        if isinstance(value, dict) or (
            outcome.map in record.fields and not equal(value, current, value_type)
        ):
            yield outcome.map, value, value_type, "outcome"


def _stage_on_map(view: EntityView, record: Record) -> Iterator[tuple[str, Json, ValueType, str]]:
    """Where the person stands, on every contact of theirs."""
    for name, value, rule in (*stage_fields(view, record, Side.MAP), *projected(view, record)):
        value_type = contract_type(name) or ValueType.TEXT
        if name in record.fields and not equal(value, record.fields[name], value_type):
            yield name, value, value_type, rule


def _fact(view: EntityView, outcome: OutcomeRule, create_key: str | None) -> Json:
    """The value of an outcome; a record that is being created has its id only afterwards."""
    if view.crm_record is None and create_key is not None:
        if outcome.fact is OutcomeFact.CRM_ID:
            return {ID_OF: create_key}
        if outcome.fact is OutcomeFact.CRM_OBJECT:
            return becomes(view)
    return view.facts.get(outcome.fact)
