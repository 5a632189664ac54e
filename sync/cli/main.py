"""`leadloop`: the command line. Loads nothing heavy until a command is chosen.

Convention for commands. `COMMANDS` names, for each command, the module under `sync.cli` and the
one line that `leadloop --help` shows. The module is imported only when its command is invoked (or
asked for its own help). It exposes either

- `command`: a function with Typer parameters whose first is `ctx: typer.Context`, or
- `app`: a `typer.Typer` with commands of its own (`review`, `runs`).

A command gets the global options with `session_of(ctx)` (`sync.cli.session`), prints data to stdout
(through `sync.cli.output`), messages to stderr, raises `LeadloopError` for what goes wrong, and
`typer.Exit(code)` for an exit code that is no error. Exit codes are those of DESIGN section 10.
Global options may stand before or after the command's name.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command as build_command

from mappings.errors import LeadloopError
from sync.cli.session import Session

COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": ("init", "Write config.yaml and a mapping to start from."),
    "doctor": ("doctor", "Examine accounts, fields, quota and machine; --fix creates fields."),
    "validate": ("validate", "Check config.yaml and the mappings, line by line."),
    "schema": ("schema", "Print the JSON Schema of mappings or config.yaml."),
    "test-mapping": (
        "test_mapping",
        "Check cases for the mapping: records given, writes expected.",
    ),
    "migrate-config": ("migrate_config", "Bring config.yaml, mappings and cases to this format."),
    "snapshot": ("snapshot", "Write what both accounts' mapped objects look like."),
    "plan": ("plan", "Show what a sync would do; write nothing anywhere."),
    "sync": ("sync", "Run once: pull, resolve, plan, guard, write, report."),
    "run": ("run", "Run as a daemon, on schedule, until told to stop."),
    "status": ("status", "Say how things stand: last run, lag, what waits for a person."),
    "runs": ("runs", "List past runs, or show one: runs show ID."),
    "commands": ("commands", "What was asked of the daemon: commands [list|show|withdraw]."),
    "audit": ("audit", "Find what goes wrong between marketing and sales; name the records."),
    "report": ("report", "Show the numbers both teams go by, and who is behind each."),
    "handoffs": ("handoffs", "Show the leads that are being handed over, and their promises."),
    "explain": ("explain", "Tell a person's story: links, evidence, writes."),
    "review": ("review", "Decide what only a person can decide."),
    "match": ("match", "Find who is who in two tables, or duplicates in one."),
    "model": ("model", "Train, show or compare linkage models."),
    "deadletters": ("deadletters", "List changes that could not be delivered: deadletters [show]."),
    "undo": ("undo", "Take back what Leadloop wrote: a run, a record, a wrong link."),
    "replay": ("replay", "Send corrected work down the road again."),
    "erase": ("erase", "Remove people everywhere Leadloop keeps anything, for good."),
    "export": ("export", "Give out everything kept about a person."),
    "prune": ("prune", "Let go of what is no longer needed."),
    "backup": ("backup", "Copy the state to a file and check the copy."),
    "db": ("db", "The state's version and soundness: db [current|check|upgrade]."),
    "sandbox": ("sandbox", "Start HubSpot and Salesforce on loopback, with a workspace."),
    "demo": ("demo", "Show the whole loop on generated people."),
}

VALUED = ("--config", "--log-level", "--profile")
"""Global options that take a value."""
FLAGS = ("--no-input",)
"""Global options that take none."""


class LazyGroup(TyperGroup):
    """Lists every command from its one line; imports a command's module when it is invoked."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's signature
        """Every command, in the order a person meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - click's signature
        """What `--help` lists: name and one line, nothing imported. None for an unknown name."""
        known = COMMANDS.get(cmd_name)
        if known is None:
            return None
        return TyperCommand(cmd_name, help=known[1], rich_markup_mode=None)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The real command, imported now."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name and command else command, rest


def load_command(name: str) -> Any:
    """The command behind a name of COMMANDS. Raises LeadloopError where it is not there yet."""
    where, line = COMMANDS[name]
    try:
        module = importlib.import_module(f"sync.cli.{where}")
    except ModuleNotFoundError as error:
        if error.name != f"sync.cli.{where}":
            raise
        raise LeadloopError(
            f"`leadloop {name}` is not part of this installation",
            code="usage.not_installed",
            remedy="Install Leadloop again, then run `leadloop --help`.",
        ) from None
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(rich_markup_mode=None, add_completion=False)
        app.command(name, help=f"{line}\n\n{_without_first_line(module.command.__doc__)}")(
            module.command
        )
    command = build_command(app)
    command.name = name
    command.epilog = "Also: --config PATH, --log-level LEVEL, --no-input (leadloop --help)."
    return command


def _without_first_line(text: str | None) -> str:
    return (text or "").partition("\n")[2]


app = typer.Typer(
    cls=LazyGroup,
    rich_markup_mode=None,  # Rich's help costs 0.15 s; `--help` answers within 0.3 s
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Leadloop: one person stays one person between HubSpot and Salesforce, and sales "
    "outcomes come back.",
    epilog="Exit codes: 0 ok, 1 internal, 2 usage, 3 configuration, 4 partial, 5 authentication, "
    "6 remote or quota, 7 another daemon holds the state, 8 the plan has changes, 9 approval "
    "required, 10 stale.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"leadloop {version('leadloop')}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="config.yaml, or its directory.", envvar="LEADLOOP_CONFIG"),
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error (default: config.yaml's).")
    ] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask anything.")] = False,
    profile: Annotated[
        str | None,
        typer.Option(help="The profile of config.yaml to use.", envvar="LEADLOOP_PROFILE"),
    ] = None,
    version: Annotated[  # noqa: ARG001 - eager: its callback has answered already
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    session: Session = ctx.obj
    source = ctx.get_parameter_source("config")
    session.set_up(
        config=config,
        log_level=log_level,
        no_input=no_input,
        profile=profile,
        config_given=source is not None and source.name == "COMMANDLINE",
    )


def hoisted(arguments: Sequence[str]) -> list[str]:
    """The arguments with the global options in front, wherever they stood before a `--`."""
    front: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest.extend([word, *words])
        elif word in VALUED:
            front.extend([word, *(value for value in [next(words, None)] if value is not None)])
        elif word in FLAGS or word.startswith(tuple(f"{name}=" for name in VALUED)):
            front.append(word)
        else:
            rest.append(word)
    return [*front, *rest]


_Usage: type[Exception] = typer.BadParameter.__mro__[2]
"""What the command line parser raises on bad usage, whichever click Typer carries."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code. Never raises, never shows a traceback for an
    error that is expected.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    session = Session(json_errors="--json" in given)
    try:
        outcome = app(args=hoisted(given), prog_name="leadloop", standalone_mode=False, obj=session)
        sys.stdout.flush()
        return outcome if isinstance(outcome, int) else 0
    except _Usage as error:
        return session.report_usage(error)
    except (typer.Abort, KeyboardInterrupt):
        return session.report_stopped()
    except BrokenPipeError:
        # Whoever read our output has closed it; keep the interpreter from complaining at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except LeadloopError as error:
        return session.report_error(error)
    except Exception as error:  # noqa: BLE001 - the last resort: one line instead of a traceback
        return session.report_unexpected(error)


if __name__ == "__main__":
    sys.exit(main())
