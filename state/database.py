"""Opening the state: a file of SQLite by default, PostgreSQL by URL.

SQLite runs through `pysqlite3` (SQLite 3.53) where that is installed, in WAL mode with
synchronous=FULL. Linked versions 3.7.0 to 3.51.2 can corrupt a WAL database when two connections
write or checkpoint at once (DESIGN section 3): on those the journal mode is DELETE, which is
slower and safe. State files are kept at mode 0600.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from mappings.errors import ConfigurationError, StateError
from state import failures

WAL_BUG_FIRST = (3, 7, 0)
WAL_BUG_LAST = (3, 51, 2)
READ_ONLY = "leadloop_read_only"
"""The execution option that makes a transaction a reader's."""
BUSY_SECONDS = 30
"""How long SQLite waits for another writer before it gives up."""
CACHE_KIB = 16 * 1024
"""Pages SQLite keeps, per connection. The system keeps the file's pages as well: four times as many
here made nothing quicker (docs/benchmarks.md, planning for everybody)."""


def sqlite_module() -> Any:
    """The DB-API module to use for SQLite: pysqlite3 where installed, else the standard one."""
    try:
        import pysqlite3.dbapi2 as module
    except ImportError:
        return sqlite3
    return module


def journal_mode(version: tuple[int, ...]) -> str:
    """WAL where it is safe, DELETE on versions with the WAL-reset bug."""
    return "DELETE" if WAL_BUG_FIRST <= version <= WAL_BUG_LAST else "WAL"


@dataclass(frozen=True, slots=True)
class Sqlite:
    """Which SQLite keeps the state: the Python module it came with, its version, and the journal
    mode in force for the file."""

    library: str
    version: tuple[int, ...]
    journal: str

    @property
    def has_wal_bug(self) -> bool:
        """Whether a WAL database can be corrupted by two connections at once."""
        return journal_mode(self.version) != "WAL"

    @property
    def is_safe(self) -> bool:
        """Whether the file is kept in a mode that the bug cannot reach."""
        return not self.has_wal_bug or self.journal != "WAL"


def sqlite_of(engine: Engine) -> Sqlite | None:
    """The SQLite behind a state as it runs now; None for another database."""
    if engine.dialect.name != "sqlite":
        return None
    module = sqlite_module()
    with engine.connect() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    library = module.__name__.partition(".")[0]
    return Sqlite(library, tuple(module.sqlite_version_info), str(mode).upper())


def parse_url(url: str) -> URL:
    """The state URL checked. Raises ConfigurationError for what is neither of the two."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    kind = parsed.get_backend_name() if parsed is not None else ""
    if parsed is None or kind not in {"sqlite", "postgresql", "postgres"}:
        raise _bad_url("the state URL must start with sqlite:/// or postgresql://")
    if kind != "sqlite":
        return parsed.set(drivername="postgresql+psycopg")
    if (parsed.database or "").startswith("file:"):
        raise _bad_url("the state URL must name a plain file, not a SQLite file: address")
    return parsed.set(drivername="sqlite")


def _bad_url(message: str) -> ConfigurationError:
    return ConfigurationError(
        message,
        code="config.state_url",
        remedy="Set `state: sqlite:///leadloop.sqlite3` in config.yaml.",
    )


def open_engine(url: str, *, throw_away: bool = False) -> Engine:
    """An engine on the state. Creates the SQLite file (0600) and its folder when missing.

    `throw_away` is for copies nobody will miss: no fsync, no overwriting of freed pages. Raises
    StateError when the file cannot be used, ConfigurationError for a URL that cannot be.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "postgresql":
        return postgres_engine(parsed)
    module = sqlite_module()
    path = sqlite_path(parsed)
    if path is not None:
        touch_private(path)
    engine = create_engine(
        parsed,
        module=module,
        connect_args={"timeout": BUSY_SECONDS},
        json_serializer=to_json,
        json_deserializer=from_json,
    )
    mode = "MEMORY" if throw_away else journal_mode(module.sqlite_version_info)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # Transactions are ours to begin: the DB-API's implicit BEGIN would hold read locks.
        connection.isolation_level = None
        cursor = connection.cursor()
        _set_journal_mode(cursor, mode)
        cursor.execute(f"PRAGMA synchronous={'OFF' if throw_away else 'FULL'}")
        cursor.execute(f"PRAGMA secure_delete={'OFF' if throw_away else 'ON'}")
        cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.execute("PRAGMA cell_size_check=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        reading = connection.get_execution_options().get(READ_ONLY, False)
        connection.exec_driver_sql(f"PRAGMA query_only={int(reading)}")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _set_journal_mode(cursor: Any, mode: str) -> None:
    # Changing it needs the file alone; asking first lets a second process in while one works.
    (current,) = cursor.execute("PRAGMA journal_mode").fetchone()
    if current.upper() not in {mode, "MEMORY"}:
        cursor.execute(f"PRAGMA journal_mode={mode}")


def postgres_engine(url: URL, *, schema: str | None = None) -> Engine:
    """An engine on PostgreSQL; with `schema` every name is looked up in that schema alone."""
    try:
        return create_engine(
            url,
            pool_pre_ping=True,
            connect_args={"options": f"-csearch_path={schema}"} if schema else {},
            json_serializer=to_json,
            json_deserializer=from_json,
        )
    except ModuleNotFoundError:
        raise ConfigurationError(
            "the driver for PostgreSQL is not installed",
            code="config.state_driver",
            remedy="Install it with: pip install 'leadloop[postgres]'",
        ) from None


def to_json(value: Any) -> str:
    """Compact JSON that both databases take: no NaN, ASCII only, so lone surrogates survive."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), separators=(",", ":"), allow_nan=False)


def _finite(value: Any) -> Any:
    # JSON has no NaN and no infinity; a vendor that sends one told us nothing.
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def from_json(text: str | bytes) -> Any:
    """The inverse of `to_json`; PostgreSQL's driver hands over bytes. Raises StateError for text
    that a damaged file yields."""
    try:
        return json.loads(text)
    except ValueError:
        raise failures.damaged() from None


def sqlite_path(url: URL | str) -> Path | None:
    """Where the SQLite file is, None for other databases and in-memory ones."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return None if parsed.database == ":memory:" else Path(parsed.database)


def touch_private(path: Path) -> None:
    """Make sure of a file that its owner alone can read. Raises StateError where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            found = os.fstat(descriptor)
            if stat.S_IMODE(found.st_mode) & 0o077 and found.st_uid == os.geteuid():
                os.fchmod(descriptor, 0o600)  # a copy put back by hand: it holds personal data
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StateError(
            f"the state file {path} cannot be opened ({error.strerror})",
            code="state.read_only",
            remedy="Make its folder writable for this user, or change `state` in config.yaml.",
        ) from None
