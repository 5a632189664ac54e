"""`leadloop match LEFT [RIGHT]`: who is who in two tables, or which rows of one are the same."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli import output
from sync.cli.session import UsageFault
from sync.garbage import few_collections

if TYPE_CHECKING:
    from matching.tables.engines import Engine
    from matching.tables.link import Matched
    from matching.tables.mixture import Learned
    from matching.tables.quality import Truth
    from sync.match_report import Report
    from sync.match_tables import Table

_COLLECTED = 500_000
"""Things made between two looks for cycles."""


def command(
    ctx: typer.Context,  # noqa: ARG001 - every command takes it
    left: Annotated[Path, typer.Argument(metavar="LEFT", help="A CSV or Parquet file.")],
    right: Annotated[
        Path | None,
        typer.Argument(metavar="RIGHT", help="Another one, whose rows are linked onto LEFT's."),
    ] = None,
    id_column: Annotated[
        str, typer.Option("--id", metavar="COLUMN", help="The column that names rows.")
    ] = "id",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the pairs there, as CSV.")
    ] = None,
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="What a column holds."),
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option("--compare", metavar="COLUMN=KIND", help="How a column is compared."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="Use this model instead of learning one.")
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", help="What weighs the pairs: own, duckdb or spark.")
    ] = "own",
    truth: Annotated[
        str | None,
        typer.Option(
            "--truth",
            metavar="COLUMN|FILE",
            help="Score the answer: a column equal for one person, or a file of pairs.",
        ),
    ] = None,
    why: Annotated[
        tuple[str, str] | None,
        typer.Option("--why", metavar="LEFT_ID RIGHT_ID", help="Show the evidence on two rows."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find who is who in two tables, or duplicates in one.

    With RIGHT each of its rows is linked onto at most one person of LEFT; else LEFT is deduped.
    Columns are recognised; nothing is labelled, no state and no account is touched.
    """
    if out is None and why is None and truth is None and not as_json:
        raise UsageFault(
            "nothing was asked for", remedy="Name a file for the pairs: --out PAIRS.csv."
        )
    works = _engine(engine)
    report, notes = _matched(
        left, right, id_column, mapped or [], compare or [], model, truth, works
    )
    for note in notes:
        output.say(note)
    _tell(report, notes, out, why, as_json=as_json)


def _tell(
    report: Report,
    notes: Sequence[str],
    out: Path | None,
    why: tuple[str, str] | None,
    *,
    as_json: bool,
) -> None:
    """The answer where it was asked for: a file, JSON, the evidence on a pair, or a summary."""
    if out is not None:
        _write(out, report)
    shown = {"why": _why(report, why)} if why is not None else {}
    if as_json:
        data = {**report.figures(), "notes": notes, "out": str(out) if out else None}
        output.emit_json("match", data | shown)
    elif shown:
        _draw(shown["why"])
    else:
        _show(report, out)


@few_collections(_COLLECTED)
def _matched(
    left: Path,
    right: Path | None,
    id_column: str,
    mapped: Sequence[str],
    compare: Sequence[str],
    model: Path | None,
    truth: str | None,
    engine: Engine | None,
) -> tuple[Report, list[str]]:
    from sync.match_report import Report
    from sync.match_tables import read_table

    tables = [read_table(path) for path in (left, right) if path is not None]
    keys = [table.ids(id_column) for table in tables]
    roles, kinds = _roles(mapped, tables), _kinds(compare, tables)
    _need_values(id_column, {*roles, *kinds})
    known = _truth(truth, tables, keys) if truth is not None else None
    skip = {id_column} | ({truth} if truth is not None else set())
    learned, told = _model(model, tables) if model is not None else (None, {})
    notes = [f"{table.name}: {note}" for table in tables for note in table.notes]
    found = _found(tables, tuple(sorted(skip)), roles, told | kinds, model=learned, engine=engine)
    return Report(found, [key for side in keys for key in side], known), notes


def _found(
    tables: list[Table],
    skip: tuple[str, ...],
    roles: dict[str, str],
    kinds: dict[str, str],
    *,
    model: Learned | None,
    engine: Engine | None,
) -> Matched:
    """The tables matched; the list is empty afterwards."""
    from matching.tables.engines import EngineMissingError
    from matching.tables.link import ModelMismatchError, NothingToCompareError, match
    from sync.match_tables import MatchInputError

    tables.reverse()  # handed over one by one: matching lets go of what it has read
    try:
        return match(
            tables.pop().columns,
            tables.pop().columns if tables else None,
            skip=skip,
            roles=roles,
            kinds=kinds,
            model=model,
            engine=engine,
        )
    except EngineMissingError as error:
        raise UsageFault(
            str(error),
            code="match.engine",
            remedy="Install the extra: pip install 'leadloop[bulk]', or leadloop[bulk,spark] for "
            "Spark, which also needs Java; or leave out --engine, which needs nothing.",
        ) from None
    except NothingToCompareError:
        raise MatchInputError(
            "there is nothing to compare: no column with values beside the id that both sides have",
            code="match.no_fields",
            remedy="Tell what columns hold with --map FIELD=COLUMN, or how they are compared with "
            "--compare COLUMN=KIND.",
        ) from None
    except ModelMismatchError as error:
        raise UsageFault(
            str(error),
            code="match.model",
            remedy="Use a model learned on tables with these fields, or none.",
        ) from None


def _engine(name: str) -> Engine | None:
    """What weighs the pairs instead of the command itself."""
    from matching.tables.engines import ENGINES, DuckDB, Spark

    if name not in ENGINES:
        raise UsageFault(
            f"there is no engine `{output.shown(name)}`", remedy=f"Use one of {', '.join(ENGINES)}."
        )
    return {"duckdb": DuckDB, "spark": Spark}[name]() if name != "own" else None


def _need_values(id_column: str, told: set[str]) -> None:
    if id_column in told:
        raise UsageFault(
            f"the id column `{output.shown(id_column)}` is never compared",
            remedy="Name another column, or other ids with --id.",
        )


def _pairs_of(options: Sequence[str], what: str) -> list[tuple[str, str]]:
    found = []
    for option in options:
        one, mark, other = option.partition("=")
        if not mark or not one.strip() or not other.strip():
            raise UsageFault(f"`{output.shown(option)}` is not {what}", remedy=f"Write {what}.")
        found.append((one.strip(), other.strip()))
    return found


def _column(name: str, tables: Sequence[Table]) -> str:
    if any(name in table.columns for table in tables):
        return name
    raise UsageFault(
        f"no table has a column `{output.shown(name)}`",
        remedy="Write the column as the header has it.",
    )


def _roles(options: Sequence[str], tables: Sequence[Table]) -> dict[str, str]:
    from matching.tables.roles import ROLES, role_of

    known = set(ROLES.values())
    found = {}
    for name, column in _pairs_of(options, "FIELD=COLUMN"):
        role = name if name in known else role_of(name)
        if not role:
            raise UsageFault(
                f"there is no field `{output.shown(name)}`",
                remedy=f"Use one of {', '.join(sorted(known))}.",
            )
        found[_column(column, tables)] = role
    return found


def _kinds(options: Sequence[str], tables: Sequence[Table]) -> dict[str, str]:
    from matching.tables.layout import FREE_KINDS

    found = {}
    for column, kind in _pairs_of(options, "COLUMN=KIND"):
        if kind not in FREE_KINDS:
            raise UsageFault(
                f"there is no kind of comparison `{output.shown(kind)}`",
                remedy=f"Use one of {', '.join(FREE_KINDS)}.",
            )
        found[_column(column, tables)] = kind
    return found


def _model(path: Path, tables: Sequence[Table]) -> tuple[Learned, dict[str, str]]:
    """The model of a file, and how it compares columns whose meaning nobody knows."""
    from matching.tables.layout import COMPOSED, FREE_KINDS
    from matching.tables.modelfile import from_json

    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        body = body.get("model", body)
        learned = from_json(body)
    except (OSError, ValueError, AttributeError) as error:
        raise UsageFault(
            f"{path} is no model: {error}",
            code="match.model",
            remedy="Name a file with what `leadloop match --json` printed.",
        ) from None
    kinds = {name: str(one["kind"]) for name, one in body["fields"].items()}
    free = {
        name: kind
        for name, kind in kinds.items()
        if name not in COMPOSED
        and kind in FREE_KINDS
        and all(name in table.columns for table in tables)
    }
    return learned, free


def _truth(told: str, tables: Sequence[Table], keys: Sequence[Sequence[str]]) -> Truth:
    from matching.tables.quality import Truth
    from sync.match_tables import read_table

    if all(told in table.columns for table in tables):
        return Truth(labels=[label for table in tables for label in table.columns[told]])
    if not Path(told).is_file():
        raise UsageFault(
            f"the truth `{output.shown(told)}` is neither a column of every table nor a file",
            remedy="Name a column, or a CSV file of pairs: left id, right id.",
        )
    columns = list(read_table(Path(told)).columns.values())
    if len(columns) < 2:  # noqa: PLR2004 - a pair is two
        raise UsageFault(
            f"the truth `{output.shown(told)}` has one column",
            remedy="Name a CSV file whose first two columns are left id and right id.",
        )
    first = {key: row for row, key in enumerate(keys[0])}
    second = {key: len(first) + row for row, key in enumerate(keys[1])} if keys[1:] else first
    pairs = zip(columns[0], columns[1], strict=True)
    rows = {(first[a], second[b]) for a, b in pairs if a in first and b in second}
    return Truth(pairs=frozenset((min(pair), max(pair)) for pair in rows))


def _write(out: Path, report: Report) -> None:
    from sync.match_tables import MatchInputError

    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(report.header())
            writer.writerows(report.rows())
    except OSError as error:
        raise MatchInputError(
            f"{out} cannot be written: {error.strerror}",
            code="match.unwritable",
            remedy="Name a file in a directory you may write to.",
        ) from None


def _why(report: Report, pair: tuple[str, str]) -> dict[str, Any]:
    from sync.waterfall import candidate_as_json

    if report.dedupes and pair[0] == pair[1]:
        raise UsageFault("both ids name one row", remedy="Give the ids of two rows.")
    try:
        shown = report.why(*pair)
    except KeyError as error:
        raise UsageFault(
            f"no row has the id {output.shown(str(error))}",
            remedy="Give an id of LEFT, then one of RIGHT (or two of LEFT).",
        ) from None
    return {**shown, "candidates": [candidate_as_json(one) for one in shown["candidates"]]}


def _draw(shown: dict[str, Any]) -> None:
    from sync.cli import waterfalls

    waterfalls.draw(output.console(), shown)


# --- the summary --------------------------------------------------------------------------------


def _show(report: Report, out: Path | None) -> None:
    console, figures = output.console(), report.figures()
    console.print(_headline(report, figures), markup=False)
    if out is not None:
        console.print(f"Pairs: {out}", markup=False)
    rows = [
        [one["field"], one["kind"], f"{one['known']:.1%}", f"{one['agrees']:.1%}",
         f"{one['bits']:+.1f}"]
        for one in figures["fields"]
    ]  # fmt: skip
    columns = ["field", "compared as", "known on both", "agrees fully", "bits a link"]
    console.print(output.table("What the links rest on", columns, rows))
    if figures["worst_clusters"]:
        rows = [
            [", ".join(one["ids"]), one["size"], f"{one['least_probability']:.3f}"]
            for one in figures["worst_clusters"]
        ]
        columns = ["rows", "size", "least sure pair"]
        console.print(output.table("Clusters to look at first", columns, rows))
    if figures["quality"] is not None:
        _show_quality(figures["quality"])


def _headline(report: Report, figures: dict[str, Any]) -> str:
    counts, blocking = figures["counts"], figures["blocking"]
    looked = (
        f"{blocking['pairs_compared']:,} of {blocking['pairs_possible']:,} pairs were compared; "
        f"{counts['reviews']:,} are worth a look."
    )
    if report.dedupes:
        return (
            f"{counts['duplicates']:,} of {counts['left']:,} rows are duplicates, in "
            f"{counts['clusters']:,} clusters. {looked}"
        )
    return (
        f"{counts['linked_right']:,} of {counts['right']:,} rows were found among "
        f"{counts['left']:,}. {looked}"
    )


def _show_quality(quality: dict[str, Any]) -> None:
    console = output.console()
    names = ("precision", "recall", "f1", "pair_completeness", "reduction_ratio")
    rows = [[name.replace("_", " "), f"{quality[name]:.4f}"] for name in names]
    console.print(output.table("Against the truth", ["measure", "value"], rows))
    rows = [
        [f"{one['from']} to {one['to']}", one["pairs"], f"{one['said']:.3f}", f"{one['right']:.3f}"]
        for one in quality["calibration"]
    ]
    columns = ["probability", "pairs", "said", "right"]
    console.print(output.table("Calibration", columns, rows))
