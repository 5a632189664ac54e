"""`leadloop sync`: one run of every pair, or an approved plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mappings.errors import ConfigurationError, LeadloopError, MassChangeRefusedError
from state import runs
from sync.cli import output
from sync.cli.ordering import place, tell_queued
from sync.cli.planning import make_plan, show_plan
from sync.cli.session import Session, UsageFault, session_of
from sync.garbage import few_collections
from sync.orders import Done, Order, as_error, error_data
from sync.planfile import PlanMarks, read_plan

if TYPE_CHECKING:
    from sync.config import Config, PairConfig


def command(
    ctx: typer.Context,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; write nothing.")
    ] = False,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Apply exactly this plan file: it is approved.")
    ] = None,
    approve: Annotated[
        str | None, typer.Option("--approve", metavar="RUN", help="Approve what this run asked.")
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="While a daemon runs: print the number, do not wait.")
    ] = False,
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run once: pull, resolve, plan, guard, write, report.

    A first connection and a changed mapping apply only from an approved plan: `leadloop plan --out
    plan.json`, read it, `leadloop sync --plan plan.json`. Everything after that is a plain
    `leadloop sync`. While a daemon holds the state, it is queued with the daemon and followed.
    """
    if sum((dry_run, plan is not None, approve is not None)) > 1:
        raise UsageFault("--dry-run, --plan and --approve exclude each other")
    session = session_of(ctx)
    config = session.config()
    if dry_run:
        _show_dry_run(session, config, pair, as_json=as_json)
        return
    if plan is not None:
        file = read_plan(plan)
        one = session.pair(config, pair or file.pair)
        wanted = [(one, {"plan": asdict(PlanMarks.of(file))})]
    elif approve is not None:
        one, counts = _approval_of(session, config, approve, pair)
        wanted = [(one, {"counts": counts})]
    else:
        wanted = [(one, {}) for one in session.pairs(config, pair)]
    results = [_sync(session, config, one, given, wait=not no_wait) for one, given in wanted]
    _finish(session, results, as_json=as_json)


def _show_dry_run(session: Session, config: Config, pair: str | None, *, as_json: bool) -> None:
    made = [make_plan(session, config, one, samples=1) for one in session.pairs(config, pair)]
    if as_json:
        output.emit_json("sync", {"dry_run": True, "plans": [one.summary for one in made]})
        return
    for one in made:
        show_plan(one.summary)
    output.say("Dry run: nothing was written.")


def _approval_of(
    session: Session, config: Config, run_id: str, pair: str | None
) -> tuple[PairConfig, dict[str, Any]]:
    """The pair whose run was refused, and how much it asked for."""
    for one in session.pairs(config, pair):
        with session.store(config, one) as store, store.read() as tx:
            run = runs.get(tx, run_id)
        if run is None:
            continue
        if run.status != "refused":
            raise ConfigurationError(
                f"run {run.id} was not refused: it ended as {run.status}",
                code="run.not_refused",
                remedy="See `leadloop runs` for the run that was refused.",
            )
        if run.mapping_hash != one.mapping.hash:
            raise MassChangeRefusedError(
                "the mapping has changed since that run",
                code="guard.approval_required",
                remedy="Run `leadloop plan --out plan.json`, read it, then `leadloop sync --plan "
                "plan.json`.",
            )
        return one, dict(run.counts.get("asked", {}))
    raise ConfigurationError(
        f"there is no run `{output.shown(run_id)}`",
        code="run.unknown",
        remedy="See `leadloop runs` for the ids of past runs.",
    )


@few_collections()
def _sync(
    session: Session, config: Config, pair: PairConfig, arguments: Mapping[str, Any], *, wait: bool
) -> dict[str, Any]:
    """One run of one pair, as data. What goes wrong is in `error`, so that the others go on."""
    try:
        with session.store(config, pair) as store:
            done = place(session, config, pair, store, Order("sync", arguments), wait=wait)
    except LeadloopError as error:
        done = Done(error.exit_code, {}, error_data(error))
    if isinstance(done, int):
        return {"pair": pair.name, "command_id": done, "exit_code": 0, "error": None}
    nothing: dict[str, Any] = {"run_id": None, "status": "failed", "counts": {}, "seconds": 0.0}
    return {
        "pair": pair.name,
        **(done.result or nothing),
        "error": dict(done.error) if done.error else None,
        "exit_code": done.exit_code,
    }


def _finish(session: Session, results: list[dict[str, Any]], *, as_json: bool) -> None:
    errors = [result["error"] for result in results if result["error"] is not None]
    code = next((r["exit_code"] for r in results if r["exit_code"] not in {0, 4}), 0) or max(
        result["exit_code"] for result in results
    )
    if as_json:
        output.emit_json("sync", {"runs": results, "error": errors[0] if errors else None})
    else:
        for result in results:
            if "command_id" in result:
                tell_queued(session, result["pair"], result["command_id"])
            else:
                _show(session, result)
        for error in errors:
            session.report_error(as_error(error))
    raise typer.Exit(code)


def _show(session: Session, result: dict[str, Any]) -> None:
    counts = result["counts"]
    console = output.console()
    if not result["run_id"]:
        console.print(f"{result['pair']}: no run was made", markup=False)
        return
    ended = f"{result['status']} in {result['seconds']:.1f} s"
    console.print(f"{result['pair']}: run {result['run_id']}: {ended}", markup=False)
    if not counts:
        return
    written = {name: number for name, number in counts.get("written", {}).items() if number}
    console.print(
        f"  pulled {counts.get('pulled_records', 0):,} record changes and"
        f" {counts.get('pulled_events', 0):,} events; {counts.get('linked', 0):,} people linked,"
        f" {counts.get('created', 0):,} created, {counts.get('to_review', 0):,} to review",
        markup=False,
    )
    if "written" in counts:
        rows = [[*name.split(".", 2), f"{number:,}"] for name, number in sorted(written.items())]
        if rows:
            console.print(output.table("Written", ["side", "what", "object", "rows"], rows))
        else:
            console.print("  nothing to write", markup=False)
    left = [
        (counts.get("rows", {}).get("rejected", 0), "rows refused: leadloop deadletters"),
        (
            counts.get("rows", {}).get("unknown", 0),
            "rows without an answer: the next run looks for them before anything is sent again",
        ),
        (
            counts.get("rows", {}).get("dropped", 0),
            "rows left out: what they depend on was refused",
        ),
        (counts.get("review", 0), "in review: leadloop review list"),
        (counts.get("dead_letters", 0), "dead letters: leadloop deadletters"),
        (counts.get("held", 0), "changes held for your word: leadloop plan"),
    ]
    for number, what in left:
        if number:
            console.print(session.hint(f"  {number:,} {what}"), markup=False)
    for system, rests in sorted(counts.get("deferred", {}).items()):
        if "code" in rests:
            waiting = sum(rests["lanes"].values())
            console.print(
                session.hint(
                    f"  {system} rests [{rests['code']}], {waiting:,} writes wait: leadloop status"
                ),
                markup=False,
            )
    for stream, code in sorted(counts.get("streams_failed", {}).items()):
        console.print(
            f"  {stream} could not be read [{code}]; the next run tries it again", markup=False
        )
