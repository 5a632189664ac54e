"""Crash points that only a real process passes: killed there, the next process goes on."""

from __future__ import annotations

import pytest

from sync.crash import EXIT, VARIABLE
from tests.sync.commands import Workspace
from tests.sync.test_daemon_orders import command, daemon, wait_until


@pytest.mark.parametrize("point", ["after_bind", "after_alerts"])
def test_a_command_killed_at(point: str, workspace: Workspace) -> None:
    """`sync` dies there as a kill would have it, and the next `sync` ends well. Alerts are kept to
    be sent where an address is configured; that nobody answers there is no error of the run."""
    with workspace.config.open("a", encoding="utf-8") as file:
        file.write("\nnotifications: json://127.0.0.1:9/\n")
    assert workspace.run("sync", **{VARIABLE: point}).code == EXIT
    assert workspace.here("sync", "--json").code == 0


@pytest.mark.parametrize("point", ["after_claim", "after_command"])
def test_a_daemon_killed_at(point: str, workspace: Workspace) -> None:
    """What was asked of a daemon that died there is carried out by the next one."""
    process = workspace.start("run", **{VARIABLE: point})
    assert process.stderr is not None
    next(line for line in process.stderr if "run.finished" in line or "pair.resting" in line)
    number = workspace.here("sync", "--no-wait", "--json").data["runs"][0]["command_id"]
    process.communicate(timeout=60)
    assert process.returncode == EXIT
    with daemon(workspace):
        wait_until(lambda: command(workspace, number)["status"] == "done", "it is done")
    assert command(workspace, number)["exit_code"] == 0
