"""`leadloop review`: what only a person can decide: list, show, accept, reject, split."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from state import reviews
from state.reviews import ReviewItem, StoredDecision
from sync.cli import output, waterfalls
from sync.cli.ordering import place, tell_queued
from sync.cli.session import Session, UsageFault, has_state, session_of
from sync.conflicts import CONFLICT
from sync.orders import Order, as_error
from sync.reviewing import Shown, item_as_json, listed, show

if TYPE_CHECKING:
    from state.store import Store
    from sync.config import Config, PairConfig

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    invoke_without_command=True,
    help="Decide what only a person can decide: review [list|show|accept|reject|split].",
)
T = TypeVar("T")
PairOption = Annotated[str | None, typer.Option("--pair", help="Only this pair.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
NoWaitOption = Annotated[
    bool, typer.Option("--no-wait", help="While a daemon runs: print the number, do not wait.")
]
ItemArgument = Annotated[int, typer.Argument(metavar="ID", help="The item's number.")]


@app.callback()
def review(ctx: typer.Context, pair: PairOption = None, as_json: JsonOption = False) -> None:
    """Decide what only a person can decide.

    Nothing is written for a person in review until somebody decides; the next sync does the rest.
    """
    if ctx.invoked_subcommand is None:
        list_items(ctx, everything=False, limit=100, pair=pair, as_json=as_json)


@app.command("list")
def list_items(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, oldest first.")] = 100,
    pair: PairOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what waits for a decision, oldest first."""
    session = session_of(ctx)
    config = session.config()
    status = None if everything else "open"
    found: list[tuple[str, ReviewItem]] = []
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store:
            found += [(one.name, item) for item in listed(store, status=status, limit=limit)]
    found = found[:limit]
    if as_json:
        items = [{"pair": name, **item_as_json(item)} for name, item in found]
        output.emit_json("review list", {"items": items})
        return
    if not found:
        output.say("Nothing waits for a decision.")
        return
    rows = [
        [item.id, name, item.kind, item.status, item.subject, ", ".join(item.candidates),
         f"{item.opened_at:%Y-%m-%d %H:%M}"]
        for name, item in found
    ]  # fmt: skip
    columns = ["item", "pair", "kind", "status", "record", "may be", "since (UTC)"]
    output.console().print(output.table("", columns, rows))
    session.say("leadloop review show ID, then leadloop review accept ID or reject ID.")


@app.command("show")
def show_item(
    ctx: typer.Context, item: ItemArgument, pair: PairOption = None, as_json: JsonOption = False
) -> None:
    """Show one item: both records side by side, and the evidence as a waterfall."""
    session = session_of(ctx)
    config = session.config()
    name, found = _find(session, config, item, pair, lambda _one, store: show(store, item))
    if as_json:
        output.emit_json("review show", {"pair": name, "item": found.as_json()})
    else:
        _draw(session, name, found)


@app.command("accept")
def accept_item(
    ctx: typer.Context,
    item: ItemArgument,
    side: Annotated[
        str | None,
        typer.Argument(metavar="SIDE", help="For a conflict: whose value goes, map or crm."),
    ] = None,
    record: Annotated[
        list[str] | None,
        typer.Option(
            "--record",
            metavar="REF",
            help="Which candidate it is, where there are several; repeat it when they are all "
            "the same person.",
        ),
    ] = None,
    no_wait: NoWaitOption = False,
    pair: PairOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that it is this person: link them; the next sync writes.

    The other candidates are remembered as other people. For a merge proposal it confirms that the
    records are one person: merge them at the vendor, Leadloop follows. For a conflict it says whose
    value is right, `map` or `crm`.
    """
    arguments = {"decision": "accept", "records": [side] if side else list(record or ())}
    _decide(session_of(ctx), item, pair, arguments, wait=not no_wait, as_json=as_json)


@app.command("reject")
def reject_item(
    ctx: typer.Context,
    item: ItemArgument,
    no_wait: NoWaitOption = False,
    pair: PairOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that it is none of them: the next sync decides again without these candidates.

    For a merge proposal it takes the records apart; what was written to them stays written. For a
    conflict it leaves both values as they are, until one of them is changed.
    """
    arguments = {"decision": "reject"}
    _decide(session_of(ctx), item, pair, arguments, wait=not no_wait, as_json=as_json)


@app.command("split")
def split_item(
    ctx: typer.Context,
    item: ItemArgument,
    record: Annotated[
        list[str],
        typer.Option("--record", metavar="REF", help="A record of another person; repeatable."),
    ],
    no_wait: NoWaitOption = False,
    pair: PairOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say of a merge proposal that some of its records are another person's.

    They leave and are decided about anew; the others stay one person. What was written stays.
    """
    arguments = {"decision": "split", "records": list(record)}
    _decide(session_of(ctx), item, pair, arguments, wait=not no_wait, as_json=as_json)


def _decide(
    session: Session,
    item: int,
    pair: str | None,
    arguments: dict[str, Any],
    *,
    wait: bool,
    as_json: bool,
) -> None:
    """Decide here, or let the daemon that holds the state do it, between two of its runs."""
    config = session.config()
    order = Order("review", {"item": item, **arguments})
    name, done = _find(
        session,
        config,
        item,
        pair,
        lambda one, store: place(session, config, one, store, order, wait=wait),
    )
    command = f"review {arguments['decision']}"
    if isinstance(done, int):
        if as_json:
            output.emit_json(command, {"pair": name, "command_id": done})
        else:
            tell_queued(session, name, done)
        return
    if done.error is not None:
        raise as_error(done.error)
    decided = done.result
    if as_json:
        output.emit_json(command, {"pair": name, **decided})
        return
    if not decided["changed"]:
        output.say(f"Item {item} had been {decided['status']} before; nothing was changed.")
        return
    session.say(f"Item {item} is {decided['status']}. The next `leadloop sync` does the rest.")
    for other in decided["ruled_out"]:
        output.say(f"  remembered as somebody else: {other}")


def _find(
    session: Session,
    config: Config,
    item: int,
    pair: str | None,
    act: Callable[[PairConfig, Store], T],
) -> tuple[str, T]:
    """What `act` gives on the pair that has the item."""
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store:
            with store.read() as tx:
                there = reviews.item(tx, item) is not None
            if there:
                return one.name, act(one, store)
    raise UsageFault(
        f"there is no review item {item}", remedy="List them with `leadloop review list`."
    )


def _draw(session: Session, pair: str, found: Shown) -> None:
    console = output.console()
    item = found.item
    console.print(f"item {item.id}, pair {pair}: {item.status}", markup=False)
    keys = [item.subject, *item.candidates]
    fields = [dict(found.records[key].fields) if key in found.records else {} for key in keys]
    names = sorted({n for own in fields for n, value in own.items() if value not in (None, "")})
    rows: list[list[Any]] = [
        ["belongs to", *(found.entities.get(key, "") for key in keys)],
        *([name, *(own.get(name, "") for own in fields)] for name in names),
    ]
    console.print(output.table("", ["field", *keys], rows))
    data = found.as_json(values=False)
    if item.kind == CONFLICT and found.decision is not None:
        _draw_conflict(console, found.decision)
    elif data["decision"]:
        waterfalls.draw(console, data["decision"])
    if item.status == "open":
        which = "map|crm" if item.kind == CONFLICT else "[--record REF]"
        session.say(
            f"leadloop review accept {item.id} {which}, or leadloop review reject {item.id}"
        )


def _draw_conflict(console: Any, decision: StoredDecision) -> None:
    """The field and both of its values."""
    told = decision.evidence
    rows = [[side, told[side]["field"], told[side]["value"]] for side in ("map", "crm")]
    console.print(
        output.table(f"both sides changed {told['rule']}", ["side", "field", "value"], rows)
    )
