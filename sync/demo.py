"""`leadloop demo`: the whole loop on people nobody has to be careful with, and a judge.

Starts the sandbox, connects, plans and approves the first sync (law 13), runs it, lets days pass
with a sync each, then syncs once more without any change; then compares what both vendors hold with
the truth, and ends with the numbers both teams go by. Everything goes the same road as a real
connection: the workspace `leadloop init` would write with a contract beside the mapping,
`doctor --fix`, a plan on a copy of the state, the approval of exactly that plan.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mappings.errors import ConfigurationError, LeadloopError
from sandbox.process import SandboxProcess, start_process
from state.store import Store
from sync import wiring
from sync.config import Config, load_config
from sync.demo_contract import write_contract
from sync.demo_ending import against_truth, ending
from sync.demo_judge import judge, shares
from sync.demo_report import Teller
from sync.demo_snapshot import crm_people, people_in_review, take_snapshot
from sync.demo_stage import Backstage, Calls, SandboxClock, total, write_calls
from sync.doctor import Level, examine
from sync.guard import Approval
from sync.pair import Progress
from sync.plan import fingerprints
from sync.run import Report, dry_run, run_once
from sync.workspace import write_workspace

DAYS = 5
"""Days that pass after the first sync."""
LAG = 60.0
"""Seconds the clock moves on after each day: HubSpot's search shows a write within 38 s (FACTS
section 2)."""
EVIDENCE = 50
"""Cases kept of each kind that should be none."""
CEILINGS = {"hubspot": 100, "salesforce": 200}
"""Records of one writing call at most: HubSpot batch, Salesforce collections (FACTS 2 and 4)."""
MORE = {"/associate/default": 2000}
"""Larger ones, by how the path ends: HubSpot associations v4 create (FACTS section 2)."""
START_SECONDS = 1200.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What to show: whose people ("generated" or "febrl4"), how many on each side, for how many
    days, from which seed, and whether the workspace stays (in `./demo-...`).
    """

    world: str = "generated"
    people: int | None = None
    days: int = DAYS
    seed: int = 7
    keep: bool = False

    @property
    def size(self) -> int:
        """People on each side: as said, else 2,000, or all of FEBRL 4."""
        return self.people or {"febrl4": 5000}.get(self.world, 2000)


def run_demo(options: DemoOptions, *, teller: Teller | None = None) -> dict[str, Any]:
    """Play the demo and judge it: the numbers of `demo_judge` and of the work done, JSON-able, with
    `evidence` for those that should be none, and `runs`.

    Raises LeadloopError when something stops it (a refused run among them): nothing is judged then.
    """
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        told = teller or stack.enter_context(Teller())
        place = stack.enter_context(_place(options))
        with told.step(f"Start the sandbox: {options.world}, {options.size:,} people a side"):
            sandbox = stack.enter_context(_sandbox(place, options))
        result = _play(options, place, sandbox, told)
    result["seconds"] = round(time.monotonic() - began, 1)
    return result


@contextlib.contextmanager
def _place(options: DemoOptions) -> Iterator[Path]:
    """The workspace's directory: gone at the end, or kept."""
    if options.keep:
        kept = Path(tempfile.mkdtemp(prefix="demo-", dir=Path.cwd()))
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="leadloop_demo_") as name:
        yield Path(name)


def _sandbox(place: Path, options: DemoOptions) -> SandboxProcess:
    try:
        return start_process(
            place,
            world=options.world,
            people=options.size,
            seed=options.seed,
            timeout=START_SECONDS,
        )
    except (RuntimeError, OSError) as error:
        raise LeadloopError(
            f"the sandbox did not start: {str(error).strip().splitlines()[-1]}",
            code="demo.sandbox",
            remedy="See `leadloop demo --help`; febrl4 has at most 5,000 people.",
        ) from None


def _play(
    options: DemoOptions, place: Path, sandbox: SandboxProcess, told: Teller
) -> dict[str, Any]:
    backstage = Backstage(sandbox.info)
    clock = SandboxClock(backstage.now)
    clock.read()
    path = write_workspace(
        place, hubspot=sandbox.info["hubspot"], salesforce=sandbox.info["salesforce"]
    )
    users = backstage.rows("salesforce", "User")
    live = clock.now().replace(microsecond=0)
    go_live = live if write_contract(place, users, live) is not None else None
    config = load_config(path)
    clocks = wiring.Clocks(now=clock.now)
    with contextlib.closing(wiring.open_state(config, config.pairs[0], clocks)) as store:
        acts = _Acts(config, store, clocks, clock, backstage, told)
        before = crm_people(backstage)
        work = _first_sync(acts)
        work |= _days(acts, options.days)
        with told.step("Compare both vendors with the truth"):
            snapshot = take_snapshot(backstage, store, go_live=go_live)
            verdict = judge(snapshot)
        with told.step("Count what both teams go by, and audit how they work together"):
            last = ending(store, config.pairs[0].mapping, config.pairs[0].crm_system.kind)
            verdict.tell("reports_wrong", against_truth(last, snapshot))
        somebody = next(iter(people_in_review(store)), None)
    return {
        **verdict.numbers,
        **shares(verdict.numbers),
        **work,
        "crm_records_before": before,
        "events_pulled": acts.pulled_events,
        **_under_contract(acts.runs),
        "map_calls": acts.calls["hubspot"],
        "crm_calls": acts.calls["salesforce"],
        "dead_letters": acts.runs[-1]["dead_letters"],
        "world": options.world,
        "days": options.days,
        "happened": dict(sorted(acts.happened.items())),
        "runs": acts.runs,
        "evidence": {name: cases[:EVIDENCE] for name, cases in verdict.evidence.items()},
        "config": str(path) if options.keep else None,
        "somebody": somebody,
        "ending": last,
    }


def _under_contract(runs: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """What the contract came to: people moved on, handed over, held back, sent back, come back."""
    told = [run.get("lifecycle") or {} for run in runs]
    moves: Counter[str] = Counter()
    handoffs: Counter[str] = Counter()
    for one in told:
        moves.update(one.get("moves", {}))
        handoffs.update(one.get("handoffs", {}))
    return {
        "stages_before": moves["baseline"],
        "stages_moved": moves["forward"],
        "handed_over": handoffs["open"],
        "handoffs_held": handoffs["held"],
        "sent_back": moves["recycle"],
    }


def _first_sync(acts: _Acts) -> dict[str, Any]:
    """Doctor, plan, approval of exactly that, backfill; how full its writing calls were."""
    with acts.told.step("doctor --fix: accounts, Leadloop's own fields"):
        acts.doctor()
    with acts.told.step("Plan the first sync on a copy of the state"):
        approval = acts.plan()
    acts.told.say(f"  approved: {len(approval.fingerprints or ()):,} changes, exactly these")
    acts.take_calls()
    report = acts.run("first sync", approval)
    writes = write_calls(acts.take_calls())
    return {**_batching(report, writes), "write_calls": writes}


def _days(acts: _Acts, days: int) -> dict[str, Any]:
    """Days with a sync each, then one sync without any change; what that one wrote."""
    for day in range(1, days + 1):
        with acts.told.step(f"Day {day} of {days} passes"):
            acts.happened.update(acts.backstage.tick())
            acts.wait()
        acts.run(f"sync after day {day}")
    acts.wait()
    acts.take_calls()
    acts.run("sync without any change")
    return {"second_run_writes": sum(write_calls(acts.take_calls()).values())}


@dataclass(slots=True)
class _Acts:
    """What the demo does with Leadloop, the way its commands do, and what that came to."""

    config: Config
    store: Store
    clocks: wiring.Clocks
    clock: SandboxClock
    backstage: Backstage
    told: Teller
    calls: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    pulled_events: int = 0
    runs: list[dict[str, Any]] = field(default_factory=list)

    def wait(self) -> None:
        """Let the search index catch up."""
        self.backstage.move_clock(LAG)
        self.clock.read()

    def take_calls(self) -> Calls:
        """The calls since this was last asked, added to the whole."""
        calls = self.backstage.take_calls()
        self.calls.update({system: total(calls, system) for system in calls})
        return calls

    def doctor(self) -> None:
        """`doctor --fix`. Raises ConfigurationError on what keeps a run from being right."""
        pair = self.config.pairs[0]
        systems = (pair.map_system, pair.crm_system)
        connectors = {one.name: wiring.connect(one) for one in systems}
        try:
            findings = examine(self.config, connectors, fix=True)
        finally:
            for connector in connectors.values():
                connector.close()
        bad = [one for one in findings if one.level is Level.ERROR]
        if bad:
            raise ConfigurationError(bad[0].what, code=bad[0].code, remedy=bad[0].remedy)

    def plan(self) -> Approval:
        """`plan`, and a person's yes to exactly that."""
        with self._pair() as pair, self.store.scratch() as copy:
            _, prepared = dry_run(pair, store=copy)
            return Approval(frozenset(fingerprints(list(prepared.planned.intents()))))

    def run(self, name: str, approval: Approval | None = None) -> Report:
        """`sync`. Raises the error that stopped it."""
        with self.told.step(f"Run the {name}"), self.store.exclusive(), self._pair() as pair:
            report = run_once(pair, approval=approval)
        if report.error is not None:
            raise report.error
        self.pulled_events += int(report.counts.get("pulled_events", 0))
        self.runs.append({"name": name, "status": report.status, **report.counts})
        written = report.counts.get("written", {})
        said = ", ".join(f"{n:,} {key}" for key, n in sorted(written.items()) if n)
        self.told.say(f"  written: {said or 'nothing'}")
        return report

    def _pair(self) -> Any:
        return wiring.open_pair(
            self.config,
            self.config.pairs[0],
            self.store,
            clocks=self.clocks,
            progress=Progress(self.told.progress),
        )


def _batching(first: Report, writes: dict[str, int]) -> dict[str, float]:
    """How full the first sync's writing calls were."""
    rows = sum(first.counts.get("written", {}).values())
    calls = sum(writes.values())
    room = sum(count * _ceiling(name) for name, count in writes.items())
    return {
        "records_per_write_call": round(rows / max(1, calls), 1),
        "write_batch_share": round(rows / max(1, room), 4),
    }


def _ceiling(name: str) -> int:
    larger = next((size for end, size in MORE.items() if name.endswith(end)), None)
    return larger or CEILINGS["salesforce" if "/services/data/" in name else "hubspot"]
