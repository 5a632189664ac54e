"""`leadloop test-mapping`: cases in YAML, judged by what a run would plan. Offline, no secrets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mappings.errors import ConfigurationError
from mappings.positions import Faults
from sync.cli import output

if TYPE_CHECKING:
    from mappings.loading import Schemas


def command(
    ctx: typer.Context,  # noqa: ARG001 - every command takes it
    cases: Annotated[
        Path, typer.Argument(metavar="CASES", help="A file of cases, or a directory of them.")
    ] = Path("mapping-tests"),
    mapping: Annotated[
        Path, typer.Option("--mapping", help="The mapping's file or directory.")
    ] = Path("mappings"),
    schema: Annotated[
        Path | None,
        typer.Option("--schema", help="Judge by a snapshot of the accounts, too."),
    ] = None,
    pair: Annotated[
        str | None, typer.Option("--pair", help="Whose schema, where the snapshot has several.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check cases for the mapping: records given, writes expected.

    Needs neither config.yaml nor secrets nor a vendor, and ends with 3 when a case does not hold:
    fit for CI. With a snapshot (`leadloop snapshot`) the mapping is checked against the accounts'
    fields, and a case in which a vendor would refuse a value does not hold.
    """
    from mappings.loader import load_mapping
    from sync.mapping_cases import check_cases, read_cases

    faults = Faults()
    schemas = _schemas(schema, pair) if schema is not None else None
    found = read_cases(cases, load_mapping(mapping, schemas=schemas), faults)
    faults.stop("The cases cannot be used")
    check_cases(found, faults, schemas)
    faults.stop("The mapping does not do what its cases expect")
    if as_json:
        listed = [{"case": case.name, "object": case.entry.name} for case in found]
        output.emit_json("test-mapping", {"mapping": mapping, "cases": listed})
        return
    output.say(f"{len(found)} cases hold.")


def _schemas(path: Path, pair: str | None) -> Schemas:
    """The schemas of the pair, or of the only one the snapshot has."""
    from sync.snapshot import read_snapshot

    found = read_snapshot(path)
    wanted = pair if pair is not None else next(iter(found), "")
    if wanted not in found or (pair is None and len(found) > 1):
        raise ConfigurationError(
            f"the snapshot has the pairs {', '.join(found) or 'of nobody'}",
            code="config.unknown_pair",
            remedy="Name one of them: `--pair NAME`.",
        )
    return found[wanted]
