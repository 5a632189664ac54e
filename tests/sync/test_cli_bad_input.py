"""Bad input, with real processes: each ends with its exit code and one clear message with the
remedy, and nothing is lost.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.process import SandboxProcess
from state import identity
from state.open import open_store
from tests.sync.commands import Ran, Workspace, admin, running_sandbox, workspace_for, writes

EVERY_COMMAND = ["doctor", "plan", "sync", "run", "status", "runs", "validate"]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """A sandbox without people."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), people=None) as process:
        yield process


@pytest.fixture(scope="module")
def template(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace whose fields are made and whose first plan is approved."""
    made = workspace_for(sandbox, tmp_path_factory.mktemp("template") / "workspace")
    assert made.here("doctor", "--fix").code == 0
    approve_empty(made)
    return made


@pytest.fixture
def workspace(template: Workspace, tmp_path: Path) -> Workspace:
    """A workspace that points at the sandbox, new to its accounts."""
    shutil.copytree(template.directory, tmp_path / "workspace")
    for path in (tmp_path / "workspace").glob("leadloop.sqlite3*"):
        path.unlink()
    return Workspace(tmp_path / "workspace", template.admin_url)


@pytest.fixture
def approved(template: Workspace, tmp_path: Path) -> Workspace:
    """A workspace that points at the sandbox, its first plan approved."""
    shutil.copytree(template.directory, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace", template.admin_url)


def _ran(workspace: Workspace, command: str) -> Ran:
    """The command's end; what takes signals or the state's lock is a process of its own."""
    return workspace.run(command) if command in {"run", "sync"} else workspace.here(command)


def refused(ran: Ran, code: int, name: str, *said: str) -> None:
    """It ended with this exit code and one message: this error, with its remedy, no traceback."""
    assert ran.code == code, ran.err
    assert ran.err.count(f"[{name}]") == 1, ran.err
    assert ran.err.count("remedy:") == 1, ran.err
    assert "Traceback" not in ran.err
    told = re.sub(r"leadloop --config \S+ ", "leadloop ", ran.err)
    for part in said:
        assert part in told


@pytest.mark.parametrize("command", EVERY_COMMAND)
def test_no_config(command: str, tmp_path: Path) -> None:
    """Without a configuration every command ends with 3 and names `leadloop init`."""
    ran = _ran(Workspace(tmp_path), command)
    refused(ran, 3, "config.missing", "leadloop init")
    assert list(tmp_path.iterdir()) == []


def test_broken_yaml(workspace: Workspace) -> None:
    """YAML that cannot be read is shown with file, line, column and a caret."""
    workspace.edit(("pairs:", "pairs: [unclosed"))
    ran = workspace.run("sync")
    assert ran.code == 3
    assert "config.yaml:" in ran.err
    assert "^" in ran.err
    assert "Traceback" not in ran.err


def test_unknown_fields_are_named_all_at_once(workspace: Workspace) -> None:
    """Unknown keys of config and mapping are all named in one pass, with the nearest right one."""
    workspace.edit(("    kind: salesforce", "    kind: salesforce\n    leadloop_shares: 0.5"))
    [mapping] = (workspace.directory / "mappings").iterdir()
    text = mapping.read_text(encoding="utf-8")
    mapping.write_text(text + "\nnonsense: 1\n", encoding="utf-8")
    ran = workspace.here("validate")
    assert ran.code == 3
    assert "leadloop_share" in ran.err
    assert "nonsense" in ran.err
    assert ": 2 problems." in ran.err
    as_json = workspace.here("validate", "--json")
    assert (as_json.code, as_json.err) == (3, "")
    problems = as_json.data["error"]["problems"]
    assert {"file", "line", "column", "message", "fix", "code"} <= problems[0].keys()
    assert len(problems) == 2


def test_a_field_the_vendor_does_not_have(workspace: Workspace) -> None:
    """`validate --live` names a mapped field that the account has not."""
    [mapping] = (workspace.directory / "mappings").iterdir()
    text = mapping.read_text(encoding="utf-8")
    assert "- {map: jobtitle," in text
    changed = text.replace("- {map: jobtitle,", "- {map: field_of_ours, custom: true,")
    mapping.write_text(changed, encoding="utf-8")
    assert workspace.here("validate").code == 0
    ran = workspace.here("validate", "--live")
    assert ran.code == 3
    assert "field_of_ours" in ran.err


@pytest.mark.parametrize(
    ("command", "secret"),
    [
        ("doctor", "hubspot_access_token"),
        ("sync", "hubspot_access_token"),
        ("plan", "salesforce_client_secret"),
        ("run", "salesforce_client_secret"),
    ],
)
def test_wrong_credentials(command: str, secret: str, approved: Workspace) -> None:
    """Credentials the vendor refuses end with 5; the secret is never shown."""
    workspace = approved
    (workspace.directory / "secrets" / secret).write_text("wrong-secret-value\n")
    ran = _ran(workspace, command)
    assert ran.code == 5, ran.err
    told = ran.out + ran.err
    assert "auth." in told
    assert "wrong-secret-value" not in told
    assert "Traceback" not in told
    assert "config.yaml" in told


@pytest.mark.parametrize("command", ["doctor", "sync"])
def test_nothing_listening(command: str, approved: Workspace, sandbox: SandboxProcess) -> None:
    """An address where nobody listens ends with 6 and says so."""
    workspace = approved
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"
    workspace.edit((sandbox.info["hubspot"]["url"], gone))
    ran = _ran(workspace, command)
    assert ran.code == 6, ran.err
    assert "remote.unavailable" in ran.out + ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("command", ["sync", "run"])
def test_another_account_than_configured(command: str, approved: Workspace) -> None:
    """Credentials of another account than `account_id` names end with 3; nothing is written."""
    workspace = approved
    workspace.edit(("8812345", "1234567"))
    admin(workspace.admin_url, "DELETE", "/calls")
    refused(_ran(workspace, command), 3, "config.account_mismatch", "account_id")
    assert writes(workspace.admin_url) == {}


@pytest.mark.parametrize("command", ["plan", "sync", "run"])
def test_another_account_than_the_state_belongs_to(command: str, approved: Workspace) -> None:
    """A state that belongs to another account is refused with 3."""
    workspace = approved
    file = workspace.directory / "leadloop.sqlite3"
    workspace.edit(("leadloop.sqlite3", "other.sqlite3"))
    other = workspace.directory / "other.sqlite3"
    store = open_store(f"sqlite:///{other}", clock=lambda: datetime.now(UTC), pair="main")
    with store.begin() as tx:
        identity.bind_account(tx, "hubspot", "999")
    store.close()
    if command == "run":
        _approve_in(other, file)
    refused(_ran(workspace, command), 3, "config.account_mismatch", "state")


def _approve_in(other: Path, approved: Path) -> None:
    """Copy the approvals of one state into another: a copied state, pointed elsewhere."""
    import sqlite3

    with sqlite3.connect(other) as connection:
        connection.execute("ATTACH ? AS old", (str(approved),))
        columns = "tenant, pair, subject, at, details"
        connection.execute(
            f"INSERT INTO approvals ({columns}) SELECT {columns} FROM old.approvals"  # noqa: S608
        )
    connection.close()


def test_a_second_process_on_the_same_state(approved: Workspace) -> None:
    """While a daemon holds the state, a second one ends with 7; `sync` is queued with the first and
    followed; reading goes on; the daemon is not disturbed and ends with 0.
    """
    workspace = approved
    daemon = workspace.start("run")
    try:
        _wait_for(daemon, "daemon.started")
        refused(workspace.run("run"), 7, "state.held", "leadloop status")
        followed = workspace.here("sync")
        assert followed.code == 0
        assert "is queued with it" in followed.err
        status = workspace.here("status", "--json")
        assert (status.code, status.data["pairs"][0]["held"]) == (0, True)
        assert workspace.here("plan").code == 0
    finally:
        daemon.terminate()
        daemon.communicate(timeout=30)
    assert daemon.returncode == 0


def test_the_first_sync_needs_a_word(workspace: Workspace) -> None:
    """A plain sync on a new connection with people writes nothing and ends with 9."""
    url = workspace.admin_url
    token = (workspace.directory / "secrets" / "hubspot_access_token").read_text().strip()
    _create_contact(workspace, token)
    admin(url, "DELETE", "/calls")
    refused(workspace.here("sync"), 9, "guard.approval_required", "leadloop plan --out")
    assert writes(url) == {}
    refused(workspace.run("run"), 9, "guard.approval_required", "leadloop plan --out")


def _create_contact(workspace: Workspace, token: str) -> None:
    import json
    import re
    import urllib.request

    [base] = re.findall(r'base_url: "([^"]+)"', workspace.config.read_text(encoding="utf-8"))
    body = {"properties": {"email": "mira.okafor@example.org", "lastname": "Okafor"}}
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{base}/crm/v3/objects/contacts",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
        assert answer.status == 201


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[None]:
    """A file system of its own, so small that it fills up; skips where none can be mounted."""
    place.mkdir(parents=True, exist_ok=True)
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("no mount command: a full disk cannot be made here")
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("no right to mount a file system: a full disk cannot be made here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk(workspace: Workspace, tmp_path: Path) -> None:
    """A disk that is full ends a sync with 1 and the remedy; with space again the same command
    goes on and the state is sound.
    """
    disk = tmp_path / "disk"
    with small_disk(disk, "3m"):
        workspace.edit(("sqlite:///leadloop.sqlite3", f"sqlite:///{disk}/leadloop.sqlite3"))
        approve_empty(workspace)
        filler = disk / "filler"
        _fill(filler)
        refused(workspace.run("sync"), 1, "state.disk_full", "Free space")
        filler.unlink()
        again = workspace.here("sync", "--json")
        assert again.code == 0, again.out
        assert again.data["runs"][0]["status"] == "ok"
        assert workspace.here("runs").code == 0


def test_no_room_for_the_state_at_all(workspace: Workspace, tmp_path: Path) -> None:
    """A disk that was full from the beginning is told as such, by every command that needs it."""
    disk = tmp_path / "disk"
    with small_disk(disk, "64k"):
        workspace.edit(("sqlite:///leadloop.sqlite3", f"sqlite:///{disk}/leadloop.sqlite3"))
        _fill(disk / "filler")
        refused(workspace.run("sync"), 1, "state.disk_full", "Free space")


def test_no_room_for_the_plan(workspace: Workspace, tmp_path: Path) -> None:
    """A plan file that does not fit is refused, and none is left half written."""
    disk = tmp_path / "disk"
    with small_disk(disk, "16k"):
        _fill(disk / "filler")
        ran = workspace.here("plan", "--out", str(disk / "plan.json"))
        refused(ran, 3, "plan.unwritable", "No space left")
        assert [path.name for path in disk.iterdir()] == ["filler"]


def _fill(path: Path) -> None:
    """Write until nothing more fits."""
    with path.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 512):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def approve_empty(workspace: Workspace) -> None:
    """Plan and approve the first sync on a sandbox without people."""
    plan = workspace.directory / "plan.json"
    assert workspace.here("plan", "--out", str(plan)).code == 0
    done = workspace.here("sync", "--plan", str(plan))
    assert done.code == 0, done.err


def _wait_for(process: subprocess.Popen[str], event: str) -> None:
    """Read its log until the event is told."""
    assert process.stderr is not None
    for line in process.stderr:
        if event in line:
            return
    pytest.fail(f"it ended without {event}")
