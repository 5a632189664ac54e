"""Loads one field rule of a mapping: every default filled in, every fault recorded.

Type and length that the file leaves out come from the field itself, where it is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mappings.conditions import value_type
from mappings.errors import Position
from mappings.fieldmap import (
    Aggregate,
    Direction,
    FieldRule,
    Overwrite,
    Owner,
    TooLong,
    ValueType,
)
from mappings.loading import Loading
from mappings.ports import FieldSchema
from mappings.positions import Node, suggest
from mappings.records import Side
from mappings.sections import Section, wrong
from mappings.transforms import ALTERNATIVES, TRANSFORMS, parse_transform, transform_fault

RULE_KEYS = (
    "map", "crm", "direction", "owner", "overwrite", "clear", "type", "aggregate", "values",
    "transform", "default", "too_long", "max_length", "custom",
)  # fmt: skip

_MEASURED = frozenset({ValueType.NUMBER, ValueType.CURRENCY, ValueType.DATE, ValueType.DATETIME})


def load_rule(
    node: Node, map_object: str, objects: Sequence[str], loading: Loading
) -> FieldRule | None:
    """One entry under `fields`; None when it cannot be understood, its fault recorded."""
    return _Rule(node, map_object, objects, loading).load()


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

    def _owner(self, direction: Direction) -> Side | None:
        if direction is not Direction.BOTH:
            one_way = Side.MAP if direction is Direction.TO_CRM else Side.CRM
            owner = self._section.choice("owner", Owner, Owner(one_way.value))
            if owner.side is not one_way:
                self._faults.add(
                    self._section.place("owner"),
                    f"A rule with `direction: {direction.value}` is owned by {one_way.value}.",
                    f"Remove `owner`, or write `owner: {one_way.value}`.",
                    code="config.owner_direction",
                )
            return one_way
        self._section.need("owner", "Say who wins when both sides changed: map or crm, or none.")
        return self._section.choice("owner", Owner, Owner.CRM).side

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
