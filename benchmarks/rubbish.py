"""Tables that say nothing, at full size: matching them ends, soon and without much memory.

Rows that are all the same, columns with one value beside one that tells, columns without any; each
deduped, and linked with itself, by the command in a process of its own. What has to come of it is
checked: rows that are all the same are one cluster or none, never a block of all pairs.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.backfill import SAY, BenchmarkError

HEADERS = ("id", "first_name", "last_name", "email", "phone", "city", "dob", "note")
_SAME = ("Ada", "Ash", "ada@ash.example", "+49 30 5551201", "Berlin", "1980-02-01", "x")
_PAIRS_A_ROW = 40
"""Pairs of rows that may be compared for each row, whatever the table holds."""


def _identical(at: int) -> tuple[str, ...]:
    return (str(at), *_SAME)


def _constant(at: int) -> tuple[str, ...]:
    """One column tells rows apart, all others are the same everywhere."""
    return (str(at), "Ada", "Ash", f"p{at // 2}@ash.example", "", "Berlin", "1980-02-01", "x")


def _missing(at: int) -> tuple[str, ...]:
    """Nothing but a town and a few names."""
    return (str(at), "Ada" if at % 3 else "", "", "", "", f"Town {at % 50}", "", "")


CASES: Mapping[str, Callable[[int], tuple[str, ...]]] = {
    "identical rows": _identical,
    "constant columns": _constant,
    "missing columns": _missing,
}


def rubbish(rows: int, say: SAY, cases: Sequence[str] = tuple(CASES)) -> dict[str, Any]:
    """Seconds, CPU seconds, MiB, pairs and links by case. Raises BenchmarkError where a table is
    not matched, or more pairs are compared than rows can pay for."""
    figures: dict[str, Any] = {"rows": rows}
    with tempfile.TemporaryDirectory(prefix="leadloop_rubbish_") as folder:
        for name in cases:
            path = Path(folder) / "rows.csv"
            _write(path, map(CASES[name], range(rows)))
            for way, files in (("deduped", [path]), ("linked", [path, path])):
                found = _measured([str(file) for file in files])
                say(f"{name}, {way}: {found}")
                figures[f"{name}, {way}"] = found
                if found["candidates"] > _PAIRS_A_ROW * rows:
                    raise BenchmarkError(f"{name}: {found['candidates']:,} pairs were compared")
    return figures


def _write(path: Path, rows: Iterator[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADERS)
        writer.writerows(rows)


def _measured(files: list[str]) -> dict[str, Any]:
    began = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.rubbish", *files],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if told.returncode != 0:
        raise BenchmarkError(f"matching ended with {told.returncode}: {told.stderr[-500:]}")
    matched, used = (json.loads(line) for line in told.stdout.splitlines()[-2:])
    counts = {name: matched["counts"][name] for name in ("candidates", "links", "reviews")}
    return {"seconds": round(time.perf_counter() - began, 1), **used, **counts}


def _main(*files: str) -> None:
    import resource

    from sync.cli.main import main

    if main(["match", *files, "--id", "id", "--json"]) != 0:
        raise SystemExit(1)
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = round(used.ru_utime + used.ru_stime, 1)
    print(json.dumps({"cpu_seconds": seconds, "peak_rss_mib": used.ru_maxrss // 1024}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
