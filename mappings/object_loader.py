"""Loads one object mapping: its objects, identity, condition and field rules.

Everything is checked as it is read; a rule that cannot be understood is left out after its fault
is recorded, so that one mistake does not cause a second message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields

from mappings.conditions import check_condition, condition_fields, names_in, rule_types
from mappings.creation_loader import load_creation
from mappings.errors import Position
from mappings.fieldmap import EntityKind, FieldRule, IdentityRule, ObjectMapping, ValueType
from mappings.loading import Loading, slip_of
from mappings.positions import Node, nearest, suggest
from mappings.records import PersonAttributes, Side
from mappings.rule_loader import load_rule
from mappings.sections import Section
from mappings.standard_fields import is_custom, standard_schemas

OBJECT_KEYS = (
    "kind", "map", "crm", "create_crm", "create_map", "include", "identity", "fields",
)  # fmt: skip
_COMMAS = re.compile("[,\uff0c\u3001;\\s]+")
ATTRIBUTES = tuple(f.name for f in fields(PersonAttributes))


def load_object(name: str, node: Node, loading: Loading) -> ObjectMapping:
    """One entry under `objects`."""
    section = Section(node, loading.faults, f"the object mapping `{name}`", OBJECT_KEYS)
    section.need("kind", "Say what it is about: person, company or deal.")
    kind = section.choice("kind", EntityKind, EntityKind.PERSON)
    section.need("map", "Name the MAP object, such as contacts.")
    map_object = _known_object(loading, Side.MAP, section.text("map"), section.place("map"))
    objects = _crm_objects(section, loading)
    rules = [
        (item, rule)
        for item in section.items("fields")
        if (rule := load_rule(item, map_object, objects, loading)) is not None
    ]
    creation = load_creation(section, objects, loading)
    mapping = ObjectMapping(
        name=name,
        kind=kind,
        map_object=map_object,
        crm_objects=objects,
        create_crm=creation.otherwise,
        create_when=creation.rules,
        create_map=section.flag("create_map"),
        include=section.text("include"),
        fields=tuple(rule for _, rule in rules),
        identity=_identity(section, map_object, objects, loading),
        at=section.place("include") if section.has("include") else node.at,
    )
    _check_include(section, mapping, loading)
    for created, asked in creation.asked:
        loading.note(created.at, "when.text", asked.text_at or asked.at)
        types = rule_types(mapping.fields, Side.MAP)
        _check_condition(asked, Side.MAP, [mapping.map_object], types, loading)
    for item, rule in rules:
        _check_when(item, rule, mapping, loading)
    return mapping


def _crm_objects(section: Section, loading: Loading) -> tuple[str, ...]:
    if not section.need("crm", "Name the CRM objects in order of preference, as [Contact, Lead]."):
        return ()
    found: list[str] = []
    if not section.names("crm") and isinstance(getattr(section.node("crm"), "value", None), list):
        loading.faults.add(
            section.place("crm"), "`crm` names no object.",
            "Name the CRM objects in order of preference, as [Contact, Lead].",
            code="config.missing_key",
        )  # fmt: skip
    for name, at in section.names("crm"):
        if _COMMAS.search(name):
            parts = [part.strip() for part in _COMMAS.split(name)]
            loading.faults.add(
                at, f"`{name}` is one text, not several objects.",
                f"Write a list, with ordinary commas: `[{', '.join(parts)}]`.",
                code="config.wrong_type",
            )  # fmt: skip
            found += parts
            continue
        if name in found:
            loading.faults.add(
                at, f"`{name}` is listed twice.", "Keep one.", code="config.duplicate_rule"
            )
            continue
        found.append(_known_object(loading, Side.CRM, name, at))
    return tuple(found)


def _known_object(loading: Loading, side: Side, name: str, at: Position) -> str:
    """The object's name, corrected where it is clear what was meant, so that one slip in it does
    not make every use of the object a fault.
    """
    live = loading.schemas.get(side, {}) if loading.schemas is not None else {}
    if name in live and not live[name].is_there:
        loading.faults.add(
            at,
            f"The account has no object `{name}` that the API user may see.",
            "Correct the name, or give the API user read access to the object and its fields.",
            code="config.unknown_object",
        )
        return name
    known = list(live)
    standard = standard_schemas(side)
    if not name or name in known or name in standard or name.endswith("__c"):
        return name
    meant = nearest(name, [*known, *standard])
    if known or meant is not None:
        loading.faults.add(
            at,
            f"There is no {side.value.upper()} object `{name}`.",
            suggest(name, [*known, *standard], ""),
            code="config.unknown_object",
        )
    return meant or name


def _identity(
    section: Section, map_object: str, objects: Sequence[str], loading: Loading
) -> tuple[IdentityRule, ...]:
    rules = []
    for attribute, at, node in section.entries("identity"):
        if attribute not in ATTRIBUTES:
            loading.faults.add(
                at, f"`{attribute}` is nothing matching knows about.",
                suggest(attribute, ATTRIBUTES, f"Use one of: {', '.join(ATTRIBUTES)}."),
                code="config.unknown_key",
            )  # fmt: skip
            continue
        part = Section(node, loading.faults, f"the identity `{attribute}`", ("map", "crm"))
        names = part.names("map")
        for name, place in names:
            loading.field(Side.MAP, map_object, name, place)
        crm = _identity_fields(part, objects, loading)
        rules.append(IdentityRule(attribute, tuple(name for name, _ in names), crm))
    return tuple(rules)


def _identity_fields(
    part: Section, objects: Sequence[str], loading: Loading
) -> dict[str, tuple[str, ...]]:
    node = part.node("crm")
    if node is not None and isinstance(node.value, dict):
        found: dict[str, tuple[str, ...]] = {}
        inner = Section(node, loading.faults, "`crm`", objects)
        for object_name in objects:
            names = inner.names(object_name)
            for name, at in names:
                loading.field(Side.CRM, object_name, name, at)
            if names:
                found[object_name] = tuple(name for name, _ in names)
        return found
    names = part.names("crm")
    for object_name in objects:
        for name, at in names:
            loading.field(Side.CRM, object_name, name, at)
    return {o: tuple(name for name, _ in names) for o in objects if names}


def _check_include(section: Section, mapping: ObjectMapping, loading: Loading) -> None:
    node = section.node("include")
    if node is not None and mapping.include.strip():
        loading.note(mapping.at, "include.text", node.text_at or node.at)
        objects, types = [mapping.map_object], rule_types(mapping.fields, Side.MAP)
        _check_condition(node, Side.MAP, objects, types, loading)


def _check_when(item: Node, rule: FieldRule, mapping: ObjectMapping, loading: Loading) -> None:
    entry = item.value.get("when") if isinstance(item.value, dict) else None
    if entry is not None and rule.when.strip():
        objects = [mapping.map_object] if rule.source is Side.MAP else list(rule.crm)
        types = rule_types(mapping.fields, rule.source)
        _check_condition(entry.node, rule.source, objects, types, loading)


def _check_condition(
    node: Node,
    side: Side,
    objects: Sequence[str],
    rules: Sequence[tuple[str, ValueType]],
    loading: Loading,
) -> None:
    """The names a condition uses exist in every one of these objects, and the types fit."""
    fields = condition_fields(node.text, side, objects, rules)
    mapped = {name for name, _ in rules}
    for name in names_in(node.text):
        if name not in mapped and not all(_may_exist(loading, side, o, name) for o in objects):
            fields.pop(name, None)
    check_condition(node.text, node.text_at or node.at, fields, loading.faults)


def _may_exist(loading: Loading, side: Side, object_name: str, name: str) -> bool:
    """Whether a field exists as far as is known: online it is described, offline it is no slip of
    a standard one."""
    schema = loading.schema(side, object_name)
    if schema is None or name in schema.fields:
        return True
    live = loading.is_live(side, object_name)
    return not live and (is_custom(side, name) or slip_of(name, schema.fields) is None)
