"""Undoing opt-outs that Leadloop wrote in error (law 7). Pure.

Only with the operator's dated evidence, and only where nothing else says that the person opted out:
no other record of theirs or of their address, and no unsubscription on or after the day of the
evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mappings.fieldmap import ValueType
from mappings.ports import Lane
from mappings.records import Json, Operation, Record, RecordRef, Side
from mappings.values import canonical
from state.ledger import Line
from state.outbox import Intent
from sync.intents import UNDO, Draft, FieldChange, make
from sync.plan_consent import OPT_OUT_MAP
from sync.undo.scene import Kept, Scene, UndoPlan


def opt_outs(
    scene: Scene, plan: UndoPlan, chosen: Sequence[Line], gone: frozenset[RecordRef]
) -> None:
    """Take back opt-outs where that is right; an undone taking-back restricts again."""
    taken_back = {
        scene.moved.get(line.ref, line.ref)
        for line in chosen
        if line.operation is Operation.OPT_OUT
    }
    for line in chosen:
        if line.operation not in (Operation.OPT_OUT, Operation.OPT_IN) or line.ref in gone:
            continue
        ref = scene.moved.get(line.ref, line.ref)
        record = scene.records.get(ref)
        restricts = line.operation is Operation.OPT_IN
        if record is None or _is_out(record, line.field) is restricts:
            continue
        if restricts:
            plan.intents.append(_opt_out_again(scene, line, ref, record))
            continue
        reason = _why_stands(scene, line, ref, taken_back)
        if reason is not None:
            plan.kept.append(
                Kept(line.entity_id, str(ref), line.field, reason, now=True, wanted=False)
            )
        else:
            plan.intents.append(_opt_in(scene, line, ref, record))


def _why_stands(scene: Scene, line: Line, ref: RecordRef, taken_back: set[RecordRef]) -> str | None:
    """Why an opt-out is not taken back."""
    group = scene.group_of(line.entity_id, ref)
    for other in scene.members.get(line.entity_id, ()):
        record = scene.records.get(other)
        if other == ref or record is None or scene.group_of(line.entity_id, other) != group:
            continue
        if other not in taken_back and any(_is_out(record, name) for name in _flags(scene, other)):
            return "opt_out_stands"
    for one in scene.beside.get(ref, ()):
        if one.ref not in taken_back and any(_is_out(one, n) for n in _flags(scene, one.ref)):
            return "opt_out_stands"
    if scene.evidence is None:
        return "opt_out_needs_evidence"
    own = scene.unsubscribed.get(line.entity_id)
    mine = scene.side_of(ref) is Side.MAP or not scene.apart
    if own is not None and mine and own.date() >= scene.evidence.at:
        return "opt_out_stands"
    return None


def _flags(scene: Scene, ref: RecordRef) -> Iterator[str]:
    if scene.side_of(ref) is Side.MAP:
        yield OPT_OUT_MAP
        return
    for rule in scene.mapping.consent:
        if rule.subscription is None and ref.object in rule.crm:
            yield rule.crm[ref.object]


def _is_out(record: Record, name: str) -> bool:
    return canonical(record.fields.get(name), ValueType.BOOLEAN) is True


def _opt_in(scene: Scene, line: Line, ref: RecordRef, record: Record) -> Intent:
    evidence = scene.evidence
    said = f"{evidence.at.isoformat()}: {evidence.text}" if evidence else ""
    on_map = scene.side_of(ref) is Side.MAP
    fields: dict[str, Json] = {line.field: False}
    if on_map:
        fields = {"email": record.fields.get("email"), "explanation": said}
    return _consent(
        scene,
        line,
        record,
        Operation.OPT_IN if on_map else Operation.UPDATE,
        fields,
        before=True,
        evidence=said,
    )


def _opt_out_again(scene: Scene, line: Line, ref: RecordRef, record: Record) -> Intent:
    fields = {"email": record.fields.get("email"), "subscription": None}
    if scene.side_of(ref) is Side.CRM:
        fields = {line.field: True}
    return _consent(scene, line, record, Operation.OPT_OUT, fields, before=False, evidence="")


def _consent(
    scene: Scene,
    line: Line,
    record: Record,
    operation: Operation,
    fields: Mapping[str, Json],
    *,
    before: bool,
    evidence: str,
) -> Intent:
    change = FieldChange(line.field, before, not before, line.rule, why=UNDO, undoes=(line.id,))
    return make(
        Draft(
            entity_id=line.entity_id,
            side=scene.side_of(record.ref),
            system=record.ref.system,
            operation=operation,
            object=record.ref.object,
            fields=fields,
            lane=Lane.REPAIR,
            reason=UNDO,
            target=record,
            changes=[change],
            details={
                "undo": {
                    "lines": [line.id],
                    "intents": [line.intent_key],
                    "was": {line.field: record.fields.get(line.field)},
                    "evidence": evidence,
                }
            },
        ),
        salt=line.intent_key,
    )
