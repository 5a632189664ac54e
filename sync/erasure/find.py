"""Whom an erasure or an export is about: from an address or an id to everything that is theirs.

Reads only. What an address was asked for by name is erased with everybody who has it. Further
addresses of those people are followed only to records that belong to nobody else: a family's or an
assistant's address must not take another person along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mappings.fieldmap import EntityKind, ObjectMapping, PairMapping
from mappings.records import PersonAttributes, Record, RecordRef, Side
from mappings.required_fields import EVENT, MEMBER, RECIPIENT, TASK
from matching.blocking import blocking_keys
from matching.contact_points import email as canonical_email
from matching.normalise import Person, normalise
from state import candidates, events, figures, identity, mirror, participants
from state.store import Tx
from state.traces import Traces
from sync.fold import converted_key, identity_values

_PEOPLE = ("Lead", "Contact")
JOINED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "OpportunityContactRole": (("Contact",), ("ContactId",)),
    TASK: (_PEOPLE, ("WhoId",)),
    EVENT: (_PEOPLE, ("WhoId",)),
    MEMBER: (_PEOPLE, ("ContactId", "LeadId")),
    RECIPIENT: (_PEOPLE, ("RelationId",)),
}
"""Records that are only about a person and something else: the objects that may be named by the
fields, and the fields."""
ROUNDS = 20
"""Times what was found is followed; an alias chain is never that long."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What there is to know about a pair without connecting it."""

    mapping: PairMapping
    map_system: str
    region: str | None

    def side_of(self, system: str) -> Side:
        """Which side a connector kind is on."""
        return Side.MAP if system == self.map_system else Side.CRM

    @property
    def people(self) -> ObjectMapping | None:
        """The mapping of people."""
        return self.mapping.of_kind(EntityKind.PERSON)

    def is_person(self, ref: RecordRef) -> bool:
        """Whether the record is a person's."""
        if self.people is None:
            return False
        if self.side_of(ref.system) is Side.MAP:
            return ref.object == self.people.map_object
        return ref.object in self.people.crm_objects

    def values(self, record: Record) -> Mapping[str, object]:
        """The record's identifying values."""
        if self.people is None:
            return {}
        return identity_values(self.people, record, self.side_of(record.ref.system))

    def person(self, record: Record) -> Person:
        """The record as its digests are made of it."""
        attributes = PersonAttributes(**self.values(record))  # type: ignore[arg-type]
        return normalise(attributes, region=self.region)


@dataclass(slots=True)
class Somebody:
    """People found by one text: their traces, their records, and how many they seem to be."""

    traces: Traces
    records: dict[RecordRef, Record] = field(default_factory=dict)

    @property
    def people(self) -> int:
        """Golden records; one where nobody is known by them."""
        return max(1, len(self.traces.entities))


def find(ground: Ground, tx: Tx, text: str) -> Somebody | None:
    """Whom a text means, None where nobody is known by it. An address nobody is known by is still
    somebody's: it is given back alone."""
    wanted = text.strip()
    if "@" in wanted:
        emails = frozenset({wanted.lower()})
        refs = _holders(ground, tx, emails)
        return _whole(ground, tx, refs, frozenset(), emails)
    known = identity.entities(tx, [wanted])
    if known and known[wanted].kind is EntityKind.PERSON:
        own = frozenset({wanted, identity.standing(tx, wanted)})
        return _whole(ground, tx, frozenset(), own, frozenset())
    refs = frozenset(ref for ref in figures.named(tx, wanted) if ground.is_person(ref))
    if not refs:
        return None
    return _whole(ground, tx, refs, frozenset(), frozenset())


def _whole(
    ground: Ground,
    tx: Tx,
    refs: frozenset[RecordRef],
    entities: frozenset[str],
    emails: frozenset[str],
) -> Somebody:
    """Everything that hangs on what was found, until nothing new comes."""
    asked = emails
    records: dict[RecordRef, Record] = {}
    for _ in range(ROUNDS):
        before = (refs, entities, emails)
        entities |= {link.entity_id for link in identity.links_of(tx, refs).values()}
        refs |= {link.ref for own in identity.members(tx, entities).values() for link in own}
        refs |= {ref for old, new, *_ in figures.aliases_to(tx, list(refs)) for ref in (old, new)}
        refs |= _converted(tx, refs)
        records = {ref: row.record for ref, row in mirror.load(tx, refs).items()}
        emails |= addresses(ground, records.values()) | events.addresses_of(tx, entities)
        refs |= _strangers(ground, tx, emails, entities)
        if before == (refs, entities, emails):
            break
    own = asked | {e for e in emails if not _others(ground, tx, e, entities)}
    refs |= _joining(tx, refs)
    return Somebody(Traces(entities, refs, own), records)


def addresses(ground: Ground, records: Iterable[Record]) -> frozenset[str]:
    """Addresses of these records that are a person's, not a desk's."""
    found: set[str] = set()
    for record in records:
        listed = ground.values(record).get("emails") or ()
        for raw in listed if isinstance(listed, tuple) else ():
            known = canonical_email(raw)
            if known is not None and not known.role:
                found.add(raw.strip().lower())
    return frozenset(found)


def _holders(ground: Ground, tx: Tx, emails: Iterable[str]) -> frozenset[RecordRef]:
    """Records that have one of these addresses, as their first or any other, however spelt."""
    wanted = sorted(set(emails))
    objects = (ground.people.map_object, *ground.people.crm_objects) if ground.people else ()
    found = {row.record.ref for name in objects for row in mirror.by_lookup(tx, name, wanted)} | {
        ref for email in wanted for ref in figures.named(tx, email)
    }
    people = {e: normalise(PersonAttributes(emails=(e,))) for e in wanted}
    near = candidates.near(tx, {e: blocking_keys(p) for e, p in people.items()})
    for email, keys in near.found.items():
        for key in keys:
            held = set(Person.from_json(near.records[key].person).emails)
            if held & set(people[email].emails):
                found.add(RecordRef.parse(key))
    return frozenset(ref for ref in found if ground.is_person(ref))


def _strangers(
    ground: Ground, tx: Tx, emails: Iterable[str], entities: frozenset[str]
) -> frozenset[RecordRef]:
    """Records with one of these addresses that belong to nobody, or to these people."""
    refs = _holders(ground, tx, emails)
    links = identity.links_of(tx, refs)
    return frozenset(r for r in refs if r not in links or links[r].entity_id in entities)


def _others(ground: Ground, tx: Tx, email: str, entities: frozenset[str]) -> bool:
    """Whether somebody else has the address, too."""
    links = identity.links_of(tx, _holders(ground, tx, [email]))
    return any(link.entity_id not in entities for link in links.values())


def _converted(tx: Tx, refs: Iterable[RecordRef]) -> frozenset[RecordRef]:
    """Leads that became one of these Contacts."""
    keys = [converted_key(ref.id) for ref in refs if ref.object == "Contact"]
    return frozenset(row.record.ref for row in mirror.by_lookup(tx, "Lead", keys))


def _joining(tx: Tx, refs: Iterable[RecordRef]) -> frozenset[RecordRef]:
    """Records that only join one of these to something else."""
    found: set[RecordRef] = set()
    for name, (objects, _) in JOINED.items():
        ids = sorted({ref.id for ref in refs if ref.object in objects})
        found.update(row.record.ref for row in mirror.by_lookup(tx, name, ids))
    for system in {ref.system for ref in refs}:
        ids = sorted({ref.id for ref in refs if ref.system == system})
        found.update(one for own in participants.of(tx, system, ids).values() for one in own)
    return frozenset(found)
