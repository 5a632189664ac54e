"""Whose job each open deal is: the ledger of opportunities, from the owners that were seen.

An opportunity is sales' from its creation to its close. Who of sales is told from when Leadloop
first saw its owner; before that the person is unknown, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lifecycle.responsibility import deal_ledger, owners_of
from mappings.fieldmap import EntityKind, PairMapping
from mappings.records import Record
from state import identity, loop, mirror
from state.store import Tx
from sync.loop_rows import NOTHING, Kept, Seen, contract_key, duty_row, kept_of, standing_row
from sync.timelines import OWNER, Person, change_of, deal_of
from sync.watching import look


def keep_deals(tx: Tx, run_id: str, mapping: PairMapping, entity_ids: Sequence[str]) -> None:
    """Note what has changed about the deals among these golden records; keep whose they are."""
    records = _opportunities(tx, mapping, entity_ids)
    seen = _look(tx, run_id, mapping, records)
    observed, before = loop.observations(tx, records), loop.duties(tx, records)
    changed = {}
    for entity_id, record in records.items():
        changes = [change_of(one) for one in observed.get(entity_id, ())]
        ledger = deal_ledger(
            deal_of(record, mapping.contract.zone),
            owners_of(changes, record.fields.get("OwnerId")),
            owners_known_from=seen[entity_id][OWNER].since,
        )
        lines = [duty_row(entity_id, line) for line in ledger]
        if lines != before.get(entity_id, []):
            changed[entity_id] = lines
    loop.put_duties(tx, changed)


def _look(
    tx: Tx, run_id: str, mapping: PairMapping, records: Mapping[str, Record]
) -> dict[str, Mapping[str, Seen]]:
    """Look at the owner of each deal; what is seen is kept where a standing would be."""
    kept = kept_of(tx, records)
    found: dict[str, Mapping[str, Seen]] = {}
    for entity_id, record in records.items():
        before = kept.get(entity_id, NOTHING).seen
        last = before[OWNER].since if OWNER in before else None
        deal = Person(entity_id, (), (record,))
        found[entity_id], changes = look(deal, (OWNER,), before, last=last, now=tx.now)
        loop.observe(tx, run_id, changes)
    key = contract_key(mapping)
    loop.put_standings(
        tx,
        [
            standing_row(entity_id, Kept(seen=seen, contract=key))
            for entity_id, seen in found.items()
            if seen != kept.get(entity_id, NOTHING).seen
        ],
    )
    return found


def _opportunities(tx: Tx, mapping: PairMapping, entity_ids: Sequence[str]) -> dict[str, Record]:
    """The live opportunity of each golden record that is a deal."""
    deals = mapping.of_kind(EntityKind.DEAL)
    known = identity.entities(tx, entity_ids)
    wanted = [key for key in entity_ids if key in known and known[key].kind is EntityKind.DEAL]
    if deals is None or not wanted:
        return {}
    members = identity.members(tx, wanted)
    refs = {
        link.ref: key
        for key, own in members.items()
        for link in own
        if link.ref.object in deals.crm_objects
    }
    rows = mirror.load(tx, refs)
    return {refs[ref]: rows[ref].record for ref in sorted(rows) if not rows[ref].record.deleted}
