"""What an undo is planned from, and what comes out of the planning. Frozen facts, no effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from mappings.fieldmap import FieldRule, ObjectMapping, PairMapping, ValueType
from mappings.records import Json, Record, RecordRef, Side
from mappings.values import equal
from state.ledger import Line
from state.outbox import Intent, StoredIntent
from sync.plan_people import FACT_TYPES, owned_type

REMEDIES = {
    "changed_since": "Somebody's own value: change it by hand if it is wrong.",
    "written_since": "Undo the later run first: `leadloop undo --run RUN`.",
    "used": "Somebody works with it: delete it by hand if it is wrong.",
    "converted": "The Lead was converted: what became of it is people's work.",
    "gone": "Nothing to do: the record is not there any more.",
    "opt_out_needs_evidence": "Add --evidence with --evidence-date, if there is consent.",
    "opt_out_stands": "Another record of the person or address, or a later event, says they opted "
    "out.",
    "under_way": "Run `leadloop sync`, then undo again.",
}
"""Why something stays as it is, and what can be done about it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The operator's word that somebody agreed to be mailed: what it rests on, and its date."""

    text: str
    at: date


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that stays. `by` and `at` are the vendor's word on who changed the record last and
    when, where it tells; `run_id` names a later run of ours; `line` is the ledger line whose value
    before would have come back."""

    entity_id: str
    record: str
    field: str | None
    reason: str
    now: Json = None
    wanted: Json = None
    by: str | None = None
    at: datetime | None = None
    run_id: str | None = None
    line: int | None = None

    @property
    def remedy(self) -> str:
        """What can be done about it."""
        text = REMEDIES[self.reason]
        return text.replace("RUN", self.run_id) if self.run_id else text

    def as_json(self) -> dict[str, Any]:
        """JSON-able, with values."""
        return {
            "entity_id": self.entity_id,
            "record": self.record,
            "field": self.field,
            "reason": self.reason,
            "now": self.now,
            "wanted": self.wanted,
            "changed_by": self.by,
            "changed_at": self.at.isoformat() if self.at else None,
            "run_id": self.run_id,
            "line": self.line,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Scene:
    """What an undo is planned from.

    `lines` are all lines of the golden records concerned, `chosen` the ids of those to undo.
    `records` are as they are now, by reference; `moved` says what a merged or converted record has
    become. `used` says of created records why they stay. `bonds` are the records whose values
    are kept in step, (MAP, CRM) by golden record. `group_of` names whom a record belongs to once a
    wrong link is taken apart; `apart` is true then. `unsubscribed` is each golden record's last
    unsubscription of its own. `beside` are the other records at a record's address.
    """

    mapping: PairMapping
    systems: Mapping[Side, str]
    lines: Sequence[Line]
    chosen: frozenset[int]
    records: Mapping[RecordRef, Record]
    moved: Mapping[RecordRef, RecordRef] = field(default_factory=dict)
    intents: Mapping[str, StoredIntent] = field(default_factory=dict)
    used: Mapping[RecordRef, str] = field(default_factory=dict)
    bonds: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, tuple[RecordRef, ...]] = field(default_factory=dict)
    unsubscribed: Mapping[str, datetime] = field(default_factory=dict)
    groups: Mapping[RecordRef, str] = field(default_factory=dict)
    apart: bool = False
    beside: Mapping[RecordRef, tuple[Record, ...]] = field(default_factory=dict)
    evidence: Evidence | None = None

    def side_of(self, ref: RecordRef) -> Side:
        """Which side a record is of."""
        return Side.MAP if ref.system == self.systems[Side.MAP] else Side.CRM

    def group_of(self, entity_id: str, ref: RecordRef) -> str:
        """Whom the record belongs to after the undo."""
        return self.groups.get(ref, entity_id)

    def mapping_of(self, ref: RecordRef) -> ObjectMapping | None:
        """The object mapping that is about a record."""
        for mapping in self.mapping.objects:
            if ref.object in (mapping.map_object, *mapping.crm_objects):
                return mapping
        return None

    def rule_of(self, ref: RecordRef, key: str) -> FieldRule | None:
        """The field rule of that key, None when today's mapping has none."""
        mapping = self.mapping_of(ref)
        rules = mapping.fields if mapping else ()
        return next((rule for rule in rules if rule.key == key), None)


@dataclass(slots=True)
class UndoPlan:
    """What an undo does and leaves. `revived` are golden records whose record comes back because
    its deletion is undone, `events` what becomes of their events at once, by disposition."""

    intents: list[Intent] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    revived: set[str] = field(default_factory=set)
    events: dict[str, list[int]] = field(default_factory=dict)
    done: dict[str, list[int]] = field(default_factory=dict)


def still_ours(scene: Scene, line: Line, now: Json, ref: RecordRef) -> bool:
    """Whether a field says what we wrote, or what the vendor made of it."""
    kind = type_of(scene, line, ref)
    return equal(now, line.after, kind) or (line.kept is not None and equal(now, line.kept, kind))


def type_of(scene: Scene, line: Line, ref: RecordRef) -> ValueType:
    """What the values of a line are."""
    rule = scene.rule_of(ref, line.rule)
    if rule is not None:
        return rule.type
    if line.rule == "consent":
        return ValueType.BOOLEAN
    if line.rule == "rollup":
        return owned_type(line.field)
    facts = {outcome.map: outcome.fact for outcome in scene.mapping.outcomes}
    if line.rule == "outcome" and line.field in facts:
        return FACT_TYPES.get(facts[line.field], ValueType.TEXT)
    return ValueType.TEXT
