"""`python -m benchmarks [--people N] [--only PART] [--events N] [--submissions N] [--json]`.

Progress goes to stderr. stdout gets a table and, as its last line, every figure as one JSON
object; `--json` leaves the table out. docs/benchmarks.md says what each figure is.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

PARTS = ("sync", "cycle", "bulk", "linkage", "tables", "validating", "help")
LONG = (
    *("bulk_reading", "reading", "planning", "planning_sandbox", "reports", "writing"),
    *("scale", "online", "rubbish"),
)
"""Parts that are measured only where they are asked for by name."""
PEOPLE = 20_000
FORMAT = 1
"""Version of the JSON: grows when a key changes its meaning or goes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when a run that was to be measured went wrong."""
    options = _parser().parse_args(arguments)
    from benchmarks.backfill import BenchmarkError

    try:
        wanted = (options.only,) if options.only else PARTS
        backlog = (options.events, options.submissions)
        figures = measure(options.people, wanted, backlog=backlog, state=options.state)
    except BenchmarkError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    if not options.json:
        for name, value in flat(figures):
            print(f"{name:<68} {value}")
    print(json.dumps(figures))
    return 0


def measure(
    people: int = PEOPLE,
    wanted: Sequence[str] = PARTS,
    *,
    backlog: tuple[int, int] = (1_000_000, 100_000),
    state: str | None = None,
) -> dict[str, Any]:
    """The figures of the parts wanted; `backlog` is how many e-mail events and form submissions
    are read, `state` the URL of an empty state for `online`. Raises BenchmarkError."""
    from benchmarks.backfill import settings

    figures: dict[str, Any] = {"format": FORMAT, "settings": settings(people)}
    if "sync" in wanted or "cycle" in wanted:
        figures.update(_synced(people, wanted))
    figures.update(_of_many(people, wanted))
    if "bulk" in wanted:
        from benchmarks.bulk import bulk

        figures["bulk"] = bulk(say)
    if "bulk_reading" in wanted:
        from benchmarks.bulk_reading import bulk_reading

        figures["bulk_reading"] = bulk_reading(say)
    figures.update(_matched(people, wanted, state))
    if "reading" in wanted:
        from benchmarks.reading import reading

        figures["reading"] = reading(*backlog, say)
    if "validating" in wanted:
        from benchmarks.validating import validating

        figures["validating"] = validating()
    if "help" in wanted:
        from benchmarks.startup import start_times

        figures["help"] = start_times()
    return figures


def _of_many(people: int, wanted: Sequence[str]) -> dict[str, Any]:
    """The parts of so many people that need no sync."""
    figures: dict[str, Any] = {}
    if "planning" in wanted:
        from benchmarks.planning import planning

        figures["planning"] = planning(people, say)
    if "planning_sandbox" in wanted:
        from benchmarks.planning_sandbox import planning_sandbox

        figures["planning_sandbox"] = planning_sandbox(people, say)
    if "writing" in wanted:
        from benchmarks.writing import writing

        figures["writing"] = writing(people, say)
    if "reports" in wanted:
        from benchmarks.reports import EVENTS_EACH, reports

        figures["reports"] = reports(people, EVENTS_EACH, say)
    return figures


def _matched(people: int, wanted: Sequence[str], state: str | None) -> dict[str, Any]:
    """Everything about who is who."""
    figures: dict[str, Any] = {}
    if "linkage" in wanted:
        from benchmarks.linkage import linkage

        figures["linkage"] = linkage(say)
    if "tables" in wanted:
        from benchmarks.tables import tables

        figures["tables"] = tables(say)
    if "scale" in wanted:
        from benchmarks.scale import scale

        figures["scale"] = scale(say)
    if "online" in wanted:
        from benchmarks.online import online

        figures["online"] = online(people, say, state)
    if "rubbish" in wanted:
        from benchmarks.rubbish import rubbish

        figures["rubbish"] = rubbish(people, say)
    return figures


def _synced(people: int, wanted: Sequence[str]) -> dict[str, Any]:
    """The backfill, which the cycles need too; its peer where the backfill itself is wanted."""
    from benchmarks.backfill import bench, cycles, first_sync
    from benchmarks.figures import speed_ratios
    from benchmarks.peer import peer_sync

    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="leadloop_bench_") as folder:
        with bench(Path(folder) / "world", people, say) as made:
            sync = first_sync(made, say)
            if "cycle" in wanted:
                figures["cycle"] = cycles(made, say)
        if "sync" in wanted:
            sync["peer"] = peer_sync(Path(folder) / "peer", people, say)
            sync["ratios"] = speed_ratios(sync, sync["peer"])
            figures = {"sync": sync, **figures}
    return figures


def say(text: str) -> None:
    """Progress, on stderr, with the time."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def flat(figures: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every figure with its path, as the table shows it."""
    for name, value in figures.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{path}.")
        elif isinstance(value, list):
            for one in value:
                key = ".".join(str(part) for part in one.values() if isinstance(part, str))
                numbers = {k: v for k, v in one.items() if not isinstance(v, str)}
                yield from flat(numbers, f"{path}.{key}.")
        else:
            yield path, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--people", type=_positive, default=PEOPLE, help="people on each side (20000)"
    )
    parser.add_argument("--only", choices=(*PARTS, *LONG), help="measure one part alone")
    for name, count in (("events", 1_000_000), ("submissions", 100_000)):
        text = f"{name} of the reading ({count})"
        parser.add_argument(f"--{name}", type=_positive, default=count, help=text)
    parser.add_argument("--state", metavar="URL", help="an empty state for `online` (a new file)")
    parser.add_argument("--json", action="store_true", help="the JSON line alone on stdout")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        message = "must be 1 or more"
        raise argparse.ArgumentTypeError(message)
    return number


if __name__ == "__main__":
    sys.exit(main())
