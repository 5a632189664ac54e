"""Workspaces: what `leadloop sandbox` and `leadloop init` leave to work with."""

from __future__ import annotations

import json
import os
import pty
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from sync.config import load_config
from tests.house import ROOT
from tests.sync.commands import LIMIT, Workspace, command_line, environment_of, leadloop

STOP_SECONDS = 10


def test_the_sandbox_writes_a_workspace_that_works(tmp_path: Path) -> None:
    """`sandbox --json` prints one line with everything, writes a workspace in which `doctor --fix`
    and a plan succeed as they are, and ends with 0 on SIGTERM.
    """
    folder = tmp_path / "D"
    process = subprocess.Popen(
        command_line("sandbox", "--dir", str(folder), "--empty", "--json"),
        env=environment_of(),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        info = json.loads(process.stdout.readline())
        assert info["hubspot"].keys() >= {"url", "token", "portal_id"}
        assert info["salesforce"].keys() >= {"login_url", "client_id", "client_secret", "ca_file"}
        assert info["config"] == str(folder / "config.yaml")
        assert Path(info["salesforce"]["ca_file"]) == folder / "ca.pem"
        assert "admin_url" in info
        workspace = Workspace(folder, info["admin_url"])
        assert workspace.here("doctor", "--fix").code == 0
        assert workspace.here("plan", "--json").data["plans"][0]["writes"] == 0
        secret = folder / "secrets" / "hubspot_access_token"
        assert secret.read_text(encoding="utf-8").strip() == info["hubspot"]["token"]
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    finally:
        process.terminate()
        rest, told = process.communicate(timeout=STOP_SECONDS)
    assert (process.returncode, rest, told) == (0, "", "")


def test_the_sandbox_says_which_port_is_taken(tmp_path: Path) -> None:
    """A port in use ends the sandbox with one message and no workspace."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ran = leadloop("sandbox", "--dir", str(tmp_path / "D"), "--empty", "--hubspot-port", port)
    assert ran.code == 1
    assert "[sandbox.cannot_start]" in ran.err
    assert "remedy:" in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "D" / "config.yaml").exists()


@pytest.mark.parametrize("command", ["sandbox", "init"])
def test_no_workspace_in_the_source_tree(command: str) -> None:
    """Leadloop's own source, whose `mappings/` is code, is refused with 3."""
    ran = leadloop(command, "--dir", str(ROOT), "--no-input", *(["--empty"] * (command != "init")))
    assert ran.code == 3
    assert "[workspace.source_tree]" in ran.err


def test_init_writes_what_loads(tmp_path: Path) -> None:
    """`init` writes a config and a mapping that load once the variables are set; no secret stands
    in them.
    """
    words = ["--portal-id", "8812345", "--login-url", "https://acme.my.salesforce.com"]
    ran = leadloop("init", "--dir", str(tmp_path / "w"), *words, "--region", "de")
    assert (ran.code, ran.out) == (0, "")
    names = ["HUBSPOT_TOKEN", "SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET"]
    assert all(name in ran.err for name in names)
    config = load_config(
        tmp_path / "w", environ={**os.environ, **{name: f"made-up-{name}" for name in names}}
    )
    assert config.pairs[0].region == "DE"
    assert config.pairs[0].map_system.account_id == "8812345"
    unset = leadloop("validate", "--config", str(tmp_path / "w"))
    assert unset.code == 3
    assert "HUBSPOT_TOKEN" in unset.err


def test_init_touches_nothing_that_is_there(tmp_path: Path) -> None:
    """A second `init` ends with 3 and leaves the files as they are."""
    leadloop("init", "--dir", str(tmp_path), "--no-input")
    config = tmp_path / "config.yaml"
    config.write_text("mine", encoding="utf-8")
    ran = leadloop("init", "--dir", str(tmp_path), "--no-input")
    assert ran.code == 3
    assert "[workspace.edited]" in ran.err
    assert config.read_text(encoding="utf-8") == "mine"


def test_somebody_who_is_asked_is_asked_again_until_it_can_be(tmp_path: Path) -> None:
    """On a terminal `init` asks for what it needs to know; an answer that cannot be right is told
    with its fix and asked for again, and what it writes is without fault."""
    answers = (
        *("our portal", "8812345"),
        *("https://acme.lightning.force.com", "https://acme.my.salesforce.com"),
        *("Germany", "de"),
    )
    master, slave = pty.openpty()
    try:
        os.write(master, "".join(f"{answer}\n" for answer in answers).encode())
        done = subprocess.run(
            command_line("init"), cwd=tmp_path, env=environment_of(), stdin=slave,
            capture_output=True, text=True, timeout=LIMIT, check=True,
        )  # fmt: skip
    finally:
        os.close(slave)
        os.close(master)
    for told in (
        "Write the portal's number",
        "Write https://acme.my.salesforce.com",
        "two letters",
    ):
        assert told in done.stderr
    secrets = ("HUBSPOT_TOKEN", "SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET")
    config = load_config(tmp_path / "config.yaml", environ=dict.fromkeys(secrets, "x"))
    pair = config.pairs[0]
    assert (pair.region, pair.map_system.account_id) == ("DE", "8812345")
