"""Takes typed values out of YAML nodes, recording every fault instead of stopping at the first.

A `Section` is one mapping of a file together with the keys it may hold. Each getter answers a
usable value whatever the file says (the default when it says something wrong), so that one pass
finds all the problems; the caller asks `Faults.stop` at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TypeVar

from mappings.errors import Position
from mappings.positions import Faults, Node, suggest
from mappings.synonyms import truth

Choice = TypeVar("Choice", bound=StrEnum)


class Section:
    """One mapping node. `what` names it in messages ("a field rule")."""

    def __init__(self, node: Node, faults: Faults, what: str, keys: Iterable[str]) -> None:
        self.at = node.at
        self.faults = faults
        self.what = what
        self._entries = node.value if isinstance(node.value, dict) else {}
        self.usable = isinstance(node.value, dict)
        if not self.usable:
            wrong(faults, node, what, "a mapping (key: value)")
        known = tuple(keys)
        for key, entry in self._entries.items():
            if key not in known:
                faults.add(
                    entry.at,
                    f"`{key}` is no key of {what}.",
                    suggest(key, known, f"Remove it, or use one of: {', '.join(known)}."),
                    code="config.unknown_key",
                )

    def has(self, key: str) -> bool:
        """Whether the key is given with a value."""
        return key in self._entries and self._entries[key].node.value is not None

    def place(self, key: str) -> Position:
        """Where the key's value stands; the section's own place when the key is absent."""
        return self._entries[key].node.at if key in self._entries else self.at

    def node(self, key: str) -> Node | None:
        """The key's value, None when absent or empty."""
        return self._entries[key].node if self.has(key) else None

    def need(self, key: str, fix: str) -> bool:
        """Whether the key is given; records a missing key otherwise."""
        if self.has(key):
            return True
        if self.usable:
            at = self._entries[key].at if key in self._entries else self.at
            self.faults.add(
                at, f"{self.what[0].upper()}{self.what[1:]} needs `{key}`.", fix,
                code="config.missing_key",
            )  # fmt: skip
        return False

    def text(self, key: str, default: str = "") -> str:
        """Text; numbers are taken as they are written."""
        node = self.node(key)
        if node is None:
            return default
        if isinstance(node.value, dict | list | bool):
            wrong(self.faults, node, f"`{key}`", "text")
            return default
        return node.text

    def flag(self, key: str, *, default: bool = False) -> bool:
        """True or false."""
        node = self.node(key)
        if node is None:
            return default
        if not isinstance(node.value, bool):
            word = truth(node.text)
            fix = f"Write `{word}`, without quotes." if word else ""
            wrong(self.faults, node, f"`{key}`", "true or false", fix)
            return default
        return node.value

    def number(self, key: str, default: float, *, low: float, high: float, unit: str = "") -> float:
        """A number within [low, high]."""
        node = self.node(key)
        if node is None:
            return default
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            wanted = f"a number{unit and ' of ' + unit}"
            wrong(self.faults, node, f"`{key}`", wanted, _number_meant(node.text))
            return default
        if not low <= node.value <= high:
            self.faults.add(
                node.at,
                f"`{key}` is {node.text}, outside {_plain(low)} to {_plain(high)}"
                f"{unit and ' ' + unit}.",
                f"Use a number between {_plain(low)} and {_plain(high)}"
                f"{_percent(node.value, high)}.",
                code="config.out_of_range",
            )
            return default
        return node.value

    def whole(self, key: str, default: int, *, low: int, high: int) -> int:
        """A whole number within [low, high]."""
        node = self.node(key)
        if node is not None and isinstance(node.value, float):
            wrong(self.faults, node, f"`{key}`", "a whole number")
            return default
        return int(self.number(key, default, low=low, high=high))

    def choice(self, key: str, options: type[Choice], default: Choice) -> Choice:
        """One of an enumeration's values."""
        node = self.node(key)
        if node is None:
            return default
        found = choose(self.faults, node, f"`{key}`", options)
        return default if found is None else found

    def entries(self, key: str) -> Iterator[tuple[str, Position, Node]]:
        """The keys of a mapping under this key, each with its place and value."""
        node = self.node(key)
        if node is None:
            return
        if not isinstance(node.value, dict):
            wrong(self.faults, node, f"`{key}`", "a mapping (key: value)")
            return
        for name, entry in node.value.items():
            yield name, entry.at, entry.node

    def items(self, key: str) -> list[Node]:
        """The values of a list under this key; a single value counts as a list of one."""
        node = self.node(key)
        if node is None:
            return []
        return node.value if isinstance(node.value, list) else [node]

    def names(self, key: str) -> list[tuple[str, Position]]:
        """A list of texts (or one text), each with its place."""
        found = []
        for item in self.items(key):
            if isinstance(item.value, str | int | float) and not isinstance(item.value, bool):
                found.append((item.text, item.at))
            else:
                wrong(self.faults, item, f"An item of `{key}`", "text")
        return found


_HUNDRED = 100
_MISTYPED = re.compile(r"(?=.*\d)\d[\dOolI_]*[OolI_][\dOolI_]*")
_DIGITS = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1", "_": ""})
"""Letters that pass for digits, and what Python writes between them."""
_EXACT = 1e15
"""Beyond it a number is not written as it was."""
_UNITS = {"min": 60, "h": 3600, "d": 86_400}
"""Seconds in what people write behind a number of them."""


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else f"{number:g}"


def _percent(number: float, high: float) -> str:
    """What was meant by a number that only makes sense as a percentage."""
    return f": `{number / 100:g}` for {number:g} %" if high == 1 < number <= _HUNDRED else ""


def _number_meant(text: str) -> str:
    """How a number that was written with a unit, a percent sign or quotes is written."""
    if _MISTYPED.fullmatch(text):
        return f"Write `{text.translate(_DIGITS).lstrip('0') or '0'}`: digits alone."
    found = re.fullmatch(r"\s*[-+]?0*(\d+(?:[.,]\d+)?)\s*(%|[a-zA-Z]{0,12})\s*", text)
    if found is None:
        return ""
    number, unit = found[1].replace(",", "."), found[2].lower()
    if float(number) > _EXACT:
        return ""
    if unit == "%":
        return f"Write `{float(number) / 100:g}` for {number} %."
    known = {**_UNITS, unit: 60} if unit == "m" else _UNITS
    seconds = next((s for word, s in known.items() if unit and unit.startswith(word)), 1)
    return f"Write `{float(number) * seconds:.15g}`, without quotes or unit."


def wrong(faults: Faults, node: Node, what: str, wanted: str, fix: str = "") -> None:
    """Record that a value is of the wrong type."""
    quote = " Quote it if text is meant." if isinstance(node.value, bool) else ""
    faults.add(
        node.at,
        f"{what[0].upper()}{what[1:]} must be {wanted}, not {node.kind}.",
        fix or f"Write {wanted}.{quote}",
        code="config.wrong_type",
    )


def choose(faults: Faults, node: Node, what: str, options: type[Choice]) -> Choice | None:
    """The enumeration's member the node names, or None with the fault recorded."""
    words = [option.value for option in options]
    # `off` is a word here as in YAML 1.2; a bare `false` is what editors make of it.
    if isinstance(node.value, str) and node.value in words:
        return options(node.value)
    if isinstance(node.value, dict | list):
        wrong(faults, node, what, f"one of {', '.join(words)}")
        return None
    said = "is empty" if node.value is None else f"cannot be `{node.text}`"
    faults.add(
        node.at,
        f"{what[0].upper()}{what[1:]} {said}.",
        suggest(node.text, words, f"Use one of: {', '.join(words)}."),
        code="config.unknown_value",
    )
    return None
