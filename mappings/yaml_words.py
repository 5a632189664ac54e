"""What a YAML parser stumbles over, in words for people: where, what, and what to do.

The parser speaks of tokens and blocks, and names the place where it gave up, which is often the
line after the mistake. The text around that place usually shows what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_GLUED = re.compile(r"^\s*(-\s+)?[A-Za-z_][\w]*:\S")
_NO_COLON = re.compile(r"^\s*(-\s+)?[A-Za-z_][\w]*\s+\S")
_GLUED_DASH = re.compile(r"^\s*-\w+:")


@dataclass(frozen=True, slots=True)
class Stumble:
    """Where a reader should look (1-based), what is wrong there, and the fix."""

    line: int
    column: int
    message: str
    fix: str


def stumble(problem: str, lines: Sequence[str], line: int, column: int) -> Stumble:
    """What the parser's complaint at a place comes to. `lines` are the file's."""
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    above = _above(lines, line)
    before = lines[above - 1] if above else ""
    no_colon = (_NO_COLON.match(before) or "=" in before) and ":" not in before
    if "\t" in here[: len(here) - len(here.lstrip())]:
        return Stumble(line, here.index("\t") + 1, *_TAB)
    if above and ("could not find expected ':'" in problem or (_NESTED in problem and no_colon)):
        return _colon(before, above)
    if _NESTED in problem:
        return Stumble(line, column, *_SECOND_COLON)
    if _GLUED_DASH.match(here):
        return Stumble(line, here.index("-") + 1, *_DASH)
    if "expected <block end>" in problem:
        return Stumble(line, column, *_OUT_OF_LINE)
    if "end of stream" in problem:
        return Stumble(line, column, *_OPEN)
    if "',' or " in problem:
        return Stumble(line, column, *_COMMA)
    return Stumble(line, column, f"This is not valid YAML: {problem}.", _CHECK)


_NESTED = "mapping values are not allowed"
_CHECK = "Check indentation, quotes and the colon after each key."
_TAB = (
    "A tab stands where the line is indented.",
    "Correct the indentation: write spaces, two for each level.",
)
_SECOND_COLON = (
    "A second colon, or one in a line that belongs to the text above.",
    "Correct the indentation of this line or the one above, or put text with a colon in quotes.",
)
_DASH = (
    "The dash of a list needs a space behind it.",
    "Write `- ` before the key, in line with the other items (indentation).",
)
_OUT_OF_LINE = (
    "This line does not stand under the ones above it.",
    (
        "Correct the indentation of this line or the one above, where keys of one mapping and "
        "dashes of one list begin in the same column; and see that quotes are closed."
    ),
)
_COMMA = (
    "A comma or a closing bracket is missing before this.",
    "Close the bracket or add the comma; put text with colons in quotes.",
)
_OPEN = (
    "Something that is opened here is never closed.",
    "Close the quotes or the bracket.",
)
_SPACE = (
    "The colon after the key has no space behind it.",
    "Write `key: value`, with a space after the colon; or close the quotes.",
)
_NONE = (
    "This line has no colon between key and value.",
    "Write `key: value`; check the indentation, and that quotes are closed.",
)


def _above(lines: Sequence[str], line: int) -> int:
    """The number of the last line before that one that says something; 0 for none."""
    numbers = range(min(line - 1, len(lines)), 0, -1)
    return next((n for n in numbers if lines[n - 1].strip() and lines[n - 1].strip()[0] != "#"), 0)


def _colon(text: str, line: int) -> Stumble:
    said = _SPACE if _GLUED.match(text) else _NONE
    return Stumble(line, len(text) - len(text.lstrip()) + 1, *said)
