"""Malformed rows and answers, made from a seed: the same seed spoils the same rows the same way.

Every kind says what must become of it: the reason it is set aside with, or None where the row is
odd but usable and has to be delivered like any other.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
Spoil = Callable[[Row, random.Random], bytes]

STAMPS = ("lastmodifieddate", "hs_lastmodifieddate", "SystemModstamp")
TIMES = ("submittedAt", "created")


@dataclass(frozen=True)
class Kind:
    """One way to spoil a row. `reasons` are the words it may be set aside with, none for a row
    that must be delivered; `streams` says for which kinds of rows it makes sense, `weight` how
    often it is chosen."""

    spoil: Spoil
    reasons: frozenset[str]
    streams: tuple[str, ...] = ("record", "event")
    weight: float = 1.0


def encoded(row: Any) -> bytes:
    """A row as a vendor would write it."""
    return json.dumps(row).encode()


def _inside(row: Row) -> Row:
    """Where a row keeps its values: HubSpot's properties, else the row itself."""
    found = row.get("properties")
    return found if isinstance(found, dict) else row


def _with(row: Row, name: str, value: Any) -> Row:
    if isinstance(row.get("properties"), dict):
        return {**row, "properties": {**row["properties"], name: value}}
    return {**row, name: value}


def _other_id(row: Row, value: Any) -> Row:
    name = next(n for n in ("Id", "conversionId", "id") if n in row)
    return {**row, name: value}


def _restamped(row: Row, value: Any) -> Row:
    inside = _inside(row)
    name = next((n for n in STAMPS if n in inside), None)
    if name is not None:
        return _with(row, name, value)
    return {**row, next(n for n in TIMES if n in row): value}


def no_object(row: Row, rng: random.Random) -> bytes:
    """Something else where a row belongs."""
    name = str(row)
    return encoded(rng.choice([name, [name], [["id", name]], len(name) + rng.random()]))


def wrong_id(row: Row, rng: random.Random) -> bytes:
    """An id of another shape."""
    shapes = [{"a": 1}, [1], "../../etc/passwd", "1 OR 1=1", True, "x" * 300, "\u0661\u0662"]
    return encoded(_other_id(row, rng.choice(shapes)))


def wrong_stamp(row: Row, rng: random.Random) -> bytes:
    """A time that is none, or one that cannot be."""
    far = [9e30, 253402300799000, -62135596800000, "soon", "9999-12-31T23:59:59Z", {}, [], "0"]
    return encoded(_restamped(row, rng.choice(far)))


def nested(row: Row, rng: random.Random) -> bytes:
    """An object or a list where one value belongs."""
    if "values" in row:
        return encoded({**row, "values": [{"name": "email", "value": {"a": ["b"]}}]})
    name = "url" if "recipient" in row else rng.choice([*sorted(_inside(row)), "firstname"])
    if name in (*STAMPS, "attributes", "Id", "id"):
        name = "firstname"
    return encoded(_with(row, name, rng.choice([{"a": 1}, [1, 2], [], {}])))


def twice(row: Row, _: random.Random) -> bytes:
    """A key given twice, with two values."""
    return encoded(row)[:-1] + b', "firstname": "a", "firstname": "b"}'


def not_a_number(row: Row, rng: random.Random) -> bytes:
    """NaN and infinities, which JSON does not have."""
    word = rng.choice([b"NaN", b"Infinity", b"-Infinity"])
    return encoded(_with(row, "firstname", "@@")).replace(b'"@@"', word)


def broken_bytes(row: Row, rng: random.Random) -> bytes:
    """Bytes that are no UTF-8."""
    cut = rng.choice([b"\xff\xfe", b"\xc3(", b"\xe2\x82", b"\x80", b"\xed\xa0\x80"])
    return encoded(_with(row, "firstname", "@@")).replace(b"@@", cut)


def lone_surrogate(row: Row, _: random.Random) -> bytes:
    """Half a character, escaped: JSON, and no text."""
    return encoded(_with(row, "firstname", "@@")).replace(b"@@", b"\\ud83d")


def huge(row: Row, _: random.Random) -> bytes:
    """A value of more than a million characters."""
    return encoded(_with(row, "firstname", "x" * 1_000_100))


def deep(row: Row, _: random.Random) -> bytes:
    """A value nested deeper than anything real."""
    return encoded(_with(row, "firstname", "@@")).replace(b'"@@"', b"[" * 60 + b"]" * 60)


def wrong_flag(row: Row, rng: random.Random) -> bytes:
    """A word where true or false belongs: nobody may be deleted because of it."""
    name = "IsDeleted" if "Id" in row else "archived"
    return encoded({**row, name: rng.choice(["false", "no", 0, 1, "deleted"])})


def wrong_inside(row: Row, rng: random.Random) -> bytes:
    """Something else where the values of a row belong."""
    if "Id" in row:
        return encoded({"Id": row["Id"], "SystemModstamp": rng.choice(["", 5, None, True])})
    return encoded({**row, "properties": rng.choice(["text", 5, [1], True])})


def unknown_word(row: Row, rng: random.Random) -> bytes:
    """An option, a status or a type nobody has heard of."""
    word = rng.choice(["ZORG", "", "\u0000", "null", "💥"])
    if "recipient" in row:
        return encoded({**row, "type": "ZORG"})
    return encoded(_with(row, "Status" if "Id" in row else "hs_lead_status", word))


def number_for_text(row: Row, rng: random.Random) -> bytes:
    """A number or a truth value where text belongs."""
    return encoded(_with(row, "Title" if "Id" in row else "jobtitle", rng.choice([7, 1.5, True])))


def more_keys(row: Row, _: random.Random) -> bytes:
    """Keys nobody asked for."""
    return encoded({**row, "surprise": {"x": [1]}} if "properties" in row else _with(row, "x", 1))


def long_text(row: Row, rng: random.Random) -> bytes:
    """Text as long as the vendor's fields, with control characters."""
    text = rng.choice(["long ", "\u202e", "\x07", "<script>", "'; DROP TABLE leads;--"]) * 2000
    return encoded(_with(row, "Description" if "Id" in row else "message", text))


def _reasons(*words: str) -> frozenset[str]:
    return frozenset(words)


RECORD, EVENT = ("record",), ("event",)
KINDS: Mapping[str, Kind] = {
    "no_object": Kind(no_object, _reasons("not_an_object")),
    "wrong_id": Kind(wrong_id, _reasons("wrong_id", "unreadable_row", "nested_value")),
    "wrong_stamp": Kind(
        wrong_stamp, _reasons("stamp_out_of_range", "unreadable_row", "nested_value", "wrong_id")
    ),
    "nested": Kind(nested, _reasons("nested_value")),
    "twice": Kind(twice, _reasons("duplicate_key")),
    "not_a_number": Kind(not_a_number, _reasons("no_json_number")),
    "broken_bytes": Kind(broken_bytes, _reasons("broken_text")),
    "lone_surrogate": Kind(lone_surrogate, _reasons("broken_text")),
    "huge": Kind(huge, _reasons("too_large"), weight=0.1),
    "deep": Kind(deep, _reasons("too_deep")),
    "wrong_flag": Kind(wrong_flag, _reasons("wrong_flag"), RECORD),
    "wrong_inside": Kind(wrong_inside, _reasons("unreadable_row", "not_an_object"), RECORD),
    "unknown_word": Kind(unknown_word, frozenset(), RECORD),
    "number_for_text": Kind(number_for_text, frozenset(), RECORD),
    "more_keys": Kind(more_keys, frozenset()),
    "long_text": Kind(long_text, frozenset(), RECORD),
}


def damaged(body: bytes, rng: random.Random) -> tuple[bytes, str]:
    """A whole answer spoilt: (body, content type). None of these can be read as what it should
    be."""
    cut = body[: rng.randrange(1, max(2, len(body)))]
    while cut.strip() in (b"{}", b"[]", b"null") or _is_json(cut):
        cut = cut[:-1] or b"{"
    page = b"<!DOCTYPE html><html><body>We are down for maintenance.</body></html>"
    return rng.choice(
        [
            (page, "text/html"),
            (page, "application/json"),
            (cut, "application/json"),
            (b"[]", "application/json"),
            (b'"ok"', "application/json"),
            (b"[" * 5000, "application/json"),
            (b'{"results": {}, "records": 5, "events": null}', "application/json"),
            (b"\x1f\x8b\x00garbage", "application/json"),
        ]
    )


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
