"""`leadloop commands`: what was asked of the daemon, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mappings.errors import ConfigurationError
from state import commands
from state.commands import Command
from sync.cli import output
from sync.cli.session import Session, has_state, session_of

if TYPE_CHECKING:
    from state.store import Store

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    invoke_without_command=True,
    help="What was asked of the daemon: commands [list|show|withdraw].",
)
PairOption = Annotated[str | None, typer.Option("--pair", help="Only this pair.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="How many, newest first.")]
NumberArgument = Annotated[int, typer.Argument(metavar="ID", help="The command's number.")]


@app.callback()
def commands_(
    ctx: typer.Context,
    limit: LimitOption = 20,
    pair: PairOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was asked of the daemon, newest first.

    While a daemon holds the state, commands that write are queued with it.
    """
    if ctx.invoked_subcommand is None:
        list_commands(ctx, limit=limit, pair=pair, as_json=as_json)


@app.command("list")
def list_commands(
    ctx: typer.Context,
    limit: LimitOption = 20,
    pair: PairOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was asked of the daemon, newest first."""
    session = session_of(ctx)
    config = session.config()
    found: list[tuple[str, Command]] = []
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store, store.read() as tx:
            found += [(one.name, command) for command in commands.latest(tx, limit=limit)]
    found = sorted(found, key=lambda each: each[1].id, reverse=True)[:limit]
    if as_json:
        output.emit_json("commands", {"commands": [command_data(*each) for each in found]})
        return
    if not found:
        output.say("Nothing has been asked of a daemon.")
        return
    rows = [
        [command.id, name, command.kind, command.status, command.exit_code, command.run_id,
         f"{command.requested_at:%Y-%m-%d %H:%M:%S}"]
        for name, command in found
    ]  # fmt: skip
    columns = ["command", "pair", "kind", "status", "exit", "run", "asked (UTC)"]
    output.console().print(output.table("", columns, rows))


@app.command("show")
def show(
    ctx: typer.Context, number: NumberArgument, pair: PairOption = None, as_json: JsonOption = False
) -> None:
    """Show one: how far it is, or what came of it."""
    session = session_of(ctx)
    name, command = _find(session, number, pair, lambda store: _get(store, number))
    if as_json:
        output.emit_json("commands show", {"command": command_data(name, command)})
        return
    data = command_data(name, command)
    output.console().print(output.table("", ["what", ""], [[k, v] for k, v in data.items()]))


@app.command("withdraw")
def withdraw(ctx: typer.Context, number: NumberArgument, pair: PairOption = None) -> None:
    """Take one back that is still queued. One that is under way or over stays as it is."""

    def act(store: Store) -> Command | None:
        with store.begin() as tx:
            commands.withdraw(tx, number)
            return commands.get(tx, number)

    _, command = _find(session_of(ctx), number, pair, act)
    if command.status != "withdrawn":
        raise ConfigurationError(
            f"command {number} is {command.status}: it can no longer be withdrawn",
            code="command.under_way",
            remedy=f"See `leadloop commands show {number}`.",
        )
    output.say(f"Command {number} is withdrawn.")


def command_data(pair: str, command: Command) -> dict[str, Any]:
    """A command as data."""
    return {
        "id": command.id,
        "pair": pair,
        "kind": command.kind,
        "status": command.status,
        "requested_at": command.requested_at,
        "claimed_at": command.claimed_at,
        "finished_at": command.finished_at,
        "attempts": command.attempts,
        "progress": dict(command.progress) if command.progress else None,
        "run_id": command.run_id,
        "exit_code": command.exit_code,
        "result": dict(command.result) if command.result else None,
        "error": dict(command.error) if command.error else None,
    }


def _get(store: Store, number: int) -> Command | None:
    with store.read() as tx:
        return commands.get(tx, number)


def _find(session: Session, number: int, pair: str | None, act: Any) -> tuple[str, Command]:
    """What `act` gives on the pair that has the command."""
    config = session.config()
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store:
            found = act(store)
            if found is not None:
                return one.name, found
    raise ConfigurationError(
        f"there is no command {number}",
        code="command.unknown",
        remedy="See `leadloop commands` for the numbers.",
    )
