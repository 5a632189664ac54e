"""What vendors send, taken apart without trusting it: readable answers, and rows that are rows.

Two kinds of damage are told apart. An answer that cannot be read at all (an HTML page with status
200, JSON cut in half, a list where an object belongs) is the call's failure: `UnreadableReplyError`
for whoever reads bytes, `UnreadableAnswerError` for the stages. A row that cannot be what it
should be (an id of another shape, a stamp in the year 9999, text that is no UTF-8) is that row's
failure alone: `sift` sets it aside as `Malformed`, kept as it came, and the rest goes on (law 2).

Reading is total: whatever the bytes, the functions here return or raise one of these errors.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from mappings.errors import LeadloopError, UnreadableAnswerError
from mappings.records import Event, Malformed, Record

T = TypeVar("T")

TWICE = "\x00twice"
"""Marks an object that names a key twice: Python would keep the last and never say so."""
DEEPEST = 20
LARGEST = 1_000_000
"""Characters of one row. Assumed: the longest text either vendor stores is 131,072 (Salesforce's
long text areas), so a row beyond this holds something else."""
KEPT = 65_536
"""Characters kept of what could not be used."""
EARLIEST = 1990
"""No record of either vendor can be older than this; both were founded later."""
AHEAD = timedelta(days=1)
"""How far a stamp may lie in the future: time zones and clocks apart, never a day. A stamp of the
year 9999 would hold the mirror against every later edit."""

BROKEN = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    OverflowError,
    RecursionError,
)
"""What taking a value apart raises when it is not what it should be."""


class UnreadableReplyError(Exception):
    """A whole answer arrived and makes no sense. `payload` is its beginning, as text; `rest` what
    of its paging could be read all the same."""

    def __init__(self, payload: str = "", rest: Mapping[str, Any] | None = None) -> None:
        super().__init__("unreadable")
        self.payload = payload
        self.rest = dict(rest or {})


class RowFaultError(ValueError):
    """Why a row cannot be used: a stable word (docs/glossary.md), and the field where known."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


def read_json(body: bytes) -> Any:
    """The JSON of an answer, None when it is empty. Raises UnreadableReplyError for anything else.

    What breaks single rows is kept visible instead of failing all of them: bytes that are no
    UTF-8 become lone surrogates, `NaN` stays one, a key given twice is marked (`TWICE`), and what
    is nested deeper than Python can follow is cut off at a depth no row may have.
    """
    text = body.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    if not text.strip():
        return None
    try:
        try:
            return json.loads(text, object_pairs_hook=_object)
        except RecursionError:
            return json.loads(_shallow(text), object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise UnreadableReplyError(shown(text), _rest_of(text)) from None


_MARKS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
"""Strings, which hide brackets, and brackets."""
CUT_AT = 2 * DEEPEST
"""Depth at which a text is cut that is nested too deeply to be read: still `too_deep` for a row."""


def _shallow(text: str) -> str:
    """The text with everything deeper than `CUT_AT` replaced by null."""
    kept: list[str] = []
    depth, begun, place = 0, 0, 0
    for mark in _MARKS.finditer(text):
        if mark[0] in "[{":
            depth += 1
            if depth == CUT_AT + 1:
                kept += [text[place : mark.start()], "null"]
                begun = mark.start()
        elif mark[0] in "]}":
            if depth == CUT_AT + 1:
                place = mark.end()
            depth -= 1
    return "".join(kept) + (text[place:] if depth <= CUT_AT else text[begun:])


_PAGING = ("paging", "hasMore", "offset")
"""Top-level parts of HubSpot's answers that say where the next page begins."""


def _rest_of(text: str) -> dict[str, Any]:
    """What can be read of an answer's paging although the answer cannot: the last of each."""
    found: dict[str, Any] = {}
    for name in _PAGING:
        place = text.rfind(f'"{name}"')
        colon = text.find(":", place)
        if place < 0 or colon < 0:
            continue
        begins = colon + 1 + len(text[colon + 1 :]) - len(text[colon + 1 :].lstrip())
        try:
            found[name], _ = json.JSONDecoder().raw_decode(text, begins)
        except (ValueError, RecursionError):
            continue
    if "paging" not in found and text.rstrip().endswith("]}"):
        found["paging"] = {}  # a list that came to its end and names no page behind it
    return found


def read_text(body: bytes) -> str:
    """The text of an answer that is no JSON. Raises UnreadableReplyError when it is no UTF-8."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableReplyError(shown(body.decode("utf-8", "surrogateescape"))) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        found[TWICE] = [list(pair) for pair in pairs]
    return found


def shown(value: Any) -> str:
    """A payload as it can be stored anywhere: ASCII, and cut to what is kept."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text.encode("ascii", "backslashreplace").decode()[:KEPT]


def unreadable(
    system: str, payload: Any = "", rest: Mapping[str, Any] | None = None
) -> UnreadableAnswerError:
    """The error of an answer of that system which makes no sense."""
    return UnreadableAnswerError(
        f"{system}'s answer could not be read", payload=shown(payload), rest=rest, system=system
    )


def object_of(system: str, body: Any) -> dict[str, Any]:
    """The body as an object. Raises UnreadableAnswerError."""
    if not isinstance(body, dict):
        raise unreadable(system, body)
    return body


def rows_in(system: str, body: Any, name: str) -> list[Any]:
    """The list of rows an answer holds. Raises UnreadableAnswerError when there is none."""
    rows = object_of(system, body).get(name)
    if not isinstance(rows, list):
        raise unreadable(system, body)
    return rows


@contextmanager
def understanding(problem: Callable[[], LeadloopError]) -> Iterator[None]:
    """Around reading an answer's shape: what is not as it should be becomes `problem()`."""
    try:
        yield
    except BROKEN:
        raise problem() from None


@dataclass(frozen=True, slots=True)
class Sifted(Generic[T]):
    """Rows that could be used, in order, and those that could not."""

    good: list[T]
    malformed: tuple[Malformed, ...]


def sift(
    rows: Sequence[Any],
    parse: Callable[[Any], T],
    *,
    system: str,
    stream: str,
    latest: datetime | None = None,
) -> Sifted[T]:
    """Parse rows one by one; one that cannot be used never takes another with it.

    `latest` is the vendor's own time: nothing can have happened later (but for `AHEAD`).
    """
    good: list[T] = []
    malformed: list[Malformed] = []
    for raw in rows:
        try:
            check(raw)
            found = parse(raw)
            _check_time(found, latest)
            good.append(found)
        except RowFaultError as fault:
            malformed.append(_malformed(system, stream, raw, fault.reason, fault.field))
        except BROKEN:
            malformed.append(_malformed(system, stream, raw, "unreadable_row", None))
    return Sifted(good, tuple(malformed))


def _malformed(system: str, stream: str, raw: Any, reason: str, field: str | None) -> Malformed:
    found = (raw.get("id") or raw.get("Id")) if isinstance(raw, Mapping) else None
    known = isinstance(found, int | str) and not isinstance(found, bool)
    name = str(found) if known else ""
    return Malformed(system, stream, name if _names(name) else "", reason, shown(raw), field)


def _names(text: str) -> bool:
    return text.isascii() and text.isalnum() and len(text) <= 40


def _check_time(found: Any, latest: datetime | None) -> None:
    at = {Record: "modified_at", Event: "occurred_at"}.get(type(found))
    if at is None:
        return
    moment: datetime = getattr(found, at)
    if moment.year < EARLIEST:
        raise RowFaultError("stamp_out_of_range")
    if latest is not None and moment > latest + AHEAD:
        raise RowFaultError("stamp_out_of_range")


def check(raw: Any) -> None:
    """That a row is an object of plain JSON values. Raises RowFaultError."""
    if not isinstance(raw, Mapping):
        raise RowFaultError("not_an_object")
    room = LARGEST
    waiting: list[tuple[Any, int]] = [(raw, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > DEEPEST:
            raise RowFaultError("too_deep")
        if isinstance(value, Mapping):
            if TWICE in value:
                raise RowFaultError("duplicate_key")
            for key, own in value.items():
                _check_text(key)
                waiting.append((own, depth + 1))
        elif isinstance(value, list):
            waiting.extend((own, depth + 1) for own in value)
        elif isinstance(value, str):
            _check_text(value)
            room -= len(value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise RowFaultError("no_json_number")
        if room < 0:
            raise RowFaultError("too_large")


def _check_text(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RowFaultError("broken_text") from None


def flag(raw: Mapping[str, Any], name: str) -> bool:
    """A flag of the vendor's: true, false or absent. Raises RowFaultError for anything else, since
    a record must not be taken for deleted because of a word."""
    value = raw.get(name)
    if value is not None and not isinstance(value, bool):
        raise RowFaultError("wrong_flag", name)
    return bool(value)


def scalars(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, each of which must hold one value. Raises RowFaultError for a nested one."""
    for name, value in fields.items():
        if isinstance(value, dict | list):
            raise RowFaultError("nested_value", name)
    return dict(fields)


def narrowed(
    ids: Sequence[str],
    read: Callable[[Sequence[str]], list[Record]],
    *,
    system: str,
    stream: str,
) -> Sifted[Record]:
    """Read records of which some make the whole answer unreadable: halved until those stand alone.

    One bad row never stops the others, even where it spoils the page it is on.
    """
    good: list[Record] = []
    malformed: list[Malformed] = []
    waiting = [list(ids)] if ids else []
    while waiting:
        part = waiting.pop(0)
        try:
            good += read(part)
        except UnreadableAnswerError as error:
            if len(part) == 1:
                one = Malformed(system, stream, part[0], "unreadable_row", error.payload)
                malformed.append(one)
            else:
                half = len(part) // 2
                waiting[:0] = [part[:half], part[half:]]
    return Sifted(good, tuple(malformed))
