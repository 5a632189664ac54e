"""`leadloop replay`: what was refused goes down the road again, once the cause is corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from state import outbox
from sync.cli import output
from sync.cli.moments import moment_of
from sync.cli.ordering import place, tell_queued
from sync.cli.session import Session, UsageFault, has_state, session_of
from sync.orders import Order, as_error
from sync.recover import Replayed, Selection, replay, select
from sync.replayed import WORDS, Came, replayed_data

if TYPE_CHECKING:
    from state.store import Store
    from sync.config import Config, PairConfig

SHOWN = 40
"""Letters shown as a table; `--json` has all of them."""


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
    letter: Annotated[
        int | None, typer.Option("--letter", metavar="ID", help="This dead letter alone.")
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

    Choose with --run, --record, --error, --since, --letter (all must fit), or --all. What is
    replayed is planned anew under today's mapping and sent exactly once; what is refused again is a
    dead letter again. Says what came of every letter, and which were left and why.
    """
    if everything == any(x is not None for x in (run, record, error, since, letter)):
        raise UsageFault(
            "replay needs to be told what: --run, --record, --error, --since or --letter; or --all",
            remedy="See what there is with `leadloop deadletters`.",
        )
    session = session_of(ctx)
    config = session.config()
    results = []
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store:
            wanted = Selection(run, record, error, moment_of(since, store.clock()), letter)
            if dry_run or not select(store, wanted):
                results.append(_foreseen(one, store, wanted, dry_run=dry_run))
            else:
                results.append(
                    _replay(session, config, one, store, wanted, no_sync=no_sync, wait=not no_wait)
                )
    _finish(session, results, as_json=as_json)


def _replay(
    session: Session,
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
        "letter": wanted.letter,
        "no_sync": no_sync,
    }
    done = place(session, config, pair, store, Order("replay", arguments), wait=wait)
    if isinstance(done, int):
        return {"pair": pair.name, "command_id": done, "exit_code": 0, "error": None}
    return {
        "pair": pair.name,
        "dry_run": False,
        **(done.result or _nothing(store)),
        "error": dict(done.error) if done.error else None,
        "exit_code": done.exit_code,
    }


def _nothing(store: Store) -> dict[str, Any]:
    """Nothing was put back: the vendors could not be reached, or the daemon declined."""
    before = _open(store)
    return {**replayed_data(Replayed((), (), False), before), "open_after": before, "run": None}


def _foreseen(
    pair: PairConfig, store: Store, wanted: Selection, *, dry_run: bool
) -> dict[str, Any]:
    """What would be replayed."""
    return {
        "pair": pair.name,
        "dry_run": dry_run,
        **replayed_data(replay(store, wanted, dry_run=True), _open(store)),
        "run": None,
        "error": None,
        "exit_code": 0,
    }


def _open(store: Store) -> int:
    with store.read() as tx:
        return outbox.dead_count(tx)


def _finish(session: Session, results: list[dict[str, Any]], *, as_json: bool) -> None:
    errors = [result["error"] for result in results if result["error"] is not None]
    code = max((result["exit_code"] for result in results), default=0)
    if as_json:
        for result in results:
            del result["error"], result["exit_code"]
        output.emit_json("replay", {"pairs": results, "error": errors[0] if errors else None})
    else:
        for result in results:
            _show(session, result)
        if not any(result.get("replayed", 1) for result in results):
            output.say("Nothing to replay.")
        for error in errors:
            session.report_error(as_error(error))
    raise typer.Exit(code)


def _show(session: Session, result: dict[str, Any]) -> None:
    console = output.console()
    if "command_id" in result:
        tell_queued(session, result["pair"], result["command_id"])
        return
    if result["replayed"]:
        did = "would be replayed" if result["dry_run"] else "put back on the road"
        console.print(
            f"{result['pair']}: {output.counted(result['replayed'], 'dead letter')} of "
            f"{output.counted(result['people'], 'golden record')} {did}",
            markup=False,
        )
    rows = [
        [x["id"], x["subject"], x["code"], x["field"], x["at"][:16].replace("T", " "),
         WORDS[Came(x["outcome"])] if x["outcome"] else ""]
        for x in result["letters"][:SHOWN]
    ]  # fmt: skip
    if rows:
        columns = ["letter", "record", "code", "field", "since (UTC)", "what came of it"]
        console.print(output.table("", columns, rows))
    for one in result["left"]:
        console.print(
            f"  left: letter {one['id']}, {one['subject']} [{one['code']}]: {one['why']}",
            markup=False,
        )
    _show_sums(result)


def _show_sums(result: dict[str, Any]) -> None:
    """Letters by what came of them, the run, and how many are open before and after."""
    console = output.console()
    run = result["run"]
    if run is not None:
        told = ", ".join(
            f"{n:,} {word.replace('_', ' ')}" for word, n in result["outcomes"].items()
        )
        written = sum(run["counts"].get("written", {}).values())
        console.print(
            f"  run {run['id']}: {run['status']}, {output.counted(written, 'row')} written; "
            f"of these letters {told or 'none'}",
            markup=False,
        )
    after = result["open_after"]
    if after is not None:
        console.print(
            f"  open dead letters: {result['open_before']:,} before, {after:,} after", markup=False
        )
