"""Damaged files, full disks: a clear refusal, and nothing lost that was kept before."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import text

from mappings.errors import LeadloopError, StateError
from state import mirror, schema
from state.open import open_store
from state.store import Store, chunks
from tests.state.support import contact, now


def filled(path: Path, people: int) -> None:
    """A closed state file with so many landed people."""
    store = open_store(f"sqlite:///{path}", clock=now, pair="main")
    with store.begin() as tx:
        mirror.land(tx, "run", "contacts", [contact(n) for n in range(people)])
    store.close()


def read_all(path: Path) -> int:
    """Open the file and read every inbox row; how many there were."""
    store = open_store(f"sqlite:///{path}", clock=now, pair="main")
    try:
        with store.read() as tx:
            return len(mirror.pending(tx, limit=10_000))
    finally:
        store.close()


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    """However much of the file is missing, opening says that it is damaged and what to do."""
    path = tmp_path / "state.sqlite3"
    filled(path, 500)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(StateError) as refused:
        read_all(path)
    assert refused.value.code == "state.damaged"
    assert "copy of the state" in refused.value.remedy


def test_torn_pages_never_give_a_traceback(tmp_path: Path) -> None:
    """Random bytes anywhere: the rows are read, or the error is ours; never a driver's."""
    path = tmp_path / "state.sqlite3"
    filled(path, 200)
    whole = path.read_bytes()
    dice = random.Random(7)
    refused: list[LeadloopError] = []
    for _ in range(60):
        torn = bytearray(whole)
        start = dice.randrange(len(torn))
        torn[start : start + 512] = dice.randbytes(len(torn[start : start + 512]))
        path.write_bytes(torn)
        try:
            read_all(path)
        except LeadloopError as error:
            refused.append(error)
    assert 10 < len(refused) < 60
    assert {error.code for error in refused} == {"state.damaged"}


def test_a_thorough_check_finds_what_a_large_file_hides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the size that is checked at every start, damage in the middle is found on demand."""
    path = tmp_path / "state.sqlite3"
    filled(path, 500)
    torn = bytearray(path.read_bytes())
    torn[len(torn) // 2 : len(torn) // 2 + 4096] = bytes(4096)
    path.write_bytes(torn)
    monkeypatch.setattr(schema, "QUICK_CHECK_BYTES", 1000)
    store = open_store(f"sqlite:///{path}", clock=now, pair="main")
    with pytest.raises(StateError) as refused:
        schema.check(store.engine, thorough=True)
    assert refused.value.code == "state.damaged"
    store.close()


def land_until_full(store: Store, landed: list[int]) -> None:
    """Land pages with their cursor, noting whoever was committed."""
    for batch in chunks(range(5000), 50):
        with store.begin() as tx:
            mirror.land(tx, "run", "contacts", [contact(n) for n in batch])
            reached = {"landed": len(landed) + len(batch)}
            mirror.store_cursor(tx, "hubspot", "contacts", reached, complete=False)
        landed.extend(batch)


def test_a_full_disk_keeps_everything_committed(sqlite_store: Store) -> None:
    """The step that met the full disk is undone as a whole; the ones before it stay."""
    with sqlite_store.engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count={pages + 20}"))
    landed: list[int] = []
    with pytest.raises(StateError) as refused:
        land_until_full(sqlite_store, landed)
    assert refused.value.code == "state.disk_full"
    assert "Free space" in refused.value.remedy
    with sqlite_store.read() as tx:
        assert mirror.pending_count(tx) == len(landed) > 0
        assert mirror.cursor(tx, "hubspot", "contacts") == {"landed": len(landed)}
    with sqlite_store.engine.connect() as connection:
        connection.execute(text("PRAGMA max_page_count=1000000"))
    with sqlite_store.begin() as tx:
        missing = mirror.land(tx, "run", "contacts", [contact(n) for n in range(5000)])
    assert missing == 5000 - len(landed)
    schema.check(sqlite_store.engine, thorough=True)
