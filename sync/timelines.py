"""Golden records' timelines out of the state: what the closed loop is asked about.

Reads only, a few queries for a chunk of people. Fields go by the names contracts use: `map.X` from
the person's live MAP record, `crm.X` from the CRM record to write to first that has such a field. A
closed opportunity counts from the beginning of its close date, since Salesforce tells no time of
closing: from its last save where that is earlier, and, where it was opened on that very day or
later, from its last save on that day. What happened on that day, up to the last save, can have led
to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lifecycle.evidence import Evidence
from lifecycle.timeline import Deal, Moment, MomentKind, Timeline
from lifecycle.touch import TouchRules
from mappings.fieldmap import EntityKind, ObjectMapping, PairMapping, ValueType
from mappings.records import Json, Record, RecordRef
from mappings.values import canonical
from state import events, identity, loop, mirror
from state.events import Happening
from state.loop import Observation
from state.store import Tx
from sync.activities import moments_of, spoken_with
from sync.facts import choose_order
from sync.gather import activities_on, converted_leads, met, open_count, opportunities_at

OWNER = "crm.OwnerId"
"""Who owns a person or a deal in the CRM, by the name contracts use: watched whatever they say."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)
Known = Mapping[str, datetime]
"""Since when each field is watched."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person's live records, on either side the one first that is written to first."""

    entity_id: str
    map_records: tuple[Record, ...]
    crm_records: tuple[Record, ...]
    opportunities: tuple[Record, ...] = ()
    activities: tuple[Record, ...] = ()
    leads: tuple[Record, ...] = ()
    """The converted Leads their Contacts were."""

    def holder(self, name: str) -> Record | None:
        """The record that has a value of the field of this name; None where none has."""
        side, _, field = name.partition(".")
        records = self.map_records if side == "map" else self.crm_records
        return next((r for r in records if r.fields.get(field) is not None), None)

    def value(self, name: str) -> Json:
        """The field's value now."""
        holder = self.holder(name)
        return holder.fields[name.partition(".")[2]] if holder is not None else None

    @property
    def created_at(self) -> datetime | None:
        """When the first of their records came to be."""
        records = (*self.map_records, *self.crm_records, *self.leads)
        return min((r.created_at for r in records if r.created_at is not None), default=None)


def watched_names(mapping: PairMapping) -> tuple[str, ...]:
    """The fields whose changes are written down: those the contract names, and the owner."""
    named = [name for name in mapping.contract.names if name.startswith(("map.", "crm."))]
    return tuple(dict.fromkeys((*named, OWNER)))


def people_of(tx: Tx, mapping: PairMapping, entity_ids: Sequence[str]) -> list[Person]:
    """The people among these golden records, in that order; absorbed ones are left out."""
    people = mapping.of_kind(EntityKind.PERSON)
    if people is None:
        return []
    known = identity.entities(tx, entity_ids)
    wanted = [
        entity_id
        for entity_id in entity_ids
        if entity_id in known
        and known[entity_id].kind is EntityKind.PERSON
        and known[entity_id].status != "absorbed"
    ]
    members = identity.members(tx, wanted)
    rows = mirror.load(tx, [link.ref for own in members.values() for link in own])
    records = {
        entity_id: [rows[link.ref].record for link in own if link.ref in rows]
        for entity_id, own in members.items()
    }
    own = {entity_id: records.get(entity_id, []) for entity_id in wanted}
    return _with_all(tx, people, own, machines_of(tx, mapping))


def person_of(
    tx: Tx, mapping: PairMapping, entity_id: str, records: Sequence[Record]
) -> Person | None:
    """A person whose records these are; None where the mapping has no people."""
    people = mapping.of_kind(EntityKind.PERSON)
    if people is None:
        return None
    return _with_all(tx, people, {entity_id: records}, machines_of(tx, mapping))[0]


def machines_of(tx: Tx, mapping: PairMapping) -> frozenset[str]:
    """Users whose doings are no human's: as whom Leadloop works, and whom the mapping names."""
    return identity.own_users(tx) | mapping.machines


def _with_all(
    tx: Tx,
    people: ObjectMapping,
    records: Mapping[str, Sequence[Record]],
    machines: frozenset[str],
) -> list[Person]:
    """Opportunities and activities beside the records, read together for all of them."""
    live = {key: [r for r in own if not r.deleted] for key, own in records.items()}
    everything = [r.ref for own in live.values() for r in own]
    opportunities: dict[str, list[Record]] = {}
    leads: dict[str, list[Record]] = {}
    for system in {ref.system for ref in everything}:
        ids = [ref.id for ref in everything if (ref.system, ref.object) == (system, "Contact")]
        opportunities.update(opportunities_at(tx, system, ids))
        leads.update(converted_leads(tx, system, ids))
    activities = activities_on(tx, (r.id for r in everything if r.object in people.crm_objects))
    contacts = [r.ref for own in records.values() for r in own if r.ref.object == people.map_object]
    beside = _Beside(
        opportunities, open_count(opportunities), activities, leads, met(tx, contacts), records
    )
    return [_person(people, key, own, beside, machines) for key, own in live.items()]


@dataclass(frozen=True, slots=True)
class _Beside:
    """What hangs on people's CRM records, by the record's id."""

    opportunities: Mapping[str, Sequence[Record]]
    open_count: Mapping[str, int]
    activities: Mapping[str, Sequence[Record]]
    leads: Mapping[str, Sequence[Record]]
    met: Mapping[RecordRef, Sequence[Record]]
    """By the MAP contact, one that was merged away included."""
    ever: Mapping[str, Sequence[Record]]
    """All their records, by golden record."""


def _person(
    people: ObjectMapping,
    entity_id: str,
    records: Sequence[Record],
    beside: _Beside,
    machines: frozenset[str],
) -> Person:
    crm = [r for r in records if r.ref.object in people.crm_objects]
    spoken = spoken_with(crm, beside.activities, machines)
    deals = {
        deal.ref: deal
        for record in crm
        if record.ref.object == "Contact"
        for deal in beside.opportunities.get(record.ref.id, ())
    }
    return Person(
        entity_id,
        tuple(r for r in records if r.ref.object == people.map_object),
        choose_order(crm, beside.open_count, key=entity_id, spoken=spoken),
        tuple(deals[ref] for ref in sorted(deals)),
        (
            *(one for record in crm for one in beside.activities.get(record.ref.id, ())),
            *(one for record in beside.ever[entity_id] for one in beside.met.get(record.ref, ())),
        ),
        tuple(lead for record in crm for lead in beside.leads.get(record.ref.id, ())),
    )


def evidences(
    tx: Tx,
    mapping: PairMapping,
    people: Sequence[Person],
    since: Mapping[str, Known],
) -> Iterator[tuple[Person, Evidence]]:
    """What is known of each of these people. `since` says since when each one's fields are
    watched. What machines did is nobody's doing (`machines_of`).
    """
    ids = [person.entity_id for person in people]
    observed = loop.observations(tx, ids)
    happened = events.happenings(tx, ids)
    names = watched_names(mapping)
    rules = TouchRules(integrations=machines_of(tx, mapping))
    for person in people:
        key = person.entity_id
        moments = [*map(_happening, happened.get(key, ())), *map(change_of, observed.get(key, ()))]
        moments += moments_of(person.activities)
        timeline = Timeline(
            key,
            {name: person.value(name) for name in names},
            tuple(moments),
            created_at=person.created_at,
            deals=tuple(deal_of(deal, mapping.contract.zone) for deal in person.opportunities),
            history=dict(since.get(key, {})),
        )
        yield person, Evidence(timeline, rules, zone=mapping.contract.zone)


def _happening(event: Happening) -> Moment:
    kind = MomentKind(event.kind.value)
    return Moment(event.at, event.key, kind, source=event.name, filtered=event.filtered)


def change_of(one: Observation) -> Moment:
    """A change that was noted, as something that happened."""
    kind = MomentKind.OWNER_CHANGE if one.field == OWNER else MomentKind.FIELD_CHANGE
    key = f"observed:{one.field}"
    return Moment(one.at, key, kind, field=one.field, before=one.before, after=one.after)


def deal_of(record: Record, zone: str) -> Deal:
    """An opportunity as it is now, without its people and amount."""
    created = record.created_at or record.modified_at
    closed = record.fields.get("IsClosed") is True
    day, over = _day(record.fields.get("CloseDate"), zone)
    closed_by = max(created, min(over, record.modified_at))
    closed_at = min(day, record.modified_at)
    if closed_at <= created:  # opened and closed on one day: it was open in between
        closed_at = closed_by
    return Deal(
        key=str(record.ref),
        created_at=created,
        owner=record.fields.get("OwnerId"),
        stage=str(record.fields.get("StageName") or ""),
        closed_at=closed_at if closed else None,
        closed_by=closed_by if closed else None,
        is_closed=closed,
        is_won=record.fields.get("IsWon") is True,
    )


def _day(value: Json, zone: str) -> tuple[datetime, datetime]:
    """When a day begins in the reporting zone, and when it is over; long ago if there is none."""
    text = canonical(value, ValueType.DATE)
    try:
        day = date.fromisoformat(str(text))
    except ValueError:
        return (LONG_AGO, LONG_AGO)
    begins, over = (
        datetime.combine(one, time(), ZoneInfo(zone)).astimezone(UTC)
        for one in (day, day + timedelta(days=1))
    )
    return (begins, over)
