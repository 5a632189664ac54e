"""Where Bulk 2.0 begins to pay: the same creates by collections and by a job, in calls and seconds.

Against the sandbox, which works a job at once. A busy org makes one wait, and every look at it is a
call: `calls_if_busy` adds what the connector's own pauses come to in a minute of waiting.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.backfill import BenchmarkError
from benchmarks.figures import ROUND_TRIP, ratio
from benchmarks.watch import Admin
from connectors.base import NullLimiter, load
from connectors.salesforce_bulk import BULK_BATCH, BULK_FROM, LOOKS, Bulk
from connectors.salesforce_wire import Wire
from connectors.salesforce_write import Writer
from mappings.ports import FieldDefinition
from mappings.records import Operation, Outcome, OutcomeStatus, Write
from sandbox.process import start_process

SIZES = (200, 800, 1_200, 1_600, 2_000, 3_000, 4_000, 8_000)
REPEATS = 3
"""Each way is taken so often, in turns, and its quickest counts: a busy machine only adds."""
BUSY_SECONDS = 60.0
"""Assumed: an org with other jobs to do keeps one waiting for about a minute."""
_KEY = "Leadloop_Id__c"


def bulk(say: Callable[[str], None]) -> dict[str, Any]:
    """Calls and seconds of both ways by size, and the size from which a job wins."""
    with (
        tempfile.TemporaryDirectory(prefix="leadloop_bench_") as folder,
        start_process(Path(folder), world=None) as sandbox,
    ):
        settings = {str(k): str(v) for k, v in sandbox.info["salesforce"].items()}
        _prepare(settings)
        wire = Wire(settings, limiter=NullLimiter())
        admin = Admin(sandbox.admin_url)
        try:
            rows = [_measured(wire, admin, size, say) for size in SIZES]
        finally:
            admin.close()
            wire.close()
    return {"configured_from": BULK_FROM, "switch": switch(rows), "sizes": rows}


@contextmanager
def filler(settings: Mapping[str, str]) -> Iterator[Callable[[int, int], None]]:
    """What makes Leads number so much up to number so much, by jobs."""
    _prepare(settings)
    wire = Wire(settings, limiter=NullLimiter())

    def fill(begin: int, end: int) -> None:
        rows = _rows("fill", end)[begin:]
        for first in range(0, len(rows), BULK_BATCH):
            carried = Bulk(wire, sleep=time.sleep, least=1).upsert(rows[first : first + BULK_BATCH])
            if carried.left:
                message = "rows were refused that should have been created"
                raise BenchmarkError(message)

    try:
        yield fill
    finally:
        wire.close()


def switch(rows: Sequence[Mapping[str, Any]], other: str = "collections") -> dict[str, int | None]:
    """The first size from which on a job takes fewer calls than the other way each time: measured,
    and if busy."""
    found: dict[str, int | None] = {}
    for name in ("calls", "calls_if_busy"):
        losing = [row["rows"] for row in rows if row[f"bulk_{name}"] >= row[f"{other}_calls"]]
        larger = [row["rows"] for row in rows if row["rows"] > max(losing, default=0)]
        found[f"by_{name}"] = min(larger, default=None)
    return found


def busy_looks() -> int:
    """Looks the connector takes at a job that waits for a minute."""
    waited, looks = 0.0, 0
    for pause in LOOKS:
        if waited >= BUSY_SECONDS:
            break
        waited, looks = waited + pause, looks + 1
    return looks


def _prepare(settings: Mapping[str, str]) -> None:
    connector = load("salesforce", settings)
    try:
        connector.ensure_fields(
            [FieldDefinition("Lead", _KEY, "Leadloop Id", "text", length=36, unique=True)]
        )
    finally:
        connector.close()


def _measured(wire: Wire, admin: Admin, size: int, say: Callable[[str], None]) -> dict[str, Any]:
    job = Bulk(wire, sleep=time.sleep, least=1)
    ways = {
        "c": lambda rows: Writer(wire, sleep=time.sleep, backfill=False).write(rows),
        "b": lambda rows: job.upsert(rows).outcomes,
    }
    taken: dict[str, list[tuple[int, float]]] = {"c": [], "b": []}
    for number in range(REPEATS):
        for kind, way in ways.items():
            taken[kind].append(_timed(admin, way, _rows(f"{kind}{number}", size)))
    collections, by_bulk = (min(taken[kind]) for kind in ("c", "b"))
    say(f"{size} rows: {collections[0]} calls by collections, {by_bulk[0]} by a job")
    there = [ROUND_TRIP * calls + seconds for calls, seconds in (collections, by_bulk)]
    return {
        "rows": size,
        "collections_calls": collections[0],
        "bulk_calls": by_bulk[0],
        "bulk_calls_if_busy": by_bulk[0] + busy_looks(),
        "collections_seconds": round(collections[1], 3),
        "bulk_seconds": round(by_bulk[1], 3),
        "times_faster_at_100_ms_a_call": ratio(*there),
    }


def _timed(
    admin: Admin, write: Callable[[Sequence[Write]], list[Outcome]], rows: Sequence[Write]
) -> tuple[int, float]:
    admin.reset()
    began = time.perf_counter()
    outcomes = write(rows)
    seconds = time.perf_counter() - began
    if [o.status for o in outcomes] != [OutcomeStatus.OK] * len(rows):
        message = "rows were refused that should have been created"
        raise BenchmarkError(message)
    return admin.count("salesforce"), seconds


def _rows(kind: str, size: int) -> list[Write]:
    return [
        Write(
            f"{kind}{size}-{n}",
            Operation.CREATE,
            "Lead",
            {
                "FirstName": "Ada",
                "LastName": f"Person {kind} {n}",
                "Company": f"Acme {n % 97}",
                "Email": f"person-{kind}-{size}-{n}@example.com",
                "Title": "Engineer",
                "City": "Ulm",
            },
            external_id=(_KEY, f"{kind}-{size}-{n}"),
        )
        for n in range(size)
    ]
