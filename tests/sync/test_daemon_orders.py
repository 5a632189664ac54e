"""A real daemon and what people ask of it: taken at once, followed, left, taken again."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.sync.commands import Ran, Workspace, admin

LOOKS = 300
"""Tenths of a second something is waited for before the test is given up."""


@contextmanager
def daemon(workspace: Workspace) -> Iterator[subprocess.Popen[str]]:
    """A daemon whose own next run is an hour away: what happens sooner was asked for."""
    text = workspace.config.read_text(encoding="utf-8")
    if "fast: 3600" not in text:
        workspace.config.write_text(f"{text}\nschedule: {{fast: 3600}}\n", encoding="utf-8")
    process = workspace.start("run")
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "run.finished" in line or "pair.resting" in line:
                break
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Look until it is so."""
    for _ in range(LOOKS):
        if true():
            return
        threading.Event().wait(0.1)
    pytest.fail(f"waited in vain: {what}")


def command(workspace: Workspace, number: int) -> dict[str, Any]:
    """A queued command as it stands."""
    found: dict[str, Any] = workspace.here("commands", "show", str(number), "--json").data
    return dict(found["command"])


def slow_down(workspace: Workspace, seconds: float) -> None:
    """Salesforce takes so long to answer queries."""
    fault = {"system": "salesforce", "kind": "latency", "rate": 1, "calls": 10_000}
    admin(workspace.admin_url, "POST", "/faults", {**fault, "value": seconds, "match": "query"})


def ended(ran: Ran) -> tuple[int, str]:
    """How a followed command ended."""
    return ran.code, ran.data["runs"][0]["status"]


def test_commands_are_followed_to_the_same_end(workspace: Workspace) -> None:
    """`sync`, `undo`, `erase` and a review decision answer as they do without a daemon, at once;
    what cannot be done ends with its own exit code.
    """
    with daemon(workspace) as process:
        admin(workspace.admin_url, "POST", "/world/tick", {"days": 1})
        followed = workspace.here("sync", "--json")
        assert ended(followed) == (0, "ok")
        run_id = followed.data["runs"][0]["run_id"]
        assert workspace.here("runs", "show", run_id, "--json").data["run"]["kind"] == "sync"
        taken_back = workspace.here("undo", "--run", run_id, "--json")
        assert (taken_back.code, taken_back.data["status"]) == (0, "ok")
        assert any(row["from"] is not None for row in taken_back.data["undone"])
        unknown = workspace.here("undo", "--record", "nobody@example.com", "--json")
        assert (unknown.code, unknown.data["error"]["code"]) == (2, "undo.unknown_record")
        item = workspace.here("review", "list", "--json").data["items"][0]["id"]
        decided = workspace.here("review", "reject", str(item), "--json")
        assert (decided.code, decided.data["status"]) == (0, "rejected")
        again = workspace.here("review", "accept", str(item), "--json")
        assert (again.code, again.data["error"]["code"]) == (2, "review.decided")
        somebody = taken_back.data["undone"][0]["record"]
        assert workspace.here("erase", somebody, "--yes").code == 0
        told = workspace.here("commands", "--json").data["commands"]
        assert [(one["kind"], one["exit_code"]) for one in told] == [
            ("erase", 0),
            ("review", 2),
            ("review", 0),
            ("undo", 0),
            ("sync", 0),
        ]
        assert process.poll() is None


def test_what_is_not_waited_for_is_done_all_the_same(workspace: Workspace) -> None:
    """`--no-wait` prints the number; `commands show` tells what became of it; one that is still
    queued behind a long run can be withdrawn, one that is under way cannot.
    """
    with daemon(workspace):
        slow_down(workspace, 2)
        first = workspace.here("sync", "--no-wait", "--json").data["runs"][0]["command_id"]
        wait_until(lambda: command(workspace, first)["status"] == "running", "it is taken")
        second = workspace.here("sync", "--no-wait", "--json").data["runs"][0]["command_id"]
        assert workspace.here("commands", "withdraw", str(second)).code == 0
        assert workspace.here("commands", "withdraw", str(first)).code == 3
        admin(workspace.admin_url, "DELETE", "/faults")
        wait_until(lambda: command(workspace, first)["status"] == "done", "it is done")
    assert command(workspace, first)["exit_code"] == 0
    assert command(workspace, second)["status"] == "withdrawn"


def test_a_killed_daemon_leaves_its_command_to_the_next(workspace: Workspace) -> None:
    """After a kill -9 in the middle of a command the next daemon takes it again and ends it; a
    stop in the middle puts it back.
    """
    with daemon(workspace) as process:
        slow_down(workspace, 30)
        number = workspace.here("sync", "--no-wait", "--json").data["runs"][0]["command_id"]
        wait_until(lambda: command(workspace, number)["status"] == "running", "it is taken")
        process.kill()
        process.wait()
    assert command(workspace, number)["status"] == "running"
    admin(workspace.admin_url, "DELETE", "/faults")
    with daemon(workspace):
        wait_until(lambda: command(workspace, number)["status"] == "done", "it is done")
    found = command(workspace, number)
    assert (found["exit_code"], found["attempts"]) == (0, 2)


def test_who_stops_following_leaves_the_work_queued(workspace: Workspace) -> None:
    """Ctrl-C ends the follower with 130 and says where to look; the daemon does the work."""
    with daemon(workspace):
        slow_down(workspace, 2)
        follower = workspace.start("sync")
        wait_until(
            lambda: bool(workspace.here("commands", "--json").data["commands"]), "it is queued"
        )
        number = workspace.here("commands", "--json").data["commands"][0]["id"]
        follower.send_signal(signal.SIGINT)
        _, told = follower.communicate(timeout=30)
        assert follower.returncode == 130
        assert f"leadloop commands show {number}" in told
        admin(workspace.admin_url, "DELETE", "/faults")
        wait_until(lambda: command(workspace, number)["status"] == "done", "it is done")
        assert command(workspace, number)["exit_code"] == 0


def test_orders_go_by_the_mapping_the_daemon_has_read(workspace: Workspace) -> None:
    """A file that is not valid leaves the daemon with the last good one; a valid one it has after
    a SIGHUP at the latest, and takes orders given under it.
    """
    [mapping] = (workspace.directory / "mappings").glob("*.yaml")
    good = mapping.read_text(encoding="utf-8")
    with daemon(workspace) as process:
        mapping.write_text(good.replace("jobtitle", "nonsense: ["), encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        assert "reload.refused" in next(line for line in process.stderr if "reload" in line)
        changed = good.replace("owner: map", "owner: crm", 1)
        assert changed != good
        mapping.write_text(changed, encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        assert "daemon.reloaded" in next(line for line in process.stderr if "reload" in line)
        assert ended(workspace.here("sync", "--json")) == (0, "ok")
