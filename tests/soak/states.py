"""The state machines at length, on either database: the laws, and those of the closed loop."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from state.open import open_store
from tests.laws.agreement import AT_EASE, Agreement
from tests.laws.machine import Machine
from tests.laws.town import Town
from tests.soak.kills import empty
from tests.sync.world import Ticking, World

STEPS = 50


def states(examples: int, *, seed: int, url: str | None = None) -> dict[str, Any]:
    """So many stories of fifty steps; what broke a law comes with the steps that did."""
    with _template() as template:
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
        return {**_tried(Counted, examples, seed), **told}


def loops(examples: int, *, seed: int, url: str | None = None) -> dict[str, Any]:
    """The same of two teams under a contract."""
    with _template() as template:
        told = {"examples": 0}

        class Counted(Agreement):
            """The machine of the closed loop, counted, on the database that is asked for."""

            def open_world(self) -> World:
                told["examples"] += 1
                if url is None:
                    return super().open_world()
                world = World.build(self.folder, url=url, mapping=self.contract(), guard=AT_EASE)
                empty(world.store)
                return world

        Counted.template = template
        return {**_tried(Counted, examples, seed), **told}


@contextlib.contextmanager
def _template() -> Iterator[Path]:
    """The file of an empty state."""
    with tempfile.TemporaryDirectory(prefix="leadloop-states-") as name:
        template = Path(name) / "state.sqlite3"
        open_store(f"sqlite:///{template}", clock=Ticking().now, pair="main").close()
        yield template


def _tried(machine: type[RuleBasedStateMachine], examples: int, seed: int) -> dict[str, Any]:
    broken: list[str] = []
    try:
        run_state_machine_as_test(hypothesis.seed(seed)(machine), settings=_settings(examples))
    except AssertionError as error:
        broken.append("\n".join([str(error), *getattr(error, "__notes__", ())]))
    return {"steps": STEPS, "laws_broken": len(broken), "first_broken": broken}


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
