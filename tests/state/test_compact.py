"""What was deleted is gone from the disk, whoever has used the state before."""

from __future__ import annotations

from state import mirror
from state.compact import compact
from state.store import Store
from tests.state.support import contact


def test_a_state_that_was_read_last_is_compacted(store: Store) -> None:
    """Whatever transaction a pooled connection had before, a reader's too: erasing in a daemon,
    which reads all the time, once failed there."""
    with store.begin() as tx:
        mirror.land(tx, "run", "contacts", [contact(1)])
    with store.read() as tx:
        assert mirror.pending_count(tx) == 1
    compact(store.engine)
    with store.read() as tx:
        assert mirror.pending_count(tx) == 1


def test_nothing_deleted_stays_in_the_file(sqlite_store: Store) -> None:
    """Freed pages and the log go, too."""
    with sqlite_store.begin() as tx:
        mirror.land(tx, "run", "contacts", [contact(7, fields={"firstname": "Qorvinzembla"})])
    file = sqlite_store.file
    assert file is not None
    beside = [file, file.with_name(f"{file.name}-wal")]
    assert any(b"Qorvinzembla" in one.read_bytes() for one in beside if one.exists())
    with sqlite_store.begin() as tx:
        tx.connection.execute(mirror.INBOX.delete())
    compact(sqlite_store.engine)
    assert not any(b"Qorvinzembla" in one.read_bytes() for one in beside if one.exists())
