"""Undoing opt-outs that Leadloop wrote in error (law 7). Pure.

Only with the operator's dated evidence, and only where nothing else says that the person opted out:
no other record of theirs or of their address, and no unsubscription on or after the day of the
evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mappings.fieldmap import ValueType
from mappings.ports import Lane
from mappings.records import Json, Operation, Record, RecordRef, Side
from mappings.required_fields import opt_out_property
from mappings.values import canonical
from state.ledger import Line
from state.outbox import Intent
from sync.intents import UNDO, Draft, FieldChange, make
from sync.plan_consent import refusals
from sync.undo.scene import Kept, Scene, UndoPlan
from sync.views import Scope


def opt_outs(
    scene: Scene, plan: UndoPlan, chosen: Sequence[Line], gone: frozenset[RecordRef]
) -> None:
    """Take back opt-outs where that is right; an undone taking-back restricts again."""
    taken_back = set[tuple[RecordRef, Scope]]()
    for line in chosen:
        if line.operation is Operation.OPT_OUT:
            ref = scene.moved.get(line.ref, line.ref)
            taken_back.add((ref, _scope(scene, line, ref)))
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


def _why_stands(
    scene: Scene, line: Line, ref: RecordRef, taken_back: set[tuple[RecordRef, Scope]]
) -> str | None:
    """Why an opt-out is not taken back."""
    group, scope = scene.group_of(line.entity_id, ref), _scope(scene, line, ref)
    own = [
        scene.records[other]
        for other in scene.members.get(line.entity_id, ())
        if other != ref and other in scene.records
        if scene.group_of(line.entity_id, other) == group
    ]
    for other in (*own, *scene.beside.get(ref, ())):
        if (other.ref, scope) not in taken_back and scope in refusals(scene.mapping, other):
            return "opt_out_stands"
    if scope is not None and None in refusals(scene.mapping, scene.records[ref]):
        return "opt_out_stands"  # HubSpot would lift the refusal of all mail along with it
    if scene.evidence is None:
        return "opt_out_needs_evidence"
    left = scene.unsubscribed.get(line.entity_id)
    mine = scene.side_of(ref) is Side.MAP or not scene.apart
    if left is not None and mine and left.date() >= scene.evidence.at:
        return "opt_out_stands"
    return None


def _scope(scene: Scene, line: Line, ref: RecordRef) -> Scope:
    """Which mail a line of the ledger is about, by the flag it set."""
    rules = scene.mapping.consent
    if scene.side_of(ref) is Side.MAP:
        names = {opt_out_property(rule.subscription): rule.subscription for rule in rules}
    else:
        names = {rule.crm.get(ref.object, ""): rule.subscription for rule in rules}
    return names.get(line.field)


def _is_out(record: Record, name: str) -> bool:
    return canonical(record.fields.get(name), ValueType.BOOLEAN) is True


def _opt_in(scene: Scene, line: Line, ref: RecordRef, record: Record) -> Intent:
    evidence = scene.evidence
    said = f"{evidence.at.isoformat()}: {evidence.text}" if evidence else ""
    on_map = scene.side_of(ref) is Side.MAP
    fields: dict[str, Json] = {line.field: False}
    if on_map:
        scope = _scope(scene, line, record.ref)
        fields = {"email": record.fields.get("email"), "explanation": said, "subscription": scope}
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
    scope = _scope(scene, line, ref)
    fields = {"email": record.fields.get("email"), "subscription": scope}
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
