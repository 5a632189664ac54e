"""Scratch copies: complete, writable, gone afterwards, and the state is left bit for bit."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from mappings.errors import StateError
from mappings.fieldmap import EntityKind
from state import identity, mirror, schema
from state.open import open_store
from state.scratch import PREFIX
from state.store import Store
from state.tables import METADATA
from tests.state.support import contact, now

ROOT = Path(__file__).resolve().parents[2]


def contents(store: Store) -> dict[str, Any]:
    """Every row of every table, where each sequence stands, and what schemas there are."""
    found: dict[str, Any] = {}
    with store.engine.connect() as connection:
        for table in METADATA.sorted_tables:
            rows = connection.execute(text(f'SELECT * FROM "{table.name}"'))  # noqa: S608
            found[table.name] = sorted(map(repr, rows))
        found["schemas"] = inspect(connection).get_schema_names()
        if store.engine.dialect.name == "postgresql":
            query = "select schemaname, sequencename, last_value from pg_sequences order by 1, 2"
            found["sequences"] = connection.execute(text(query)).all()
        else:
            found["sequences"] = connection.execute(text("SELECT * FROM sqlite_sequence")).all()
    return found


def write_everywhere(store: Store) -> None:
    """What a plan does to its copy: lands rows, moves cursors, makes golden records."""
    with store.begin() as tx:
        mirror.land(tx, "plan", "contacts", [contact(n, second=9) for n in range(50)])
        mirror.store_cursor(tx, "hubspot", "contacts", {"after": "9"}, complete=True)
        mirror.dispose(tx, "plan", {row.id: "planned" for row in mirror.pending(tx)})
        identity.create(tx, "plan", {"planned": EntityKind.PERSON})


def test_planning_on_a_copy_leaves_the_state_as_it_was(store: Store) -> None:
    """Rows, sequences and schemas are the same before and after; the copy had and took rows."""
    with store.begin() as tx:
        mirror.land(tx, "run", "contacts", [contact(n) for n in range(20)])
        mirror.store_cursor(tx, "hubspot", "contacts", {"after": "1"}, complete=True)
    before = contents(store)
    with store.scratch() as copy:
        with copy.read() as tx:
            assert mirror.pending_count(tx) == 20
            assert mirror.cursor(tx, "hubspot", "contacts") == {"after": "1"}
        write_everywhere(copy)
        with copy.read() as tx:
            assert identity.entities(tx, ["planned"])
            ids = {row.id for row in mirror.pending(tx)}
        assert ids == set()
    assert contents(store) == before


def test_a_file_is_the_same_to_the_byte(sqlite_store: Store, tmp_path: Path) -> None:
    """Planning does not even touch the state's file."""
    with sqlite_store.begin() as tx:
        mirror.land(tx, "run", "contacts", [contact(1)])
    path = tmp_path / "state.sqlite3"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    with sqlite_store.scratch() as copy:
        write_everywhere(copy)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_a_copy_goes_on_counting_where_the_state_stands(store: Store) -> None:
    """New rows of the copy get ids after the newest ones, deleted ones included."""
    with store.begin() as tx:
        mirror.land(tx, "run", "contacts", [contact(n) for n in range(5)])
        newest = max(row.id for row in mirror.pending(tx))
        tx.connection.execute(text("DELETE FROM inbox"))
    with store.scratch() as copy, copy.begin() as tx:
        mirror.land(tx, "plan", "contacts", [contact(77)])
        assert [row.id for row in mirror.pending(tx)] == [newest + 1]


def test_a_failing_plan_leaves_nothing_behind(store: Store) -> None:
    """When planning raises, the copy is gone and the state is as before."""
    before = contents(store)

    def plan_and_fail() -> None:
        with store.scratch() as copy:
            write_everywhere(copy)
            raise KeyError("planning")

    with pytest.raises(KeyError, match="planning"):
        plan_and_fail()
    assert contents(store) == before


def test_a_state_in_memory_cannot_be_copied() -> None:
    """Planning needs a file or a server, and says so."""
    store = open_store("sqlite://", clock=now, pair="main")

    def copy() -> None:
        with store.scratch():
            pass

    with pytest.raises(StateError) as refused:
        copy()
    assert refused.value.code == "state.in_memory"
    store.close()


KILLED = """
import os, signal, sys, tempfile
tempfile.tempdir = sys.argv[2]
from datetime import UTC, datetime
from state.open import open_store
store = open_store(sys.argv[1], clock=lambda: datetime(2026, 3, 2, tzinfo=UTC), pair="main")
with store.scratch():
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_copy_of_a_killed_process_is_swept_by_the_next(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill -9 in the middle of a plan leaves a copy; the next plan removes it, and only it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    url = store.engine.url.render_as_string(hide_password=False)
    subprocess.run([sys.executable, "-c", KILLED, url, str(tmp_path)], cwd=ROOT, check=False)
    assert len(copies(store, tmp_path)) == 1
    with store.scratch() as copy:
        with store.scratch():
            assert len(copies(store, tmp_path)) == 2
        with copy.read() as tx:
            assert mirror.pending_count(tx) == 0
        assert schema.revision(store.engine) == schema.HEAD
    assert copies(store, tmp_path) == []


def copies(store: Store, folder: Path) -> list[str]:
    """The scratch copies there are."""
    if store.engine.dialect.name == "sqlite":
        return [path.name for path in folder.glob(f"{PREFIX}*")]
    with store.engine.connect() as connection:
        names = inspect(connection).get_schema_names()
    return [name for name in names if name.startswith(PREFIX)]
