"""Documents as HTML: a page that stands alone and prints on A4, and an e-mail.

Both need nothing beside them: no script, nothing loaded from anywhere. Mail programs drop style
sheets, so that an e-mail's tags carry their styles themselves. Text that runs from right to left
keeps its direction in its cell; names of records break after their colons alone, instants nowhere.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sync.documents import Document, Section, shown

STYLES: Mapping[str, str] = {
    "body": "font:15px/1.5 system-ui,sans-serif;color:#1a1a1a;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem",
    "h1": "font-size:1.8em;line-height:1.25",
    "h2": "font-size:1.25em;margin:2rem 0 .25rem",
    "p.note": "margin:.25rem 0;color:#444",
    "p.finding": "margin:.25rem 0;font-weight:bold",
    "figure": "margin:1rem 0",
    "table": "border-collapse:collapse;width:100%;margin:.75rem 0",
    "th": "text-align:left;vertical-align:bottom;padding:.25rem 1rem .25rem 0;"
    "border-bottom:2px solid #1a1a1a",
    "td": "text-align:left;vertical-align:top;padding:.25rem 1rem .25rem 0;"
    "border-bottom:1px solid #ccc",
    "th.n": "text-align:right",
    "td.n": "text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums",
    "td.d": "white-space:nowrap",
}
"""What each tag looks like, and of some the kinds that are numbers (`n`) and instants (`d`)."""
SHEET_ONLY = (
    "svg,img{max-width:100%;height:auto}@page{size:A4;margin:15mm}"
    "@media print{body{max-width:none;margin:0;padding:0;font-size:11px}"
    "th,td{padding-right:.6rem}h2,p.finding,p.note,thead{break-after:avoid}"
    "tr,figure{break-inside:avoid}thead{display:table-header-group}}"
)
RIGHT_TO_LEFT = frozenset({"R", "AL"})
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d)?")
_RECORD = re.compile(r"(?<=[A-Za-z]):(?=\w)")


def as_html(document: Document) -> str:
    """One page."""
    return _Hand(inline=False).page(document)


def as_email(document: Document) -> str:
    """The same for mail programs."""
    return _Hand(inline=True).page(document)


@dataclass(frozen=True, slots=True)
class _Hand:
    """Writes HTML, with a style sheet or with the styles `inline`."""

    inline: bool

    def page(self, document: Document) -> str:
        """All of it."""
        title = html.escape(document.title)
        body = [self._tag("h1", title), *self._notes(document.notes)]
        for section in document.sections:
            body += self._section(section)
        head = "" if self.inline else f"<style>{_sheet()}</style>"
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{title}</title>{head}</head>\n{self._open('body')}\n"
            + "\n".join(body)
            + "\n</body></html>\n"
        )

    def _section(self, section: Section) -> Iterator[str]:
        yield self._tag("h2", html.escape(section.title))
        if section.finding:
            yield self._tag("p", _text(section.finding), "finding")
        yield from self._notes(section.notes)
        if section.picture:
            yield self._tag("figure", section.picture)
        if section.rows:
            kinds = [_kind(section, column) for column in range(len(section.columns))]
            yield f"{self._open('table')}<thead>{self._row('th', section.columns, kinds)}</thead>"
            yield "<tbody>"
            yield from (self._row("td", row, kinds) for row in section.rows)
            yield "</tbody></table>"
        if section.more:
            yield from self._notes((f"{section.more:,} more lines are left out here.",))

    def _notes(self, notes: tuple[str, ...]) -> list[str]:
        return [self._tag("p", _text(note), "note") for note in notes]

    def _row(self, tag: str, cells: tuple[Any, ...], kinds: list[str]) -> str:
        made = (
            self._tag(tag, _text(shown(cell)), kind, runs_left=_runs_left(shown(cell)))
            for cell, kind in zip(cells, kinds, strict=True)
        )
        return f"<tr>{''.join(made)}</tr>"

    def _tag(self, tag: str, inside: str, kind: str = "", *, runs_left: bool = False) -> str:
        return f"{self._open(tag, kind, runs_left=runs_left)}{inside}</{tag}>"

    def _open(self, tag: str, kind: str = "", *, runs_left: bool = False) -> str:
        direction = ' dir="auto"' if runs_left else ""
        if not self.inline:
            named = f' class="{kind}"' if kind else ""
            return f"<{tag}{named}{direction}>"
        styles = ";".join(one for name in (tag, f"{tag}.{kind}") if (one := STYLES.get(name)))
        return f'<{tag} style="{styles}"{direction}>'


def _sheet() -> str:
    return "".join(f"{name}{{{style}}}" for name, style in STYLES.items()) + SHEET_ONLY


def _text(text: str) -> str:
    return _RECORD.sub(":<wbr>", html.escape(text)).replace("\n", "<br>")


def _runs_left(text: str) -> bool:
    """Whether a text holds letters that are written from right to left."""
    return any(unicodedata.bidirectional(char) in RIGHT_TO_LEFT for char in text)


def _kind(section: Section, column: int) -> str:
    """What a column holds: `n` figures alone, which are set flush right, `d` instants, "" text."""
    filled = [text for row in section.rows if (text := shown(row[column]))]
    if filled and all(_INSTANT.fullmatch(text) for text in filled):
        return "d"
    figures = all(text[:1] in "-0123456789" and " " not in text for text in filled)
    return "n" if filled and figures else ""
