"""An open store on each database, closed after the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

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


@pytest.fixture(scope="module")
def fresh_pair() -> Iterator[Callable[[], Store]]:
    """Gives an empty state at each call, quickly: another pair of one state in memory."""
    opened = open_store("sqlite://", clock=now, pair="main")
    numbers = count(1)
    yield lambda: opened.for_pair(f"pair-{next(numbers)}")
    opened.close()
