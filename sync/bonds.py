"""Planning the fields of one pair of records: every rule through the three-way difference. Pure.

Serves people, companies and deals alike: what differs between them is which records there are
and what is created.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from mappings.applying import rules_for
from mappings.errors import RecordRejectedError
from mappings.fieldmap import FieldRule, ObjectMapping, ValueType
from mappings.placeholders import is_placeholder_email
from mappings.records import Json, Record, Side
from mappings.survivorship import FieldDecision, FieldState, decide_field
from mappings.transforms import fill, translate
from mappings.values import canonical, equal, to_vendor
from sync.intents import FieldChange, digest
from sync.views import Times, met_key

T = TypeVar("T")
BLANK = FieldState(None, None, None)
"""A field that is blank on both sides, as most are: what was agreed before has no say then."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A field that cannot be written as it is; the rest of the record goes on."""

    side: Side
    object: str
    record_id: str | None
    error: RecordRejectedError

    @property
    def subject(self) -> str:
        """What a dead letter of it is about: `object:id`."""
        return f"{self.object}:{self.record_id or 'new'}"

    def fingerprint(self, entity_id: str) -> str:
        """The same for the same field of the same record, refused for the same reason."""
        return digest(entity_id, self.subject, self.error.code, self.error.field)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field both sides changed and no rule decides: canonical values of both."""

    rule: str
    map_field: str
    crm_field: str
    map_value: Json
    crm_value: Json


@dataclass(frozen=True, slots=True)
class BondPlan:
    """What one pair of records comes to.

    `writes` and `changes` are per side; `agreed` are shadow values true already; `expected` are
    shadow values that become true with the write to that side: rule key to (MAP value, CRM value,
    field written).
    """

    writes: Mapping[Side, Mapping[str, Json]]
    changes: Mapping[Side, tuple[FieldChange, ...]]
    agreed: Mapping[str, tuple[Json, Json]]
    expected: Mapping[Side, Mapping[str, tuple[Json, Json, str]]]
    rejections: tuple[Rejection, ...]
    reasons: Mapping[str, str]
    conflicts: tuple[Conflict, ...] = ()

    @property
    def unfinished(self) -> bool:
        """Whether another write follows: a sum reaches the CRM first, then the MAP, so that a write
        lost or refused in between can be told from points somebody gained."""
        return "aggregate_sum" in self.reasons.values()

    def without(self, side: Side, field: str) -> BondPlan:
        """The same plan, that field of that side left as it is."""
        gone = {key for key, value in self.expected[side].items() if value[2] == field}
        return replace(
            self,
            writes={**self.writes, side: _but(self.writes[side], {field})},
            changes={
                **self.changes,
                side: tuple(c for c in self.changes[side] if c.field != field),
            },
            expected={**self.expected, side: _but(self.expected[side], gone)},
            reasons={**self.reasons, **dict.fromkeys(gone, "taken_elsewhere")},
        )


def _but(values: Mapping[str, T], names: set[str]) -> dict[str, T]:
    return {name: value for name, value in values.items() if name not in names}


def plan_bond(
    mapping: ObjectMapping,
    map_record: Record,
    crm_record: Record,
    shadow: Mapping[str, tuple[Json, Json]] | None,
    *,
    systems: Mapping[Side, str],
    times: Mapping[str, Times] | None = None,
) -> BondPlan:
    """Decide every field rule that applies to these two records. `times` tells of contested
    fields, by rule key, when each side changed them."""
    plan = _Builder(systems)
    for rule, found in states_of(mapping, map_record, crm_record, shadow):
        state = found
        if times:
            map_at, crm_at = times.get(rule.key, (None, None))
            state = replace(found, map_at=map_at, crm_at=crm_at)
        crm_field = rule.crm[crm_record.ref.object]
        decision = decide_field(rule, state)
        if decision.write_to is not None and shadow and _is_undone(rule, state, shadow):
            decision = FieldDecision(None, None, "left_apart")
        plan.add(rule, crm_field, state, decision, map_record, crm_record)
    return plan.build()


def states_of(
    mapping: ObjectMapping,
    map_record: Record,
    crm_record: Record,
    shadow: Mapping[str, tuple[Json, Json]] | None,
) -> Iterator[tuple[FieldRule, FieldState]]:
    """Every rule that applies to these two records, with the state of its field."""
    name, left, right = crm_record.ref.object, map_record.fields, crm_record.fields
    for rule in rules_for(mapping, name, {Side.MAP: left, Side.CRM: right}):
        field = rule.crm[name]
        if field not in right or rule.map not in left:
            continue
        map_value = value_of(rule, Side.MAP, rule.map, left)
        crm_value = value_of(rule, Side.CRM, field, right)
        if map_value is None and crm_value is None:
            yield rule, BLANK
            continue
        base = shadow.get(rule.key) if shadow else None
        met = shadow.get(met_key(rule.key)) if shadow and base is None else None
        yield rule, FieldState(map_value, crm_value, base, met=met)


def _is_undone(rule: FieldRule, state: FieldState, shadow: Mapping[str, tuple[Json, Json]]) -> bool:
    """Whether an undo left an aggregated field as it is: an aggregate is not written for having
    moved but for being different, so that the agreed values alone would not hold it."""
    undone = shadow.get(f"undone:{rule.key}")
    return (
        undone is not None
        and equal(state.map_value, undone[0], rule.type_of(Side.MAP))
        and equal(state.crm_value, undone[1], rule.type_of(Side.CRM))
    )


def value_of(rule: FieldRule, side: Side, name: str, fields: Mapping[str, Json]) -> Json:
    """The canonical value a rule finds on a side: of the field of that name, or of those its
    template names; an address that stands for none is a blank."""
    value = fields.get(name)
    if rule.template and side is rule.source:
        value = fill(rule.template, fields)
    if value is None or value == "":
        return None  # as most fields of most people
    kind = rule.type_of(side)
    known = canonical(value, kind)
    if kind is ValueType.EMAIL and known is not None and is_placeholder_email(str(known)):
        return None
    return known


class _Builder:
    """Collects decisions into a BondPlan."""

    def __init__(self, systems: Mapping[Side, str]) -> None:
        self.systems = systems
        self.writes: dict[Side, dict[str, Json]] = {Side.MAP: {}, Side.CRM: {}}
        self.changes: dict[Side, list[FieldChange]] = {Side.MAP: [], Side.CRM: []}
        self.agreed: dict[str, tuple[Json, Json]] = {}
        self.expected: dict[Side, dict[str, tuple[Json, Json, str]]] = {
            Side.MAP: {},
            Side.CRM: {},
        }
        self.rejections: list[Rejection] = []
        self.reasons: dict[str, str] = {}
        self.conflicts: list[Conflict] = []

    def add(
        self,
        rule: FieldRule,
        crm_field: str,
        state: FieldState,
        decision: FieldDecision,
        map_record: Record,
        crm_record: Record,
    ) -> None:
        self.reasons[rule.key] = decision.reason
        side = decision.write_to
        if decision.rejection is not None:
            record = crm_record if state.map_value is not None else map_record
            self.rejections.append(
                Rejection(
                    Side.CRM if record is crm_record else Side.MAP,
                    record.ref.object,
                    record.ref.id,
                    decision.rejection,
                )
            )
        elif decision.reason == "conflict":
            self.conflicts.append(
                Conflict(rule.key, rule.map, crm_field, state.map_value, state.crm_value)
            )
        elif side is None:
            self.agreed[rule.key] = (state.map_value, state.crm_value)
        else:
            field = crm_field if side is Side.CRM else rule.map
            before = state.crm_value if side is Side.CRM else state.map_value
            image = (crm_record if side is Side.CRM else map_record).fields[field]
            self.writes[side][field] = to_vendor(decision.value, rule.type, self.systems[side])
            self.changes[side].append(
                FieldChange(field, before, decision.value, rule.key, image, decision.reason)
            )
            self.expected[side][rule.key] = (
                (state.map_value, decision.value, field)
                if side is Side.CRM
                else (decision.value, state.crm_value, field)
            )

    def build(self) -> BondPlan:
        return BondPlan(
            writes=self.writes,
            changes={side: tuple(changes) for side, changes in self.changes.items()},
            agreed=self.agreed,
            expected=self.expected,
            rejections=tuple(self.rejections),
            reasons=self.reasons,
            conflicts=tuple(self.conflicts),
        )


@dataclass(frozen=True, slots=True)
class Creation:
    """The fields of a record to be created on one side from the other side's record."""

    fields: Mapping[str, Json]
    changes: tuple[FieldChange, ...]
    expected: Mapping[str, tuple[Json, Json, str]]
    rejections: tuple[Rejection, ...]


def plan_creation(
    mapping: ObjectMapping, source: Record, *, to: Side, object_name: str, system: str
) -> Creation:
    """Every rule that flows to `to`, with its default where the source is blank.

    A value that cannot be written is left out and reported; the record is created without it.
    """
    fields: dict[str, Json] = {}
    changes: list[FieldChange] = []
    expected: dict[str, tuple[Json, Json, str]] = {}
    rejections: list[Rejection] = []
    crm_object = object_name if to is Side.CRM else source.ref.object
    for rule in rules_for(mapping, crm_object, {to.other: source.fields}):
        if not rule.writes(to):
            continue
        in_crm = rule.crm[crm_object]
        target, origin = (in_crm, rule.map) if to is Side.CRM else (rule.map, in_crm)
        value = value_of(rule, to.other, origin, source.fields)
        try:
            wanted = translate(rule, value, to=to, creating=True)
        except RecordRejectedError as error:
            rejections.append(Rejection(to, object_name, None, error))
            continue
        if wanted is None:
            continue
        fields[target] = to_vendor(wanted, rule.type, system)
        changes.append(FieldChange(target, None, wanted, rule.key, why="created"))
        pair = (value, wanted) if to is Side.CRM else (wanted, value)
        expected[rule.key] = (*pair, target)
    return Creation(fields, tuple(changes), expected, tuple(rejections))
