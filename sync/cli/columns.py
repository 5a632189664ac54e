"""Tables on a narrow terminal: no word is broken and nothing is cut off.

A table that is too wide is shown in two parts, each led by the first column. One that would need
more becomes a list: each line's first cell, and under it the others with their headings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sync.cli import output

if TYPE_CHECKING:
    from rich.console import RenderableType

Rows = Sequence[Sequence[str]]
GAP = 3
"""Characters between two columns of a table."""
SHORT = len("2026-03-02 08:00")
"""Characters of a cell that is not broken at all."""
INDENT = 2
"""Characters before what is told of a line in a list."""
MOST = 2
"""Parts of a table."""


def fitted(columns: Sequence[str], rows: Rows, *, width: int) -> Iterator[RenderableType]:
    """What to print for a table within `width` characters. A single word that is longer is broken
    all the same."""
    least = [_longest(name, rows, number, by_word=True) for number, name in enumerate(columns)]
    parts = list(fitting(least, width - GAP))
    if len(parts) > MOST:
        yield from _listed(columns, rows, width)
        return
    whole = [_longest(name, rows, number, by_word=False) for number, name in enumerate(columns)]
    for part in parts:
        made = output.table(
            "", [columns[n] for n in part], [[row[n] for n in part] for row in rows]
        )
        room = width - GAP * len(part)
        widths = narrowed([whole[n] for n in part], [least[n] for n in part], room)
        for column, own in zip(made.columns, widths, strict=True):
            column.width = own
        yield made


def fitting(least: Sequence[int], width: int) -> Iterator[list[int]]:
    """Numbers of the columns of each part: the first one, and as many more as fit beside it."""
    part = [0]
    for number in range(1, len(least)):
        if len(part) > 1 and sum(least[n] + GAP for n in (*part, number)) > width:
            yield part
            part = [0]
        part.append(number)
    yield part


def narrowed(whole: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths of columns that come to at most `room`: those with most to spare give it up first,
    none below its longest word."""
    widths = list(whole)
    while sum(widths) > room:
        spare = [own - word for own, word in zip(widths, least, strict=True)]
        if max(spare) <= 0:
            break
        widths[spare.index(max(spare))] -= 1
    return widths


def _longest(name: str, rows: Rows, number: int, *, by_word: bool) -> int:
    """The longest word of a column, short cells being one word, or its longest line."""
    from rich.cells import cell_len

    lines = [line for row in rows for line in row[number].split("\n")]
    if by_word:
        lines = [
            word for line in lines for word in ([line] if len(line) <= SHORT else line.split())
        ]
    heading = name.split() if by_word else [name]
    return max(map(cell_len, (*heading, *lines)), default=1)


def _listed(columns: Sequence[str], rows: Rows, width: int) -> Iterator[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    for row in rows:
        cells = zip(columns[1:], row[1:], strict=True)
        told = [f"{name}: {cell}" for name, cell in cells if cell]
        yield Text(row[0])
        yield Padding(Text("\n".join(_joined(told, width - INDENT))), (0, 0, 0, INDENT))


def _joined(told: Sequence[str], width: int) -> Iterator[str]:
    """As many to a line as fit; what has lines of its own stands alone."""
    line = ""
    for text in told:
        longer = f"{line}; {text}" if line else text
        if line and (len(longer) > width or "\n" in longer):
            yield line
            longer = text
        line = longer
    yield line
