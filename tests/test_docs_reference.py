"""The reference pages are complete: every command, option and JSON key, and none that has gone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.cli import main as command_line
from sync.cli.main import COMMANDS, load_command
from sync.workspace import write_workspace
from tests.house import ROOT
from tests.sandbox.harness import running

REFERENCE = ROOT / "docs" / "reference"
GLOBAL = {"--config", "--log-level", "--no-input", "--profile", "--version"}
SHELL = {"--install-completion", "--show-completion"}
FRAME = {"format", "command"}


def _sections(page: Path, level: str) -> dict[str, str]:
    """Text under each heading of that level or below, by heading."""
    parts = re.split(rf"^{level}#? (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _first_cells(text: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE)


# --- commands ----------------------------------------------------------------------------------


def _commands() -> Iterator[tuple[str, Any]]:
    """Every command and subcommand by its path."""
    for name in COMMANDS:
        command = load_command(name)
        yield f"leadloop {name}", command
        for below, sub in getattr(command, "commands", {}).items():
            yield f"leadloop {name} {below}", sub


def _given(command: Any) -> set[str]:
    """What a command takes: the longest spelling of each option, arguments by their metavar."""
    names = set()
    for parameter in command.params:
        if parameter.name == "help":
            continue
        if parameter.param_type_name == "argument":
            names.add(parameter.metavar or parameter.name.upper())
        else:
            names.add(max(parameter.opts, key=len))
    return names


def _documented(section: str) -> set[str]:
    return {cell.split(" ")[0].split(",")[0] for cell in _first_cells(section)}


def test_every_command_is_documented() -> None:
    """The page has one section for each command there is, and no other."""
    sections = set(_sections(REFERENCE / "cli.md", "##"))
    assert sections == {"leadloop", *(path for path, _ in _commands())}


def test_every_option_is_documented() -> None:
    """Each section's table names exactly what the command takes."""
    sections = _sections(REFERENCE / "cli.md", "##")
    wrong = {
        path: sorted(_documented(sections[path]) ^ _given(command))
        for path, command in _commands()
        if path in sections and _documented(sections[path]) != _given(command)
    }
    assert wrong == {}


def test_global_options_are_documented() -> None:
    """The first section names the options that stand before any command."""
    section = _sections(REFERENCE / "cli.md", "##")["leadloop"]
    assert _documented(section) == GLOBAL | SHELL
    assert set(command_line.VALUED) | set(command_line.FLAGS) <= GLOBAL


def test_every_json_command_has_a_shape() -> None:
    """A command with --json is described under JSON output."""
    page = set(_sections(REFERENCE / "json.md", "##"))
    having = {
        path.removeprefix("leadloop ") for path, one in _commands() if "--json" in _given(one)
    }
    # as `review list`, `review accept` and `commands`
    told_elsewhere = {"review", "review reject", "commands list"}
    assert having - page - told_elsewhere == set()


# --- JSON --------------------------------------------------------------------------------------


def _paths(value: Any, documented: set[str], prefix: str = "") -> Iterator[str]:
    """The keys of a value, descending only where the page does."""
    if isinstance(value, dict):
        for key, below in value.items():
            path = f"{prefix}.{key}" if prefix else key
            yield path
            if any(each.startswith((f"{path}.", f"{path}[]")) for each in documented):
                yield from _paths(below, documented, path)
    elif isinstance(value, list):
        for one in value:
            yield from _paths(one, documented, f"{prefix}[]")


def _empty(value: Any, path: str) -> bool:
    """Whether what the path goes through holds nothing, so that its keys cannot be seen."""
    here = [value]
    for part in path.split("."):
        name, several = part.removesuffix("[]"), part.endswith("[]")
        found = [each[name] for each in here if isinstance(each, dict) and name in each]
        here = [one for each in found for one in (each or [])] if several else found
        if not [each for each in here if each is not None]:
            return True
    return False


def _misfit(name: str, printed: dict[str, Any]) -> list[str]:
    """Keys that the page lacks, and keys of the page that were not printed though they could."""
    documented = set(_first_cells(_sections(REFERENCE / "json.md", "##")[name]))
    open_ended = {"person.timeline[]"}  # moments have details of their own
    actual = {
        path for path in _paths(printed, documented) if path.rpartition(".")[0] not in open_ended
    } - FRAME
    missing = {
        path
        for path in documented - actual
        if path.rpartition(".")[0] not in open_ended
        and not ("." in path and _empty(printed, path.rpartition(".")[0]))
    }
    return sorted((actual - documented) | missing)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the commands print over a small world, by the name of the page's section."""
    folder = tmp_path_factory.mktemp("workspace")
    with running(folder, people=40, crm_records=40, world="generated") as sandbox:
        config = write_workspace(
            folder, hubspot=sandbox.info["hubspot"], salesforce=sandbox.info["salesforce"]
        )
        told = _walk(config, str(folder / "plan.json"))
        told["sandbox"] = {**sandbox.info, "config": str(config)}
    people = folder / "people.csv"
    people.write_text("id,name,true\n1,Ada Ash,x\n2,Ada Ash,x\n3,Ben Oak,y\n", encoding="utf-8")
    told["match"] = _printed(["match", str(people), "--truth", "true", "--json"])
    cases = folder / "cases.yaml"
    cases.write_text(
        "format: 1\ncases: [{name: nobody, object: people, given: {}}]\n", encoding="utf-8"
    )
    told["test-mapping"] = _printed(
        ["test-mapping", str(cases), "--mapping", str(folder / "mappings"), "--json"]
    )
    told["demo"] = _printed(["demo", "--people", "20", "--days", "0", "--json"])
    return told


def _walk(config: Path, plan: str) -> dict[str, dict[str, Any]]:
    """A person's first morning, command by command."""

    def run(*words: str) -> dict[str, Any]:
        return _printed(["--config", str(config), *words, "--json"])

    told = {
        "doctor": run("doctor", "--fix"),
        "validate": run("validate"),
        "snapshot": run("snapshot", "--out", f"{plan}.schema"),
        "migrate-config": run("migrate-config"),
        "plan": run("plan", "--out", plan),
    }
    told["sync"] = run("sync", "--plan", plan)
    told["dry run"] = run("sync", "--dry-run")
    told["status"] = run("status", "--completeness")
    told["audit"] = run("audit")
    told["report scoring"] = run("report", "scoring", "--records")
    told["report"] = run("report", "monthly", "--period", "all", "--records")
    told["handoffs"] = run("handoffs")
    told["runs"] = run("runs")
    told["runs show"] = run("runs", "show", told["sync"]["runs"][0]["run_id"])
    told["review list"] = run("review", "list")
    for item in told["review list"]["items"][:1]:
        told["review show"] = run("review", "show", str(item["id"]))
        told["explain"] = run("explain", item["subject"])
        told["review accept"] = run("review", "reject", str(item["id"]))
    told["model show"] = run("model", "show")
    told["undo"] = run("undo", "--run", told["sync"]["runs"][0]["run_id"], "--dry-run")
    told["deadletters"] = run("deadletters")
    told["replay"] = run("replay", "--all")
    told["commands"] = run("commands")
    told["prune"] = run("prune", "--dry-run")
    told["backup"] = run("backup")
    told["db current"] = run("db", "current")
    told["Errors"] = run("runs", "show", "nobody-ran-this")
    return told


def _printed(arguments: list[str]) -> dict[str, Any]:
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        command_line.main(arguments)
    [line] = out.getvalue().splitlines()
    told = json.loads(line)
    assert isinstance(told, dict)
    return told


def test_printed_keys_are_documented(printed: dict[str, dict[str, Any]]) -> None:
    """What each command prints and what the page says of it have the same keys."""
    wrong = {
        name: found
        for name, told in printed.items()
        if name != "dry run" and (found := _misfit(name, told))
    }
    assert wrong == {}
    assert len(printed) >= 12


def test_output_names_its_command_and_format(printed: dict[str, dict[str, Any]]) -> None:
    """Every output says which version of the shapes it has, and every success whose it is."""
    framed = {name: told for name, told in printed.items() if name != "sandbox"}
    assert {told["format"] for told in framed.values()} == {1}
    assert all(("command" in told) != (name == "Errors") for name, told in framed.items())
    assert set(printed["dry run"]) == FRAME | {"dry_run", "plans"}


def test_shared_shapes_are_one(printed: dict[str, dict[str, Any]]) -> None:
    """Where the page says `as in`, the keys are indeed the same."""
    run = printed["runs show"]["run"]
    assert set(run) == set(printed["runs"]["runs"][0])
    assert set(run["counts"]) == set(printed["sync"]["runs"][0]["counts"])
    assert set(printed["dry run"]["plans"][0]) == set(printed["plan"]["plans"][0])


# --- the other pages ---------------------------------------------------------------------------

MENTION = re.compile(r"(?:^|`|/)leadloop((?: [^`\n#|]+)?)", re.MULTILINE)
PAGES = sorted([*(ROOT / "docs" / "how-to").glob("*.md"), ROOT / "docs" / "errors.md"])


def _mentioned(page: Path) -> Iterator[list[str]]:
    """The words of each command line on a page: in code blocks, and between backticks."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    spoken = re.findall(r"`leadloop ([^`]+)`", text)
    for line in [*spoken, *(found for block in blocks for found in MENTION.findall(block))]:
        if line.strip():
            yield line.split()


def _wrong_words(words: list[str], commands: dict[str, Any]) -> list[str]:
    """Words of a command line that no command takes."""
    given = [word for word in words if word.startswith("--")]
    plain = iter(words)
    path = next(
        (
            word
            for word in plain
            if not word.startswith("-") and "/" not in word and "." not in word
        ),
        "",
    )
    below = next(plain, "")
    command = commands.get(f"leadloop {path} {below}") or commands.get(f"leadloop {path}")
    if command is None:
        return [path] if path not in {"COMMAND", ""} else []
    known = GLOBAL | {"--help"}
    for parameter in command.params:
        known |= set(parameter.opts)
    return [word for word in given if word.partition("=")[0] not in known]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_on_other_pages_exist(page: Path) -> None:
    """No guide and no remedy on the error page asks for a command or an option there is not."""
    commands = dict(_commands())
    wrong = {" ".join(words): _wrong_words(words, commands) for words in _mentioned(page)}
    assert {line: found for line, found in wrong.items() if found} == {}
