"""`leadloop init`: a workspace to start from, for a person's own accounts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from mappings.errors import ConfigurationError
from sync.cli import output
from sync.cli.session import Session, session_of
from sync.config_values import account_fault, address_fault, region_fault
from sync.workspace import (
    OUTBOX_PRESET,
    PRESET,
    preset_text,
    refuse_source_tree,
    render_config,
    service_unit,
    write_schemas,
)

Fault = Callable[[str], tuple[str, str] | None]
HUB_ID = "HubSpot account id (Hub ID: the number in every HubSpot address)"
MY_DOMAIN = "Salesforce My Domain (https://NAME.my.salesforce.com; Setup, My Domain)"
REGION = "Country of phone numbers written without a country code (DE, US, ...)"


def command(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Option("--dir", help="Where to write.")] = Path(),
    portal_id: Annotated[
        str | None, typer.Option("--portal-id", help="The HubSpot account's id (Hub ID).")
    ] = None,
    login_url: Annotated[
        str | None,
        typer.Option("--login-url", help="The org's My Domain: https://NAME.my.salesforce.com."),
    ] = None,
    outbox: Annotated[
        Path | None,
        typer.Option("--outbox", help="A SQLite file in Salesforce's place, for other programs."),
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="ISO country of national phone numbers.")
    ] = None,
) -> None:
    """Write config.yaml and a mapping to start from.

    Beside them the schemas for editors, and a unit for systemd. Secrets are named as environment
    variables, never written. Nothing that is there already is touched.
    """
    session = session_of(ctx)
    refuse_source_tree(directory)
    preset = OUTBOX_PRESET if outbox else PRESET
    config, mapping = directory / "config.yaml", directory / "mappings" / f"{preset}.yaml"
    unit = directory / "leadloop.service"
    _refuse_existing(config)
    hubspot = {"account_id": _asked(session, portal_id, HUB_ID, _hub_id)}
    crm = {"file": str(outbox)} if outbox else _salesforce(session, login_url)
    region = _asked(session, region, REGION, region_fault)
    text = render_config(
        {**{k: v for k, v in hubspot.items() if v}, "access_token": "${HUBSPOT_TOKEN}"},
        crm,
        region=region.upper() if region else None,
    )
    try:
        mapping.parent.mkdir(parents=True, exist_ok=True)
        write_schemas(directory)
        _create(config, text)
        if not mapping.exists():
            _create(mapping, preset_text(preset))
        if not unit.exists():
            _create(unit, service_unit(directory, Path(sys.executable).with_name("leadloop")))
    except OSError as error:
        raise ConfigurationError(
            f"the workspace cannot be written to {directory}: {error.strerror}",
            code="workspace.unwritable",
            remedy="Name a directory this user may write to: `--dir PATH`.",
        ) from None
    secrets = "" if outbox else ", SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET"
    output.say(
        f"Wrote {config}, {mapping} and {unit}.\n"
        f"Next: set HUBSPOT_TOKEN{secrets}, then run\n"
        f"  leadloop --config {config} doctor"
    )


def _salesforce(session: Session, login_url: str | None) -> dict[str, str]:
    asked = _asked(session, login_url, MY_DOMAIN, address_fault)
    return {
        "login_url": asked or "https://NAME.my.salesforce.com",
        "client_id": "${SALESFORCE_CLIENT_ID}",
        "client_secret": "${SALESFORCE_CLIENT_SECRET}",
    }


def _refuse_existing(config: Path) -> None:
    if config.exists():
        raise ConfigurationError(
            f"{config} is there already and is not overwritten",
            code="workspace.edited",
            remedy="Name another directory, `--dir PATH`, or move that file away.",
        )


def _asked(session: Session, given: str | None, question: str, fault: Fault) -> str:
    """The answer given, or asked for where somebody is there to answer: again while something is
    wrong with it. Nothing is an answer, too: the file says what is to be filled in."""
    if given is not None or session.no_input or not sys.stdin.isatty():
        return given or ""
    while True:
        answer = str(typer.prompt(question, default="", show_default=False, err=True)).strip()
        wrong = fault(answer) if answer else None
        if wrong is None:
            return answer
        output.say(" ".join(wrong))


def _hub_id(text: str) -> tuple[str, str] | None:
    return account_fault(text, "hubspot")


def _create(path: Path, text: str) -> None:
    """Write a file that must not be there yet."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
