"""The state's version: creating it, migrating it, refusing what this Leadloop cannot use.

Every state carries the name of its last migration in `leadloop_version`. Opening one that is up
to date costs one query; alembic is loaded only where there is something to migrate. A migration
is one transaction on both databases: killed in the middle, the state is as before.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from mappings.errors import StateError
from state import failures
from state.database import READ_ONLY, sqlite_path
from state.failures import translated

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"
"""The newest migration; a test keeps it so."""
VERSION_TABLE = "leadloop_version"
MIGRATIONS = Path(__file__).parent / "migrations"
QUICK_CHECK_BYTES = 8 * 1024 * 1024
"""Files up to this size are checked page by page at every start; larger ones on demand."""


def revision(engine: Engine) -> str | None:
    """The name of the last migration, None for a state without tables."""
    reader = engine.execution_options(**{READ_ONLY: True})
    with translated(sqlite_path(engine.url)), reader.connect() as connection:
        if not _has_table(connection, VERSION_TABLE):
            return None
        found = connection.execute(text(f"select version_num from {VERSION_TABLE}")).scalar()  # noqa: S608
        return str(found) if found is not None else None


def upgrade(engine: Engine) -> None:
    """Create the state's tables or migrate them to this version; nothing to do is quick.

    Raises StateError `state.newer` for the state of a newer Leadloop and `state.foreign` for a
    database that holds somebody else's tables; both are left as they are.
    """
    if revision(engine) == HEAD:
        return
    with translated(sqlite_path(engine.url)), engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # SQLite's writer lock is held already
            connection.execute(text("select pg_advisory_xact_lock(hashtext('leadloop upgrade'))"))
        _refuse_unusable(connection)
        _run_migrations(connection)


def check(engine: Engine, *, thorough: bool = False) -> None:
    """Refuse a state that is damaged, of a newer version, or not ours; changes nothing.

    SQLite files up to `QUICK_CHECK_BYTES` are read page by page; `thorough` does it whatever the
    size. Damage that shows in a larger file's head or length is found without it. Raises
    StateError.
    """
    reader = engine.execution_options(**{READ_ONLY: True})
    with translated(sqlite_path(engine.url)), reader.connect() as connection:
        _refuse_unusable(connection)
        path = sqlite_path(engine.url)
        if path is None or not (thorough or path.stat().st_size <= QUICK_CHECK_BYTES):
            return
        if connection.execute(text("PRAGMA quick_check(1)")).scalar() != "ok":
            raise failures.damaged()


def refuse_newer(found: str) -> None:
    """Raise StateError `state.newer` for a version that this Leadloop does not know."""
    if found != HEAD and found not in _known_revisions():
        raise StateError(
            "this state was written by a newer version of Leadloop",
            code="state.newer",
            remedy="Install that version again, or restore a backup made before it was used.",
        )


def migration_config() -> Config:
    """Alembic's configuration, made here so that nobody needs an alembic.ini."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _run_migrations(connection: Connection) -> None:
    from alembic import command

    config = migration_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_unusable(connection: Connection) -> None:
    if _has_table(connection, VERSION_TABLE):
        found = connection.execute(text(f"select version_num from {VERSION_TABLE}")).scalar()  # noqa: S608
        if found is None:
            raise failures.damaged()  # tables and version are made in one transaction
        refuse_newer(str(found))
        return
    from state.tables import METADATA

    present = set(inspect(connection).get_table_names())
    ours = {table.name for table in METADATA.sorted_tables}
    # A file is ours alone; a schema of a server may be shared, as long as no names clash.
    clash = present if connection.dialect.name == "sqlite" else present & ours
    if clash:
        raise StateError(
            "this database holds other tables and is not a Leadloop state",
            code="state.foreign",
            remedy="Set `state` in config.yaml to a file or database of Leadloop's own.",
        )


def _known_revisions() -> set[str]:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(migration_config())
    return {script.revision for script in scripts.walk_revisions()}


def _has_table(connection: Connection, name: str) -> bool:
    if connection.dialect.name == "sqlite":
        query = "select 1 from sqlite_master where type = 'table' and name = :name"
    else:
        query = "select 1 where to_regclass(:name) is not null"
    return connection.execute(text(query), {"name": name}).first() is not None
