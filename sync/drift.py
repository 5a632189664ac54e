"""Schema drift in a run: looked for before anything is planned, told, parked, and caught up with.

Before a run plans, the mapped objects of both sides, and what activities become, are described and
held against the mapping (`mappings.drift`); a run with nothing to plan asks nobody. What is found
is kept in the state with the line of the mapping it touches; the run plans with a mapping whose
touched rules rest. When a field is as it should be again, what it holds may have changed without
moving any record's stamp: its object is read anew, a page at a time, and its people are planned
again. A run that is killed in between goes on there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from mappings.drift import Drift, DriftKind, drifts, narrowed
from mappings.errors import PASSING, ConfigurationError, InvariantError
from mappings.loading import Schemas
from mappings.ports import Lane, ObjectSchema
from mappings.records import Record, Side
from mappings.required_fields import activity_writes
from state import events, identity, mirror, schemas
from state.mirror import Mirrored
from state.schemas import Name, StoredDrift
from sync.crash import crashpoint
from sync.drift_known import details_of, drift_of, known_drifts
from sync.fold import look_ups
from sync.pair import Pair
from sync.recover import Selection, replay
from sync.unfit import Unfit

log = structlog.get_logger("leadloop.drift")

LOOK_AGAIN = timedelta(minutes=15)
"""How often a field that has drifted is looked at where nothing else is to be planned."""
HEALED = "schema"
"""Why golden records are planned again."""
_SEEN_ANEW = frozenset({DriftKind.REMOVED, DriftKind.RENAMED, DriftKind.RETYPED})
"""What a healed field held in the meantime was not read: its records are."""
_REFUSALS = ("field.unknown", "field.required", "value.invalid_option", "value.unknown_option")
"""What vendors and rules say of a value for want of a field or an option."""
_PAGE = 1000


def is_due(pair: Pair) -> bool:
    """Whether the objects are to be described: something is to be planned, a healed one is
    still to be caught up with, or a drifted one was last looked at a while ago."""
    with pair.store.read() as tx:
        found, seen = schemas.drifts(tx), schemas.last_seen(tx)
        if identity.work(tx, limit=1) or mirror.pending_count(tx):
            return True
        if events.have_landed(tx, since=seen):  # older ones wait for a person, not for a look
            return True
        if any(drift.reread is not None for drift in found):
            return True
        return bool(found) and (seen is None or tx.now - seen >= LOOK_AGAIN)


def watched(pair: Pair, run_id: str, *, catch_up: bool = True) -> Pair:
    """The pair with the mapping that can be kept now: touched rules rest, and what has healed is
    caught up with (unless told not to: a dry run reads no object anew).

    Raises nothing for a side that cannot be asked: it is judged by what was last known.
    """
    with pair.store.read() as tx:
        before = _by_side(pair, schemas.described(tx))
    now = _described(pair)
    found = drifts(pair.mapping, now, before)
    _keep(pair, run_id, found, before, now)
    if catch_up:
        _catch_up(pair, run_id)
    with pair.store.read() as tx:
        still = known_drifts(tx, pair.map_side.system)
    known = {side: {**before.get(side, {}), **now.get(side, {})} for side in Side}
    return replace(pair, mapping=narrowed(pair.mapping, known, still), unfit=_unfit(still))


def as_known(pair: Pair) -> Pair:
    """The pair as the last look left it, at no call."""
    with pair.store.read() as tx:
        still = known_drifts(tx, pair.map_side.system)
        known = _by_side(pair, schemas.described(tx))
    return replace(pair, mapping=narrowed(pair.mapping, known, still), unfit=_unfit(still))


def blind(pair: Pair) -> ConfigurationError:
    """Why a run stops after its opt-outs where people cannot be told apart."""
    with pair.store.read() as tx:
        found = known_drifts(tx, pair.map_side.system)
    drift = next(one for one in found if one.stops_matching)
    code = "config.identity_field"
    if drift.kind is DriftKind.PERSON_ACCOUNTS:
        code = "config.person_accounts"
    return ConfigurationError(
        f"People cannot be told apart: {drift.what}", code=code, remedy=drift.remedy
    )


def _unfit(found: Sequence[Drift]) -> Unfit:
    gone = (DriftKind.REMOVED, DriftKind.RENAMED, DriftKind.READ_ONLY)
    return Unfit(
        missing=frozenset((d.object, d.field) for d in found if d.kind in gone),
        demanded=frozenset((d.object, d.field) for d in found if d.kind is DriftKind.REQUIRED),
        matching=any(drift.stops_matching for drift in found),
    )


def _by_side(pair: Pair, known: Mapping[tuple[str, str], ObjectSchema]) -> Schemas:
    found: dict[Side, dict[str, ObjectSchema]] = {Side.MAP: {}, Side.CRM: {}}
    for (system, name), schema in known.items():
        found[pair.side_of(system)][name] = schema
    return found


def _described(pair: Pair) -> dict[Side, dict[str, ObjectSchema]]:
    """What both sides' mapped objects are like now; a side that cannot be asked is left out."""
    objects = {
        Side.MAP: [entry.map_object for entry in pair.mapping.objects],
        Side.CRM: [name for entry in pair.mapping.objects for name in entry.crm_objects],
    }
    found: dict[Side, dict[str, ObjectSchema]] = {Side.MAP: {}, Side.CRM: {}}
    for side, names in objects.items():
        if side in pair.unreachable:
            continue
        try:
            for name in dict.fromkeys(names):
                found[side][name] = pair.connector(side).describe(name)
        except PASSING as error:
            log.warning("schema.unread", system=pair.connector(side).system, code=error.code)
    if Side.CRM not in pair.unreachable:
        for name in activity_writes(pair.mapping):
            try:
                found[Side.CRM][name] = pair.crm_side.describe(name)
            except (*PASSING, InvariantError) as error:  # an org may hide what people do
                log.warning("schema.unread", system=pair.crm_side.system, code=error.code)
    return found


def _keep(pair: Pair, run_id: str, found: Sequence[Drift], before: Schemas, now: Schemas) -> None:
    """Store what was described and what has drifted. Of a field that has, the description from
    before stays, for that is what it has to become again."""
    by_name = {_name(pair, drift): drift for drift in found}
    with pair.store.begin() as tx:
        known = {one.name: one for one in schemas.drifts(tx)}
        for side, objects in now.items():
            system = pair.connector(side).system
            drifted = {(d.object, d.field) for d in found if d.side is side}
            old = before.get(side, {})
            kept = [_baseline(one, old.get(name), drifted) for name, one in objects.items()]
            schemas.keep(tx, system, kept)
        schemas.open_drifts(tx, run_id, {n: details_of(d) for n, d in by_name.items()})
        asked = {(pair.connector(side).system, name) for side in now for name in now[side]}
        healed = [
            one
            for name, one in known.items()
            if name not in by_name and one.reread is None and (one.system, one.object) in asked
        ]
        schemas.reread(tx, [one.name for one in healed], 0)
    crashpoint("after_drift")
    for name, drift in by_name.items():
        if name not in known or known[name].reread is not None:
            _tell("schema.drifted", run_id, drift)
    for one in healed:
        _tell("schema.healed", run_id, drift_of(one, pair.map_side.system))


def _baseline(
    schema: ObjectSchema, old: ObjectSchema | None, drifted: set[tuple[str, str]]
) -> ObjectSchema:
    fields = dict(schema.fields)
    for name in (field for object_name, field in drifted if object_name == schema.object):
        if old is not None and name in old.fields:
            fields[name] = old.fields[name]
    return replace(schema, fields=fields)


def _tell(event: str, run_id: str, drift: Drift) -> None:
    log.warning(event, run_id=run_id, object=drift.object, field=drift.field, kind=drift.kind.value)


def _name(pair: Pair, drift: Drift) -> Name:
    return (pair.connector(drift.side).system, drift.object, drift.field, drift.kind.value)


def _catch_up(pair: Pair, run_id: str) -> None:
    """Everybody whose object has a field that healed is planned again; where the field was not
    read meanwhile, with what it holds now. A side that cannot be asked is caught up with later."""
    with pair.store.read() as tx:
        healed = [one for one in schemas.drifts(tx) if one.reread is not None]
    for system, object_name in dict.fromkeys((one.system, one.object) for one in healed):
        own = [one for one in healed if (one.system, one.object) == (system, object_name)]
        try:
            _catch_up_object(pair, run_id, own)
        except PASSING as error:
            log.warning("schema.unread", system=system, code=error.code)
    if healed:
        for code in _REFUSALS:
            replay(pair.store, Selection(code=code))


def _catch_up_object(pair: Pair, run_id: str, healed: Sequence[StoredDrift]) -> None:
    system, object_name = healed[0].system, healed[0].object
    anew = any(DriftKind(one.kind) in _SEEN_ANEW for one in healed)
    names = [one.name for one in healed]
    after = min(one.reread or 0 for one in healed)
    while True:
        with pair.store.read() as tx:
            rows = mirror.every(tx, object_name, after=after, limit=_PAGE)
        own = [row for _, row in rows if row.record.ref.system == system]
        fresh = _fetched(pair, own) if anew else []
        with pair.store.begin() as tx:
            mirror.land(tx, run_id, object_name, [row.record for row in fresh])
            mirror.mirror(tx, fresh)
            links = identity.links_of(tx, [row.record.ref for row in own])
            identity.add_work(tx, [link.entity_id for link in links.values()], HEALED)
            if not rows:
                schemas.forget(tx, names)
            else:
                after = rows[-1][0]
                schemas.reread(tx, names, after)
        crashpoint("after_catch_up")
        if not rows:
            return


def _fetched(pair: Pair, rows: Sequence[Mirrored]) -> list[Mirrored]:
    """The live ones of these records as they are now; what became of the others, their streams
    tell. One whose stamp has not moved is no change to the inbox: the mirror takes it at once."""
    if not rows:
        return []
    ref = rows[0].record.ref
    side = pair.side_of(ref.system)
    known = {row.record.ref: row for row in rows}
    with pair.in_lane(side, Lane.REPAIR):
        found: list[Record] = pair.connector(side).fetch(ref.object, [r.id for r in known])
    return [
        Mirrored(record, known[record.ref].stream, *look_ups(pair, record))
        for record in found
        if record.ref in known and not record.deleted
    ]
