"""The mapping as it was: from another directory, or from a commit of the repository it is kept in.

Git is asked by its own program; nothing is checked out. Raises ConfigurationError: `config.missing`
for a directory without mapping, `git.failed` where git or the commit is not there, and every
problem of the old files as for today's.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mappings.errors import ConfigurationError
from mappings.loader import load_mapping, mapping_files

if TYPE_CHECKING:
    from mappings.fieldmap import PairMapping
    from sync.config import Config, PairConfig

_PATIENCE = 30
"""Seconds that git may take for one answer."""


def from_directory(config: Config, pair: PairConfig, directory: Path) -> PairMapping:
    """The pair's mapping in a copy of the workspace, or in a directory of mapping files."""
    place = directory / _relative(config, pair)
    if not place.exists():
        place = directory
    if not place.exists() or not mapping_files(place):
        raise ConfigurationError(
            f"there is no mapping in {directory}",
            code="config.missing",
            remedy="Name a copy of the workspace, or a directory of mapping files.",
        )
    return load_mapping(place, base=directory)


def from_git(config: Config, pair: PairConfig, revision: str) -> PairMapping:
    """The pair's mapping as a commit has it."""
    workspace = config.directory
    path = _relative(config, pair).as_posix()
    verify = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    commit = _git(workspace, *verify).strip()
    listed = _git(workspace, "ls-tree", "-r", "-z", "--name-only", commit, "--", f"./{path}")
    names = [name for name in listed.split("\0") if name.endswith((".yaml", ".yml"))]
    flat = [name for name in names if name == path or Path(name).parent.as_posix() == path]
    if not flat:
        raise ConfigurationError(
            f"{revision} has no mapping at {path}",
            code="config.missing",
            remedy="Name a commit in which the mapping was there: see `git log -- mappings`.",
        )
    with tempfile.TemporaryDirectory(prefix="leadloop_since_") as folder:
        for name in flat:
            text = _git(workspace, "show", f"{commit}:./{name}")
            (Path(folder) / Path(name).name).write_text(text, encoding="utf-8")
        return load_mapping(Path(folder), base=Path(folder))


def _relative(config: Config, pair: PairConfig) -> Path:
    path = pair.mapping_path
    return path.relative_to(config.directory) if path.is_relative_to(config.directory) else path


def _git(directory: Path, *arguments: str) -> str:
    command = ["git", "-C", str(directory), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - git, with arguments it cannot take for options
            command, capture_output=True, check=True, timeout=_PATIENCE
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigurationError(
            f"git cannot tell what the mapping was ({type(error).__name__})",
            code="git.failed",
            remedy="See that git is installed, that the workspace is in a repository, and that "
            "`git rev-parse REV` knows the commit.",
        ) from None
    return done.stdout.decode("utf-8", "replace")
