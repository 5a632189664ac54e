"""Rubbish for the loaders: `python -m tests.mappings.fuzz --files 10000` (`make fuzz`).

Whatever a mapping or a config.yaml holds, loading it ends with a mapping, a configuration, or a
ConfigurationError whose problems have a place within the file and a fix. Files come of the shipped
ones, damaged in ways people and disks damage files; a seed makes a run repeatable.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from mappings.errors import ConfigurationError
from mappings.loader import load_mapping
from sync.config import load_config
from sync.workspace import preset_text
from tests.house import ROOT
from tests.mappings.minimal import MAPPING

ENVIRONMENT = {
    "HUBSPOT_TOKEN": "x", "SALESFORCE_CLIENT_ID": "x", "SALESFORCE_CLIENT_SECRET": "x",
    "STATE_URL": "sqlite:///x.sqlite3", "SLACK_WEBHOOK": "slack://x",
}  # fmt: skip
ODD = ("\x00", "\x07", "\u202e", "\ufeff", "\ud7ff", "\t", "\r", "'", '"', "{", "}", "[", "]",
       ":", "- ", "#", "&a ", "*a", "!!python/object:os.system ", "|", ">", "%", "---\n", "<<: ",
       "? ", "~", "1e999", "0x7f", "9" * 400, "${", "${HOME}", "é", "𝛑", "=", "@", "`")  # fmt: skip
Damage = Callable[[random.Random, str], str]


def _cut(chance: random.Random, text: str) -> str:
    return text[: chance.randrange(len(text) + 1)]


def _insert(chance: random.Random, text: str) -> str:
    place = chance.randrange(len(text) + 1)
    return text[:place] + chance.choice(ODD) * chance.choice((1, 1, 1, 40)) + text[place:]


def _drop(chance: random.Random, text: str) -> str:
    place = chance.randrange(len(text) + 1)
    return text[:place] + text[place + chance.randrange(1, 30) :]


def _swap_lines(chance: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return "".join(lines)


def _double_lines(chance: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    start = chance.randrange(len(lines))
    piece = lines[start : start + chance.randrange(1, 6)]
    place = chance.randrange(len(lines) + 1)
    return "".join([*lines[:place], *piece, *lines[place:]])


def _indent(chance: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    place = chance.randrange(len(lines))
    lines[place] = chance.choice((" ", "  ", "\t", "")) + lines[place].lstrip(
        " " if chance.random() < 0.5 else ""
    )
    return "".join(lines)


def _replace_value(chance: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    keyed = [i for i, line in enumerate(lines) if ":" in line]
    if not keyed:
        return text
    place = chance.choice(keyed)
    key = lines[place].partition(":")[0]
    lines[place] = f"{key}: {chance.choice(ODD)}{chance.choice(ODD)}\n"
    return "".join(lines)


def _nest(chance: random.Random, text: str) -> str:
    depth = chance.choice((3, 25, 2_000))
    return _insert(chance, text) + "x: " + "[" * depth + "]" * depth + "\n"


DAMAGES: Sequence[Damage] = (
    _cut, _insert, _insert, _drop, _swap_lines, _double_lines, _indent, _replace_value,
    _replace_value, _nest,
)  # fmt: skip


def damaged(chance: random.Random, text: str) -> bytes:
    """The text damaged one to four times; sometimes not even text any more."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        text = chance.choice(DAMAGES)(chance, text)
    raw = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.05:
        place = chance.randrange(len(raw) + 1)
        raw = raw[:place] + bytes(chance.randrange(256) for _ in range(4)) + raw[place:]
    return raw


def judged(path: Path, raw: bytes, *, config: bool) -> str:
    """How loading ended: `loads`, or the first problem's code. Raises whatever it must not."""
    path.write_bytes(raw)
    try:
        if config:
            load_config(path, environ=ENVIRONMENT)
        else:
            load_mapping(path)
    except ConfigurationError as error:
        lines = raw.count(b"\n") + raw.count(b"\r") + 40  # YAML knows a few more line breaks
        for problem in error.problems:
            assert 1 <= problem.at.line <= lines, problem
            assert problem.at.column >= 1, problem
            assert problem.message, problem
            assert problem.fix, problem
        return error.code
    return "loads"


def campaign(files: int, seed: int, folder: Path) -> Counter[str]:
    """Judge so many files; how they ended. One that ends otherwise is raised with its number."""
    chance = random.Random(seed)
    mapping = folder / "mappings" / "mapping.yaml"
    mapping.parent.mkdir(exist_ok=True)
    texts = [(MAPPING, False)] * 6 + [(preset_text(), False)]
    texts += [((ROOT / "config.example.yaml").read_text("utf-8"), True)] * 3
    ended: Counter[str] = Counter()
    for number in range(files):
        text, config = chance.choice(texts)
        raw = damaged(chance, text)
        if config:
            mapping.write_text(MAPPING, encoding="utf-8")
        try:
            ended[judged(folder / "config.yaml" if config else mapping, raw, config=config)] += 1
        except Exception as error:
            kept = folder / "odd.yaml"
            kept.write_bytes(raw)
            message = f"file {number} of seed {seed}: {type(error).__name__}: {error} ({kept})"
            raise AssertionError(message) from error
    return ended


def main() -> int:
    """Run a campaign and print how its files ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="leadloop_fuzz_"))
    ended = campaign(asked.files, asked.seed, folder)
    for code, number in ended.most_common():
        sys.stdout.write(f"{number:7,} {code}\n")
    sys.stdout.write(f"{asked.files:7,} files, no traceback\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
