"""Opening the state: created, brought up to date, or refused with a remedy."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, text

from mappings.errors import ConfigurationError, StateError
from state import mirror, schema
from state.database import (
    journal_mode,
    open_engine,
    parse_url,
    sqlite_module,
    sqlite_path,
)
from state.open import open_store
from state.store import Store
from state.tables import METADATA
from tests.state.support import contact, now


def test_migrations_and_tables_agree(store: Store) -> None:
    """A state made by the migrations is what the tables declare, on both databases."""
    with store.engine.begin() as connection:
        options = {"version_table": schema.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []


def test_the_newest_migration_is_the_one_a_new_state_has(store: Store) -> None:
    """HEAD names the last migration script, and an opened state has it."""
    scripts = ScriptDirectory.from_config(schema.migration_config())
    assert scripts.get_current_head() == schema.HEAD
    assert schema.revision(store.engine) == schema.HEAD


def test_an_empty_database_has_no_revision(database_url: str) -> None:
    """Before the first upgrade there is no version, and asking for it changes nothing."""
    engine = open_engine(database_url)
    assert schema.revision(engine) is None
    assert schema.revision(engine) is None
    engine.dispose()


def test_opening_again_keeps_what_is_there(store: Store, database_url: str) -> None:
    """A second opening migrates nothing and finds the rows of the first."""
    with store.begin() as tx:
        mirror.land(tx, "run", "contacts", [contact(1)])
    again = open_store(database_url, clock=now, pair="main")
    with again.read() as tx:
        assert mirror.pending_count(tx) == 1
    again.close()


def test_an_up_to_date_state_is_opened_without_touching_it(store: Store) -> None:
    """Upgrading a state of this version asks what version it is and nothing else."""
    said: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *a: said.append(a[2]))
    schema.upgrade(store.engine)
    assert len([sql for sql in said if not sql.startswith(("PRAGMA query_only", "BEGIN"))]) == 2
    assert not any("BEGIN IMMEDIATE" in sql or "CREATE" in sql for sql in said)


def test_the_state_of_a_newer_version_is_refused(store: Store, database_url: str) -> None:
    """A version this Leadloop does not know is left as it is, and the error says what to do."""
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE leadloop_version SET version_num = '9999'"))
    with pytest.raises(StateError) as refused:
        open_store(database_url, clock=now, pair="main")
    assert refused.value.code == "state.newer"
    assert "Install that version" in refused.value.remedy
    assert schema.revision(store.engine) == "9999"


def test_a_database_of_somebody_else_is_refused(database_url: str) -> None:
    """A database that has a table of ours without our version is left as it is."""
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE events (word VARCHAR(20))"))
    with pytest.raises(StateError) as refused:
        open_store(database_url, clock=now, pair="main")
    assert refused.value.code == "state.foreign"
    assert schema.revision(engine) is None
    engine.dispose()


def test_a_migration_that_fails_leaves_nothing_behind(database_url: str) -> None:
    """Creating the tables is one transaction: a failure in the middle leaves an empty database."""
    engine = open_engine(database_url)

    def refuse(*arguments: object) -> None:
        if "CREATE TABLE work" in str(arguments[2]):
            raise StateError("no further")

    event.listen(engine, "before_cursor_execute", refuse)
    with pytest.raises(StateError, match="no further"):
        schema.upgrade(engine)
    event.remove(engine, "before_cursor_execute", refuse)
    assert schema.revision(engine) is None
    schema.upgrade(engine)
    assert schema.revision(engine) == schema.HEAD
    engine.dispose()


def test_the_state_file_is_its_owners_alone(tmp_path: Path) -> None:
    """File, folder of the file and SQLite's side files: nobody else may read the first and last."""
    path = tmp_path / "deep" / "state.sqlite3"
    store = open_store(f"sqlite:///{path}", clock=now, pair="main")
    with store.begin() as tx:
        mirror.land(tx, "run", "contacts", [contact(1)])
    with store.exclusive():
        files = list(path.parent.iterdir())
        assert {file.name for file in files} >= {"state.sqlite3", "state.sqlite3.lock"}
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    store.close()


def test_a_state_file_put_back_readable_for_all_is_closed_again(tmp_path: Path) -> None:
    """A backup copied back by hand gets mode 0600 when it is opened."""
    path = tmp_path / "state.sqlite3"
    open_store(f"sqlite:///{path}", clock=now, pair="main").close()
    path.chmod(0o644)
    open_store(f"sqlite:///{path}", clock=now, pair="main").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Pointing `state` at a text file gives a remedy, and the file is as before."""
    path = tmp_path / "notes.txt"
    path.write_text("buy milk\n" * 200)
    with pytest.raises(StateError) as refused:
        open_store(f"sqlite:///{path}", clock=now, pair="main")
    assert refused.value.code == "state.damaged"
    assert "config.yaml" in refused.value.remedy
    assert path.read_text() == "buy milk\n" * 200


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Where the file cannot be made, the error names it and says what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"state\.sqlite3") as refused:
        open_store(f"sqlite:///{tmp_path}/file/state.sqlite3", clock=now, pair="main")
    assert refused.value.code == "state.read_only"


def test_a_server_that_does_not_answer_is_named_as_such() -> None:
    """A PostgreSQL that is not there gives a remedy, not a driver's exception."""
    with pytest.raises(StateError) as refused:
        open_store("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2", clock=now, pair="main")
    assert refused.value.code == "state.unreachable"


@pytest.mark.parametrize(
    "url",
    ["mysql://host/db", "no url at all", "", "sqlite:///file:state.db?uri=true"],
)
def test_other_urls_are_configuration_errors(url: str) -> None:
    """What is neither a SQLite file nor PostgreSQL is refused before anything is created."""
    with pytest.raises(ConfigurationError) as refused:
        parse_url(url)
    assert refused.value.code == "config.state_url"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_is_taken(scheme: str) -> None:
    """All three schemes people write mean the one driver Leadloop has."""
    assert parse_url(f"{scheme}://host/db").drivername == "postgresql+psycopg"


def test_only_files_have_a_path() -> None:
    """A state in memory or on a server has no file to lock or copy."""
    assert sqlite_path("sqlite:///a/b.sqlite3") == Path("a/b.sqlite3")
    assert sqlite_path("sqlite://") is None
    assert sqlite_path("sqlite:///:memory:") is None
    assert sqlite_path("postgresql://host/db") is None


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 6, 23), "WAL"),
        ((3, 7, 0), "DELETE"),
        ((3, 40, 1), "DELETE"),
        ((3, 51, 2), "DELETE"),
        ((3, 51, 3), "WAL"),
        ((3, 53, 0), "WAL"),
    ],
)
def test_affected_sqlite_versions_get_the_safe_journal(version: tuple[int, ...], mode: str) -> None:
    """The range with the WAL-reset bug, ends included, does without WAL (DESIGN section 3)."""
    assert journal_mode(version) == mode


def test_a_file_is_opened_with_every_safeguard(sqlite_store: Store) -> None:
    """The journal fits the linked version, commits are synced, deleted data is overwritten."""
    with sqlite_store.engine.connect() as connection:
        found = {
            name: str(connection.execute(text(f"PRAGMA {name}")).scalar()).upper()
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        }
    assert found["journal_mode"] == journal_mode(sqlite_module().sqlite_version_info)
    assert found["synchronous"] == "2"
    assert found["secure_delete"] == "1"
