"""The state machine at length, on either database."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from state.open import open_store
from tests.laws.machine import Machine
from tests.laws.town import Town
from tests.soak.kills import empty
from tests.sync.world import Ticking

STEPS = 50


def states(examples: int, *, seed: int, url: str | None = None) -> dict[str, Any]:
    """So many stories of fifty steps; what broke a law comes with the steps that did."""
    with tempfile.TemporaryDirectory(prefix="leadloop-states-") as name:
        template = Path(name) / "state.sqlite3"
        open_store(f"sqlite:///{template}", clock=Ticking().now, pair="main").close()
        told = {"examples": 0}

        class Counted(Machine):
            """The machine, counted, on the database that is asked for."""

            def open_town(self) -> Town:
                told["examples"] += 1
                if url is None:
                    return super().open_town()
                town = Town.build(self.folder, url=url)
                empty(town.store)
                return town

        Counted.template = template
        broken: list[str] = []
        try:
            run_state_machine_as_test(hypothesis.seed(seed)(Counted), settings=_settings(examples))
        except AssertionError as error:
            broken.append("\n".join([str(error), *getattr(error, "__notes__", ())]))
        return {
            "examples": told["examples"],
            "steps": STEPS,
            "laws_broken": len(broken),
            "first_broken": broken,
        }


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=False,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
