"""`leadloop snapshot`: what the accounts' fields are, as a file to check mappings against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sync.cli import output
from sync.cli.session import session_of


def command(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="The file to write.")] = Path("schema.json"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write what both accounts' mapped objects look like.

    Fields, types, lengths and picklists; no record, account id or secret. Keep it beside the
    mapping, and check against it where no vendor is at hand: `leadloop test-mapping --schema` and
    `leadloop validate --schema`.
    """
    from sync.cli.validate import ask
    from sync.snapshot import snapshot_text

    pairs = session_of(ctx).config().pairs
    found = {pair.name: ask(pair.map_system, pair.crm_system, pair.mapping) for pair in pairs}
    output.write_file(out, snapshot_text(found))
    objects = {
        pair: {
            side.value: {name: len(schema.fields) for name, schema in own.items()}
            for side, own in schemas.items()
        }
        for pair, schemas in found.items()
    }
    if as_json:
        output.emit_json("snapshot", {"file": out, "pairs": objects})
        return
    count = sum(sum(own.values()) for sides in objects.values() for own in sides.values())
    output.say(f"Wrote {count:,} fields to {out}.")
