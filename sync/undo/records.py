"""Undoing what was created: records go, joins are taken apart. Pure.

A created record goes when nobody has changed or used it since; else it stays and is listed.
"""

from __future__ import annotations

from collections.abc import Sequence

from mappings.ports import Lane
from mappings.records import Operation, Record, RecordRef
from state.ledger import Line
from state.outbox import Intent
from sync.intents import UNDO, Draft, FieldChange, make
from sync.undo.scene import Kept, Scene, UndoPlan, still_ours


def deletions(
    scene: Scene, plan: UndoPlan, lines: Sequence[Line], chosen: Sequence[Line]
) -> frozenset[RecordRef]:
    """Delete what was created and nobody uses; which records go."""
    gone: set[RecordRef] = set()
    created: dict[RecordRef, list[Line]] = {}
    for line in chosen:
        if line.operation is Operation.CREATE:
            created.setdefault(line.ref, []).append(line)
    for ref, own in sorted(created.items()):
        now = scene.moved.get(ref, ref)
        record = scene.records.get(now)
        reason = _why_kept(scene, ref, record, lines)
        if reason is not None:
            first = own[0]
            by, at = (record.modified_by, record.modified_at) if record else (None, None)
            plan.kept.append(Kept(first.entity_id, str(now), None, reason, by=by, at=at))
            continue
        gone.add(ref)
        plan.intents.append(_deletion(scene, ref, own))
    return frozenset(gone)


def _why_kept(
    scene: Scene, ref: RecordRef, record: Record | None, lines: Sequence[Line]
) -> str | None:
    """Why a created record stays; None when it goes."""
    if ref in scene.moved:
        return "converted"
    if record is None or record.deleted:
        return "gone"
    if record.converted_to is not None:
        return "converted"
    if ref in scene.used:
        return scene.used[ref]
    newest: dict[str, Line] = {line.field: line for line in lines if line.ref == ref}
    for line in newest.values():
        if line.field in record.fields and not still_ours(
            scene, line, record.fields[line.field], ref
        ):
            return "changed_since"
    return None


def _deletion(scene: Scene, ref: RecordRef, own: Sequence[Line]) -> Intent:
    first = own[0]
    stored = scene.intents.get(first.intent_key)
    carried = stored.intent.details if stored else {}
    activity = carried.get("activity")
    events = [i for ids in carried.get("events", {}).values() for i in ids] if activity else []
    return make(
        Draft(
            entity_id=first.entity_id,
            side=scene.side_of(ref),
            system=ref.system,
            operation=Operation.DELETE,
            object=ref.object,
            fields={},
            lane=Lane.REPAIR,
            reason=UNDO,
            target_id=ref.id,
            changes=[
                FieldChange(
                    "record", ref.id, None, "undo", why=UNDO, undoes=tuple(x.id for x in own)
                )
            ],
            details={
                "undo": {
                    "lines": [line.id for line in own],
                    "intents": sorted({line.intent_key for line in own}),
                    "events": {"pending" if scene.apart else "undone": events},
                    "activity": str(ref) if activity else None,
                    "gone": activity is None,
                }
            },
        ),
        salt=own[0].intent_key,
    )


def joins(scene: Scene, plan: UndoPlan, chosen: Sequence[Line], gone: frozenset[RecordRef]) -> None:
    """Take apart what Leadloop has joined."""
    for line in chosen:
        if line.operation is not Operation.ASSOCIATE or line.ref in gone:
            continue
        if line.ref not in scene.records:
            plan.kept.append(Kept(line.entity_id, str(line.ref), line.field, "gone"))
            continue
        object_name, _, other_id = str(line.after).partition(":")
        plan.intents.append(
            make(
                Draft(
                    entity_id=line.entity_id,
                    side=scene.side_of(line.ref),
                    system=line.ref.system,
                    operation=Operation.DISSOCIATE,
                    object=line.ref.object,
                    fields={
                        "to_object": object_name,
                        "to_id": other_id,
                        "from_id": line.ref.id,
                    },
                    lane=Lane.REPAIR,
                    reason=UNDO,
                    target_id=line.ref.id,
                    changes=[
                        FieldChange(
                            line.field, line.after, None, "join", why=UNDO, undoes=(line.id,)
                        )
                    ],
                    details={
                        "undo": {
                            "lines": [line.id],
                            "intents": [line.intent_key],
                            "bond": scene.bonds.get(line.entity_id, ""),
                            "forget": [f"join:{line.after}"] if scene.apart else [],
                        }
                    },
                ),
                salt=line.intent_key,
            )
        )


def revivals(scene: Scene, plan: UndoPlan, chosen: Sequence[Line]) -> None:
    """The undo of an undo: deleted records are created anew by the ordinary road, joins are made
    again; nothing is sent for them here."""
    for line in chosen:
        if line.operation not in (Operation.DELETE, Operation.DISSOCIATE):
            continue
        stored = scene.intents.get(line.intent_key)
        told = stored.intent.details.get("undo", {}) if stored else {}
        for ids in told.get("events", {}).values():
            plan.events.setdefault("pending", []).extend(ids)
        plan.revived.add(line.entity_id)
        plan.done.setdefault(line.entity_id, []).append(line.id)
