"""Validating 500 field rules offline, as `leadloop validate` does: seconds."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from mappings.loader import load_mapping
from sync.workspace import preset_text

RULES, TIMES = 500, 5
_PLACE = "      # Said once"


def validating() -> dict[str, Any]:
    """The median of five readings of the shipped mapping with 500 more rules: fields of the
    account's own, half of them with a table or a condition."""
    text = preset_text().replace(_PLACE, "".join(map(_rule, range(RULES))) + _PLACE, 1)
    with tempfile.TemporaryDirectory(prefix="leadloop_bench_") as name:
        path = Path(name) / "mapping.yaml"
        path.write_text(text, encoding="utf-8")
        seconds = [_once(path) for _ in range(TIMES)]
    return {"rules": RULES, "median_seconds": round(statistics.median(seconds), 2)}


def _once(path: Path) -> float:
    began = time.process_time()
    load_mapping(path)
    return time.process_time() - began


def _rule(number: int) -> str:
    more = (
        "",
        ", values: {a: b, c: [d, e]}",
        f', when: \'city == "Bonn" && own_{number} != ""\'',
        ", transform: [trim]",
    )[number % 4]
    return f"      - {{map: own_{number}, crm: Own_{number}__c, owner: crm{more}}}\n"
