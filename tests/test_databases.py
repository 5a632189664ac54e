"""The databases that the other tests stand on are real, empty and apart from each other."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from tests.databases import PostgresServer


def test_a_test_database_is_empty_and_takes_writes(database_url: str) -> None:
    """On SQLite and PostgreSQL alike, the URL opens an empty database that keeps its rows."""
    engine = create_engine(database_url)
    try:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE note (word VARCHAR(20))"))
            connection.execute(text("INSERT INTO note VALUES ('kept')"))
        with engine.connect() as connection:
            assert connection.execute(text("SELECT word FROM note")).scalars().all() == ["kept"]
    finally:
        engine.dispose()


def test_two_postgresql_databases_share_nothing(postgres_server: PostgresServer) -> None:
    """A table made in one test's database does not exist in another's."""
    with postgres_server.database() as first, postgres_server.database() as second:
        assert first != second
        with psycopg.connect(first.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE TABLE note (word text)")
        with (
            psycopg.connect(second.replace("+psycopg", ""), autocommit=True) as connection,
            pytest.raises(psycopg.errors.UndefinedTable),
        ):
            connection.execute("SELECT * FROM note")


def test_a_dropped_database_takes_its_connections_along(postgres_server: PostgresServer) -> None:
    """A connection that a test forgot does not keep its database alive."""
    with postgres_server.database() as url:
        forgotten = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
    with forgotten, pytest.raises(psycopg.OperationalError):
        forgotten.execute("SELECT 1")


def test_the_sqlite_file_is_not_there_yet(sqlite_url: str, tmp_path: Path) -> None:
    """The URL points into the test's own folder, and the code under test creates the file."""
    assert sqlite_url.startswith(f"sqlite:///{tmp_path}")
    assert list(tmp_path.iterdir()) == []
