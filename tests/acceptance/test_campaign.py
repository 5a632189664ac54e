"""The acceptance campaign's short form; `make soak ARGS="--only acceptance"` is the long one."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.campaign import campaign


def test_killed_processes_and_lying_vendors_leave_both_sides_as_they_should_be(
    tmp_path: Path,
) -> None:
    """Laws 1 to 4 and 7, judged by the vendors' records alone: nothing is doubled, missing or
    unaccounted for, and the last run writes nothing."""
    figures = campaign(tmp_path, people=40, rounds=5, seed=2)
    assert figures.killed > 0
    assert not figures.broken, figures.as_json()
