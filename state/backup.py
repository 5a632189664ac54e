"""Copies of the state: made while a daemon works, checked when made, mode 0600.

SQLite is copied by its own backup API, from one consistent view. PostgreSQL is copied by pg_dump,
where that is installed. A copy is written beside its name and moved there when it is whole: a copy
that has the name is a good one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from mappings.errors import StateError
from state import failures, schema
from state.database import sqlite_module, sqlite_path, touch_private

DUMP_MARK = b"PGDMP"
"""How pg_dump's custom format begins."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that was found good. `revision` is the state's version, None for a server's dump."""

    path: Path
    bytes: int
    revision: str | None


def backup(engine: Engine, target: Path, *, environ: Mapping[str, str]) -> Copy:
    """Copy the state to a new file and check the copy. Raises StateError: `backup.exists`,
    `backup.failed`, `backup.no_pg_dump`, or what is wrong with the place or the copy.
    """
    if target.exists():
        raise StateError(
            f"there is a file at {target} already; it was left as it is",
            code="backup.exists",
            remedy="Name another with `--to`, or move that one away.",
        )
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    touch_private(draft)
    try:
        if engine.dialect.name == "sqlite":
            _copy_file(engine, draft)
        else:
            _dump(engine.url, draft, environ)
        copy = verify(draft, environ=environ)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return Copy(target, copy.bytes, copy.revision)


def verify(path: Path, *, environ: Mapping[str, str]) -> Copy:
    """Read a copy whole. Raises StateError where it is not one, or is damaged, or of a newer
    version; the file is left as it is.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(DUMP_MARK))
        size = path.stat().st_size
    except OSError as error:
        raise StateError(
            f"the copy {path} cannot be read ({error.strerror})",
            code="backup.unreadable",
            remedy="Correct the path or its permissions.",
        ) from None
    if head == DUMP_MARK:
        _run("pg_restore", ["--list", str(path)], environ)
        return Copy(path, size, None)
    return Copy(path, size, _checked_file(path))


def _copy_file(engine: Engine, draft: Path) -> None:
    source = sqlite_path(engine.url)
    if source is None:
        raise StateError(
            "an in-memory state cannot be copied",
            code="state.in_memory",
            remedy="Set `state: sqlite:///leadloop.sqlite3` in config.yaml.",
        )
    module = sqlite_module()
    with (
        failures.translated(),
        contextlib.closing(module.connect(str(source))) as reader,
        contextlib.closing(module.connect(str(draft))) as writer,
    ):
        reader.backup(writer)
        writer.execute("PRAGMA journal_mode=DELETE")  # one file, no side files


def _checked_file(path: Path) -> str:
    with (
        failures.translated(),
        contextlib.closing(
            sqlite_module().connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)
        ) as reader,
    ):
        (sound,) = reader.execute("PRAGMA integrity_check(1)").fetchone()
        if sound != "ok":
            raise failures.damaged()
        table = schema.VERSION_TABLE
        if not reader.execute("select 1 from sqlite_master where name = ?", (table,)).fetchone():
            raise failures.not_a_database()
        (revision,) = reader.execute(f"select version_num from {table}").fetchone()  # noqa: S608
    schema.refuse_newer(str(revision))
    return str(revision)


def _dump(url: URL, draft: Path, environ: Mapping[str, str]) -> None:
    """The password goes by the environment: arguments can be read by everybody."""
    plain = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    arguments = ["--format=custom", "--no-owner", f"--file={draft}", f"--dbname={plain}"]
    _run("pg_dump", arguments, {**environ, **secret})


def _run(program: str, arguments: list[str], environ: Mapping[str, str]) -> None:
    found = shutil.which(program, path=environ.get("PATH"))
    if found is None:
        raise StateError(
            f"{program} is not installed here",
            code="backup.no_pg_dump",
            remedy="Install PostgreSQL's client programs (Debian: postgresql-client), or copy the "
            "database by the means of whoever runs the server.",
        )
    done = subprocess.run(  # noqa: S603 - our own arguments, no shell
        [found, *arguments], env=dict(environ), capture_output=True, check=False
    )
    if done.returncode:
        raise StateError(
            f"{program} ended with {done.returncode}",
            code="backup.failed",
            remedy=f"Run {program} on the database of `state` by hand to see why: it must be of "
            "the server's version or newer, and the user must be allowed to read every table.",
        )
