"""Looking before an undo: every record concerned is read again, so that what somebody changed a
minute ago is seen, and created records are asked whether anybody uses them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mappings.fieldmap import EntityKind
from mappings.ports import Lane
from mappings.records import EventKind, Operation, Record, RecordRef, Side
from state import events, identity, mirror, outbox
from state.ledger import Line
from state.store import Tx, chunks
from sync.addresses import mailboxes
from sync.crash import crashpoint
from sync.fold import fold
from sync.gather import ROLES, gather, load_users
from sync.pair import Pair
from sync.undo.choose import Chosen
from sync.undo.scene import Evidence, Scene
from sync.views import bond_of

READ = 400
"""Records read in one go."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Records as they are now; `used` says of created ones why they stay."""

    records: Mapping[RecordRef, Record]
    used: Mapping[RecordRef, str] = field(default_factory=dict)


def look(pair: Pair, run_id: str, chosen: Chosen) -> Seen:
    """Read every record concerned; those that are mirrored land like any other change."""
    with pair.store.read() as tx:
        wanted = _refs(tx, chosen)
    records = _read(pair, run_id, wanted)
    fold(pair, run_id)
    return Seen(records, _used(pair, chosen, records))


def _refs(tx: Tx, chosen: Chosen) -> set[RecordRef]:
    """The records of the lines, what they have become, and everybody's other records."""
    refs = {line.ref for line in chosen.lines if line.id in chosen.ids}
    refs |= {identity.follow(tx, ref) for ref in refs}
    for members in identity.members(tx, chosen.entities).values():
        refs |= {link.ref for link in members if link.status == "live"}
    return refs


def _read(pair: Pair, run_id: str, refs: Iterable[RecordRef]) -> dict[RecordRef, Record]:
    grouped: dict[tuple[Side, str], list[str]] = {}
    for ref in sorted(refs):
        grouped.setdefault((pair.side_of(ref.system), ref.object), []).append(ref.id)
    found: dict[RecordRef, Record] = {}
    for (side, object_name), ids in sorted(grouped.items()):
        for batch in chunks(ids, READ):
            with pair.in_lane(side, Lane.REPAIR):
                records = pair.connector(side).fetch(object_name, batch)
            found.update((record.ref, record) for record in records)
            mirrored = [r for r in records if pair.mapping_of(r.ref) is not None]
            with pair.store.begin() as tx:
                mirror.land(tx, run_id, object_name, mirrored)
            crashpoint("after_fetch")
    return found


def _used(pair: Pair, chosen: Chosen, records: Mapping[RecordRef, Record]) -> dict[RecordRef, str]:
    """Created records that somebody else saved last, or that people's own work hangs on."""
    created = {
        line.ref
        for line in chosen.lines
        if line.id in chosen.ids and line.operation is Operation.CREATE and line.ref in records
    }
    used = {ref: "changed_since" for ref in created if _saved_by_others(pair, records[ref])}
    people = {
        ref.id: ref
        for ref in created
        if pair.side_of(ref.system) is Side.CRM and pair.kind_of(ref) is EntityKind.PERSON
    }
    ours = {line.ref for line in chosen.lines if line.operation is Operation.CREATE}
    for batch in chunks(sorted(people), READ):
        with pair.in_lane(Side.CRM, Lane.REPAIR):
            tasks = pair.crm_side.find("Task", "WhoId", batch)
        for task in tasks:
            if not task.deleted and task.ref not in ours:
                used.setdefault(people[str(task.fields["WhoId"])], "used")
    with pair.store.read() as tx:
        for role in mirror.by_lookup(tx, ROLES, sorted(people)):
            used.setdefault(people[str(role.lookup)], "used")
    return used


def _saved_by_others(pair: Pair, record: Record) -> bool:
    ours = pair.integration_user
    return ours is not None and record.modified_by is not None and record.modified_by != ours


def scene_of(
    pair: Pair,
    tx: Tx,
    chosen: Chosen,
    seen: Seen,
    *,
    groups: Mapping[RecordRef, str] | None = None,
    evidence: Evidence | None = None,
) -> Scene:
    """Everything the undo is planned from; `groups` where a wrong link is taken apart."""
    refs = {line.ref for line in chosen.lines}
    moved = {ref: now for ref in refs if (now := identity.follow(tx, ref)) != ref}
    members = identity.members(tx, chosen.entities)
    known = mirror.load(tx, [*refs, *moved.values()])
    records = {
        ref: row.record
        for ref, row in known.items()
        if ref in seen.records and not row.record.deleted
    }
    records.update(
        (ref, record) for ref, record in seen.records.items() if pair.mapping_of(ref) is None
    )
    for links in members.values():
        for link in links:
            if link.ref in seen.records and link.ref not in records:
                records[link.ref] = seen.records[link.ref]
    own = [line for line in chosen.lines if line.id in chosen.ids]
    return Scene(
        mapping=pair.mapping,
        systems={Side.MAP: pair.map_side.system, Side.CRM: pair.crm_side.system},
        lines=chosen.lines,
        chosen=chosen.ids,
        records=records,
        moved=moved,
        intents=outbox.results(tx, {line.intent_key for line in own}),
        used=seen.used,
        bonds=_bonds(pair, tx, chosen.entities),
        members={
            entity_id: tuple(link.ref for link in links if link.status == "live")
            for entity_id, links in members.items()
        },
        unsubscribed=_unsubscribed(tx, own),
        groups=groups or {},
        apart=groups is not None,
        beside=_beside(
            pair, tx, records, {link.ref for links in members.values() for link in links}
        ),
        evidence=evidence,
    )


def _beside(
    pair: Pair, tx: Tx, records: Mapping[RecordRef, Record], own: set[RecordRef]
) -> dict[RecordRef, tuple[Record, ...]]:
    """The other records at each record's address, as they were last seen; those of the golden
    records concerned (`own`) have just been read, and are left out where they are gone."""
    people = [r for r in records.values() if pair.kind_of(r.ref) is EntityKind.PERSON]
    boxes = mailboxes(pair, tx, people)
    return {
        record.ref: tuple(
            records.get(other.ref, other)
            for other in boxes.at(record)
            if other.ref != record.ref and (other.ref in records or other.ref not in own)
        )
        for record in people
    }


def _bonds(pair: Pair, tx: Tx, entities: Sequence[str]) -> dict[str, str]:
    views = gather(pair, tx, entities, load_users(pair, tx))
    return {view.entity_id: bond_of(view.map_record, view.crm_record) for view in views}


def _unsubscribed(tx: Tx, lines: Sequence[Line]) -> dict[str, datetime]:
    """When each golden record last unsubscribed by itself; our own opt-outs told back are none."""
    found: dict[str, datetime] = {}
    for entity_id in {x.entity_id for x in lines if x.operation is Operation.OPT_OUT}:
        for stored in events.of_entity(tx, entity_id):
            if stored.event.kind is EventKind.EMAIL_UNSUBSCRIBE and stored.disposition != "echo":
                found[entity_id] = max(
                    stored.event.occurred_at, found.get(entity_id, stored.event.occurred_at)
                )
    return found
