"""`leadloop erase`: people go, everywhere Leadloop keeps anything, and stay gone."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli import output
from sync.cli.ordering import place, tell_queued
from sync.cli.session import Session, UsageFault, session_of
from sync.orders import Order, as_error

if TYPE_CHECKING:
    from sync.config import Config, PairConfig

MOST = 100_000
"""Lines of one list."""


def command(
    ctx: typer.Context,
    who: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PERSON]...",
            help="E-mail addresses, records (hubspot:contacts:51, Lead:00Q...), or ids of people.",
        ),
    ] = None,
    listed: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="One address or id a line.")
    ] = None,
    at_vendors: Annotated[
        bool,
        typer.Option("--at-vendors", help="Have HubSpot and Salesforce delete them, too."),
    ] = False,
    allow_again: Annotated[
        bool,
        typer.Option("--allow-again", help="Lift an erasure: they agreed anew, see --evidence."),
    ] = False,
    evidence: Annotated[
        str | None, typer.Option("--evidence", help="How they agreed anew.")
    ] = None,
    evidence_date: Annotated[
        str | None, typer.Option("--evidence-date", help="When they agreed: 2026-03-02.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say who would be erased; change nothing.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask: it cannot be taken back.")
    ] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Queue it with a running daemon and return.")
    ] = False,
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Erase people everywhere Leadloop keeps anything, and keep them from coming back.

    Everything kept about them is removed from the state; what stays are keyed hashes of their
    addresses, numbers and record ids, by which they are known when a form, an import or a vendor
    offers them again: they are not stored, not linked, not written. With --at-vendors both systems
    are asked to delete their records, too. It cannot be undone; newer consent can be entered with
    --allow-again. Backups and plan files made earlier are yours to delete: a state restored from a
    backup erases them again by itself.
    """
    session = session_of(ctx)
    config = session.config()
    people = _people(who or [], listed)
    if _is_lifting(allow_again, evidence or evidence_date):
        _allow(session, config, people, evidence, evidence_date, pair=pair, as_json=as_json)
        return
    seen = [_looked_up(session, config, one, people) for one in session.pairs(config, pair)]
    if dry_run:
        _show_preview(seen, as_json=as_json)
        return
    _confirm(session, seen, yes=yes)
    order = Order("erase", {"who": people, "at_vendors": at_vendors})
    _end(session, _everywhere(session, config, order, pair, wait=not no_wait), as_json=as_json)


def _is_lifting(allow_again: bool, evidence: str | None) -> bool:
    """Whether an erasure is lifted. Evidence that would be ignored is a mistake about that."""
    if evidence and not allow_again:
        raise UsageFault(
            "evidence is for --allow-again: without it people are erased",
            remedy="Add --allow-again, or leave the evidence out.",
        )
    return allow_again


def _people(who: list[str], listed: Path | None) -> list[str]:
    """Whom it is about: arguments, then the lines of the file, each once."""
    lines: list[str] = []
    if listed is not None:
        try:
            lines = listed.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise UsageFault(
                f"{listed} cannot be read ({why})", remedy="Give a text file, one person a line."
            ) from None
    people = list(dict.fromkeys(text.strip() for text in (*who, *lines) if text.strip()))
    if not people:
        raise UsageFault(
            "nobody is named", remedy="Give an e-mail address or a record's id, or --from FILE."
        )
    if len(people) > MOST:
        raise UsageFault(f"{len(people):,} people are more than {MOST:,}", remedy="Split the file.")
    return people


def _looked_up(
    session: Session, config: Config, pair: PairConfig, people: list[str]
) -> dict[str, Any]:
    """How many people and records each name stands for, without a name."""
    from sync.erasure.act import preview

    with session.store(config, pair) as store:
        found = preview(store, people)
    return {
        "pair": pair.name,
        "named": len(people),
        "people": sum(one.people for one in found if one is not None),
        "records": sum(len(one.records) for one in found if one is not None),
        "unknown": [number for number, one in enumerate(found) if one is None],
    }


def _show_preview(seen: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        output.emit_json("erase", {"dry_run": True, "pairs": seen})
        return
    rows = [[s["pair"], s["named"], s["people"], s["records"], len(s["unknown"])] for s in seen]
    columns = ["pair", "named", "people", "vendor records known", "ids nobody has"]
    output.console().print(output.table("Would be erased", columns, rows))


def _confirm(session: Session, seen: list[dict[str, Any]], *, yes: bool) -> None:
    if yes:
        return
    people = max(one["people"] for one in seen)
    if session.no_input or not sys.stdin.isatty():
        raise UsageFault(
            "erasing cannot be taken back, and nobody was asked",
            remedy="Look with --dry-run, then give --yes.",
        )
    typer.confirm(f"Erase {people:,} people for good?", abort=True, err=True)


def _carried_out(
    session: Session, config: Config, pair: PairConfig, order: Order, *, wait: bool
) -> dict[str, Any] | None:
    """What came of it; None where it is queued and not waited for."""
    with session.store(config, pair) as store:
        done = place(session, config, pair, store, order, wait=wait)
    if isinstance(done, int):
        tell_queued(session, pair.name, done)
        return None
    if done.error is not None and not done.result:
        raise as_error(done.error)
    return {
        "pair": pair.name,
        **done.result,
        "error": dict(done.error) if done.error else None,
        "exit_code": done.exit_code,
    }


def _show(told: dict[str, Any]) -> None:
    console = output.console()
    console.print(f"{told['pair']}: {told['people']:,} people erased", markup=False)
    rows = [[name.replace("_", " "), f"{count:,}"] for name, count in told["removed"].items()]
    if rows:
        console.print(output.table("Removed from the state", ["what", "rows"], rows))
    for name, count in told["deleted_at_vendors"].items():
        console.print(f"  {count:,} {name} deleted at the vendor", markup=False)
    for one in told["refused_by_vendors"]:
        output.say(f"{one['object']} {one['id']} was not deleted: {one.get('message', 'refused')}")
    if told["unknown"]:
        lines = ", ".join(str(number + 1) for number in told["unknown"][:10])
        output.say(f"Nobody has these ids (by their place in what was given): {lines}")
    if told["waiting_for_vendors"]:
        output.say(
            f"{told['waiting_for_vendors']:,} records are still to be deleted by a vendor: every "
            "run asks again; `leadloop runs show RUN` tells how many are left."
        )


def _everywhere(
    session: Session, config: Config, order: Order, pair: str | None, *, wait: bool
) -> list[dict[str, Any]]:
    """What came of it in each pair, without those where it is queued."""
    pairs = session.pairs(config, pair)
    found = [_carried_out(session, config, one, order, wait=wait) for one in pairs]
    return [one for one in found if one is not None]


def _end(session: Session, told: list[dict[str, Any]], *, as_json: bool) -> None:
    """Tell it, and end with the worst of it."""
    if as_json:
        output.emit_json("erase", {"dry_run": False, "pairs": told})
    else:
        for one in told:
            _show(one)
    for one in told:
        if one["error"] is not None:
            session.report_error(as_error(one["error"]))
    code = max((one["exit_code"] for one in told), default=0)
    if code:
        raise typer.Exit(code)


def _allow(
    session: Session,
    config: Config,
    people: list[str],
    evidence: str | None,
    evidence_date: str | None,
    *,
    pair: str | None,
    as_json: bool,
) -> None:
    """Lift the erasure of one person."""
    if len(people) != 1 or evidence is None or evidence_date is None:
        raise UsageFault(
            "lifting an erasure needs one person, the evidence and its date",
            remedy='leadloop erase EMAIL --allow-again --evidence "signed up at the fair" '
            "--evidence-date 2026-03-02",
        )
    try:
        at = datetime.combine(date.fromisoformat(evidence_date), time.max, UTC)
    except ValueError:
        raise UsageFault(
            f"`{output.shown(evidence_date)}` is no date", remedy="Write it as 2026-03-02."
        ) from None
    arguments = {"who": people[0], "evidence": evidence, "at": at.isoformat()}
    told = [
        _carried_out(session, config, one, Order("allow", arguments), wait=True)
        for one in session.pairs(config, pair)
    ]
    if as_json:
        output.emit_json("erase", {"dry_run": False, "allowed": told})
    else:
        output.say("They may come back: the next sync takes them up where a vendor offers them.")
