"""Figures of campaigns that live beside what they try: hostile payloads, damaged state files, a
wrong link undone, processes killed. The suite runs their short forms."""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from connectors.base import utc_now
from state.open import open_store
from tests.acceptance import campaign as acceptances
from tests.acceptance.restored import restored
from tests.acceptance.strangers import strangers
from tests.hostile import campaign as payloads
from tests.laws.points import IN_SYNC, never
from tests.soak.kills import empty
from tests.state import damage as files
from tests.sync.test_unmerge import twins

ROUNDS = 20
"""Days one acceptance campaign lasts."""
WEEK = 7
"""Days by which a copy is older than the state it takes the place of."""
PEOPLE = 80


def hostile(rows: int, *, seed: int) -> dict[str, Any]:
    """So many payloads, most of them spoilt, through the real connectors."""
    with tempfile.TemporaryDirectory(prefix="leadloop-hostile-") as name:
        (Path(name) / "sandbox").mkdir()
        found = payloads.campaign(Path(name), rows=rows, seed=seed)
    must_be_none = {
        "crashes": found.crashes,
        "stalled": found.stalled,
        "doubled": found.doubled,
        "unquarantined": found.unquarantined,
        "quarantined_wrongly": found.quarantined_wrongly,
        "undelivered": found.expected - found.delivered,
        "second_run_writes": found.second_run_writes,
    }
    return {**asdict(found), **_broken(must_be_none)}


def damage(variants: int, *, seed: int) -> dict[str, Any]:
    """So many damaged state files, each opened; what each way of damaging came to."""
    with tempfile.TemporaryDirectory(prefix="leadloop-damage-") as name:
        by_way = files.campaign(Path(name), variants, seed=seed)
    came_to: Counter[str] = Counter()
    for counts in by_way.values():
        came_to.update(counts)
    known = files.CODES | {"opened", "opened_altered"}
    unclear = {word: n for word, n in came_to.items() if word not in known}
    return {"variants": came_to.total(), "came_to": dict(came_to), **_broken(unclear)}


def unmerge(count: int) -> dict[str, Any]:
    """A wrong link accepted, synced for a week and undone, beside the world in which it never was;
    so many times, with ever other replies lost on the way."""
    differ: Counter[str] = Counter()
    for number in range(count):
        with tempfile.TemporaryDirectory(prefix="leadloop-unmerge-") as name:
            wrong, right = twins(Path(name))
            for twin in (wrong, right):
                twin.week()
            if number:
                wrong.world.salesforce.lose_reply((number + 1) // 2, applied=number % 2 == 1)
            wrong.undo()
            for twin in (wrong, right):
                for _ in range(3):
                    twin.world.run()
            left, right_picture = wrong.picture(), right.picture()
            differ.update(key for key in left if left[key] != right_picture[key])
            differ["not silent"] += not wrong.world.settled()
            for twin in (wrong, right):
                twin.world.close()
    return {"weeks": count, **_broken(+differ)}


def acceptance(rounds: int, *, seed: int) -> dict[str, Any]:
    """So many days in which `leadloop sync` is killed and the vendors misbehave, a sandbox for
    every `ROUNDS` of them."""
    told: dict[str, Counter[str]] = {"processes_ended": Counter(), "faults": Counter()}
    told |= {"crash_points": Counter(), "tasks_by_handoff": Counter(), "told": Counter()}
    judged: Counter[str] = Counter()
    killed, handed_over, broken = 0, 0, []
    for number in range(max(1, rounds // ROUNDS)):
        with tempfile.TemporaryDirectory(prefix="leadloop-acceptance-") as name:
            found = acceptances.campaign(
                Path(name), people=PEOPLE, rounds=min(rounds, ROUNDS), seed=seed + number
            )
        killed += found.killed
        handed_over += found.handed_over
        told["processes_ended"].update({str(code): n for code, n in found.ended.items()})
        told["faults"].update(found.faults)
        told["crash_points"].update(found.crash_points)
        told["tasks_by_handoff"].update(asdict(found.handoffs))
        told["told"].update(found.told)
        judged.update(found.judged)
        broken += [f"seed {seed + number}: {what}" for what in found.broken]
    return {
        "processes_killed": killed,
        "leads_handed_over": handed_over,
        **{name: dict(counts) for name, counts in told.items()},
        "crash_points_hit": len(told["crash_points"]),
        "never_hit": never(told["crash_points"], IN_SYNC),
        "judged": dict(judged),
        "laws_broken": len(broken),
        "first_broken": broken[:5],
    }


def killed_among_strangers(rounds: int, *, seed: int) -> dict[str, Any]:
    """So many rounds of edits, forms and kills among people put there through the public APIs, an
    empty sandbox for every `ROUNDS` of them."""
    figures: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(max(1, rounds // ROUNDS)):
        with tempfile.TemporaryDirectory(prefix="leadloop-strangers-") as name:
            found = strangers(
                Path(name), people=PEOPLE, rounds=min(rounds, ROUNDS), seed=seed + number
            )
        figures.update(
            people=found.people,
            processes_killed=found.killed,
            edits=found.edits,
            form_fills=found.fills,
        )
        wrong += [f"seed {seed + number}: {what}" for what in found.wrong]
    return {**figures, "laws_broken": len(wrong), "first_broken": wrong[:5]}


def old_copies(count: int, *, seed: int, url: str | None = None) -> dict[str, Any]:
    """So many copies of a state, each put back after a week of kills and faults."""
    seen: dict[str, Counter[str]] = {
        "made_anew": Counter(),
        "gone": Counter(),
        "changed": Counter(),
    }
    figures: Counter[str] = Counter()
    broken: list[str] = []
    for number in range(count):
        with tempfile.TemporaryDirectory(prefix="leadloop-copies-") as name:
            if url is not None:
                with contextlib.closing(open_store(url, clock=utc_now, pair="main")) as store:
                    empty(store)
            found = restored(Path(name), people=PEOPLE, days=WEEK, seed=seed + number, url=url)
        figures.update(
            records=found.records,
            killed=found.figures.killed,
            came_back_though_erased=found.returned,
        )
        for word, counts in zip(seen, (found.made, found.gone, found.changed), strict=True):
            seen[word].update(counts)
        broken += [f"seed {seed + number}: {what}" for what in found.broken]
    return {
        "copies": count,
        "days": WEEK,
        **figures,
        **{word: dict(counts) for word, counts in seen.items()},
        "laws_broken": len(broken),
        "first_broken": broken[:5],
    }


def _broken(must_be_none: dict[str, int] | Counter[str]) -> dict[str, Any]:
    found = [f"{name}: {number}" for name, number in must_be_none.items() if number]
    return {"laws_broken": len(found), "first_broken": found}
