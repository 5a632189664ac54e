"""A changed mapping holds for everybody, not only for who changes next.

Whoever is known is put on the work list under it; fields that no rule read before are read; and
what was agreed under a rule that says something else now is no longer the base of a comparison, so
that the new rule decides as when the records met. What that comes to is a plan like any other, and
needs a person's word like any other (law 13).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mappings.fieldmap import Aggregate, EntityKind
from mappings.records import RecordRef, Side, first_read
from mappings.render import mapping_data, rule_digests
from mappings.required_fields import contract_reads, rule_reads
from state import identity, kept_mappings, mirror
from state.mirror import Mirrored
from state.store import Tx
from sync.crash import crashpoint
from sync.fold import index_people, look_ups
from sync.pair import Pair
from sync.views import met_key

REASON = "mapping"
"""Why a golden record is on the work list."""
PAGE = 500


def take_up(pair: Pair, run_id: str) -> int:
    """Put everybody on the work list if the mapping is not the one they were last planned under;
    how many that are. Safe to be cut short: it is begun again.

    Raises what reading raises.
    """
    body = mapping_data(pair.mapping)
    with pair.store.read() as tx:
        before = kept_mappings.taken_up(tx)
        known = identity.any_linked(tx)
    if before is not None and before[0] == pair.mapping.hash:
        return 0
    number = 0
    if known:
        _read_new_fields(pair)
        digests = rule_digests(body)
        old = rule_digests(before[1]) if before is not None else digests
        number = _queue(pair, run_id, _changed(pair, old, digests))
    with pair.store.begin() as tx:
        kept_mappings.take_up(tx, pair.mapping.hash, body)
    crashpoint("after_take_up")
    return number


def _changed(pair: Pair, old: dict[str, str], new: dict[str, str]) -> frozenset[str]:
    """The keys of rules that say something else than they did.

    A total goes on from what was counted: without its base both sides would be added up again.
    """
    totals = {
        rule.key
        for entry in pair.mapping.objects
        for rule in entry.fields
        if rule.aggregate is Aggregate.SUM
    }
    moved = {key.partition("|")[2] for key, digest in new.items() if old.get(key) != digest}
    return frozenset(moved - totals)


def _queue(pair: Pair, run_id: str, changed: frozenset[str]) -> int:
    after, number = "", 0
    while True:
        with pair.store.begin() as tx:
            batch = identity.everybody(tx, after=after, limit=PAGE)
            if not batch:
                return number
            identity.add_work(tx, batch, REASON)
            if changed:
                _forget(tx, run_id, batch, changed)
        crashpoint("after_queue")
        after, number = batch[-1], number + len(batch)
        pair.progress.report("mapping", number, None)


def _forget(tx: Tx, run_id: str, batch: Sequence[str], changed: frozenset[str]) -> None:
    """What was agreed under these rules, or met, is no base any more."""
    gone = changed | {met_key(rule) for rule in changed}
    kept = {
        place: {name: value for name, value in values.items() if name not in gone}
        for place, values in identity.shadows(tx, batch).items()
        if not gone.isdisjoint(values)
    }
    identity.store_shadows(tx, run_id, kept)


def _read_new_fields(pair: Pair) -> None:
    """Read mirrored records again that lack a field the mapping reads now.

    Whatever has changed at the vendor since is left to the stream it comes by: here a record only
    learns more about the revision it is known at.
    """
    for entry in pair.mapping.objects:
        for side, names in ((Side.MAP, (entry.map_object,)), (Side.CRM, entry.crm_objects)):
            for name in names:
                wanted = set(rule_reads(entry, side, name))
                if entry.kind is EntityKind.PERSON:
                    wanted |= set(contract_reads(pair.mapping, side, name))
                wanted |= {
                    field
                    for rule in entry.identity
                    for field in (rule.map if side is Side.MAP else rule.crm.get(name, ()))
                }
                for page in _lacking(pair, name, wanted):
                    _complete(pair, side, name, page)


def _lacking(pair: Pair, object_name: str, wanted: set[str]) -> Iterator[list[Mirrored]]:
    """The object's records that lack any of these fields, a page at a time."""
    after, end = -1, 0
    while after != end:
        after = end
        with pair.store.read() as tx:
            end, refs = mirror.lacking(tx, object_name, wanted, after=after, limit=PAGE)
            page = list(mirror.load(tx, refs).values())
        yield page


def _complete(pair: Pair, side: Side, object_name: str, rows: Sequence[Mirrored]) -> None:
    known: dict[RecordRef, Mirrored] = {row.record.ref: row for row in rows}
    if not known:
        return
    read = pair.connector(side).fetch(object_name, [ref.id for ref in known])
    as_known = {ref: first_read(row.record.revision) for ref, row in known.items()}
    same = [
        replace(r, revision=known[r.ref].record.revision)
        for r in read
        if first_read(r.revision) == as_known.get(r.ref)
    ]
    with pair.store.begin() as tx:
        mirror.mirror(tx, [Mirrored(r, known[r.ref].stream, *look_ups(pair, r)) for r in same])
        index_people(pair, tx, same)
    crashpoint("after_reread")
    pair.progress.report(f"read {object_name}", len(same), None)
