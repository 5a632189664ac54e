"""What the demo says: how it is getting on (stderr), and what came of it (stdout)."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status
    from rich.table import Table

SHOWN = 5
"""Cases shown of each kind that should be none."""

GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "People",
        (
            ("people_in_map", "people in HubSpot at the end"),
            ("crm_records_before", "people in Salesforce before the first sync"),
            ("linked", "linked to a record that was there"),
            ("created", "created in Salesforce"),
            ("in_review", "left for a person to decide"),
            ("duplicates_created", "duplicates created"),
            ("duplicates_certain", "of them with an address or phone that was there"),
            ("wrong_links", "linked to somebody else"),
            ("missed_links", "on both sides, yet not linked"),
        ),
    ),
    (
        "Activity",
        (
            ("events_pulled", "form fills and e-mail events pulled"),
            ("activities_logged", "shown in Salesforce, as Tasks or in roll-ups"),
            ("activities_held", "held for people in review"),
            ("activities_missing", "missing"),
            ("activities_twice", "shown more than once"),
        ),
    ),
    (
        "Under the contract",
        (
            ("stages_before", "moves of before the demo: history, shown nowhere"),
            ("stages_moved", "people moved on to a further stage"),
            ("handed_over", "handed to a salesperson, with a task"),
            ("handoffs_held", "held back for want of required data"),
            ("sent_back", "sent back to marketing by sales"),
        ),
    ),
    (
        "Back to marketing",
        (
            ("outcomes_expected", "values that should stand in HubSpot"),
            ("outcomes_written", "values that do"),
            ("optouts_violated", "opt-outs not carried to the other side"),
        ),
    ),
    (
        "Work",
        (
            ("unaccounted", "pulled or there to pull, and without an ending"),
            ("second_run_writes", "writes of a run without any change"),
            ("reports_wrong", "figures of the reports that Salesforce's rows contradict"),
            ("map_calls", "calls to HubSpot"),
            ("crm_calls", "calls to Salesforce"),
            ("records_per_write_call", "records per writing call in the first sync"),
            ("write_batch_share", "share of the vendors' largest batch that is"),
            ("seconds", "seconds for everything"),
        ),
    ),
)
NONE_WANTED = frozenset(
    "duplicates_certain activities_missing activities_twice optouts_violated unaccounted "
    "second_run_writes reports_wrong".split()
)
"""Numbers whose target is 0."""
SHARES = {
    "duplicates_created": 0.005,
    "wrong_links": 0.002,
    "missed_links": 0.03,
    "in_review": 0.03,
}
"""Most of the creates (duplicates), the links (wrong ones) or the true matches (the others) that
may be so. Law 1 allows the duplicates only where nothing but scoring could have told."""
SHARES_OF_A_CROWD = frozenset({"wrong_links", "missed_links", "in_review"})
"""Shares that say little in a small world: told when missed, but no failure of the demo."""


def failures(result: Mapping[str, Any]) -> list[str]:
    """The numbers that miss their target."""
    missed = [name for name in sorted(NONE_WANTED) if result[name]]
    missed += [name for name, most in SHARES.items() if result[f"{name}_share"] > most]
    if result["outcomes_written"] != result["outcomes_expected"]:
        missed.append("outcomes_written")
    return missed


@dataclass
class Teller:
    """Says on stderr how the demo is getting on: live on a terminal, a line a step elsewhere."""

    _console: Console | None = None
    _status: Status | None = None
    _step: str = ""
    _began: float = field(default_factory=time.monotonic)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console

            self._console = Console(stderr=True, highlight=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """One step: announced, then closed with the seconds it took."""
        began = time.monotonic()
        self._step = text
        if self._console is not None:
            self._status = self._console.status(text)
            self._status.start()
        try:
            yield
        finally:
            if self._status is not None:
                self._status.stop()
                self._status = None
        self.say(f"{text} ({time.monotonic() - began:.1f} s)")

    def say(self, text: str) -> None:
        """One line."""
        if self._console is not None:
            self._console.print(text, markup=False)
        else:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def progress(self, stage: str, done: int, whole: int | None) -> None:
        """How far a run is, shown beside the running step."""
        if self._status is not None:
            far = f"{done:,}" if whole is None else f"{done:,} of {whole:,}"
            self._status.update(f"{self._step}: {stage} {far}")


def print_summary(result: Mapping[str, Any]) -> None:
    """The demo's numbers as tables on stdout, what missed its target, and where to look next."""
    from rich.console import Console

    console = Console(highlight=False)
    for title, lines in GROUPS:
        console.print(_table(title, lines, result))
    missed = failures(result)
    if missed:
        console.print(f"Missed its target: {', '.join(missed)}.", style="bold")
        for name, cases in result["evidence"].items():
            for case in cases[:SHOWN]:
                console.print(f"  {name}: {case}", markup=False)
    else:
        console.print("Every number meets its target.")
    _ending(console, result["ending"])
    _next_steps(console, result)


def _ending(console: Console, found: Mapping[str, Any]) -> None:
    """What both teams go by: funnel, worked rate, two stories, the audit."""
    from sync.cli.output import table
    from sync.demo_ending import story_lines

    rows = [
        [one["stage"], one["team"], one["entered"], one["converted"], one["standing"]]
        for one in found["funnel"]
    ]
    console.print(table("Funnel", ["stage", "team", "reached", "went on", "standing"], rows))
    work = found["working"]
    rate = "none judged yet" if work["worked_rate"] is None else f"{work['worked_rate']:.0%}"
    console.print(
        f"Handed over: {work['handed_over']}; worked within five working days: {work['worked']},"
        f" not: {work['not_worked']}, days not over: {work['pending']}; worked rate: {rate}."
    )
    for title, told in story_lines(found):
        console.print(table(title, ["when (UTC)", "what"], told))
    rows = [
        [one["question"], _codes(one["findings"]), one["could_not_tell"]] for one in found["audit"]
    ]
    console.print(table("Audit", ["question", "found", "cannot tell of"], rows))


def _codes(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {code}" for code, count in counts.items()) or "nothing"


def _table(title: str, lines: tuple[tuple[str, str], ...], result: Mapping[str, Any]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE, show_header=False)
    table.add_column(justify="right")
    table.add_column()
    table.add_column()
    for name, text in lines:
        table.add_row(_number(result[name]), text, _target(name, result))
    return table


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _target(name: str, result: Mapping[str, Any]) -> str:
    if name in NONE_WANTED:
        return "as it should be" if not result[name] else "should be 0"
    if name in SHARES:
        share = f"{result[f'{name}_share']:.2%}"
        return f"{share} (at most {SHARES[name]:.1%})"
    return ""


def _next_steps(console: Console, result: Mapping[str, Any]) -> None:
    console.print("\nWhere to look next", style="bold")
    config = result.get("config")
    if config is None:
        lines = [
            "leadloop demo --keep                     keeps the workspace to look around in",
            "leadloop demo --world febrl4             people nobody here invented",
            "leadloop sandbox --dir try               both vendors, for as long as you like",
            "README.md                                five minutes to your own accounts",
        ]
    else:
        lines = [
            f"Kept: {config}. Its sandbox has stopped; the state can still be read:",
            f"leadloop --config {config} status",
            f"leadloop --config {config} runs",
            f"leadloop --config {config} review list",
            f"leadloop --config {config} explain {result.get('somebody') or 'PERSON'}",
        ]
    for line in lines:
        console.print(f"  {line}", markup=False, soft_wrap=True)
