"""SOQL text to a Query, through the grammar; refusals in the vendor's words.

Short queries are cached by their text: clients send the same few over and over.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedEOF, UnexpectedInput, UnexpectedToken

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.soql import ast
from sandbox.salesforce.times import parse_datetime

MAX_LENGTH = 100_000
"""Longest statement in characters (FACTS section 4)."""
_MAX_OFFSET = 2000
_GRAMMAR = (FilePath(__file__).parent / "grammar.lark").read_text(encoding="utf-8")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_CACHED_LENGTH = 4000
_SHOWN = 40
"""Characters of a query before and behind what is wrong."""


def malformed(message: str) -> SalesforceError:
    """400 MALFORMED_QUERY."""
    return SalesforceError("MALFORMED_QUERY", message)


def pointed_at(message: str, text: str, start: int, end: int) -> str:
    """The message behind the part of a query that it is about and a mark below that part's begin,
    as public error reports show it of names, tokens and characters alike (restforce issues 559 and
    688). How much of the query is shown is assumed; columns count from 1."""
    begin = max(0, start - _SHOWN, text.rfind("\n", 0, start) + 1)
    row = text.count("\n", 0, start) + 1
    column = start - text.rfind("\n", 0, start)
    line = text[begin : end + _SHOWN].split("\n", 1)[0]
    mark = " " * (start - begin)
    return f"\n{line}\n{mark}^\nERROR at Row:{row}:Column:{column}\n{message}"


def unescape(quoted: str, *, like: bool = False) -> str:
    """The text of a quoted literal; in LIKE patterns escaped wildcards stay escaped."""

    def one(match: re.Match[str]) -> str:
        char = match[1]
        if like and char in "_%":
            return match[0]
        if char in "\\'\"_%" or char.lower() in _ESCAPED:
            return _ESCAPED.get(char.lower(), char)
        raise malformed(f"invalid character at escape sequence '\\{char}'")

    return _ESCAPE.sub(one, quoted[1:-1])


class _Builder(Transformer[Token, object]):
    """Parse tree to Query, bottom up."""

    def path(self, parts: list[Token]) -> ast.Path:
        return tuple(str(part) for part in parts)

    def alias(self, parts: list[Token]) -> str:
        return str(parts[0])

    def column(self, parts: list[ast.Path]) -> ast.Column:
        return ast.Column(parts[0])

    def function(self, parts: list[object]) -> ast.Function:
        argument = parts[1] if len(parts) > 1 else None
        return ast.Function(str(parts[0]).upper(), argument)  # type: ignore[arg-type]

    def aggregate(self, parts: list[object]) -> ast.Function:
        function = parts[0]
        assert isinstance(function, ast.Function)  # noqa: S101 - the grammar gives no other
        alias = None if parts[1] is None else str(parts[1])
        return ast.Function(function.name, function.argument, alias)

    def aliased(self, _parts: list[object]) -> None:
        raise malformed("only aggregate expressions use field aliasing")

    def branch(self, parts: list[object]) -> tuple[str, tuple[object, ...]]:
        return str(parts[0]), tuple(parts[1:])

    def otherwise(self, parts: list[ast.Path]) -> list[ast.Path]:
        return parts

    def typeof(self, parts: list[Any]) -> ast.TypeOf:
        path, *branches, otherwise = parts
        return ast.TypeOf(path, tuple(branches), tuple(otherwise or ()))

    def children(self, parts: list[ast.Query]) -> ast.Children:
        return ast.Children(parts[0])

    def select_list(self, parts: list[object]) -> tuple[object, ...]:
        return tuple(parts)

    def start_child(self, parts: list[object]) -> ast.Query:
        items, sobject, where, order, limit = parts
        return ast.Query(
            items=items,  # type: ignore[arg-type]
            sobject=str(sobject),
            where=where,  # type: ignore[arg-type]
            order_by=order or (),  # type: ignore[arg-type]
            limit=limit,  # type: ignore[arg-type]
        )

    def start(self, parts: list[Any]) -> ast.Query:
        items, sobject, alias, _scope, where, group, having, order, limit, offset, extra = parts
        mode, keys = group or ("", ())
        return ast.Query(
            items=items,
            sobject=str(sobject),
            alias=alias,
            where=where,
            group_by=keys,
            group_mode=mode,
            having=having,
            order_by=order or (),
            limit=limit,
            offset=offset or 0,
            all_rows=extra == "ALL ROWS",
        )

    def scope(self, _parts: list[Token]) -> None:
        return None

    def where(self, parts: list[ast.Condition]) -> ast.Condition:
        return parts[0]

    def disjunction(self, parts: list[ast.Condition]) -> ast.Condition:
        return ast.Either(tuple(parts))

    def conjunction(self, parts: list[ast.Condition]) -> ast.Condition:
        return ast.Both(tuple(parts))

    def negated(self, parts: list[ast.Condition]) -> ast.Condition:
        return ast.Not(parts[0])

    def compared(self, parts: list[object]) -> ast.Condition:
        path, operator, value = parts
        name = {"<>": "!="}.get(str(operator), str(operator))
        return ast.Compared(path, name, value)  # type: ignore[arg-type]

    def like(self, parts: list[object]) -> ast.Condition:
        text = unescape(str(parts[1]), like=True)
        return ast.Compared(parts[0], "LIKE", ast.Literal("text", text))  # type: ignore[arg-type]

    def member(self, parts: list[object]) -> ast.Condition:
        return ast.Member(parts[0], parts[1])  # type: ignore[arg-type]

    def not_member(self, parts: list[object]) -> ast.Condition:
        return ast.Member(parts[0], parts[1], negated=True)  # type: ignore[arg-type]

    def includes(self, parts: list[object]) -> ast.Condition:
        return ast.Member(parts[0], parts[1], spread=True)  # type: ignore[arg-type]

    def excludes(self, parts: list[object]) -> ast.Condition:
        return ast.Member(parts[0], parts[1], negated=True, spread=True)  # type: ignore[arg-type]

    def subselect(self, parts: list[object]) -> tuple[object, ...]:
        return tuple(parts)

    def in_query(self, parts: list[object]) -> ast.Condition:
        return _in_query(parts, negated=False)

    def not_in_query(self, parts: list[object]) -> ast.Condition:
        return _in_query(parts, negated=True)

    def value_list(self, parts: list[ast.Literal]) -> tuple[ast.Literal, ...]:
        return tuple(parts)

    def text(self, parts: list[Token]) -> ast.Literal:
        return ast.Literal("text", unescape(str(parts[0])))

    def datetime(self, parts: list[Token]) -> ast.Literal:
        parsed = parse_datetime(str(parts[0]))
        if parsed is None:
            raise malformed(f"Invalid datetime: {parts[0]}")
        return ast.Literal("datetime", parsed)

    def date(self, parts: list[Token]) -> ast.Literal:
        return ast.Literal("date", str(parts[0]))

    def number(self, parts: list[Token]) -> ast.Literal:
        text = str(parts[0])
        return ast.Literal("number", float(text) if "." in text else int(text))

    def date_range(self, parts: list[Token]) -> ast.Literal:
        return ast.Literal("range", str(parts[0]).upper(), int(parts[1]))

    def word(self, parts: list[Token]) -> ast.Literal:
        known = {"true": True, "false": False}
        word = str(parts[0]).lower()
        if word == "null":
            return ast.Literal("null", None)
        if word in known:
            return ast.Literal("boolean", known[word])
        return ast.Literal("range", word.upper())

    def group_by(self, parts: list[ast.Target]) -> tuple[str, tuple[ast.Target, ...]]:
        return "", tuple(parts)

    def rollup(self, parts: list[ast.Target]) -> tuple[str, tuple[ast.Target, ...]]:
        return "ROLLUP", tuple(parts)

    def cube(self, parts: list[ast.Target]) -> tuple[str, tuple[ast.Target, ...]]:
        return "CUBE", tuple(parts)

    def having(self, parts: list[ast.Condition]) -> ast.Condition:
        return parts[0]

    def order_by(self, parts: list[ast.Order]) -> tuple[ast.Order, ...]:
        return tuple(parts)

    def nulls(self, parts: list[Token]) -> str:
        return str(parts[0]).lower()

    def ordering(self, parts: list[object]) -> ast.Order:
        key, direction, nulls = parts
        return ast.Order(
            key,  # type: ignore[arg-type]
            descending=str(direction or "asc").lower() == "desc",
            nulls_last=nulls == "last",
        )

    def limit(self, parts: list[Token]) -> int:
        return int(parts[0])

    def offset(self, parts: list[Token]) -> int:
        value = int(parts[0])
        if value > _MAX_OFFSET:
            raise SalesforceError(
                "NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {_MAX_OFFSET}"
            )
        return value

    def for_clause(self, parts: list[Token]) -> str:
        return str(parts[0]).upper() if parts else "ALL ROWS"


def _in_query(parts: list[Any], *, negated: bool) -> ast.Condition:
    column, sobject, where = parts[1]
    return ast.InQuery(parts[0], column, str(sobject), where, negated)


_LARK = Lark(_GRAMMAR, parser="lalr", maybe_placeholders=True)
_BUILDER = _Builder()


def parse(text: str) -> ast.Query:
    """The query of `text`; MALFORMED_QUERY where it is none."""
    if len(text) > MAX_LENGTH:
        raise malformed(f"SOQL statements cannot be longer than {MAX_LENGTH} characters.")
    return _remembered(text) if len(text) <= _CACHED_LENGTH else _parse(text)


@lru_cache(maxsize=512)
def _remembered(text: str) -> ast.Query:
    return _parse(text)


def _parse(text: str) -> ast.Query:
    try:
        tree = _LARK.parse(text)
    except UnexpectedEOF as error:
        raise malformed(_unexpected("<EOF>", text, len(text))) from error
    except UnexpectedToken as error:
        if error.token.type == "$END":
            raise malformed(_unexpected("<EOF>", text, len(text))) from error
        raise malformed(_unexpected(str(error.token), text, error.pos_in_stream or 0)) from error
    except UnexpectedInput as error:
        at = error.pos_in_stream or 0
        message = f"line {error.line}:{error.column} no viable alternative"
        raise malformed(pointed_at(message, text, at, at + 1)) from error
    try:
        return _BUILDER.transform(tree)  # type: ignore[return-value]
    except Exception as error:
        original = getattr(error, "orig_exc", error)
        if isinstance(original, SalesforceError):
            raise original from None
        raise


def _unexpected(token: str, text: str, at: int) -> str:
    return pointed_at(f"unexpected token: '{token}'", text, at, at + len(token))
