"""The tutorial works as it stands on the page, command by command, in a shell."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.house import ROOT
from tests.sync.commands import LIMIT, admin, environment_of, writes

PAGE = ROOT / "docs" / "tutorial" / "first-plan.md"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
KEPT = ("export ", "cd ")
"""Commands whose effect lasts until the terminal is closed."""
INSTALLING = "make setup\n"
"""The one command that is not run: the tests have an environment already."""


@dataclass(frozen=True)
class Step:
    """One block of commands, what they printed, and what the page says they print."""

    commands: str
    printed: str
    promised: list[str]
    written: dict[str, int]


def _blocks() -> list[tuple[str, list[str]]]:
    """Each block of commands with the lines the page shows below it."""
    blocks: list[tuple[str, list[str]]] = []
    for language, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language == "sh":
            blocks.append((text, []))
        else:
            blocks[-1][1].extend(text.splitlines())
    return blocks


def _source(directory: Path) -> Path:
    """A directory that holds Leadloop as the page means it: with its commands in `.venv/bin`."""
    source = directory / "leadloop"
    programs = source / ".venv" / "bin"
    programs.mkdir(parents=True)
    program = programs / "leadloop"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m sync.cli.main "$@"\n')
    program.chmod(0o755)
    return source


def _shell(commands: str, source: Path) -> subprocess.Popen[str]:
    """A shell in the source directory that ends at the first command that fails."""
    shell = shutil.which("sh")
    assert shell is not None
    return subprocess.Popen(
        [shell, "-ec", commands],
        cwd=source,
        env=environment_of(COLUMNS="200"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Step]]:
    """Every step of the second terminal, done while the sandbox of the first one runs."""
    source = _source(tmp_path_factory.mktemp("tutorial"))
    (first, _), *others = _blocks()
    assert first.startswith(INSTALLING)
    sandbox = _shell(first.removeprefix(INSTALLING), source)
    try:
        yield _second_terminal(others, source, _announced(sandbox))
    finally:
        os.killpg(sandbox.pid, signal.SIGTERM)
        sandbox.communicate(timeout=LIMIT)


def _announced(sandbox: subprocess.Popen[str]) -> str:
    """The admin endpoint, once the sandbox has said everything."""
    assert sandbox.stdout is not None
    admin_url = ""
    for line in sandbox.stdout:
        if line.startswith("Admin"):
            admin_url = line.split()[1]
        if line.startswith("Stop it"):
            return admin_url
    pytest.fail("the sandbox has not started")


def _second_terminal(
    blocks: list[tuple[str, list[str]]], source: Path, admin_url: str
) -> list[Step]:
    lasting = ""
    done = []
    for commands, promised in blocks:
        admin(admin_url, "DELETE", "/calls")
        shell = _shell(lasting + commands, source)
        printed, _ = shell.communicate(timeout=LIMIT)
        assert shell.returncode == 0, f"{commands}{printed}"
        done.append(Step(commands, printed, promised, writes(admin_url)))
        lines = commands.splitlines(keepends=True)
        lasting += "".join(line for line in lines if line.startswith(KEPT))
    return done


def _squeezed(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_the_tutorial_prints_what_it_says(steps: list[Step]) -> None:
    """Every command ends well, and every line the page shows is printed."""
    assert sum(len(step.promised) for step in steps) >= 4
    missing = [
        line for step in steps for line in step.promised if line not in _squeezed(step.printed)
    ]
    assert missing == []


def test_what_the_page_explains_is_there(steps: list[Step]) -> None:
    """The headings of the plan that the page explains are the plan's."""
    [plan] = [step for step in steps if "plan --out" in step.commands]
    for part in re.findall(
        r"^- \*\*(.+?)\*\*(?: and \*\*(.+?)\*\*)?", PAGE.read_text(), re.MULTILINE
    ):
        for heading in filter(None, part):
            assert heading in plan.printed


def test_nothing_is_written_before_the_word(steps: list[Step]) -> None:
    """Only the approved plan writes records: not the plans, and not the refused sync."""
    writing = [step.commands for step in steps[1:] if step.written]
    assert [block.splitlines()[0] for block in writing] == [
        "leadloop sync --plan plan.json",
        "leadloop sync --plan change.json",
        "leadloop undo --run last --dry-run",
    ]


def test_an_undo_puts_back_what_the_change_wrote(steps: list[Step]) -> None:
    """As many records as the changed rule has written to, in Salesforce alone."""
    later = [step for step in steps if "change.json" in step.commands or "undo" in step.commands]
    wrote, undid = (step.written for step in later if step.written)
    assert wrote == undid
    assert sum(wrote.values()) > 0
