"""`leadloop demo`: the whole loop on a sandbox, checked against the truth."""

from __future__ import annotations

from typing import Annotated

import typer

from sync.cli import output
from sync.cli.sandbox import WORLDS
from sync.cli.session import UsageFault, session_of


def command(
    ctx: typer.Context,
    *,
    world: Annotated[
        str, typer.Option("--world", help="generated, or febrl4: whose people to load.")
    ] = "generated",
    people: Annotated[
        int | None,
        typer.Option("--people", min=1, help="People on each side (2,000; febrl4: all 5,000)."),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=0, help="Simulated days after the first.")] = 5,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same demo.")] = 7,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the figures as one line of JSON.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the workspace and say where it is.")
    ] = False,
) -> None:
    """Show the whole loop on generated people.

    Starts a sandbox, connects, plans and approves the first sync, runs it, lets days pass with a
    sync each, then runs once more without any change. The result is compared with the truth.
    """
    if world not in WORLDS:
        raise UsageFault("there is no such world", remedy=f"Use one of {', '.join(WORLDS)}.")
    from sync import logs
    from sync.demo import DemoOptions, run_demo
    from sync.demo_report import SHARES_OF_A_CROWD, failures, print_summary

    logs.configure(session_of(ctx).log_level or "error")
    result = run_demo(DemoOptions(world=world, people=people, days=days, seed=seed, keep=keep))
    if as_json:
        output.emit_json("demo", result)
    else:
        print_summary(result)
    if set(failures(result)) - SHARES_OF_A_CROWD:
        raise typer.Exit(1)
