"""`leadloop undo`: what Leadloop wrote goes back; what somebody has changed since stays, listed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli import output
from sync.cli.session import Session, UsageFault, has_state, session_of

if TYPE_CHECKING:
    from state.outbox import Intent
    from sync.config import Config, PairConfig
    from sync.undo.choose import Wanted
    from sync.undo.run import Undone

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
    run: Annotated[str | None, typer.Option("--run", help="What this run wrote.")] = None,
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
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with values.")] = False,
) -> None:
    """Take back what Leadloop wrote: a run, a record, a wrong link.

    Every value goes back that nobody else has changed since; the others are listed with who changed
    them, and stay. Records Leadloop created are deleted unless somebody uses them. What is undone
    stays undone. An undo is a run of its own and can be undone, but for that of a wrong link.
    """
    wanted = _wanted(run, record, link, evidence, evidence_date)
    session = session_of(ctx)
    config = session.config()
    found = _known(session, config, pair, wanted)
    if found is None:
        raise UsageFault("nothing has been written yet", remedy="See `leadloop runs` for what was.")
    done = _act(session, config, found, wanted, approve=approve, dry_run=dry_run)
    if as_json:
        error = output.error_data(done.error) if done.error else None
        output.emit_json("undo", {"pair": found.name, **_data(done), "error": error})
    else:
        _show(found.name, done)
        if done.error is not None:
            session.report_error(done.error)
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


def _known(session: Session, config: Config, pair: str | None, wanted: Wanted) -> PairConfig | None:
    """The pair that knows the run or record. Raises UndoError when none does."""
    from sync.undo.choose import UndoError, knows

    pairs = session.pairs(config, pair) if has_state(config) else ()
    unknown: UndoError | None = None
    for one in pairs:
        with session.store(config, one) as store:
            try:
                knows(store, wanted)
            except UndoError as error:
                unknown = error
            else:
                return one
    if unknown is not None:
        raise unknown
    return None


def _act(
    session: Session,
    config: Config,
    pair: PairConfig,
    wanted: Wanted,
    *,
    approve: str | None,
    dry_run: bool,
) -> Undone:
    from sync import wiring
    from sync.cli.planning import progress
    from sync.undo.run import dry_undo, undo

    if dry_run:
        with (
            session.planning_store(config, pair) as copy,
            progress(f"looking {pair.name}") as told,
            wiring.open_pair(config, pair, copy, progress=told) as opened,
        ):
            return dry_undo(opened, wanted, store=copy)
    with session.store(config, pair) as store, store.exclusive():
        approval = _approval(store, approve) if approve else None
        with (
            progress(f"undo {pair.name}") as told,
            wiring.open_pair(config, pair, store, progress=told) as opened,
        ):
            return undo(opened, wanted, approval=approval)


def _approval(store: Any, run_id: str) -> Any:
    """The word for as much as a refused undo asked for."""
    from state import runs
    from sync.guard import Approval

    with store.read() as tx:
        run = runs.get(tx, run_id)
    if run is None or run.kind not in {"undo", "unmerge"} or run.status != "refused":
        raise UsageFault(
            f"`{output.shown(run_id)}` is no undo that was refused",
            remedy="Give the id that the refusal named; `leadloop runs` lists it.",
        )
    return Approval(counts=dict(run.counts.get("asked", {})))


def _data(done: Undone) -> dict[str, Any]:
    return {
        "run_id": None if done.dry_run else done.run_id,
        "dry_run": done.dry_run,
        "status": done.status,
        "counts": done.counts,
        "undone": [row for intent in done.intents for row in _rows(intent, done)],
        "kept": [one.as_json() for one in done.kept],
        "unlinked": done.split.as_json() if done.split else None,
    }


def _rows(intent: Intent, done: Undone) -> list[dict[str, Any]]:
    record = f"{intent.system}:{intent.object}:{intent.target_id}"
    return [
        {
            "entity_id": intent.entity_id,
            "record": record,
            "operation": intent.operation.value,
            "field": change["field"],
            "from": change["before"],
            "to": change["after"],
            "status": done.results.get(intent.key, "planned"),
        }
        for change in intent.details["changes"]
    ]


def _show(pair: str, done: Undone) -> None:
    console = output.console()
    head = f"{pair}: would undo" if done.dry_run else f"{pair}: undo {done.run_id}: {done.status}"
    console.print(head, markup=False)
    for name, words in COUNTS:
        if done.counts.get(name):
            console.print(f"  {done.counts[name]:,} {words}", markup=False)
    data = _data(done)
    rows = [
        [x["record"], x["operation"], x["field"], x["from"], x["to"], x["status"]]
        for x in data["undone"][:SHOWN]
    ]
    if rows:
        columns = ["record", "what", "field", "now", "back to", "status"]
        console.print(output.table("Taken back", columns, rows))
    kept = [
        [x.record, x.field or "", x.reason, x.now, x.wanted, x.by or "",
         f"{x.at:%Y-%m-%d %H:%M}" if x.at else "", x.remedy]
        for x in done.kept
    ]  # fmt: skip
    if kept:
        columns = ["record", "field", "why", "now", "would be", "by", "at (UTC)", "what to do"]
        console.print(output.table("Left as it is", columns, kept))
    if done.split is not None:
        for left, right in done.split.ruled_out:
            said = "would be two people" if done.dry_run else "are two people from now on"
            console.print(f"  {left} and {right} {said}", markup=False)
        output.say("The next `leadloop sync` decides about them again, without each other.")
    if not done.intents and not done.kept and done.split is None and done.error is None:
        output.say("Nothing to undo: nothing of it stands any more.")
    elif not done.dry_run and done.error is None and done.split is None:
        output.say(f"leadloop undo --run {done.run_id} takes this back.")
