"""Twenty-four virtual hours with fifty thousand changes: no drift, and memory that stays."""

from __future__ import annotations

import random
import resource
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from mappings.records import Side
from tests.laws.laws import comes_to_rest
from tests.laws.town import FIELDS, Town
from tests.soak.kills import town_for_a_while

CYCLES = 24 * 60
WARM = CYCLES // 5
"""Cycles until memory is taken as settled."""
POPULATION = 400


def day(changes: int, *, seed: int, url: str | None = None) -> dict[str, Any]:
    """A day of cycles a minute apart among 400 people, with so many edits spread over it."""
    rng = random.Random(seed)
    began = time.monotonic()
    with town_for_a_while(url) as town:
        for number in range(POPULATION):
            town.newcomer(on_map=True, on_crm="Lead" if number % 2 else None)
        town.approved_run()
        town.world.time.tick = timedelta(milliseconds=1)  # a cycle is a minute, whatever it reads
        warm = memory = 0
        done = rows = 0
        for cycle in range(CYCLES):
            due = changes * (cycle + 1) // CYCLES
            while done < due:
                _edit(town, rng)
                done += 1
            town.run()
            town.world.time.at += timedelta(seconds=60)
            rows += _forget_the_past(town)
            memory = _resident()
            warm = memory if cycle == WARM else warm
        broken: list[str] = []
        try:
            comes_to_rest(town)
        except AssertionError as error:
            broken.append(str(error))
        return {
            "changes": done,
            "cycles": CYCLES,
            "people": POPULATION,
            "rows_written": rows + town.writes(),
            "drifted": _drift(town),
            "seconds": round(time.monotonic() - began),
            "memory_after_warm_up_mb": warm // 2**20,
            "memory_growth_percent": round(100 * (memory - warm) / warm, 1),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "laws_broken": len(broken),
            "first_broken": broken,
        }


def _edit(town: Town, rng: random.Random) -> None:
    person = rng.choice(town.people)
    side = rng.choice([Side.MAP, Side.CRM])
    town.edit(person, side, rng.choice(sorted(FIELDS)), f"Value {rng.randrange(10_000)}")


def _forget_the_past(town: Town) -> int:
    """What tests alone would keep of a cycle is let go of, or it would be measured as growth: rows
    the vendors were sent, their history of two hours ago, reports, each edit but a side's last.
    How many rows those were."""
    rows = town.writes()
    for vendor in (town.world.hubspot, town.world.salesforce):
        vendor.history.clear()
        vendor.field_history.forget(town.world.time.at - timedelta(hours=2))
    town.reports.clear()
    for person in town.people:
        for name, edits in person.edits.items():
            last = {side: (at, value) for at, (side, value) in enumerate(edits)}
            person.edits[name] = [
                (side, last[side][1]) for side in sorted(last, key=last.__getitem__)
            ]
    return rows


def _drift(town: Town) -> int:
    """Fields that differ between the two sides."""
    differing = 0
    for person in town.people:
        left, right = town.record(person, Side.MAP), town.record(person, Side.CRM)
        if left is not None and right is not None:
            differing += sum(
                left.fields.get(on_map) != right.fields.get(on_crm)
                for on_map, on_crm in FIELDS.values()
            )
    return differing


def _resident() -> int:
    """Bytes of this process in memory."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()
