"""Administrators' typical mistakes in config.yaml: each told at its place, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.sync.test_config import CONFIG, problems_of, workspace

MISTAKES: list[dict[str, str]] = YAML(typ="safe", pure=True).load(
    Path(__file__).with_name("mistakes.yaml").read_text(encoding="utf-8")
)
SEEDED = 140
"""Mistakes in the table, at least."""


@pytest.mark.parametrize("mistake", MISTAKES, ids=[f"{m['at']}-{m['is']}" for m in MISTAKES])
def test_a_mistake_is_told_at_its_place(mistake: dict[str, str], tmp_path: Path) -> None:
    """Line, column and code are right, and the words say what to do."""
    assert mistake["was"] in CONFIG
    problems = problems_of(workspace(tmp_path, CONFIG.replace(mistake["was"], mistake["is"], 1)))
    line, column = (int(part) for part in mistake["at"].split(":"))
    found = [p for p in problems if (p.at.line, p.at.column) == (line, column)]
    told = [p for p in found if p.code == mistake["code"]]
    assert told, [(str(p.at), p.code, p.message) for p in problems]
    assert any(mistake["says"] in f"{p.message} {p.fix}" for p in told)


def test_enough_mistakes_are_in_the_table() -> None:
    """No fewer than so many different ones."""
    assert len({(m["was"], m["is"]) for m in MISTAKES}) >= SEEDED
