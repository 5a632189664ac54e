"""`leadloop prune`: let go of what is no longer needed, as `retention` says."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from state.prune import prune
from sync.cli import output
from sync.cli.ordering import place
from sync.cli.session import has_state, session_of
from sync.orders import Done, Order, as_error
from sync.retention import cutoffs


def command(
    ctx: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go; change nothing.")
    ] = False,
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Let go of what is no longer needed.

    Payloads, closed dead letters, before-images and details of events, each after the time that
    `retention` in config.yaml names. Open work, links and the keys of what was delivered stay. A
    daemon does it every night.
    """
    session = session_of(ctx)
    config = session.config()
    found: list[dict[str, Any]] = []
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store:
            if dry_run:
                told = prune(store, cutoffs(config.retention, store.clock()), dry_run=True)
            else:
                order = Order("prune", asdict(config.retention))
                told = _pruned(place(session, config, one, store, order))
        found.append({"pair": one.name, "dry_run": dry_run, "pruned": told})
    if as_json:
        output.emit_json("prune", {"pairs": found})
        return
    rows = [
        [one["pair"], name.replace("_", " "), f"{count:,}"]
        for one in found
        for name, count in one["pruned"].items()
    ]
    title = "Would go" if dry_run else "Gone"
    output.console().print(output.table(title, ["pair", "what", "rows"], rows))


def _pruned(done: Done | int) -> dict[str, Any]:
    """What went. It is always waited for, so there is an answer."""
    if isinstance(done, int):
        return {}
    if done.error is not None:
        raise as_error(done.error)
    return dict(done.result)
