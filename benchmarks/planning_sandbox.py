"""`leadloop plan` for everybody who is linked, against the sandbox, each in a process of its own.

What is measured is the command, from its start to its end: it reads both vendors over HTTP, plans
everybody under a rule that has changed, and writes the plan file. The sandbox has no latency and
its rate limits are off; Leadloop's own pacing stays on.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.backfill import APART, SAY, Bench, BenchmarkError, bench
from benchmarks.figures import per_second, total_calls
from benchmarks.linked import link
from benchmarks.startup import command
from benchmarks.watch import cpu_seconds, machine, rss_mib

CHANGES: Mapping[str, tuple[str, str]] = {
    "changed_rule": (
        "crm: Title, owner: map,",
        "crm: Title, owner: map, transform: [upper],",
    ),
    "new_field": (
        "      # - {map: message, crm: Description, direction: to_crm,",
        "      - {map: message, crm: Description, direction: to_crm,",
    ),
}
"""What is changed in the mapping, one after the other: a rule says something else, so that
everybody has something to write; and a rule is added for fields that were never read, so that
everybody is read again as well."""
LOOK_SECONDS = 1.0


def planning_sandbox(people: int, say: SAY) -> dict[str, Any]:
    """Plan for so many people; the figures. Raises BenchmarkError where not everybody is in it."""
    with (
        tempfile.TemporaryDirectory(prefix="leadloop_bench_") as name,
        bench(Path(name), None, say) as made,
    ):
        link(made, people, say)
        made.store.close()
        figures = {what: _planned(made, what, people, say) for what in CHANGES}
    return {"people": people, **figures, "machine": machine()}


def _planned(made: Bench, what: str, people: int, say: SAY) -> dict[str, Any]:
    """The figures of one plan, after a quarter of an hour at the vendors."""
    _change(made, *CHANGES[what])
    made.admin.switch(seconds=APART)
    made.admin.reset()
    say(f"planning: {what}")
    out = made.config.path.parent / "plan.json"
    taken = _watched(made, ["plan", "--out", str(out), "--json"])
    writes = taken.answer["plans"][0]["writes"]
    if writes != people:
        raise BenchmarkError(f"{writes} writes are planned for {people} people")
    say(f"planned in {taken.seconds:.1f} s, {taken.cpu_seconds:.1f} of them CPU seconds")
    return {
        "seconds": round(taken.seconds, 1),
        "cpu_seconds": round(taken.cpu_seconds, 1),
        "sandbox_cpu_seconds": round(taken.sandbox_cpu_seconds, 1),
        "people_per_second": per_second(people, taken.seconds),
        "calls": total_calls(made.admin.calls()),
        "rss_mib": taken.rss_mib,
        "peak_rss_mib": round(taken.peak_rss_mib, 1),
    }


def _change(made: Bench, before: str, after: str) -> None:
    [path] = (made.config.path.parent / "mappings").glob("*.yaml")
    text = path.read_text(encoding="utf-8")
    if text.count(before) != 1:
        raise BenchmarkError(f"the shipped mapping does not say once: {before}")
    path.write_text(text.replace(before, after), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a command took: seconds, and what it held after each quarter of them."""

    answer: Mapping[str, Any]
    seconds: float
    cpu_seconds: float
    sandbox_cpu_seconds: float
    rss_mib: Mapping[str, float | None]
    peak_rss_mib: float


def _watched(made: Bench, arguments: list[str]) -> _Taken:
    """Run `leadloop` with these arguments in a process of its own."""
    held: list[float | None] = []
    before = cpu_seconds(made.sandbox.pid)
    began = time.perf_counter()
    with tempfile.TemporaryFile() as stdout:
        process = subprocess.Popen(
            command("--config", str(made.config.path), *arguments), stdout=stdout
        )
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            held.append(rss_mib(process.pid))
            time.sleep(LOOK_SECONDS)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise BenchmarkError(f"leadloop {arguments[0]} ended with {process.returncode}")
        stdout.seek(0)
        answer = json.load(stdout)
    quarters = {f"at_{p}_percent": held[(len(held) - 1) * p // 100] for p in (25, 50, 75, 100)}
    return _Taken(
        answer=answer,
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        sandbox_cpu_seconds=cpu_seconds(made.sandbox.pid) - before,
        rss_mib=quarters,
        peak_rss_mib=usage.ru_maxrss / 1024,
    )
