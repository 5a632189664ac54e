"""Audit and reports over a long history: seconds and memory, people streamed and never loaded.

The state is filled directly, as runs leave it: two records a person, their events, a call, and
every tenth with an opportunity. What is measured is what `leadloop audit` and `leadloop report` do
with it. Every report must have looked at everybody.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.backfill import SAY, BenchmarkError
from benchmarks.watch import machine, peak_rss_mib, rss_mib
from lifecycle.periods import EVER
from mappings.fieldmap import EntityKind, PairMapping
from mappings.loader import load_mapping
from mappings.records import Event, EventKind, Record, RecordRef
from state import events, identity, mirror
from state.identity import NewLink
from state.mirror import Mirrored
from state.open import open_store
from state.store import Store
from sync.auditing import audit
from sync.reporting import Wanted, report
from sync.reporting_words import Audience, Kind
from sync.workspace import preset_text

START = datetime(2025, 3, 1, 8, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
CHUNK = 1_000
REP, ROBOT = "005R", "005I"
KINDS = (EventKind.FORM_FILL, EventKind.EMAIL_CLICK, EventKind.EMAIL_OPEN, EventKind.EMAIL_SENT)
DEAL_EVERY = 10
EVENTS_EACH = 20
"""Events of each person: 100,000 people have 2,000,000."""


def reports(people: int, events_each: int, say: SAY) -> dict[str, Any]:
    """Measure; the figures. Raises BenchmarkError when a report does not say what is there."""
    with tempfile.TemporaryDirectory(prefix="leadloop_bench_") as name:
        folder = Path(name)
        (folder / "mapping.yaml").write_text(preset_text(), encoding="utf-8")
        mapping = load_mapping(folder / "mapping.yaml")
        store = open_store(f"sqlite:///{folder}/state.sqlite3", clock=lambda: NOW, pair="main")
        say(f"filling a state with {people:,} people and {people * events_each:,} events")
        _fill(store, people, events_each)
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
            if said.get("people", people) != people:
                raise BenchmarkError(f"{title} looked at {said['people']:,} people")
        found |= {"rss_before_mib": before, "peak_rss_mib": peak_rss_mib(), "machine": machine()}
        store.close()
    return found


def _works(
    store: Store, mapping: PairMapping
) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    def audited() -> dict[str, Any]:
        with store.read() as tx:
            return audit(tx, mapping, crm="salesforce")

    yield "audit", audited
    for kind in (Kind.FUNNEL, Kind.HANDOFFS, Kind.MONTHLY):
        wanted = Wanted(kind, Audience.BOTH, EVER)

        def made(wanted: Wanted = wanted) -> dict[str, Any]:
            with store.read() as tx:
                return report(tx, mapping, wanted, crm="salesforce")

        yield f"report {kind}", made


def _fill(store: Store, people: int, events_each: int) -> None:
    with store.begin() as tx:
        users = [_record("User", one, {"Name": one, "IsActive": True}) for one in (REP, ROBOT)]
        mirror.mirror(tx, [Mirrored(user, "User", None, None) for user in users])
    for first in range(0, people, CHUNK):
        numbers = range(first, min(people, first + CHUNK))
        rows = [row for number in numbers for row in _records(number)]
        with store.begin() as tx:
            identity.create(tx, "fill", {f"e{n:09}": EntityKind.PERSON for n in numbers})
            identity.link(
                tx,
                "fill",
                [
                    NewLink(ref, f"e{n:09}", "external_id")
                    for n in numbers
                    for ref in (_ref("contacts", n), _ref("Contact" if _has_deal(n) else "Lead", n))
                ],
            )
            mirror.mirror(tx, rows)
            landed = [event for number in numbers for event in _events(number, events_each)]
            events.land(tx, "fill", "email_events", landed)
            waiting = events.unattributed(tx, limit=len(landed))
            events.attribute(
                tx, {one.id: f"e{int(str(one.event.email).split('@')[0]):09}" for one in waiting}
            )


def _has_deal(number: int) -> bool:
    return number % DEAL_EVERY == 0


def _ref(object_name: str, number: int) -> RecordRef:
    system = "hubspot" if object_name == "contacts" else "salesforce"
    return RecordRef(system, object_name, f"{object_name[:2]}{number:012}")


def _record(object_name: str, record_id: str, fields: dict[str, Any], days: float = 0) -> Record:
    at = START + timedelta(days=days)
    system = "hubspot" if object_name == "contacts" else "salesforce"
    return Record(
        RecordRef(system, object_name, record_id), fields, "1", at, created_at=at, modified_by=REP
    )


def _records(number: int) -> Iterator[Mirrored]:
    """A contact, a Lead or Contact, a call, and every tenth time an opportunity."""
    day = number % 300
    email = f"{number}@example.com"
    contact, crm = (
        _ref("contacts", number),
        _ref("Contact" if _has_deal(number) else "Lead", number),
    )
    shown = {"email": email, "lifecyclestage": "lead", "leadloop_id": f"e{number:09}"}
    yield Mirrored(_record("contacts", contact.id, shown, day), "contacts", email, None)
    own = {"Email": email, "OwnerId": REP, "Status": "Working", "CreatedById": ROBOT}
    yield Mirrored(_record(crm.object, crm.id, own, day + 5), crm.object, email, None)
    done = {"WhoId": crm.id, "IsClosed": True, "CreatedById": REP, "OwnerId": REP}
    task = _record("Task", f"00T{number:012}", done, day + 5 + number % 14)
    yield Mirrored(task, "Task", crm.id, None)
    if _has_deal(number):
        deal = f"006{number:012}"
        won = number % (2 * DEAL_EVERY) == 0
        fields = {
            "OwnerId": REP, "StageName": "Closed Won" if won else "Qualification", "Amount": "1000",
            "CloseDate": f"{START + timedelta(days=day + 30):%Y-%m-%d}", "IsClosed": won,
            "IsWon": won,
        }  # fmt: skip
        yield Mirrored(_record("Opportunity", deal, fields, day + 20), "Opportunity", None, None)
        role = {"OpportunityId": deal, "ContactId": crm.id}
        yield Mirrored(
            _record("OpportunityContactRole", f"00K{number:012}", role, day + 20),
            "OpportunityContactRole", crm.id, deal,
        )  # fmt: skip


def _events(number: int, count: int) -> Iterator[Event]:
    for turn in range(count):
        yield Event(
            "hubspot", KINDS[turn % len(KINDS)], f"{number}:{turn}",
            START + timedelta(days=number % 300 + turn), f"{number}@example.com", "Newsletter",
        )  # fmt: skip
