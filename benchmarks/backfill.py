"""A first connection of N by N people against the sandbox, and the cycles after it.

The road is the product's: workspace, doctor --fix, plan, sync with the plan approved. The sandbox
runs in a process of its own, without latency and with its rate limits off; Leadloop's own pacing
stays on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests

from benchmarks.figures import cycle_figures, speed_figures, total_calls, write_figures
from benchmarks.watch import Admin, Stopwatch, Watched, machine, peak_rss_mib
from sandbox.process import SandboxProcess, start_process
from state.store import Store
from sync import wiring
from sync.config import Config, load_config
from sync.doctor import examine
from sync.guard import Approval
from sync.pair import Pair
from sync.plan import fingerprints
from sync.run import Report, dry_run, run_once
from sync.workspace import write_workspace

LOAD_SECONDS = 1800.0
"""What the sandbox may take to load the largest world."""
APART = 900
"""Seconds that pass at the vendors between two cycles."""
SAY = Callable[[str], None]
_BATCH = 100
_TIMEOUT = 60.0


class BenchmarkError(Exception):
    """What was measured did not do what it should have: its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A sandbox with a state beside it, connected to nothing yet."""

    sandbox: SandboxProcess
    admin: Admin
    config: Config
    store: Store
    people: int

    @contextlib.contextmanager
    def pair(self) -> Iterator[tuple[Pair, tuple[Watched, Watched]]]:
        """The connected pair, its connectors watched."""
        only = self.config.pairs[0]
        with wiring.open_pair(self.config, only, self.store) as pair:
            map_side, crm_side = (
                Watched(pair.map_side, self.admin),
                Watched(pair.crm_side, self.admin),
            )
            watched = replace(pair, map_side=map_side, crm_side=crm_side)
            yield watched, (map_side, crm_side)


@contextlib.contextmanager
def bench(folder: Path, people: int | None, say: SAY) -> Iterator[Bench]:
    """Sandbox, workspace and key fields for so many people on each side, or for empty vendors."""
    world, many = ("generated", people) if people else (None, 1)
    say(f"loading {many:,} x {many:,} people" if people else "starting empty vendors")
    with start_process(
        folder, world=world, people=many, crm_records=people, timeout=LOAD_SECONDS
    ) as sandbox:
        admin = Admin(sandbox.admin_url)
        admin.switch(rate_limits="off")
        path = write_workspace(
            folder, hubspot=sandbox.info["hubspot"], salesforce=sandbox.info["salesforce"]
        )
        config = load_config(path)
        store = wiring.open_state(config, config.pairs[0])
        try:
            _doctor(config)
            yield Bench(sandbox, admin, config, store, people or 0)
        finally:
            store.close()
            admin.close()


def _doctor(config: Config) -> None:
    pair = config.pairs[0]
    connectors = {s.name: wiring.connect(s, None) for s in (pair.map_system, pair.crm_system)}
    try:
        bad = [one for one in examine(config, connectors, fix=True) if one.level == "error"]
    finally:
        for connector in connectors.values():
            connector.close()
    if bad:
        raise BenchmarkError(f"doctor: {bad[0].what}")


def first_sync(bench: Bench, say: SAY) -> dict[str, Any]:
    """Plan, approve, sync: the figures of the backfill."""
    say("planning")
    with bench.store.exclusive(), bench.pair() as (pair, _):
        with Stopwatch() as planning, bench.store.scratch() as copy:
            prepared = dry_run(pair, store=copy)[1]
        approval = Approval(frozenset(fingerprints(list(prepared.planned.intents()))))
    del prepared
    say(f"planned in {planning.seconds:.0f} s; syncing {len(approval.fingerprints or ())} writes")
    bench.admin.reset()
    with (
        bench.store.exclusive(),
        bench.pair() as (pair, watched),
        Stopwatch() as watch,
    ):
        report = _well(run_once(pair, approval=approval))
    calls = total_calls(bench.admin.calls())
    say(f"synced in {watch.seconds:.0f} s")
    return {
        **speed_figures(bench.people, watch.seconds, calls),
        "status": report.status,
        "cpu_seconds": round(watch.cpu_seconds, 2),
        "seconds_by_stage": watch.by_stage(),
        "plan_seconds": round(planning.seconds, 2),
        "plan_seconds_by_stage": planning.by_stage(),
        "linked": report.counts["linked"],
        "created": report.counts["created"],
        "to_review": report.counts["to_review"],
        "rows": report.counts["rows"],
        "writes": write_figures([one for side in watched for one in side.writes()]),
        "peak_rss_mib": peak_rss_mib(),
    }


def cycles(bench: Bench, say: SAY) -> dict[str, Any]:
    """The cycles after the backfill: one that reads our own writes back, one unchanged, one in
    which 1 % of the people were edited in the MAP. A quarter of an hour passes before each: sooner,
    the overlap of the cursors would still hold the backfill itself."""
    bench.admin.switch(search_lag=0)
    bench.admin.switch(seconds=APART)
    figures = {"reading_back": _cycle(bench, say, "reading back our own writes")}
    bench.admin.switch(seconds=APART)
    figures["unchanged"] = _cycle(bench, say, "unchanged cycle")
    bench.admin.switch(seconds=APART)
    edited = edit(bench, max(1, bench.people // 100))
    figures["changed"] = {"edited": edited, **_cycle(bench, say, f"cycle with {edited} edited")}
    return figures


def _cycle(bench: Bench, say: SAY, what: str) -> dict[str, Any]:
    """One cycle as the daemon makes it: streams of the 60-second cadence, and those due."""
    bench.admin.reset()
    with (
        Stopwatch() as watch,
        bench.store.exclusive(),
        bench.pair() as (pair, watched),
    ):
        report = _well(run_once(pair, everything=True))
    streams = {name: count for side in watched for name, count in side.streams_read.items()}
    written = sum(one.records for side in watched for one in side.writes())
    calls = total_calls(bench.admin.calls())
    say(f"{what}: {watch.seconds:.1f} s, {sum(calls.values())} calls, {written} written")
    return {
        **cycle_figures(streams, calls, written, watch.seconds),
        "pulled": report.counts["pulled_records"] + report.counts["pulled_events"],
    }


def _well(report: Report) -> Report:
    if report.error is not None:
        raise BenchmarkError(f"the run ended with {report.error.code}: {report.error.message}")
    return report


def edit(bench: Bench, number: int) -> int:
    """Somebody gives so many contacts another job title in HubSpot; how many it were."""
    info = bench.sandbox.info["hubspot"]
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {info['token']}"
        url = f"{info['url']}/crm/v3/objects/contacts"
        ids: list[str] = []
        after: str | None = "0"
        while after is not None and len(ids) < number:
            page = session.get(url, params={"limit": "100", "after": after}, timeout=_TIMEOUT)
            page.raise_for_status()
            ids += [one["id"] for one in page.json()["results"]]
            after = page.json().get("paging", {}).get("next", {}).get("after")
        for start in range(0, min(number, len(ids)), _BATCH):
            rows = [
                {"id": one, "properties": {"jobtitle": f"Head of Department {one}"}}
                for one in ids[start : min(start + _BATCH, number)]
            ]
            session.post(
                f"{url}/batch/update", json={"inputs": rows}, timeout=_TIMEOUT
            ).raise_for_status()
    return min(number, len(ids))


def settings(people: int) -> dict[str, Any]:
    """Under which conditions the figures hold."""
    return {
        "people": people,
        "crm_records": people,
        "seed": 7,
        "vendor_rate_limits": "off",
        "vendor_latency_seconds": 0,
        "own_pacing": "on",
        "machine": machine(),
    }
