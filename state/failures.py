"""What a database says when it fails, turned into our errors with a remedy.

Nobody using Leadloop sees a driver's exception: its text may hold values, and it never says what
to do. A broken constraint is an InvariantError, because the code that met it asked for something
the laws forbid; everything else is a StateError or, where another process is the cause, a
StateHeldError.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from functools import cache, wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from mappings.errors import InvariantError, LeadloopError, StateError, StateHeldError

P = ParamSpec("P")
T = TypeVar("T")


def disk_full() -> LeadloopError:
    """No space left where the state lives."""
    return StateError(
        "the disk that holds the state is full; nothing of the last step was kept",
        code="state.disk_full",
        remedy="Free space, then run the same command again: it goes on where it stopped.",
    )


def disk_failed() -> LeadloopError:
    """The file system refused a read or a write."""
    return StateError(
        "the disk that holds the state failed; nothing of the last step was kept",
        code="state.disk_failed",
        remedy="Check the disk. If it lost data, put the last copy of the state back.",
    )


def held() -> LeadloopError:
    """Somebody else is writing, and did not finish in time."""
    return StateHeldError("another process is writing to this state")


def read_only() -> LeadloopError:
    """We may not write."""
    return StateError(
        "the state cannot be written",
        code="state.read_only",
        remedy="Give this user write permission on the state and, for a file, on its folder.",
    )


def damaged() -> LeadloopError:
    """The file's content contradicts itself."""
    return StateError(
        "the state file is damaged",
        code="state.damaged",
        remedy="Put the last copy of the state back (`leadloop backup --verify FILE` tells a good "
        "one) in place of this file and those beside it; the next sync finds its own work by key.",
    )


def not_a_database() -> LeadloopError:
    """The file is something else, or its beginning was overwritten."""
    return StateError(
        "the state file is not a Leadloop state (or its beginning was overwritten)",
        code="state.damaged",
        remedy="Point `state` in config.yaml at the right file, or put a copy of the state back.",
    )


def missing() -> LeadloopError:
    """Our tables are not there."""
    return StateError(
        "the state has no tables, or not those of this version",
        code="state.missing",
        remedy="Point `state` in config.yaml at the right database, or put the last copy of the "
        "state back.",
    )


def unreachable() -> LeadloopError:
    """The server does not answer, or not to us."""
    return StateError(
        "the state database does not answer",
        code="state.unreachable",
        remedy="Check that the database of `state` in config.yaml runs and lets this user in.",
    )


def constraint() -> LeadloopError:
    """A law that the tables keep was about to be broken."""
    return InvariantError(
        "the state refused a row that breaks one of its constraints; nothing of the step was kept",
        code="state.constraint",
    )


SQLITE_WORDS: tuple[tuple[str, Callable[[], LeadloopError]], ...] = (
    ("is full", disk_full),
    ("no space", disk_full),
    ("disk i/o", disk_failed),
    ("locked", held),
    ("busy", held),
    ("readonly", read_only),
    ("unable to open", read_only),
    ("not a database", not_a_database),
    ("malformed", damaged),
    ("could not decode", damaged),
    ("unsupported file format", damaged),
    ("constraint failed", constraint),
    ("no such table", missing),
    ("no such column", missing),
    ("has no column", missing),
)
"""What SQLite's messages contain (sqlite.org/rescode.html), most telling first."""

POSTGRES_STATES: tuple[tuple[str, Callable[[], LeadloopError]], ...] = (
    ("53100", disk_full),
    ("53", unreachable),
    ("58", disk_failed),
    ("40", held),
    ("55P03", held),
    ("25006", read_only),
    ("42501", read_only),
    ("XX001", damaged),
    ("XX002", damaged),
    ("23", constraint),
    ("42P01", missing),
    ("42703", missing),
    ("3F000", missing),
    ("08", unreachable),
    ("28", unreachable),
    ("3D", unreachable),
    ("57P", unreachable),
)
"""Beginnings of SQLSTATE codes (PostgreSQL manual, appendix A), the longer ones first."""


def explained(error: Exception) -> LeadloopError:
    """The error a user sees for what a driver or the pool raised."""
    if isinstance(error, PoolTimeoutError):
        return held()
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, _sqlite_errors()):
        said = str(cause).lower()
        known = [make for words, make in SQLITE_WORDS if words in said]
    else:
        state = getattr(cause, "sqlstate", None)
        if state is None:  # psycopg has no SQLSTATE for a server it never reached
            return unreachable()
        known = [make for beginning, make in POSTGRES_STATES if state.startswith(beginning)]
    if known:
        return known[0]()
    return StateError(f"the state database refused a step ({type(cause).__name__})")


@cache
def _sqlite_errors() -> tuple[type[BaseException], ...]:
    from state.database import sqlite_module

    return (sqlite3.Error, sqlite_module().Error)


ROOM = 65_536
"""Bytes without which SQLite's shared memory (32 KiB at a time) or log cannot grow."""
NAMED = (
    "state.damaged",
    "state.missing",
    "state.disk_full",
    "state.disk_failed",
    "state.read_only",
)
"""Errors of a file that say which."""


@contextlib.contextmanager
def translated(where: object = None) -> Iterator[None]:
    """Raises our errors for the database's, naming the file `where`; values never reach the
    message.
    """
    try:
        yield
    except (DBAPIError, PoolTimeoutError) as error:
        raise named(explained(error), where) from None
    except _sqlite_errors() as error:  # raised while a connection is being prepared
        raise named(explained(error), where) from None  # type: ignore[arg-type]
    except StateError as error:
        raise named(error, where) from None
    except UnicodeDecodeError:  # SQLite quotes a damaged schema in its message
        raise named(damaged(), where) from None


def free_beside(file: Path) -> int:
    """Bytes free on the disk of a file; plenty where that cannot be told."""
    try:
        return shutil.disk_usage(file.parent).free
    except OSError:
        return ROOM


def named(
    error: LeadloopError, where: object, *, free: Callable[[Path], int] = free_beside
) -> LeadloopError:
    """The error with the file it is about, where that is known and not said yet. SQLite calls it an
    I/O error when its shared memory or its log cannot grow: on a full disk that is what it is."""
    if error.code == "state.disk_failed" and isinstance(where, Path) and free(where) < ROOM:
        error = disk_full()
    if where is not None and error.code in NAMED and str(where) not in error.message:
        error.message = f"{error.message}: {where}"
        error.args = (error.message,)
    return error


def decodes(function: Callable[P, T]) -> Callable[P, T]:
    """For functions that make our objects of a row: one that cannot be one is a damaged file."""

    @wraps(function)
    def decoding(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise damaged() from None

    return decoding
