"""A golden record's timeline out of the state: what the closed loop is asked about.

Reads only. Fields go by the names contracts use: `map.X` from the person's live MAP record, `crm.X`
from the CRM record to write to first that has such a field. A closed opportunity counts from its
close date, since Salesforce tells no time of closing; one that is dated before it was created, from
its creation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from lifecycle.evidence import Evidence
from lifecycle.timeline import Deal, Moment, MomentKind, Timeline
from lifecycle.touch import TouchRules
from mappings.fieldmap import EntityKind, PairMapping, ValueType
from mappings.records import Json, Record
from mappings.values import canonical
from state import events, loop
from state.store import Tx
from sync.facts import choose_order
from sync.gather import opportunities_at

EVENTS = 100_000
"""Events of one person that are looked at, the newest: more than anybody has."""


def evidence_of(
    tx: Tx, mapping: PairMapping, entity_id: str, records: Sequence[Record]
) -> Evidence | None:
    """What is known of a person whose records these are; None where the mapping has no people."""
    people = mapping.of_kind(EntityKind.PERSON)
    if people is None:
        return None
    live = [record for record in records if not record.deleted]
    map_records = [record for record in live if record.ref.object == people.map_object]
    crm_records = choose_order([r for r in live if r.ref.object in people.crm_objects])
    observed = [
        Moment(
            one.at, f"observed:{one.field}", MomentKind.FIELD_CHANGE,
            field=one.field, before=one.before, after=one.after,
        )
        for one in loop.observations(tx, [entity_id]).get(entity_id, ())
    ]  # fmt: skip
    happened = [
        Moment(
            stored.event.occurred_at, stored.event.key, MomentKind(stored.event.kind.value),
            source=stored.event.name, filtered=stored.event.filtered,
        )
        for stored in events.of_entity(tx, entity_id, limit=EVENTS)
    ]  # fmt: skip
    timeline = Timeline(
        entity_id,
        {
            name: _value(name, map_records if name.startswith("map.") else crm_records)
            for name in mapping.contract.names
            if name.startswith(("map.", "crm."))
        },
        tuple(happened + observed),
        created_at=min((r.created_at for r in live if r.created_at is not None), default=None),
        deals=tuple(_deals(tx, crm_records, mapping.contract.zone)),
        history=_history(observed),
    )
    return Evidence(timeline, TouchRules(), zone=mapping.contract.zone)


def _value(name: str, records: Iterable[Record]) -> Json:
    field = name.partition(".")[2]
    return next((r.fields[field] for r in records if r.fields.get(field) is not None), None)


def _history(observed: Sequence[Moment]) -> dict[str, datetime]:
    """Since when changes of each field are written down: the first that was."""
    found: dict[str, datetime] = {}
    for one in sorted(observed, key=lambda moment: moment.order):
        found.setdefault(one.field, one.at)
    return found


def _deals(tx: Tx, crm_records: Sequence[Record], zone: str) -> Iterable[Deal]:
    contacts = [record.ref for record in crm_records if record.ref.object == "Contact"]
    seen: set[str] = set()
    for ref in contacts:
        for record in opportunities_at(tx, ref.system, [ref.id]).get(ref.id, ()):
            if record.ref.id not in seen:
                seen.add(record.ref.id)
                yield _deal(record, zone)


def _deal(record: Record, zone: str) -> Deal:
    created = record.created_at or record.modified_at
    closed = record.fields.get("IsClosed") is True
    return Deal(
        key=str(record.ref),
        created_at=created,
        owner=record.fields.get("OwnerId"),
        stage=str(record.fields.get("StageName") or ""),
        closed_at=max(created, _day(record.fields.get("CloseDate"), zone)) if closed else None,
        is_closed=closed,
        is_won=record.fields.get("IsWon") is True,
    )


def _day(value: Json, zone: str) -> datetime:
    """When a day begins in the reporting zone; long ago where there is none."""
    text = canonical(value, ValueType.DATE)
    try:
        day = date.fromisoformat(str(text))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
