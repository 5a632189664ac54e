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
_ODD_SPACE = re.compile("[\u00a0\u2000-\u200b\u202f\u3000\ufeff]")
_MERGE = re.compile(r"(<{7}|\|{7}|={7}|>{7})(\s|$)")
_CANNOT_START = re.compile(r"found character '([%@`])' that cannot start any token")
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
    left = _left_behind(lines, line, above)
    if left is not None:
        return left
    no_colon = (_NO_COLON.match(before) or "=" in before) and ":" not in before
    if "\t" in here[: len(here) - len(here.lstrip())]:
        return Stumble(line, here.index("\t") + 1, *_TAB)
    if above and ("could not find expected ':'" in problem or (_NESTED in problem and no_colon)):
        return _colon(before, above)
    if _NESTED not in problem and _GLUED_DASH.match(here):
        return Stumble(line, here.index("-") + 1, *_DASH)
    return Stumble(line, column, *_said(problem))


def unclosed_bracket(
    problem: str, lines: Sequence[str], line: int, begun: tuple[int, int] | None
) -> Stumble | None:
    """A bracket that was never closed, told where it was opened: the parser notices with the next
    key or dash that stands no further in. `begun` is that place, counted from 0."""
    if begun is None or "',' or " not in problem or not begun[0] + 1 < line <= len(lines):
        return None
    if _indent(lines[line - 1]) > _indent(lines[begun[0]]):
        return None
    return Stumble(begun[0] + 1, begun[1] + 1, *_BRACKET)


def unclosed_quote(texts: Sequence[tuple[int, int, int]], line: int) -> Stumble | None:
    """A quote that was never closed, told where it was opened: the text in it ends at the next one,
    lines below, and there the parser stumbles. `texts` are the quoted ones of several lines: line
    and column of their beginning, line of their end."""
    for begin, column, end in texts:
        if end == line:
            return Stumble(begin, column, *_QUOTED)
    return None


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _said(problem: str) -> tuple[str, str]:
    """What the parser's own words come to, where the lines show nothing else."""
    for sign, said in (
        (_NESTED, _SECOND_COLON),
        ("expected <block end>", _OUT_OF_LINE),
        ("end of stream", _OPEN),
        ("',' or ", _COMMA),
    ):
        if sign in problem:
            return said
    if letter := _CANNOT_START.search(problem):
        return f"A text cannot begin with `{letter[1]}`.", _QUOTE
    return f"This is not valid YAML: {problem}.", _CHECK


def _left_behind(lines: Sequence[str], *numbers: int) -> Stumble | None:
    """What copying and merging leave in these lines and nobody sees: a parser stumbles later."""
    for number in numbers:
        text = lines[number - 1] if 0 < number <= len(lines) else ""
        if _MERGE.match(text):
            return Stumble(number, 1, *_UNMERGED)
        if odd := _ODD_SPACE.search(text):
            return Stumble(number, odd.start() + 1, *_NO_SPACE)
    return None


_UNMERGED = (
    "A merge left its marks here: the file says two things.",
    "Keep one of the two and delete the lines `<<<<<<<`, `=======` and `>>>>>>>`.",
)
_NO_SPACE = (
    "This looks like a space and is another character, as web pages and word processors have it.",
    "Type it again: an ordinary space.",
)
_QUOTE = "Put the text in quotes; a variable of the environment is written `${NAME}`."
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
_BRACKET = (
    "The bracket opened here is not closed.",
    "Close it before the next key or dash begins.",
)
_QUOTED = (
    "The quote opened here is closed only lines below, by the next one there is.",
    "Close the quotes where the text ends.",
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
