"""Conditions in mappings: CEL over a record's fields, checked when the file is loaded.

In a condition, text, e-mail, phone,
picklist and date fields are strings ("" when blank; dates compare as YYYY-MM-DD), checkboxes are
booleans (false when blank), numbers are doubles and datetimes timestamps. A number or datetime
that is blank is unknown, and a condition whose answer would depend on it does not hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from mappings.cel import cel_value, environment, explain, is_too_long, no_question, without_quotes
from mappings.errors import ConfigurationError, Position
from mappings.fieldmap import CreateRule, FieldRule, ObjectMapping, ValueType
from mappings.positions import Faults
from mappings.records import Json, Side
from mappings.standard_fields import standard_schemas

Condition = Callable[[Mapping[str, Json]], bool]
"""Decides about one record's `fields` (vendor names and values)."""

_EXAMPLE = 'country == "Germany" && lifecyclestage in ["lead", "customer"]'
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset({"true", "false", "null", "in", "as", "break", "const", "continue", "else",
                       "for", "function", "if", "import", "let", "loop", "package", "namespace",
                       "return", "var", "void", "while"})  # fmt: skip


def compile_condition(text: str, at: Position, fields: Mapping[str, ValueType]) -> Condition:
    """The condition as a function of a record's fields. "" holds for every record.

    `fields` are the names that may be used, with their types. Raises ConfigurationError with the
    place of the first fault, counted from `at`, where the text begins.
    """
    if not text.strip():
        return _every
    faults = Faults()
    condition = check_condition(text, at, fields, faults)
    faults.stop("The condition cannot be used")
    if condition is None:  # pragma: no cover - a fault was recorded, so stop() has raised
        raise ConfigurationError("The condition cannot be used", code="config.condition")
    return condition


def check_condition(
    text: str, at: Position, fields: Mapping[str, ValueType], faults: Faults
) -> Condition | None:
    """As `compile_condition`, with faults recorded instead of raised; None when there are any."""
    if is_too_long(text, at, faults):
        return None
    usable = {name: type_ for name, type_ in fields.items() if _usable(name)}
    try:
        program = _environment(tuple(sorted(usable.items()))).compile(text)
    except (RuntimeError, ValueError, UnicodeError) as error:
        explain(
            str(error), text, at, faults,
            known=usable, otherwise="Use a field of the records it is about.", example=_EXAMPLE,
        )  # fmt: skip
        return None
    if program.return_type().name() != "BOOL":
        no_question(at, 'country == "Germany"', faults)
        return None
    used = {name: usable[name] for name in names_in(text) if name in usable}
    return lambda record: _holds(program, used, record)


def condition_of(mapping: ObjectMapping) -> Condition:
    """An object mapping's `include`, ready to ask; compiled once however often it is fetched."""
    if not mapping.include.strip():
        return _every
    return _compiled(mapping.include, mapping.at, *_known(mapping, Side.MAP))


def holds_for(mapping: ObjectMapping, rule: FieldRule, record: Mapping[str, Json]) -> bool:
    """Whether a rule's `when` holds for these fields of a record of the rule's source."""
    return _compiled(rule.when, rule.at, *_known(mapping, rule.source))(record)


def creates_for(mapping: ObjectMapping, rule: CreateRule, record: Mapping[str, Json]) -> bool:
    """Whether a creation rule's `when` holds for these fields of a MAP record."""
    return _compiled(rule.when, rule.at, *_known(mapping, Side.MAP))(record)


def _known(
    mapping: ObjectMapping, side: Side
) -> tuple[Side, tuple[str, ...], tuple[tuple[str, ValueType], ...]]:
    objects = (mapping.map_object,) if side is Side.MAP else mapping.crm_objects
    return side, objects, rule_types(mapping.fields, side)


@lru_cache(maxsize=256)
def _compiled(
    text: str,
    at: Position,
    side: Side,
    objects: tuple[str, ...],
    rules: tuple[tuple[str, ValueType], ...],
) -> Condition:
    return compile_condition(text, at, condition_fields(text, side, objects, rules))


def _every(_: Mapping[str, Json]) -> bool:
    return True


def condition_fields(
    text: str, side: Side, objects: Sequence[str], rules: Iterable[tuple[str, ValueType]]
) -> dict[str, ValueType]:
    """The names a condition may use: standard fields of these objects, mapped ones with the rule's
    type, and whatever else it names, as text. The same while loading, whatever is described, and
    while planning: a condition that loads can be asked.
    """
    known = dict.fromkeys(names_in(text), ValueType.TEXT)
    schemas = standard_schemas(side)
    for name in objects:
        if name in schemas:
            known |= {n: value_type(field.type) for n, field in schemas[name].fields.items()}
    return known | dict(rules)


def rule_types(rules: Iterable[FieldRule], side: Side) -> tuple[tuple[str, ValueType], ...]:
    """The fields of a side that rules are about, with the type of their values there."""
    if side is Side.MAP:
        return tuple((rule.map, rule.type_of(side)) for rule in rules)
    return tuple((name, rule.type_of(side)) for rule in rules for name in rule.crm.values())


def value_type(word: str) -> ValueType:
    """The value type of a described field's type word; what has none is text."""
    return ValueType(word) if word in set(ValueType) else ValueType.TEXT


def names_in(text: str) -> tuple[str, ...]:
    """The names a condition mentions outside quotes, in order, without CEL's own words."""
    bare = without_quotes(text)
    found = [
        match[0]
        for match in _NAME.finditer(bare)
        if match[0] not in _RESERVED
        and not bare[match.end() :].lstrip().startswith("(")
        and not bare[: match.start()].rstrip().endswith(".")
        and not (match.start() and bare[match.start() - 1].isdigit())
    ]
    return tuple(dict.fromkeys(found))


def _usable(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name not in _RESERVED


@lru_cache(maxsize=32)
def _environment(fields: tuple[tuple[str, ValueType], ...]) -> Any:
    return environment(dict(fields))


def _holds(program: Any, used: Mapping[str, ValueType], record: Mapping[str, Json]) -> bool:
    data: dict[str, Any] = {}
    for name, type_ in used.items():
        value = cel_value(record.get(name), type_)
        if value is not None:
            data[name] = value
    try:
        return program.eval(data=data).value() is True
    except (RuntimeError, ValueError):
        # CEL answers "no such variable" where the outcome hangs on an unknown value.
        return False
