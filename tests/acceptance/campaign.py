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
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lifecycle.handoff import EffectKind
from sandbox.process import SandboxProcess
from state import effects
from state.open import open_store
from sync.demo_contract import HANDOFF_TASK, write_contract
from sync.demo_judge import judge
from sync.demo_snapshot import take_snapshot
from sync.demo_stage import Backstage
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
LATELY = timedelta(days=30)
"""How far back what happened counts under the contract."""
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
    handoffs_unasked: int = 0
    last_exit: int = 0
    last_writes: dict[str, int] = field(default_factory=dict)

    @property
    def broken(self) -> list[str]:
        """What must not be, in words."""
        found = [f"{name}: {self.judged[name]}" for name in WRONG if self.judged[name]]
        missing = self.judged["outcomes_expected"] - self.judged["outcomes_written"]
        found += [f"outcomes not written: {missing}"] if missing else []
        found += ["no lead was handed over"] if not self.handed_over else []
        if self.handoffs_unasked:
            found += [f"tasks of handoffs not made: {self.handoffs_unasked}"]
        found += [f"the last run ended with {self.last_exit}"] if self.last_exit else []
        found += [f"written without a cause: {self.last_writes}"] if self.last_writes else []
        return found

    def as_json(self) -> dict[str, Any]:
        """The figures, JSON-able."""
        return {
            "processes_killed": self.killed,
            "processes_ended": {str(code): n for code, n in sorted(self.ended.items())},
            "leads_handed_over": self.handed_over,
            "faults": dict(sorted(self.faults.items())),
            "judged": self.judged,
            "laws_broken": len(self.broken),
            "first_broken": [*self.broken, *map(str, self.evidence.items())] if self.broken else [],
        }


def campaign(folder: Path, *, people: int, rounds: int, seed: int) -> Figures:
    """One campaign; see the module."""
    rng, figures = random.Random(seed), Figures()
    with running_sandbox(folder / "sandbox", people=people) as sandbox:
        workspace = workspace_for(sandbox, folder / "workspace")
        go_live = agree(sandbox, workspace)
        succeeds(workspace, figures, "doctor", "--fix")
        connect(workspace, rng, figures)
        for _ in range(rounds):
            admin(sandbox.admin_url, "POST", "/world/tick", {"days": 1})
            arm(sandbox, rng, figures)
            work(workspace, rng, figures, "sync")
            workspace.here("doctor")  # an operator looks: what is left alone is tried at once
        admin(sandbox.admin_url, "DELETE", "/faults")
        admin(sandbox.admin_url, "POST", "/clock", {"seconds": 86_400})
        come_to_rest(sandbox, workspace, figures)
        judge_both(sandbox, workspace, figures, go_live)
    return figures


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
    work(workspace, rng, figures, "sync", "--plan", plan)
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


def work(workspace: Workspace, rng: random.Random, figures: Figures, *words: str) -> None:
    """One process, killed at any moment or left to its end."""
    process = workspace.start(*words, "--json")
    spared = rng.random() < SPARED
    try:
        process.communicate(timeout=None if spared else rng.uniform(1.0, LATEST_KILL))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        figures.killed += 1
    else:
        figures.ended[process.returncode] += 1


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
        with store.read() as tx:
            figures.handoffs_unasked = effects.count(tx, EffectKind.TASK.value)
    finally:
        store.close()
    asked = [task for task in snapshot.tasks if task.get("Subject") == HANDOFF_TASK]
    figures.handed_over = len(asked)
    figures.judged, figures.evidence = verdict.numbers, verdict.evidence
