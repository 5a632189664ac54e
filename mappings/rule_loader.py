"""Loads one field rule of a mapping: every default filled in, every fault recorded.

Type and length that the file leaves out come from the field itself, where it is known.
"""

from __future__ import annotations

import re
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
from mappings.positions import Faults, Node, suggest
from mappings.records import Side
from mappings.sections import Section, wrong
from mappings.steps import TRANSFORMS, converts, parse_transform, transform_fault
from mappings.transforms import ALTERNATIVES, template_names

RULE_KEYS = (
    "map", "crm", "direction", "owner", "overwrite", "clear", "type", "aggregate", "values",
    "transform", "default", "too_long", "max_length", "custom", "template", "when",
)  # fmt: skip

_NAMED = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")
_EXAMPLES = {
    "truncate": "truncate(40)",
    "prefix": "prefix(Web: )",
    "suffix": "suffix( Inc.)",
    "date": "date(DD.MM.YYYY)",
    "format_date": "format_date(DD.MM.YYYY)",
    "round": "round(2)",
    "multiply": "multiply(0.01)",
    "number": "number(,)",
    "phone_e164": "phone_e164(DE)",
    "local_date": "local_date(Europe/Berlin)",
    "start_of_day": "start_of_day(Europe/Berlin)",
}
"""Steps as they are written."""
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
        for key in RULE_KEYS:
            part = self._section.node(key)
            if part is None and self._section.place(key) != node.at:
                loading.note(node.at, key, self._section.place(key))  # given, and empty
            if part is not None:
                loading.note(node.at, key, part.at)
                loading.note(node.at, f"{key}.text", part.text_at or part.at)

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
        type_ = self._type(direction, map_schema, crm_schemas)
        transform = self._transform()
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
            transform=transform,
            default=section.text("default") or None,
            too_long=section.choice("too_long", TooLong, TooLong.REJECT),
            max_length=self._max_length(crm_schemas),
            template=section.text("template"),
            when=section.text("when"),
            source_type=self._source_type(transform),
        )
        self._check_default(rule)
        self._check_one_way(rule)
        self._check_template(rule)
        return rule if crm else None

    def _crm_schemas(self, crm: Mapping[str, str], *, custom: bool) -> list[FieldSchema]:
        found = []
        for object_name, field_name in crm.items():
            at = self._crm_place(object_name)
            self._loading.note(self._node.at, f"crm.{object_name}", at)
            schema = self._loading.field(Side.CRM, object_name, field_name, at, custom=custom)
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

    def _type(
        self, direction: Direction, map_schema: FieldSchema | None, crm: Sequence[FieldSchema]
    ) -> ValueType:
        """As written, else the type of the field it flows to (the CRM's where both), else of the
        one it comes from."""
        own = [map_schema] if map_schema else []
        described = [
            s.type for s in ([*own, *crm] if direction is Direction.TO_MAP else [*crm, *own])
        ]
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
        if self._section.text("direction", Direction.BOTH) == Direction.BOTH:
            self._section.need(  # else it is a word that is none of ours, and that is told
                "owner", "Say who wins when both sides changed: map or crm, or none."
            )
        return self._section.choice("owner", Owner, Owner.CRM).side

    def _check_access(
        self, direction: Direction, map_schema: FieldSchema | None, crm: Sequence[FieldSchema]
    ) -> None:
        sides = {Direction.TO_CRM: (), Direction.TO_MAP: (map_schema,)}.get(
            direction, (map_schema,)
        )
        for schema in sides:
            if schema is not None and not _writable(schema):
                self._read_only(schema, "map", "to_crm")
        if direction is not Direction.TO_MAP:
            for schema in crm:
                if not _writable(schema):
                    self._read_only(schema, "crm", "to_map")

    def _read_only(self, schema: FieldSchema, key: str, instead: str) -> None:
        kept = "it is calculated or kept by the vendor"
        why = kept if schema.calculated else "it is read-only for the API user"
        self._faults.add(
            self._section.place(key), f"`{schema.name}` cannot be written at the vendor: {why}.",
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
        """The table as written, or the one of that name under `tables`."""
        node = self._section.node("values")
        for name, at, _ in self._section.entries("values") if _is_table(node) else ():
            self._loading.note(self._node.at, f"values.{name}", at)
        if node is None or not isinstance(node.value, str):
            return load_table(node, self._faults, "`values`") if node is not None else {}
        tables = self._loading.tables
        if node.text not in tables:
            self._faults.add(
                node.at, f"There is no table `{node.text}`.",
                suggest(node.text, tables, "Add it under `tables`, or write the values here."),
                code="config.unknown_table",
            )  # fmt: skip
        return dict(tables.get(node.text, {}))

    def _source_type(self, transform: Sequence[str]) -> ValueType | None:
        """Text, where the values read are of another kind than those written."""
        converted = converts(transform) or self._section.has("template")
        return ValueType.TEXT if converted else None

    def _check_one_way(self, rule: FieldRule) -> None:
        if rule.source_type is None or rule.direction is not Direction.BOTH:
            return
        step = converts(rule.transform)
        what = f"The transform `{step}`" if step else "A `template`"
        self._faults.add(
            self._section.place("transform" if step else "template"),
            f"{what} cannot be turned round for what comes back.",
            "Write `direction: to_crm` (or `to_map`, to apply it on the way to HubSpot).",
            code="config.transform",
        )

    def _check_template(self, rule: FieldRule) -> None:
        node = self._section.node("template")
        if node is None:
            return
        names = template_names(rule.template)
        if not names or set("{}") & set(_NAMED.sub("", rule.template)):
            self._faults.add(
                node.at, "A template names fields in braces.",
                "Write it like `{firstname} {lastname}`.", code="config.template",
            )  # fmt: skip
        objects = [self._map_object] if rule.source is Side.MAP else list(rule.crm)
        for name in names:
            for object_name in objects:
                self._loading.field(rule.source, object_name, name, _within(node, "{" + name))

    def _transform(self) -> tuple[str, ...]:
        steps = []
        for text, at in self._section.names("transform"):
            fault = transform_fault(text)
            if fault is None:
                steps.append(text)
                continue
            self._faults.add(at, fault, _step_meant(text), code="config.transform")
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


def load_table(node: Node, faults: Faults, what: str) -> dict[str, str]:
    """A picklist table: MAP value to CRM value, or to a list of them."""
    table: dict[str, str] = {}
    if not isinstance(node.value, dict):
        wrong(faults, node, what, "a mapping (key: value)")
        return table
    for name, entry in node.value.items():
        node = entry.node
        parts = node.value if isinstance(node.value, list) else [node]
        texts = []
        for part in parts:
            if isinstance(part.value, dict | list) or part.value is None:
                left, colon, right = name.partition(":")
                glued = f"Write `{left}: {right}`, with a space after the colon." if colon else ""
                wrong(faults, part, f"The CRM value of `{name}`", "text", glued)
            else:
                texts.append(part.text)
        if texts:
            table[name] = ALTERNATIVES.join(texts)
    return table


def _step_meant(text: str) -> str:
    """How a step that cannot be understood is written."""
    call = parse_transform(text)
    if call is not None and call[0] in TRANSFORMS:
        return f"Write it like `{_EXAMPLES.get(call[0], call[0])}`."
    words = [word for word in re.split(r"[\s,(|>]+", text) if word]
    if words and words[0] in TRANSFORMS:
        if TRANSFORMS[words[0]].argument:
            return f"Write it like `{_EXAMPLES.get(words[0], words[0])}`."
        return f"Write several as a list: `[{', '.join(w.strip(')') for w in words)}]`."
    return suggest(call[0] if call else text, TRANSFORMS, "")


def _is_table(node: Node | None) -> bool:
    return node is not None and isinstance(node.value, dict)


def _within(node: Node, piece: str) -> Position:
    """Where a piece of a text on one line begins, after its brace."""
    start = node.text_at or node.at
    return Position(start.file, start.line, start.column + node.text.find(piece) + 1)


def _writable(schema: FieldSchema) -> bool:
    return (schema.createable or schema.updateable) and not schema.calculated
