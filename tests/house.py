"""How the house is built, read from its own files: rooms, imports, configuration, documents."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

ROOMS = (
    "console",
    "sync",
    "lifecycle",
    "connectors",
    "matching",
    "state",
    "mappings",
    "sandbox",
)
"""The import packages of the distribution, upper floors first. Some are opened later."""


@dataclass(frozen=True)
class Import:
    """One import statement: which file has it, and the dotted module it names."""

    file: str
    module: str
    line: int

    @property
    def room(self) -> str:
        """The top-level package (ours or anybody's) that is imported."""
        return self.module.split(".")[0]

    def __str__(self) -> str:
        """As a compiler would point at it."""
        return f"{self.file}:{self.line} imports {self.module}"


def open_rooms() -> list[str]:
    """The rooms that exist as packages today."""
    return [room for room in ROOMS if (ROOT / room / "__init__.py").is_file()]


def sources(*folders: str) -> Iterator[Path]:
    """Every Python file under the folders, in a stable order."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    """The path as the repository knows it, with forward slashes."""
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> Iterator[Import]:
    """Every import in the file, those inside functions and TYPE_CHECKING blocks included."""
    package = relative(path).removesuffix(".py").split("/")[:-1]
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(relative(path), alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, node.module] if node.module else base)
            for alias in node.names:
                yield Import(relative(path), f"{start}.{alias.name}", node.lineno)


@cache
def pyproject() -> dict[str, Any]:
    """The parsed pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def contract(contract_id: str) -> dict[str, Any]:
    """One import-linter contract by its id."""
    contracts: list[dict[str, Any]] = pyproject()["tool"]["importlinter"]["contracts"]
    return next(each for each in contracts if each["id"] == contract_id)


def permitted_by_config() -> dict[str, set[str]]:
    """Room to the rooms it may import, as the import-linter contracts allow it."""
    floors = [re.split(r"\s*\|\s*", floor.strip("() ")) for floor in contract("layers")["layers"]]
    permitted = {
        room: {below for lower in floors[level + 1 :] for below in lower}
        for level, floor in enumerate(floors)
        for room in floor
    }
    permitted["sandbox"] = set(permitted)
    for each in pyproject()["tool"]["importlinter"]["contracts"]:
        if each["type"] == "forbidden":
            for room in each["source_modules"]:
                permitted[room] -= set(each["forbidden_modules"])
    return permitted


def permitted_by_page() -> dict[str, set[str]]:
    """Room to the rooms it may import, as the table in docs/architecture.md tells people."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)/` \| ([^|]+) \|", page, flags=re.MULTILINE)
    return {room: set(re.findall(r"`(\w+)`", cell)) for room, cell in rows}
