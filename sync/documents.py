"""What is shown to people, whatever the form: a title, sections with notes, tables and pictures.

One document serves the terminal, the page and the e-mail, so that all three say the same.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, notes, a picture and a table, each of which may be missing. `finding` says in one
    sentence what they come to; `picture` is markup of ours (an SVG, or the place of an image);
    `more` is how many lines the table leaves out.
    """

    title: str
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    more: int = 0
    picture: str = ""
    finding: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole page."""

    title: str
    notes: tuple[str, ...]
    sections: tuple[Section, ...]


def shown(value: Any) -> str:
    """A value in a table: times to the minute (UTC), numbers with thousands, blank for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def as_csv(document: Document) -> str:
    """Every table one after the other, each line led by its section's title. Text that a
    spreadsheet would take for a formula is led by an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for section in document.sections:
        if section.rows:
            writer.writerow(["section", *section.columns])
            writer.writerows([section.title, *map(_safe, row)] for row in section.rows)
    return out.getvalue()


def _safe(cell: Any) -> str:
    text = "" if cell is None else str(cell)
    return (
        f"'{text}" if text[:1] in ("=", "+", "@", "\t", "\r") or _is_minus_formula(text) else text
    )


def _is_minus_formula(text: str) -> bool:
    return text.startswith("-") and not text[1:].replace(",", "").replace(".", "").isdigit()
