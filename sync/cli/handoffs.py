"""`leadloop handoffs`: which leads are in whose hands, and how the promises about them stand."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli import output
from sync.cli.columns import fitted
from sync.cli.session import has_state, session_of

if TYPE_CHECKING:
    from sync.handoffs import Promise, Shown


def command(
    ctx: typer.Context,
    *,
    breached: Annotated[
        bool, typer.Option("--breached", help="Only those of which a promise was broken.")
    ] = False,
    held: Annotated[bool, typer.Option("--held", help="Only those that wait for data.")] = False,
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the handoffs that are under way.

    The oldest first: the record, who has it, whether sales has answered, what a held one waits
    for, and when each promise falls due. Names records and staff, never the people themselves;
    `leadloop explain RECORD` tells the rest.
    """
    from sync.handoffs import under_way

    session = session_of(ctx)
    config = session.config()
    found: list[tuple[str, Shown]] = []
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store, store.read() as tx:
            found += [(one.name, shown) for shown in under_way(tx, one.mapping)]
    if breached or held:
        found = [
            (name, shown)
            for name, shown in found
            if (breached and shown.is_breached) or (held and shown.is_held)
        ]
    if as_json:
        rows = [{"pair": name, **shown.as_json()} for name, shown in found]
        output.emit_json("handoffs", {"handoffs": rows})
        return
    if not found:
        session.say("No handoff is under way." if not (breached or held) else "None of these.")
        return
    columns = ["record", "stage", "status", "owner", "since (UTC)", "attempts", "promises"]
    console = output.console()
    cells = [_row(shown) for _, shown in found]
    for part in fitted(columns, cells, width=console.width):
        console.print(part)


def _row(shown: Shown) -> list[str]:
    one = shown.handoff
    status = one.status.value
    if one.missing:
        status += f": lacks {', '.join(one.missing)}"
    return [
        shown.record or shown.entity_id,
        one.stage,
        status,
        shown.owner_name or one.owner or "nobody",
        _minute(one.given_at or one.opened_at),
        str(len(one.attempts)),
        "\n".join(map(_promise, shown.promises)),
    ]


def _promise(promise: Promise) -> str:
    return f"{promise.level}: {promise.state.value}, due {_minute(promise.due_at)}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
