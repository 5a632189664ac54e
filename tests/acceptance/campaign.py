"""One campaign: real processes, SIGKILL at any moment, the sandbox's faults, then the judge.

`campaign(folder, people=N, rounds=R, seed=S)` starts a sandbox with a generated world, connects
Leadloop with it under a contract with handoffs, and lets R rounds pass. In each a day goes by at
the vendors, something goes wrong there, and `leadloop sync` works until it ends or is killed. Then
all is calm, dead letters are replayed, and the demo's judge compares both vendors with the truth.
"""

from __future__ import annotations

import random
import signal
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.process import SandboxProcess
from state.open import open_store
from sync.crash import CRASHPOINTS, EXIT, VARIABLE
from sync.demo_contract import HANDOFF_TASK, write_contract
from sync.demo_judge import judge
from sync.demo_snapshot import take_snapshot
from sync.demo_stage import Backstage
from tests.acceptance.handoffs import Handoffs, handoffs_of
from tests.acceptance.mailbox import REPORTS, Mailbox, open_mailbox
from tests.laws.points import IN_SYNC
from tests.sync.commands import Workspace, admin, running_sandbox, workspace_for, writes

FAULTS: Mapping[str, Mapping[str, Any]] = {
    "latency": {"value": 0.3, "rate": 0.3},
    "rate_limit": {"rate": 0.4},
    "error_before": {"rate": 0.4},
    "error_after": {"rate": 0.4},
    "lost_reply": {"rate": 0.4},
    "cut_body": {"rate": 0.3},
    "lock_row": {"rate": 0.5},
    "partial_batch": {"rate": 0.5},
    "expire_session": {"calls": 1},
    "search_lag": {"rate": 0.5},
    "late_commit": {"rate": 0.5},
}
"""Every kind but `daily_limit`, which parks a system to the end of the real day: that one is tried
in virtual time (tests/sync/test_storms.py)."""
STRIKES = 6
"""Requests a fault strikes before it is gone."""
LATEST_KILL = 4.0
"""Seconds into a process: most of it starts and pulls, some of it writes."""
SPARED = 0.25
"""Of the processes, how many are left to end by themselves."""
AIMED = 0.4
"""Of the processes, how many end at a crash point, if they pass it: the rarely hit ones first."""
FIRST = ("after_approval", "after_take_up", "after_model", "after_decisions", "after_rest")
"""Crash points of a first connection: one each of its processes ends there."""
OF_DAEMONS = ("after_claim", "after_command", "after_mailing_claim", "after_mailing")
DAEMON_EVERY = 4
"""So many days between two daemons that end at one of those."""
LATELY = timedelta(days=30)
"""How far back what happened counts under the contract."""
PATIENCE = 30.0
"""Seconds a daemon has to come to its crash point."""
RESTS = 6
"""Runs in which everything must have come to rest."""
PASSING = (6, 7)
"""Exit codes of troubles that pass: a vendor that cannot be used, a state somebody holds."""
WRONG = (
    *("duplicates_created", "activities_missing", "activities_twice"),
    *("optouts_violated", "unaccounted"),
)
"""The judge's numbers that must be none."""


@dataclass(slots=True)
class Figures:
    """What was done, what the judge found, and what a last run still wrote."""

    killed: int = 0
    ended: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    judged: dict[str, int] = field(default_factory=dict)
    evidence: dict[str, list[str]] = field(default_factory=dict)
    handed_over: int = 0
    handoffs: Handoffs = field(default_factory=Handoffs)
    aimed: Counter[str] = field(default_factory=Counter)
    crash_points: Counter[str] = field(default_factory=Counter)
    told: dict[str, int] = field(default_factory=dict)
    last_exit: int = 0
    last_writes: dict[str, int] = field(default_factory=dict)

    @property
    def broken(self) -> list[str]:
        """What must not be, in words."""
        found = [f"{name}: {self.judged[name]}" for name in WRONG if self.judged[name]]
        missing = self.judged["outcomes_expected"] - self.judged["outcomes_written"]
        found += [f"outcomes not written: {missing}"] if missing else []
        found += ["no lead was handed over"] if not self.handed_over else []
        found += self.handoffs.wrong(self.told)
        found += [f"the last run ended with {self.last_exit}"] if self.last_exit else []
        found += [f"written without a cause: {self.last_writes}"] if self.last_writes else []
        return found

    def as_json(self) -> dict[str, Any]:
        """The figures, JSON-able."""
        return {
            "processes_killed": self.killed,
            "processes_ended": {str(code): n for code, n in sorted(self.ended.items())},
            "leads_handed_over": self.handed_over,
            "tasks_by_handoff": asdict(self.handoffs),
            "told": self.told,
            "crash_points": dict(sorted(self.crash_points.items())),
            "faults": dict(sorted(self.faults.items())),
            "judged": self.judged,
            "laws_broken": len(self.broken),
            "first_broken": [*self.broken, *map(str, self.evidence.items())] if self.broken else [],
        }


def campaign(folder: Path, *, people: int, rounds: int, seed: int) -> Figures:
    """One campaign; see the module."""
    rng, figures = random.Random(seed), Figures()
    with (
        running_sandbox(folder / "sandbox", people=people) as sandbox,
        open_mailbox() as mailbox,
    ):
        workspace = workspace_for(sandbox, folder / "workspace")
        is_told(workspace, mailbox)
        go_live = agree(sandbox, workspace)
        succeeds(workspace, figures, "doctor", "--fix")
        connect(workspace, rng, figures)
        for day in range(rounds):
            admin(sandbox.admin_url, "POST", "/world/tick", {"days": 1})
            arm(sandbox, rng, figures)
            work(workspace, rng, figures, "sync")
            if day % DAEMON_EVERY == 0:
                serve_until(workspace, figures, _rarest(OF_DAEMONS, figures, rng))
            workspace.here("doctor")  # an operator looks: what is left alone is tried at once
        admin(sandbox.admin_url, "DELETE", "/faults")
        admin(sandbox.admin_url, "POST", "/clock", {"seconds": 86_400})
        come_to_rest(sandbox, workspace, figures)
        figures.told = mailbox.counts()
        judge_both(sandbox, workspace, figures, go_live)
    return figures


def is_told(workspace: Workspace, mailbox: Mailbox) -> None:
    """Alerts, notices about handoffs and monthly reports have somewhere to go."""
    with workspace.config.open("a", encoding="utf-8") as file:
        file.write(f"\nnotifications: {mailbox.address()}\n")
        file.write(f"reports: [{{to: '{mailbox.address(REPORTS)}'}}]\n")


def agree(sandbox: SandboxProcess, workspace: Workspace) -> datetime:
    """Both teams' contract, in force for what happened lately: leads are handed over, with a new
    owner and a task, while processes are killed. From when on it holds."""
    backstage = Backstage(sandbox.info)
    go_live = backstage.now().replace(microsecond=0) - LATELY
    users = backstage.rows("salesforce", "User")
    assert write_contract(workspace.directory, users, go_live) is not None
    return go_live


def connect(workspace: Workspace, rng: random.Random, figures: Figures) -> None:
    """The first run, of an approved plan, killed; what is left of it is approved anew."""
    plan = str(workspace.directory / "plan.json")
    succeeds(workspace, figures, "plan", "--out", plan)
    aimed = rng.choice([None, *FIRST])
    work(workspace, rng, figures, "sync", "--plan", plan, at=aimed)
    succeeds(workspace, figures, "plan", "--out", plan)
    succeeds(workspace, figures, "sync", "--plan", plan)


def succeeds(workspace: Workspace, figures: Figures, *words: str) -> None:
    """A command that must end well; what passes (a vendor that is busy) is counted and tried
    again, as its remedy says."""
    for _ in range(RESTS):
        ran = workspace.here(*words)
        if ran.code not in PASSING:
            break
        figures.ended[ran.code] += 1
    assert ran.code == 0, f"{words}: exit {ran.code}, {ran.err[-500:]}"


def arm(sandbox: SandboxProcess, rng: random.Random, figures: Figures) -> None:
    """One kind of fault at one vendor, until it has struck so often."""
    kind, system = rng.choice(sorted(FAULTS)), rng.choice(["hubspot", "salesforce"])
    fault = {"system": system, "kind": kind, "calls": STRIKES} | dict(FAULTS[kind])
    admin(sandbox.admin_url, "POST", "/faults", fault)
    figures.faults[kind] += 1


def work(
    workspace: Workspace, rng: random.Random, figures: Figures, *words: str, at: str | None = None
) -> None:
    """One process: killed at any moment, at the crash point `at` (or one that was hit rarely), or
    left to its end."""
    spared = rng.random() < SPARED
    if at is None and not spared and rng.random() < AIMED:
        at = _rarest(sorted(CRASHPOINTS.keys() - IN_SYNC.keys() - {*OF_DAEMONS}), figures, rng)
    process = workspace.start(*words, "--json", **({VARIABLE: at} if at else {}))
    waits = None if spared or at else rng.uniform(1.0, LATEST_KILL)
    _ended(process, figures, at, waits)


def serve_until(workspace: Workspace, figures: Figures, point: str) -> None:
    """A daemon that is asked for a run, until it dies at the crash point or has had its time."""
    process = workspace.start("run", **{VARIABLE: point})
    assert process.stderr is not None
    if any("daemon.started" in line for line in process.stderr):
        workspace.here("sync", "--no-wait")
    _ended(process, figures, point, PATIENCE)


def _ended(
    process: subprocess.Popen[str], figures: Figures, point: str | None, seconds: float | None
) -> None:
    """Wait for its end, at most so long, and count how it came."""
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        figures.killed += 1
        return
    if point is not None and process.returncode == EXIT:
        figures.crash_points[point] += 1
        figures.killed += 1
    else:
        figures.ended[process.returncode] += 1


def _rarest(points: Sequence[str], figures: Figures, rng: random.Random) -> str:
    """One of those that were aimed at least often."""
    fewest = min(figures.aimed[name] for name in points)
    found = rng.choice([name for name in points if figures.aimed[name] == fewest])
    figures.aimed[found] += 1
    return found


def come_to_rest(sandbox: SandboxProcess, workspace: Workspace, figures: Figures) -> None:
    """Runs and replays until a run ends well and has nothing left to write."""
    for _ in range(RESTS):
        workspace.here("doctor")  # tries a vendor at once that is left alone after its failures
        workspace.here("replay", "--json")
        admin(sandbox.admin_url, "DELETE", "/calls")
        ran = workspace.here("sync", "--json")
        figures.last_exit, figures.last_writes = ran.code, writes(sandbox.admin_url)
        if ran.code == 0 and not figures.last_writes:
            return


def judge_both(
    sandbox: SandboxProcess,
    workspace: Workspace,
    figures: Figures,
    go_live: datetime,
    url: str | None = None,
) -> None:
    """Both vendors as they stand against the truth, and how many leads were handed over; `url` is
    the state's where that is no file of the workspace."""
    file = f"sqlite:///{workspace.directory / 'leadloop.sqlite3'}"
    store = open_store(url or file, clock=lambda: datetime.now(UTC), pair="main")
    try:
        snapshot = take_snapshot(Backstage(sandbox.info), store, go_live=go_live)
        verdict = judge(snapshot)
        asked = [
            str(row["WhoId"])
            for row in snapshot.tasks
            if row.get("Subject") == HANDOFF_TASK and not row["IsDeleted"]
        ]
        with store.read() as tx:
            figures.handoffs = handoffs_of(tx, asked)
    finally:
        store.close()
    figures.handed_over = len(asked)
    figures.judged, figures.evidence = verdict.numbers, verdict.evidence
