"""What must hold between the parts of a mapping, beyond each part being well formed.

Two rules never write one field, no value goes round in a circle (`mappings.flow_checks`), nobody
writes what Leadloop or the consent latch writes, a record that is to be created gets what the
vendor requires, and values fit the fields they go to (`mappings.value_checks`).
"""

from __future__ import annotations

from collections.abc import Mapping

from mappings.errors import Position
from mappings.fieldmap import (
    ActivityForm,
    Direction,
    EntityKind,
    FieldRule,
    ObjectMapping,
    OutcomeRule,
    PairMapping,
    ValueType,
)
from mappings.flow_checks import check_flows
from mappings.loading import Loading
from mappings.overlaps import covers
from mappings.ports import FieldSchema
from mappings.records import Side
from mappings.required_fields import OUTCOME_PROPERTIES, own_fields
from mappings.right_checks import check_rights
from mappings.value_checks import check_conditions, check_values

_CONSENT_PROPERTY = "hs_email_optout"

_TEXTUAL = {"text", "picklist", "multipicklist", "email", "phone", "url"}
_FITS: dict[ValueType, set[str]] = {
    ValueType.NUMBER: {"number", "currency"},
    ValueType.CURRENCY: {"number", "currency"},
    ValueType.BOOLEAN: {"boolean", "picklist"},
    ValueType.DATE: {"date", "datetime"},
    ValueType.DATETIME: {"datetime", "date"},
}
"""Field types that can hold a value type natively; any of them also fits into plain text."""


_NEAR = frozenset({("number", "currency"), ("date", "datetime")})
"""An outcome's type and another that holds it as well."""


def check_pair(
    mapping: PairMapping,
    activity_places: Mapping[str, tuple[ActivityForm, Position]],
    loading: Loading,
) -> None:
    """Record every fault between the parts of a loaded mapping."""
    flags = {(o, f) for rule in mapping.consent for o, f in rule.crm.items()}
    for entry in mapping.objects:
        _one_writer(entry, loading)
        check_flows(entry, loading)
        check_rights(entry, loading)
        _hands_off(entry, flags, loading)
        for created in entry.creatable:
            _required(entry, created, loading)
        for rule in entry.fields:
            _types(entry, rule, loading)
            check_values(entry, rule, loading)
        check_conditions(entry, loading)
    _one_mapping_an_object(mapping, loading)
    _people_parts(mapping, loading)
    for name, (form, at) in activity_places.items():
        if form is ActivityForm.CAMPAIGN_MEMBER and not mapping.campaigns:
            loading.faults.add(
                at, f"`{name}` becomes campaign members, but no campaign is named.",
                "Add `campaigns:` with the form's or campaign's name and a Campaign id.",
                code="config.missing_key",
            )  # fmt: skip


def _one_writer(entry: ObjectMapping, loading: Loading) -> None:
    writers: dict[tuple[Side, str, str], FieldRule] = {}
    for rule in entry.fields:
        for target in _targets(entry, rule):
            first = writers.setdefault(target, rule)
            # Of several the first whose `when` holds applies, so that only the last may lack one.
            writers[target] = rule
            if first is not rule and first.when and _leaves_nothing(first, rule):
                loading.faults.add(
                    rule.at,
                    f"This rule never applies: `when` of the one in line {first.at.line}, which"
                    f" writes {target[1]}.{target[2]} too, holds first.",
                    "Put it before that one, or correct the conditions: the first that holds"
                    " counts.",
                    code="config.duplicate_rule",
                )
                break
            if first is not rule and not first.when:
                loading.faults.add(
                    rule.at,
                    f"{target[1]}.{target[2]} is already written by the rule in line"
                    f" {first.at.line}.",
                    "Keep one of the two rules, limit their `direction`, or say of the first `when`"
                    " it applies.",
                    code="config.duplicate_rule",
                )
                break


def _leaves_nothing(first: FieldRule, later: FieldRule) -> bool:
    """Whether the first of two rules for one field holds wherever the later one would."""
    alike = first.source is later.source and first.crm.keys() >= later.crm.keys()
    return alike and bool(later.when) and covers(first.when, later.when)


def _targets(entry: ObjectMapping, rule: FieldRule) -> list[tuple[Side, str, str]]:
    found = []
    if rule.writes(Side.MAP):
        found.append((Side.MAP, entry.map_object, rule.map))
    if rule.writes(Side.CRM):
        found += [(Side.CRM, name, field) for name, field in rule.crm.items()]
    return found


def _hands_off(entry: ObjectMapping, flags: set[tuple[str, str]], loading: Loading) -> None:
    for rule in entry.fields:
        for side, object_name, name in _targets(entry, rule):
            if name in own_fields(side):
                loading.faults.add(
                    rule.at, f"`{name}` is written by Leadloop itself.", "Remove the rule.",
                    code="config.own_field",
                )  # fmt: skip
            elif (object_name, name) in flags or name.startswith(_CONSENT_PROPERTY):
                loading.faults.add(
                    rule.at, f"`{name}` holds consent, which no field rule may write.",
                    "Remove the rule: `consent` keeps the most restrictive state of both sides.",
                    code="config.consent_field",
                )  # fmt: skip


def _required(entry: ObjectMapping, created: str, loading: Loading) -> None:
    """A created CRM record must get every field the vendor requires, whatever the MAP holds."""
    schema = loading.schema(Side.CRM, created)
    if schema is None:
        return
    for field in schema.fields.values():
        if not field.required or not field.createable:
            continue
        rule = next(
            (
                r
                for r in entry.fields
                if r.crm.get(schema.object) == field.name and r.direction is not Direction.TO_MAP
            ),
            None,
        )
        if rule is None or rule.default is None:
            loading.faults.add(
                loading.place(rule.at, "default") if rule else entry.at,
                f"A {schema.object} cannot be created without `{field.name}`.",
                "Give the rule a `default` for people who lack it."
                if rule
                else f"Add a rule for `{field.name}` with a `default`.",
                code="config.required_field",
            )


def _types(entry: ObjectMapping, rule: FieldRule, loading: Loading) -> None:
    for side, object_name, name in [
        (Side.MAP, entry.map_object, rule.map),
        *((Side.CRM, o, f) for o, f in rule.crm.items()),
    ]:
        schema = loading.schema(side, object_name)
        field = schema.fields.get(name) if schema is not None else None
        converted = rule.source_type is not None and side is rule.source
        if field is None or converted or fits(rule, field):
            continue
        loading.faults.add(
            loading.at_crm(rule.at, object_name)
            if side is Side.CRM
            else loading.place(rule.at, "map"),
            f"{object_name}.{name} is {field.type}, the rule says {rule.type.value}.",
            f"Set `type: {field.type}`, or map another field."
            if field.type in set(ValueType)
            else "Map another field.",
            code="config.field_type",
        )
        return


def fits(rule: FieldRule, field: FieldSchema) -> bool:
    """Whether a field of that kind can hold the rule's values."""
    if field.type in {"reference", "other"}:
        return field.type == "reference" and rule.type is ValueType.TEXT
    if rule.type in _FITS:
        return field.type in _FITS[rule.type] | {"text"}
    # A picklist value can go anywhere its table leads; text into a number field cannot.
    return field.type in _TEXTUAL or bool(rule.values) or rule.direction is Direction.TO_CRM


def _one_mapping_an_object(mapping: PairMapping, loading: Loading) -> None:
    seen: dict[str, ObjectMapping] = {}
    for entry in mapping.objects:
        first = seen.setdefault(entry.map_object, entry)
        if first is not entry:
            loading.faults.add(
                entry.at, f"`{entry.map_object}` is already mapped by `{first.name}`.",
                "Put the rules into one object mapping: `include` says whose records are kept "
                "in step, `when` which rule is for whom.", code="config.duplicate_rule",
            )  # fmt: skip


def _people_parts(mapping: PairMapping, loading: Loading) -> None:
    """Consent flags and outcome properties belong to people: they must exist there."""
    people = mapping.of_kind(EntityKind.PERSON)
    for rule in mapping.consent:
        for object_name, name in rule.crm.items():
            flag = loading.field(Side.CRM, object_name, name, rule.at)
            if flag is not None and loading.is_live(Side.CRM, object_name):
                _flag(flag, object_name, rule.at, loading)
    written: dict[str, Position] = {}
    mapped = (
        {r.map: r for r in people.fields if r.direction is not Direction.TO_CRM} if people else {}
    )
    for outcome in mapping.outcomes:
        first = written.setdefault(outcome.map, outcome.at)
        if outcome.map in mapped:
            first = mapped[outcome.map].at
        if first is not outcome.at:
            loading.faults.add(
                outcome.at, f"`{outcome.map}` is already written at {first}.",
                "Use a property of its own for each outcome.", code="config.duplicate_rule",
            )  # fmt: skip
        if people is not None and outcome.map not in own_fields(Side.MAP):
            field = loading.field(Side.MAP, people.map_object, outcome.map, outcome.at)
            if field is not None:
                _outcome(field, outcome, loading)


def _flag(flag: FieldSchema, object_name: str, at: Position, loading: Loading) -> None:
    """A consent flag is a checkbox that can be ticked."""
    if flag.type != "boolean":
        loading.faults.add(
            at, f"{object_name}.{flag.name} is {flag.type}; an opt-out is kept in a checkbox.",
            "Name a checkbox, such as HasOptedOutOfEmail.", code="config.field_type",
        )  # fmt: skip
    elif not flag.updateable:
        loading.faults.add(
            at, f"{object_name}.{flag.name} may not be edited: opt-outs could not be kept.",
            "Give the API user's permission set edit access to the field.",
            code="config.read_only",
        )  # fmt: skip


def _outcome(field: FieldSchema, outcome: OutcomeRule, loading: Loading) -> None:
    """An outcome goes to a property that takes its values."""
    type_ = OUTCOME_PROPERTIES[outcome.fact][2]
    if not field.updateable:
        loading.faults.add(
            outcome.at, f"`{field.name}` cannot be written at the vendor.",
            "Name a property of your own.", code="config.read_only",
        )  # fmt: skip
    elif field.type not in {type_, "text"} and (type_, field.type) not in _NEAR:
        loading.faults.add(
            outcome.at, f"`{field.name}` is {field.type}, the outcome is {type_}.",
            f"Name a property that holds {type_} or text.", code="config.field_type",
        )  # fmt: skip
