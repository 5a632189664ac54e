"""What the tests of the stages share: an empty world in memory, closed after the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sync.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty world: two vendors, a state, the shipped mapping."""
    made = World.build(tmp_path)
    yield made
    made.close()
