"""Administrators' typical mistakes in a mapping: each told at its place, with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from mappings.errors import Problem
from tests.mappings.contracts import CONTRACT
from tests.mappings.minimal import MAPPING, write
from tests.mappings.test_faults import problems_of

MISTAKES: list[dict[str, str]] = YAML(typ="safe", pure=True).load(
    Path(__file__).with_name("mistakes.yaml").read_text(encoding="utf-8")
)
IN_CONTRACTS: list[dict[str, str]] = YAML(typ="safe", pure=True).load(
    Path(__file__).with_name("mistakes_contract.yaml").read_text(encoding="utf-8")
)
SEEDED = 220
"""Mistakes in the table, at least."""
NAMED_WRONG = 0.02
"""The share of them that may be told further than a line from where they are."""


@pytest.mark.parametrize("mistake", MISTAKES, ids=[f"{m['at']}-{m['is']}" for m in MISTAKES])
def test_a_mistake_is_told_at_its_place(mistake: dict[str, str], tmp_path: Path) -> None:
    """Line, column and code are right, a caret stands under it, and the words say what to do."""
    assert mistake["was"] in MAPPING
    text = MAPPING.replace(mistake["was"], mistake["is"], 1)
    _check_told(mistake, problems_of(write(tmp_path, text)))


@pytest.mark.parametrize(
    "mistake", IN_CONTRACTS, ids=[f"{m['at']}-{m['is']}" for m in IN_CONTRACTS]
)
def test_a_mistake_in_a_contract_is_told_at_its_place(
    mistake: dict[str, str], tmp_path: Path
) -> None:
    """The same of the file beside the mapping that holds the lifecycles."""
    assert mistake["was"] in CONTRACT
    write(tmp_path)
    write(tmp_path, CONTRACT.replace(mistake["was"], mistake["is"], 1), "contract.yaml")
    _check_told(mistake, problems_of(tmp_path))


def _check_told(mistake: dict[str, str], problems: Sequence[Problem]) -> None:
    line, column = (int(part) for part in mistake["at"].split(":"))
    found = [p for p in problems if (p.at.line, p.at.column) == (line, column)]
    told = [p for p in found if p.code == mistake["code"]]
    assert told, [(str(p.at), p.code, p.message) for p in problems]
    assert any(mistake["says"] in f"{p.message} {p.fix}" for p in told)
    assert len(problems) <= 5


def test_nearly_every_mistake_is_told_on_its_line() -> None:
    """Where the text begins to differ, or on the line below, where a parser sees it at last."""
    far = [m for m in MISTAKES if not 0 <= int(m["at"].split(":")[0]) - _line(m) <= 1]
    assert len(MISTAKES) >= SEEDED
    assert len({(m["was"], m["is"]) for m in MISTAKES}) == len(MISTAKES)
    assert len(far) <= NAMED_WRONG * len(MISTAKES), far


def _line(mistake: dict[str, str]) -> int:
    was = MAPPING.splitlines()
    now = MAPPING.replace(mistake["was"], mistake["is"], 1).splitlines()
    pairs = enumerate(zip(was, now, strict=False), start=1)
    return next(number for number, (left, right) in pairs if left != right)
