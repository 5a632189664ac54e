"""The values of the profiles that are not chosen: a slip in production's is told where it is
written, not on the day production starts.

What depends on the machine a profile is used on (variables, secrets, files) is left out, and so are
the mappings: those are the chosen one's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from mappings.errors import ConfigurationError
from mappings.positions import Faults, Node, read_document
from mappings.sections import Section

OF_THE_MACHINE = frozenset(
    {"config.missing_variable", "config.missing_secret", "config.missing_file"}
)
"""What may be missing here and be there where a profile is used."""


def check_others(
    file: Path, chosen: str | None, faults: Faults, read: Callable[[str, Faults], None]
) -> None:
    """Record what is wrong with the values of the profiles of config.yaml that are not chosen.

    `read` reads the configuration with the named profile laid over it; of what it finds, that
    which stands in the profile and was not found before is recorded.
    """
    for name, node in _profiles(file).items():
        if name == chosen:
            continue
        aside = Faults()
        with contextlib.suppress(ConfigurationError):
            read(name, aside)
        told = {(problem.at, problem.code) for problem in faults.problems}
        faults.problems += [
            problem
            for problem in aside.problems
            if problem.at.file == node.at.file
            and problem.at.line in _lines(node)
            and problem.code not in OF_THE_MACHINE
            and (problem.at, problem.code) not in told
        ]


def _profiles(file: Path) -> dict[str, Node]:
    """The profiles by name. Nothing where the file cannot be read: that was told."""
    faults = Faults()
    try:
        root = read_document(file, faults, name=file.name)
    except ConfigurationError:
        return {}
    keys = root.value.keys() if isinstance(root.value, dict) else ()
    top = Section(root, faults, "the configuration", keys)
    return {name: node for name, _, node in top.entries("profiles")}


def _lines(node: Node) -> range:
    """The lines a node stands in."""
    last, waiting = node.at.line, [node]
    while waiting:
        one = waiting.pop()
        last = max(last, one.at.line)
        if isinstance(one.value, dict):
            waiting += [entry.node for entry in one.value.values()]
        elif isinstance(one.value, list):
            waiting += one.value
    return range(node.at.line, last + 1)
