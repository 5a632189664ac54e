"""Pulling a backlog of events: all of them, each once, in memory that does not grow.

The pull stage as it stands, between HubSpot's connector and a durable inbox; the CRM side is empty.
What has landed is compared key by key with what was put there.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.backfill import SAY, BenchmarkError
from benchmarks.figures import per_second
from benchmarks.flooded import email_key, flooded, form_key
from benchmarks.watch import Admin, machine, peak_rss_mib, rss_mib
from connectors.base import load, utc_now
from connectors.memory import MemoryConnector
from mappings.loader import load_mapping
from state import events as inbox
from state.open import open_store
from state.store import Store, chunks
from sync.config import GuardConfig, MatchingConfig
from sync.pair import Pair, Progress
from sync.pull import Pulled, pull
from sync.workspace import preset_text

EVENTS, SUBMISSIONS = 1_000_000, 100_000


def reading(events: int, submissions: int, say: SAY) -> dict[str, Any]:
    """Pull so many events; the figures. Raises BenchmarkError when one is lost or came twice."""
    with tempfile.TemporaryDirectory(prefix="leadloop_bench_") as name:
        folder = Path(name)
        say(f"filling HubSpot with {events:,} events and {submissions:,} submissions")
        with flooded(folder, events, submissions) as info:
            admin = Admin(info["admin_url"])
            try:
                return _measured(folder, info, admin, (events, submissions), say)
            finally:
                admin.close()


def _measured(
    folder: Path, info: dict[str, Any], admin: Admin, counts: tuple[int, int], say: SAY
) -> dict[str, Any]:
    whole = sum(counts)
    memory = _Memory(whole)
    with _pair(folder, info, memory.watch) as pair:
        admin.reset()
        say("pulling")
        began, cpu = time.perf_counter(), time.process_time()
        first = pull(pair, "first", everything=True)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        calls = admin.count("hubspot")
        admin.reset()
        second = pull(pair, "second", everything=True)
        say(f"pulled in {seconds:.0f} s and {calls:,} calls; comparing")
        lost = _lost(pair.store, (email_key(n) for n in range(counts[0])))
        lost += _lost(pair.store, (form_key(n) for n in range(counts[1])))
        landed = _landed(pair.store)
    found = {
        "email_events": counts[0],
        "submissions": counts[1],
        "landed": landed,
        "lost": lost,
        "repeated": landed + lost - whole,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "events_per_second": per_second(whole, seconds),
        "calls": calls,
        "events_per_call": round(whole / calls, 1),
        "second_pull": {"news": second.total_events, "calls": admin.count("hubspot")},
        "peak_rss_mib": peak_rss_mib(),
        "rss_mib": memory.figures(),
        "machine": machine(),
    }
    _check(first, found)
    return found


def _check(first: Pulled, found: dict[str, Any]) -> None:
    troubled = [*first.failed, *first.unread]
    if troubled or found["lost"] or found["repeated"] or found["second_pull"]["news"]:
        raise BenchmarkError(f"events were lost or came twice: {found} {troubled}")


class _Memory:
    """What the process holds after each tenth of the work, in MiB."""

    def __init__(self, whole: int) -> None:
        self._whole = whole
        self._taken: dict[int, float | None] = {}

    def watch(self, _stage: str, done: int, _total: int | None) -> None:
        """Told of progress: how many events have landed."""
        self._taken.setdefault(10 * done // self._whole, rss_mib())

    def figures(self) -> dict[str, float | None]:
        """By percent of the work done."""
        return {f"at_{10 * tenth}_percent": rss for tenth, rss in sorted(self._taken.items())}


@contextmanager
def _pair(
    folder: Path, info: dict[str, Any], watch: Callable[[str, int, int | None], None]
) -> Iterator[Pair]:
    """The account, an empty CRM, and a state on disk."""
    path = folder / "mapping.yaml"
    path.write_text(preset_text(), encoding="utf-8")
    mapping = load_mapping(path)
    store = open_store(f"sqlite:///{folder / 'state.db'}", clock=utc_now, pair="main")
    settings = {"access_token": info["hubspot"]["token"], "base_url": info["hubspot"]["url"]}
    hubspot = load("hubspot", settings)
    try:
        yield Pair(
            name="main",
            mapping=mapping,
            store=store,
            map_side=hubspot,
            crm_side=MemoryConnector("salesforce"),
            namespace="bench",
            config_hash="bench",
            matching=MatchingConfig(),
            guard=GuardConfig(),
            region=None,
            clock=utc_now,
            progress=Progress(watch),
        )
    finally:
        hubspot.close()
        store.close()


def _lost(store: Store, keys: Iterable[str]) -> int:
    """How many of these keys have not landed."""
    lost = 0
    for part in chunks(keys):
        with store.read() as tx:
            lost += len(inbox.unseen(tx, "hubspot", part))
    return lost


def _landed(store: Store) -> int:
    """How many events the inbox holds."""
    with store.read() as tx:
        return sum(inbox.dispositions(tx).values())
