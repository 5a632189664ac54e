"""Pages and e-mails: nothing beside them, text stays text, figures and instants in their place."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from sync.documents import Document, Section
from sync.pages import STYLES, as_email, as_html

HEBREW = "דנה לוי"
ROWS = (
    ("salesforce:Lead:00Q1", "2026-03-02 08:00", 1200, "<script>alert(1)</script>"),
    ("hubspot:contacts:7", "", -3, HEBREW),
)
MADE = Document(
    "<Main>, March 2026",
    ("a & b",),
    (
        Section("Leads", finding="2 of 3 waited.", columns=("record", "since", "n", "who"),
                rows=ROWS, more=4, picture='<img src="cid:x.png" alt="x">'),
        Section("Nothing here", notes=("Nothing.",)),
    ),
)  # fmt: skip


class Tags(HTMLParser):
    """Reads a page: its tags with their attributes, and whether each that opens closes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag opens."""
        self.seen.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "wbr", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """The innermost one closes."""
        assert self.open.pop() == tag


@pytest.mark.parametrize("make", [as_html, as_email])
def test_a_document_is_whole_and_a_hostile_value_is_text(make: Callable[[Document], str]) -> None:
    """Page and e-mail: every tag closes, markup in a value is text, the finding leads, what is left
    out is said."""
    page = make(MADE)
    assert Tags(page).open == []
    assert "<script" not in page
    assert "&lt;Main&gt;, March 2026" in page
    assert page.index("2 of 3 waited.") < page.index("cid:x.png") < page.index("<table")
    assert "4 more lines" in page


def test_an_emails_styles_stand_in_its_tags() -> None:
    """A mail program that drops style sheets shows the same: each styled tag carries its style, no
    class is left to look up."""
    page = as_email(MADE)
    tags = Tags(page).seen
    assert "<style" not in page
    assert not any("class" in own for _, own in tags)
    for tag, own in tags:
        if tag in STYLES:
            assert (own["style"] or "").startswith(STYLES[tag])
    figures = [own["style"] or "" for tag, own in tags if tag == "td"]
    assert sum(style.endswith(STYLES["td.n"]) for style in figures) == len(ROWS)


def test_figures_stand_right_and_instants_and_words_stay_whole() -> None:
    """Figures are flush right, an instant is not broken, a record's name breaks after its colons
    alone, and text from right to left keeps its direction."""
    page = as_html(MADE)
    assert '<td class="n">1,200</td>' in page
    assert '<td class="d">2026-03-02 08:00</td>' in page
    assert "<td>salesforce:<wbr>Lead:<wbr>00Q1</td>" in page
    assert f'<td dir="auto">{HEBREW}</td>' in page


def test_a_page_prints_on_a4() -> None:
    """Lines are not torn apart between sheets, headings stay with their tables, long tables may
    go on over several sheets and repeat their head."""
    sheet = re.findall(r"<style>(.*)</style>", as_html(MADE))[0]
    assert "@page{size:A4" in sheet
    assert "tr,figure{break-inside:avoid}" in sheet
    assert "table{break-inside" not in sheet
    assert "thead{display:table-header-group}" in sheet
