"""`leadloop validate`: config.yaml and the mappings, line by line; `--live` against the vendors."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mappings.errors import ConfigurationError, Problem
from mappings.records import Side
from sync import wiring
from sync.cli import output
from sync.cli.session import session_of
from sync.doctor import live_schemas, validate
from sync.snapshot import read_snapshot

if TYPE_CHECKING:
    from mappings.loading import Schemas
    from sync.config import Config


def command(
    ctx: typer.Context,
    live: Annotated[
        bool, typer.Option("--live", help="Also check fields against both accounts as they are.")
    ] = False,
    schema: Annotated[
        Path | None,
        typer.Option("--schema", help="Check fields against a snapshot of the accounts."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check config.yaml and the mappings, line by line.

    Offline unless --live. Every problem is named in one pass, with its place and its fix.
    """
    session = session_of(ctx)
    config = session.config()
    schemas = read_snapshot(schema) if schema is not None else None
    schemas = live_of(config) if live else schemas
    problems: tuple[Problem, ...] = validate(config, schemas)
    if problems:
        raise ConfigurationError("the mappings cannot be used as they are", problems=problems)
    if as_json:
        output.emit_json("validate", _data(config, live=live))
        return
    where = "and both accounts " if live else ""
    for pair in config.pairs:
        output.console().print(
            f"{pair.name}: {len(pair.mapping.objects)} object mappings in"
            f" {_relative(pair.mapping_path, config.directory)}, hash {pair.mapping.hash}",
            markup=False,
        )
    output.say(f"{config.path.name} {where}and the mappings hold together.")


def live_of(config: Config) -> dict[str, Schemas]:
    """Both vendors' description of what each pair uses. Raises what connecting raises."""
    found = {}
    for pair in config.pairs:
        with contextlib.ExitStack() as stack:
            sides = {}
            for side, system in ((Side.MAP, pair.map_system), (Side.CRM, pair.crm_system)):
                sides[side] = wiring.connect(system)
                stack.callback(sides[side].close)
                sides[side].check()
            found[pair.name] = live_schemas(pair, sides)
    return found


def _data(config: Config, *, live: bool) -> dict[str, Any]:
    return {
        "live": live,
        "config": config.path,
        "config_hash": config.hash,
        "pairs": [
            {
                "pair": pair.name,
                "mapping": pair.mapping_path,
                "mapping_hash": pair.mapping.hash,
                "objects": [entry.name for entry in pair.mapping.objects],
            }
            for pair in config.pairs
        ],
        "problems": [],
    }


def _relative(path: Path, directory: Path) -> Path:
    return path.relative_to(directory) if path.is_relative_to(directory) else path
