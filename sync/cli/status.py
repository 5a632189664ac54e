"""`leadloop status`: how things stand, from the state alone; no vendor is called."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli import output
from sync.cli.session import Session, has_state, session_of
from sync.cli.troubles import AGES, account_lines, trouble_lines, waiting_lines
from sync.completeness import completeness
from sync.counted import FIGURES
from sync.pair_status import nothing_yet, status_of
from sync.troubles import NO_TROUBLES, troubles_of
from sync.wiring import utc_now

if TYPE_CHECKING:
    from state.store import Store
    from sync.config import Config, PairConfig

STALE = 10
"""Exit code of `--check` when the lag is over twice the schedule (DESIGN section 10)."""


def command(
    ctx: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="End with 10 when the lag is over twice the schedule.")
    ] = False,
    complete: Annotated[
        bool,
        typer.Option("--completeness", help="What came in, and by name what has not landed."),
    ] = False,
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how things stand: last run, lag, what waits for a person.

    Reads the state alone and calls nobody.
    """
    session = session_of(ctx)
    config = session.config()
    found = []
    for one in session.pairs(config, pair):
        if has_state(config):
            with session.store(config, one) as store:
                found.append({**_status(config, one, store), **troubles_of(config, one, store)})
                if complete:
                    found[-1]["completeness"] = completeness(store)
        else:
            found.append({**nothing_yet(one), **NO_TROUBLES, "next": "leadloop doctor --fix"})
    if as_json:
        output.emit_json("status", {"pairs": found})
    else:
        for one_status in found:
            _show(session, one_status)
            if "completeness" in one_status:
                _show_completeness(one_status["completeness"])
    if check and any(one_status["stale"] for one_status in found):
        raise typer.Exit(STALE)


def _status(config: Config, pair: PairConfig, store: Store) -> dict[str, Any]:
    held = store.holder() is not None
    found = status_of(pair, store, now=utc_now(), fast=config.schedule.fast, held=held)
    return {**found, "next": next_step(found)}


def next_step(status: dict[str, Any]) -> str:
    """The command that makes most sense now."""
    last = status["last_run"]
    if not status["approved"]:
        return "leadloop plan --out plan.json, then leadloop sync --plan plan.json"
    if last is not None and last["status"] == "refused":
        return f"leadloop plan, then leadloop sync --approve {last['id']}"
    if last is not None and last["status"] == "failed":
        return f"leadloop runs show {last['id']}"
    if status["dead_letters"]:
        return "leadloop deadletters"
    if status["review"]:
        return "leadloop review list"
    return "leadloop run" if not status["held"] else "nothing: it is at work"


def _mapping(status: dict[str, Any]) -> str:
    if status["approved"]:
        return f"{status['mapping']}, approved"
    stands = f"; {status['in_force']} stands" if status["in_force"] else ""
    return f"{status['mapping']}, not approved yet{stands}"


def _show(session: Session, status: dict[str, Any]) -> None:
    console = output.console()
    last = status["last_run"]
    told = "none yet"
    if last is not None:
        error = f", {last['error']}" if last["error"] else ""
        told = f"{last['id']} {last['status']}{error}, started {last['started_at']:%Y-%m-%d %H:%M}"
    lag = status["lag_seconds"]
    rows: list[list[Any]] = [
        ["mapping", _mapping(status)],
        ["at work", "yes, another process holds the state" if status["held"] else "no"],
        ["last run", told],
        ["lag", "unknown" if lag is None else f"{lag:,.0f} s{' (stale)' * status['stale']}"],
        ["known", ", ".join(f"{n:,} {kind}" for kind, n in sorted(status["known"].items()))],
        ["writes not settled", _open(status)],
        ["in review", status["review"]],
        ["dead letters", status["dead_letters"]],
        ["inbox", status["inbox_pending"]],
        *(
            [["reports not mailed", status["reports_not_mailed"]]]
            if status["reports_not_mailed"]
            else []
        ),
        ["commands", f"{status['commands']:,} not over" if status["commands"] else "none queued"],
    ]
    rows += lifecycle_lines(status)
    rows += account_lines(status)
    rows += waiting_lines(status)
    rows.append(["next", session.hint(status["next"])])
    for line in trouble_lines(status):
        console.print(session.hint(line), markup=False, soft_wrap=True)
    console.print(output.table(f"Pair {status['pair']}", ["what", ""], rows))


def lifecycle_lines(status: dict[str, Any]) -> list[list[Any]]:
    """People by stage, and handoffs under way; nothing without a contract."""
    rows = [
        [f"stages of {name}", ", ".join(f"{count:,} {stage}" for stage, count in stages.items())]
        for name, stages in status["stages"].items()
    ]
    if status["handoffs"]:
        told = ", ".join(f"{count:,} {word}" for word, count in status["handoffs"].items())
        rows.append(["handoffs", told])
    return rows


def _open(status: dict[str, Any]) -> str:
    """How many writes are open, and how old: those of the last minute are everyday work."""
    ages: Counter[str] = Counter()
    for own in status["open_by_age"].values():
        ages.update(own)
    told = ", ".join(f"{count:,} {AGES[age]}" for age, count in ages.items() if count)
    return f"{status['open_intents']:,}{f' ({told})' if told else ''}"


def _show_completeness(found: dict[str, Any]) -> None:
    """The report as tables: by stream, then what has not landed, by reason and name."""
    console = output.console()
    names = ("received", "landed", "waiting", "left_out", "failed", "unaccounted")
    rows = [[part["name"], *(part[n] for n in names)] for part in found["streams"]]
    rows.append(["all", *(found[name] for name in names)])
    columns = ["stream", *(name.replace("_", " ") for name in names)]
    console.print(output.table("Completeness", columns, rows))
    if found["others"]:
        others = [
            [one["reason"], one["count"], ", ".join(one["names"][:5])] for one in found["others"]
        ]
        console.print(output.table("Not landed", ["reason", "rows", "such as"], others))
    if found["counted"]:
        rows = [
            [
                one["name"],
                f"{one['at']:%Y-%m-%d %H:%M}",
                *(one[figure] for figure in FIGURES),
                one["error"] or ("yes" if one["adds_up"] else "no"),
            ]
            for one in found["counted"]
        ]
        columns = ["stream", "at", *(figure.replace("_", " ") for figure in FIGURES), "adds up"]
        console.print(output.table("Counted at the vendors", columns, rows))
    forms = found["form_fills"]
    output.say(
        f"Form fills: {forms['received']} received, {forms['delivered']} delivered, "
        f"{forms['activities']} activities in the CRM."
    )
