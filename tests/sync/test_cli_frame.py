"""The command line's frame: quick, complete, clear about misuse, silent about people."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from mappings.errors import (
    AuthenticationError,
    ConfigurationError,
    LeadloopError,
    Position,
    Problem,
    UnavailableError,
)
from sync import logs
from sync.cli import output
from sync.cli.main import COMMANDS, hoisted, load_command
from sync.cli.session import Session
from tests.sync.commands import Workspace, environment_of, leadloop

HEAVY = (
    "sqlalchemy", "sqlmodel", "pandas", "numpy", "recordlinkage", "hubspot", "simple_salesforce",
    "ruamel", "pydantic", "structlog", "rich", "apscheduler", "aiohttp", "phonenumbers",
)  # fmt: skip


def test_help_lists_every_command() -> None:
    """`--help` names every command with its line, and ends with 0."""
    ran = leadloop("--help")
    assert (ran.code, ran.err) == (0, "")
    for name in COMMANDS:
        assert re.search(rf"^  {name}  ", ran.out, flags=re.MULTILINE), name


def test_help_imports_nothing_heavy() -> None:
    """`--help` answers without the libraries that make a start slow (0.3 s is promised)."""
    code = (
        "import sys; from sync.cli.main import main; main(['--help']); "
        f"print('LOADED', [n for n in {HEAVY!r} if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment_of(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "LOADED []"


@pytest.mark.parametrize("name", ["plan", "sync", "status", "runs", "doctor", "run", "init"])
def test_every_command_has_help(name: str, tmp_path: Path) -> None:
    """A command's own help says what it does and where the global options are."""
    ran = Workspace(tmp_path).here(name, "--help")
    assert ran.code == 0
    assert "leadloop --help" in ran.out
    assert COMMANDS[name][1].split(";")[0].split(".")[0][:30] in " ".join(ran.out.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there(name: str) -> None:
    """Behind every listed name stands a command whose options all have a help text."""
    command = load_command(name)
    assert command.name == name
    assert command.help
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.name != "help":
            assert parameter.help, f"{name} {parameter.name}"


MISUSE = [
    (["frobnicate"], "No such command"),
    (["sync", "--bogus"], "No such option"),
    (["sync", "--dry-run", "--plan", "x"], "exclude each other"),
    (["--log-level", "loud", "status"], "log level"),
    (["plan", "--samples", "many"], "samples"),
    (["sync", "--pair", "x", "stray"], "stray"),
]


@pytest.mark.parametrize(("words", "said"), MISUSE, ids=[" ".join(m[0]) for m in MISUSE])
def test_misuse_ends_with_2(words: list[str], said: str, tmp_path: Path) -> None:
    """Bad usage is one message with the way to help, on stderr, and exit code 2."""
    ran = Workspace(tmp_path).here(*words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "remedy:" in ran.err
    assert "Traceback" not in ran.err


def test_json_errors_are_json_on_stdout(tmp_path: Path) -> None:
    """With --json an error is one JSON object on stdout, and stderr stays empty."""
    ran = leadloop("status", "--json", cwd=tmp_path)
    assert (ran.code, ran.err) == (3, "")
    assert ran.data["error"]["code"] == "config.missing"
    assert ran.data["error"]["exit_code"] == 3
    assert "leadloop init" in ran.data["error"]["remedy"]


def test_version() -> None:
    """`--version` prints name and version, nothing else."""
    ran = leadloop("--version")
    assert ran.code == 0
    assert re.fullmatch(r"leadloop \d+\.\d+\.\d+\S*\n", ran.out)


HOISTED = [
    (["sync", "--config", "c"], ["--config", "c", "sync"]),
    (["plan", "--config=c", "--out", "p"], ["--config=c", "plan", "--out", "p"]),
    (["--no-input", "init", "--log-level", "info"], ["--no-input", "--log-level", "info", "init"]),
    (["explain", "--", "--config"], ["explain", "--", "--config"]),
    (["status", "--config"], ["--config", "status"]),
]


@pytest.mark.parametrize(("given", "meant"), HOISTED, ids=[" ".join(h[0]) for h in HOISTED])
def test_global_options_may_stand_anywhere(given: list[str], meant: list[str]) -> None:
    """Global options are understood before and after the command, and left alone after `--`."""
    assert hoisted(given) == meant


def test_an_unexpected_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """An error nobody foresaw shows its place, not its text, which may hold personal data."""
    try:
        int("Ada Lovelace <ada@example.com>")
    except ValueError as error:
        code = Session().report_unexpected(error)
    told = capsys.readouterr().err
    assert code == 1
    assert "unexpected ValueError at test_cli_frame.py:" in told
    assert "[internal]" in told
    assert "Ada" not in told
    assert "Traceback" not in told
    assert "--log-level debug" in told


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """With --log-level debug the traceback is there."""
    try:
        int("x")
    except ValueError as error:
        Session(log_level="debug").report_unexpected(error)
    assert "Traceback" in capsys.readouterr().err


def test_an_error_says_what_where_and_the_remedy() -> None:
    """The text of an error holds message, code, place and remedy."""
    error = UnavailableError("nothing listens at the address", system="hubspot")
    assert output.error_text(error).splitlines() == [
        "error: nothing listens at the address [remote.unavailable]",
        "  where: system hubspot",
        f"  remedy: {error.remedy}",
    ]


def test_problems_show_line_and_caret() -> None:
    """Each fault of a file is shown with file:line:col, the line, a caret and the fix."""
    problem = Problem(
        Position("config.yaml", 3, 5), "no such key", "Write `kind`.", excerpt="  kid: x\n    ^"
    )
    error = ConfigurationError(
        "It cannot be used: 2 problems. config.yaml:3:5: no such key", problems=(problem, problem)
    )
    told = output.error_text(error)
    assert told.count("config.yaml:3:5: no such key") == 2
    assert "      kid: x\n        ^\n    fix: Write `kind`." in told
    assert told.startswith("error: It cannot be used: 2 problems. [config.invalid]\n")
    assert told.endswith("then run `leadloop validate`.")
    assert [p["line"] for p in output.error_data(error)["problems"]] == [3, 3]


@pytest.mark.parametrize(
    ("error", "code"),
    [(AuthenticationError("no"), 5), (UnavailableError("no"), 6), (LeadloopError("no"), 1)],
)
def test_an_error_decides_the_exit_code(
    error: LeadloopError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Errors end a command with the exit code of their group."""
    assert Session().report_error(error) == code
    assert capsys.readouterr().out == ""


@pytest.fixture
def quiet_again() -> object:
    """Puts logging back as it was after the test."""
    before = structlog.get_config()
    yield None
    structlog.configure(**before)


def _logged(level: str, *, terminal: bool, **keys: object) -> str:
    stream = io.StringIO()
    logs.configure(level, stream=stream, terminal=terminal)
    structlog.get_logger("x").info("run.finished", **keys)
    return stream.getvalue()


def test_logs_keep_to_the_allow_list(quiet_again: object) -> None:
    """A key that is not allowed is left out of a log line and named there."""
    line = json.loads(_logged("info", terminal=False, run_id="r1", email="ada@example.com"))
    assert line["event"] == "run.finished"
    assert line["run_id"] == "r1"
    assert line["dropped_keys"] == ["email"]
    assert "ada@example.com" not in json.dumps(line)


def test_logs_are_for_people_on_a_terminal(quiet_again: object) -> None:
    """On a terminal a log line is text; elsewhere it is JSON."""
    told = _logged("info", terminal=True, run_id="r1")
    assert "run.finished" in told
    assert not told.startswith("{")


def test_logs_below_the_level_are_not_written(quiet_again: object) -> None:
    """The level holds."""
    assert _logged("warning", terminal=False) == ""


def test_long_values_are_cut(quiet_again: object) -> None:
    """A value longer than any that belongs in a log is cut."""
    assert len(json.loads(_logged("info", terminal=False, code="x" * 5000))["code"]) < 300
