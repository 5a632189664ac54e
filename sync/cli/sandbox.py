"""`leadloop sandbox`: the two vendors on loopback, and a workspace that points at them."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mappings.errors import ConfigurationError, LeadloopError
from sync.cli import output
from sync.cli.session import UsageFault
from sync.workspace import refuse_source_tree, write_workspace

if TYPE_CHECKING:
    from sandbox.server import SandboxOptions

STATE = "leadloop.sqlite3"
"""Where a workspace's config keeps its state."""
WORLDS = ("generated", "febrl4")


def command(
    *,
    directory: Annotated[Path, typer.Option("--dir", help="Where the workspace and ca.pem go.")],
    empty: Annotated[bool, typer.Option("--empty", help="Start without people.")] = False,
    world: Annotated[
        str, typer.Option("--world", help="generated, or febrl4: whose people to load.")
    ] = "generated",
    people: Annotated[int, typer.Option("--people", min=1, help="Contacts in HubSpot.")] = 2000,
    crm_records: Annotated[
        int | None, typer.Option("--crm-records", min=0, help="Records in Salesforce.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same world.")] = 7,
    hubspot_port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 0,
    salesforce_port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 0,
    admin_port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 0,
    proxy_port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Open an HTTPS proxy for the vendors' host names. 0: any free."
        ),
    ] = None,
    schema: Annotated[
        Path | None,
        typer.Option("--schema", help="Give the accounts the fields of this snapshot."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print where it listens as one line of JSON.")
    ] = False,
) -> None:
    """Start HubSpot and Salesforce on loopback, with a workspace.

    Stays in the foreground and stops on Ctrl-C or SIGTERM. The directory then holds config.yaml,
    mappings/ and ca.pem, ready for `leadloop --config DIR/config.yaml doctor --fix`. With a
    snapshot of real accounts (`leadloop snapshot`) they have those accounts' own fields: a mapping
    is tried on them, in CI too, without touching anybody.
    """
    if world not in WORLDS:
        raise UsageFault("there is no such world", remedy=f"Use one of {', '.join(WORLDS)}.")
    _prepare(directory)
    from sandbox.server import SandboxOptions

    options = SandboxOptions(
        directory=directory,
        world=None if empty else world,
        people=people,
        crm_records=crm_records,
        seed=seed,
        hubspot_port=hubspot_port,
        salesforce_port=salesforce_port,
        admin_port=admin_port,
        proxy_port=proxy_port,
        schema=[] if schema is None else _changes(schema),
    )
    _serve(options, as_json=as_json)


def _changes(path: Path) -> list[dict[str, Any]]:
    """What makes the accounts like those of the snapshot, every pair of it."""
    from sync.snapshot import read_snapshot
    from sync.snapshot_world import changes_of

    return [change for schemas in read_snapshot(path).values() for change in changes_of(schemas)]


def _prepare(directory: Path) -> None:
    """Refuse Leadloop's own source; warn of a state whose sandbox is gone."""
    refuse_source_tree(directory)
    if (directory / STATE).exists():
        output.say(
            f"{directory / STATE} is the state of an earlier sandbox, whose records are gone: "
            "remove it to begin anew."
        )


def _serve(options: SandboxOptions, *, as_json: bool) -> None:
    """Run the sandbox until it is told to stop; write the workspace as soon as it listens."""
    from sandbox.server import serve

    def announce(info: dict[str, Any]) -> None:
        config = write_workspace(
            options.directory.absolute(), hubspot=info["hubspot"], salesforce=info["salesforce"]
        )
        _print({**info, "config": str(config)}, as_json=as_json)

    try:
        asyncio.run(serve(options, announce=announce))
    except OSError as error:
        raise LeadloopError(
            f"the sandbox cannot listen or write: {error.strerror or type(error).__name__}",
            code="sandbox.cannot_start",
            remedy="Choose other ports (0 takes any free one) or another --dir.",
        ) from None
    except ValueError as error:
        raise ConfigurationError(
            f"the sandbox cannot start: {error}",
            code="sandbox.options",
            remedy="See `leadloop sandbox --help`.",
        ) from None


def _print(info: dict[str, Any], *, as_json: bool) -> None:
    hubspot, salesforce = info["hubspot"], info["salesforce"]
    if as_json:
        sys.stdout.write(json.dumps(info) + "\n")
    else:
        proxy = f"Proxy       {info['proxy_url']}\n" if info["proxy_url"] else ""
        sys.stdout.write(
            f"HubSpot     {hubspot['url']}  portal {hubspot['portal_id']}\n"
            f"            token {hubspot['token']}\n"
            f"Salesforce  {salesforce['login_url']}  (trust {salesforce['ca_file']})\n"
            f"            client id {salesforce['client_id']}\n"
            f"            client secret {salesforce['client_secret']}\n"
            f"Admin       {info['admin_url']}\n"
            f"{proxy}"
            f"Workspace   {info['config']}\n"
            f"Next: leadloop --config {info['config']} doctor --fix\n"
            "Stop it with Ctrl-C.\n"
        )
    sys.stdout.flush()
