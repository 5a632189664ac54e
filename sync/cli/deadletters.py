"""`leadloop deadletters`: what could not be delivered, by root cause, with the remedy."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sync.cli import output
from sync.cli.moments import moment_of
from sync.cli.session import has_state, session_of
from sync.recover import Cause, Selection, causes, letter_as_json, select


def command(
    ctx: typer.Context,
    code: Annotated[
        str | None, typer.Option("--code", help="Only this error code, such as field.too_long.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Only since then: 2026-03-02T08:00Z, 24h, 7d.")
    ] = None,
    record: Annotated[
        str | None, typer.Option("--record", help="Only this record's or person's.")
    ] = None,
    run: Annotated[str | None, typer.Option("--run", help="Only this run's.")] = None,
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, every letter.")] = False,
) -> None:
    """List changes that could not be delivered, and why.

    Grouped by root cause: one error at one field, the most frequent first. Writes that were dropped
    because they waited for a refused one are counted beside it. No values are shown.
    """
    session = session_of(ctx)
    config = session.config()
    found: list[tuple[str, Cause]] = []
    letters: list[dict[str, Any]] = []
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store:
            wanted = Selection(
                run_id=run, record=record, code=code, since=moment_of(since, store.clock())
            )
            found += [(one.name, cause) for cause in causes(store, wanted)]
            letters += [
                {"pair": one.name, **letter_as_json(letter)} for letter in select(store, wanted)
            ]
    if as_json:
        output.emit_json(
            "deadletters",
            {
                "open": len(letters),
                "causes": [{"pair": name, **cause.as_json()} for name, cause in found],
                "letters": letters,
            },
        )
        return
    if not found:
        output.say("No dead letters.")
        return
    console = output.console()
    rows = [
        [cause.count, cause.cascade or "", cause.code, cause.field or "", name, cause.message,
         ", ".join(cause.examples)]
        for name, cause in found
    ]  # fmt: skip
    columns = ["letters", "waiting", "code", "field", "pair", "why", "such as"]
    console.print(output.table("", columns, rows))
    for remedy in dict.fromkeys(cause.remedy for _, cause in found):
        console.print(f"remedy: {remedy}", markup=False)
