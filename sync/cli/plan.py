"""`leadloop plan`: what a sync would do, from fresh data, written nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli import output
from sync.cli.planning import make_plan, show_plan
from sync.cli.session import UsageFault, session_of
from sync.planfile import write_plan

if TYPE_CHECKING:
    from mappings.fieldmap import PairMapping
    from sync.config import Config, PairConfig


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
    against: Annotated[
        Path | None,
        typer.Option("--against", help="Compare with the mapping in this directory."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="REV", help="Compare with that git commit's.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what a sync would do; write nothing anywhere.

    Reads both systems, decides everything on a throw-away copy of the state, and prints it. The
    plan file holds no field values; `leadloop sync --plan FILE` applies exactly what it approves.
    With --against or --since it also plans under the mapping as it was, and shows what the change
    changes: in the mapping, and on the records.
    """
    session = session_of(ctx)
    config = session.config()
    wanted = (session.pair(config, pair),) if out else session.pairs(config, pair)
    if against is not None and since is not None:
        raise UsageFault("one thing to compare with at a time: --against, or --since")
    made = [
        make_plan(
            session,
            config,
            one,
            samples=samples,
            old=_old(config, one, against=against, since=since),
        )
        for one in wanted
    ]
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


def _old(
    config: Config, pair: PairConfig, *, against: Path | None, since: str | None
) -> PairMapping | None:
    """The mapping to compare with, where one is asked for."""
    from sync import old_mapping

    if against is not None:
        return old_mapping.from_directory(config, pair, against)
    return old_mapping.from_git(config, pair, since) if since is not None else None
