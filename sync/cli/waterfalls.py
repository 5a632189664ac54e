"""Match evidence for the terminal: one bar of bits after another, from the prior to the total."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from sync.cli import output

WIDTH = 12
"""Characters of the longest bar."""
LONGEST = 24.0
"""Bits the longest bar stands for: an exact personal address weighs about that much."""


def draw(console: Console, decision: Mapping[str, Any]) -> None:
    """Draw a decision (`sync.waterfall.decision_as_json`) with a waterfall for each candidate."""
    console.print(
        f"{decision['subject']}: {decision['verdict']} ({decision['reason']}), "
        f"probability {decision['probability']:.4f}, model {decision['model']}",
        markup=False,
    )
    limits = decision.get("thresholds") or {}
    if limits:
        console.print(
            f"  linked from {limits.get('link')} on, asked about from {limits.get('review')} on",
            markup=False,
        )
    for candidate in decision["candidates"]:
        if "levels" in candidate:
            rows = [[name, str(level)] for name, level in candidate["levels"].items()]
            console.print(output.table(f"  {candidate['record']}", ["evidence", "level"], rows))
            continue
        rows = [
            [step["label"], step["level"], f"{step['bits']:+.2f}", bar(step["bits"]),
             f"{step['total']:+.2f}"]
            for step in candidate["waterfall"]
        ]  # fmt: skip
        title = f"  {candidate['record']}: posterior {candidate['posterior']:.4f}"
        columns = ["evidence", "level", "bits", "", "log2 odds"]
        console.print(output.table(title, columns, rows))


def bar(bits: float) -> str:
    """A bar of marks for or against: + for evidence that it is the person, - against."""
    marks = round(min(abs(bits), LONGEST) / LONGEST * WIDTH)
    return ("+" if bits > 0 else "-") * max(marks, 1 if bits else 0)
