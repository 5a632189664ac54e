"""Holding the state alone: one process works on it, a second one is told so at once.

The operating system or the database server keeps the lock, so it ends with the process however
that ends: a kill -9 leaves nothing behind that must be cleared by hand.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from mappings.errors import StateError, StateHeldError
from state.database import sqlite_path
from state.failures import translated

TRIES = 4
PAUSE_SECONDS = 0.05


@contextlib.contextmanager
def exclusive(engine: Engine) -> Iterator[None]:
    """Hold the state alone, until the block or the process ends.

    SQLite: an OS lock on a file beside it; PostgreSQL: a session advisory lock per schema. Raises
    StateHeldError within a fifth of a second when somebody else has it.
    """
    with contextlib.ExitStack() as stack:
        for left in reversed(range(TRIES)):  # somebody may only be looking whether it is held
            try:
                stack.enter_context(_locked(engine))
                break
            except StateHeldError:
                if not left:
                    raise
                time.sleep(PAUSE_SECONDS)
        yield


@contextlib.contextmanager
def _locked(engine: Engine) -> Iterator[None]:
    if engine.dialect.name != "sqlite":
        with _advisory_lock(engine):
            yield
        return
    path = sqlite_path(engine.url)
    if path is None:  # in memory: nobody else can reach it
        yield
        return
    with file_lock(path.with_name(path.name + ".lock")):
        yield


def is_held(engine: Engine) -> bool:
    """Whether a process holds the state at this moment. Writes nothing."""
    try:
        with _locked(engine):
            return False
    except StateHeldError:
        return True


@contextlib.contextmanager
def _advisory_lock(engine: Engine) -> Iterator[None]:
    names = "hashtext('leadloop'), hashtext(current_schema())"
    with contextlib.ExitStack() as stack:
        with translated():
            connection = stack.enter_context(engine.connect())
            got = connection.execute(text(f"select pg_try_advisory_lock({names})")).scalar_one()
            connection.commit()
        if not got:
            raise _held()
        try:
            yield
        finally:
            # Closing the session for good frees the lock even where unlocking could not be said; a
            # server notices that a moment later, so it is said first.
            with contextlib.suppress(DBAPIError):
                connection.execute(text(f"select pg_advisory_unlock({names})"))
            connection.invalidate()


@contextlib.contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """An OS lock on a file (created 0600, left in place). Raises StateHeldError at once."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(
            f"the lock file {path} cannot be opened ({error.strerror})", code="state.read_only"
        ) from None
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
