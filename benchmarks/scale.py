"""A large table linked onto a larger one by `leadloop match` and by Splink: time, memory, quality.

Both read the same two CSV files, each in a process of its own, one after the other, and answer at
one half; what counts is everything from the files to the links. Splink 5 on DuckDB is set up as its
manual shows it for people: Jaro-Winkler levels with term frequencies, seven blocking rules, u from
random pairs, expectation maximisation on three of them.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.backfill import SAY
from benchmarks.crowd import crowd
from benchmarks.figures import quality, ratio
from benchmarks.table_pen import Columns

SIZES = ((22_000, 10_000), (90_000, 10_000), (270_000, 30_000))
RULES = (
    ("email",),
    ("phone",),
    ("first_name", "last_name"),
    ("dob", "last_name"),
    ("dob", "first_name"),
    ("postcode", "last_name"),
    ("address",),
)
"""Columns that two rows share where Splink compares them."""

Pairs = set[tuple[str, str]]


def scale(say: SAY, sizes: tuple[tuple[int, int], ...] = SIZES) -> dict[str, Any]:
    """Figures by size; `ratios` are Leadloop's over Splink's: below one is less."""
    figures = {}
    for left, right in sizes:
        with tempfile.TemporaryDirectory(prefix="leadloop_scale_") as folder:
            true = _written(Path(folder), left, right)
            found = {who: _measured(who, Path(folder), true) for who in ("leadloop", "splink")}
        ours, peer = found["leadloop"], found["splink"]
        names = ("seconds", "cpu_seconds", "peak_rss_mib")
        found["ratios"] = {name: ratio(ours[name], peer[name]) for name in names}
        figures[f"{left} x {right}"] = found
        say(f"{left} x {right}: {found}")
    return figures


def _written(folder: Path, left: int, right: int) -> Pairs:
    """The two tables as files; the true pairs."""
    world = crowd(left, right)
    assert world.right is not None  # noqa: S101 - a crowd has two tables
    for name, columns in (("left", world.left), ("right", world.right)):
        _write(folder / f"{name}.csv", columns)
    theirs = zip(world.labels[left:], world.right["id"], strict=True)
    return {(label, key) for label, key in theirs if int(label) < left}


def _write(path: Path, columns: Columns) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _measured(who: str, folder: Path, true: Pairs) -> dict[str, Any]:
    out = folder / f"{who}.csv"
    words = (str(folder / "left.csv"), str(folder / "right.csv"), str(out))
    began = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", who, *words],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    with out.open(encoding="utf-8") as file:
        rows = csv.DictReader(file)
        found = {(row["left_id"], row["right_id"]) for row in rows if row["decision"] == "link"}
    used = json.loads(told.stdout.splitlines()[-1])
    return {**quality(found, true), "seconds": round(seconds, 1), **used}


# --- in a process of its own --------------------------------------------------------------------


def _leadloop(left: str, right: str, out: str) -> None:
    from sync.cli.main import main

    if main(["match", left, right, "--id", "id", "--out", out]) != 0:
        raise SystemExit(1)


def _splink(left: str, right: str, out: str) -> None:
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    from splink import comparison_library as compare

    columns = ("first_name", "last_name", "email", "phone", "address", "city", "postcode", "dob")
    comparisons: list[Any] = [
        compare.JaroWinklerAtThresholds(column, [0.92, 0.85]).configure(
            term_frequency_adjustments=True
        )
        for column in columns
    ]
    settings = SettingsCreator(
        link_type="link_only",
        unique_id_column_name="id",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in RULES],
    )
    api = DuckDBAPI()
    nulled = ", ".join(f"nullif({column}, '') as {column}" for column in columns)
    connection: Any = api._con  # noqa: SLF001 - the only road to read a file within DuckDB
    tables = []
    for name, path in (("ours", left), ("theirs", right)):
        connection.execute(
            f"create table {name} as select id, {nulled} from read_csv(?, all_varchar=true)",  # noqa: S608
            [path],
        )
        tables.append(api.register(name))
    linker = Linker(tables, settings)
    training = linker.training
    training.estimate_probability_two_random_records_match(
        [block_on("email"), block_on("phone")], recall=0.7
    )
    training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (("email",), ("dob", "last_name"), ("first_name", "last_name")):
        training.estimate_parameters_using_expectation_maximisation(block_on(*rule))
    predicted: Any = linker.inference.predict(threshold_match_probability=0.5)
    found = predicted.as_pandas_dataframe()
    found["decision"] = "link"
    found.rename(columns={"id_l": "left_id", "id_r": "right_id"})[
        ["left_id", "right_id", "decision"]
    ].to_csv(out, index=False)


def _main(who: str, left: str, right: str, out: str) -> None:
    import resource

    {"leadloop": _leadloop, "splink": _splink}[who](left, right, out)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
                "peak_rss_mib": used.ru_maxrss // 1024,
            }
        )
    )


if __name__ == "__main__":
    _main(*sys.argv[1:])
