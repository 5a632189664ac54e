"""From one side's value to the other's: steps, picklist tables, defaults, lengths, templates.

`translate` is the only road a mapped value takes, in either direction. The steps of `transform`
(`mappings.steps`) come first, applied to what goes where the rule flows to; then the table under
`values`, which is read both ways.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from mappings.errors import RecordRejectedError
from mappings.fieldmap import FieldRule, TooLong, ValueType
from mappings.records import Json, Side
from mappings.steps import apply_steps
from mappings.values import canonical, is_valid

ALTERNATIVES = "\n"
"""Joins several CRM values that stand for one MAP value in `FieldRule.values`; the first is the
one written to the CRM."""

ANY = "*"
"""In a picklist table: every value that is not listed (as MAP value or as CRM value)."""

_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def template_names(template: str) -> tuple[str, ...]:
    """The fields a template names, in order."""
    return tuple(dict.fromkeys(_PLACE.findall(template)))


def fill(template: str, fields: Mapping[str, Json]) -> str | None:
    """The template with the values of these fields; None when all of them are blank.

    What stands between two fields is kept only between values, so that "{city}, {state}" without
    a state is the city alone.
    """
    parts = _PLACE.split(template)
    before, between, after = parts[0], parts[2:-1:2], parts[-1]
    values = [canonical(fields.get(name), ValueType.TEXT) for name in parts[1::2]]
    found = ""
    for value, mark in zip(values, ["", *between], strict=True):
        if value is not None:
            found += (mark if found else "") + str(value)
    return f"{before}{found}{after}" if found else None


def translate(
    rule: FieldRule,
    value: Json,
    *,
    to: Side,
    creating: bool = False,
) -> Json:
    """The canonical value the other side should have; None is blank.

    `to` is the side written to. The rule's default is used for a blank value only when
    `creating`, so that it never replaces what the target already holds; on its way back a
    default counts as blank. The rule's length and options are checked, where they are known.

    Raises RecordRejectedError (`value.invalid`, `value.too_long`, `value.unknown_option`): the
    record cannot be written as it is. The message names the field, never the value.
    """
    kind = rule.type_of(to.other)
    plain = _valid(rule, canonical(value, kind), kind, to)
    forward = to is rule.flows_to
    if forward and (rule.transform or rule.source_type is not None):
        plain = _valid(rule, _stepped(rule, plain), rule.type, to)
    elif not forward and rule.default is not None and plain == canonical(rule.default, rule.type):
        plain = None
    if plain is not None and rule.values:
        plain = _each(plain, rule.type, lambda part: counterpart(rule.values, part, to=to))
    if plain is None and creating and forward:
        plain = canonical(rule.default, rule.type)
    return _fit(rule, plain, to)


def _field_name(rule: FieldRule, to: Side) -> str:
    """What errors call the field that is written: on the CRM's side a rule may have several."""
    return rule.map if to is Side.MAP else "/".join(sorted(set(rule.crm.values())))


def _valid(rule: FieldRule, plain: Json, type: ValueType, to: Side) -> Json:
    if is_valid(plain, type):
        return plain
    name = _field_name(rule, to)
    raise RecordRejectedError(
        f"The value for {name} is no {type.value}.",
        code="value.invalid",
        field=name,
        remedy="Correct the value at its source, or map the field as `type: text`.",
    )


def _stepped(rule: FieldRule, plain: Json) -> Json:
    if rule.transform and isinstance(plain, str):
        plain = apply_steps(rule.transform, plain)
    return canonical(plain, rule.type)


def _each(plain: Json, type: ValueType, look_up: Callable[[str], str]) -> Json:
    if isinstance(plain, bool):
        return canonical(look_up("true" if plain else "false"), type)
    if type is ValueType.MULTIPICKLIST:
        return canonical(";".join(look_up(part) for part in str(plain).split(";")), type)
    return canonical(look_up(str(plain)), type)


def counterpart(values: Mapping[str, str], part: str, *, to: Side) -> str:
    """What one value becomes on the other side by a rule's table; itself where nothing is said."""
    return _crm_value(values, part) if to is Side.CRM else _map_value(values, part)


def _crm_value(values: Mapping[str, str], part: str) -> str:
    found = values.get(part, values.get(ANY))
    if found is None:
        return part
    first = found.split(ALTERNATIVES)[0]
    return part if first == ANY else first


def _map_value(values: Mapping[str, str], part: str) -> str:
    otherwise = part
    for map_value, crm_values in values.items():
        known = crm_values.split(ALTERNATIVES)
        if part in known:
            return part if map_value == ANY else map_value
        if ANY in known and map_value != ANY:
            otherwise = map_value
    return otherwise


def _fit(rule: FieldRule, plain: Json, to: Side) -> Json:
    if not isinstance(plain, str):
        return plain
    options = rule.options.get(to) if rule.options else None
    if options:
        name = _field_name(rule, to)
        parts = plain.split(";") if rule.type is ValueType.MULTIPICKLIST else [plain]
        if any(part not in options for part in parts):
            raise RecordRejectedError(
                f"The value for {name} is none of the picklist's options.",
                code="value.unknown_option",
                field=name,
                remedy="Add it to the picklist, or to the rule's `values` table.",
            )
    length = rule.max_length if to is Side.CRM else None
    if length is None or len(plain) <= length:
        return plain
    if rule.too_long is TooLong.TRUNCATE:
        return plain[:length].rstrip()
    name = _field_name(rule, to)
    raise RecordRejectedError(
        f"The value for {name} has {len(plain)} characters, the field takes {length}.",
        code="value.too_long",
        field=name,
        remedy="Shorten it at its source, or set `too_long: truncate` on the rule.",
    )
