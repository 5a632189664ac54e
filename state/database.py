"""Opening the state: SQLite by default, PostgreSQL by URL; the lock; scratch copies.

SQLite runs through `pysqlite3` (SQLite 3.53) where that is installed, in WAL mode with
synchronous=FULL. Linked versions 3.7.0 to 3.51.2 can corrupt a WAL database when two connections
write or checkpoint at once (DESIGN section 3): on those the journal mode is DELETE, which is
slower and safe. State files are created with mode 0600.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DatabaseError, OperationalError

from mappings.errors import ConfigurationError, StateError, StateHeldError

WAL_BUG_FIRST = (3, 7, 0)
WAL_BUG_LAST = (3, 51, 2)
READ_ONLY = "leadloop_read_only"
"""The execution option that makes a SQLite transaction a reader's."""


def sqlite_module() -> Any:
    """The DB-API module to use for SQLite: pysqlite3 where installed, else the standard one."""
    try:
        import pysqlite3.dbapi2 as module  # noqa: PLC0415
    except ImportError:
        return sqlite3
    return module


def journal_mode(version: tuple[int, ...]) -> str:
    """WAL where it is safe, DELETE on versions with the WAL-reset bug."""
    return "DELETE" if WAL_BUG_FIRST <= version <= WAL_BUG_LAST else "WAL"


def parse_url(url: str) -> URL:
    """The state URL checked. Raises ConfigurationError for what is neither of the two."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        message = "the state URL must start with sqlite:/// or postgresql://"
        raise ConfigurationError(
            message,
            code="config.state_url",
            remedy="Set `state: sqlite:///leadloop.sqlite3` in config.yaml.",
        )
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def open_engine(url: str) -> Engine:
    """An engine on the state. Creates the SQLite file (0600) and its folder when missing.

    Raises StateError when the file or server cannot be used.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed, pool_pre_ping=True)
    module = sqlite_module()
    path = sqlite_path(parsed)
    if path is not None:
        _touch_private(path)
    engine = create_engine(parsed, module=module, connect_args={"timeout": 30})
    mode = journal_mode(module.sqlite_version_info)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # Transactions are ours to begin: the DB-API's implicit BEGIN would hold read locks.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA journal_mode={mode}")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        reading = connection.get_execution_options().get(READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def sqlite_path(url: URL | str) -> Path | None:
    """Where the SQLite file is, None for other databases and in-memory ones."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return None if parsed.database == ":memory:" else Path(parsed.database)


def _touch_private(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        message = f"the state file {path} cannot be opened ({error.strerror})"
        raise StateError(
            message, remedy="Make its folder writable for this user, or change `state` in config."
        ) from None


@contextlib.contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turns database failures into StateError with a remedy; values never reach the message."""
    try:
        yield
    except (OperationalError, DatabaseError) as error:
        raise _as_state_error(engine, error) from None


def _as_state_error(engine: Engine, error: DBAPIError) -> Exception:
    said = str(error.orig).lower()
    if "full" in said or "disk i/o" in said or "no space" in said or "could not extend" in said:
        return StateError(
            "the disk that holds the state is full; nothing of the last step was kept",
            code="state.disk_full",
            remedy="Free space, then run the same command again: it goes on where it stopped.",
        )
    if "locked" in said:
        return StateHeldError("another process is writing to this state")
    if "readonly" in said or "read-only" in said or "unable to open" in said:
        return StateError(
            "the state cannot be written",
            code="state.read_only",
            remedy="Give this user write permission on the state file and its folder.",
        )
    if "malformed" in said or "not a database" in said:
        return StateError(
            "the state file is damaged",
            code="state.damaged",
            remedy="Restore the last `leadloop backup`; the next sync finds its own work by key.",
        )
    if "no such table" in said or "does not exist" in said and engine.dialect.name != "sqlite":
        return StateError("the state has no tables", code="state.missing")
    if "connection" in said or "connect" in said:
        return StateError(
            "the state database does not answer",
            code="state.unreachable",
            remedy="Check that the database of `state` in config.yaml is running and reachable.",
        )
    return StateError(f"the state database refused a step ({type(error.orig).__name__})")


@contextlib.contextmanager
def exclusive(engine: Engine) -> Iterator[None]:
    """Hold the state alone, until the block or the process ends, however it ends.

    SQLite: an OS lock beside the file; PostgreSQL: a session advisory lock. Raises
    StateHeldError at once when somebody else has it.
    """
    path = sqlite_path(engine.url)
    if engine.dialect.name == "sqlite" and path is None:
        yield
        return
    if path is not None:
        with _file_lock(path.with_name(path.name + ".lock")):
            yield
        return
    with engine.connect() as connection:
        got = connection.execute(
            text("select pg_try_advisory_lock(hashtext('leadloop'), hashtext(current_schema()))")
        ).scalar_one()
        connection.commit()
        if not got:
            raise _held()
        try:
            yield
        finally:
            connection.execute(text("select pg_advisory_unlock_all()"))
            connection.commit()


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        message = f"the lock file {path} cannot be opened ({error.strerror})"
        raise StateError(message, code="state.read_only") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _held() from None
        yield
    finally:
        os.close(descriptor)


def _held() -> StateHeldError:
    return StateHeldError("another Leadloop process holds this state")


@contextlib.contextmanager
def scratch(engine: Engine) -> Iterator[Engine]:
    """A throw-away copy of the state to plan on: the state itself stays as it was (law 10)."""
    if engine.dialect.name == "sqlite":
        with tempfile.TemporaryDirectory(prefix="leadloop-plan-") as folder:
            copy = Path(folder) / "scratch.sqlite3"
            _copy_file(sqlite_path(engine.url), copy)
            copied = open_engine(f"sqlite:///{copy}")
            try:
                yield copied
            finally:
                copied.dispose()
        return
    with _scratch_schema(engine) as copied:
        yield copied


def _copy_file(source: Path | None, copy: Path) -> None:
    """A consistent copy of a SQLite file by its own backup API, while others may write."""
    if source is None:
        message = "an in-memory state cannot be copied; plan needs a state file"
        raise StateError(message)
    module = sqlite_module()
    _touch_private(copy)
    reader, writer = module.connect(str(source)), module.connect(str(copy))
    try:
        reader.backup(writer)
    finally:
        reader.close()
        writer.close()


@contextlib.contextmanager
def _scratch_schema(engine: Engine) -> Iterator[Engine]:
    from sqlmodel import SQLModel  # noqa: PLC0415 - only PostgreSQL plans need it

    schema = f"leadloop_plan_{uuid.uuid4().hex[:12]}"
    tables = [table.name for table in SQLModel.metadata.sorted_tables]
    with engine.begin() as connection:
        connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    copied = create_engine(
        engine.url, connect_args={"options": f"-csearch_path={schema}"}, pool_pre_ping=True
    )
    try:
        SQLModel.metadata.create_all(copied)
        with engine.begin() as connection:
            for table in tables:
                connection.execute(
                    text(f'INSERT INTO "{schema}"."{table}" SELECT * FROM "{table}"')  # noqa: S608
                )
                _copy_sequence(connection, schema, table)
        yield copied
    finally:
        copied.dispose()
        with engine.begin() as connection:
            connection.execute(text(f'DROP SCHEMA "{schema}" CASCADE'))


def _copy_sequence(connection: Any, schema: str, table: str) -> None:
    sequence = connection.execute(
        text(
            "select pg_get_serial_sequence(:table, 'id') where exists (select 1 from "
            "information_schema.columns where table_schema = :schema and table_name = :name "
            "and column_name = 'id' and data_type in ('integer', 'bigint'))"
        ),
        {"table": f'"{schema}"."{table}"', "schema": schema, "name": table},
    ).scalar()
    if sequence:
        connection.execute(
            text(
                f"select setval('{sequence}', "  # noqa: S608 - names of our own tables
                f'(select coalesce(max(id), 0) + 1 from "{schema}"."{table}"))'
            )
        )
