"""What an undo came to, as data: for the state, which keeps no values of it, and for people.

An order's result stays in the state for weeks, where nobody looks for personal data. So it names
the writes and ledger lines, and `with_values` reads the values where they are kept anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mappings.records import Json, RecordRef
from state import ledger, mirror, outbox
from state.outbox import Intent
from state.store import Store

if TYPE_CHECKING:
    from sync.undo.run import Undone

Data = Mapping[str, Any]
OPTED_OUT = ("opt_out_needs_evidence", "opt_out_stands")
"""Reasons to stay that are about a consent flag: it is set, and would be taken back."""


def told(done: Undone, *, values: bool) -> dict[str, Any]:
    """An undo, JSON-able. Without `values` it names no person's data; `with_values` adds them."""
    kept = [one.as_json() for one in done.kept]
    if not values:
        kept = [{**one, "now": None, "wanted": None} for one in kept]
    return {
        "run_id": None if done.dry_run else done.run_id,
        "dry_run": done.dry_run,
        "status": done.status,
        "counts": dict(done.counts),
        "undone": [row for intent in done.intents for row in _rows(intent, done, values=values)],
        "kept": kept,
        "unlinked": done.split.as_json() if done.split else None,
    }


def intents_of(data: Data) -> list[str]:
    """The keys of the writes in what was told."""
    return sorted({str(row["intent"]) for row in data["undone"]})


def ended(data: Data, done: Undone) -> dict[str, Any]:
    """What was told when the writes were journaled, with what has become of them."""
    rows = [
        {**row, "status": done.results.get(row["intent"], row["status"])} for row in data["undone"]
    ]
    return {**data, "status": done.status, "undone": rows}


def with_values(store: Store, data: Data) -> dict[str, Any]:
    """What was told, with the values its rows are about as far as the state still has them."""
    if data["dry_run"]:
        return dict(data)
    kept = data["kept"]
    with store.read() as tx:
        journaled = outbox.results(tx, intents_of(data))
        lines = {x.id: x for x in ledger.of_entities(tx, {one["entity_id"] for one in kept})}
        refs = [RecordRef.parse(one["record"]) for one in kept if one["field"] is not None]
        records = mirror.load(tx, refs)
    known = {str(ref): row.record.fields for ref, row in records.items()}
    changes = {
        (key, change["field"]): change
        for key, stored in journaled.items()
        for change in stored.intent.details["changes"]
    }
    nothing = {"before": None, "after": None}
    undone = [
        {**row, "from": found["before"], "to": found["after"]}
        for row in data["undone"]
        for found in [changes.get((row["intent"], row["field"]), nothing)]
    ]
    return {
        **data,
        "undone": undone,
        "kept": [_kept(one, known.get(one["record"], {}), lines) for one in kept],
    }


def _kept(one: Data, fields: Mapping[str, Json], lines: Mapping[int, ledger.Line]) -> Data:
    if one["reason"] in OPTED_OUT:
        return {**one, "now": True, "wanted": False}
    line = lines.get(one["line"]) if one["line"] is not None else None
    return {**one, "now": fields.get(one["field"]), "wanted": line.before if line else None}


def _rows(intent: Intent, done: Undone, *, values: bool) -> Iterable[dict[str, Any]]:
    record = f"{intent.system}:{intent.object}:{intent.target_id}"
    for change in intent.details["changes"]:
        yield {
            "entity_id": intent.entity_id,
            "record": record,
            "operation": intent.operation.value,
            "field": change["field"],
            "from": change["before"] if values else None,
            "to": change["after"] if values else None,
            "status": done.results.get(intent.key, "planned"),
            "intent": intent.key,
        }
