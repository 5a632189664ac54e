"""`leadloop runs`: past runs; `leadloop runs show ID`: one of them whole."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mappings.errors import ConfigurationError
from state import kept_mappings, runs
from state.runs import Run
from sync.cli import output
from sync.cli.session import Session, has_state, session_of

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    invoke_without_command=True,
    help="List past runs, or show one: runs show ID.",
)


@app.callback()
def list_runs(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, newest first.")] = 20,
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List past runs, newest first; `runs show ID` shows one."""
    if ctx.invoked_subcommand is not None:
        return
    session = session_of(ctx)
    config = session.config()
    found: list[tuple[str, Run]] = []
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store, store.read() as tx:
            found.extend((one.name, run) for run in runs.latest(tx, limit=limit))
    found.sort(key=lambda item: item[1].started_at, reverse=True)
    if as_json:
        output.emit_json("runs", {"runs": [run_data(name, run) for name, run in found[:limit]]})
        return
    if not found:
        session.say("No runs yet. Begin with: leadloop plan --out plan.json")
        return
    rows = [
        [run.id, name, run.kind, run.status, f"{run.started_at:%Y-%m-%d %H:%M:%S}",
         _seconds(run), _written(run), (run.error or {}).get("code", "")]
        for name, run in found[:limit]
    ]  # fmt: skip
    columns = ["run", "pair", "kind", "status", "started (UTC)", "seconds", "written", "error"]
    output.console().print(output.table("", columns, rows))


@app.command("show")
def show(
    ctx: typer.Context,
    run_id: Annotated[
        str, typer.Argument(metavar="ID", help="A run's id, how it begins, or `last`.")
    ],
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    mapping: Annotated[
        bool, typer.Option("--mapping", help="Print the mapping it ran with, as YAML.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show one run: how it ended, what it counted, what stopped it; or the mapping it ran with.

    The mapping is printed whole, in one file, without comments: put it into `mappings/` to go back
    to it.
    """
    session = session_of(ctx)
    config = session.config()
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store, store.read() as tx:
            run = runs.get(tx, run_id)
            body = kept_mappings.body(tx, run.mapping_hash) if run is not None else None
        if run is None:
            continue
        if as_json:
            output.emit_json("runs show", {"run": run_data(one.name, run), "mapping": body})
        elif mapping:
            _show_mapping(run, body)
        else:
            _show(session, one.name, run)
        return
    raise ConfigurationError(
        f"there is no run `{output.shown(run_id)}`, or several begin so",
        code="run.unknown",
        remedy="See `leadloop runs` for the ids of past runs.",
    )


def run_data(pair: str, run: Run) -> dict[str, Any]:
    """A run as data."""
    return {
        "id": run.id,
        "pair": pair,
        "kind": run.kind,
        "status": run.status,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "config_hash": run.config_hash,
        "mapping_hash": run.mapping_hash,
        "counts": dict(run.counts),
        "error": dict(run.error) if run.error else None,
    }


def _show(session: Session, pair: str, run: Run) -> None:
    console = output.console()
    rows: list[list[Any]] = [
        ["run", run.id],
        ["pair", pair],
        ["kind", run.kind],
        ["status", run.status],
        ["started", run.started_at],
        ["finished", run.finished_at],
        ["config", run.config_hash],
        ["mapping", run.mapping_hash],
    ]
    rows += [[name, value] for name, value in sorted(run.counts.items())]
    console.print(output.table("", ["what", ""], rows))
    if run.error:
        console.print(f"{run.error['message']} [{run.error['code']}]", markup=False)
        console.print(session.hint(f"remedy: {run.error['remedy']}"), markup=False)


def _show_mapping(run: Run, body: dict[str, Any] | None) -> None:
    from mappings.render import render_mapping

    if body is None:
        raise ConfigurationError(
            f"the mapping of the run {run.id} was not kept",
            code="run.no_mapping",
            remedy="Plans keep none, only runs do; see `leadloop runs`.",
        )
    typer.echo(f"# the mapping {run.mapping_hash}, as the run {run.id} used it")
    typer.echo(render_mapping(body), nl=False)


def _seconds(run: Run) -> str:
    if run.finished_at is None:
        return ""
    return f"{(run.finished_at - run.started_at).total_seconds():.1f}"


def _written(run: Run) -> int:
    return sum(run.counts.get("written", {}).values())
