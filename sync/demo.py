"""`leadloop demo`: the whole loop on people nobody has to be careful with, and a judge.

Starts the sandbox, connects, plans and approves the first sync (law 13), runs it, lets days pass
with a sync each, then syncs once more without any change; then compares what both vendors hold with
the truth. Everything goes the same road as a real connection: the workspace `leadloop init` would
write, `doctor --fix`, a plan on a copy of the state, the approval of exactly that plan.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mappings.errors import ConfigurationError, LeadloopError
from sandbox.process import SandboxProcess, start_process
from state import events, mirror, outbox, reviews
from state.store import Store
from sync import wiring
from sync.config import Config, load_config
from sync.demo_judge import judge, shares
from sync.demo_report import Teller
from sync.demo_stage import Backstage, Calls, SandboxClock, total, write_calls
from sync.demo_ties import Snapshot
from sync.doctor import Level, examine
from sync.guard import Approval
from sync.pair import Progress
from sync.plan import fingerprints
from sync.run import Report, dry_run, run_once
from sync.workspace import write_workspace

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
    days: int = 5
    seed: int = 7
    keep: bool = False

    @property
    def size(self) -> int:
        """People on each side: as said, else 2,000, or all of FEBRL 4."""
        return self.people or {"febrl4": 5000}.get(self.world, 2000)


@dataclass(slots=True)
class _Tally:
    """What the runs came to, and the calls they cost."""

    map_calls: int = 0
    crm_calls: int = 0
    pulled_events: int = 0
    runs: list[dict[str, Any]] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)

    def add_calls(self, calls: Calls) -> None:
        self.map_calls += total(calls, "hubspot")
        self.crm_calls += total(calls, "salesforce")


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
    config = load_config(path)
    tally = _Tally()
    clocks = wiring.Clocks(now=clock.now)
    with contextlib.closing(wiring.open_state(config, config.pairs[0], clocks)) as store:
        acts = _Acts(config, store, clocks, backstage, tally, told)
        before = _crm_people(backstage)
        with told.step("doctor --fix: accounts, Leadloop's own fields"):
            acts.doctor()
        with told.step("Plan the first sync on a copy of the state"):
            approval = acts.plan()
        told.say(f"  approved: {len(approval.fingerprints or ()):,} changes, exactly these")
        backstage.take_calls_of(tally.add_calls)
        first = acts.run("first sync", approval)
        writes = write_calls(backstage.take_calls_of(tally.add_calls))
        for day in range(1, options.days + 1):
            with told.step(f"Day {day} of {options.days} passes"):
                tally.happened.update(backstage.tick())
                backstage.move_clock(LAG)
                clock.read()
            acts.run(f"sync after day {day}")
        backstage.move_clock(LAG)
        clock.read()
        backstage.take_calls_of(tally.add_calls)
        acts.run("sync without any change")
        last = backstage.take_calls_of(tally.add_calls)
        with told.step("Compare both vendors with the truth"):
            verdict = judge(_snapshot(backstage, store))
        somebody = next(iter(_people_in_review(store)), None)
    numbers: dict[str, Any] = {**verdict.numbers, **shares(verdict.numbers)}
    numbers |= {
        "world": options.world,
        "days": options.days,
        "crm_records_before": before,
        "events_pulled": tally.pulled_events,
        "second_run_writes": sum(write_calls(last).values()),
        "map_calls": tally.map_calls,
        "crm_calls": tally.crm_calls,
        **_batching(first, writes),
        "write_calls": writes,
        "dead_letters": tally.runs[-1]["dead_letters"],
        "runs": tally.runs,
        "happened": dict(sorted(tally.happened.items())),
        "evidence": {name: cases[:EVIDENCE] for name, cases in verdict.evidence.items()},
        "config": str(path) if options.keep else None,
        "somebody": somebody,
    }
    return numbers


@dataclass(slots=True)
class _Acts:
    """What the demo does with Leadloop, the way its commands do."""

    config: Config
    store: Store
    clocks: wiring.Clocks
    backstage: Backstage
    tally: _Tally
    told: Teller

    def doctor(self) -> None:
        """`doctor --fix`. Raises ConfigurationError on what keeps a run from being right."""
        pair = self.config.pairs[0]
        systems = (pair.map_system, pair.crm_system)
        connectors = {one.name: wiring.connect(one, None, self.clocks) for one in systems}
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
        self.tally.pulled_events += int(report.counts.get("pulled_events", 0))
        self.tally.runs.append({"name": name, "status": report.status, **report.counts})
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


def _crm_people(backstage: Backstage) -> int:
    """Live people in the CRM: Contacts and unconverted Leads."""
    return sum(
        not row.get("IsDeleted") and not row.get("IsConverted")
        for name in ("Lead", "Contact")
        for row in backstage.rows("salesforce", name)
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


def _people_in_review(store: Store) -> list[str]:
    """HubSpot contacts that wait for a decision (Leadloop alone knows), as record keys."""
    with store.read() as tx:
        found = [one.subject for one in reviews.items(tx, limit=1_000_000)]
    return [key for key in found if key.startswith("hubspot:contacts:")]


def _snapshot(backstage: Backstage, store: Store) -> Snapshot:
    """Both vendors as they stand, the truth, and the two things only Leadloop can say."""
    users = backstage.rows("salesforce", "User")
    deals = backstage.rows("hubspot", "deals")
    live_deals = [str(row["id"]) for row in deals if not row["archived"]]
    return Snapshot(
        truth=backstage.truth(),
        contacts=backstage.rows("hubspot", "contacts"),
        leads=backstage.rows("salesforce", "Lead"),
        crm_contacts=backstage.rows("salesforce", "Contact"),
        opportunities=backstage.rows("salesforce", "Opportunity"),
        roles=backstage.rows("salesforce", "OpportunityContactRole"),
        tasks=backstage.rows("salesforce", "Task"),
        users=users,
        deals=deals,
        deal_contacts=backstage.deal_contacts(live_deals),
        submissions=backstage.rows("hubspot", "form_submissions"),
        email_events=backstage.rows("hubspot", "email_events"),
        subscriptions=backstage.rows("hubspot", "subscriptions"),
        integration_user=next(
            str(row["Id"]) for row in users if str(row["Username"]).startswith("integration@")
        ),
        in_review=frozenset(key.rpartition(":")[2] for key in _people_in_review(store)),
        endings=_endings(store),
    )


def _endings(store: Store) -> dict[str, int]:
    """What Leadloop says it pulled, and what of it is still on the road."""
    with store.read() as tx:
        held = mirror.counts(tx)
        ended = events.dispositions(tx)
        intents = outbox.count_by_status(tx)
        return {
            "map_people": held.get("hubspot:contacts", 0),
            "crm_people": held.get("salesforce:Lead", 0) + held.get("salesforce:Contact", 0),
            "events": sum(ended.values()),
            "open_rows": mirror.pending_count(tx),
            "open_events": ended.get("pending", 0) + ended.get("journaled", 0),
            "open_writes": sum(intents.get(status, 0) for status in outbox.UNSETTLED),
        }
