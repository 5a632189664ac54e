"""Building views from the state: everything planning needs to know of a golden record.

Effects are reads only, a few queries per chunk of golden records whatever their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mappings.conditions import condition_of
from mappings.fieldmap import Aggregate, EntityKind, ObjectMapping, OutcomeFact
from mappings.records import Json, Record, RecordRef, Side
from mappings.required_fields import CRM_KEY, CRM_TOUCHES, rolled_up
from mappings.survivorship import inherited_sum
from mappings.values import canonical
from state import events, identity, mirror, participants
from state.identity import Entity, Link
from state.store import Tx
from sync.activities import spoken_with
from sync.addresses import Mailboxes, address_of, mailboxes
from sync.facts import choose_order, facts_of
from sync.fold import converted_key
from sync.held import HELD
from sync.pair import Pair
from sync.plan_consent import refusals
from sync.shadows import is_note
from sync.stage_views import stage_views
from sync.views import EntityView, Scope, StageView, bond_of

ROLES = "OpportunityContactRole"


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What one chunk of golden records needs, loaded together."""

    entities: Mapping[str, Entity]
    links: Mapping[str, Sequence[Link]]
    records: Mapping[RecordRef, Record]
    shadows: Mapping[tuple[str, str], Mapping[str, object]]
    opportunities: Mapping[str, Sequence[Record]]
    open_count: Mapping[str, int]
    converted: Mapping[str, Sequence[Record]]
    boxes: Mailboxes
    users: Mapping[str, tuple[str, str]]
    open_events: Mapping[str, list[events.StoredEvent]]
    rollups: Mapping[str, events.Rollup]
    stages: Mapping[str, StageView]
    spoken: Mapping[str, Mapping[str, str] | None]


def load_users(pair: Pair, tx: Tx) -> dict[str, tuple[str, str]]:
    """CRM users by id: (name, e-mail)."""
    return {
        user.ref.id: (str(user.fields.get("Name") or ""), str(user.fields.get("Email") or ""))
        for user in mirror.live(tx, "User")
        if user.ref.system == pair.crm_side.system
    }


def gather(
    pair: Pair, tx: Tx, entity_ids: Sequence[str], users: Mapping[str, tuple[str, str]]
) -> list[EntityView]:
    """Views of the named golden records, in that order; absorbed ones are left out. Names of
    records that belong to none give views of their consent alone, after the others."""
    chunk = _load(pair, tx, entity_ids, users)
    unlinked = _unlinked_views(pair, tx, [i for i in entity_ids if i not in chunk.entities])
    views = [
        _view(pair, tx, chunk, entity_id)
        for entity_id in entity_ids
        if entity_id in chunk.entities and chunk.entities[entity_id].status != "absorbed"
    ]
    return [*(view for view in views if view is not None), *unlinked]


def _unlinked_views(pair: Pair, tx: Tx, names: Sequence[str]) -> list[EntityView]:
    """People's records that no golden record has: nothing but their opt-outs is planned."""
    mapping = pair.mapping.of_kind(EntityKind.PERSON)
    refs = [RecordRef.parse(name) for name in names if RecordRef.is_name(name)]
    known = mirror.load(tx, refs) if mapping is not None else {}
    linked = identity.links_of(tx, known)
    records = [row.record for ref, row in sorted(known.items()) if ref not in linked]
    boxes = mailboxes(pair, tx, records)
    return [
        _unlinked_view(pair, mapping, record, boxes)
        for record in records
        if mapping is not None and pair.kind_of(record.ref) is EntityKind.PERSON
    ]


def _unlinked_view(
    pair: Pair, mapping: ObjectMapping, record: Record, boxes: Mailboxes
) -> EntityView:
    live = () if record.deleted or record.converted_to is not None else (record,)
    on_map = pair.side_of(record.ref.system) is Side.MAP
    beside = boxes.beside([record], str(record.ref))
    return EntityView(
        entity_id=str(record.ref),
        kind=EntityKind.PERSON,
        mapping=mapping,
        map_records=live if on_map else (),
        crm_records=() if on_map else live,
        shadow=None,
        included=False,
        creatable=False,
        refused=_refused(pair, [record, *(other.record for other in beside)]),
        neighbours=tuple(beside),
    )


def _people(pair: Pair, records: Iterable[Record]) -> list[Record]:
    return [record for record in records if pair.kind_of(record.ref) is EntityKind.PERSON]


def _load(
    pair: Pair, tx: Tx, entity_ids: Sequence[str], users: Mapping[str, tuple[str, str]]
) -> _Chunk:
    entities = identity.entities(tx, entity_ids)
    links = identity.members(tx, entity_ids)
    refs = [link.ref for own in links.values() for link in own]
    records = {ref: row.record for ref, row in mirror.load(tx, refs).items()}
    contacts = [ref.id for ref in refs if ref.object == "Contact"]
    kinds = rolled_up(pair.mapping)
    opportunities = opportunities_of(pair, tx, contacts)
    return _Chunk(
        entities=entities,
        links=links,
        records=records,
        shadows=identity.shadows(tx, entity_ids),
        opportunities=opportunities,
        open_count=open_count(opportunities),
        converted=converted_leads(tx, pair.crm_side.system, contacts),
        boxes=mailboxes(
            pair,
            tx,
            _people(pair, records.values()),
            {link.ref: link for own in links.values() for link in own},
        ),
        users=users,
        open_events=events.open_of(tx, entity_ids),
        rollups=events.rollups(
            tx,
            entity_ids,
            [k for k in kinds if pair.mapping.activities.get(k) == "rollup"],
            pair.mapping.go_live,
            custom=pair.mapping.rolled_up_events,
            logged=pair.mapping.pulled_events,
        ),
        stages=stage_views(tx, pair.mapping, pair.map_side.system, entity_ids),
        spoken=_spoken(pair, tx, links, records),
    )


def open_count(opportunities: Mapping[str, Sequence[Record]]) -> dict[str, int]:
    """How many opportunities each Contact has that are not closed."""
    return {
        contact: sum(1 for r in own if r.fields.get("IsClosed") is not True)
        for contact, own in opportunities.items()
    }


def _spoken(
    pair: Pair,
    tx: Tx,
    links: Mapping[str, Sequence[Link]],
    records: Mapping[RecordRef, Record],
) -> dict[str, Mapping[str, str] | None]:
    """When humans were last active on the records of whoever has several in the CRM."""
    people = pair.mapping.of_kind(EntityKind.PERSON)
    names = people.crm_objects if people is not None else ()
    crm = {
        key: [records[one.ref] for one in own if one.ref.object in names and one.ref in records]
        for key, own in links.items()
    }
    several = {key: own for key, own in crm.items() if len(own) > 1}
    logged = activities_on(tx, (record.ref.id for own in several.values() for record in own))
    machines = identity.own_users(tx) | pair.mapping.machines
    return {key: spoken_with(own, logged, machines) for key, own in several.items()}


def activities_on(tx: Tx, record_ids: Iterable[str]) -> dict[str, list[Record]]:
    """Activities and campaign memberships in the mirror by the CRM record of a person they are
    about."""
    found: dict[str, list[Record]] = {}
    wanted = sorted(set(record_ids))
    for name in CRM_TOUCHES if wanted else ():
        for row in mirror.by_lookup(tx, name, wanted):
            found.setdefault(str(row.lookup), []).append(row.record)
    return found


def met(tx: Tx, contacts: Iterable[RecordRef]) -> dict[RecordRef, list[Record]]:
    """Calls and meetings of the MAP's in the mirror, by the contact who took part."""
    by_system: dict[str, list[RecordRef]] = {}
    for ref in contacts:
        by_system.setdefault(ref.system, []).append(ref)
    found: dict[RecordRef, list[Record]] = {}
    for system, refs in by_system.items():
        known = participants.of(tx, system, [ref.id for ref in refs])
        rows = mirror.load(tx, {one for own in known.values() for one in own})
        for ref in refs:
            own = [rows[one].record for one in known.get(ref.id, ()) if one in rows]
            found |= {ref: own} if own else {}
    return found


def converted_leads(tx: Tx, system: str, contact_ids: Iterable[str]) -> dict[str, list[Record]]:
    """Converted Leads by the Contact they became, long before we came or under our eyes."""
    found: dict[str, list[Record]] = {}
    keys = [converted_key(contact) for contact in sorted(set(contact_ids))]
    for row in mirror.by_lookup(tx, "Lead", keys):
        into = row.record.converted_to
        if into is not None and row.record.ref.system == system:
            found.setdefault(into.id, []).append(row.record)
    return found


def opportunities_of(pair: Pair, tx: Tx, contact_ids: Sequence[str]) -> dict[str, list[Record]]:
    """Live opportunities by the Contact that has a role on them, in order of their id."""
    return opportunities_at(tx, pair.crm_side.system, contact_ids)


def opportunities_at(tx: Tx, system: str, contact_ids: Sequence[str]) -> dict[str, list[Record]]:
    """The same, at a CRM that is named by its system."""
    roles = [row.record for row in mirror.by_lookup(tx, ROLES, sorted(set(contact_ids)))]
    wanted = {
        RecordRef(system, "Opportunity", str(role.fields["OpportunityId"]))
        for role in roles
        if role.fields.get("OpportunityId")
    }
    known = mirror.load(tx, wanted)
    found: dict[str, dict[str, Record]] = {}
    for role in roles:
        ref = RecordRef(system, "Opportunity", str(role.fields.get("OpportunityId")))
        if ref in known and not known[ref].record.deleted:
            own = found.setdefault(str(role.fields["ContactId"]), {})
            own[ref.id] = known[ref].record
    return {contact: [own[key] for key in sorted(own)] for contact, own in found.items()}


def _view(pair: Pair, tx: Tx, chunk: _Chunk, entity_id: str) -> EntityView | None:
    entity = chunk.entities[entity_id]
    mapping = pair.mapping.of_kind(entity.kind)
    if mapping is None:
        return None
    live = _live(chunk, entity_id)
    map_records = [r for r in live if pair.side_of(r.ref.system) is Side.MAP]
    crm_records = [r for r in live if pair.side_of(r.ref.system) is Side.CRM]
    if entity.kind is EntityKind.DEAL:
        return _deal_view(pair, tx, chunk, entity, mapping, map_records, crm_records)
    ordered = choose_order(
        crm_records, chunk.open_count, key=entity_id, spoken=chunk.spoken.get(entity_id)
    )
    primary = map_records[0] if map_records else None
    beside = chunk.boxes.beside(_people(pair, live), entity_id)
    return EntityView(
        entity_id=entity_id,
        kind=entity.kind,
        mapping=mapping,
        map_records=tuple(map_records),
        crm_records=ordered,
        shadow=_shadow(mapping, chunk, entity_id, primary, ordered[0] if ordered else None),
        facts=_facts(chunk, ordered) if entity.kind is EntityKind.PERSON else {},
        events=tuple(chunk.open_events.get(entity_id, ())),
        rollup=chunk.rollups.get(entity_id),
        included=primary is not None and condition_of(mapping)(primary.fields),
        creatable=entity.status == "live",
        refused=_refused(pair, [*_ever(chunk, entity_id), *(other.record for other in beside)]),
        neighbours=tuple(beside),
        taken=_taken(pair, chunk, primary, ordered),
        held=any(link.status == HELD for link in chunk.links.get(entity_id, ())),
        keyed=_keyed(chunk, entity_id),
        stage=chunk.stages.get(entity_id),
    )


def _taken(
    pair: Pair, chunk: _Chunk, primary: Record | None, ordered: Sequence[Record]
) -> frozenset[str]:
    """Addresses of these CRM records that a MAP contact other than this one has."""
    if primary is None:
        return frozenset()
    return frozenset(
        email
        for record in ordered
        if (email := address_of(record)) is not None
        and any(
            pair.side_of(other.ref.system) is Side.MAP and other.ref != primary.ref
            for other in chunk.boxes.records.get(email, ())
        )
    )


def _live(chunk: _Chunk, entity_id: str) -> list[Record]:
    return [
        chunk.records[link.ref]
        for link in chunk.links.get(entity_id, ())
        if link.status == "live"
        and link.ref in chunk.records
        and not chunk.records[link.ref].deleted
        and chunk.records[link.ref].converted_to is None
    ]


def _shadow(
    mapping: ObjectMapping, chunk: _Chunk, entity_id: str, left: Record | None, right: Record | None
) -> dict[str, tuple[Json, Json]] | None:
    stored = chunk.shadows.get((entity_id, bond_of(left, right)))
    known = {key: _agreed(value) for key, value in (stored or {}).items()}
    if left is None or right is None or any(not is_note(key) for key in known):
        return None if stored is None else known
    return {**_inherited_sums(mapping, chunk, entity_id, left, right), **known} or None


def _inherited_sums(
    mapping: ObjectMapping, chunk: _Chunk, entity_id: str, left: Record, right: Record
) -> dict[str, tuple[Json, Json]]:
    """What sums had agreed on before one of the two records took another's place.

    After a merge or a Lead's conversion the person's records have new ids, and every other field is
    met for the first time, owners deciding. A sum is not: what both sides had counted would be
    added up twice.
    """
    rules = [rule for rule in mapping.fields if rule.aggregate is Aggregate.SUM]
    before = _before(chunk, entity_id, left.ref, right.ref) if rules else None
    found: dict[str, tuple[Json, Json]] = {}
    for rule in rules:
        field = rule.crm.get(right.ref.object)
        if before is None or field is None or rule.key not in before:
            continue
        values = (
            canonical(left.fields.get(rule.map), rule.type),
            canonical(right.fields.get(field), rule.type),
        )
        base = inherited_sum(_agreed(before[rule.key]), *values)
        if base is not None:
            found[rule.key] = base
    return found


def _before(
    chunk: _Chunk, entity_id: str, left: RecordRef, right: RecordRef
) -> Mapping[str, object] | None:
    """The shadow of the pair of records that these two have taken the place of."""
    gone = {str(link.ref) for link in chunk.links.get(entity_id, ()) if link.status == "alias"}
    for (own, bond), values in sorted(chunk.shadows.items(), key=lambda item: item[0]):
        ends = bond.partition("|")
        fits = ends[0] in {str(left), *gone} and ends[2] in {str(right), *gone}
        if own == entity_id and fits:
            return values
    return None


def _agreed(value: object) -> tuple[Json, Json]:
    pair = value if isinstance(value, (list, tuple)) else (None, None)
    return pair[0], pair[1]


def _facts(chunk: _Chunk, ordered: Sequence[Record]) -> dict[OutcomeFact, Json]:
    converted = [lead for record in ordered for lead in chunk.converted.get(record.ref.id, ())]
    opportunities: dict[str, Record] = {}
    for record in ordered:
        for opportunity in chunk.opportunities.get(record.ref.id, ()):
            opportunities[opportunity.ref.id] = opportunity
    return facts_of(ordered, converted, list(opportunities.values()), chunk.users)


def _ever(chunk: _Chunk, entity_id: str) -> list[Record]:
    """Every record the golden record ever had: who opted out and was then deleted opted out."""
    refs = [link.ref for link in chunk.links.get(entity_id, ())]
    return [chunk.records[ref] for ref in refs if ref in chunk.records]


def _keyed(chunk: _Chunk, entity_id: str) -> frozenset[str]:
    """Objects of which a converted record of theirs has kept the key: nobody can edit it there."""
    return frozenset(
        record.ref.object
        for record in _ever(chunk, entity_id)
        if record.converted_to is not None and record.fields.get(CRM_KEY) == entity_id
    )


def _refused(pair: Pair, records: Iterable[Record]) -> frozenset[Scope]:
    """The most restrictive state on either side, of all mail and of each type (law 7)."""
    return frozenset[Scope]().union(*(refusals(pair.mapping, record) for record in records))


def _deal_view(
    pair: Pair,
    tx: Tx,
    chunk: _Chunk,
    entity: Entity,
    mapping: ObjectMapping,
    map_records: Sequence[Record],
    crm_records: Sequence[Record],
) -> EntityView:
    """A deal and the MAP contacts its opportunity's roles stand for."""
    right = crm_records[0] if crm_records else None
    left = map_records[0] if map_records else None
    return EntityView(
        entity_id=entity.id,
        kind=entity.kind,
        mapping=mapping,
        map_records=tuple(map_records),
        crm_records=tuple(crm_records),
        shadow=_shadow(mapping, chunk, entity.id, left, right),
        creatable=entity.status == "live",
        joins=_joins(pair, tx, right) if right is not None else (),
    )


def _joins(pair: Pair, tx: Tx, opportunity: Record) -> tuple[tuple[str, str], ...]:
    """(MAP object, id) of every contact with a role on the opportunity, in order."""
    roles = mirror.by_lookup(tx, ROLES, [opportunity.ref.id], second=True)
    contacts = [
        RecordRef(pair.crm_side.system, "Contact", str(row.record.fields.get("ContactId")))
        for row in roles
    ]
    people = {link.entity_id for link in identity.links_of(tx, contacts).values()}
    found: set[tuple[str, str]] = set()
    for members in identity.members(tx, people).values():
        on_map = [
            link.ref
            for link in members
            if link.status == "live" and pair.side_of(link.ref.system) is Side.MAP
        ]
        found.update((ref.object, ref.id) for ref in on_map[:1])
    return tuple(sorted(found))
