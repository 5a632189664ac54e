"""Whether what rules and conditions say of values can be: options, defaults, comparisons.

Picklist options are known only from a describe. A value that is refused wherever it turns up is an
error; options of one side that nothing leads to on the other are a warning, since records may never
have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mappings.cel import QUOTED, without_quotes
from mappings.conditions import names_in
from mappings.errors import Position
from mappings.fieldmap import Direction, FieldRule, ObjectMapping, ValueType
from mappings.loading import Loading
from mappings.ports import FieldSchema
from mappings.positions import nearest
from mappings.records import Side
from mappings.transforms import ALTERNATIVES, ANY, counterpart
from mappings.values import is_valid

_SHOWN = 20
_PICKED = frozenset({"picklist", "multipicklist"})
_COMPARED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*(?:==|!=)\s*$")
_BARE = re.compile(r"\b([A-Za-z_]\w*)\s*(?:==|!=)\s*([A-Za-z_]\w*)\b(?!\s*[.(])")
_LISTED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s+in\s*\[[^\]]*$")


def check_values(entry: ObjectMapping, rule: FieldRule, loading: Loading) -> None:
    """Record what a rule's table, default and options cannot be."""
    _default(entry, rule, loading)
    _read_once(rule, loading)
    for side, object_name, field in _ends(entry, rule, loading):
        if field.restricted and field.options:
            _table(rule, side, object_name, field, loading)
    _gaps(entry, rule, loading)


def check_conditions(entry: ObjectMapping, loading: Loading) -> None:
    """Record comparisons in conditions with what is no option of the field."""
    schema = loading.described(Side.MAP, entry.map_object)
    asked = [(entry.include, loading.place(entry.at, "include.text"))]
    asked += [(r.when, loading.place(r.at, "when.text")) for r in entry.create_when]
    for text, at in asked:
        if schema is not None:
            _compared(text, at, {entry.map_object: schema.fields}, loading)
        else:
            _unquoted(entry, text, at, loading)
            _of_the_other_side(entry, text, at, loading)
    for rule in entry.fields:
        if not rule.when:
            continue
        if rule.source is Side.MAP and schema is None:
            _unquoted(entry, rule.when, loading.place(rule.at, "when.text"), loading)
            _of_the_other_side(entry, rule.when, loading.place(rule.at, "when.text"), loading)
        objects = [entry.map_object] if rule.source is Side.MAP else list(rule.crm)
        schemas = [loading.described(rule.source, name) for name in objects]
        fields = {schema.object: schema.fields for schema in schemas if schema is not None}
        _compared(rule.when, loading.place(rule.at, "when.text"), fields, loading)


def _ends(
    entry: ObjectMapping, rule: FieldRule, loading: Loading
) -> Iterator[tuple[Side, str, FieldSchema]]:
    """The fields at both ends of a rule, as far as they are known."""
    for side, object_name, name in (
        (Side.MAP, entry.map_object, rule.map),
        *((Side.CRM, o, f) for o, f in rule.crm.items()),
    ):
        schema = loading.schema(side, object_name)
        if schema is not None and name in schema.fields:
            yield side, object_name, schema.fields[name]


def _default(entry: ObjectMapping, rule: FieldRule, loading: Loading) -> None:
    """A default is a value like any other of the field it goes to."""
    if rule.default is None:
        return
    at = loading.place(rule.at, "default")
    if rule.type in _LIKE and not is_valid(rule.default, rule.type):
        loading.faults.add(
            at,
            f"The default `{rule.default}` is no {rule.type.value}.",
            f"Write one that is, such as `{_LIKE[rule.type]}`.",
            code="config.field_type",
        )
        return
    for side, object_name, field in _ends(entry, rule, loading):
        if side is rule.flows_to and field.restricted and field.options:
            parts = rule.default.split(";") if field.type == "multipicklist" else [rule.default]
            for part in parts:
                _must_be_option(part, at, object_name, field, loading)


def _read_once(rule: FieldRule, loading: Loading) -> None:
    """Where a table is read backwards alone, each CRM value is said of one MAP value."""
    first: dict[str, str] = {}
    for own, joined in rule.values.items() if rule.direction is Direction.TO_MAP else ():
        for value in joined.split(ALTERNATIVES):
            before = first.setdefault(value, own)
            if before != own:
                loading.faults.add(
                    loading.place(rule.at, f"values.{own}", "values"),
                    f"`{value}` becomes `{before}` already.",
                    "Name each Salesforce value once: of two, the first would count.",
                    code="config.duplicate_rule",
                )


_LIKE = {
    ValueType.EMAIL: "nobody@example.com",
    ValueType.NUMBER: "10",
    ValueType.CURRENCY: "10.00",
    ValueType.BOOLEAN: "false",
    ValueType.DATE: "2026-01-31",
    ValueType.DATETIME: "2026-01-31T08:00:00Z",
}


def _table(
    rule: FieldRule, side: Side, object_name: str, field: FieldSchema, loading: Loading
) -> None:
    """Every value of the table is an option of the field it stands for."""
    for own, joined in rule.values.items():
        values = [own] if side is Side.MAP else joined.split(ALTERNATIVES)
        at = loading.place(rule.at, f"values.{own}", "values")
        for value in values:
            if value != ANY:
                _must_be_option(value, at, object_name, field, loading)


def _must_be_option(
    value: str, at: Position, object_name: str, field: FieldSchema, loading: Loading
) -> None:
    if value in field.options:
        return
    hit = nearest(value, field.options)
    loading.faults.add(
        at,
        f"{object_name}.{field.name} has no option `{value}`.",
        f"{f'Did you mean `{hit}`? ' if hit else ''}Its options are: {_listed(field.options)}.",
        code="config.unknown_option",
    )


def _listed(options: Sequence[str]) -> str:
    more = f" and {len(options) - _SHOWN} more" if len(options) > _SHOWN else ""
    return ", ".join(f"`{option}`" for option in options[:_SHOWN]) + more


def _gaps(entry: ObjectMapping, rule: FieldRule, loading: Loading) -> None:
    """Options of the field read that come to nothing at a picklist that refuses what it does not
    know: such values become dead letters, one by one."""
    if rule.transform or rule.template:
        return
    ends = list(_ends(entry, rule, loading))
    for side, object_name, field in ends:
        if not (rule.writes(side) and field.restricted and field.options):
            continue
        for other, from_object, source in ends:
            if other is side or source.type not in _PICKED or not source.options:
                continue
            lost = [
                option
                for option in source.options
                if counterpart(rule.values, option, to=side) not in field.options
            ]
            if lost:
                loading.faults.warn(
                    loading.place(rule.at, "values"),
                    f"{_listed(lost)} of {from_object}.{source.name} has no counterpart in"
                    f" {object_name}.{field.name}: records with it keep it from being written.",
                    'Name it under `values`; `"*"` there stands for every other value.',
                    code="config.option_gap",
                )


def _unquoted(entry: ObjectMapping, text: str, at: Position, loading: Loading) -> None:
    """Warn of a word that a field is compared with and that is no field as far as is known: offline
    it may be a property of the account's own, and is more likely text without its quotes."""
    standard = loading.schema(Side.MAP, entry.map_object)
    known = {rule.map for rule in entry.fields} | set(standard.fields if standard else ())
    for found in _BARE.finditer(without_quotes(text)):
        field, word = found[1], found[2]
        if field in known and word not in known and word not in {"true", "false", "null"}:
            before = text[: found.start(2)]
            place = Position(
                at.file, at.line + before.count("\n"), at.column + len(before.rpartition("\n")[2])
            )
            loading.faults.warn(
                place, f"`{word}` is read as a property of {entry.map_object}.",
                f'Write `"{word}"` if text is meant.', code="config.condition",
            )  # fmt: skip


def _of_the_other_side(entry: ObjectMapping, text: str, at: Position, loading: Loading) -> None:
    """A condition about the MAP record that names a standard CRM field: none is a property."""
    known = {rule.map for rule in entry.fields}
    theirs = {
        name
        for schema in (loading.schema(Side.CRM, name) for name in entry.crm_objects)
        if schema is not None
        for name in schema.fields
        if name != name.lower() and name not in known
    }
    for name in names_in(text):
        if name in theirs:
            before = text[: text.index(name)]
            place = Position(
                at.file, at.line + before.count("\n"), at.column + len(before.rpartition("\n")[2])
            )
            loading.faults.add(
                place,
                f"`{name}` is a field of the CRM; the condition is about {entry.map_object}.",
                _paired(entry, name),
                code="config.unknown_field",
            )


def _paired(entry: ObjectMapping, name: str) -> str:
    pairs = (rule.map for rule in entry.fields if name in rule.crm.values())
    hit = next(pairs, None)
    return f"Name the HubSpot property: `{hit}`." if hit else "Name the HubSpot property instead."


def _compared(
    text: str, at: Position, objects: Mapping[str, Mapping[str, FieldSchema]], loading: Loading
) -> None:
    for quoted in QUOTED.finditer(text):
        before = text[: quoted.start()]
        named = _COMPARED.search(before) or _LISTED.search(before)
        value = quoted[0][1:-1]
        fields = [(o, f[named[1]]) for o, f in objects.items() if named and named[1] in f]
        if not value or not fields or any(not _refuses(field, value) for _, field in fields):
            continue
        object_name, field = fields[0]
        line = before.count("\n")
        column = len(before) - before.rfind("\n") - 1
        place = Position(at.file, at.line + line, at.column + column)
        _must_be_option(value, place, object_name, field, loading)


def _refuses(field: FieldSchema, value: str) -> bool:
    return field.restricted and bool(field.options) and value not in field.options
