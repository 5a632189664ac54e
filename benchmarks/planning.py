"""Planning a changed mapping for everybody who is linked: seconds, and memory as it grows.

The state holds so many people, each a contact linked to a Lead, both mirrored with every field the
shipped mapping reads and agreed on; then a rule is added, so that everybody is planned again and
everybody is to be written. The vendors are in memory and have nothing new: what is measured is
`leadloop plan` itself, from the copy of the state to the figures and the plan file.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.backfill import SAY, BenchmarkError
from benchmarks.figures import per_second
from benchmarks.watch import machine, peak_rss_mib, rss_mib
from connectors.base import utc_now
from connectors.memory import MemoryConnector
from mappings.fieldmap import EntityKind, ObjectMapping, PairMapping
from mappings.loader import load_mapping
from mappings.ports import FieldSchema
from mappings.records import Json, Record, RecordRef, Side
from mappings.render import mapping_data
from mappings.required_fields import fields_to_read
from state import identity, kept_mappings, mirror, runs
from state.identity import NewLink
from state.mirror import Mirrored
from state.open import open_store
from state.store import Tx, chunks
from sync.approvals import mapping_subject
from sync.cli.planning import told
from sync.config import GuardConfig, MatchingConfig
from sync.garbage import few_collections
from sync.pair import Pair, Progress
from sync.planfile import write_plan
from sync.run import dry_run
from sync.workspace import preset_text

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
ADDED = "      - {map: hs_persona, crm: Department__c, direction: to_crm, custom: true}\n"
"""A rule under which everybody has something to write."""
ENTRY = "      # Said once"
CHUNK = 2000
TENTHS = 10


def planning(people: int, say: SAY) -> dict[str, Any]:
    """Plan for so many people; the figures. Raises BenchmarkError where not everybody is in it."""
    with tempfile.TemporaryDirectory(prefix="leadloop_bench_") as name:
        folder = Path(name)
        say(f"linking {people:,} people")
        with _pair(folder, people) as pair:
            memory = _Memory(people)
            watched = replace(pair, progress=Progress(memory.watch))
            say("planning")
            before = rss_mib()
            began, cpu = time.perf_counter(), time.process_time()
            with few_collections(), pair.store.scratch() as copy:
                made = told(*dry_run(watched, store=copy), samples=1)
                write_plan(folder / "plan.json", made.file)
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    writes = made.summary["writes"]
    if writes != people:
        raise BenchmarkError(f"{writes} writes are planned for {people} people")
    return {
        "people": people,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "people_per_second": per_second(people, seconds),
        "rss_mib_before": before,
        "rss_mib": memory.figures(),
        "peak_rss_mib": peak_rss_mib(),
        "machine": machine(),
    }


class _Memory:
    """What the process holds after each tenth of the planning, in MiB."""

    def __init__(self, people: int) -> None:
        self._people = people
        self._taken: dict[int, float | None] = {}

    def watch(self, stage: str, done: int, _total: int | None) -> None:
        """Told of progress: how many have been planned."""
        if stage == "plan":
            self._taken.setdefault(TENTHS * done // self._people, rss_mib())

    def figures(self) -> dict[str, float | None]:
        """By percent of the work done."""
        return {f"at_{10 * tenth}_percent": rss for tenth, rss in sorted(self._taken.items())}


@contextmanager
def _pair(folder: Path, people: int) -> Iterator[Pair]:
    """Everybody linked under the shipped mapping, and the pair with one rule more."""
    old = _mapping(folder, preset_text())
    new = _mapping(folder, preset_text().replace(ENTRY, ADDED + ENTRY, 1))
    store = open_store(f"sqlite:///{folder / 'state.db'}", clock=utc_now, pair="main")
    pair = Pair(
        name="main",
        mapping=new,
        store=store,
        map_side=MemoryConnector("hubspot", _schema(new, Side.MAP)),
        crm_side=MemoryConnector("salesforce", _schema(new, Side.CRM)),
        namespace="bench",
        config_hash="bench",
        matching=MatchingConfig(),
        guard=GuardConfig(),
        region=None,
        clock=utc_now,
    )
    try:
        _fill(pair, old, people)
        yield pair
    finally:
        store.close()


def _mapping(folder: Path, text: str) -> PairMapping:
    path = folder / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    return load_mapping(path)


def _schema(mapping: PairMapping, side: Side) -> dict[str, tuple[FieldSchema, ...]]:
    """What a vendor without records describes: every field that is read."""
    reads = fields_to_read(mapping)[side]
    return {name: tuple(FieldSchema(f, f, "text") for f in own) for name, own in reads.items()}


def _fill(pair: Pair, old: PairMapping, people: int) -> None:
    entry = old.of_kind(EntityKind.PERSON)
    if entry is None:
        raise BenchmarkError("the shipped mapping says nothing of people")
    reads = fields_to_read(pair.mapping)
    blank = {
        "contacts": dict.fromkeys(reads[Side.MAP]["contacts"]),
        "Lead": dict.fromkeys(reads[Side.CRM]["Lead"]),
    }
    for numbers in chunks(range(people), CHUNK):
        with pair.store.begin() as tx:
            _link(tx, entry, blank, numbers)
    with pair.store.begin() as tx:
        body = mapping_data(old)
        kept_mappings.take_up(tx, old.hash, body)
        runs.approve(tx, mapping_subject(old.hash), {})


def _link(
    tx: Tx, entry: ObjectMapping, blank: dict[str, dict[str, None]], numbers: Sequence[int]
) -> None:
    """Contacts, Leads, golden records, links and what was agreed on for these people."""
    rows: list[Mirrored] = []
    links: list[NewLink] = []
    shadows: dict[tuple[str, str], dict[str, object]] = {}
    for n in numbers:
        key, left, right = _person(entry, blank, n)
        rows += [_mirrored(left, "contacts", key), _mirrored(right, "Lead", key)]
        links += [NewLink(left.ref, key, "bench"), NewLink(right.ref, key, "bench")]
        shadows[key, f"{left.ref}|{right.ref}"] = _agreed(entry, left, right)
    identity.create(tx, "bench", {key: EntityKind.PERSON for key, _ in shadows})
    identity.link(tx, "bench", links)
    mirror.mirror(tx, rows)
    identity.store_shadows(tx, "bench", shadows)


def _person(
    entry: ObjectMapping, blank: dict[str, dict[str, None]], n: int
) -> tuple[str, Record, Record]:
    values: dict[str, Json] = {
        "firstname": f"Given{n % 997}",
        "lastname": f"Family{n}",
        "email": f"person{n}@firm{n % 9973}.example",
        "phone": f"+4930{n:08d}",
        "jobtitle": "Head of Pumps",
        "company": f"Firm {n % 9973}",
        "city": "Bonn",
        "country": "Germany",
        "hs_persona": "persona_1",
        "hs_object_id": str(n),
        "leadloop_crm_id": f"00Q{n:015d}",
        "leadloop_crm_object": "Lead",
    }
    key = identity.mint("bench", RecordRef("hubspot", "contacts", str(n)))
    fields: dict[str, Json] = {}
    for rule in entry.fields:
        if rule.map in values and "Lead" in rule.crm and not rule.values:
            fields[rule.crm["Lead"]] = values[rule.map]
    left = Record(
        RecordRef("hubspot", "contacts", str(n)),
        {**blank["contacts"], **values, "leadloop_id": key},
        "1",
        AT,
    )
    right = Record(
        RecordRef("salesforce", "Lead", f"00Q{n:015d}"),
        {**blank["Lead"], **fields, "Leadloop_Id__c": key, "IsConverted": False},
        "1",
        AT,
    )
    return key, left, right


def _agreed(entry: ObjectMapping, left: Record, right: Record) -> dict[str, object]:
    return {
        rule.key: [left.fields.get(rule.map), right.fields.get(rule.crm["Lead"])]
        for rule in entry.fields
        if "Lead" in rule.crm
    }


def _mirrored(record: Record, stream: str, key: str) -> Mirrored:
    email = record.fields.get("email") or record.fields.get("Email")
    return Mirrored(record, stream, str(email).lower(), key)
