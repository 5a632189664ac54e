"""Records that carry our key and are gone: the dead stay dead even when the state was lost (law 8).

A contact, or an opportunity, that carries a link key this state does not know was synced before the
state was emptied. What its key made on the other side may have been deleted since, or merged, or
converted; no stream of a first connection need tell. So the key is looked up there before anything
is created by it: what is found is linked as it was, and nothing is made in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mappings.fieldmap import ObjectMapping
from mappings.records import Record, Side
from mappings.required_fields import CRM_KEY, MAP_KEY
from state import identity, mirror
from state.identity import NewLink
from state.store import Tx, chunks
from sync.fold import follow
from sync.held import GONE
from sync.pair import Pair

FIND = 200
"""Keys looked up in one go."""


def graves(
    pair: Pair, side: Side, mapping: ObjectMapping, keys: Iterable[str]
) -> dict[str, list[Record]]:
    """What is gone, or has become something else, on a side by the link keys it carries; keys the
    state knows, and keys of records that live, are left out. No call where none is left."""
    with pair.store.read() as tx:
        wanted = set(keys)
        wanted -= identity.entities(tx, wanted).keys()
    objects = (mapping.map_object,) if side is Side.MAP else mapping.crm_objects
    field_name = MAP_KEY if side is Side.MAP else CRM_KEY
    found: dict[str, list[Record]] = {}
    for batch in chunks(sorted(wanted), FIND):
        for object_name in objects:
            for record in pair.connector(side).find(object_name, field_name, batch):
                found.setdefault(str(record.fields[field_name]), []).append(record)
    return {key: own for key, own in found.items() if not any(map(_lives, own))}


def _lives(record: Record) -> bool:
    return not record.deleted and record.converted_to is None


def bury(
    pair: Pair, tx: Tx, run_id: str, dead: Mapping[str, Sequence[Record]], created: Sequence[str]
) -> None:
    """Of golden records that were just stored those whose counterpart is gone are never created;
    one whose counterpart was merged or converted goes on with what that has become. The link is
    there, so that whoever restores the record finds it followed."""
    own = {key: dead[key] for key in created if key in dead}
    identity.retire(tx, own)
    for key, records in own.items():
        identity.link(tx, run_id, [NewLink(record.ref, key, "link_key") for record in records])
        for record in records:
            mirror.land(tx, run_id, record.ref.object, [record])
            if record.merged_into is None and record.converted_to is None:
                identity.set_status(tx, [record.ref], GONE)
            else:
                follow(pair, tx, run_id, record)
