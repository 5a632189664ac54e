"""Runs `leadloop` as a real process, for the tests of the command line and the daemon."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from sandbox.process import SandboxProcess, start_process
from sync.cli.main import main
from sync.workspace import write_workspace
from tests.house import ROOT

READING = ("/search", "/batch/read", "/oauth2/token", "/composite/sobjects/{sobject}")
"""POST paths of the vendors that only read (FACTS sections 2 to 4)."""
LIMIT = 120
"""Seconds a command may take before its test is given up: far beyond what any needs."""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        [line] = self.out.splitlines()
        found: dict[str, Any] = json.loads(line)
        return found


@dataclass(frozen=True)
class Workspace:
    """A workspace and the sandbox it points at."""

    directory: Path
    admin_url: str = ""

    @property
    def config(self) -> Path:
        """Its config.yaml."""
        return self.directory / "config.yaml"

    def run(self, *arguments: str, **environment: str) -> Ran:
        """Run a command on this workspace."""
        return leadloop(
            *arguments, cwd=self.directory, LEADLOOP_CONFIG=str(self.config), **environment
        )

    def here(self, *arguments: str) -> Ran:
        """Run a command on this workspace in this process: as `run`, a second quicker."""
        out, err = io.StringIO(), io.StringIO()
        before = structlog.get_config()
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main([*arguments, "--config", str(self.config)])
        finally:
            structlog.configure(**before)
        return Ran(code, out.getvalue(), err.getvalue())

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command on this workspace and leave it running."""
        return subprocess.Popen(
            command_line(*arguments),
            cwd=self.directory,
            env=environment_of(LEADLOOP_CONFIG=str(self.config), **environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def edit(self, *replacements: tuple[str, str]) -> None:
        """Replace text in config.yaml; each must be there."""
        text = self.config.read_text(encoding="utf-8")
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        self.config.write_text(text, encoding="utf-8")


def command_line(*arguments: str) -> list[str]:
    """What starts `leadloop` in this environment."""
    return [sys.executable, "-m", "sync.cli.main", *arguments]


def environment_of(**extra: str) -> dict[str, str]:
    """This process's environment without what would change a command's output, and with `extra`."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LEADLOOP_CONFIG"}
    }
    return {**kept, "PYTHONPATH": str(ROOT), **extra}


def leadloop(*arguments: str, cwd: Path | None = None, **environment: str) -> Ran:
    """Run `leadloop` and wait for its end."""
    done = subprocess.run(
        command_line(*arguments),
        cwd=cwd,
        env=environment_of(**environment),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def running_sandbox(directory: Path, *, people: int | None) -> Iterator[SandboxProcess]:
    """A sandbox with so many people, or an empty one."""
    world = None if people is None else "generated"
    with start_process(directory, world=world, people=people or 1) as process:
        yield process


def workspace_for(sandbox: SandboxProcess, directory: Path) -> Workspace:
    """A workspace of its own, pointing at the sandbox."""
    write_workspace(
        directory, hubspot=sandbox.info["hubspot"], salesforce=sandbox.info["salesforce"]
    )
    return Workspace(directory, sandbox.admin_url)


def admin(url: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """Ask the sandbox's admin endpoint."""
    request = urllib.request.Request(  # noqa: S310 - loopback
        url.rstrip("/") + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
        text = answer.read()
    return json.loads(text) if text else None


def writes(url: str) -> dict[str, int]:
    """Calls since the last reset that could have changed something at a vendor."""
    return {
        f"{system} {method} {template}": count
        for system, methods in admin(url, "GET", "/calls").items()
        for method, templates in methods.items()
        for template, count in templates.items()
        if method != "GET" and not template.endswith(READING)
    }
