"""Turns what a caller writes into what HubSpot stores, or says why it will not.

All stored values are strings (FACTS section 2). The codes INVALID_OPTION and INVALID_DATE are the
vendor's [C]; INVALID_NUMBER, INVALID_EMAIL and VALUE_TOO_LONG are assumed names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from sandbox.hubspot.properties import Property
from sandbox.hubspot.times import iso, parse_date, parse_ms

MAX_STRING = 65_536
"""Longest string value (FACTS section 2, Properties)."""

_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>.]+(\.[^@\s,;<>.]+)+")

Problem = tuple[str, str, str]
"""(property name, code, sentence)"""


class RefusedValueError(Exception):
    """One value that cannot be stored; `problem` says which and why."""

    def __init__(self, name: str, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.problem: Problem = (name, code, sentence)


def as_text(value: object) -> str:
    """The string HubSpot makes of a JSON value: null clears like the empty string."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def canonical(
    prop: Property, value: object, current: str | None, known: Callable[[str, str], bool]
) -> str:
    """The stored form of `value` for `prop`.

    `current` is the stored value (a leading `;` appends to it); `known(property, value)` tells
    whether an external option such as an owner id exists. Raises RefusedValueError.
    """
    text = as_text(value)
    if text == "":
        return ""
    kind = prop.type
    if kind == "enumeration":
        return _enumeration(prop, text, current, known)
    if kind == "bool":
        if text.lower() not in {"true", "false"}:
            raise _bad_option(prop, text)
        return text.lower()
    if kind in {"number", "date", "datetime"}:
        return _measured(prop, text)
    if len(text) > MAX_STRING:
        raise RefusedValueError(
            prop.name, "VALUE_TOO_LONG", f"The value is longer than {MAX_STRING} characters."
        )
    return text


def canonical_email(name: str, value: object) -> str:
    """An e-mail address as HubSpot keeps it: trimmed, lower case; RefusedValueError if none."""
    text = as_text(value).strip().lower()
    if text and not _EMAIL.fullmatch(text):
        raise RefusedValueError(name, "INVALID_EMAIL", f"Email address {text} is invalid")
    return text


def _enumeration(
    prop: Property, text: str, current: str | None, known: Callable[[str, str], bool]
) -> str:
    if prop.field_type != "checkbox":
        if not _allowed(prop, text, known):
            raise _bad_option(prop, text)
        return text
    appending = text.startswith(";")
    chosen = [part for part in text.split(";") if part]
    for part in chosen:
        if not _allowed(prop, part, known):
            raise _bad_option(prop, part)
    before = (current or "").split(";") if appending else []
    return ";".join(dict.fromkeys(part for part in [*before, *chosen] if part))


def _allowed(prop: Property, text: str, known: Callable[[str, str], bool]) -> bool:
    if prop.read_only_value and not prop.values:
        return True  # lists HubSpot computes, such as additional e-mails, have no options
    return known(prop.name, text) if prop.external_options else text in prop.values


def _measured(prop: Property, text: str) -> str:
    try:
        if prop.type == "number":
            if not math.isfinite(float(text)):
                raise ValueError(text)  # noqa: TRY301 - refused just below, like any other
            return text.strip()
        return parse_date(text) if prop.type == "date" else iso(parse_ms(text))
    except (ValueError, OverflowError):
        code = "INVALID_NUMBER" if prop.type == "number" else "INVALID_DATE"
        raise RefusedValueError(prop.name, code, f"{text} was not a valid {prop.type}.") from None


def _bad_option(prop: Property, text: str) -> RefusedValueError:
    options = ", ".join(sorted(prop.values) or ["external"])
    return RefusedValueError(
        prop.name, "INVALID_OPTION", f"{text} was not one of the allowed options: [{options}]"
    )
