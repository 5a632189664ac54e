"""`leadloop doctor`: examine an installation; `--fix` creates the fields Leadloop needs."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from mappings.errors import LeadloopError
from sync import alerts, wiring
from sync.cli import output
from sync.cli.session import Session, has_state, session_of
from sync.doctor import FOREIGN_DAYS, Finding, Level, examine, library, not_alone
from sync.limits import Accounts

if TYPE_CHECKING:
    from sync.config import Config

MARKS = {Level.OK: "ok", Level.WARNING: "warning", Level.ERROR: "ERROR"}


def command(
    ctx: typer.Context,
    fix: Annotated[
        bool, typer.Option("--fix", help="Create the fields Leadloop needs, where it may.")
    ] = False,
    test_alert: Annotated[
        bool, typer.Option("--test-alert", help="Send a message to every notification address.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Examine accounts, fields, quota and machine; --fix creates fields.

    Writes nothing without --fix, and then only creates Leadloop's own fields. What it may not
    create it prints as steps to take by hand. A vendor that answers is no longer taken to be down:
    what waits for it goes on.
    """
    session = session_of(ctx)
    config = session.config()
    with contextlib.ExitStack() as stack:
        accounts = _accounts(session, config, stack)
        connectors = {}
        for pair in config.pairs:
            for system in (pair.map_system, pair.crm_system):
                if system.name not in connectors:
                    turn = wiring.insisting(accounts, system) if accounts else None
                    connectors[system.name] = wiring.connect(system, turn)
                    stack.callback(connectors[system.name].close)
        findings = examine(config, connectors, fix=fix)
    findings += _try_alerts(config) if test_alert else _nobody(config)
    findings += _state(session, config)
    code = exit_code_of(findings)
    if as_json:
        output.emit_json(
            "doctor",
            {"findings": [finding.as_dict() for finding in findings], "exit_code": code},
        )
    else:
        _show(session, findings)
    raise typer.Exit(code)


def _accounts(session: Session, config: Config, stack: contextlib.ExitStack) -> Accounts | None:
    """What the state knows of the accounts, so that it learns what is found out; None where there
    is no state, or it cannot be opened: that is a finding of its own.
    """
    if not has_state(config):
        return None
    try:
        store = stack.enter_context(session.store(config, config.pairs[0]))
    except LeadloopError:
        return None
    return Accounts(store, store.clock)


def _try_alerts(config: Config) -> list[Finding]:
    """Send a message to every address; which of them it reached."""
    message = alerts.trial(wiring.utc_now())
    found = []
    for name, address in alerts.addresses(config):
        if alerts.send(address, message):
            found.append(Finding("alert.sent", Level.OK, f"A trial message went to {name}."))
        else:
            found.append(
                Finding(
                    "alert.failed",
                    Level.ERROR,
                    f"{name} took no message.",
                    "Check the address against https://github.com/caronc/apprise/wiki and whether "
                    "this machine reaches the service.",
                )
            )
    return found or _nobody(config)


def _nobody(config: Config) -> list[Finding]:
    """A warning where nobody is called, whatever happens."""
    if config.notifications:
        return []
    return [
        Finding(
            "alert.none",
            Level.WARNING,
            "There is no notification address: nobody is called when a run stops.",
            "Add Apprise addresses under `notifications:` in config.yaml.",
        )
    ]


def exit_code_of(findings: list[Finding]) -> int:
    """0 without errors; else 5 for credentials, 6 for what cannot be reached, 1 for the state, 3
    for the rest: the first error decides.
    """
    for finding in findings:
        if finding.level is Level.ERROR:
            group = finding.code.partition(".")[0]
            return {"auth": 5, "remote": 6, "state": 1}.get(group, 3)
    return 0


def _state(session: Session, config: Config) -> list[Finding]:
    from state.database import sqlite_of
    from state.foreign import made_elsewhere

    if not has_state(config):
        return [
            Finding("doctor.state", Level.OK, "There is no state yet; the first sync makes it.")
        ]
    sqlite = None
    found = [Finding("doctor.state", Level.OK, "The state opens and is of this version.")]
    try:
        for pair in config.pairs:
            with session.store(config, pair) as store:
                sqlite = sqlite_of(store.engine)
                with store.read() as tx:
                    since = tx.now - timedelta(days=FOREIGN_DAYS)
                    made = made_elsewhere(tx, pair.crm_system.kind, since)
                found += not_alone(pair.name, made)
    except LeadloopError as error:
        return [Finding(error.code, Level.ERROR, f"{error.message}.", error.remedy)]
    return found if sqlite is None else [*found, library(sqlite)]


def _show(session: Session, findings: list[Finding]) -> None:
    console = output.console()
    for finding in findings:
        console.print(f"{MARKS[finding.level]:8}{finding.what} [{finding.code}]", markup=False)
        for line in session.hint(finding.remedy).splitlines():
            console.print(f"        {line}", markup=False)
    errors = sum(finding.level is Level.ERROR for finding in findings)
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    told = f"{output.counted(errors, 'error')}, {output.counted(warnings, 'warning')}."
    if errors:
        output.say(f"{told} Correct them, then run doctor again.")
    else:
        session.say(f"{told} Next: leadloop plan --out plan.json")
