"""`leadloop undo`: what Leadloop wrote goes back; what somebody has changed since stays, listed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from state import runs
from sync.cli import output
from sync.cli.ordering import place, tell_queued
from sync.cli.session import Session, UsageFault, has_state, session_of
from sync.orders import Done, Order, as_error
from sync.undo.told import told, with_values

if TYPE_CHECKING:
    from state.store import Store
    from sync.config import Config, PairConfig
    from sync.undo.choose import Wanted

REFUSED = "refused"
"""How an undo ended that waits for a person's word: nothing was taken back."""
SHOWN = 40
"""Changes shown as a table; `--json` has all of them."""
COUNTS = (
    ("values", "values put back"),
    ("clears", "values cleared"),
    ("deleted", "created records deleted"),
    ("unjoined", "associations taken apart"),
    ("consent", "opt-outs changed"),
    ("made_again", "people whose undone records are made again by the next sync"),
)


def command(
    ctx: typer.Context,
    *,
    run: Annotated[
        str | None, typer.Option("--run", help="What this run wrote; or the `last` one.")
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(
            "--record", help="What was written for this person, or to system:object:id alone."
        ),
    ] = None,
    link: Annotated[
        str | None, typer.Option("--link", help="A wrong link: the record that does not belong.")
    ] = None,
    evidence: Annotated[
        str | None, typer.Option("--evidence", help="Why somebody may be mailed after all.")
    ] = None,
    evidence_date: Annotated[
        str | None, typer.Option("--evidence-date", help="When they agreed: 2026-03-02.")
    ] = None,
    approve: Annotated[
        str | None, typer.Option("--approve", metavar="RUN", help="Approve a refused undo.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go back; write nothing.")
    ] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="While a daemon runs: print the number, do not wait.")
    ] = False,
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with values.")] = False,
) -> None:
    """Take back what Leadloop wrote: a run, a record, a wrong link.

    Every value goes back that nobody else has changed since; the others are listed with who changed
    them, and stay. Records Leadloop created are deleted unless somebody uses them. What is undone
    stays undone. An undo is a run of its own and can be undone, but for that of a wrong link.
    While a daemon holds the state, it is queued with the daemon and followed.
    """
    wanted = _wanted(run, record, link, evidence, evidence_date)
    session = session_of(ctx)
    config = session.config()
    found = _known(session, config, pair, wanted)
    if found is None:
        raise UsageFault("nothing has been written yet", remedy="See `leadloop runs` for what was.")
    one, wanted = found
    if dry_run:
        done: Done | int = _foreseen(session, config, one, wanted)
    else:
        done = _act(session, config, one, wanted, approve=approve, wait=not no_wait)
    _finish(session, one.name, done, as_json=as_json)


def _finish(session: Session, pair: str, done: Done | int, *, as_json: bool) -> None:
    if isinstance(done, int):
        if as_json:
            output.emit_json("undo", {"pair": pair, "command_id": done})
        else:
            tell_queued(session, pair, done)
        return
    if not done.result and done.error is not None:
        raise as_error(done.error)
    if as_json:
        error = dict(done.error) if done.error else None
        output.emit_json("undo", {"pair": pair, **done.result, "error": error})
    else:
        _show(session, pair, done)
        if done.error is not None:
            session.report_error(as_error(done.error))
    raise typer.Exit(done.exit_code)


def _wanted(
    run: str | None,
    record: str | None,
    link: str | None,
    evidence: str | None,
    evidence_date: str | None,
) -> Wanted:
    from sync.undo.choose import Wanted
    from sync.undo.scene import Evidence

    if (link is None) == (run is None and record is None):
        raise UsageFault(
            "undo needs to be told what: --run, --record, both, or --link",
            remedy="See `leadloop runs` and `leadloop explain PERSON`.",
        )
    if (evidence is None) != (evidence_date is None):
        raise UsageFault(
            "evidence needs its date, and a date its evidence",
            remedy='Give both: --evidence "ticked the box" --evidence-date 2026-03-02.',
        )
    if evidence is None or evidence_date is None:
        return Wanted(run, record, link)
    try:
        at = date.fromisoformat(evidence_date)
    except ValueError:
        raise UsageFault(
            f"`{output.shown(evidence_date)}` is no date", remedy="Write it as 2026-03-02."
        ) from None
    return Wanted(run, record, link, Evidence(evidence, at))


def _known(
    session: Session, config: Config, pair: str | None, wanted: Wanted
) -> tuple[PairConfig, Wanted] | None:
    """The pair that knows the run or record, and what is wanted, named whole. Raises UndoError when
    none does."""
    from sync.undo.choose import UndoError, knows

    pairs = session.pairs(config, pair) if has_state(config) else ()
    unknown: UndoError | None = None
    for one in pairs:
        with session.store(config, one) as store:
            try:
                return one, knows(store, wanted)
            except UndoError as error:
                unknown = error
    if unknown is not None:
        raise unknown
    return None


def _foreseen(session: Session, config: Config, pair: PairConfig, wanted: Wanted) -> Done:
    """What would be taken back, found on a throw-away copy of the state."""
    from sync import wiring
    from sync.cli.planning import progress
    from sync.undo.run import dry_undo

    with (
        session.planning_store(config, pair) as copy,
        progress(f"looking {pair.name}") as shown,
        wiring.open_pair(config, pair, copy, progress=shown) as opened,
    ):
        return Done(0, told(dry_undo(opened, wanted, store=copy), values=True))


def _act(
    session: Session,
    config: Config,
    pair: PairConfig,
    wanted: Wanted,
    *,
    approve: str | None,
    wait: bool,
) -> Done | int:
    """Take it back here, or let the daemon that holds the state do it, between two of its runs."""
    evidence = wanted.evidence
    arguments: dict[str, Any] = {
        "run": wanted.run_id,
        "record": wanted.record,
        "link": wanted.link,
        "evidence": evidence.text if evidence else None,
        "evidence_date": evidence.at.isoformat() if evidence else None,
    }
    with session.store(config, pair) as store:
        if approve is not None:
            arguments["counts"] = _approved(store, approve)
        done = place(session, config, pair, store, Order("undo", arguments), wait=wait)
        if isinstance(done, int) or not done.result:
            return done
        return replace(done, result=with_values(store, done.result))


def _approved(store: Store, run_id: str) -> dict[str, int]:
    """How much a refused undo asked for: that much is approved."""
    with store.read() as tx:
        run = runs.get(tx, run_id)
    if run is None or run.kind not in {"undo", "unmerge"} or run.status != "refused":
        raise UsageFault(
            f"`{output.shown(run_id)}` is no undo that was refused",
            remedy="Give the id that the refusal named; `leadloop runs` lists it.",
        )
    return dict(run.counts.get("asked", {}))


def _show(session: Session, pair: str, done: Done) -> None:
    data = done.result
    console = output.console()
    dry = data["dry_run"]
    head = f"{pair}: would undo" if dry else f"{pair}: undo {data['run_id']}: {data['status']}"
    console.print(head, markup=False)
    for name, words in COUNTS:
        if data["counts"].get(name):
            console.print(f"  {data['counts'][name]:,} {words}", markup=False)
    rows = [
        [x["record"], x["operation"], x["field"], x["from"], x["to"], x["status"]]
        for x in data["undone"][:SHOWN]
    ]
    if rows and data["status"] != REFUSED:
        columns = ["record", "what", "field", "was", "back to", "status"]
        title = "Would be taken back" if dry else "Taken back"
        console.print(output.table(title, columns, rows))
    kept = [
        [x["record"], x["field"], x["reason"], x["now"], x["wanted"], x["changed_by"],
         (x["changed_at"] or "")[:16].replace("T", " "), x["remedy"]]
        for x in data["kept"]
    ]  # fmt: skip
    if kept:
        columns = ["record", "field", "why", "now", "would be", "by", "at (UTC)", "what to do"]
        console.print(output.table("Left as it is", columns, kept))
    _say_what_follows(session, done)


def _say_what_follows(session: Session, done: Done) -> None:
    data = done.result
    split = data["unlinked"]
    if split is not None:
        for left, right in split["apart"]:
            said = "would be two people" if data["dry_run"] else "are two people from now on"
            output.console().print(f"  {left} and {right} {said}", markup=False)
        session.say("The next `leadloop sync` decides about them again, without each other.")
    elif done.error is not None:
        return
    elif not data["undone"] and not data["kept"]:
        output.say("Nothing to undo: nothing of it stands any more.")
    elif not data["dry_run"]:
        session.say(f"`leadloop undo --run {data['run_id']}` takes this back.")
