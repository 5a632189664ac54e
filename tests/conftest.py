"""What every test may ask for: both databases, reference material, repeatable properties."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.databases import (
    CHOSEN,
    POSTGRES_ABSENT,
    SERVER,
    PostgresServer,
    running_postgres,
)
from tests.paths import SHARED

# One profile for all: the same examples on every machine, and no clock deciding the outcome.
settings.register_profile(
    "leadloop",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# HYPOTHESIS_PROFILE=explore looks for new examples, many of them.
settings.register_profile("explore", parent=settings.get_profile("leadloop"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "leadloop"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in a shell's background, interrupts are ignored here and by every process started
    # from here, those that a test interrupts included.
    signal.signal(signal.SIGINT, signal.default_int_handler)

THREAD_GRACE = 40
"""Twentieths of a second threads get to end after their test, before it is blamed for them."""


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material beside the checkout; skips the test where it is absent."""
    if SHARED is None:
        pytest.skip("the reference material (recordings, labelled data) is not beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server for this test process; skips where its wheel is absent."""
    if POSTGRES_ABSENT is not None:
        pytest.skip(POSTGRES_ABSENT)
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def chosen_database(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where PostgreSQL is chosen, start it and say where, so that worlds put their states there."""
    if os.environ.get(CHOSEN) != "postgresql":
        yield
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    os.environ[SERVER] = server.admin_url
    yield
    del os.environ[SERVER]


@pytest.fixture(autouse=True)
def logging_starts_afresh() -> Iterator[None]:
    """A command run inside a test sends logs to a stream that ends with it: forget that stream."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The SQLAlchemy URL of an empty PostgreSQL database of this test's own."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The SQLAlchemy URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'state.sqlite3'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database: a test that asks for it runs on SQLite and on PostgreSQL."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture(autouse=True)
def no_thread_left_behind() -> Iterator[None]:
    """Fail a test that leaves a non-daemon thread running: it would keep a real process alive."""
    before = set(threading.enumerate())
    yield
    for _ in range(THREAD_GRACE):  # counted, not clocked: a test may have stopped the clock
        if not (left := _strays(before)):
            return
        left[0].join(0.05)
    pytest.fail(f"threads left behind: {', '.join(sorted(thread.name for thread in left))}")


def _strays(before: set[threading.Thread]) -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t not in before and not t.daemon and t.is_alive()]
