"""The laws of the closed loop under whatever two teams, time and kills hypothesis can think of."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.laws.agreement import Agreement

SHORT = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def test_the_laws_of_the_loop_hold_whatever_the_two_teams_do(template: Path) -> None:
    """Laws 5, 6 and 9, and nobody followed up twice, over whole stories: edits on both sides,
    answers, owners who leave, days that come, clocks that change, another contract, kills. `make
    soak ARGS="--only lifecycle"` tries more."""
    Agreement.template = template
    run_state_machine_as_test(Agreement, settings=SHORT)
