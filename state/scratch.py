"""Throw-away copies of the state, to plan on: the state itself stays as it was (law 10).

SQLite is copied by its own backup API, PostgreSQL table by table into a schema of its own, both
from one consistent view while others may write. A copy holds personal data, so it must not outlive
its process for long: one that a killed process left behind is removed when the next is made.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from mappings.errors import StateError, StateHeldError
from state.database import open_engine, postgres_engine, sqlite_module, sqlite_path, touch_private
from state.lock import file_lock

PREFIX = "leadloop_plan_"


@contextlib.contextmanager
def scratch(engine: Engine) -> Iterator[Engine]:
    """An engine on a copy of the state that is gone when the block ends."""
    copying = _scratch_file if engine.dialect.name == "sqlite" else _scratch_schema
    with copying(engine) as copied:
        try:
            yield copied
        finally:
            copied.dispose()


@contextlib.contextmanager
def _scratch_file(engine: Engine) -> Iterator[Engine]:
    _sweep_folders(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        folder = Path(name)
        with file_lock(folder / "lock"):
            copy = folder / "scratch.sqlite3"
            _copy_file(sqlite_path(engine.url), copy)
            yield open_engine(f"sqlite:///{copy}", throw_away=True)


def _sweep_folders(where: Path) -> None:
    for lock in where.glob(f"{PREFIX}*/lock"):
        with contextlib.suppress(StateError, StateHeldError), file_lock(lock):
            shutil.rmtree(lock.parent, ignore_errors=True)


def _copy_file(source: Path | None, copy: Path) -> None:
    if source is None:
        raise StateError(
            "an in-memory state cannot be copied",
            code="state.in_memory",
            remedy="Set `state: sqlite:///leadloop.sqlite3` in config.yaml.",
        )
    module = sqlite_module()
    touch_private(copy)
    with (
        contextlib.closing(module.connect(str(source))) as reader,
        contextlib.closing(module.connect(str(copy))) as writer,
    ):
        writer.execute("PRAGMA synchronous=OFF")
        reader.backup(writer)
        # The copy inherits WAL from the file; a plan needs neither the mode nor its two side files.
        writer.execute("PRAGMA journal_mode=DELETE")


@contextlib.contextmanager
def _scratch_schema(engine: Engine) -> Iterator[Engine]:
    schema = f"{PREFIX}{uuid.uuid4().hex[:12]}"
    with _owned_schema(engine, schema):
        _copy_tables(engine, schema)
        yield postgres_engine(engine.url, schema=schema)


@contextlib.contextmanager
def _owned_schema(engine: Engine, schema: str) -> Iterator[None]:
    """A schema that lives as long as the block, and is swept by others if we are killed."""
    with engine.connect() as owner:
        owner.execute(text("select pg_advisory_lock(hashtext(:name))"), {"name": schema})
        owner.commit()
        try:
            _sweep_schemas(owner)
            owner.execute(text(f'CREATE SCHEMA "{schema}"'))
            owner.commit()
            yield
        finally:
            owner.rollback()
            owner.execute(text(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'))
            owner.commit()
            owner.invalidate()  # ends the session, and the lock with it


def _sweep_schemas(owner: Connection) -> None:
    names = owner.execute(
        text(
            "select nspname from pg_namespace where nspname like :pattern"
            " and pg_try_advisory_xact_lock(hashtext(nspname))"
        ),
        {"pattern": PREFIX.replace("_", r"\_") + "%"},
    ).scalars()
    for name in list(names):
        owner.execute(text(f'DROP SCHEMA IF EXISTS "{name}" CASCADE'))
    owner.commit()


def _copy_tables(engine: Engine, schema: str) -> None:
    """Tables, indexes, rows and where each sequence stands, in one consistent view.

    Not by LIKE ... INCLUDING ALL: that would leave the copy drawing ids from the original's
    sequences, and the state would not be as it was.
    """
    from state.tables import METADATA

    frozen = engine.execution_options(isolation_level="REPEATABLE READ")
    with frozen.begin() as connection:
        placed = connection.execution_options(schema_translate_map={None: schema})
        METADATA.create_all(placed, checkfirst=False)
        for table in METADATA.sorted_tables:
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            connection.execute(
                text(
                    f'INSERT INTO "{schema}"."{table.name}" ({columns})'  # noqa: S608 - our names
                    f' SELECT {columns} FROM "{table.name}"'
                )
            )
            _copy_sequence(connection, schema, table.name)


def _copy_sequence(connection: Connection, schema: str, table: str) -> None:
    source, copy = (
        connection.execute(
            text(
                "select pg_get_serial_sequence(:table, 'id') from pg_attribute"
                " where attrelid = cast(:table as regclass) and attname = 'id'"
            ),
            {"table": name},
        ).scalar()
        for name in (f'"{table}"', f'"{schema}"."{table}"')
    )
    if source and copy:
        connection.execute(
            text(f"select setval('{copy}', last_value, is_called) from {source}")  # noqa: S608
        )
