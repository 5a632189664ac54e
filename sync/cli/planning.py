"""Making a plan and showing it: behind `leadloop plan` and `leadloop sync --dry-run`.

Works on a throw-away copy of the state throughout, the binding to the accounts included, so that
no vendor is written to and the state stays as it was (law 10).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mappings.errors import MassChangeRefusedError
from mappings.render import mapping_data
from state import identity, runs
from sync import wiring
from sync.approvals import mapping_subject
from sync.cli import output
from sync.cli.session import Session
from sync.cli.summary import BECOMES, MERGED, Overview, Said, summarise
from sync.compare import WORDS, compared
from sync.garbage import few_collections
from sync.pair import Pair, Progress
from sync.planfile import PlanFile, plan_id
from sync.run import Prepared, dry_run, guard

if TYPE_CHECKING:
    from mappings.fieldmap import PairMapping
    from sync.config import Config, PairConfig


FIELDS = (*BECOMES, MERGED)


@dataclass(frozen=True, slots=True)
class MadePlan:
    """A plan: what is shown (`summary`) and what is approved (`file`)."""

    summary: dict[str, Any]
    file: PlanFile


@few_collections()
def make_plan(
    session: Session,
    config: Config,
    pair: PairConfig,
    *,
    samples: int,
    old: PairMapping | None = None,
) -> MadePlan:
    """Plan a pair from fresh data, on a copy. Raises what connecting and pulling raise.

    With an `old` mapping, the pair is planned under it as well, on a copy of its own, and the
    summary says what the difference between the two comes to.
    """
    with _planned(session, config, pair) as (planned_pair, prepared):
        made = told(planned_pair, prepared, samples=samples)
    if old is not None:
        with _planned(session, config, replace(pair, mapping=old)) as (_, was):
            made.summary["against"] = compared(
                (mapping_data(old), was.planned.intents()),
                (mapping_data(pair.mapping), prepared.planned.intents()),
                samples=samples,
            )
    return made


def told(pair: Pair, prepared: Prepared, *, samples: int) -> MadePlan:
    """What a prepared plan comes to, and what approving it takes."""
    said = _said(pair, prepared)
    overview = Overview.of(prepared.planned, samples=samples, joined=prepared.joined)
    file = _plan_file(pair, prepared, overview.marks)
    summary = {
        "pair": pair.name,
        "plan": file.plan,
        "made_at": file.made_at.isoformat(),
        **summarise(prepared, overview, said),
        "against": None,
    }
    return MadePlan(summary, file)


@contextlib.contextmanager
def _planned(session: Session, config: Config, pair: PairConfig) -> Iterator[tuple[Pair, Prepared]]:
    """A plan of the pair from fresh data, on a copy of the state that lasts as long."""
    with (
        session.planning_store(config, pair) as copy,
        progress(f"planning {pair.name}") as shown,
        wiring.open_pair(config, pair, copy, progress=shown) as opened,
    ):
        yield dry_run(opened, store=copy)


def _said(pair: Pair, prepared: Prepared) -> Said:
    with pair.store.read() as tx:
        population = identity.count(tx).get("person", 0)
        approved = runs.approved(tx, mapping_subject(pair.mapping.hash))
    refusal = None
    try:
        guard(pair, prepared.planned, None)
    except MassChangeRefusedError as error:
        refusal = error
    return Said(approved, refusal, population, pair.guard)


def _plan_file(pair: Pair, prepared: Prepared, marks: frozenset[str]) -> PlanFile:
    return PlanFile(
        plan=plan_id(marks, pair.namespace, pair.mapping.hash),
        pair=pair.name,
        namespace=pair.namespace,
        config_hash=pair.config_hash,
        mapping_hash=pair.mapping.hash,
        made_at=pair.clock(),
        counts=dict(prepared.planned.counts()),
        kinds=dict(prepared.planned.kinds()),
        fingerprints=marks,
    )


@contextlib.contextmanager
def progress(title: str) -> Iterator[Progress]:
    """A line on stderr that says how far a run is; only on a terminal."""
    console = output.console(stderr=True)
    if not console.is_terminal:
        yield Progress()
        return
    with console.status(f"{title} ...") as line:

        def report(stage: str, done: int, total: int | None) -> None:
            of = f" of {total:,}" if total else ""
            line.update(f"{title}: {stage} {done:,}{of}")

        yield Progress(report)


def show_plan(summary: dict[str, Any]) -> None:
    """Print a plan for people, on stdout."""
    console = output.console()
    people, pulled = summary["people"], summary["pulled"]
    console.print(
        f"Plan {summary['plan']} for pair {summary['pair']}: {summary['writes']:,} writes"
        f" ({pulled['records']:,} record changes and {pulled['events']:,} events pulled)",
        markup=False,
    )
    console.print(
        f"People: {people['linked']:,} linked, {people['created']:,} created,"
        f" {people['to_review']:,} to review; {people['known']:,} known",
        markup=False,
    )
    if summary["under_way"]:
        console.print(
            f"Under way: {sum(summary['under_way'].values()):,} writes of an earlier run, which the"
            " next one finishes first.",
            markup=False,
        )
    elif not summary["writes"]:
        console.print("Nothing to write: both sides agree.", markup=False)
    for title, columns, rows in _tables(summary):
        if rows:
            console.print(output.table(title, columns, rows))
    for sample in summary["samples"]:
        console.print(output.table(_sample_title(sample), *_sample_rows(sample)))
    refusal = summary["guard"]["refusal"]
    if refusal:
        console.print(f"Guard: {refusal['message']}.", markup=False)
    if summary["against"] is not None:
        _show_comparison(summary["against"])


def _show_comparison(against: dict[str, Any]) -> None:
    """What the mapping says otherwise than the one compared with, and what comes of it."""
    console = output.console()
    writes = against["writes"]
    console.print(
        f"Compared: {writes['old']:,} writes under the mapping as it was, {writes['new']:,} now.",
        markup=False,
    )
    said = [[d["where"], _plain(d["before"]), _plain(d["after"])] for d in against["mapping"]]
    rows = [
        [f["side"].upper(), f["object"], f["field"], *(f"{f[word]:,}" for word in WORDS)]
        for f in against["fields"]
    ]
    samples = [
        [s["side"].upper(), f"{s['object']}.{s['field']}", s["now"], s["old"], s["new"]]
        for s in against["samples"]
    ]
    for title, columns, cells in (
        ("The mapping", ["where", "was", "is"], said),
        ("Values written", ["side", "object", "field", "more", "no longer", "otherwise"], rows),
        ("Samples", ["side", "field", "now", "under the old", "under the new"], samples),
    ):
        if cells:
            console.print(output.table(title, columns, cells))
    if not said:
        console.print("The mapping says what it said.", markup=False)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _tables(summary: dict[str, Any]) -> list[tuple[str, list[str], list[list[Any]]]]:
    words = {"crm": "CRM", "map": "MAP"}
    by_object = []
    for name, count in summary["by_object"].items():
        side, operation, object_name = name.split(".", 2)
        by_object.append([words[side], operation.replace("_", " "), object_name, f"{count:,}"])
    kinds = [[name, f"{count:,}"] for name, count in summary["kinds"].items() if count]
    kinds += [
        [title, f"{count:,}"]
        for title, count in (("conflicts for a person", summary["conflicts"]),)
        if count
    ]
    return [
        ("What would change", ["kind", "number"], kinds),
        ("Where", ["side", "what", "object", "number"], by_object),
        ("Gone at the vendors", ["side", "object", "deleted", "merged"], _gone(summary, words)),
        (
            "Fields",
            ["side", "object", "field", *FIELDS],
            [
                [words[f["side"]], f["object"], f["field"], *(f"{f[word]:,}" for word in FIELDS)]
                for f in summary["by_field"]
            ],
        ),
        (
            "Stages",
            ["from", "to", "people", "such as"],
            [
                [s["before"] or "", s["after"] or "", s["count"], ", ".join(s["records"][:3])]
                for s in summary["stages"]
            ],
        ),
        (
            "Against the guard's limits",
            ["kind", "number", "allowed unseen", ""],
            [
                [r["kind"], r["count"], r["allowed"], "too many" if r["exceeded"] else ""]
                for r in summary["guard"]["risks"]
                if r["count"]
            ],
        ),
        (
            "Left as it is",
            ["object", "field", "reason", "number"],
            [[s["object"], s["field"], s["reason"], s["count"]] for s in summary["skipped"][:20]],
        ),
        ("Events without a write", ["becomes", "number"], [*map(list, summary["events"].items())]),
        ("Waiting", ["for", "number"], [*map(list, summary["waiting"].items())]),
        (
            "Streams that could not be read",
            ["stream", "why"],
            [*map(list, pulled_failures(summary).items())],
        ),
    ]


def _gone(summary: dict[str, Any], words: dict[str, str]) -> list[list[Any]]:
    return [
        [words[one["side"]], one["object"], f"{one['deleted']:,}", f"{one['merged']:,}"]
        for one in summary["gone"]["by_object"]
    ]


def pulled_failures(summary: dict[str, Any]) -> dict[str, str]:
    """Streams that failed, with their error's code."""
    failed: dict[str, str] = summary["pulled"]["streams_failed"]
    return failed


def _sample_title(sample: dict[str, Any]) -> str:
    record = sample["id"] or "new"
    return (
        f"Sample: {sample['operation'].replace('_', ' ')} {sample['object']} {record}"
        f" in the {sample['side'].upper()} ({sample['reason']})"
    )


def _sample_rows(sample: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    return ["field", "before", "after", "rule"], [
        [c["field"], c["before"], c["after"], c["rule"]] for c in sample["changes"]
    ]
