"""`leadloop replay`: what was refused goes down the road again, once the cause is corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli import output
from sync.cli.moments import moment_of
from sync.cli.ordering import place, tell_queued
from sync.cli.session import Session, UsageFault, has_state, session_of
from sync.orders import Order, as_error, replayed_data
from sync.recover import Selection, replay, select

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
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="While a daemon runs: print the number, do not wait.")
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
            if dry_run or not select(store, wanted):
                results.append(_foreseen(one, store, wanted, dry_run=dry_run))
            else:
                results.append(
                    _replay(config, one, store, wanted, no_sync=no_sync, wait=not no_wait)
                )
    _finish(session, results, as_json=as_json)


def _replay(
    config: Config,
    pair: PairConfig,
    store: Store,
    wanted: Selection,
    *,
    no_sync: bool,
    wait: bool,
) -> dict[str, Any]:
    """Replay on one pair, here or by the daemon."""
    arguments = {
        "run": wanted.run_id,
        "record": wanted.record,
        "error": wanted.code,
        "since": wanted.since.isoformat() if wanted.since else None,
        "no_sync": no_sync,
    }
    done = place(config, pair, store, Order("replay", arguments), wait=wait)
    if isinstance(done, int):
        return {"pair": pair.name, "command_id": done, "exit_code": 0, "error": None}
    nothing = {"replayed": 0, "people": 0, "letters": [], "run": None}
    return {
        "pair": pair.name,
        "dry_run": False,
        **nothing,
        **done.result,
        "error": dict(done.error) if done.error else None,
        "exit_code": done.exit_code,
    }


def _foreseen(
    pair: PairConfig, store: Store, wanted: Selection, *, dry_run: bool
) -> dict[str, Any]:
    """What would be replayed."""
    found = replayed_data(replay(store, wanted, dry_run=True))
    return {
        "pair": pair.name,
        "dry_run": dry_run,
        **found,
        "run": None,
        "error": None,
        "exit_code": 0,
    }


def _finish(session: Session, results: list[dict[str, Any]], *, as_json: bool) -> None:
    errors = [result["error"] for result in results if result["error"] is not None]
    code = max((result["exit_code"] for result in results), default=0)
    if as_json:
        for result in results:
            del result["error"], result["exit_code"]
        output.emit_json("replay", {"pairs": results, "error": errors[0] if errors else None})
    else:
        for result in results:
            _show(result)
        if not any(result.get("replayed", 1) for result in results):
            output.say("Nothing to replay.")
        for error in errors:
            session.report_error(as_error(error))
    raise typer.Exit(code)


def _show(result: dict[str, Any]) -> None:
    console = output.console()
    if "command_id" in result:
        tell_queued(result["pair"], result["command_id"])
        return
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
    run = result["run"]
    if run is not None:
        written = {n: c for n, c in run["counts"].get("written", {}).items() if c}
        console.print(f"  run {run['id']}: {run['status']}, written {written}", markup=False)
