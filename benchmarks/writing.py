"""The write path of a backfill alone: how full the vendors' calls are, at any number of people.

What a first connection writes of each person stands in the journal from the start: a Lead under our
key, and, once that has its id, the contact that learns it. The apply stage sends it all to the
sandbox as in a run, in the lane of a backfill, with the connectors of production: batching, Bulk
2.0, dependencies, settling and reading back are those of the product. Pulling, matching and
planning are left out, which have no part in how full a call is and take hours at 100,000 people.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from benchmarks.backfill import SAY, Bench, BenchmarkError, bench
from benchmarks.figures import total_calls, write_figures
from benchmarks.watch import Stopwatch, machine, peak_rss_mib
from mappings.fieldmap import EntityKind
from mappings.ports import Lane
from mappings.records import Operation, Side
from mappings.required_fields import CRM_KEY
from state import identity, outbox
from state.outbox import Intent
from state.store import chunks
from sync.apply import apply
from sync.intents import ID_OF
from sync.pair import Pair

RUN = "writing"
_CHUNK = 5_000
_BATCH = 100
_TIMEOUT = 120.0


def writing(people: int, say: SAY) -> dict[str, Any]:
    """Write so many people; the figures. Raises BenchmarkError where not all of it was written."""
    with (
        tempfile.TemporaryDirectory(prefix="leadloop_bench_") as name,
        bench(Path(name), None, say) as made,
    ):
        contacts = _contacts(made, people)
        say(f"{len(contacts):,} contacts are there")
        with made.store.exclusive(), made.pair() as (pair, watched):
            _journal(pair, contacts)
            say("journaled")
            made.admin.reset()
            with Stopwatch() as watch:
                applied = apply(pair, RUN)
            calls = total_calls(made.admin.calls())
    if applied.rows["ok"] != 2 * people:
        raise BenchmarkError(f"of {2 * people} writes {dict(applied.rows)}")
    return {
        "people": people,
        "rows": dict(applied.rows),
        "batches": applied.batches,
        "calls": calls,
        "writes": write_figures([one for side in watched for one in side.writes()]),
        "seconds": round(watch.seconds, 1),
        "cpu_seconds": round(watch.cpu_seconds, 1),
        "peak_rss_mib": peak_rss_mib(),
        "machine": machine(),
    }


def _contacts(made: Bench, people: int) -> list[str]:
    """Ids of so many contacts, made by API."""
    info = made.sandbox.info["hubspot"]
    url = f"{info['url']}/crm/v3/objects/contacts/batch/create"
    ids: list[str] = []
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {info['token']}"
        for numbers in chunks(range(people), _BATCH):
            rows = [{"properties": {"email": f"person{n}@firm{n % 997}.example"}} for n in numbers]
            answer = session.post(url, json={"inputs": rows}, timeout=_TIMEOUT)
            answer.raise_for_status()
            ids += [one["id"] for one in answer.json()["results"]]
    return ids


def _journal(pair: Pair, contacts: Sequence[str]) -> None:
    """Everybody's two writes, open in the journal."""
    for part in chunks(range(len(contacts)), _CHUNK):
        keys = [f"person-{number}" for number in part]
        with pair.store.begin() as tx:
            identity.create(tx, RUN, dict.fromkeys(keys, EntityKind.PERSON))
            rows = [_writes(number, contacts[number]) for number in part]
            outbox.journal(tx, RUN, [intent for both in rows for intent in both])


def _writes(number: int, contact: str) -> tuple[Intent, Intent]:
    """A Lead, and the contact that learns its id."""
    person, lead = f"person-{number}", f"lead-{number}"
    create = Intent(
        key=lead,
        entity_id=person,
        side=Side.CRM,
        system="salesforce",
        operation=Operation.CREATE,
        object="Lead",
        fields={"LastName": f"Family{number}", "Company": f"Firm {number % 997}"},
        lane=Lane.BACKFILL,
        reason="create",
        fingerprint=lead,
        external_field=CRM_KEY,
        external_value=person,
        details={"link": True, "changes": []},
    )
    update = Intent(
        key=f"contact-{number}",
        entity_id=person,
        side=Side.MAP,
        system="hubspot",
        operation=Operation.UPDATE,
        object="contacts",
        fields={"leadloop_crm_id": {ID_OF: lead}, "leadloop_crm_object": "Lead"},
        lane=Lane.BACKFILL,
        reason="keys",
        fingerprint=f"contact-{number}",
        target_id=contact,
        depends_on=lead,
        details={"changes": []},
    )
    return create, update
