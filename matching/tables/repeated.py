"""Columns that say again what other columns of the table say.

A register may have the whole name beside its parts, under a header nobody knows. Compared as well,
one agreement would count twice, and learning would settle on those who share a part of a name. What
a column says is told by what stands in it, row by row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from matching.text import phonetic, words

_LOOKED_AT = 2_000
"""Rows that are looked at, picked evenly."""
_FEW = 10
"""Rows in which both columns must stand something to be judged."""
_INSIDE = 0.5
"""Share of rows in which a column stands within another, from which on it is a part of it."""
_COVERED = 0.6
"""Share of a column's words that its parts must have."""
_MORE = 0.5
"""Share of rows with a word beside them that tells as much, beyond which a column is kept."""
_EQUAL = 0.95
"""Share of rows in which two columns say the same, from which on one of them is enough."""
_PARTS = 2

Words = list[frozenset[str]]


def said_again(table: Mapping[str, Sequence[str]], columns: Sequence[str]) -> frozenset[str]:
    """Those of some columns that other columns of the table say: all words of each row are a
    column's that came before, or most of them stand in two other columns.

    Words count as equal where they sound alike, so a slip is no difference; single letters do not
    count. A column that stands within another, but is not all it says, is kept; so is the other.
    """
    size = len(next(iter(table.values()), ()))
    step = 1 + size // _LOOKED_AT
    held = {name: [_heard(cell) for cell in cells[::step]] for name, cells in table.items()}
    found: set[str] = set()
    for column in columns:
        others = [name for name in table if name != column and name not in found]
        before = others[: list(table).index(column)]
        twin = any(_inside(held[one], held[column]) >= _EQUAL
                   and _inside(held[column], held[one]) >= _EQUAL for one in before)  # fmt: skip
        parts = [one for one in others if _inside(held[one], held[column]) >= _INSIDE]
        whole = len(parts) >= _PARTS and _covered(held[column], [held[one] for one in parts])
        if twin or whole:
            found.add(column)
    return frozenset(found)


def _heard(cell: str) -> frozenset[str]:
    """The words of a cell by their sound, numbers as they are."""
    return frozenset(
        phonetic(word) if word.isalpha() else word for word in words(cell).split() if len(word) > 1
    )


def _inside(part: Words, whole: Words) -> float:
    """The share of rows whose words of the one column all stand in the other, of those that have
    both."""
    both = [(one, other) for one, other in zip(part, whole, strict=True) if one and other]
    return sum(one <= other for one, other in both) / len(both) if len(both) >= _FEW else 0.0


def _covered(whole: Words, parts: Sequence[Words]) -> bool:
    """Whether most words of a column stand in one of its parts in the same row, and few rows have
    a word beside them that is as rare as those: the number of a model beside maker and kind."""
    common = Counter(word for row in whole for word in row)
    there: list[int] = []
    rest: list[list[int]] = []
    for row, *others in zip(whole, *parts, strict=True):
        said = frozenset().union(*others)
        there += [common[word] for word in row & said]
        rest += [[common[word] for word in row - said]] if row else []
    usual = median(there) if there else 0.0
    more = sum(any(count <= usual for count in counts) for counts in rest)
    covered = len(there) >= _COVERED * (len(there) + sum(map(len, rest)))
    return covered and more <= _MORE * len(rest)
