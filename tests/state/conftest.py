"""An open store on each database, closed after the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from state.open import open_store
from state.store import Store
from tests.state.support import now


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A new state, on SQLite and on PostgreSQL."""
    opened = open_store(database_url, clock=now, pair="main")
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    """A new state in a SQLite file, for what only files can do."""
    opened = open_store(sqlite_url, clock=now, pair="main")
    yield opened
    opened.close()
