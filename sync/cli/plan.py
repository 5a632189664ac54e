"""`leadloop plan`: what a sync would do, from fresh data, written nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sync.cli import output
from sync.cli.planning import make_plan, show_plan
from sync.cli.session import session_of
from sync.planfile import write_plan


def command(
    ctx: typer.Context,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the plan file, to be approved, here.")
    ] = None,
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 8 when there is anything to write.")
    ] = False,
    samples: Annotated[
        int, typer.Option("--samples", min=0, help="Records shown field by field, of each kind.")
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what a sync would do; write nothing anywhere.

    Reads both systems, decides everything on a throw-away copy of the state, and prints it. The
    plan file holds no field values; `leadloop sync --plan FILE` applies exactly what it approves.
    """
    session = session_of(ctx)
    config = session.config()
    wanted = (session.pair(config, pair),) if out else session.pairs(config, pair)
    made = [make_plan(session, config, one, samples=samples) for one in wanted]
    if out is not None:
        write_plan(out, made[0].file)
    if as_json:
        output.emit_json("plan", {"plans": [one.summary for one in made], "file": out})
    else:
        for one in made:
            show_plan(one.summary)
    if out is not None:
        session.say(f"Plan written to {out}. Apply it with: leadloop sync --plan {out}")
    if exit_code and any(one.summary["writes"] for one in made):
        raise typer.Exit(8)
