"""Pictures of a report: SVG for the page, PNG for the e-mail, drawn by Altair without a browser.

Readable in black and white and by people who do not tell red from green: every bar carries its
number, parts of a bar differ in lightness as much as in colour (Okabe and Ito's palette), and axes
start at zero. Text is drawn in a font every machine has. Drawing needs the extra `reports`.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.errors import ConfigurationError

Lines = Sequence[Mapping[str, Any]]
BLUE, VERMILION, SKY, YELLOW = "#0072B2", "#D55E00", "#56B4E9", "#F0E442"
"""Of Okabe and Ito's palette, from dark to light: told apart in grey as well."""
INK = "#1A1A1A"
TICKS = 6
WIDTH = 560
STEP = 26
"""Pixels of a bar with its gap."""
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
    number: str = ",d",
) -> Mapping[str, Any]:
    """Horizontal bars with their numbers: one for each of `rows` in the order given, as long as
    `length`; with `parts` (name to colour) each is stacked of these, by the column `part`.
    """
    alt = _altair()
    order = list(dict.fromkeys(value[rows] for value in values))
    axis = alt.Axis(tickCount=TICKS, tickMinStep=1, format="~s")
    row = alt.Y(f"{rows}:N", sort=order, title=None)
    base = alt.Chart(alt.Data(values=[dict(value) for value in values])).encode(y=row)
    if parts is None:
        bars = base.mark_bar(color=BLUE).encode(x=alt.X(f"{length}:Q", title=None, axis=axis))
        text = base.mark_text(align="left", dx=4, color=INK).encode(
            x=f"{length}:Q", text=alt.Text("label:N")
        )
    else:
        colour = alt.Color(
            "part:N",
            scale=alt.Scale(domain=list(parts), range=list(parts.values())),
            legend=alt.Legend(title=None, orient="top"),
        )
        stack = alt.X(f"{length}:Q", title=None, stack="zero", axis=axis)
        bars = base.mark_bar(stroke=INK, strokeWidth=0.5).encode(
            x=stack, color=colour, order="rank:Q"
        )
        text = (
            base.transform_filter(f"datum.{length} > 0")
            .mark_text(color=INK, dx=-10)
            .encode(
                x=stack,
                text=alt.Text(f"{length}:Q", format=number),
                order="rank:Q",
                detail="part:N",
            )
        )
    chart = (bars + text).properties(width=WIDTH, height=alt.Step(STEP))
    drawn: Mapping[str, Any] = chart.configure(font=FONT, background="white").to_dict()
    return drawn


def _funnel(lines: Lines, _found: Mapping[str, Any]) -> Picture | None:
    whole = _whole(lines)
    several = len({line["lifecycle"] for line in whole}) > 1
    values = [
        {
            "stage": f"{line['lifecycle']}: {line['stage']}" if several else line["stage"],
            "entered": line["entered"],
            "label": _with_share(line["entered"], line["conversion"]),
        }
        for line in whole[:MOST]
    ]
    if not any(value["entered"] for value in values):
        return None
    said = ", ".join(f"{value['stage']} {value['label']}" for value in values)
    return Picture("stages", f"People who reached each stage: {said}.",
                   _bars(values, rows="stage", length="entered"))  # fmt: skip


def _whole(lines: Lines) -> list[Mapping[str, Any]]:
    """The funnel of everybody: the groups of each stage added up."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for line in lines:
        own = found.setdefault(
            (line["lifecycle"], line["stage"]),
            {"lifecycle": line["lifecycle"], "stage": line["stage"], "entered": 0, "converted": 0},
        )
        own["entered"] += line["entered"]
        own["converted"] += line["converted"]
    return [
        line | {"conversion": line["converted"] / line["entered"] if line["entered"] else None}
        for line in found.values()
    ]


def _with_share(count: int, share: float | None) -> str:
    return f"{count:,}" if share is None else f"{count:,} ({share:.0%} went on)"


def _working(lines: Lines, _found: Mapping[str, Any]) -> Picture | None:
    parts = {"worked": SKY, "pending": YELLOW, "not worked": VERMILION}
    values = [
        {"group": line["group"] or "everybody", "people": line[part.replace(" ", "_")],
         "part": part, "rank": rank}
        for line in lines[:MOST]
        for rank, part in enumerate(parts)
    ]  # fmt: skip
    if not any(value["people"] for value in values):
        return None
    said = "; ".join(
        f"{line['group'] or 'everybody'}: {line['worked']} worked, {line['not_worked']} not,"
        f" {line['pending']} pending"
        for line in lines[:MOST]
    )
    return Picture("working", f"Leads worked within five working days. {said}.",
                   _bars(values, rows="group", length="people", parts=parts))  # fmt: skip


def _credits(lines: Lines, found: Mapping[str, Any]) -> Picture | None:
    """The models side by side would be six pictures: the linear one is drawn, the table has all."""
    linear = [line for line in lines if line["model"] == "linear"][:MOST]
    values = [
        {"source": line["source"] or "(nobody)", "amount": float(line["credited"]),
         "label": f"{float(line['credited']):,.0f}"}
        for line in linear
    ]  # fmt: skip
    if not any(value["amount"] for value in values):
        return None
    said = ", ".join(f"{value['source']} {value['label']}" for value in values)
    return Picture("credits", f"Revenue by source, linear, in {found['currency']}: {said}.",
                   _bars(values, rows="source", length="amount"))  # fmt: skip


_DRAWN = {"stages": _funnel, "working": _working, "credits": _credits}
"""How the parts of a report are drawn that are."""
