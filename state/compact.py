"""What was deleted is gone from the disk, too: freed pages, the write-ahead log, dead rows."""

from __future__ import annotations

import contextlib

from sqlalchemy import Engine, text

from state import failures
from state.failures import translated
from state.tables import METADATA


def compact(engine: Engine) -> None:
    """Rewrite the database without what was deleted. Needs as much free disk as the state has.

    SQLite: the log is emptied into the file and cut, the file is rewritten, and the log again
    (freed pages are overwritten as they are freed, too: `secure_delete`). PostgreSQL: VACUUM FULL
    of every table; its own log is recycled by the server, in a time of its own. Raises StateError,
    and StateHeldError where somebody reads an older view for longer than SQLite waits.
    """
    with translated():
        if engine.dialect.name == "sqlite":
            with contextlib.closing(engine.raw_connection()) as connection:
                for statement in _WRITABLE, _CHECKPOINT, "VACUUM", _CHECKPOINT:
                    rows = connection.cursor().execute(statement).fetchall()
            if rows[0][0]:  # somebody has read all the while: the log could not be cut
                raise failures.held()
            return
        apart = engine.execution_options(isolation_level="AUTOCOMMIT")
        with apart.connect() as connection:
            for table in METADATA.sorted_tables:
                connection.execute(text(f'VACUUM FULL "{table.name}"'))


_WRITABLE = "PRAGMA query_only=0"
"""A pooled connection is as its last transaction left it, and that may have been a reader's."""
_CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)"
