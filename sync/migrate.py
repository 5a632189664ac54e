"""Brings configuration, mappings and cases to the format this version reads, text to text.

A step takes a file of one format to the next and touches no line it need not: comments, order and
layout stay. Files of the present format are left alone; a newer one is refused, because half of it
would be misread. Pure, but for reading.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mappings.errors import ConfigurationError
from mappings.loader import FORMAT
from mappings.positions import Faults, Node, read_document

_HEAD = re.compile(r"(?:[ \t]*(?:#[^\n]*)?(?:\r\n|\n))*(?:---[^\n]*\n)?")


@dataclass(frozen=True, slots=True)
class Migrated:
    """One file: the format it had, its text as it is and as it would be."""

    path: Path
    was: int
    before: str
    after: str

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after


def _name_the_format(text: str) -> str:
    """Format 0, before there were numbers: the same keys, without a `format` line."""
    head = _HEAD.match(text)
    end = head.end() if head is not None else 0
    return f"{text[:end]}format: 1\n\n{text[end:]}"


STEPS: Mapping[int, Callable[[str], str]] = {0: _name_the_format}
"""What takes a text of a format to the next one."""


def migrate(path: Path, *, name: str | None = None) -> Migrated:
    """What the file is in today's format. Raises ConfigurationError where it cannot be read, and
    `config.format` where it is of a later format or of none there ever was.
    """
    faults = Faults()
    root = read_document(path, faults, name=name)
    text = path.read_text(encoding="utf-8-sig")
    was = _format_of(root, faults)
    faults.stop(f"{name or path} cannot be migrated")
    after = text
    for number in range(was, FORMAT):
        after = STEPS[number](after)
    return Migrated(path, was, text, after)


def _format_of(root: Node, faults: Faults) -> int:
    entry = root.value.get("format") if isinstance(root.value, dict) else None
    if entry is None:
        return 0
    value = entry.node.value
    if not isinstance(value, bool) and isinstance(value, int) and 0 < value <= FORMAT:
        return value
    faults.add(
        entry.node.at, f"`{entry.node.text}` is no format this version knows (1 to {FORMAT}).",
        "Use the version of Leadloop that wrote the file, or a newer one.", code="config.format",
    )  # fmt: skip
    return FORMAT


def files_of(workspace: Path) -> list[Path]:
    """The YAML files of a workspace that have a format: configuration, mappings, cases.

    Raises ConfigurationError `config.missing` where there is none.
    """
    found = [workspace / "config.yaml"] if (workspace / "config.yaml").is_file() else []
    for folder in ("mappings", "mapping-tests"):
        found += sorted(p for p in (workspace / folder).glob("*.y*ml") if p.is_file())
    if not found:
        raise ConfigurationError(
            f"there is nothing to migrate in {workspace}",
            code="config.missing",
            remedy="Name the directory of config.yaml, or files.",
        )
    return found
