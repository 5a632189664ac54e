"""Where a query job begins to pay: everything of one object read by pages of 2,000 and by a job.

Against the sandbox, which works a job at once; `calls_if_busy` adds the looks at one that waits for
a minute. The org grows from size to size. What is read is counted and thrown away, so that memory
shows what the reading itself holds.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.backfill import BenchmarkError
from benchmarks.bulk import busy_looks, filler, switch
from benchmarks.figures import ROUND_TRIP, ratio
from benchmarks.watch import Admin, rss_mib
from connectors.base import VendorConnector, load
from connectors.salesforce_bulk_read import READ_FROM
from sandbox.process import start_process

SIZES = (2_000, 6_000, 12_000, 20_000, 30_000, 60_000)
FIELDS = ("FirstName", "LastName", "Company", "Email", "Title", "City")
NEVER = "1000000000"


class _Nothing:
    """Nothing has landed: every row is news."""

    def count_since(self, _stream: str, _at: datetime) -> int:
        """None."""
        return 0

    def unseen(self, _stream: str, rows: Sequence[tuple[str, str]]) -> set[str]:
        """All of them."""
        return {record_id for record_id, _ in rows}

    def holding(self, _object: str, _field: str, _value: str) -> set[str]:
        """Nobody."""
        return set()


def bulk_reading(say: Callable[[str], None], sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Calls, seconds and memory of both ways by size, and the size from which a job wins."""
    with (
        tempfile.TemporaryDirectory(prefix="leadloop_bench_") as folder,
        start_process(Path(folder), world=None) as sandbox,
    ):
        settings = {str(k): str(v) for k, v in sandbox.info["salesforce"].items()}
        admin = Admin(sandbox.admin_url)
        ways = {way: load("salesforce", {**settings, "job_from": least}) for way, least in
                (("query", NEVER), ("job", "1"))}  # fmt: skip
        try:
            rows = []
            with filler(settings) as fill:
                there = 0
                for size in sizes:
                    fill(there, size)
                    there = size
                    rows.append(_measured(ways, admin, size, say))
        finally:
            admin.close()
            for connector in ways.values():
                connector.close()
    return {"configured_from": READ_FROM, "switch": switch(rows, "query"), "sizes": rows}


def _measured(
    ways: Mapping[str, VendorConnector], admin: Admin, size: int, say: Callable[[str], None]
) -> dict[str, Any]:
    found = {way: _read(connector, admin, size) for way, connector in ways.items()}
    (calls, seconds, held), (job_calls, job_seconds, job_held) = found["query"], found["job"]
    say(f"{size} records: {calls} calls by queries, {job_calls} by a job")
    there = [ROUND_TRIP * n + s for n, s in ((calls, seconds), (job_calls, job_seconds))]
    return {
        "rows": size,
        "query_calls": calls,
        "bulk_calls": job_calls,
        "bulk_calls_if_busy": job_calls + busy_looks(),
        "query_seconds": round(seconds, 3),
        "bulk_seconds": round(job_seconds, 3),
        "query_rss_mib": held,
        "bulk_rss_mib": job_held,
        "times_faster_at_100_ms_a_call": ratio(*there),
    }


def _read(connector: VendorConnector, admin: Admin, size: int) -> tuple[int, float, float]:
    """Everything, once: calls, seconds, and the most memory held after a page."""
    connector.configure({"Lead": FIELDS})
    admin.reset()
    began, seen, held = time.perf_counter(), 0, 0.0
    for page in connector.changes("Lead", None, landed=_Nothing()):
        seen += len(page.records)
        held = max(held, rss_mib() or 0.0)
    if seen != size:
        message = f"{seen} records were read of {size}"
        raise BenchmarkError(message)
    return admin.count("salesforce"), time.perf_counter() - began, round(held)
