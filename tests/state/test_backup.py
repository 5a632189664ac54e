"""Copies of the state: consistent while somebody writes, private, checked, never half there."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from mappings.errors import StateError
from state import mirror
from state.backup import backup, verify
from state.open import open_store
from state.store import Store
from tests.databases import with_programs
from tests.state.support import contact, now


def land(store: Store, numbers: range) -> None:
    """Land so many people and, in the same transaction, how far that is."""
    with store.begin() as tx:
        mirror.land(tx, "run", "contacts", [contact(n) for n in numbers])
        mirror.store_cursor(tx, "hubspot", "contacts", {"landed": numbers.stop}, complete=False)


def test_a_copy_is_private_and_found_good(store: Store, tmp_path: Path) -> None:
    """Made of either database, mode 0600, verified; the same name twice is refused."""
    land(store, range(50))
    target = tmp_path / "copies" / "state.copy"
    made = backup(store.engine, target, environ=with_programs())
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert verify(target, environ=with_programs()) == made
    assert made.bytes == target.stat().st_size > 0
    with pytest.raises(StateError) as refused:
        backup(store.engine, target, environ=with_programs())
    assert refused.value.code == "backup.exists"
    assert [file.name for file in target.parent.iterdir()] == ["state.copy"]


def test_a_copy_made_while_somebody_writes_is_of_one_moment(
    sqlite_store: Store, tmp_path: Path
) -> None:
    """Rows and cursor of the copy belong together, whenever it is made; nobody waits for it."""
    stop = threading.Event()

    def write() -> None:
        at = 0
        while not stop.is_set():
            land(sqlite_store, range(at, at + 20))
            at += 20

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            target = tmp_path / f"copy-{number}.sqlite3"
            backup(sqlite_store.engine, target, environ=with_programs())
            copy = open_store(f"sqlite:///{target}", clock=now, pair="main")
            with copy.read() as tx:
                cursor = mirror.cursor(tx, "hubspot", "contacts") or {"landed": 0}
                assert mirror.pending_count(tx) == cursor["landed"]
            copy.close()
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"buy milk\n" * 500, "state.damaged"),
        (b"", "state.damaged"),
        (None, "backup.unreadable"),
    ],
)
def test_what_is_no_copy_is_told(tmp_path: Path, content: bytes | None, code: str) -> None:
    """Another file, an empty one, or none: the code says so and the file stays as it is."""
    path = tmp_path / "copy"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StateError) as refused:
        verify(path, environ=with_programs())
    assert refused.value.code == code
    assert content is None or path.read_bytes() == content


def test_a_torn_copy_and_one_of_a_newer_version_are_told(
    sqlite_store: Store, tmp_path: Path
) -> None:
    """Verifying reads the whole file; a copy that this version could not open is not good."""
    land(sqlite_store, range(300))
    torn = tmp_path / "torn.sqlite3"
    backup(sqlite_store.engine, torn, environ=with_programs())
    whole = bytearray(torn.read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 4096] = bytes(4096)
    torn.write_bytes(whole)
    with pytest.raises(StateError) as refused:
        verify(torn, environ=with_programs())
    assert refused.value.code == "state.damaged"
    with sqlite_store.engine.begin() as connection:
        connection.execute(text("UPDATE leadloop_version SET version_num = '9999'"))
    newer = tmp_path / "newer.sqlite3"
    with pytest.raises(StateError) as refused:
        backup(sqlite_store.engine, newer, environ=with_programs())
    assert refused.value.code == "state.newer"
    assert not newer.exists()


def test_without_pg_dump_the_remedy_names_it(store: Store, tmp_path: Path) -> None:
    """On PostgreSQL without its client programs nothing is made, and the error says what to
    install; SQLite needs nothing.
    """
    target = tmp_path / "copy"
    if store.engine.dialect.name == "sqlite":
        backup(store.engine, target, environ={"PATH": str(tmp_path)})
        assert target.exists()
        return
    with pytest.raises(StateError) as refused:
        backup(store.engine, target, environ={"PATH": str(tmp_path)})
    assert refused.value.code == "backup.no_pg_dump"
    assert "postgresql-client" in refused.value.remedy
    assert list(tmp_path.iterdir()) == []
