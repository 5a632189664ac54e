"""Who shares a mailbox: the records of people by e-mail address, on both sides, linked or not.

Opt-outs go by address as well as by person (law 7), so planning must know who else is mailed where
a person is: somebody who waits in review, a namesake, a record nobody has claimed. A record that
belongs to no golden record is planned under its own name, `str(ref)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mappings.fieldmap import EntityKind
from mappings.placeholders import is_placeholder_email
from mappings.records import Record, RecordRef
from matching.blocking import key_of
from state import candidates, identity, mirror, outbox
from state.identity import Link
from state.store import Tx
from sync.intents import is_undoing
from sync.pair import Pair
from sync.plan_consent import missing, refusals
from sync.views import Neighbour, Scope

FURTHER = "hs_additional_emails"
"""Where HubSpot lists what a contact is known by beside its first address (FACTS section 2)."""


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """Live records by address, and whose each one is. `half_undone` owners have a
    consent that is just being taken back: nothing is concluded from theirs.
    """

    records: Mapping[str, Sequence[Record]] = field(default_factory=dict)
    owners: Mapping[RecordRef, str] = field(default_factory=dict)
    half_undone: frozenset[str] = frozenset()

    def at(self, record: Record) -> list[Record]:
        """The live records at the addresses of this one, each once."""
        own = (self.records.get(address, ()) for address in addresses_of(record))
        return list({other.ref: other for others in own for other in others}.values())

    def beside(self, records: Iterable[Record], owner: str) -> list[Neighbour]:
        """Other people's records at the addresses of these, in order of their names."""
        found = {
            other.ref: Neighbour(other, self.owners[other.ref])
            for record in records
            for other in self.at(record)
        }
        return [
            found[ref]
            for ref in sorted(found)
            if found[ref].owner != owner and found[ref].owner not in self.half_undone
        ]


def address_of(record: Record) -> str | None:
    """The address a person's record is mailed at, lower case; one that stands for none is none."""
    email = str(record.fields.get("email") or record.fields.get("Email") or "").strip().lower()
    return None if not email or is_placeholder_email(email) else email


def addresses_of(record: Record) -> list[str]:
    """Every address of a person's record, lower case, the one it is mailed at first. A contact's
    further ones are the same person's: HubSpot keeps them when it merges."""
    first, further = address_of(record), record.fields.get(FURTHER)
    own = [] if first is None else [first]
    if further:
        named = (address.strip() for address in str(further).lower().split(";"))
        own += [address for address in named if address and not is_placeholder_email(address)]
    return list(dict.fromkeys(own))


def mailbox_keys(record: Record) -> list[int]:
    """What a record is found by in the candidate index for each further address of its own; the
    first is what the mirror looks it up by."""
    return [mailbox_key(address) for address in addresses_of(record)[_firsts(record) :]]


def _firsts(record: Record) -> int:
    return 0 if address_of(record) is None else 1


def mailbox_key(address: str) -> int:
    """The key of a mailbox in the candidate index; matching asks for none of these."""
    return key_of("m", address)


def mailboxes(
    pair: Pair, tx: Tx, records: Iterable[Record], links: Mapping[RecordRef, Link] | None = None
) -> Mailboxes:
    """The mailboxes of these records, which are as the mirror has them; `links` are those of them
    that are known already."""
    mapping = pair.mapping.of_kind(EntityKind.PERSON)
    known = {record.ref: record for record in records}
    addresses = sorted({address for one in known.values() for address in addresses_of(one)})
    if mapping is None or not addresses:
        return Mailboxes()
    at: list[tuple[str, RecordRef]] = []
    for object_name in (mapping.map_object, *mapping.crm_objects):
        at += mirror.refs_by_lookup(tx, object_name, addresses)
    others = mirror.load(tx, {ref for _, ref in at} - known.keys())
    known |= {ref: row.record for ref, row in others.items()}
    found: dict[str, list[Record]] = {}
    for address, ref in at:
        found.setdefault(address, []).append(known[ref])
    for address, holders in _by_further(tx, addresses).items():
        there = {record.ref for record in found.get(address, ())}
        found.setdefault(address, []).extend(r for r in holders if r.ref not in there)
    refs = {record.ref for own in found.values() for record in own}
    links = {**(links or {}), **identity.links_of(tx, refs - (links or {}).keys())}
    owners = {ref: links[ref].entity_id if ref in links else str(ref) for ref in refs}
    shared = {owner for own in found.values() if len(own) > 1 for owner in _owners(own, owners)}
    return Mailboxes(found, owners, _half_undone(tx, shared))


def _by_further(tx: Tx, addresses: Sequence[str]) -> dict[str, list[Record]]:
    """Live records by those of these addresses that they have beside their first. The record
    itself is asked: two addresses may have one key."""
    near = candidates.candidates(tx, {one: [mailbox_key(one)] for one in addresses})
    named = {RecordRef.parse(name) for own in near.values() for name in own}
    known = mirror.load(tx, named)
    return {
        address: [
            known[ref].record
            for ref in map(RecordRef.parse, own)
            if ref in known
            and not known[ref].record.deleted
            and address in addresses_of(known[ref].record)
        ]
        for address, own in near.items()
        if own
    }


def _owners(records: Sequence[Record], owners: Mapping[RecordRef, str]) -> set[str]:
    return {owners[record.ref] for record in records}


def _half_undone(tx: Tx, owners: Iterable[str]) -> frozenset[str]:
    under_way = outbox.under_way(tx, owners)
    return frozenset(owner for owner, own in under_way.items() if is_undoing(own))


def unequal(
    pair: Pair, tx: Tx, records: Iterable[Record], links: Mapping[RecordRef, Link]
) -> set[str]:
    """Names of unlinked people among these whose mailbox is opted out on one record and not on
    another. Linked ones are planned anyhow.
    """
    unlinked = [
        record
        for record in records
        if record.ref not in links and pair.kind_of(record.ref) is EntityKind.PERSON
    ]
    boxes = mailboxes(pair, tx, unlinked)
    found: set[str] = set()
    for record in unlinked:
        own = boxes.at(record)
        refused = frozenset[Scope]().union(*(refusals(pair.mapping, other) for other in own))
        if any(any(missing(pair.mapping, other, refused)) for other in own):
            found.add(str(record.ref))
    return found
