"""`leadloop db`: the state's version and soundness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mappings.errors import StateError
from sync.cli import output
from sync.cli.session import has_state, session_of

if TYPE_CHECKING:
    from sync.config import Config

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="The state's version and soundness: db [current|check|upgrade].",
)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("current")
def current(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Say which version the state is of, and which this Leadloop writes; changes nothing."""
    _show("db current", _versions(session_of(ctx).config()), as_json=as_json)


@app.command("upgrade")
def upgrade(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Bring the state to this version. Every command does so by itself; this does nothing else.

    Make a `leadloop backup` first: there is no way back but to put a copy back.
    """
    session = session_of(ctx)
    config = session.config()
    with session.store(config, config.pairs[0]):
        pass
    _show("db upgrade", _versions(config), as_json=as_json)


@app.command("check")
def check(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Read the whole state and check it, page by page and row against row.

    Ends with 1 and `state.damaged` or `state.unsound` where it is not well.
    """
    from state import schema, soundness

    session = session_of(ctx)
    config = session.config()
    found: dict[str, dict[str, int]] = {}
    for one in config.pairs if has_state(config) else ():
        with session.store(config, one) as store:
            schema.check(store.engine, thorough=True)
            with store.read() as tx:
                found[one.name] = soundness.findings(tx)
    if any(found.values()):
        told = "; ".join(
            f"{pair}: {count} {rule}" for pair, own in found.items() for rule, count in own.items()
        )
        raise StateError(
            f"the state contradicts itself: {told}",
            code="state.unsound",
            remedy="Put the last copy of the state back; the next sync finds its own work by key. "
            "Keep this one and report what it says.",
        )
    _show("db check", {**_versions(config), "sound": True}, as_json=as_json)


def _versions(config: Config) -> dict[str, Any]:
    from state import schema
    from state.database import journal_mode, open_engine, sqlite_module

    found: dict[str, Any] = {"current": None, "newest": schema.HEAD}
    if not has_state(config):
        return {**found, "database": "none yet", "version": None, "journal": None}
    engine = open_engine(config.state_url)
    try:
        found["current"] = schema.revision(engine)
    finally:
        engine.dispose()
    if engine.dialect.name != "sqlite":
        return {**found, "database": "postgresql", "version": None, "journal": None}
    module = sqlite_module()
    return {
        **found,
        "database": "sqlite",
        "version": module.sqlite_version,
        "journal": journal_mode(module.sqlite_version_info),
    }


def _show(command: str, data: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.emit_json(command, data)
        return
    rows = [[name, value] for name, value in data.items()]
    output.console().print(output.table("", ["what", ""], rows))
