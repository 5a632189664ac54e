"""YAML as people write it: every value keeps its place, so that every error can name its line.

Promises: one document a file, UTF-8, at most 1 MB, at most 20 levels deep. Anchors, aliases and
tags are refused (they hide what a file says, and are how a small file becomes a huge one). Plain
scalars follow YAML 1.2: only `true`/`false` are booleans, so that `no` and `on` stay text.
Whatever the file holds, `read_document` returns nodes or raises `ConfigurationError`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mappings.errors import ConfigurationError, Position, Problem
from mappings.synonyms import meant
from mappings.yaml_words import stumble, unclosed_bracket, unclosed_quote

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
_EXCERPT = 160  # characters of a line shown around the caret

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False,
            "FALSE": False}  # fmt: skip
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}")
_SECRET = re.compile(
    r"(?i)([\w-]*(?:token|secret|password|passphrase|credential|_key)[\w-]*[\"']?\s*:\s*)"
    r"(?!\$\{)\S.*"
)
_URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@\s]*@")

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a file: a scalar, a list of nodes, or a mapping of key to entry.

    `text` is a scalar as written (quotes removed), "" for lists and mappings; `text_at` is where
    that text begins, after a quote or a block's `|`.
    """

    at: Position
    value: Scalar | list[Node] | dict[str, Entry]
    text: str = ""
    text_at: Position | None = None

    @property
    def kind(self) -> str:
        """What the value is, in the words used in messages."""
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, list):
            return "a list"
        if self.value is None:
            return "empty"
        if isinstance(self.value, bool):
            return "true or false"
        return "text" if isinstance(self.value, str) else "a number"


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping: where the key stands, and its value."""

    at: Position
    node: Node


class Faults:
    """Collects every problem of one pass, with the line each is on."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._lines: dict[str, list[str]] = {}

    def learn(self, file: str, text: str) -> None:
        """Remember a file's text, so that problems in it can show their line."""
        self._lines[file] = text.splitlines()

    def add(self, at: Position, message: str, fix: str, *, code: str = "config.invalid") -> None:
        """Record one problem. The excerpt hides values of keys that look like secrets."""
        self.problems.append(Problem(at, message, fix, code, self._excerpt(at)))

    def warn(self, at: Position, message: str, fix: str, *, code: str) -> None:
        """Record what keeps nothing from being used and should be known."""
        self.problems.append(Problem(at, message, fix, code, self._excerpt(at), is_warning=True))

    def found(self) -> tuple[Problem, ...]:
        """Everything recorded so far, warnings included, in file order."""
        return tuple(
            sorted(self.problems, key=lambda p: (p.at.file, p.at.line, p.at.column, p.code))
        )

    def stop(self, what: str) -> None:
        """Raise ConfigurationError with everything found so far unless that is warnings alone."""
        problems = self.found()
        errors = [problem for problem in problems if not problem.is_warning]
        if not errors:
            return
        count = "1 problem" if len(errors) == 1 else f"{len(errors)} problems"
        first = errors[0]
        raise ConfigurationError(
            f"{what}: {count}. {first.at}: {first.message}",
            problems=problems,
            code=first.code,
            remedy=first.fix,
        )

    def _excerpt(self, at: Position) -> str:
        lines = self._lines.get(at.file, [])
        line = lines[at.line - 1] if 0 < at.line <= len(lines) else ""
        return excerpt(line, at.column)


def excerpt(line: str, column: int) -> str:
    """The line with a caret under the column; secrets masked, long lines cut around it."""
    shown = _URL_PASSWORD.sub(r"\1***@", _SECRET.sub(r"\1***", line)).replace("\t", " ")
    if not shown.strip():
        return ""
    start = max(0, min(column - 1, len(shown)) - _EXCERPT // 2) if len(shown) > _EXCERPT else 0
    cut = "".join(c if c.isprintable() else "?" for c in shown[start : start + _EXCERPT])
    caret = min(column - 1 - start, len(cut))
    return f"{cut}\n{' ' * max(0, caret)}^"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like the given one, ignoring case and underscores, or None."""
    plain = {re.sub(r"[_\s-]", "", k).lower(): k for k in known}
    hit = get_close_matches(re.sub(r"[_\s-]", "", name).lower(), list(plain), n=1, cutoff=0.7)
    return plain[hit[0]] if hit else None


def suggest(name: str, known: Iterable[str], otherwise: str) -> str:
    """The fix for an unknown name: the nearest one, or what else to do."""
    names = list(known)
    hit = meant(name, names) or nearest(name, names)
    if hit is not None:
        return f"Did you mean `{hit}`?"
    return otherwise or f"Use one of: {', '.join(sorted(names))}."


def is_there(path: Path) -> bool:
    """Whether a path leads to something; a name that no file system takes leads nowhere."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def read_document(path: Path, faults: Faults, *, name: str | None = None) -> Node:
    """The file's one document. Raises ConfigurationError when it is no readable YAML.

    `name` is how messages call the file (default: the path as given).
    """
    label = name or str(path)
    start = Position(label, 1, 1)
    text = _read_text(path, start, faults)
    faults.learn(label, text)
    try:
        return _Composer(text, label, faults).document()
    except RecursionError:
        faults.add(start, "The file is nested too deeply.", "Flatten it.", code="config.too_deep")
    faults.stop(f"{label} cannot be read")
    raise AssertionError("unreachable: a problem was recorded")


def _read_text(path: Path, start: Position, faults: Faults) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        faults.add(
            start,
            f"The file cannot be read: {error.strerror or 'input/output error'}.",
            "Check the path and its permissions.",
            code="config.unreadable",
        )
        faults.stop(f"{start.file} cannot be read")
    if len(raw) > MAX_BYTES:
        faults.add(
            start,
            "The file is larger than 1 MB.",
            "Split it: every *.yaml file of the mapping directory is read.",
            code="config.too_large",
        )
        faults.stop(f"{start.file} cannot be read")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        faults.add(
            Position(start.file, line, column),
            "The file is not UTF-8 text.",
            "Save it as UTF-8.",
            code="config.encoding",
        )
        faults.stop(f"{start.file} cannot be read")
        raise AssertionError("unreachable: a problem was recorded") from None


class _Composer:
    """Turns the parser's events into nodes, refusing what `positions` refuses."""

    def __init__(self, text: str, label: str, faults: Faults) -> None:
        self._label = label
        self._faults = faults
        self._lines = text.splitlines()
        self._events = self._parse(text)

    def document(self) -> Node:
        root: Node | None = None
        for event in self._events:
            kind = type(event).__name__
            if kind in {"StreamStartEvent", "StreamEndEvent", "DocumentEndEvent"}:
                continue
            if kind == "DocumentStartEvent":
                if root is not None:
                    self._refuse(
                        self._at(event), "A second document begins here.",
                        "Keep one document a file.", "config.syntax",
                    )  # fmt: skip
                continue
            root = self._node(event, 0)
        if root is None:
            root = Node(Position(self._label, 1, 1), None)
        return root

    def _parse(self, text: str) -> Iterator[Any]:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        try:
            yield from YAML(typ="safe", pure=True).parse(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            if "end of stream" in str(error.problem) and error.context_mark is not None:
                mark = error.context_mark  # where it was opened, not where the file ends
            at = (
                Position(self._label, mark.line + 1, mark.column + 1)
                if mark is not None
                else Position(self._label, 1, 1)
            )
            said = error.problem or error.context or "syntax error"
            begun = error.context_mark
            found = (
                unclosed_bracket(said, self._lines, at.line, begun and (begun.line, begun.column))
                or unclosed_quote(_long_quotes(text, at.line), at.line)
                or stumble(said, self._lines, at.line, at.column)
            )
            place = Position(self._label, found.line, found.column)
            self._refuse(place, found.message, found.fix, "config.syntax")
        except (YAMLError, ValueError, IndexError, TypeError, AttributeError, OverflowError):
            # The parser answers some malformed input with plain Python errors.
            self._refuse(
                Position(self._label, *_first_odd_character(text)),
                "This is not valid YAML: a character that no YAML file may hold.",
                "Remove control characters and save the file as UTF-8 text.",
                "config.syntax",
            )

    def _refuse(self, at: Position, message: str, fix: str, code: str) -> None:
        self._faults.add(at, message, fix, code=code)
        self._faults.stop(f"{self._label} cannot be read")

    def _at(self, event: Any) -> Position:
        mark = event.start_mark
        return Position(self._label, mark.line + 1, mark.column + 1)

    def _text_at(self, at: Position, style: str | None) -> Position:
        if style in {"'", '"'}:
            return Position(at.file, at.line, at.column + 1)
        if style not in {"|", ">"}:
            return at
        for number, line in enumerate(self._lines[at.line :], start=at.line + 1):
            if line.strip():
                return Position(at.file, number, len(line) - len(line.lstrip()) + 1)
        return at

    def _node(self, event: Any, depth: int) -> Node:
        at = self._at(event)
        kind = type(event).__name__
        if kind == "AliasEvent" or event.anchor is not None:
            self._refuse(
                at, "Anchors (&name) and aliases (*name) are not allowed here.",
                "Write the value out, or quote text that begins with & or *.", "config.alias",
            )  # fmt: skip
        if event.tag is not None and str(event.tag) not in {"", "!"}:
            self._refuse(
                at, "Tags (!name) are not allowed here.",
                "Remove the tag, or quote text that begins with an exclamation mark.",
                "config.tag",
            )  # fmt: skip
        if depth > MAX_DEPTH:
            self._refuse(at, "The file is nested too deeply.", "Flatten it.", "config.too_deep")
        if kind == "ScalarEvent":
            return Node(at, _resolve(event), str(event.value), self._text_at(at, event.style))
        if kind == "SequenceStartEvent":
            return Node(at, self._sequence(depth))
        return Node(at, self._mapping(depth))

    def _sequence(self, depth: int) -> list[Node]:
        items: list[Node] = []
        for event in self._events:
            if type(event).__name__ == "SequenceEndEvent":
                break
            items.append(self._node(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for event in self._events:
            if type(event).__name__ == "MappingEndEvent":
                break
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if value.value is None and not value.text:
                value = replace(value, at=key.at)  # where the parser stands by then is further on
            if isinstance(key.value, list | dict):
                self._faults.add(
                    key.at, "A key must be text.", "Quote it if it begins with [ or {.",
                    code="config.wrong_type",
                )  # fmt: skip
            elif key.text in entries:
                self._faults.add(
                    key.at,
                    f"The key `{key.text}` is already given in line {entries[key.text].at.line}.",
                    "Keep one of the two.",
                    code="config.duplicate_key",
                )
            else:
                entries[key.text] = Entry(key.at, value)
        return entries


def _long_quotes(text: str, line: int) -> list[tuple[int, int, int]]:
    """Quoted texts of more than a line that begin before this one: line and column of their
    beginning, line of their end (1-based)."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    found: list[tuple[int, int, int]] = []
    with contextlib.suppress(YAMLError, ValueError, IndexError, TypeError, AttributeError):
        for token in YAML(typ="safe", pure=True).scan(text):
            begin, end = token.start_mark, token.end_mark
            if begin.line + 1 >= line:
                break
            if getattr(token, "style", None) in {"'", '"'} and end.line > begin.line:
                found.append((begin.line + 1, begin.column + 1, end.line + 1))
    return found


def _resolve(event: Any) -> Scalar:
    text = str(event.value)
    if event.style not in {None, ""}:
        return text
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _first_odd_character(text: str) -> tuple[int, int]:
    for number, line in enumerate(text.split("\n"), start=1):
        for column, character in enumerate(line, start=1):
            if not character.isprintable() and character not in "\t\r":
                return number, column
    return 1, 1
