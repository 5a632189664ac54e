"""Tables on a narrow terminal: every cell is there whole, whatever the width."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sync.cli.columns import fitted, fitting, narrowed

RECORD = "salesforce:Opportunity:006Lw000000000jIAA"
WIDE = ("deal", "won at", "first entry at", "record", "by", "marketing touches")
ROW = (RECORD, "2026-03-04 08:03", "2023-11-09 18:09", RECORD.replace("006", "003"), "Theo C", "0")


def printed(columns: tuple[str, ...], rows: list[tuple[str, ...]], width: int) -> str:
    """What a terminal of that width shows."""
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    for part in fitted(columns, rows, width=width):
        console.print(part)
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_nothing_is_broken_or_cut(width: int) -> None:
    """At any usual width each cell stands there unbroken and no line is longer than the screen."""
    text = printed(WIDE, [ROW, ROW], width)
    assert all(text.count(cell) >= 2 for cell in ROW[:5])
    assert max(map(len, text.splitlines())) <= width


def test_a_table_a_little_too_wide_is_shown_in_two_parts() -> None:
    """Both parts begin with the first column, so that lines can be followed."""
    columns = ("stage", *(f"quite-long-{n}" for n in range(6)))
    text = printed(columns, [("lead", *"123456"), ("mql", *"123456")], 80)
    assert [line.split()[0] for line in text.splitlines() if line.strip()].count("lead") == 2
    assert "deal:" not in text


def test_a_table_far_too_wide_is_a_list() -> None:
    """Each line's first cell leads, the others follow with their headings; blanks are left out."""
    text = printed(WIDE, [(*ROW[:4], "", ROW[5])], 60)
    assert text.splitlines()[0].rstrip() == RECORD
    assert "won at: 2026-03-04 08:03" in text
    assert "by:" not in text


def test_an_empty_table_has_its_headings() -> None:
    """No rows are no fault."""
    assert "deal" in printed(("deal", "by"), [], 80)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=9), st.integers(20, 140))
def test_every_column_is_in_one_part_and_the_first_in_all(least: list[int], width: int) -> None:
    """However wide they are, no column is lost or shown twice, and a part of several fits."""
    parts = list(fitting(least, width))
    assert [n for part in parts for n in part[1:]] == list(range(1, len(least)))
    assert all(part[0] == 0 for part in parts)
    assert all(len(p) <= 2 or sum(least[n] + 3 for n in p) <= width for p in parts)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), min_size=1), st.integers(1, 200))
def test_columns_give_up_what_they_can_spare(sizes: list[tuple[int, int]], room: int) -> None:
    """No column falls below its longest word, and none is narrowed without need."""
    least, whole = [word for word, _ in sizes], [word + more for word, more in sizes]
    widths = narrowed(whole, least, room)
    assert all(word <= own <= full for word, own, full in zip(least, widths, whole, strict=True))
    assert sum(widths) <= max(room, sum(least))
    assert widths == whole or sum(widths) >= room
