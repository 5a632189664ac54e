"""Pictures of a report: SVG for the page, PNG for the e-mail, drawn by Altair without a browser.

Readable in black and white and by people who do not tell red from green: every bar has its
numbers beside it, parts of a bar differ in lightness as much as in colour (Okabe and Ito's
palette), and axes start at zero. Text is drawn in a font every machine has. Drawing needs the extra
`reports`.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.errors import ConfigurationError
from sync.report_findings import NO_TOUCH, currency, linear, whole

Lines = Sequence[Mapping[str, Any]]
BLUE, VERMILION, SKY, YELLOW = "#0072B2", "#D55E00", "#56B4E9", "#F0E442"
"""Of Okabe and Ito's palette, from dark to light: told apart in grey as well."""
INK = "#1A1A1A"
TICKS = 6
WIDTH = 480
STEP = 28
"""Pixels of a bar with its gap."""
TEXT = 12
"""Size of what is written: as large as a table's."""
LONGEST = 260
"""Pixels of a name beside a bar; what is longer is cut, and whole in the table."""
MOST = 12
"""Bars of a picture: more are in the table."""
FONT = "DejaVu Sans, Liberation Sans, Arial, sans-serif"
SCALE = 2
"""Pixels of a PNG per pixel of the picture: sharp on today's screens."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: `part` is the section of the report it belongs to, `alt` what it shows in words,
    `spec` the Vega-Lite it is drawn from."""

    part: str
    alt: str
    spec: Mapping[str, Any]

    def svg(self) -> str:
        """As SVG with its words for those who do not see it, fit to stand within a page. Raises
        ConfigurationError without the extra `reports`.
        """
        drawn = str(_converter().vegalite_to_svg(dict(self.spec)))
        said = html.escape(self.alt, quote=True)
        return drawn.replace("<svg ", f'<svg role="img" aria-label="{said}" ', 1)

    def png(self) -> bytes:
        """As PNG. Raises ConfigurationError without the extra `reports`."""
        return bytes(_converter().vegalite_to_png(dict(self.spec), scale=SCALE))


def width_of(png: bytes) -> int:
    """How wide a picture of `Picture.png` is to be shown: mail programs that know no style sheet
    show every pixel. A PNG's width stands in its first chunk, at bytes 16 to 20.
    """
    return int.from_bytes(png[16:20]) // SCALE


def pictures(found: Mapping[str, Any]) -> Iterator[Picture]:
    """The pictures of a report's data, those that have something to show. Raises ConfigurationError
    without the extra `reports`.
    """
    for part, draw in _DRAWN.items():
        lines = found.get(part) or ()
        picture = draw(lines, found) if lines else None
        if picture is not None:
            yield picture


def _altair() -> Any:
    try:
        import altair as alt
    except ImportError:
        raise _missing() from None
    return alt


def _converter() -> Any:
    try:
        import vl_convert
    except ImportError:
        raise _missing() from None
    return vl_convert


def _missing() -> ConfigurationError:
    return ConfigurationError(
        "pictures need libraries that are not installed",
        code="report.no_pictures",
        remedy="`pip install 'leadloop[reports]'`; everything else of a report needs none.",
    )


def _bars(
    values: Sequence[Mapping[str, Any]],
    *,
    rows: str,
    length: str,
    parts: Mapping[str, str] | None = None,
) -> Mapping[str, Any]:
    """Horizontal bars, each with its `label` behind it: one for each of `rows` in the order given,
    as long as `length`; with `parts` (name to colour) each is stacked of these, by the column
    `part`. What is written stands beside the bars alone, so that it is never too long for one.
    """
    alt = _altair()
    order = list(dict.fromkeys(value[rows] for value in values))
    axis = alt.Axis(tickCount=TICKS, tickMinStep=1, format="~s")
    row = alt.Y(f"{rows}:N", sort=order, title=None, axis=alt.Axis(labelLimit=LONGEST))
    base = alt.Chart(alt.Data(values=[dict(value) for value in values])).encode(y=row)
    stack = alt.X(f"{length}:Q", title=None, stack="zero", axis=axis)
    if parts is None:
        bars = base.mark_bar(color=BLUE).encode(x=stack)
    else:
        colour = alt.Color(
            "part:N",
            scale=alt.Scale(domain=list(parts), range=list(parts.values())),
            legend=alt.Legend(title=None, orient="top"),
        )
        bars = base.mark_bar(stroke=INK, strokeWidth=0.5).encode(
            x=stack, color=colour, order="rank:Q"
        )
    text = base.mark_text(align="left", dx=4, color=INK, fontSize=TEXT).encode(
        x=alt.X(f"sum({length}):Q", title=None, axis=axis), text=alt.Text("label:N")
    )
    chart = (bars + text).properties(width=WIDTH, height=alt.Step(STEP))
    drawn: Mapping[str, Any] = (
        chart.configure(font=FONT, background="white")
        .configure_axis(labelFontSize=TEXT)
        .configure_legend(labelFontSize=TEXT)
        .to_dict()
    )
    return drawn


def _funnel(lines: Lines, _found: Mapping[str, Any]) -> Picture | None:
    everybody = whole(lines)
    several = len({line["lifecycle"] for line in everybody}) > 1
    values = [
        {
            "stage": f"{line['lifecycle']}: {line['stage']}" if several else line["stage"],
            "entered": line["entered"],
            "label": _with_share(line["entered"], line["conversion"]),
        }
        for line in everybody[:MOST]
    ]
    if not any(value["entered"] for value in values):
        return None
    said = ", ".join(f"{value['stage']} {value['label']}" for value in values)
    return Picture("stages", f"People who reached each stage: {said}.",
                   _bars(values, rows="stage", length="entered"))  # fmt: skip


def _with_share(count: int, share: float | None) -> str:
    return f"{count:,}" if share is None else f"{count:,} ({share:.0%} went on)"


def _working(lines: Lines, _found: Mapping[str, Any]) -> Picture | None:
    parts = {"worked": SKY, "pending": YELLOW, "not worked": VERMILION}
    values = [
        {"group": line["group"] or "everybody", "people": line[part.replace(" ", "_")],
         "part": part, "rank": rank, "label": _parted(line)}
        for line in lines[:MOST]
        for rank, part in enumerate(parts)
    ]  # fmt: skip
    if not any(value["people"] for value in values):
        return None
    said = "; ".join(f"{line['group'] or 'everybody'}: {_parted(line)}" for line in lines[:MOST])
    return Picture("working", f"Leads worked within five working days. {said}.",
                   _bars(values, rows="group", length="people", parts=parts))  # fmt: skip


def _parted(line: Mapping[str, Any]) -> str:
    return f"{line['worked']:,} worked, {line['pending']:,} pending, {line['not_worked']:,} not"


def _credits(lines: Lines, found: Mapping[str, Any]) -> Picture | None:
    """The models side by side would be six pictures: the linear one is drawn, the table has all."""
    values = [
        {"source": source or NO_TOUCH, "amount": float(own), "label": f"{own:,.0f}"}
        for source, own in list(linear(lines).items())[:MOST]
    ]
    if not any(value["amount"] for value in values):
        return None
    said = ", ".join(f"{value['source']} {value['label']}" for value in values)
    return Picture("credits", f"Revenue by source, linear, in {currency(found)}: {said}.",
                   _bars(values, rows="source", length="amount"))  # fmt: skip


_DRAWN = {"stages": _funnel, "working": _working, "credits": _credits}
"""How the parts of a report are drawn that are."""
