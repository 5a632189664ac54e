"""`leadloop migrate-config`: files of an earlier format become files of today's."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mappings.errors import ConfigurationError
from sync.cli import output
from sync.cli.session import session_of

if TYPE_CHECKING:
    from sync.migrate import Migrated


def command(
    ctx: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Files; without any, those of the workspace."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write the files; the old ones stay as NAME.bak.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bring config.yaml, mappings and cases to this version's format.

    Shows what would change, and changes nothing without --write. Comments and layout stay.
    """
    from sync.migrate import files_of, migrate

    config = session_of(ctx).config_path or Path("config.yaml")
    workspace = config if config.is_dir() else config.parent
    found = [migrate(path) for path in paths or files_of(workspace)]
    changed = [one for one in found if one.changed]
    if write:
        for one in changed:
            _write(one)
    if as_json:
        files = [
            {"file": one.path, "format": one.was, "changed": one.changed, "written": write}
            for one in found
        ]
        output.emit_json("migrate-config", {"files": files})
        return
    for one in changed:
        typer.echo(_difference(one), nl=False)
    done = "Rewrote" if write else "Would rewrite"
    more = "" if write or not changed else " Do it with: leadloop migrate-config --write"
    output.say(f"{done} {len(changed)} of {len(found)} files.{more}")


def _difference(one: Migrated) -> str:
    return "".join(
        difflib.unified_diff(
            one.before.splitlines(keepends=True),
            one.after.splitlines(keepends=True),
            f"{one.path} (format {one.was})",
            str(one.path),
        )
    )


def _write(one: Migrated) -> None:
    """The old file beside the new one, which takes its place whole or not at all."""
    backup = one.path.with_name(f"{one.path.name}.bak")
    draft = one.path.with_name(f".{one.path.name}.{os.getpid()}")
    try:
        backup.write_text(one.before, encoding="utf-8")
        draft.write_text(one.after, encoding="utf-8")
        draft.chmod(one.path.stat().st_mode & 0o777)
        draft.replace(one.path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigurationError(
            f"{one.path} cannot be rewritten: {error.strerror}",
            code="workspace.unwritable",
            remedy="Make the file and its directory writable for this user.",
        ) from None
