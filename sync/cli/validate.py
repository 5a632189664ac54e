"""`leadloop validate`: config.yaml and the mappings, line by line; `--live` against the vendors."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mappings.errors import ConfigurationError, LeadloopError, Problem
from mappings.records import Side
from sync import wiring
from sync.cli import output
from sync.cli.session import session_of
from sync.doctor import live_schemas, validate
from sync.snapshot import read_snapshot

if TYPE_CHECKING:
    from mappings.fieldmap import PairMapping
    from mappings.loading import Schemas
    from sync.config import Config, SystemConfig


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

    Offline unless --live. Every problem is named in one pass, with its place and its fix. A warning
    tells what works and will disappoint, such as options without a counterpart.
    """
    session = session_of(ctx)
    asked = _Asked(None if schema is None else read_snapshot(schema))
    describe = asked.live if live else asked.kept if schema is not None else None
    try:
        config = session.config(describe=describe, every_profile=True)
    except ConfigurationError:
        if asked.error is not None and not as_json:
            session.say(f"Not everything could be asked: {asked.error.message}.")
        raise
    if asked.error is not None:
        raise asked.error
    warnings = validate(config, asked.schemas)
    if as_json:
        output.emit_json("validate", _data(config, warnings, live=live))
        return
    where = "and both accounts " if live else ""
    for pair in config.pairs:
        output.console().print(
            f"{pair.name}: {len(pair.mapping.objects)} object mappings in"
            f" {_relative(pair.mapping_path, config.directory)}, hash {pair.mapping.hash}",
            markup=False,
        )
    for warning in warnings:
        session.say(output.problem_text(warning))
    if warnings:
        session.say("")
    output.say(f"{config.path.name} {where}and the mappings hold together.")


@dataclass(slots=True)
class _Asked:
    """What is known of the accounts' fields, by pair, and what kept a vendor from telling."""

    snapshot: Mapping[str, Schemas] | None = None
    schemas: dict[str, Schemas] = field(default_factory=dict)
    error: LeadloopError | None = None

    def live(
        self,
        pair: str,
        map_system: SystemConfig,
        crm_system: SystemConfig,
        mapping: PairMapping,
    ) -> Schemas | None:
        """Ask both vendors now; one that cannot be asked leaves the pair to what is known offline,
        so that everything else is told all the same."""
        try:
            self.schemas[pair] = ask(map_system, crm_system, mapping)
        except LeadloopError as error:
            self.error = self.error or error
        return self.schemas.get(pair)

    def kept(
        self,
        pair: str,
        _map_system: SystemConfig,
        _crm_system: SystemConfig,
        _mapping: PairMapping,
    ) -> Schemas | None:
        """What the snapshot says."""
        if self.snapshot is not None and pair in self.snapshot:
            self.schemas[pair] = self.snapshot[pair]
        return self.schemas.get(pair)


def ask(map_system: SystemConfig, crm_system: SystemConfig, mapping: PairMapping) -> Schemas:
    """Both vendors' description of what a mapping uses. Raises what connecting raises."""
    with contextlib.ExitStack() as stack:
        sides = {}
        for side, system in ((Side.MAP, map_system), (Side.CRM, crm_system)):
            sides[side] = wiring.connect(system)
            stack.callback(sides[side].close)
            sides[side].check()
        return live_schemas(mapping, sides)


def _data(config: Config, warnings: Sequence[Problem], *, live: bool) -> dict[str, Any]:
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
        "problems": [output.problem_data(warning) for warning in warnings],
    }


def _relative(path: Path, directory: Path) -> Path:
    return path.relative_to(directory) if path.is_relative_to(directory) else path
