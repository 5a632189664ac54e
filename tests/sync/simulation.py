"""Applying a plan to a view, purely: what the vendors, settle and the state would make of it.

`after(view, plan, rules)` is the view that the next plan would be made from. Follow-ups (outcomes
of a record that is only being created) are not applied: the run plans them again, as here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from mappings.fieldmap import ActivityForm, EntityKind, PairMapping
from mappings.records import EventKind, Json, Operation, Record, RecordRef, Side
from mappings.required_fields import fields_to_read, rolled_up
from state.events import Rollup, StoredEvent
from state.outbox import Intent
from sync.facts import choose_order, facts_of
from sync.plan_consent import OPT_OUT_MAP, refusals
from sync.plan_people import EntityPlan
from sync.views import EntityView, Rules

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)


def record(
    mapping: PairMapping, side: Side, object_name: str, record_id: str, **fields: Json
) -> Record:
    """A record with every field that is read of its object, blank unless given."""
    names = fields_to_read(mapping)[side][object_name]
    system = "hubspot" if side is Side.MAP else "salesforce"
    return Record(
        RecordRef(system, object_name, record_id),
        {**dict.fromkeys(names), **fields},
        "r0",
        AT,
        AT,
    )


def view_of(
    mapping: PairMapping,
    map_records: tuple[Record, ...],
    crm_records: tuple[Record, ...],
    events: tuple[StoredEvent, ...] = (),
    *,
    shadow: Mapping[str, tuple[Json, Json]] | None = None,
    seen: tuple[StoredEvent, ...] = (),
) -> EntityView:
    """A person's view as `sync.gather` would build it; `seen` are events delivered before."""
    people = mapping.of_kind(EntityKind.PERSON)
    if people is None:
        raise KeyError(EntityKind.PERSON)
    ordered = choose_order(crm_records)
    told = [refusals(mapping, one) for one in (*map_records, *ordered)]
    return EntityView(
        entity_id="e1",
        kind=EntityKind.PERSON,
        mapping=people,
        map_records=map_records,
        crm_records=ordered,
        shadow=shadow,
        facts=facts_of(ordered, (), (), {}),
        events=events,
        rollup=rollup_of(mapping, (*seen, *events)),
        refused=frozenset[str | None]().union(*told),
    )


def rollup_of(mapping: PairMapping, events: tuple[StoredEvent, ...]) -> Rollup | None:
    """What the rolled-up kinds add up to."""
    kinds = {kind for kind in rolled_up(mapping) if mapping.activities[kind] is ActivityForm.ROLLUP}
    own = [stored.event for stored in events if stored.event.kind in kinds]
    if not own:
        return None
    counts: dict[EventKind, int] = {}
    for event in own:
        counts[event.kind] = counts.get(event.kind, 0) + 1
    named = sorted((e.occurred_at, e.key, e.name) for e in own if e.name)
    times = [event.occurred_at for event in own]
    return Rollup(counts, min(times), max(times), named[-1][2] if named else None)


def after(
    mapping: PairMapping,
    view: EntityView,
    plan: EntityPlan,
    rules: Rules,
    seen: tuple[StoredEvent, ...] = (),
) -> tuple[EntityView, tuple[StoredEvent, ...]]:
    """The view after the plan was carried out, and every event that is settled by then."""
    map_records = list(view.map_records)
    crm_records = list(view.crm_records)
    shadow: dict[str, tuple[Json, Json]] = dict(plan.agreed)
    settled = {i for ids in plan.events.values() for i in ids}
    for number, intent in enumerate(plan.intents):
        if intent.details.get("follow_up"):
            continue
        carried = intent.details.get("events", {})
        settled |= {i for ids in carried.values() for i in ids}
        for key, (map_value, crm_value, _) in (intent.details.get("expected") or {}).items():
            shadow[key] = (map_value, crm_value)
        if intent.operation is Operation.CREATE and intent.object in {"Lead", "Contact"}:
            crm_records.append(_created(mapping, intent))
        elif intent.side is Side.CRM:
            crm_records = [_written(one, intent, number) for one in crm_records]
        else:
            map_records = [_written(one, intent, number) for one in map_records]
    done = (*seen, *(stored for stored in view.events if stored.id in settled))
    left = tuple(stored for stored in view.events if stored.id not in settled)
    return (
        view_of(mapping, tuple(map_records), tuple(crm_records), left, shadow=shadow, seen=done),
        done,
    )


def _created(mapping: PairMapping, intent: Intent) -> Record:
    key = {str(intent.external_field): intent.external_value}
    fields = {"HasOptedOutOfEmail": False, **intent.fields, **key}
    return record(mapping, Side.CRM, intent.object, "created", **fields)


def _written(one: Record, intent: Intent, number: int) -> Record:
    if (one.ref.object, one.ref.id) != (intent.object, intent.target_id):
        return one
    fields = dict(intent.fields)
    if intent.operation is Operation.OPT_OUT and intent.side is Side.MAP:
        fields = {OPT_OUT_MAP: "true"}
    return replace(one, fields={**one.fields, **fields}, revision=f"{one.revision}.{number}")
