"""`leadloop schema`: the formats as JSON Schema, for editors and CI, or as a page to read."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sync.cli import output


class Format(StrEnum):
    """What has a schema."""

    MAPPING = "mapping"
    CONFIG = "config"


def command(
    ctx: typer.Context,  # noqa: ARG001 - every command takes it
    which: Annotated[Format, typer.Argument(metavar="WHICH", help="mapping or config.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Write to this file instead of stdout.")
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="The reference page of every key instead.")
    ] = False,
) -> None:
    """Print the JSON Schema of mapping files or of config.yaml.

    Editors that know YAML complete keys and mark mistakes by it: `leadloop init` writes both
    schemas into the workspace, and the first lines of its files name them.
    """
    from sync.schema_files import reference_page, schema_of

    text = (
        reference_page(which.value)
        if markdown
        else json.dumps(schema_of(which.value), indent=2, ensure_ascii=False) + "\n"
    )
    if out is None:
        typer.echo(text, nl=False)
        return
    output.write_file(out, text)
    output.say(f"Wrote {out}.")
