"""A contact the MAP has deleted for good is a person erased here, too (law 8).

HubSpot's GDPR deletion leaves nothing to ask about: no page of archived records has the contact, no
id leads to it. That it is gone is what the nightly count finds; that it is gone for good is what
the MAP says when it is asked by its id once more and knows neither a live nor an archived record.
The person is then erased as if `leadloop erase` had been told so: from everything Leadloop keeps,
with tombstones, and at the CRM where the configuration says `both`. Where the person has another
contact that lives, it is that one record that goes.

What many such deletions at once are is asked of a person before (`sync.guard.examine_gone`): a lost
permission looks the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import structlog

from mappings.errors import PASSING
from mappings.fieldmap import EntityKind
from mappings.ports import Lane
from mappings.records import Record, RecordRef, Side
from state import census, mirror
from state.store import Tx, chunks
from state.traces import Traces
from sync.blocks import Blocks
from sync.config_service import Follow
from sync.crash import crashpoint
from sync.erasure.act import begin, finish
from sync.erasure.find import Ground, Somebody, addresses, find
from sync.erasure.screen import ErasureScreen
from sync.pair import Pair

log = structlog.get_logger("leadloop.erasure")

BATCH = 100


def follow_deletions(pair: Pair, run_id: str, blocks: Blocks) -> int:
    """Erase whom the MAP has deleted for good since; how many people. The caller holds the state,
    and has seen to it that so many may be gone. Costs no call where nobody vanished."""
    screen, people = pair.store.screen, pair.mapping.of_kind(EntityKind.PERSON)
    by = pair.map_side.capabilities.restorable_by
    if pair.follow_erasures is Follow.OFF or not by or people is None:
        return 0
    if not isinstance(screen, ErasureScreen) or blocks.rests(Side.MAP, Lane.CONSENT):
        return 0
    with pair.store.read() as tx:
        vanished = census.untold(tx, pair.map_side.system, people.map_object)
    erased = 0
    for batch in chunks(vanished, BATCH):
        try:
            erased += _follow(pair, run_id, screen, by, batch)
        except PASSING as error:
            blocks.meet(Side.MAP, error)
            break
    if erased:
        finish(pair.store, lambda: contextlib.nullcontext(pair))
        log.warning("erasure.followed", run_id=run_id, pair=pair.name, count=erased)
    return erased


def _follow(
    pair: Pair, run_id: str, screen: ErasureScreen, by: str, refs: Sequence[RecordRef]
) -> int:
    """Ask for these once more: those that can be restored are deletions like any other."""
    with pair.in_lane(Side.MAP, Lane.CONSENT):
        found = pair.map_side.find(refs[0].object, by, [ref.id for ref in refs])
    there = {record.ref for record in found}
    with pair.store.begin() as tx:
        mirror.land(tx, run_id, refs[0].object, [one for one in found if one.deleted])
    crashpoint("after_land")
    gone = [ref for ref in refs if ref not in there]
    for ref in gone:
        with pair.store.begin() as tx:
            somebody = find(screen.ground, tx, str(ref))
            if somebody is not None:
                own = _only_theirs(screen.ground, tx, ref, somebody)
                begin(tx, screen, own, at_vendors=pair.follow_erasures is Follow.BOTH)
        crashpoint("after_tombstones")
    return len(gone)


def _only_theirs(ground: Ground, tx: Tx, ref: RecordRef, somebody: Somebody) -> Somebody:
    """The person; of one who has another contact that lives, the record that is gone alone, and of
    its addresses those that no record of theirs has left."""
    left = [one for one in somebody.records.values() if one.ref != ref and not one.deleted]
    if not any(_alike(one, ref) for one in left):
        return somebody
    gone = mirror.load(tx, [ref])
    kept = addresses(ground, left)
    own = addresses(ground, [row.record for row in gone.values()]) - kept
    return Somebody(Traces(refs=frozenset({ref}), emails=own))


def _alike(record: Record, ref: RecordRef) -> bool:
    return (record.ref.system, record.ref.object) == (ref.system, ref.object)
