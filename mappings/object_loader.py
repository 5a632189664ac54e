"""Loads one object mapping: its objects, identity, condition and field rules.

Everything is checked as it is read; a rule that cannot be understood is left out after its fault
is recorded, so that one mistake does not cause a second message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from mappings.conditions import check_condition, names_in, standard_condition_fields, value_type
from mappings.errors import Position
from mappings.fieldmap import (
    Aggregate,
    Direction,
    EntityKind,
    FieldRule,
    IdentityRule,
    ObjectMapping,
    Overwrite,
    TooLong,
    ValueType,
)
from mappings.ports import FieldSchema, ObjectSchema
from mappings.positions import Faults, Node, nearest, suggest
from mappings.records import PersonAttributes, Side
from mappings.sections import Section, wrong
from mappings.standard_fields import is_custom, standard_schemas
from mappings.transforms import ALTERNATIVES, TRANSFORMS, parse_transform, transform_fault

Schemas = Mapping[Side, Mapping[str, ObjectSchema]]

OBJECT_KEYS = (
    "kind", "map", "crm", "create_crm", "create_map", "include", "identity", "fields",
)  # fmt: skip
RULE_KEYS = (
    "map", "crm", "direction", "owner", "overwrite", "clear", "type", "aggregate", "values",
    "transform", "default", "too_long", "max_length", "custom",
)  # fmt: skip
ATTRIBUTES = tuple(f.name for f in fields(PersonAttributes))

_MEASURED = frozenset({ValueType.NUMBER, ValueType.CURRENCY, ValueType.DATE, ValueType.DATETIME})


@dataclass(frozen=True)
class Loading:
    """What loading needs everywhere: where faults go, and what the vendors describe."""

    faults: Faults
    schemas: Schemas | None

    def schema(self, side: Side, object_name: str) -> ObjectSchema | None:
        """The object as described, else as the vendor ships it, else None."""
        if self.schemas is not None and object_name in self.schemas.get(side, {}):
            return self.schemas[side][object_name]
        return standard_schemas(side).get(object_name)

    def is_live(self, side: Side, object_name: str) -> bool:
        """Whether the object's fields come from a describe, so that absence means absence."""
        return self.schemas is not None and object_name in self.schemas.get(side, {})

    def field(
        self, side: Side, object_name: str, name: str, at: Position, *, custom: bool = False
    ) -> FieldSchema | None:
        """The field's schema. Records a fault when it certainly or very likely does not exist.

        Offline, a name without schema may be an account's own field: it is refused only where it
        looks like a slip of a standard one, which `custom: true` overrides.
        """
        schema = self.schema(side, object_name)
        if schema is None or name in schema.fields:
            return schema.fields[name] if schema is not None else None
        live = self.is_live(side, object_name)
        slip = _slip_of(name, schema.fields)
        if not live and (custom or is_custom(side, name) or slip is None):
            return None
        fix = suggest(name, schema.fields, "Create the field, or correct the name.")
        if not live:
            fix = f"Did you mean `{slip}`? If the account has this field, add `custom: true`."
        self.faults.add(
            at, f"{object_name} has no field `{name}`.", fix, code="config.unknown_field"
        )
        return None

    def crm_names(self, section: Section, key: str, objects: Sequence[str]) -> dict[str, str]:
        """`crm: Field` (for every object) or `crm: {Object: Field}` as object to field."""
        node = section.node(key)
        if node is None:
            return {}
        if isinstance(node.value, str):
            return dict.fromkeys(objects, node.text)
        if not isinstance(node.value, dict):
            wrong(self.faults, node, f"`{key}`", "a field name, or a mapping of object to field")
            return {}
        found = {}
        for object_name, at, value in section.entries(key):
            if object_name not in objects:
                self.unknown_object(object_name, at, objects)
            elif isinstance(value.value, str):
                found[object_name] = value.text
            else:
                wrong(self.faults, value, f"The field of {object_name}", "a field name")
        return found

    def unknown_object(self, name: str, at: Position, objects: Sequence[str]) -> None:
        """Record that a CRM object is not among the mapping's, where it names any."""
        if not objects:
            return
        self.faults.add(
            at, f"`{name}` is none of the CRM objects of this mapping.",
            suggest(name, objects, f"Use one of: {', '.join(objects)}."),
            code="config.unknown_object",
        )  # fmt: skip


def load_object(name: str, node: Node, loading: Loading) -> ObjectMapping:
    """One entry under `objects`."""
    section = Section(node, loading.faults, f"the object mapping `{name}`", OBJECT_KEYS)
    section.need("kind", "Say what it is about: person, company or deal.")
    kind = section.choice("kind", EntityKind, EntityKind.PERSON)
    section.need("map", "Name the MAP object, such as contacts.")
    map_object = _known_object(loading, Side.MAP, section.text("map"), section.place("map"))
    objects = _crm_objects(section, loading)
    rules = [
        rule
        for item in section.items("fields")
        if (rule := _Rule(item, map_object, objects, loading).load()) is not None
    ]
    mapping = ObjectMapping(
        name=name,
        kind=kind,
        map_object=map_object,
        crm_objects=objects,
        create_crm=_create_crm(section, objects, loading),
        create_map=section.flag("create_map"),
        include=section.text("include"),
        fields=tuple(rules),
        identity=_identity(section, map_object, objects, loading),
        at=section.place("include") if section.has("include") else node.at,
    )
    _check_include(section, mapping, loading)
    return mapping


def _crm_objects(section: Section, loading: Loading) -> tuple[str, ...]:
    if not section.need("crm", "Name the CRM objects in order of preference, as [Contact, Lead]."):
        return ()
    found: list[str] = []
    for name, at in section.names("crm"):
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
    known = list(loading.schemas[side]) if loading.schemas and loading.schemas.get(side) else []
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


def _create_crm(section: Section, objects: Sequence[str], loading: Loading) -> str | None:
    created = section.text("create_crm", "none")
    if created == "none":
        return None
    if objects and created not in objects:
        loading.unknown_object(created, section.place("create_crm"), [*objects, "none"])
        return None
    return created


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
    if node is None or not mapping.include.strip():
        return
    types = standard_condition_fields(mapping.map_object)
    if loading.is_live(Side.MAP, mapping.map_object):
        schema = loading.schema(Side.MAP, mapping.map_object)
        types = {n: value_type(f.type) for n, f in schema.fields.items()} if schema else {}
    else:
        known = standard_schemas(Side.MAP).get(mapping.map_object)
        for name in names_in(mapping.include):
            if known is None or _slip_of(name, known.fields) is None:
                types.setdefault(name, ValueType.TEXT)
    types |= {rule.map: rule.type for rule in mapping.fields}
    check_condition(mapping.include, node.text_at or node.at, types, loading.faults)


def _slip_of(name: str, known: Mapping[str, object]) -> str | None:
    """The standard name this is a slip of the pen of: a letter or two off, or other case."""
    from rapidfuzz.distance import DamerauLevenshtein

    plain = name.replace("_", "").lower()
    for candidate in known:
        other = candidate.replace("_", "").lower()
        if plain == other:
            return candidate
        allowed = 2 if len(other) >= 8 else 1  # noqa: PLR2004 - longer words take two slips
        if len(other) >= 4 and abs(len(plain) - len(other)) <= allowed:  # noqa: PLR2004
            if plain.startswith(other) and plain[len(other) :].isdigit():
                continue  # phone2 is another phone, no slip
            if DamerauLevenshtein.distance(plain, other, score_cutoff=allowed) <= allowed:
                return candidate
    return None


class _Rule:
    """Reads one field rule."""

    def __init__(
        self, node: Node, map_object: str, objects: Sequence[str], loading: Loading
    ) -> None:
        self._node = node
        self._map_object = map_object
        self._objects = objects
        self._loading = loading
        self._faults = loading.faults
        self._section = Section(node, loading.faults, "a field rule", RULE_KEYS)

    def load(self) -> FieldRule | None:
        section = self._section
        named = section.need("map", "Name the MAP property.") if section.usable else False
        targets = section.need("crm", "Name the CRM field.") if section.usable else False
        if not named or not targets:
            return None
        name, custom = section.text("map"), section.flag("custom")
        crm = self._loading.crm_names(section, "crm", self._objects)
        map_schema = self._loading.field(
            Side.MAP, self._map_object, name, section.place("map"), custom=custom
        )
        crm_schemas = self._crm_schemas(crm, custom=custom)
        direction = section.choice("direction", Direction, Direction.BOTH)
        type_ = self._type(map_schema, crm_schemas)
        self._check_access(direction, map_schema, crm_schemas)
        rule = FieldRule(
            map=name,
            crm=crm,
            direction=direction,
            owner=self._owner(direction),
            overwrite=section.choice("overwrite", Overwrite, Overwrite.ALWAYS),
            clear=section.flag("clear"),
            type=type_,
            at=self._node.at,
            aggregate=self._aggregate(type_),
            values=self._values(),
            transform=self._transform(),
            default=section.text("default") or None,
            too_long=section.choice("too_long", TooLong, TooLong.REJECT),
            max_length=self._max_length(crm_schemas),
        )
        self._check_default(rule)
        return rule if crm else None

    def _crm_schemas(self, crm: Mapping[str, str], *, custom: bool) -> list[FieldSchema]:
        found = []
        for object_name, field_name in crm.items():
            schema = self._loading.field(
                Side.CRM, object_name, field_name, self._crm_place(object_name), custom=custom
            )
            if schema is not None:
                found.append(schema)
        return found

    def _crm_place(self, object_name: str) -> Position:
        for name, _, node in (
            self._section.entries("crm")
            if isinstance(getattr(self._section.node("crm"), "value", None), dict)
            else ()
        ):
            if name == object_name:
                return node.at
        return self._section.place("crm")

    def _type(self, map_schema: FieldSchema | None, crm: Sequence[FieldSchema]) -> ValueType:
        """As written, else the CRM field's (or the MAP property's) own type."""
        described = [s.type for s in [*crm, *([map_schema] if map_schema else [])]]
        default = next((value_type(t) for t in described if t in set(ValueType)), ValueType.TEXT)
        return self._section.choice("type", ValueType, default)

    def _owner(self, direction: Direction) -> Side:
        if direction is not Direction.BOTH:
            one_way = Side.MAP if direction is Direction.TO_CRM else Side.CRM
            owner = self._section.choice("owner", Side, one_way)
            if owner is not one_way:
                self._faults.add(
                    self._section.place("owner"),
                    f"A rule with `direction: {direction.value}` is owned by {one_way.value}.",
                    f"Remove `owner`, or write `owner: {one_way.value}`.",
                    code="config.owner_direction",
                )
            return one_way
        self._section.need("owner", "Say who wins when both sides changed: map or crm.")
        return self._section.choice("owner", Side, Side.CRM)

    def _check_access(
        self, direction: Direction, map_schema: FieldSchema | None, crm: Sequence[FieldSchema]
    ) -> None:
        sides = {Direction.TO_CRM: (), Direction.TO_MAP: (map_schema,)}.get(
            direction, (map_schema,)
        )
        for schema in sides:
            if schema is not None and not _writable(schema):
                self._read_only(schema.name, "map", "to_crm")
        if direction is not Direction.TO_MAP:
            for schema in crm:
                if not _writable(schema):
                    self._read_only(schema.name, "crm", "to_map")

    def _read_only(self, name: str, key: str, instead: str) -> None:
        self._faults.add(
            self._section.place(key), f"`{name}` cannot be written at the vendor.",
            f"Write `direction: {instead}`, or choose another field.", code="config.read_only",
        )  # fmt: skip

    def _aggregate(self, type_: ValueType) -> Aggregate | None:
        if not self._section.has("aggregate"):
            return None
        aggregate = self._section.choice("aggregate", Aggregate, Aggregate.MAX)
        if type_ not in _MEASURED and aggregate is not Aggregate.NEWEST:
            self._faults.add(
                self._section.place("aggregate"),
                f"`{aggregate.value}` needs numbers or dates; this field is {type_.value}.",
                "Remove `aggregate`, or set the rule's `type`.",
                code="config.field_type",
            )
        return aggregate

    def _values(self) -> dict[str, str]:
        table: dict[str, str] = {}
        for name, _, node in self._section.entries("values"):
            parts = node.value if isinstance(node.value, list) else [node]
            texts = []
            for part in parts:
                if isinstance(part.value, dict | list) or part.value is None:
                    wrong(self._faults, part, f"The CRM value of `{name}`", "text")
                else:
                    texts.append(part.text)
            if texts:
                table[name] = ALTERNATIVES.join(texts)
        return table

    def _transform(self) -> tuple[str, ...]:
        steps = []
        for text, at in self._section.names("transform"):
            fault = transform_fault(text)
            if fault is None:
                steps.append(text)
                continue
            call = parse_transform(text)
            fix = suggest(call[0] if call else text, TRANSFORMS, "")
            known = call is not None and call[0] in TRANSFORMS
            self._faults.add(
                at, fault, "Write it like `truncate(40)`." if known else fix,
                code="config.transform",
            )  # fmt: skip
        return tuple(steps)

    def _max_length(self, crm: Sequence[FieldSchema]) -> int | None:
        limits = [s.length for s in crm if s.length and s.type != "reference"]
        limit = min(limits) if limits else None
        if not self._section.has("max_length"):
            return limit
        wanted = self._section.whole("max_length", limit or 1, low=1, high=1_000_000)
        if limit is not None and wanted > limit:
            self._faults.add(
                self._section.place("max_length"),
                f"`max_length` is {wanted}, but the CRM field takes {limit} characters.",
                f"Write {limit} or less, or leave it out.",
                code="config.too_long",
            )
        return wanted

    def _check_default(self, rule: FieldRule) -> None:
        if rule.default and rule.max_length and len(rule.default) > rule.max_length:
            self._faults.add(
                self._section.place("default"),
                f"The default is longer than the field's {rule.max_length} characters.",
                "Shorten it.",
                code="config.too_long",
            )


def _writable(schema: FieldSchema) -> bool:
    return (schema.createable or schema.updateable) and not schema.calculated
