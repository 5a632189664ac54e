"""Undoing field values. Pure.

A value goes back when the record still says what Leadloop wrote; of several writes of one field the
value before the first of them, as far as nobody else's value stood in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mappings.fieldmap import FieldRule, ValueType
from mappings.ports import Lane
from mappings.records import Json, Operation, Record, RecordRef
from mappings.values import canonical, equal, to_vendor
from state.ledger import Line
from state.outbox import Intent
from sync.intents import UNDO, Draft, FieldChange, make
from sync.undo.scene import Kept, Scene, UndoPlan, still_ours, type_of
from sync.views import held_key


@dataclass(frozen=True, slots=True)
class _Back:
    """One field that goes back, and the lines that are undone by it."""

    field: str
    now: Json
    line: Line
    undoes: tuple[int, ...]
    rule: FieldRule | None
    type: ValueType


def values(
    scene: Scene,
    plan: UndoPlan,
    lines: Sequence[Line],
    chosen: Sequence[Line],
    gone: frozenset[RecordRef],
) -> None:
    """One write for every record whose fields go back; what stays is listed."""
    wanted = {_place(scene, line) for line in chosen if line.operation is Operation.UPDATE}
    grouped: dict[tuple[RecordRef, str], list[Line]] = {}
    for line in lines:
        place = _place(scene, line)
        if place in wanted and line.operation in (Operation.UPDATE, Operation.CREATE):
            grouped.setdefault(place, []).append(line)
    backs: dict[RecordRef, list[_Back]] = {}
    for (ref, name), own in sorted(grouped.items()):
        if ref in gone or any(line.ref in gone for line in own):
            continue
        back = _value(scene, plan, ref, name, own)
        if back is not None:
            backs.setdefault(ref, []).append(back)
    for ref, own_backs in sorted(backs.items()):
        plan.intents.append(_restoring(scene, scene.records[ref], own_backs))


def _place(scene: Scene, line: Line) -> tuple[RecordRef, str]:
    """Which record and field a line is about today: a converted Lead's value is on its Contact."""
    ref = scene.moved.get(line.ref, line.ref)
    if ref.object == line.ref.object:
        return ref, line.field
    rule = scene.rule_of(ref, line.rule)
    return ref, rule.crm.get(ref.object, line.field) if rule else line.field


def _value(
    scene: Scene, plan: UndoPlan, ref: RecordRef, name: str, own: Sequence[Line]
) -> _Back | None:
    """What one field goes back to, from all lines about it, oldest first."""
    ours = [line for line in own if line.id in scene.chosen]
    first, newest = ours[0], own[-1]
    kind = type_of(scene, first, ref)
    record = scene.records.get(ref)
    if record is None or name not in record.fields:
        plan.kept.append(
            Kept(first.entity_id, str(ref), name, "gone", wanted=first.before, line=first.id)
        )
        return None
    now = canonical(record.fields[name], kind)
    if newest.id not in scene.chosen:
        if not equal(now, first.before, kind):
            plan.kept.append(
                Kept(first.entity_id, str(ref), name, "written_since", now, first.before,
                     at=newest.at, run_id=newest.run_id, line=first.id)
            )  # fmt: skip
        return None
    if not still_ours(scene, newest, now, ref):
        if not equal(now, first.before, kind):
            plan.kept.append(
                Kept(first.entity_id, str(ref), name, "changed_since", now, first.before,
                     by=record.modified_by, at=record.modified_at, line=first.id)
            )  # fmt: skip
        return None
    target = newest
    for line in reversed(own[:-1]):
        chained = equal(line.after, target.before, kind)
        if line.id not in scene.chosen or line.operation is Operation.CREATE or not chained:
            break
        target = line
    if equal(now, target.before, kind):
        return None
    rule = scene.rule_of(ref, target.rule)
    return _Back(name, now, target, tuple(line.id for line in ours), rule, kind)


def _restoring(scene: Scene, record: Record, backs: Sequence[_Back]) -> Intent:
    """One write that gives a record its fields back."""
    entity_id = backs[0].line.entity_id
    fields: dict[str, Json] = {}
    changes: list[FieldChange] = []
    halves: dict[str, list[Json]] = {}
    hold: dict[str, list[Json]] = {}
    still: list[str] = []
    for back in backs:
        line = back.line
        value = line.image
        if value is None:
            value = to_vendor(line.before, back.type, record.ref.system)
        fields[back.field] = value
        changes.append(
            FieldChange(back.field, back.now, line.before, line.rule, line.image, UNDO, back.undoes)
        )
        if back.rule is not None:
            halves[line.rule] = [line.before, back.field]
            if back.rule.aggregate is not None:
                still.append(line.rule)
        else:
            hold[held_key(record.ref, back.field)] = [back.now, line.before]
    return make(
        Draft(
            entity_id=entity_id,
            side=scene.side_of(record.ref),
            system=record.ref.system,
            operation=Operation.UPDATE,
            object=record.ref.object,
            fields=fields,
            lane=Lane.REPAIR,
            reason=UNDO,
            target=record,
            changes=changes,
            details={
                "undo": {
                    "lines": sorted({i for back in backs for i in back.undoes}),
                    "intents": [],
                    "was": {back.field: record.fields[back.field] for back in backs},
                    "bond": "" if scene.apart else _bond(scene, entity_id, record.ref),
                    "halves": halves,
                    "still": still,
                    "hold": {} if scene.apart else hold,
                }
            },
        )
    )


def _bond(scene: Scene, entity_id: str, ref: RecordRef) -> str:
    """The bond whose agreed values the record's are; none for a person's further records."""
    bond = scene.bonds.get(entity_id, "")
    return bond if str(ref) in bond.split("|") else ""
