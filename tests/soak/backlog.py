"""A restart with a hundred thousand open intents: how long until something useful is done."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from typing import Any

from mappings.ports import Lane
from mappings.records import Operation, Outcome, Side, Write
from mappings.required_fields import EVENT_KEY
from state import outbox
from state.outbox import Intent
from state.store import Store, chunks
from sync.crash import Crash
from tests.soak.kills import town_for_a_while


def backlog(count: int, *, url: str | None = None) -> dict[str, Any]:
    """So many Tasks are journaled and 200 of them may have been sent; Leadloop starts."""
    with town_for_a_while(url) as town:
        person = town.newcomer(on_map=True, on_crm="Lead")
        town.approved_run()
        assert person.crm is not None
        journal_tasks(town.store, count, person.crm.id, "person")
        first: list[float] = []

        def write(rows: Sequence[Write]) -> list[Outcome]:
            first.append(time.monotonic() - began)
            raise Crash

        town.salesforce.write = write  # type: ignore[method-assign]
        began = time.monotonic()
        town.reopen()
        opened = time.monotonic() - began
        try:
            town.run()
        except Crash:
            town.reopen()
        return {
            "open_intents": count,
            "seconds_to_open": round(opened, 2),
            "seconds_to_first_write": round(first[0], 2) if first else None,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }


def journal_tasks(store: Store, count: int, lead: str, entity_id: str) -> None:
    """So many Tasks of a Lead are journaled; the first 200 of them may have been sent."""
    for batch in chunks(range(count), 5000):
        intents = [_task(number, lead, entity_id) for number in batch]
        with store.begin() as tx:
            outbox.journal(tx, "earlier", intents)
            if batch[0] == 0:
                outbox.mark_sending(tx, [intent.key for intent in intents[:200]])


def _task(number: int, lead: str, entity_id: str) -> Intent:
    key = f"{number:064x}"
    return Intent(
        key=key[-40:],
        entity_id=entity_id,
        side=Side.CRM,
        system="salesforce",
        operation=Operation.CREATE,
        object="Task",
        fields={"WhoId": lead, "Subject": "Form filled in", "Status": "Completed"},
        lane=Lane.BACKFILL,
        reason="activity",
        fingerprint=key[-40:],
        external_field=EVENT_KEY,
        external_value=key,
        details={"events": {}, "activity": [str(number), "task"], "changes": []},
    )
