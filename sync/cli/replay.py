"""`leadloop replay`: what was refused goes down the road again, once the cause is corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mappings.errors import LeadloopError
from sync import wiring
from sync.cli import output
from sync.cli.moments import moment_of
from sync.cli.planning import progress
from sync.cli.session import Session, UsageFault, has_state, session_of
from sync.recover import Replayed, Selection, letter_as_json, replay, select
from sync.run import Report, run_once

if TYPE_CHECKING:
    from state.store import Store
    from sync.config import Config, PairConfig


def command(
    ctx: typer.Context,
    *,
    run: Annotated[str | None, typer.Option("--run", help="What this run could not do.")] = None,
    record: Annotated[
        str | None, typer.Option("--record", help="What is about this record or person.")
    ] = None,
    error: Annotated[
        str | None, typer.Option("--error", metavar="CODE", help="What failed with this code.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="What failed since: 2026-03-02T08:00Z, 24h, 7d.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be replayed; change nothing.")
    ] = False,
    no_sync: Annotated[
        bool, typer.Option("--no-sync", help="Put it on the work list for the next run only.")
    ] = False,
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send corrected work down the road again.

    Choose with --run, --record, --error, --since (all must fit), or --all. What is replayed is
    planned anew under today's mapping and sent exactly once; what is refused again is a dead letter
    again.
    """
    if everything == any(x is not None for x in (run, record, error, since)):
        raise UsageFault(
            "replay needs to be told what: --run, --record, --error or --since; or --all",
            remedy="See what there is with `leadloop deadletters`.",
        )
    session = session_of(ctx)
    config = session.config()
    results = []
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store:
            wanted = Selection(run, record, error, moment_of(since, store.clock()))
            results.append(_replay(config, one, store, wanted, dry_run=dry_run, no_sync=no_sync))
    _finish(session, results, as_json=as_json)


def _replay(
    config: Config,
    pair: PairConfig,
    store: Store,
    wanted: Selection,
    *,
    dry_run: bool,
    no_sync: bool,
) -> dict[str, Any]:
    """Replay on one pair. The vendors are reached first: where they cannot be, nothing changes."""
    if dry_run or not select(store, wanted):
        return _data(pair, replay(store, wanted, dry_run=True), None, dry_run=dry_run)
    with store.exclusive():
        if no_sync:
            return _data(pair, replay(store, wanted), None, dry_run=False)
        with (
            progress(f"replay {pair.name}") as told,
            wiring.open_pair(config, pair, store, progress=told) as opened,
        ):
            replayed = replay(store, wanted)
            return _data(pair, replayed, run_once(opened, kind="replay"), dry_run=False)


def _data(
    pair: PairConfig, replayed: Replayed, report: Report | None, *, dry_run: bool
) -> dict[str, Any]:
    return {
        "pair": pair.name,
        "dry_run": dry_run,
        "replayed": len(replayed.letters),
        "people": len(replayed.entities),
        "letters": [letter_as_json(letter) for letter in replayed.letters],
        "report": report,
    }


def _finish(session: Session, results: list[dict[str, Any]], *, as_json: bool) -> None:
    reports: list[Report] = [r["report"] for r in results if r["report"] is not None]
    errors: list[LeadloopError] = [r.error for r in reports if r.error is not None]
    if as_json:
        plain = [{**r, "report": None, "run": _run_data(r["report"])} for r in results]
        for one in plain:
            del one["report"]
        first = output.error_data(errors[0]) if errors else None
        output.emit_json("replay", {"pairs": plain, "error": first})
    else:
        for result in results:
            _show(result)
        if not any(result["replayed"] for result in results):
            output.say("Nothing to replay.")
        for error in errors:
            session.report_error(error)
    raise typer.Exit(max((report.exit_code for report in reports), default=0))


def _run_data(report: Report | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {"id": report.run_id, "status": report.status, "counts": report.counts}


def _show(result: dict[str, Any]) -> None:
    console = output.console()
    if result["replayed"]:
        did = "would be replayed" if result["dry_run"] else "put back on the road"
        console.print(
            f"{result['pair']}: {result['replayed']:,} dead letters of {result['people']:,} "
            f"golden records {did}",
            markup=False,
        )
    if result["dry_run"]:
        rows = [[x["subject"], x["code"], x["field"] or "", x["at"]] for x in result["letters"]]
        console.print(output.table("", ["record", "code", "field", "since"], rows))
    report: Report | None = result["report"]
    if report is not None:
        written = {n: c for n, c in report.counts.get("written", {}).items() if c}
        console.print(f"  run {report.run_id}: {report.status}, written {written}", markup=False)
