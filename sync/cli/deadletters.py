"""`leadloop deadletters`: what could not be delivered, by root cause; or one letter whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from sync.cli import output
from sync.cli.moments import moment_of
from sync.cli.ordering import place, tell_queued
from sync.cli.session import Session, UsageFault, has_state, session_of
from sync.closings import told
from sync.letters import Cause, Waiting, Whole, causes_of, letter_as_json, whole
from sync.orders import Order, as_error
from sync.recover import Selection, select

if TYPE_CHECKING:
    from state.store import Store
    from sync.config import PairConfig

T = TypeVar("T")
LONGEST_REASON = 200

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    invoke_without_command=True,
    help="List changes that could not be delivered, and why; or one: deadletters show ID.",
)
PairOption = Annotated[str | None, typer.Option("--pair", help="Only this pair.")]
NoWaitOption = Annotated[
    bool, typer.Option("--no-wait", help="While a daemon runs: print the number, do not wait.")
]


@app.callback()
def list_letters(
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
    pair: PairOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, every letter.")] = False,
) -> None:
    """List changes that could not be delivered, and why; or one: deadletters show ID.

    Grouped by root cause: one error at one field of one object, the most frequent first. Under each
    stand the writes that were dropped because they waited for a refused one. No values are shown.
    """
    if ctx.invoked_subcommand is not None:
        return
    session = session_of(ctx)
    config = session.config()
    found: list[tuple[str, Cause]] = []
    letters: list[dict[str, Any]] = []
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store:
            own = select(
                store,
                Selection(
                    run_id=run, record=record, code=code, since=moment_of(since, store.clock())
                ),
            )
            found += [(one.name, cause) for cause in causes_of(store, own)]
            letters += [{"pair": one.name, **letter_as_json(letter)} for letter in own]
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
    _show_causes(session, found, letters)


def _show_causes(
    session: Session, found: list[tuple[str, Cause]], letters: list[dict[str, Any]]
) -> None:
    if not found:
        output.say("No dead letters.")
        return
    console = output.console()
    rows: list[list[Any]] = []
    for name, cause in found:
        numbers = [x["id"] for x in letters if x["subject"] in cause.examples and _is_of(x, cause)]
        rows.append(
            [f"{cause.count:,}", cause.code, cause.object, cause.field, name, cause.message,
             ", ".join(f"{n}" for n in numbers[: len(cause.examples)])]
        )  # fmt: skip
        rows += [
            [f"+{what}", "", "", "", "", "waits for it", ""] for what in _waiting(cause.waiting)
        ]
    columns = ["letters", "code", "object", "field", "pair", "why", "letter"]
    console.print(output.table("", columns, rows))
    for remedy in dict.fromkeys(cause.remedy for _, cause in found):
        console.print(f"remedy: {session.hint(remedy)}", markup=False)
    session.say("`leadloop deadletters show LETTER` tells all about one.")


def _is_of(letter: dict[str, Any], cause: Cause) -> bool:
    return (letter["code"], letter["field"]) == (cause.code, cause.field)


def _waiting(waiting: Waiting) -> list[str]:
    return [f"{count:,} {operation} {name}" for (operation, name), count in waiting.items()]


@app.command("show")
def show(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="The letter's number.")],
    pair: PairOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the value.")] = False,
) -> None:
    """Show one letter whole: cause, record, what was to be written, remedy, what goes on from here.

    Of the person's values the refused field's alone is shown: `leadloop explain` shows the others.
    """
    session = session_of(ctx)
    name, found = _find(session, number, pair)
    if as_json:
        output.emit_json("deadletters show", {"pair": name, "letter": found.as_json()})
    else:
        _draw(session, name, found)


def _find(session: Session, number: int, pair: str | None) -> tuple[str, Whole]:
    one, found = _with_pair(session, number, pair, lambda _pair, _store, found: found)
    return one, found


def _with_pair(
    session: Session,
    number: int,
    pair: str | None,
    act: Callable[[PairConfig, Store, Whole], T],
) -> tuple[str, T]:
    """What `act` gives on the pair that has the letter."""
    config = session.config()
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store:
            found = whole(store, number)
            if found is not None:
                return one.name, act(one, store, found)
    raise UsageFault(
        f"there is no dead letter {number}",
        remedy="See `leadloop deadletters --json` for the numbers; closed ones are kept 90 days.",
    )


def _draw(session: Session, pair: str, found: Whole) -> None:
    console = output.console()
    data = found.as_json()
    letter = found.letter
    console.print(f"letter {letter.id}, pair {pair}: {letter.status}", markup=False)
    refused = f" {data['operation']}" if data["operation"] else ", found by the plan"
    before = f"; refused {output.counted(found.before, 'time')} before" if found.before else ""
    rows: list[list[Any]] = [
        ["cause", f"{letter.message} [{letter.code}]"],
        ["record", f"{found.system or '?'}:{letter.subject}{refused}"],
        ["person", letter.entity_id or "none: what the vendor sent belongs to nobody"],
        ["their records", ", ".join(found.records)],
        ["field", letter.field],
        ["value", None if found.value is None else repr(found.value)],
        ["sent along", ", ".join(name for name in data["fields"] if name != letter.field)],
        ["attempts", f"{data['attempts']}{before}" if data["operation"] else None],
        ["since", f"{letter.at:%Y-%m-%d %H:%M:%S} UTC, run {letter.run_id}"],
        ["waits for it", ", ".join(_waiting(found.waiting))],
        ["closed", told(letter)],
        ["same cause", output.counted(found.alike, "open letter")],
        ["remedy", session.hint(letter.remedy)],
        *([("next" if first else ""), session.hint(line)]
          for first, line in zip((True, False, False), found.commands, strict=False)),
    ]  # fmt: skip
    console.print(output.table("", ["what", ""], [row for row in rows if row[1]]))


@app.command("discard")
def discard_letter(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="The letter's number.")],
    because: Annotated[
        str, typer.Option("--because", help="Why, for whoever asks later: 200 characters.")
    ],
    no_wait: NoWaitOption = False,
    pair: PairOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Give a letter up: it is no longer open, and its change is not sent again.

    For letters nobody can place, and refusals that are right. The reason is kept and shown; name no
    person in it. A later version of the record is written as ever. `reopen` takes it back.
    """
    if not because.strip() or len(because) > LONGEST_REASON:
        raise UsageFault(
            f"--because takes 1 to {LONGEST_REASON} characters",
            remedy="Say in a sentence why nobody needs this change.",
        )
    _close(session_of(ctx), number, pair, because.strip(), wait=not no_wait, as_json=as_json)


@app.command("reopen")
def reopen_letter(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="The letter's number.")],
    no_wait: NoWaitOption = False,
    pair: PairOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Take a discard back: the letter is open again, and can be replayed."""
    _close(session_of(ctx), number, pair, None, wait=not no_wait, as_json=as_json)


def _close(
    session: Session,
    number: int,
    pair: str | None,
    because: str | None,
    *,
    wait: bool,
    as_json: bool,
) -> None:
    """Discard or reopen here, or let the daemon that holds the state do it."""
    order = Order("letter", {"letter": number, "because": because})
    name, done = _with_pair(
        session,
        number,
        pair,
        lambda one, store, _: place(session, session.config(), one, store, order, wait=wait),
    )
    command = "deadletters discard" if because is not None else "deadletters reopen"
    if isinstance(done, int):
        if as_json:
            output.emit_json(command, {"pair": name, "command_id": done})
        else:
            tell_queued(session, name, done)
        return
    if done.error is not None:
        raise as_error(done.error)
    if as_json:
        output.emit_json(command, {"pair": name, **done.result})
    elif because is None:
        session.say(f"Letter {number} is open. `leadloop replay --letter {number}` tries it again.")
    else:
        session.say(
            f"Letter {number} is discarded. `leadloop deadletters reopen {number}` takes it back."
        )
