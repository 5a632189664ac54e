"""docs/metrics.md and the code define the same numbers and findings, in the same words."""

from __future__ import annotations

import re

from lifecycle.audit import FINDINGS
from lifecycle.metrics import METRICS
from tests.house import ROOT

PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")


def table(heading: str) -> dict[str, list[str]]:
    """The cells of each line of the table under a heading, by the first cell's word."""
    part = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"^\| `([^`]+)` \| (.+) \|$", part, flags=re.MULTILINE)
    return {word: cells.split(" | ") for word, cells in found}


def test_metrics_are_defined_once() -> None:
    """The page lists every metric with its unit and meaning, in the code's words and order."""
    assert table("Metrics") == {m.name: [m.unit, m.what] for m in METRICS}
    assert list(table("Metrics")) == [m.name for m in METRICS]


def test_findings_are_defined_once() -> None:
    """The page lists what the audit can find, in the code's words and order."""
    assert table("Findings of the audit") == {code: [text] for code, text in FINDINGS.items()}
    assert list(table("Findings of the audit")) == list(FINDINGS)
