"""What is shown to people, whatever the form: a title, sections with notes, tables and pictures.

One document serves the terminal, the page and the e-mail, so that all three say the same.
"""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

CSS = (
    "body{font:15px/1.5 system-ui,sans-serif;color:#1a1a1a;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem}table{border-collapse:collapse;width:100%;margin:.5rem 0}"
    "th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;"
    "border-bottom:1px solid #ccc}th{border-bottom:2px solid #1a1a1a}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}h2{margin-top:2rem}"
    "p.note{margin:.25rem 0;color:#444}figure{margin:1rem 0}svg,img{max-width:100%;height:auto}"
    "@media print{body{max-width:none;margin:0}h2,table{break-inside:avoid}}"
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, notes, a picture and a table, each of which may be missing. `picture` is markup of
    ours (an SVG, or the place of an image); `more` is how many lines the table leaves out.
    """

    title: str
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    more: int = 0
    picture: str = ""


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


def as_html(document: Document) -> str:
    """One page that needs nothing else: no script, nothing loaded from anywhere."""
    body = [f"<h1>{html.escape(document.title)}</h1>", *_notes(document.notes)]
    for section in document.sections:
        body += _section(section)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(document.title)}</title><style>{CSS}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _section(section: Section) -> Iterator[str]:
    yield f"<h2>{html.escape(section.title)}</h2>"
    yield from _notes(section.notes)
    if section.picture:
        yield f"<figure>{section.picture}</figure>"
    if section.rows:
        numeric = [_is_number(section, column) for column in range(len(section.columns))]
        yield f"<table><thead>{_row('th', section.columns, numeric)}</thead><tbody>"
        yield from (_row("td", row, numeric) for row in section.rows)
        yield "</tbody></table>"
    if section.more:
        yield from _notes((f"{section.more:,} more lines are left out here.",))


def _notes(notes: tuple[str, ...]) -> list[str]:
    return [f'<p class="note">{html.escape(note)}</p>' for note in notes]


def _row(tag: str, cells: tuple[Any, ...], numeric: list[bool]) -> str:
    marks = [' class="n"' if right else "" for right in numeric]
    made = (
        f"<{tag}{mark}>{html.escape(shown(cell))}</{tag}>"
        for cell, mark in zip(cells, marks, strict=True)
    )
    return f"<tr>{''.join(made)}</tr>"


def _is_number(section: Section, column: int) -> bool:
    """Whether a column holds figures alone, so that it is set flush right."""
    cells = [shown(row[column]) for row in section.rows]
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(cell[:1] in "-0123456789" and " " not in cell for cell in filled)


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
