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
_ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


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
    text = f"SELECT {', '.join(map(name, fields))} FROM {name(object_name)}"
    if where:
        text += f" WHERE {where}"
    if order:
        text += f" ORDER BY {order}"
    return text


def select_in(
    fields: Sequence[str], object_name: str, field_name: str, values: Sequence[str]
) -> Iterator[str]:
    """Queries for records whose field is one of the values, each short enough for a URI."""
    empty = select(fields, object_name, where=f"{name(field_name)} IN ()")
    room = URI_BYTES - len(quote_plus(empty))
    group: list[str] = []
    used = 0
    for value in dict.fromkeys(values):
        text = literal(value)
        size = len(quote_plus(text)) + 3
        if group and used + size > room:
            yield select(fields, object_name, where=f"{name(field_name)} IN ({','.join(group)})")
            group, used = [], 0
        group.append(text)
        used += size
    if group:
        yield select(fields, object_name, where=f"{name(field_name)} IN ({','.join(group)})")


def id18(record_id: str) -> str:
    """The 18-character form of an id; 15-character ids tell upper from lower case (FACTS)."""
    if len(record_id) != 15:
        return record_id
    suffix = ""
    for start in (0, 5, 10):
        part = record_id[start : start + 5]
        bits = sum(1 << place for place, letter in enumerate(part) if "A" <= letter <= "Z")
        suffix += _ID_LETTERS[bits]
    return record_id + suffix
