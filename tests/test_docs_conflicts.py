"""The worked examples of docs/explanation/conflicts.md come out as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from mappings.errors import Position
from mappings.fieldmap import Aggregate, Direction, FieldRule, Overwrite, Owner, ValueType
from mappings.records import Side
from mappings.survivorship import FieldState, decide_field
from tests.house import ROOT

PAGE = ROOT / "docs" / "explanation" / "conflicts.md"
READERS: dict[str, Any] = {
    "owner": lambda word: Owner(word).side,
    "direction": Direction,
    "overwrite": Overwrite,
    "aggregate": Aggregate,
    "clear": lambda word: word == "true",
}


def examples() -> Iterator[dict[str, str]]:
    """Every row of the checked tables, by column."""
    text = PAGE.read_text(encoding="utf-8")
    for block in re.findall(r"<!-- checked: [^>]*-->\n((?:\|.*\n)+)", text):
        head, _, *rows = [
            [cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()
        ]
        for row in rows:
            yield dict(zip(head, row, strict=True))


def rule_of(text: str) -> FieldRule:
    """A rule with the settings named, everything else as it is by default."""
    told = dict(part.split(": ") for part in text.split(", "))
    settings: dict[str, Any] = {key: READERS[key](word) for key, word in told.items()}
    base: dict[str, Any] = {
        "map": "jobtitle",
        "crm": {"Lead": "Title"},
        "direction": Direction.BOTH,
        "owner": Side.CRM,
        "overwrite": Overwrite.ALWAYS,
        "clear": False,
        "type": ValueType.NUMBER if "aggregate" in told else ValueType.TEXT,
        "at": Position("mapping.yaml", 1, 1),
    }
    return FieldRule(**{**base, **settings})


def value(cell: str) -> str | None:
    """A cell's value; a dash is a blank."""
    return None if cell == "-" else cell


def time_of(cell: str | None) -> datetime | None:
    """When a field was changed, where the table says so."""
    if cell in (None, "unknown"):
        return None
    hour, minute = str(cell).split(":")
    return datetime(2026, 3, 2, int(hour), int(minute), tzinfo=UTC)


@pytest.mark.parametrize("row", list(examples()), ids=lambda row: f"{row['rule']}: {row['reason']}")
def test_a_worked_example_is_true(row: dict[str, str]) -> None:
    """Rule, shadow and both values give the value and the reason the page says."""
    state = FieldState(
        value(row["MAP"]),
        value(row["CRM"]),
        (value(row["shadow"]), value(row["shadow"])),
        time_of(row.get("MAP changed")),
        time_of(row.get("CRM changed")),
    )
    decision = decide_field(rule_of(row["rule"]), state)
    assert decision.reason == row["reason"]
    if row["becomes"] == "apart":
        assert decision.write_to is None
    else:
        assert decision.write_to is not None
        assert decision.value == value(row["becomes"])


def test_the_page_has_examples() -> None:
    """The tables are found: a page without them would check nothing."""
    assert len(list(examples())) > 15
