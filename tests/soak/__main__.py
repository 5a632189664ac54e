"""The soak: `python -m tests.soak [--only NAME ...] [--count N] [--seed N] [--database KIND ...]`.

Prints one line of JSON for every figure as it is known. Ends with 1 when a law was broken. With
`--shards N --into FILE` each figure is measured in N parts, a seed and a line of FILE each; parts
that are in FILE already are not measured again, so that what was stopped goes on.
`make soak` runs all of them in full (docs/explanation/once-in-effect.md says what each means).
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import structlog

from tests.databases import running_postgres
from tests.soak.backlog import backlog
from tests.soak.crashes import crashes
from tests.soak.day import day
from tests.soak.kills import kills
from tests.soak.others import (
    acceptance,
    damage,
    hostile,
    killed_among_strangers,
    old_copies,
    unmerge,
)
from tests.soak.replies import replies
from tests.soak.service import service
from tests.soak.states import loops, states
from tests.soak.storm import storm

CRITICAL = 50
Figure = Callable[[int, int, str | None], dict[str, Any]]
FIGURES: dict[str, tuple[int, Figure]] = {
    "kills": (2_000, lambda n, seed, url: kills(n, seed=seed, url=url).figures()),
    "crashes": (10_000, lambda n, seed, url: crashes(n, seed=seed, url=url).figures()),
    "replies": (5_000, lambda n, seed, url: replies(n, seed=seed, url=url).figures()),
    "machine": (2_000, lambda n, seed, url: states(n, seed=seed, url=url)),
    "lifecycle": (500, lambda n, seed, url: loops(n, seed=seed, url=url)),
    "storm": (1, lambda _, seed, url: storm(seed=seed, url=url)),
    "day": (50_000, lambda n, seed, url: day(n, seed=seed, url=url)),
    "backlog": (100_000, lambda n, _, url: backlog(n, url=url)),
    "service": (100_000, lambda n, seed, url: service(n, seed=seed, url=url)),
    "hostile": (10_000, lambda n, seed, _: hostile(n, seed=seed)),
    "damage": (1_000, lambda n, seed, _: damage(n, seed=seed)),
    "old_copies": (3, lambda n, seed, url: old_copies(n, seed=seed, url=url)),
    "unmerge": (7, lambda n, _, __: unmerge(n)),
    "acceptance": (200, lambda n, seed, _: acceptance(n, seed=seed)),
    "strangers": (100, lambda n, seed, _: killed_among_strangers(n, seed=seed)),
}
"""Name of each figure, its count in the long form, and what measures it."""
SQLITE_ALONE = {"hostile", "damage", "unmerge", "acceptance", "strangers"}
"""Figures that bring their own state, a file."""


def main() -> int:
    """Measure what is asked for; the exit code."""
    asked = _arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))
    gc.freeze()  # what is here now is shared with every forked child
    broken = 0
    for database in asked.database:
        with _database(database) as url:
            for name in asked.only:
                if database != "sqlite" and name in SQLITE_ALONE:
                    continue
                for seed in range(asked.seed, asked.seed + asked.shards):
                    broken += _measure(name, database, url, seed, asked)
    return 1 if broken else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=sorted(FIGURES), default=list(FIGURES))
    parser.add_argument("--count", type=int, help="instead of the long form's number")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--database",
        nargs="+",
        choices=["sqlite", "postgresql"],
        default=["sqlite", "postgresql"],
    )
    parser.add_argument("--shards", type=int, default=1, help="parts, with seeds one after another")
    parser.add_argument(
        "--into", type=Path, help="a file of parts: what is there is not done again"
    )
    return parser.parse_args()


@contextlib.contextmanager
def _database(kind: str) -> Iterator[str | None]:
    if kind == "sqlite":
        yield None
        return
    with running_postgres() as server, server.database() as url:
        yield url


def _measure(
    name: str, database: str, url: str | None, seed: int, asked: argparse.Namespace
) -> int:
    """Measure one figure, or one part of it, and print it; how many laws it found broken."""
    part = {"figure": name, "database": database, "seed": seed}
    if _is_known(part, asked.into):
        return 0
    count, figure = FIGURES[name]
    began, worked = time.monotonic(), _processor_seconds()
    found = figure(-(-(asked.count or count) // asked.shards), seed, url)
    line = {**part, **found, "wall_seconds": round(time.monotonic() - began, 1)}
    line["processor_seconds"] = round(_processor_seconds() - worked, 1)
    text = json.dumps(line) + "\n"
    sys.stdout.write(text)
    sys.stdout.flush()
    if asked.into is not None:
        with asked.into.open("a", encoding="ascii") as file:
            file.write(text)
    return int(found.get("laws_broken", 0))


def _is_known(part: dict[str, Any], file: Path | None) -> bool:
    if file is None or not file.exists():
        return False
    lines = map(json.loads, file.read_text(encoding="ascii").splitlines())
    return any(part.items() <= line.items() for line in lines)


def _processor_seconds() -> float:
    """What this process and its ended children have worked: the measure on a busy machine."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    sys.exit(main())
