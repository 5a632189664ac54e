"""Kills without end: a warm process forks a run, the run is killed, the next one goes on.

A third of the kills are at a named crash point, a third in the middle of a vendor's call (before
or after the vendor has carried it out), a third at any moment. Every tenth kill all is left to come
to rest, and both vendors' content is held against the truth by the laws.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from state import reviews
from state.store import Store
from sync import recover, reviewing
from sync.crash import CRASHPOINTS, watched
from sync.run import run_once
from tests.laws.laws import comes_to_rest
from tests.laws.points import IN_A_FORK, never
from tests.laws.town import MEMORY, Town
from tests.soak.remote import connected, serve, tell
from tests.soak.stories import settle_in, something_happens

PER_TOWN = 100
"""Kills one town sees before a new one is built."""
BETWEEN_RESTS = 10
LONGEST_RUN = 0.12
"""Seconds within which a timed kill comes: what a run in a small town takes on a slow machine."""
POINTS = tuple(sorted(CRASHPOINTS.keys() - IN_A_FORK.keys()))


@dataclass(frozen=True, slots=True)
class Death:
    """How a run is to end: at the n-th passage of a crash point, at its n-th crash point whatever
    the name, or after so many seconds. `call` is for the parent to see to."""

    kind: str
    point: str
    passage: int
    moment: float


@dataclass(slots=True)
class Kills:
    """What was done and found."""

    killed: Counter[str] = field(default_factory=Counter)
    unharmed: int = 0
    rests: int = 0
    broken: list[str] = field(default_factory=list)
    writes: int = 0

    def figures(self) -> dict[str, Any]:
        """The figures, JSON-able."""
        points = {p: n for p, n in self.killed.items() if p in CRASHPOINTS}
        return {
            "kills": sum(self.killed.values()),
            "at_crash_points": sum(points.values()),
            "crash_points_hit": len(points),
            "crash_points": len(CRASHPOINTS),
            "never_hit": never(points, IN_A_FORK),
            "in_calls": self.killed["in a call"],
            "at_any_moment": self.killed["any moment"],
            "runs_that_ended_first": self.unharmed,
            "rows_written": self.writes,
            "times_at_rest": self.rests,
            "laws_broken": len(self.broken),
            "first_broken": self.broken[:3],
        }


def kills(count: int, *, seed: int, url: str | None = None) -> Kills:
    """So many kills; `url` is an empty PostgreSQL database that may be filled and emptied."""
    told = Kills()
    number = 0
    while sum(told.killed.values()) < count:
        rng = random.Random(f"{seed}:{number}")
        number += 1
        with town_for_a_while(url) as town:
            try:
                _live_through(town, rng, min(PER_TOWN, count - sum(told.killed.values())), told)
            except AssertionError as error:
                told.broken.append(f"town {seed}:{number - 1}: {error}")
            told.writes += town.writes()
    return told


@contextmanager
def town_for_a_while(url: str | None) -> Iterator[Town]:
    """A town of one's own, gone at the end; on PostgreSQL the database is emptied first."""
    folder = Path(tempfile.mkdtemp(prefix="leadloop-kills-", dir=MEMORY))
    try:
        town = Town.build(folder, url=url)
        if url is not None:
            empty(town.store)
        yield town
        town.world.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def empty(store: Store) -> None:
    """Forget everything: the next town begins on the same database."""
    from state.tables import METADATA

    with store.begin() as tx:
        for table in reversed(METADATA.sorted_tables):
            tx.connection.execute(table.delete())


def _live_through(town: Town, rng: random.Random, count: int, told: Kills) -> None:
    settle_in(town, rng)
    done = 0
    while done < count:
        for _ in range(rng.randrange(1, 4)):
            something_happens(town, rng)
        town.world.time.at += timedelta(minutes=2)
        how = one_kill(town, rng)
        if how is None:
            told.unharmed += 1
            continue
        told.killed[how] += 1
        done += 1
        if done % BETWEEN_RESTS == 0:
            comes_to_rest(town)
            is_sound(town.store)
            told.rests += 1


def is_sound(store: Store) -> None:
    """The database itself is whole."""
    if store.engine.dialect.name == "sqlite":
        with store.read() as tx:
            found = tx.connection.exec_driver_sql("PRAGMA integrity_check").scalar()
        assert found == "ok", f"the database is damaged: {found}"


def one_kill(town: Town, rng: random.Random) -> str | None:
    """Fork a run and kill it; where it was killed, None where it had ended before."""
    town.store.engine.dispose()
    ours, theirs = Pipe()
    kind = rng.choice(["point", "passage", "call", "moment"])
    point = rng.choice(POINTS)
    passage = rng.randrange(1, 60) if kind == "passage" else rng.choice([1, 1, 1, 2, 3])
    before = rng.choice([None, None, None, "replay", "review"])
    moment = rng.uniform(0.001, LONGEST_RUN)
    child = os.fork()
    if child == 0:
        ours.close()
        _be_killed(town, theirs, Death(kind, point, passage, moment), before)
    theirs.close()
    left = [rng.randrange(1, 40) if kind == "call" else -1]
    after = rng.random() < 0.6

    def around(name: str, done: bool) -> None:
        if (done == after and (name == "write" or left[0] > 25)) or done == after:
            left[0] -= 1
        if left[0] == 0 and done == after:
            os.kill(child, signal.SIGKILL)

    vendors = {vendor.system: vendor for vendor in (town.hubspot, town.salesforce)}
    last = serve(ours, vendors, around=around)
    ours.close()
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0, "a run ended with an error of its own"
        return None
    return last or {"call": "in a call"}.get(kind, "any moment")


def _be_killed(town: Town, pipe: Connection, death: Death, before: str | None) -> None:
    """In the child: work until killed. Never returns, and runs nothing of the parent's at exit."""
    passed: Counter[str] = Counter()

    def watch(name: str) -> None:
        passed[name] += 1
        here = death.kind == "point" and name == death.point and passed[name] == death.passage
        if here or (death.kind == "passage" and passed.total() == death.passage):
            tell(pipe, name)
            os.kill(os.getpid(), signal.SIGKILL)

    code = 1
    try:
        pair = connected(town.world.pair, pipe, town.hubspot, town.salesforce)
        if death.kind == "moment":
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # whose default is to end at once
            signal.setitimer(signal.ITIMER_REAL, death.moment)
        with watched(watch):
            if before == "replay":
                recover.replay(town.store, recover.Selection())
            elif before == "review":
                decide(town)
            report = run_once(pair)
        code = 0 if report.error is None else 3
    finally:
        os._exit(code)


def decide(town: Town) -> None:
    """A person says of several records that they are one person: they know it already."""
    with town.store.read() as tx:
        asked = [item for item in reviews.items(tx, limit=9) if item.kind == reviewing.MERGE]
    with contextlib.suppress(reviewing.ReviewError):  # writes under way, a record gone meanwhile
        if asked:
            reviewing.accept(town.world.desk, asked[0].id)
