"""Crashes injected in this process, at every crash point a town passes, evenly.

A crash costs one broken-off run, ten times less than killing a process (`kills`), so that ten
thousand of them are affordable on either database. What a run has in memory is thrown away with it;
what it had committed stays. Every point is as likely as any other to be next: the rarely passed
ones are crashed at whenever they come by.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from mappings.records import Operation, Side
from state import runs
from state.store import Store
from sync import recover
from sync.approvals import mapping_subject
from sync.crash import CRASHPOINTS, Crash, watched
from sync.undo.choose import Wanted
from sync.undo.run import undo
from tests.laws.laws import comes_to_rest
from tests.laws.points import IN_A_TOWN, never
from tests.laws.town import GUARD, Town
from tests.soak.kills import BETWEEN_RESTS, PER_TOWN, decide, is_sound, town_for_a_while
from tests.soak.stories import settle_in, something_happens
from tests.sync.world import Refusal

REACHED = sorted(CRASHPOINTS.keys() - IN_A_TOWN.keys())
Deed = Callable[[Town], object]
REFUSED = (
    *((Side.CRM, Operation.UPDATE, "Lead"), (Side.CRM, Operation.CREATE, "Task")),
    *((Side.MAP, Operation.UPDATE, "contacts"), (Side.CRM, Operation.CREATE, "Lead")),
)


@dataclass(slots=True)
class Crashes:
    """What was done and found."""

    crashed: Counter[str] = field(default_factory=Counter)
    unharmed: int = 0
    rests: int = 0
    writes: int = 0
    broken: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """The figures, JSON-able."""
        return {
            "crashes": self.crashed.total(),
            "crash_points_hit": len(self.crashed),
            "crash_points": len(CRASHPOINTS),
            "never_hit": never(self.crashed, IN_A_TOWN),
            "fewest_at_one": min(self.crashed[name] for name in REACHED),
            "runs_that_ended_first": self.unharmed,
            "rows_written": self.writes,
            "times_at_rest": self.rests,
            "laws_broken": len(self.broken),
            "first_broken": self.broken[:3],
        }


def crashes(count: int, *, seed: int, url: str | None = None) -> Crashes:
    """So many crashes; `url` is an empty PostgreSQL database that may be filled and emptied."""
    told = Crashes()
    number = 0
    while told.crashed.total() < count:
        rng = random.Random(f"{seed}:{number}")
        with town_for_a_while(url) as town:
            try:
                settle_in(town, rng)
                _live_through(town, rng, min(PER_TOWN, count - told.crashed.total()), told)
            except AssertionError as error:
                told.broken.append(f"town {seed}:{number}: {error}")
            told.writes += town.writes()
        number += 1
    return told


def _live_through(town: Town, rng: random.Random, count: int, told: Crashes) -> None:
    done = 0
    while done < count:
        for _ in range(rng.randrange(1, 4)):
            something_happens(town, rng)
        _something_fails(town, rng)
        town.world.time.at += timedelta(minutes=2)
        (deed,) = rng.choices([d for d, _ in DEEDS], [often for _, often in DEEDS])
        if not _crashed(town, rng, told, deed):
            told.unharmed += 1
            continue
        done += 1
        if done % BETWEEN_RESTS == 0:
            _rest(town, rng, told)


def _something_fails(town: Town, rng: random.Random) -> None:
    """Now and then replies are lost, or one kind of row is refused until the town comes to rest,
    by a pair that stops at the first refusal or one that carries on."""
    roll = rng.random()
    if roll < 0.15:
        vendor = town.vendor(rng.choice(list(Side)))
        vendor.lose_reply(rng.randrange(1, 3), applied=rng.random() < 0.7)
    elif roll < 0.25:
        side, operation, name = rng.choice(REFUSED)
        town.vendor(side).reject(Refusal(operation, name))
        if rng.random() < 0.5:
            town.world.pair = replace(town.world.pair, guard=replace(GUARD, rejected_streak=1))


def _rest(town: Town, rng: random.Random, told: Crashes) -> None:
    """All is calm, a changed mapping is approved, the laws hold; then a run is taken back, whatever
    it takes."""
    town.world.pair = replace(town.world.pair, guard=GUARD)
    with town.store.read() as tx:
        approved = runs.approved(tx, mapping_subject(town.world.pair.mapping.hash))
    if not approved:
        town.calm()
        town.approved_run(kind=recover.REPLAY)  # which takes a brake off, too
    comes_to_rest(town)
    is_sound(town.store)
    told.rests += 1
    person = rng.choice(town.people)
    if not person.plain or not town.linked(person):
        return
    town.edit(person, Side.MAP, "title", f"Value {rng.randrange(1000)}")
    wanted = Wanted(run_id=town.run().run_id)
    while _crashed(town, rng, told, lambda town: undo(town.world.pair, wanted)):
        pass
    person.edits.clear()


def _crashed(town: Town, rng: random.Random, told: Crashes, deed: Deed) -> bool:
    """Let Leadloop do it; whether it was crashed meanwhile."""

    def watch(name: str) -> None:
        fewest = min(told.crashed.values(), default=0)  # of those that were met so far
        if rng.random() < 1 / (2 + max(0, told.crashed[name] - fewest)):
            told.crashed[name] += 1
            raise Crash

    try:
        with watched(watch):
            deed(town)
    except Crash:
        _start_anew(town)
        return True
    return False


def _start_anew(town: Town) -> None:
    """What was in memory is gone. The connections stay: a rolled back one is as good as new."""
    store = town.store
    fresh = Store(store.engine, store.clock, store.tenant, store.pair)
    town.world.pair = replace(town.world.pair, store=fresh)


def _changed_mapping(town: Town) -> None:
    town.change_mapping()
    town.approved_run()


def _replay(town: Town) -> None:
    recover.replay(town.store, recover.Selection())


DEEDS: tuple[tuple[Deed, float], ...] = (
    (Town.run, 1.0),
    (_replay, 0.05),
    (Town.give_up, 0.05),
    (decide, 0.2),
    (_changed_mapping, 0.05),
)
"""What Leadloop is asked to do, and how often."""
