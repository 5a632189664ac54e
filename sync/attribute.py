"""Whose event is this? Events find their person by the e-mail address the vendor names.

A form fill of somebody new reaches us before the MAP's search index does: addresses nobody has
seen are asked for directly (batch read by e-mail is not subject to search lag, FACTS section 2),
landed like any other change, and resolved in the same run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mappings.fieldmap import EntityKind
from mappings.records import EventKind, RecordRef, Side
from state import events, identity, mirror, own_writes, reviews
from state.events import StoredEvent
from state.store import Tx, chunks
from sync.addresses import addresses_of
from sync.crash import crashpoint
from sync.pair import Pair

CHUNK = 2000


def fetch_unknown(pair: Pair, run_id: str) -> dict[str, RecordRef]:
    """Land the MAP contacts that waiting events name and nobody has seen; contacts by address,
    second addresses included."""
    mapping = pair.mapping.of_kind(EntityKind.PERSON)
    found: dict[str, RecordRef] = {}
    if mapping is None:
        return found
    after = 0
    while True:
        with pair.store.read() as tx:
            waiting = events.unattributed(tx, after=after, limit=CHUNK)
            emails = {stored.event.email for stored in waiting if stored.event.email}
            known = {m.lookup for m in mirror.by_lookup(tx, mapping.map_object, sorted(emails))}
        if not waiting:
            return found
        after = waiting[-1].id
        unknown = sorted(emails - known)
        if unknown:
            records = pair.map_side.find(mapping.map_object, "email", unknown)
            for record in records:
                found.update((address, record.ref) for address in addresses_of(record))
            with pair.store.begin() as tx:
                mirror.land(tx, run_id, mapping.map_object, records)
            crashpoint("after_fetch")


def attribute(
    pair: Pair, run_id: str, addresses: Mapping[str, RecordRef] | None = None
) -> Counter[str]:
    """Give waiting events their golden record, or the word of why they have none.

    `addresses` are contacts by second addresses, as `fetch_unknown` found them.
    """
    told: Counter[str] = Counter()
    mapping = pair.mapping.of_kind(EntityKind.PERSON)
    if mapping is None:
        return told
    after = 0
    while True:
        with pair.store.begin() as tx:
            waiting = events.unattributed(tx, after=after, limit=CHUNK)
            if not waiting:
                break
            people = _people(pair, tx, mapping.map_object, waiting, addresses or {})
            told.update(_attribute(tx, run_id, waiting, people))
        crashpoint("after_attribute")
        after = waiting[-1].id
    with pair.store.begin() as tx:
        for batch in chunks(events.entities_waiting(tx)):
            identity.add_work(tx, batch, "events")
    crashpoint("after_attribute")
    return told


def _attribute(
    tx: Tx,
    run_id: str,
    waiting: Sequence[StoredEvent],
    people: Mapping[str, Sequence[RecordRef]],
) -> Counter[str]:
    links = identity.links_of(tx, {ref for refs in people.values() for ref in refs})
    asked = reviews.open_subjects(tx, [str(ref) for refs in people.values() for ref in refs])
    owners: dict[int, str] = {}
    words: dict[str, list[int]] = {}
    echoing = _echoing(tx, waiting, {link.entity_id for link in links.values()})
    for stored in waiting:
        refs = people.get(stored.event.email or "", [])
        linked = sorted(links[ref].entity_id for ref in refs if ref in links)
        if linked:
            owners[stored.id] = linked[0]
            address = stored.event.email or ""
            if stored.event.kind is EventKind.EMAIL_UNSUBSCRIBE and address in echoing:
                echoing.discard(address)
                words.setdefault("echo", []).append(stored.id)
            elif stored.disposition == "held":
                words.setdefault("pending", []).append(stored.id)
        elif any(str(ref) in asked for ref in refs):
            words.setdefault("held", []).append(stored.id)
        else:
            words.setdefault("no_person", []).append(stored.id)
    events.attribute(tx, owners)
    for word, ids in words.items():
        events.dispose(tx, run_id, ids, word)
    identity.add_work(tx, owners.values(), "events")
    return Counter({"attributed": len(owners), **{w: len(i) for w, i in words.items()}})


def _echoing(tx: Tx, waiting: Sequence[StoredEvent], entity_ids: set[str]) -> set[str]:
    """Addresses whose opt-out we carried to the MAP and which have not been told back yet.

    The MAP reports our own opt-out as an event like any other; the next one of that address after
    ours is taken for it. Assumed: no better mark, since `source` is an open string (FACTS 2).
    """
    if not any(s.event.kind is EventKind.EMAIL_UNSUBSCRIBE for s in waiting):
        return set()
    carried = own_writes.opted_out(tx, entity_ids, Side.MAP)
    return carried - events.with_echo(tx, carried)


def _people(
    pair: Pair,
    tx: Tx,
    object_name: str,
    waiting: Sequence[StoredEvent],
    addresses: Mapping[str, RecordRef],
) -> Mapping[str, Sequence[RecordRef]]:
    """MAP contacts by address; one found by a second address only where no other has it."""
    emails = sorted({stored.event.email for stored in waiting if stored.event.email})
    found: dict[str, list[RecordRef]] = {}
    for row in mirror.by_lookup(tx, object_name, emails):
        if row.record.ref.system == pair.map_side.system:
            found.setdefault(str(row.lookup), []).append(row.record.ref)
    for email in emails:
        if email not in found and email in addresses:
            found[email] = [addresses[email]]
    return found
