"""Whether one condition leaves anything to another that is asked after it. Pure.

Of several conditions the first that holds counts. One that can hold only where an earlier one does
is never reached, and whoever wrote it meant something else. Conditions are compared by their parts
between `||` and `&&` as they are written: what is told is certain, and more may be so.
"""

from __future__ import annotations

import re

from mappings.cel import without_quotes

_OPEN, _CLOSE = "([{", ")]}"
_SPACES = re.compile(r"\s+")


def covers(first: str, later: str) -> bool:
    """Whether the first condition surely holds wherever the later one does."""
    earlier = _cases(first)
    return all(any(known <= case for known in earlier) for case in _cases(later))


def _cases(text: str) -> list[frozenset[str]]:
    """The cases in which a condition holds, each with the parts that must all be so."""
    return [frozenset(_split(case, "&&")) for case in _split(text, "||")]


def _split(text: str, mark: str) -> list[str]:
    """The parts between marks that stand in no quotes and no brackets."""
    bare, depth, start = without_quotes(text), 0, 0
    if "?" in bare:
        return [text]  # what a choice between two leaves open is not read
    parts: list[str] = []
    for at, letter in enumerate(bare):
        depth += (letter in _OPEN) - (letter in _CLOSE)
        if depth == 0 and bare.startswith(mark, at):
            parts.append(text[start:at])
            start = at + len(mark)
    return [_SPACES.sub(" ", part.strip()) for part in (*parts, text[start:])]
