"""The links of HubSpot's own Salesforce integration: who it says a contact is, before any scoring.

Where that integration runs, or ran, beside Leadloop, a contact names its Lead and its Contact by
their ids (BEHAVIOURS, Beside the vendors' own connector). What it names is followed through merges
and conversions, and is the person, whatever address and name say today. What it names and is gone
was deleted by somebody: nothing is made in its place (law 8). Its links are evidence and no order:
a pair somebody has ruled out stays apart, and one that ties several golden records is a question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mappings.fieldmap import EntityKind, ObjectMapping
from mappings.record_ids import id18, is_id
from mappings.records import Record, RecordRef
from matching.linker import Decision
from state import identity, mirror, reviews
from state.store import Tx, chunks
from sync.crash import crashpoint
from sync.fold import pending_refs
from sync.pair import Pair

ID_PROPERTIES: Mapping[str, str] = {"salesforcecontactid": "Contact", "salesforceleadid": "Lead"}
"""Contact properties that hold the integration's ids [K], and the object each is of."""
FETCH = 2000
"""Contacts looked at in one go."""


@dataclass(slots=True)
class Named:
    """What contacts name and the mirror had not: `gone` is not at the vendor either, `unasked` are
    contacts whose records could not be looked up: nothing is decided about them."""

    gone: set[RecordRef] = field(default_factory=set)
    unasked: set[str] = field(default_factory=set)


def named_by(pair: Pair, record: Record) -> list[RecordRef]:
    """The CRM records the integration says a contact is."""
    system = pair.crm_side.system
    values = {kind: str(record.fields.get(name) or "") for name, kind in ID_PROPERTIES.items()}
    return [RecordRef(system, kind, id18(value)) for kind, value in values.items() if is_id(value)]


def fetch_named(pair: Pair, run_id: str, named: Named) -> None:
    """Land the records that waiting contacts name and nobody has seen: the integration may have
    made them after the CRM was read. Raises what the vendor's failing raises; `named` then says
    whom that leaves open."""
    mapping = pair.mapping.of_kind(EntityKind.PERSON)
    for batch in chunks((ref for _, ref in pending_refs(pair, EntityKind.PERSON)), FETCH):
        with pair.store.read() as tx:
            wanted = {
                str(ref): _unseen(pair, tx, mapping, row.record)
                for ref, row in mirror.load(tx, batch).items()
            }
        wanted = {key: refs for key, refs in wanted.items() if refs}
        named.unasked |= wanted.keys()
        missing = {ref for refs in wanted.values() for ref in refs}
        for object_name in sorted({ref.object for ref in missing}):
            ids = sorted(ref.id for ref in missing if ref.object == object_name)
            records = pair.crm_side.fetch(object_name, ids)
            with pair.store.begin() as tx:
                mirror.land(tx, run_id, object_name, records)
            crashpoint("after_named")
            missing -= {record.ref for record in records}
        named.gone |= missing
        named.unasked -= wanted.keys()


def _unseen(pair: Pair, tx: Tx, mapping: ObjectMapping | None, record: Record) -> list[RecordRef]:
    if mapping is None or record.ref.object != mapping.map_object:
        return []
    refs = named_by(pair, record)
    seen = mirror.load(tx, refs)
    return [ref for ref in refs if ref not in seen and ref.object in mapping.crm_objects]


@dataclass(frozen=True, slots=True)
class Native:
    """What the integration's links decide: `links` by contact; `dead` are records that are gone, by
    contact."""

    links: Mapping[str, Decision]
    dead: Mapping[str, Sequence[Record]]


def native_links(
    pair: Pair, mapping: ObjectMapping, keys: Iterable[str], gone: set[RecordRef]
) -> Native:
    """Decide the contacts that the integration has linked."""
    links: dict[str, Decision] = {}
    dead: dict[str, Sequence[Record]] = {}
    for batch in chunks(keys):
        with pair.store.read() as tx:
            records = mirror.load(tx, [RecordRef.parse(key) for key in batch])
            ruled_out = reviews.ruled_out(tx, batch)
            for ref, row in records.items():
                refs = [r for r in named_by(pair, row.record) if r.object in mapping.crm_objects]
                live, graves = _followed(tx, refs, row.record, gone)
                key = str(ref)
                fit = sorted(o for o in live if (min(key, o), max(key, o)) not in ruled_out)
                graves = _nobodys(tx, graves)
                if fit:
                    links[key] = Decision(key, "link", tuple(fit), 1.0, 0.0, "native_link", {})
                elif graves and not live:
                    dead[key] = graves
    return Native(links, dead)


def _nobodys(tx: Tx, records: Sequence[Record]) -> list[Record]:
    """Those that belong to no golden record: what is another's says nothing about this contact."""
    links = identity.links_of(tx, [record.ref for record in records])
    return [record for record in records if record.ref not in links]


def _followed(
    tx: Tx, refs: Sequence[RecordRef], contact: Record, gone: set[RecordRef]
) -> tuple[set[str], list[Record]]:
    """What the named records are today: live ones, and those that are gone."""
    live: set[str] = set()
    graves: list[Record] = []
    for ref in refs:
        if ref in gone:
            graves.append(Record(ref, {}, "", contact.modified_at, deleted=True))
            continue
        for record in _stations(tx, ref):
            if record.merged_into is None and record.converted_to is None:
                if record.deleted:
                    graves.append(record)
                else:
                    live.add(str(record.ref))
    return live, graves


def _stations(tx: Tx, ref: RecordRef) -> Iterator[Record]:
    """The record and, one after another, what it has become."""
    seen: set[RecordRef] = set()
    now: RecordRef | None = identity.follow(tx, ref)
    while now is not None and now not in seen:
        seen.add(now)
        row = mirror.load(tx, [now]).get(now)
        if row is None:
            return
        yield row.record
        winner = row.record.merged_into
        now = row.record.converted_to or (
            RecordRef(now.system, now.object, winner) if winner else None
        )
