"""Audit, reports and evaluation over a long history: seconds and memory, people streamed.

The state is filled directly (`benchmarks.history`), under the demo's contract. What is measured is
what `leadloop audit` and `leadloop report` do with it, with and without that contract, and how long
one person's change takes to be evaluated in a run: reading what is known of them, and asking the
contract. Every report must have looked at everybody.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.backfill import SAY, BenchmarkError
from benchmarks.history import NOW, REP, START, History, entity_id
from benchmarks.watch import machine, peak_rss_mib, rss_mib
from lifecycle import evaluate
from lifecycle.periods import EVER
from mappings.contract import Contract
from mappings.fieldmap import PairMapping
from mappings.loader import load_mapping
from state.open import open_store
from state.store import Store
from sync.auditing import audit
from sync.demo_contract import write_contract
from sync.reporting import Wanted, report
from sync.reporting_words import Audience, Kind
from sync.timelines import evidences, people_of, watched_names
from sync.workspace import preset_text

EVENTS_EACH = 20
"""Events of each person: 100,000 people have 2,000,000."""
EVALUATED = 200
"""People whose change is evaluated."""


def reports(people: int, events_each: int, say: SAY) -> dict[str, Any]:
    """Measure; the figures. Raises BenchmarkError when a report does not say what is there."""
    with tempfile.TemporaryDirectory(prefix="leadloop_bench_") as name:
        folder = Path(name)
        mapping = _mapping(folder)
        store = open_store(f"sqlite:///{folder}/state.sqlite3", clock=lambda: NOW, pair="main")
        say(f"filling a state with {people:,} people and {people * events_each:,} events")
        History(mapping, people, events_each).fill(store)
        before = rss_mib()
        found: dict[str, Any] = {"people": people, "events": people * events_each}
        for title, work in _works(store, mapping):
            say(title)
            began, cpu = time.perf_counter(), time.process_time()
            said = work()
            found[title] = {
                "seconds": round(time.perf_counter() - began, 1),
                "cpu_seconds": round(time.process_time() - cpu, 1),
            }
            if title != f"report {Kind.ATTRIBUTION}" and said["people"] != people:
                raise BenchmarkError(f"{title} looked at {said['people']:,} people")
        found |= {"rss_before_mib": before, "peak_rss_mib": peak_rss_mib()}
        found["evaluation_ms_per_change"] = _evaluation(store, mapping, min(people, EVALUATED))
        found["machine"] = machine()
        store.close()
    return found


def _mapping(folder: Path) -> PairMapping:
    mappings = folder / "mappings"
    mappings.mkdir()
    (mappings / "hubspot-salesforce.yaml").write_text(preset_text(), encoding="utf-8")
    write_contract(folder, [{"Id": REP, "IsActive": True, "Username": "dana@example.com"}], START)
    return load_mapping(mappings)


def _works(
    store: Store, mapping: PairMapping
) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    def audited() -> dict[str, Any]:
        with store.read() as tx:
            return audit(tx, mapping, crm="salesforce")

    def made(wanted: Wanted, by: PairMapping) -> Callable[[], dict[str, Any]]:
        def work() -> dict[str, Any]:
            with store.read() as tx:
                return report(tx, by, wanted, crm="salesforce")

        return work

    yield "audit", audited
    for kind in Kind:
        yield f"report {kind}", made(Wanted(kind, Audience.BOTH, EVER), mapping)
    plain = replace(mapping, contract=Contract())
    wanted = Wanted(Kind.MONTHLY, Audience.BOTH, EVER, records=True)
    yield "report monthly, no contract, records named", made(wanted, plain)


def _evaluation(store: Store, mapping: PairMapping, people: int) -> dict[str, float]:
    """CPU milliseconds per person: what is known is read, the contract asked about the whole past,
    and about the last event alone."""
    ids = [entity_id(number) for number in range(people)]
    with store.read() as tx:
        began = time.process_time()
        known = people_of(tx, mapping, ids)
        since = {one: dict.fromkeys(watched_names(mapping), START) for one in ids}
        evidence = [own for _, own in evidences(tx, mapping, known, since)]
        read = time.process_time()
    before = [
        evaluate.replay(mapping.contract, own, own.instants[-2], go_live=START) for own in evidence
    ]
    replayed = time.process_time()
    for own, was in zip(evidence, before, strict=True):
        evaluate.advance(mapping.contract, was.standing, own, NOW, go_live=START)
    done = time.process_time()
    return {
        "read": round((read - began) * 1000 / people, 2),
        "whole_past": round((replayed - read) * 1000 / people, 2),
        "last_event": round((done - replayed) * 1000 / people, 2),
    }
