"""What a report's parts say in one sentence, held against lines that were written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from sync.report_findings import finding

STAGE = {"lifecycle": "main", "conversion": 0.5}
DESK = {"handed_over": 0, "worked": 0, "not_worked": 0, "pending": 0}
TOTALS = [
    {"what": "revenue", "amount": "60900.00", "share": 1.0},
    {"what": "sourced_revenue", "amount": "15225.00", "share": 0.25},
    {"what": "influenced_revenue", "amount": "30450.00", "share": 0.5},
]


@pytest.mark.parametrize(
    ("part", "lines", "said"),
    [
        ("stages", [STAGE | {"stage": "lead", "entered": 30, "converted": 6},
                    STAGE | {"stage": "mql", "entered": 10, "converted": 5}],
         "Fewest go on from lead: 6 of 30 (20%)."),
        ("stages", [STAGE | {"stage": "lead", "entered": 0, "converted": 0, "conversion": None}],
         "Nobody reached a stage in this period."),
        ("working", [DESK | {"handed_over": 11, "worked": 6, "not_worked": 4, "pending": 1}],
         "6 of 10 were worked within five working days (60%); of 1 the days are not over."),
        ("working", [DESK], "Nobody was handed over in this period."),
        ("working", [DESK | {"handed_over": 1, "pending": 1}],
         "1 person handed over; of nobody the five working days are over."),
        ("sources", [{"source": "", "goal": "working", "source_reached": 4,
                      "source_days_median": 0.0}],
         "Nobody who reached the goal had answered marketing."),
        ("service_levels", [{"kept": 3, "broken": 1, "running": 2}],
         "1 of 4 promises were broken; 2 still run."),
        ("promises", [{"is_over": True, "promised": 5, "delivered": 5},
                      {"is_over": True, "promised": 5, "delivered": 4},
                      {"is_over": False, "promised": 5, "delivered": 0}],
         "1 of 2 promises whose time is over were kept."),
        ("totals", TOTALS, "Marketing sourced 25% and influenced 50% of 60,900.00 EUR."),
        ("credits", [{"model": "linear", "source": "form_fill: A", "credited": "75.00"},
                     {"model": "linear", "source": "", "credited": "25.00"}],
         "Most is credited to form_fill: A: 75% (linear)."),
        ("traits", [{"trait": "source", "value": "A", "lift": [2.0, 0.9, 4.0]}],
         "No trait stands out from what chance does."),
        ("traits", [{"trait": "source", "value": "A", "lift": [2.0, 1.5, 4.0]}],
         "Whoever has source A wins 2.0 times as often as others (95 %: 1.5 to 4.0)."),
        ("definition", {"precision": None, "recall": None},
         "Too little was won or qualified to judge the MQL definition by."),
        ("quotas", [{"period": "2026-Q1", "quota_reached": 0.43}],
         "43% of the quota of 2026-Q1 is reached."),
        ("stalled", [{"responsible": None}, {"responsible": "Dana"}],
         "2 deals have gone quiet, 1 of which were nobody's or nobody knows whose."),
    ],
)  # fmt: skip
def test_each_part_says_what_it_comes_to(part: str, lines: Any, said: str) -> None:
    """A sentence says what the table's cells say, in words."""
    assert finding(part, lines, {"currency": "EUR"}) == said


def test_nothing_says_nothing() -> None:
    """A part without lines, or one nobody knows, has no sentence."""
    assert finding("stages", [], {}) == ""
    assert finding("of_tomorrow", [1], {}) == ""
