"""`leadloop backup`: a copy of the state, made while a daemon works, and checked."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli import output
from sync.cli.session import UsageFault, session_of, state_file

if TYPE_CHECKING:
    from sync.config import Config


def command(
    ctx: typer.Context,
    to: Annotated[
        Path | None, typer.Option("--to", help="The copy's file (default: dated, by the state).")
    ] = None,
    verify: Annotated[
        Path | None, typer.Option("--verify", help="Check this copy instead of making one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Copy the state to a file and check the copy.

    Consistent while a daemon works. The copy holds people's data: it is readable for its owner
    alone. PostgreSQL is copied by pg_dump. How to put a copy back: docs/how-to/back-up-and-restore.
    """
    from state import backup
    from state.database import open_engine

    if to is not None and verify is not None:
        raise UsageFault("--to and --verify exclude each other")
    config = session_of(ctx).config()
    if verify is not None:
        copy = backup.verify(verify, environ=os.environ)
    else:
        engine = open_engine(config.state_url)
        try:
            copy = backup.backup(engine, to or _dated(config), environ=os.environ)
        finally:
            engine.dispose()
    data = {"file": str(copy.path), "bytes": copy.bytes, "revision": copy.revision}
    if as_json:
        output.emit_json("backup", {"copy": data, "verified": True})
        return
    output.console().print(str(copy.path), markup=False)
    version = f", version {copy.revision}" if copy.revision else ""
    output.say(f"A good copy: {copy.bytes:,} bytes{version}.")


def _dated(config: Config) -> Path:
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    file = state_file(config)
    if file is None:
        return config.directory / f"leadloop-{stamp}.dump"
    return file.with_name(f"{file.stem}-{stamp}{file.suffix}")
