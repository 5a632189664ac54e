"""`leadloop test-mapping`: cases in YAML, judged by what a run would plan. Offline, no secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mappings.positions import Faults
from sync.cli import output


def command(
    ctx: typer.Context,  # noqa: ARG001 - every command takes it
    cases: Annotated[
        Path, typer.Argument(metavar="CASES", help="A file of cases, or a directory of them.")
    ] = Path("mapping-tests"),
    mapping: Annotated[
        Path, typer.Option("--mapping", help="The mapping's file or directory.")
    ] = Path("mappings"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check cases for the mapping: records given, writes expected.

    Needs neither config.yaml nor secrets nor a vendor, and ends with 3 when a case does not hold:
    fit for CI.
    """
    from mappings.loader import load_mapping
    from sync.mapping_cases import check_cases, read_cases

    faults = Faults()
    found = read_cases(cases, load_mapping(mapping), faults)
    faults.stop("The cases cannot be used")
    check_cases(found, faults)
    faults.stop("The mapping does not do what its cases expect")
    if as_json:
        listed = [{"case": case.name, "object": case.entry.name} for case in found]
        output.emit_json("test-mapping", {"mapping": mapping, "cases": listed})
        return
    output.say(f"{len(found)} cases hold.")
