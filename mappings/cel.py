"""What all CEL conditions have in common: types, values, and faults in words.

CEL is the Common Expression Language; `cel-expr-python` (Google's) checks names and types and says
where it stumbled. `mappings.conditions` (over one record) and `mappings.criteria` (over a person's
whole story) build on this, and nothing else knows the library.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mappings.cel_words import FUNCTIONS, habit
from mappings.cel_words import overload as overload_fix
from mappings.errors import Position
from mappings.fieldmap import ValueType
from mappings.positions import Faults, suggest
from mappings.records import Json
from mappings.values import canonical

MAX_LENGTH = 4_000

QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
_FAULT = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_UNKNOWN = re.compile(r"undeclared reference to '([^']*)'")
_OVERLOAD = re.compile(r"no matching overload for '([^']*)' applied to '\((.*)\)'")
_NUMBERS = frozenset({ValueType.NUMBER, ValueType.CURRENCY})


def without_quotes(text: str) -> str:
    """The text with what is quoted blanked out, every other character in its place."""
    return QUOTED.sub(lambda m: '"' + " " * (len(m[0]) - 2) + '"', text)


@dataclass(frozen=True, slots=True)
class Function:
    """A function conditions may call. `takes` and `gives` are of: happened (a list of [age in
    seconds, what about]), span (a length of time), whole (a number), text.
    """

    name: str
    takes: tuple[str, ...]
    gives: str
    impl: Callable[..., Any]


def environment(
    fields: Mapping[str, ValueType],
    *,
    happened: Iterable[str] = (),
    functions: Sequence[Function] = (),
) -> Any:
    """What conditions are compiled in: fields by name (numbers are doubles, datetimes timestamps,
    the rest is text), happenings by name, and functions.
    """
    from cel_expr_python import cel  # type: ignore[import-untyped]

    types = {ValueType.BOOLEAN: cel.Type.BOOL, ValueType.DATETIME: cel.Type.TIMESTAMP}
    types |= dict.fromkeys(_NUMBERS, cel.Type.DOUBLE)
    words = {
        "happened": cel.Type.List(cel.Type.List(cel.Type.DYN)),
        "span": cel.Type.DURATION,
        "whole": cel.Type.INT,
        "text": cel.Type.STRING,
    }
    overloads: dict[str, list[Any]] = {}
    for one in functions:
        overloads.setdefault(one.name, []).append(
            cel.Overload(
                "_".join((one.name, *one.takes)),
                words[one.gives],
                [words[word] for word in one.takes],
                impl=one.impl,
            )
        )
    return cel.NewEnv(
        variables={name: types.get(type_, cel.Type.STRING) for name, type_ in fields.items()}
        | dict.fromkeys(happened, words["happened"]),
        functions=[cel.FunctionDecl(name, found) for name, found in overloads.items()],
    )


def cel_value(value: Json, type_: ValueType) -> Any:
    """A vendor's value as CEL takes it; None where a number or datetime is blank or none."""
    plain = canonical(value, type_)
    if type_ is ValueType.BOOLEAN:
        return plain is True
    if type_ in _NUMBERS:
        try:
            return float(plain) if plain is not None else None
        except ValueError:
            return None
    if type_ is ValueType.DATETIME:
        try:
            moment = datetime.fromisoformat(plain) if plain else None
        except ValueError:
            return None
        return moment.astimezone(UTC) if moment else None
    return "" if plain is None else str(plain)


def is_too_long(text: str, at: Position, faults: Faults) -> bool:
    """Whether a condition is longer than anybody writes; recorded as a fault."""
    if len(text) > MAX_LENGTH:
        faults.add(
            at, f"The condition is longer than {MAX_LENGTH} characters.", "Shorten it.",
            code="config.condition",
        )  # fmt: skip
    return len(text) > MAX_LENGTH


def no_question(at: Position, example: str, faults: Faults) -> None:
    """Record that a condition cannot be answered by yes or no."""
    faults.add(
        at, "The condition is no yes-or-no question.",
        f"Compare the field with something, for instance `{example}`.", code="config.condition",
    )  # fmt: skip


def explain(
    error: str,
    text: str,
    at: Position,
    faults: Faults,
    *,
    known: Iterable[str],
    otherwise: str,
    example: str,
) -> None:
    """Record what CEL said about a condition, at its place, with a fix.

    `known` are the names there are, `otherwise` what to do where none is alike, `example` a
    condition that is right.
    """
    found = _FAULT.search(error)
    line, column, said = (int(found[1]), int(found[2]), found[3]) if found else (1, 1, "")
    place = Position(at.file, at.line + line - 1, column + at.column - 1)
    unknown, overload = _UNKNOWN.search(said), _OVERLOAD.search(said)
    bare = without_quotes(text)
    if unknown:
        called = re.search(rf"\b{re.escape(unknown[1])}\s*\(", bare)
        fix = f"{otherwise} Functions of a text are: {FUNCTIONS}." if called else ""
        faults.add(
            place, f"The condition names `{unknown[1]}`, which is no field or function known here.",
            fix or suggest(unknown[1], known, f"{otherwise} Text stands in quotes."),
            code="config.unknown_field",
        )  # fmt: skip
        return
    if overload:
        faults.add(
            place, f"`{overload[1].strip('_')}` cannot be applied to ({overload[2]}).",
            overload_fix(overload[2], bare)
            or "Compare like with like: text in quotes, numbers with a point (3.0), counts "
            "without, checkboxes with true or false.",
            code="config.condition",
        )  # fmt: skip
        return
    words = re.search(r"\b(and|or|not|AND|OR|NOT)\b", bare)
    hint = {"and": "&&", "or": "||", "not": "!"}
    fix = habit(bare)
    if words and not re.search(r"(?i)\bis\s+not\b|\bnot\s+in\b", bare):
        fix = f"Write `{hint[words[1].lower()]}` for `{words[1]}`."
    fix = fix or f"Write it like `{example}`."
    said = said.removeprefix("Syntax error: ").split(" expecting")[0] or "not understood"
    faults.add(place, f"The condition cannot be read: {said}.", fix, code="config.condition")
