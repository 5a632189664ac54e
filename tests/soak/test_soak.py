"""The soak's own machinery works: a few kills and crashes, as many as the suite can afford."""

from __future__ import annotations

from tests.soak.crashes import crashes
from tests.soak.day import day
from tests.soak.kills import kills


def test_a_few_killed_processes_leave_every_law_kept() -> None:
    """Runs in forked processes are killed and go on; the last of a town's kills is judged at rest
    in the long form (`make soak`)."""
    told = kills(4, seed=1).figures()
    assert told["kills"] == 4
    assert told["laws_broken"] == 0, told["first_broken"]


def test_a_few_injected_crashes_leave_every_law_kept() -> None:
    """A dozen crashes at as many different places, and the laws at rest after ten of them."""
    told = crashes(12, seed=1).figures()
    assert told["crashes"] >= 12
    assert told["crash_points_hit"] > 5
    assert told["times_at_rest"] >= 1
    assert told["laws_broken"] == 0, told["first_broken"]


def test_a_few_minutes_of_the_day_end_without_drift() -> None:
    """Leadloop works in a process of its own, is told the time, and says what memory it has."""
    found = day(40, seed=1, cycles=6, people=12)
    assert found["changes"] == 40
    assert found["laws_broken"] == 0, found["first_broken"]
    assert found["drifted"] == 0
    assert found["memory_after_warm_up_mb"] > found["state_mb"]
