"""One process holds the state; a second is told so at once; a killed one leaves no lock."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mappings.errors import StateHeldError
from state import mirror
from state.open import open_store
from state.store import Store
from tests.state.support import contact, now

ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys
from datetime import UTC, datetime
from state.open import open_store
store = open_store(sys.argv[1], clock=lambda: datetime(2026, 3, 2, tzinfo=UTC), pair="main")
with store.exclusive():
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding_process(store: Store) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the state until its stdin is closed."""
    url = store.engine.url.render_as_string(hide_password=False)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def hold(store: Store) -> None:
    """Hold the state for a moment."""
    with store.exclusive():
        pass


def test_a_second_process_is_refused_until_the_first_ends(store: Store) -> None:
    """While one process holds the state another is refused; after its end it is not."""
    with holding_process(store) as process:
        with pytest.raises(StateHeldError) as refused:
            hold(store)
        assert refused.value.exit_code == 7
        process.communicate("")
    hold(store)


def test_a_killed_holder_leaves_no_lock(store: Store, database_url: str) -> None:
    """A kill -9 frees the state: the operating system or the server ends the lock."""
    with holding_process(store) as process:
        process.kill()
        process.wait()
    again = open_store(database_url, clock=now, pair="main")
    for _ in range(100):  # the server notices the closed connection a moment later
        try:
            hold(again)
        except StateHeldError:
            continue
        break
    hold(again)
    again.close()


def test_the_holder_and_readers_work_side_by_side(store: Store) -> None:
    """Holding the state keeps out other holders, not its own or others' transactions."""
    with store.exclusive():
        with store.begin() as tx:
            mirror.land(tx, "run", "contacts", [contact(1)])
        with store.read() as tx:
            assert mirror.pending_count(tx) == 1
        with pytest.raises(StateHeldError):
            hold(store)
    hold(store)
