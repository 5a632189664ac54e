"""How commands give out a document: as tables, HTML, CSV or JSON, on stdout or into a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync.cli import output
from sync.cli.session import UsageFault

if TYPE_CHECKING:
    from sync.documents import Document


class Format(StrEnum):
    """What a document is given out as."""

    TABLE = "table"
    HTML = "html"
    JSON = "json"
    CSV = "csv"


def chosen(form: Format | None, out: Path | None, *, as_json: bool) -> Format:
    """The format that was asked for: by name, by `--json`, or by the ending of the file. Raises
    UsageFault (exit 2) where they contradict each other, or a file is to hold a terminal's tables.
    """
    if as_json and form not in {None, Format.JSON}:
        raise UsageFault("`--json` and another `--format` exclude each other")
    if as_json:
        return Format.JSON
    if form is None and out is not None:
        form = next((f for f in Format if f"{f}" == out.suffix.removeprefix(".")), Format.TABLE)
    form = form or Format.TABLE
    if form is Format.TABLE and out is not None:
        raise UsageFault(
            "a file needs a format",
            remedy="Name it so that it ends in .html, .csv or .json, or add `--format`.",
        )
    return form


def give_out(
    command: str,
    form: Format,
    out: Path | None,
    data: Mapping[str, Any],
    document: Callable[[], Document],
) -> None:
    """Print it, or write it to a file and say so. Raises ConfigurationError where the file cannot
    be written.
    """
    if form is Format.TABLE:
        show(document())
        return
    text = _text(command, form, data, document)
    if out is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    output.write_file(out, text)
    output.say(f"Wrote {out}.")


def _text(
    command: str, form: Format, data: Mapping[str, Any], document: Callable[[], Document]
) -> str:
    if form is Format.JSON:
        return output.json_text(command, data) + "\n"
    if form is Format.CSV:
        from sync.documents import as_csv

        return as_csv(document())
    from sync.pages import as_html

    return as_html(document())


def show(document: Document) -> None:
    """The document as tables on stdout."""
    from sync.cli.columns import fitted
    from sync.documents import shown

    console = output.console()
    console.print(document.title, style="bold", markup=False)
    for note in document.notes:
        console.print(note, markup=False)
    for section in document.sections:
        console.print()
        console.print(section.title, style="bold", markup=False)
        for note in (section.finding, *section.notes):
            if note:
                console.print(note, markup=False)
        if section.rows:
            rows = [[shown(cell) for cell in row] for row in section.rows]
            for part in fitted(section.columns, rows, width=console.width):
                console.print(part)
        if section.more:
            console.print(f"{section.more:,} more lines: --records shows all.", markup=False)
