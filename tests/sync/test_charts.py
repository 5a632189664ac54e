"""Pictures of a report show its numbers, to people who see colours and to those who do not."""

from __future__ import annotations

import html
import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from sync.charts import SKY, VERMILION, YELLOW, Picture, pictures
from sync.pages import as_html
from sync.report_pages import document
from tests.sync.world import START


def found(**parts: Any) -> dict[str, Any]:
    """A report with these parts."""
    return {"currency": "EUR", **parts}


STAGES = [
    {"lifecycle": "main", "stage": name, "group": group, "entered": entered, "converted": converted,
     "conversion": converted / entered if name == "lead" else None}
    for name, group, entered, converted in (
        ("lead", "A", 30, 10), ("lead", "B", 10, 2), ("<mql>", "A", 10, 0), ("<mql>", "B", 2, 0),
    )
]  # fmt: skip
WORKING = [{"group": "", "handed_over": 11, "worked": 7, "not_worked": 3, "pending": 1}]
CREDITS = [
    {"group": "", "model": "linear", "source": "form_fill: Price list", "credited": "1200.50"},
    {"group": "", "model": "linear", "source": "", "credited": "300.00"},
    {"group": "", "model": "first_touch", "source": "form_fill: Price list", "credited": "1500.50"},
]


def drawn(**parts: Any) -> dict[str, Picture]:
    """Its pictures by part."""
    return {picture.part: picture for picture in pictures(found(**parts))}


def texts(svg: str) -> list[str]:
    """Everything that is written in a picture."""
    root = ET.fromstring(svg)  # noqa: S314 - our own picture
    return ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_funnel_adds_groups_up_and_writes_its_numbers() -> None:
    """Each stage's bar carries how many reached it and the share that went on, the last stage no
    share; a name with markup is text."""
    svg = drawn(stages=STAGES)["stages"].svg()
    assert {"40 (30% went on)", "12", "<mql>"} <= set(texts(svg))


def test_worked_parts_differ_in_lightness_and_carry_their_number() -> None:
    """Worked, pending and not worked are told apart in grey, and numbered."""
    picture = drawn(working=WORKING)["working"]
    assert "7 worked, 1 pending, 3 not" in texts(picture.svg())
    grey = [
        0.2126 * red + 0.7152 * green + 0.0722 * blue
        for colour in (VERMILION, SKY, YELLOW)
        for red, green, blue in [tuple(bytes.fromhex(colour[1:]))]
    ]
    assert all(lighter - darker > 25 for darker, lighter in pairwise(grey))


def test_a_picture_needs_nothing_beside_it_and_says_what_it_shows() -> None:
    """No script, nothing loaded; its words name every number for whoever does not see it."""
    picture = drawn(credits=CREDITS)["credits"]
    svg = picture.svg()
    assert not re.search(r"<script|href=|url\(http|<image", svg)
    assert "form_fill: Price list 1,200, (no touch) 300" in picture.alt
    assert html.escape(picture.alt, quote=True) in svg
    assert picture.png().startswith(b"\x89PNG")


def test_a_page_holds_its_pictures() -> None:
    """Each picture stands in the section it belongs to, as part of the page."""
    picture = drawn(working=WORKING)["working"]
    data = {
        "report": "handoffs", "for": "both", "as_of": START, "by": None, "contract": True,
        "period": {"label": "all", "from": None, "until": None, "zone": "UTC"},
        "not_evaluated": 0,
        "working": WORKING,
    }  # fmt: skip
    page = as_html(document("main", data, pictures={picture.part: picture.svg()}))
    assert (
        page.index("What sales does")
        < page.index('<figure><svg role="img"')
        < page.index("<table>")
    )


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"stages": [{**one, "entered": 0, "converted": 0} for one in STAGES]},
        {"working": [{"group": "", "worked": 0, "not_worked": 0, "pending": 0}]},
        {"credits": []},
    ],
)
def test_nothing_is_not_drawn(parts: dict[str, Any]) -> None:
    """Where there is nothing to show there is no picture."""
    assert drawn(**parts) == {}


def test_a_picture_of_very_many_shows_the_first() -> None:
    """Of a thousand owners twelve are drawn; the table has them all."""
    many = [{"group": f"rep {n}", "worked": 1, "not_worked": 0, "pending": 0} for n in range(1000)]
    assert (
        sum(text.startswith("rep ") for text in texts(drawn(working=many)["working"].svg())) == 12
    )
