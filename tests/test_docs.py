"""The documentation holds together: links resolve, decisions are listed, words are defined once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.house import ROOMS, ROOT, permitted_by_page, relative

DECISIONS = ROOT / "docs" / "decisions"
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")]
)
RECORDS = sorted(DECISIONS.glob("[0-9]*.md"))

by_path = pytest.mark.parametrize("page", PAGES, ids=relative)
by_record = pytest.mark.parametrize("record", RECORDS, ids=relative)


def _tokens(page: Path) -> list[Token]:
    """Every token of the page, those inside paragraphs and tables included."""
    blocks = MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
    return [token for block in blocks for token in (block, *(block.children or []))]


def _links(page: Path) -> list[str]:
    targets = (token.attrGet("href") or token.attrGet("src") for token in _tokens(page))
    return [str(target) for target in targets if target]


def _anchors(page: Path) -> set[str]:
    """The heading anchors as GitHub makes them."""
    tokens = _tokens(page)
    headings = [
        tokens[number + 1].content
        for number, token in enumerate(tokens)
        if token.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@by_path
def test_relative_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that exists, and every fragment a heading in it."""
    dead = []
    for link in _links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (fragment and fragment not in _anchors(target)):
            dead.append(link)
    assert dead == []


@by_path
def test_a_page_has_one_title(page: Path) -> None:
    """Each page opens with its only top-level heading."""
    titles = [
        token for token in _tokens(page) if token.type == "heading_open" and token.tag == "h1"
    ]
    assert len(titles) == 1
    assert titles[0].map == [0, 1]


@by_record
def test_a_decision_is_in_the_index(record: Path) -> None:
    """The index lists the record with the title and status that the record itself gives."""
    text = record.read_text(encoding="utf-8")
    number, title = re.match(r"# (\d{4})\. (.+)\n", text).groups()  # type: ignore[union-attr]
    [status] = re.findall(r"^Status: (.+)$", text, flags=re.MULTILINE)
    row = f"| [{number}]({record.name}) | {title} | {status} |"
    assert row in (DECISIONS / "README.md").read_text(encoding="utf-8").splitlines()
    assert record.name.startswith(f"{number}-")


@by_record
def test_a_decision_says_why_what_and_what_follows(record: Path) -> None:
    """Each record has the sections Context, Decision and Consequences, in this order."""
    sections = re.findall(r"^## (.+)$", record.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sections == ["Context", "Decision", "Consequences"]


def test_decisions_are_numbered_without_gaps() -> None:
    """The records count up from 0001, and nothing but the index lies beside them."""
    numbers = [int(record.name[:4]) for record in RECORDS]
    assert numbers == list(range(1, len(RECORDS) + 1))
    assert {path.name for path in DECISIONS.iterdir()} - {r.name for r in RECORDS} == {"README.md"}


def test_every_page_is_reached_from_the_contents() -> None:
    """Following links from docs/README.md, a reader comes past every page under docs/."""
    start = (ROOT / "docs" / "README.md").resolve()
    seen, waiting = {start}, [start]
    while waiting:
        page = waiting.pop()
        for link in _links(page):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_file() and target not in seen:
                seen.add(target)
                waiting.append(target)
    assert {relative(page) for page in PAGES if page.is_relative_to(ROOT / "docs")} <= {
        relative(page) for page in seen
    }


def test_the_architecture_page_has_every_room() -> None:
    """The layer table has one row for each room of the house."""
    assert sorted(permitted_by_page()) == sorted(ROOMS)


def test_the_glossary_defines_a_word_once() -> None:
    """No term has two entries: two meanings would need two words."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = [
        term.strip()
        for entry in re.findall(r"^- \*\*(.+?)\*\*", text, flags=re.MULTILINE)
        for term in entry.split(",")
    ]
    assert len(terms) == len(set(terms))
    assert len(terms) > 50


def test_the_changelog_has_a_section_for_what_comes_next() -> None:
    """The first section of the changelog is Unreleased, so that a change has a place to go."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE)[0] == "[Unreleased]"
