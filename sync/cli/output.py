"""What the command line prints: data to stdout, messages to stderr, errors with their remedy.

JSON is one object on stdout, with `format` (this shape's version) and `command`; an error is an
object with `error`. Text is wrapped to the terminal and coloured only there, never under NO_COLOR.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mappings.errors import ConfigurationError, LeadloopError, Problem

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

FORMAT = 1
"""Version of the JSON that commands print; grows when a key changes its meaning or goes."""
LONGEST = 60
"""Characters of a user's own text in a message."""
PIPED_WIDTH = 140
"""Columns of a table that goes into a file or a pipe."""


def emit_json(command: str, data: Mapping[str, Any]) -> None:
    """Print a command's data as one JSON object on one line."""
    sys.stdout.write(json_text(command, data) + "\n")
    sys.stdout.flush()


def json_text(command: str, data: Mapping[str, Any]) -> str:
    """A command's data as it is printed: one JSON object on one line."""
    whole = {"format": FORMAT, "command": command, **data}
    return json.dumps(whole, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


def console(*, stderr: bool = False) -> Console:
    """Rich's console on stdout or stderr; NO_COLOR and what is no terminal are Rich's business."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False, emoji=False)
    if not made.is_terminal:
        made.width = PIPED_WIDTH
    return made


def say(text: str) -> None:
    """A message for people, on stderr."""
    sys.stderr.write(text + "\n")


def write_file(path: Path, text: str) -> None:
    """Write a file somebody has named. Raises ConfigurationError where that cannot be done."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}",
            code="workspace.unwritable",
            remedy="Name a file this user may write: `--out PATH`.",
        ) from None


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A table of plain text; cells are never read as markup."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        made.add_column(name, overflow="fold")
    for row in rows:
        made.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    return made


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 warning, 2 warnings."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shown(text: str) -> str:
    """Text of a user's, fit for a message: one line, not too long, no control characters."""
    plain = "".join(char if char.isprintable() else "?" for char in text)
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 3] + "..."


def print_error(error: LeadloopError, *, as_json: bool) -> None:
    """One clear message: what, where, why, remedy. JSON on stdout when JSON was asked for."""
    if as_json:
        sys.stdout.write(json.dumps({"format": FORMAT, "error": error_data(error)}) + "\n")
        sys.stdout.flush()
        return
    sys.stderr.write(error_text(error) + "\n")


def error_data(error: LeadloopError) -> dict[str, Any]:
    """The error as data, every problem of a file with its place."""
    data: dict[str, Any] = {**error.as_dict(), "exit_code": error.exit_code}
    if isinstance(error, ConfigurationError) and error.problems:
        data["problems"] = [problem_data(problem) for problem in error.problems]
    return data


def problem_data(problem: Problem) -> dict[str, Any]:
    """One fault of a file as data."""
    return {
        "file": problem.at.file,
        "line": problem.at.line,
        "column": problem.at.column,
        "code": problem.code,
        "message": problem.message,
        "fix": problem.fix,
        "level": "warning" if problem.is_warning else "error",
    }


def error_text(error: LeadloopError) -> str:
    """The error as text: what and why, where, remedy."""
    if isinstance(error, ConfigurationError) and error.problems:
        return _problems_text(error)
    lines = [f"error: {error.message} [{error.code}]"]
    where = [
        f"{name} {value}"
        for name, value in (
            ("system", error.system),
            ("object", error.object),
            ("record", error.record_key),
            ("field", error.field),
        )
        if value
    ]
    if where:
        lines.append(f"  where: {', '.join(where)}")
    lines.append(f"  remedy: {error.remedy}")
    return "\n".join(lines)


def _problems_text(error: ConfigurationError) -> str:
    """Every fault of the files, with its place and its fix, under one heading."""
    first = next((one for one in error.problems if not one.is_warning), error.problems[0])
    heading = error.message.partition(f" {first.at}:")[0]
    lines = [f"error: {heading} [{error.code}]"]
    lines += [problem_text(problem) for problem in error.problems]
    lines += ["", "  remedy: Correct what is named, then run `leadloop validate`."]
    return "\n".join(lines)


def problem_text(problem: Problem) -> str:
    """One fault of a file: place and message, the line with a caret, the fix."""
    word = "warning: " if problem.is_warning else ""
    lines = ["", f"{problem.at}: {word}{problem.message} [{problem.code}]"]
    lines += [f"    {line}" for line in problem.excerpt.splitlines()]
    lines.append(f"    fix: {problem.fix}")
    return "\n".join(lines)
