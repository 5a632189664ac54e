"""Tables for `leadloop match`: CSV of any delimiter and encoding, or Parquet, read as text.

A damaged file is read as far as it makes sense and what was put right is said in `notes`; what
makes no sense raises MatchInputError with a remedy.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mappings.errors import LeadloopError

_DELIMITERS = ",;\t|"
_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_LARGEST_CELL = 10_000_000
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_REMEMBERED = 50_000
"""Different cells of a column that are remembered."""
_LOOKED_AT = 4_000
_RUBBISH = 0.1
"""Share of characters that stand in no text, from which on a file is none."""
_NAMED = 12
"""Columns named in a message."""


class MatchInputError(LeadloopError):
    """A table cannot be matched as it is."""

    exit_code = 2
    default_code = "match.input"
    default_remedy = "Correct the file, then run `leadloop match` again."


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by header, all of one length, every cell text; `notes` say what was put right."""

    name: str
    columns: dict[str, list[str]]
    notes: tuple[str, ...] = field(default=())

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.columns.values()), ()))

    def ids(self, column: str) -> list[str]:
        """The row ids. Raises MatchInputError where the column is missing, an id is empty or
        occurs twice."""
        found = self.columns.get(column)
        if found is None:
            raise MatchInputError(
                f"{self.name} has no column `{column}`",
                code="match.no_id",
                remedy=f"Name one of its columns with --id: {_listed(self.columns)}.",
            )
        blank = sum(1 for value in found if not value)
        twice = len(found) - blank - len({value for value in found if value})
        if blank or twice:
            raise MatchInputError(
                f"{self.name}: the column `{column}` does not name rows: {blank} of {len(found)} "
                f"cells are empty, {twice} repeat an earlier one",
                code="match.ids",
                remedy="Name a column with --id whose values are all there and all different.",
            )
        return found


def read_table(path: Path) -> Table:
    """The table in a file, by its ending: .parquet or .pq, else delimited text."""
    if not path.is_file():
        raise MatchInputError(
            f"there is no file {path}", code="match.missing", remedy="Correct the path."
        )
    if path.suffix.casefold() in {".parquet", ".pq"}:
        return _parquet(path)
    try:
        return parse(path.name, path.read_bytes())
    except OSError as error:
        raise MatchInputError(
            f"{path} cannot be read: {error.strerror}",
            code="match.unreadable",
            remedy="Check the path and its permissions.",
        ) from None


def parse(name: str, data: bytes) -> Table:
    """The table in delimited text. Raises MatchInputError where there is no row at all."""
    text, notes = _decoded(data)
    del data
    if _unprintable(text) > _RUBBISH:
        raise MatchInputError(
            f"{name} is no text but something else",
            code="match.unreadable",
            remedy="Save the table as CSV or Parquet, and name that file.",
        )
    header, rows = _split(name, text)
    columns: dict[str, list[str]] = {title: [] for title in header}
    cells = [(column, _Kept()) for column in columns.values()]
    short = long = 0
    for row in rows:
        short += len(row) < len(header)
        long += len(row) > len(header)
        for at, (column, kept) in enumerate(cells):
            column.append(kept.one(row[at].strip()) if at < len(row) else "")
    if short:
        notes.append(f"{short} rows have fewer cells than the header: the missing ones are empty")
    if long:
        notes.append(f"{long} rows have more cells than the header: the further ones are left out")
    return _sound(Table(name, columns, tuple(notes)))


class _Kept:
    """Cells of a column that occur again are kept once: most columns of a large table have few."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def one(self, cell: str) -> str:
        """The same text, and where it was seen before the same object."""
        if len(self._seen) < _REMEMBERED:
            return self._seen.setdefault(cell, cell)
        return self._seen.get(cell, cell)


def _decoded(data: bytes) -> tuple[str, list[str]]:
    """Text, each line in UTF-8 if it is that, else in Windows-1252; a byte order mark decides."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace").replace("\0", ""), []
    try:
        return data.decode("utf-8").replace("\0", ""), []
    except UnicodeDecodeError:
        lines = data.split(b"\n")
        texts = [_line(line) for line in lines]
        other = sum(1 for _, plain in texts if not plain)
        note = f"{other} lines are not UTF-8 and were read as Windows-1252"
        return "\n".join(text for text, _ in texts).replace("\0", ""), [note]


def _unprintable(text: str) -> float:
    """The share of characters at the beginning that stand in no text."""
    start = text[:_LOOKED_AT]
    odd = sum(1 for c in start if c == "\ufffd" or (not c.isprintable() and not c.isspace()))
    return odd / max(len(start), 1)


def _line(data: bytes) -> tuple[str, bool]:
    try:
        return data.decode("utf-8"), True
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), False


def _split(name: str, text: str) -> tuple[list[str], Iterator[list[str]]]:
    lines = (line.group() for line in _LINE.finditer(text))
    first = next((line for line in lines if line.strip()), "")
    if not first:
        raise MatchInputError(f"{name} is empty", code="match.empty", remedy="Name another file.")
    delimiter = max(_DELIMITERS, key=lambda mark: (first.count(mark), -_DELIMITERS.index(mark)))
    csv.field_size_limit(_LARGEST_CELL)
    # One line at a time: a file in memory would take four bytes for each character.
    reader = csv.reader((line.group() for line in _LINE.finditer(text)), delimiter=delimiter)
    rows = _readable(name, reader)
    return _titles(next(rows)), rows


def _readable(name: str, reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows that hold anything."""
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield row
    except csv.Error as error:
        raise MatchInputError(
            f"{name} is no delimited text: {error}", code="match.unreadable"
        ) from None


def _titles(header: Sequence[str]) -> list[str]:
    """Headers without blanks, every one different."""
    found: list[str] = []
    for at, cell in enumerate(header, start=1):
        title = cell.strip() or f"column_{at}"
        same = sum(1 for one in found if one == title or one.startswith(f"{title}_"))
        found.append(f"{title}_{same + 1}" if title in found else title)
    return found


def _parquet(path: Path) -> Table:
    try:
        import duckdb
    except ImportError:
        raise MatchInputError(
            "Parquet needs a library that is not installed",
            code="match.no_parquet",
            remedy="Run `pip install 'leadloop[bulk]'`, or save the table as CSV.",
        ) from None
    try:
        found = duckdb.connect().read_parquet(str(path))
        names, rows = found.columns, found.fetchall()
    except duckdb.Error:
        raise MatchInputError(f"{path.name} is no Parquet file", code="match.unreadable") from None
    columns = {name: [_text(row[at]) for row in rows] for at, name in enumerate(names)}
    return _sound(Table(path.name, columns))


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if value != value else f"{value:.15g}"  # noqa: PLR0124 - not a number
    return str(value).strip()


def _sound(table: Table) -> Table:
    if not table.rows:
        raise MatchInputError(
            f"{table.name} has no rows below its header",
            code="match.empty",
            remedy="Name another file.",
        )
    return table


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = ", ..." if len(every) > _NAMED else ""
    plain = ["".join(c if c.isprintable() else "?" for c in name) for name in every[:_NAMED]]
    return ", ".join(f"`{name}`" for name in plain) + more
