"""Twenty-four virtual hours with fifty thousand changes: no drift, and memory that stays.

Memory is that of a process in which Leadloop works; the vendors, the truth and the harness have
theirs in another."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import timedelta
from typing import Any

from mappings.records import Side
from tests.laws.laws import comes_to_rest
from tests.laws.town import FIELDS, Town
from tests.soak.apart import apart, resident
from tests.soak.kills import town_for_a_while

CYCLES = 24 * 60
WARM = 5
"""The part of a day, one in so many, after which memory is taken as settled."""
POPULATION = 400


def day(
    changes: int,
    *,
    seed: int,
    url: str | None = None,
    cycles: int = CYCLES,
    people: int = POPULATION,
) -> dict[str, Any]:
    """A day of cycles a minute apart among so many people, with so many edits spread over it."""
    rng = random.Random(seed)
    began = time.monotonic()
    with town_for_a_while(url) as town:
        for number in range(people):
            town.newcomer(on_map=True, on_crm="Lead" if number % 2 else None)
        town.approved_run()
        town.world.time.tick = timedelta(milliseconds=1)  # a cycle is a minute, whatever it reads
        memory: list[int] = []
        stopped: Counter[str] = Counter()
        done = rows = 0
        with apart(town) as leadloop:
            for cycle in range(cycles):
                due = changes * (cycle + 1) // cycles
                while done < due:
                    _edit(town, rng)
                    done += 1
                ran = leadloop.run()
                stopped.update([ran.code] if ran.code else [])
                memory.append(ran.resident)
                town.world.time.at += timedelta(seconds=60)
                rows += _forget_the_past(town)
            kept = leadloop.without_cache()
        warm, last = memory[cycles // WARM], memory[-1]
        broken = [f"{number} runs ended with {code}" for code, number in stopped.items()]
        try:
            comes_to_rest(town)
        except AssertionError as error:
            broken.append(str(error))
        return {
            "changes": done,
            "cycles": cycles,
            "people": people,
            "rows_written": rows + town.writes(),
            "drifted": _drift(town),
            "seconds": round(time.monotonic() - began),
            "memory_after_warm_up_mb": warm // 2**20,
            "memory_growth_percent": round(100 * (last - warm) / warm, 1),
            "memory_without_pages_of_sqlite_mb": kept // 2**20,
            "memory_of_vendors_and_harness_mb": resident() // 2**20,
            "state_mb": sum(file.stat().st_size for file in town.folder.iterdir()) // 2**20,
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
