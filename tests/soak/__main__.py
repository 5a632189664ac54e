"""The soak: `python -m tests.soak [--only NAME ...] [--count N] [--seed N] [--database KIND ...]`.

Prints one line of JSON for every figure as it is known. Ends with 1 when a law was broken.
`make soak` runs all of them in full (docs/explanation/once-in-effect.md says what each means).
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import structlog

from tests.databases import running_postgres
from tests.soak.backlog import backlog
from tests.soak.crashes import crashes
from tests.soak.day import day
from tests.soak.kills import kills
from tests.soak.others import acceptance, damage, hostile, unmerge
from tests.soak.replies import replies
from tests.soak.states import states
from tests.soak.storm import storm

CRITICAL = 50
Figure = Callable[[int, int, str | None], dict[str, Any]]
FIGURES: dict[str, tuple[int, Figure]] = {
    "kills": (2_000, lambda n, seed, url: kills(n, seed=seed, url=url).figures()),
    "crashes": (10_000, lambda n, seed, url: crashes(n, seed=seed, url=url).figures()),
    "replies": (5_000, lambda n, seed, url: replies(n, seed=seed, url=url).figures()),
    "machine": (2_000, lambda n, seed, url: states(n, seed=seed, url=url)),
    "storm": (1, lambda _, seed, url: storm(seed=seed, url=url)),
    "day": (50_000, lambda n, seed, url: day(n, seed=seed, url=url)),
    "backlog": (100_000, lambda n, _, url: backlog(n, url=url)),
    "hostile": (10_000, lambda n, seed, _: hostile(n, seed=seed)),
    "damage": (1_000, lambda n, seed, _: damage(n, seed=seed)),
    "unmerge": (7, lambda n, _, __: unmerge(n)),
    "acceptance": (200, lambda n, seed, _: acceptance(n, seed=seed)),
}
"""Name of each figure, its count in the long form, and what measures it."""
SQLITE_ALONE = {"hostile", "damage", "unmerge", "acceptance"}
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
                broken += _measure(name, database, url, asked)
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
    return parser.parse_args()


@contextlib.contextmanager
def _database(kind: str) -> Iterator[str | None]:
    if kind == "sqlite":
        yield None
        return
    with running_postgres() as server, server.database() as url:
        yield url


def _measure(name: str, database: str, url: str | None, asked: argparse.Namespace) -> int:
    count, figure = FIGURES[name]
    began = time.monotonic()
    found = figure(asked.count or count, asked.seed, url)
    line = {"figure": name, "database": database, "seed": asked.seed, **found}
    line["wall_seconds"] = round(time.monotonic() - began, 1)
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    return int(found.get("laws_broken", 0))


if __name__ == "__main__":
    sys.exit(main())
