"""The daemon as a process of its own, with much in hand: how soon after its start something useful
is done, and how soon after SIGTERM it is gone."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mappings.records import RecordRef
from mappings.required_fields import EVENT_KEY
from sandbox.process import SandboxProcess
from state import identity, runs
from state.open import open_store
from state.store import Store
from tests.acceptance.strangers import Account
from tests.soak.backlog import journal_tasks
from tests.soak.kills import empty
from tests.sync.commands import Workspace, admin, running_sandbox, workspace_for, writes

PEOPLE = 60
WRITING = "composite/sobjects"
"""Where Tasks are created; looking records up goes elsewhere."""
MOMENTS = (
    *("any moment", "any moment", "a slow write", "any moment"),
    *("a slow query", "any moment", "a slow write", "any moment"),
)
"""In the middle of what each of the daemons gets its SIGTERM."""
SLOW = 120
"""Seconds a slow vendor takes to answer: longer than anybody would wait."""
PATIENCE = 60.0
AT_MOST = 10.0
"""Seconds from SIGTERM to the end, and no more (docs/how-to/run-as-a-service.md)."""
LOOK = 0.02


def service(count: int, *, seed: int, url: str | None = None) -> dict[str, Any]:
    """So many Tasks are journaled, 200 of them may have been sent; daemons begin and are told to
    stop."""
    rng = random.Random(seed)
    with (
        tempfile.TemporaryDirectory(prefix="leadloop-service-") as name,
        _set_up(Path(name), url) as (sandbox, workspace, store),
    ):
        journal_tasks(store, count, *_somebody(sandbox, store))
        first, stops, ended = [], [], Counter[int]()
        for moment in MOMENTS:
            begun, stopped, code = _daemon(sandbox, workspace, store, moment, rng)
            first += [begun] if begun else []
            stops.append(stopped)
            ended[code] += 1
        keys = [row[EVENT_KEY] for row in _tasks(sandbox)]
        broken = [f"{n} daemons ended with {code}" for code, n in ended.items() if code]
        broken += [f"stopped after {s:.1f} s" for s in stops if s > AT_MOST]
        broken += [f"doubled Tasks: {len(keys) - len(set(keys))}"] * (len(keys) > len(set(keys)))
        return {
            "open_intents": count,
            "daemons_stopped": len(stops),
            "seconds_to_first_write": [round(seconds, 2) for seconds, _ in first],
            "of_them_processor_seconds": [round(worked, 2) for _, worked in first],
            "seconds_to_stop": {
                f"{at}: {moment}": round(seconds, 2)
                for at, (moment, seconds) in enumerate(zip(MOMENTS, stops, strict=True), 1)
            },
            "slowest_stop": round(max(stops), 2),
            "tasks_written": len(keys),
            "laws_broken": len(broken),
            "first_broken": broken,
        }


@contextmanager
def _set_up(folder: Path, url: str | None) -> Iterator[tuple[SandboxProcess, Workspace, Store]]:
    """A sandbox, a workspace in step with it, and its state."""
    with running_sandbox(folder / "sandbox", people=PEOPLE) as sandbox:
        workspace = workspace_for(sandbox, folder / "workspace")
        file = f"sqlite:///{workspace.directory / 'leadloop.sqlite3'}"
        store = open_store(url or file, clock=lambda: datetime.now(UTC), pair="main")
        try:
            if url is not None:
                empty(store)
                workspace.edit(("sqlite:///leadloop.sqlite3", url))
            plan = str(workspace.directory / "plan.json")
            for words in (("doctor", "--fix"), ("plan", "--out", plan), ("sync", "--plan", plan)):
                assert workspace.here(*words).code == 0
            yield sandbox, workspace, store
        finally:
            store.close()


def _somebody(sandbox: SandboxProcess, store: Store) -> tuple[str, str]:
    """A Lead's id and its golden record's."""
    [row] = Account(sandbox.info).query("SELECT Id FROM Lead WHERE IsConverted = false LIMIT 1")
    ref = RecordRef("salesforce", "Lead", row["Id"])
    with store.read() as tx:
        return ref.id, identity.links_of(tx, [ref])[ref].entity_id


def _tasks(sandbox: SandboxProcess) -> list[dict[str, Any]]:
    return Account(sandbox.info).query(f"SELECT {EVENT_KEY} FROM Task WHERE {EVENT_KEY} != null")  # noqa: S608 - our own words


def _daemon(
    sandbox: SandboxProcess, workspace: Workspace, store: Store, moment: str, rng: random.Random
) -> tuple[tuple[float, float] | None, float, int]:
    """A daemon begins and is told to stop: seconds to its first write, by the clock and of work,
    where it came so far; seconds from SIGTERM to its end; and how it ended."""
    admin(sandbox.admin_url, "DELETE", "/calls")
    if moment == "a slow query":
        _is_slow(sandbox, "/query")
    began = time.monotonic()
    process = workspace.start("run")
    first = None
    try:
        if moment == "a slow query":
            _until(lambda: _is_running(store), process)
        else:
            _until(lambda: WRITING in str(writes(sandbox.admin_url)), process)
            first = time.monotonic() - began, _processor_seconds(process.pid)
            if moment == "a slow write":
                _is_slow(sandbox, WRITING)
        time.sleep(rng.uniform(0.5, 3.0))
        told = time.monotonic()
        process.terminate()
        process.communicate(timeout=PATIENCE)
        return first, time.monotonic() - told, process.returncode
    finally:
        process.kill()
        admin(sandbox.admin_url, "DELETE", "/faults")


def _processor_seconds(pid: int) -> float:
    """What a process has worked so far: on a busy machine the clock says little."""
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK")


def _is_slow(sandbox: SandboxProcess, path: str) -> None:
    fault = {"system": "salesforce", "kind": "latency", "rate": 1, "value": SLOW, "match": path}
    admin(sandbox.admin_url, "POST", "/faults", {**fault, "calls": 10_000})


def _is_running(store: Store) -> bool:
    with store.read() as tx:
        return runs.latest(tx, limit=1)[0].status == "running"


def _until(happens: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happens():
        assert process.poll() is None, "the daemon has ended by itself"
        assert time.monotonic() < deadline, "nothing happens"
        time.sleep(LOOK)
