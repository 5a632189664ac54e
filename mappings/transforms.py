"""From one side's value to the other's: transforms, picklist tables, defaults, lengths.

`translate` is the only road a mapped value takes, in either direction. Transforms are named in
the mapping, applied left to right to what goes from MAP to CRM; each is one row of `TRANSFORMS`
(docs list that table), takes text and gives text or None, and leaves blank alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mappings.errors import RecordRejectedError
from mappings.fieldmap import Direction, FieldRule, TooLong, ValueType
from mappings.ports import FieldSchema
from mappings.records import Json, Side
from mappings.values import canonical, is_valid, phone_e164

ALTERNATIVES = "\n"
"""Joins several CRM values that stand for one MAP value in `FieldRule.values`; the first is the
one written to the CRM."""

ANY = "*"
"""In a picklist table: every value that is not listed (as MAP value or as CRM value)."""

_CALL = re.compile(r"([a-z_0-9]+)(?:\((.*)\))?")


@dataclass(frozen=True, slots=True)
class Transform:
    """One named step. `argument` describes what stands in brackets, "" when nothing may."""

    apply: Callable[[str, str], str | None]
    says: str
    argument: str = ""


def _title(text: str, _: str) -> str:
    """Capitals after each blank, hyphen or apostrophe; words that mix cases are left alone."""
    if not (text.islower() or text.isupper()):
        return text
    return re.sub(r"(^|[\s\-'’])(\w)", lambda m: m[1] + m[2].upper(), text.lower())


def _word(position: int) -> Callable[[str, str], str | None]:
    return lambda text, _: text.split()[position] if text.split() else None


def _all_but(first: int, last: int | None) -> Callable[[str, str], str | None]:
    return lambda text, _: " ".join(text.split()[first:last]) or None


TRANSFORMS: Mapping[str, Transform] = {
    "trim": Transform(lambda t, _: t.strip(), "Remove blanks at both ends."),
    "single_spaces": Transform(
        lambda t, _: " ".join(t.split()), "One blank between words, none at the ends."
    ),
    "lower": Transform(lambda t, _: t.lower(), "Lower case."),
    "upper": Transform(lambda t, _: t.upper(), "Upper case."),
    "title_case": Transform(_title, "Capitalise each word of text that is all one case."),
    "digits": Transform(lambda t, _: re.sub(r"\D", "", t), "Keep digits alone."),
    "letters": Transform(
        lambda t, _: "".join(c for c in t if c.isalpha() or c.isspace()),
        "Keep letters and blanks alone.",
    ),
    "one_line": Transform(lambda t, _: " ".join(t.split("\n")), "Join lines with a blank."),
    "first_word": Transform(_word(0), "The first word."),
    "last_word": Transform(_word(-1), "The last word."),
    "all_but_first_word": Transform(_all_but(1, None), "Everything after the first word."),
    "all_but_last_word": Transform(_all_but(0, -1), "Everything before the last word."),
    "phone_e164": Transform(
        lambda t, region: phone_e164(t, region.upper() or None) or t,
        "Write a phone as +4930123456 where it can be read, else leave it.",
        "ISO country of national numbers, such as DE",
    ),
    "domain": Transform(
        lambda t, _: (
            re.sub(r"(?i)^(?:https?://)?(?:www\.)?", "", t.rpartition("@")[2])
            .partition("/")[0]
            .lower()
        ),
        "The domain of an e-mail address or a web address.",
    ),
    "url": Transform(
        lambda t, _: t if re.match(r"(?i)https?://", t) else f"https://{t}",
        "Put https:// before an address that has no scheme.",
    ),
    "prefix": Transform(lambda t, text: text + t, "Put text before.", "the text"),
    "suffix": Transform(lambda t, text: t + text, "Put text after.", "the text"),
    "truncate": Transform(
        lambda t, length: t[: int(length)].rstrip(), "Keep the first characters.", "how many"
    ),
    "before": Transform(lambda t, mark: t.partition(mark)[0], "What stands before.", "a mark"),
    "after": Transform(
        lambda t, mark: t.partition(mark)[2] or t, "What stands after, else all.", "a mark"
    ),
}


def parse_transform(text: str) -> tuple[str, str] | None:
    """Name and argument of `name` or `name(argument)`; None when it is neither."""
    match = _CALL.fullmatch(text.strip())
    return (match[1], match[2] or "") if match else None


def transform_fault(text: str) -> str | None:
    """What is wrong with one entry of `transform`, None when it can be used."""
    call = parse_transform(text)
    if call is None or call[0] not in TRANSFORMS:
        return f"There is no transform `{text}`."
    name, argument = call
    wanted = TRANSFORMS[name].argument
    if argument and not wanted:
        return f"The transform `{name}` takes no argument."
    if not argument and wanted and name != "phone_e164":
        return f"The transform `{name}` needs an argument: {wanted}."
    if name == "truncate" and not (argument.isdecimal() and int(argument) > 0):
        return "The argument of `truncate` must be a number of characters."
    if name == "phone_e164" and argument and not re.fullmatch("[A-Za-z]{2}", argument):
        return "The argument of `phone_e164` must be a two-letter ISO country."
    return None


def translate(
    rule: FieldRule,
    value: Json,
    *,
    to: Side,
    creating: bool = False,
    target: FieldSchema | None = None,
) -> Json:
    """The canonical value the other side should have; None is blank.

    `to` is the side written to. The rule's default is used for a blank value only when
    `creating`, so that it never replaces what the target already holds; on its way back a
    default counts as blank. `target` is the described field, where known: its length and
    restricted options are then checked.

    Raises RecordRejectedError (`value.invalid`, `value.too_long`, `value.unknown_option`): the
    record cannot be written as it is. The message names the field, never the value.
    """
    name = rule.map if to is Side.MAP else "/".join(sorted(set(rule.crm.values())))
    plain = canonical(value, rule.type)
    if not is_valid(plain, rule.type):
        raise RecordRejectedError(
            f"The value for {name} is no {rule.type.value}.",
            code="value.invalid",
            field=name,
            remedy="Correct the value at its source, or map the field as `type: text`.",
        )
    plain = _to_crm(rule, plain) if to is Side.CRM else _to_map(rule, plain)
    if plain is None and creating and default_side(rule) is to:
        plain = canonical(rule.default, rule.type)
    return _fit(rule, plain, name, to, target)


def default_side(rule: FieldRule) -> Side:
    """Which side a rule's default is for: the one its values flow to, else the CRM."""
    return Side.MAP if rule.direction is Direction.TO_MAP else Side.CRM


def _to_crm(rule: FieldRule, plain: Json) -> Json:
    if plain is None:
        return None
    if rule.values:
        return _each(plain, rule.type, lambda part: _crm_value(rule.values, part))
    if rule.transform and isinstance(plain, str):
        for step in rule.transform:
            name, argument = parse_transform(step) or (step, "")
            plain = TRANSFORMS[name].apply(plain, argument)
            if not plain:
                return None
        return canonical(plain, rule.type)
    return plain


def _to_map(rule: FieldRule, plain: Json) -> Json:
    if plain is None:
        return None
    if default_side(rule) is Side.CRM and plain == canonical(rule.default, rule.type):
        return None
    if rule.values:
        return _each(plain, rule.type, lambda part: _map_value(rule.values, part))
    return plain


def _each(plain: Json, type: ValueType, look_up: Callable[[str], str]) -> Json:
    if isinstance(plain, bool):
        return canonical(look_up("true" if plain else "false"), type)
    if type is ValueType.MULTIPICKLIST:
        return canonical(";".join(look_up(part) for part in str(plain).split(";")), type)
    return canonical(look_up(str(plain)), type)


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


def _fit(rule: FieldRule, plain: Json, name: str, to: Side, target: FieldSchema | None) -> Json:
    if not isinstance(plain, str):
        return plain
    if target is not None and target.restricted and target.options:
        parts = plain.split(";") if rule.type is ValueType.MULTIPICKLIST else [plain]
        if any(part not in target.options for part in parts):
            raise RecordRejectedError(
                f"The value for {name} is none of the picklist's options.",
                code="value.unknown_option",
                field=name,
                remedy="Add it to the picklist, or to the rule's `values` table.",
            )
    length = rule.max_length if to is Side.CRM else None
    if target is not None and target.length:
        length = min(length or target.length, target.length)
    if length is None or len(plain) <= length:
        return plain
    if rule.too_long is TooLong.TRUNCATE:
        return plain[:length].rstrip()
    raise RecordRejectedError(
        f"The value for {name} has {len(plain)} characters, the field takes {length}.",
        code="value.too_long",
        field=name,
        remedy="Shorten it at its source, or set `too_long: truncate` on the rule.",
    )
