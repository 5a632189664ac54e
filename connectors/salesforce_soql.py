"""SOQL built safely: values are escaped, names are checked, a request stays within its length.

Whatever a value holds, the shape of the query is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from urllib.parse import quote_plus

from mappings.errors import InvariantError

URI_BYTES = 14_000
"""Of 16,384 the vendor allows for the whole URI (FACTS section 4); host and path need room."""

_ESCAPES = {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*){0,4}")


def name(text: str) -> str:
    """A field or object name, checked. Raises InvariantError for anything else."""
    if not _NAME.fullmatch(text):
        raise InvariantError("A name in a query is no Salesforce name.", code="internal.soql")
    return text


def literal(value: str | float | bool | datetime | date | None) -> str:  # noqa: FBT001 - a value
    """A value as SOQL writes it: quoted and escaped text, bare numbers, dates and null.

    Datetimes are cut to whole seconds, which is all the vendor keeps.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    return "'" + "".join(_ESCAPES.get(letter, letter) for letter in value) + "'"


def select(fields: Sequence[str], object_name: str, *, where: str = "", order: str = "") -> str:
    """A query. `where` and `order` are made with `name` and `literal`."""
    wanted = ", ".join(map(name, fields))
    text = f"SELECT {wanted} FROM {name(object_name)}"  # noqa: S608 - every part is checked
    if where:
        text += f" WHERE {where}"
    if order:
        text += f" ORDER BY {order}"
    return text


def in_conditions(field_name: str, values: Sequence[str], *, room: int) -> Iterator[str]:
    """Conditions "field is one of the values", each at most `room` bytes long in a URI."""
    start = f"{name(field_name)} IN ("
    group: list[str] = []
    used = empty = len(quote_plus(start)) + 3
    for value in dict.fromkeys(values):
        text = literal(value)
        size = len(quote_plus(text)) + 3
        if group and used + size > room:
            yield start + ",".join(group) + ")"
            group, used = [], empty
        group.append(text)
        used += size
    if group:
        yield start + ",".join(group) + ")"


def room_beside(query: str) -> int:
    """How many bytes of a URI are left beside a query."""
    return max(URI_BYTES - len(quote_plus(query)), 500)
