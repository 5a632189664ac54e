"""What the tests of the laws share."""

from __future__ import annotations

from pathlib import Path

import pytest

from state.open import open_store
from tests.sync.world import Ticking


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty state: copying it is a hundred times cheaper than making one."""
    path = tmp_path_factory.mktemp("template") / "state.sqlite3"
    open_store(f"sqlite:///{path}", clock=Ticking().now, pair="main").close()
    return path
