"""What these tests share: a world in memory; a sandbox and a workspace ready for a daemon."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.process import SandboxProcess
from tests.sync.commands import Workspace, admin, running_sandbox, workspace_for
from tests.sync.world import World


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of a module that says `BOTH_DATABASES = True` have their world on either."""
    if "world" in metafunc.fixturenames and getattr(metafunc.module, "BOTH_DATABASES", False):
        metafunc.parametrize("world", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """An empty world: two vendors, a state, the shipped mapping."""
    on_server = getattr(request, "param", "sqlite") == "postgresql"
    url = str(request.getfixturevalue("postgres_url")) if on_server else None
    made = World.build(tmp_path, url=url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """A sandbox with a small generated world."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), people=60) as process:
        yield process


@pytest.fixture(scope="module")
def template(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace whose first plan is approved and applied."""
    made = workspace_for(sandbox, tmp_path_factory.mktemp("template") / "workspace")
    plan = str(made.directory / "plan.json")
    for words in (("doctor", "--fix"), ("plan", "--out", plan), ("sync", "--plan", plan)):
        assert made.here(*words).code == 0
    return made


@pytest.fixture
def workspace(template: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of it; faults are taken back afterwards."""
    shutil.copytree(template.directory, tmp_path / "workspace")
    yield Workspace(tmp_path / "workspace", template.admin_url)
    admin(template.admin_url, "DELETE", "/faults")
