"""Turning what a client sent into what the org keeps, or refusing it as the vendor does.

Pure: a field, a value in, a value out, or a SalesforceError with the vendor's code and message
(codes: FACTS section 4; wording recorded for e-mail, otherwise from public threads).
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.fields import NUMBERS, Field, Value
from sandbox.salesforce.ids import to_18
from sandbox.salesforce.times import parse_date, parse_datetime

_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*\.[A-Za-z]{2,}"
)
_INT_MAX = 2**31 - 1
_BOOLEANS = {"true": True, "false": False}


def coerce(field: Field, value: object) -> Value:
    """The stored form of `value`; empty text is null, as in life."""
    if value is None:
        return False if field.type == "boolean" else None
    if field.type == "boolean":
        return _boolean(field, value)
    if value == "":
        return None
    if field.type == "int" or field.type in NUMBERS:
        return _number(field, value)
    if not isinstance(value, str):
        raise _unreadable(field, value)
    if field.type in {"id", "reference"}:
        return _reference(field, value)
    if field.type == "date":
        return _parsed(field, value, parse_date(value))
    if field.type == "datetime":
        return _parsed(field, value, parse_datetime(value))
    return _text(field, value)


def _text(field: Field, value: str) -> str | None:
    # The vendor trims what surrounds a text; assumed: for every text type.
    trimmed = value.strip() if field.type != "textarea" else value.rstrip()
    if not trimmed:
        return None
    if len(trimmed) > field.length:
        message = f"{field.label}: data value too large: {trimmed} (max length={field.length})"
        raise SalesforceError("STRING_TOO_LONG", message, [field.name])
    if field.type == "email" and _EMAIL.fullmatch(trimmed) is None:
        message = f"{field.label}: invalid email address: {trimmed}"
        raise SalesforceError("INVALID_EMAIL_ADDRESS", message, [field.name])
    if field.restricted and field.picklist:
        _check_options(field, trimmed)
    return trimmed


def _check_options(field: Field, value: str) -> None:
    chosen = value.split(";") if field.type == "multipicklist" else [value]
    for one in chosen:
        if one not in field.picklist:
            message = f"{field.label}: bad value for restricted picklist field: {one}"
            raise SalesforceError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [field.name])


def _boolean(field: Field, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _BOOLEANS:
        return _BOOLEANS[value.lower()]
    raise _unreadable(field, value)


def _number(field: Field, value: object) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _unreadable(field, value)
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise _unreadable(field, value) from error
    if not number.is_finite():
        raise _unreadable(field, value)
    if field.type == "int":
        if abs(number) > _INT_MAX or number != number.to_integral_value():
            raise _unreadable(field, value)
        return int(number)
    limit = Decimal(10) ** (field.precision - field.scale)
    if abs(number) >= limit:
        message = f"{field.label}: value outside of valid range on numeric field: {value}"
        raise SalesforceError("NUMBER_OUTSIDE_VALID_RANGE", message, [field.name])
    return float(number.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP))


def _reference(field: Field, value: str) -> str:
    long = to_18(value)
    if long is None:
        message = f"{field.label}: id value of incorrect type: {value}"
        raise SalesforceError("MALFORMED_ID", message, [field.name])
    return long


def _parsed(field: Field, value: str, parsed: str | None) -> str:
    if parsed is None:
        raise _unreadable(field, value)
    return parsed


def _unreadable(field: Field, value: object) -> SalesforceError:
    kind = {"datetime": "datetime", "date": "date", "boolean": "boolean", "int": "int"}.get(
        field.type, "double" if field.type in NUMBERS else "string"
    )
    token = {bool: "VALUE_BOOLEAN", int: "VALUE_NUMBER_INT", float: "VALUE_NUMBER_FLOAT"}.get(
        type(value), "VALUE_STRING" if isinstance(value, str) else "START_OBJECT"
    )
    message = (
        f"Cannot deserialize instance of {kind} from {token} value {value} or request may be"
        " missing a required field at [line:1, column:2]"
    )
    return SalesforceError("JSON_PARSER_ERROR", message, [field.name])
