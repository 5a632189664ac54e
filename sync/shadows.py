"""The shadow of two records: what they last agreed on, and until then what they held when they met.

The link of two records and their first agreement are transactions of their own, often runs of
their own. So the link's transaction notes what both held: whoever edits one of them before they
have agreed has changed something since, and is not taken for half of a first meeting. A note goes
when its field is agreed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mappings.fieldmap import ObjectMapping, PairMapping
from mappings.records import Record
from state import identity, mirror
from state.store import Tx
from sync.bonds import states_of
from sync.views import bond_of, met_key

Place = tuple[str, str]
"""A golden record and a bond of it."""


def agree(tx: Tx, run_id: str, values: Mapping[Place, Mapping[str, Any]]) -> None:
    """These rules of these bonds are agreed on now; what was agreed on others stands."""
    known = identity.shadows(tx, {entity_id for entity_id, _ in values})
    identity.store_shadows(
        tx,
        run_id,
        {place: {**_kept(known.get(place, {}), own), **own} for place, own in values.items()},
    )


def _kept(known: Mapping[str, object], fresh: Mapping[str, Any]) -> dict[str, object]:
    gone = {met_key(rule) for rule in fresh}
    return {name: value for name, value in known.items() if name not in gone}


def is_note(name: str) -> bool:
    """Whether an entry of a shadow says what was met, not what was agreed."""
    return name.startswith(met_key(""))


def agreed_only(values: Mapping[str, object]) -> dict[str, object]:
    """A shadow without its notes: what was agreed on."""
    return {name: value for name, value in values.items() if not is_note(name)}


def note_met(tx: Tx, run_id: str, mapping: PairMapping, entity_ids: Iterable[str]) -> None:
    """Note what the records of these golden records hold, bond by bond; the links that tie them
    are stored in this transaction. A bond that has a shadow has met before."""
    members = identity.members(tx, sorted(set(entity_ids)))
    refs = [link.ref for own in members.values() for link in own if link.status == "live"]
    live = {
        ref: row.record
        for ref, row in mirror.load(tx, refs).items()
        if not row.record.deleted and row.record.converted_to is None
    }
    known = identity.shadows(tx, members)
    notes: dict[Place, dict[str, Any]] = {}
    for entity_id, links in members.items():
        own = [live[link.ref] for link in links if link.ref in live]
        for entry, left, right in _bonds(mapping, own):
            place = (entity_id, bond_of(left, right))
            if place not in known:
                notes[place] = _held(entry, left, right)
    identity.store_shadows(tx, run_id, {place: held for place, held in notes.items() if held})


def _bonds(
    mapping: PairMapping, records: Sequence[Record]
) -> Iterable[tuple[ObjectMapping, Record, Record]]:
    """The MAP record that fields are written to, with each CRM record that may be chosen."""
    for entry in mapping.objects:
        left = next((r for r in records if r.ref.object == entry.map_object), None)
        if left is None:
            continue
        for right in records:
            if right.ref.object in entry.crm_objects and right.ref.system != left.ref.system:
                yield entry, left, right


def _held(entry: ObjectMapping, left: Record, right: Record) -> dict[str, Any]:
    return {
        met_key(rule.key): [state.map_value, state.crm_value]
        for rule, state in states_of(entry, left, right, None)
    }
