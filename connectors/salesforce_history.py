"""Salesforce's field history: when a field of a record was last changed.

Kept for the fields an administrator has switched tracking on for (20 an object by default), 18 to
24 months; values cannot be filtered (FACTS section 4, Objects). An org without tracking has no such
object at all, which is no error here: nothing is known then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.base import instant
from connectors.payloads import rows_in, sift
from connectors.salesforce_soql import id18, in_conditions, room_beside, select
from connectors.salesforce_wire import SYSTEM, Wire, expect

HISTORIES = {
    "Lead": ("LeadHistory", "LeadId"),
    "Contact": ("ContactHistory", "ContactId"),
    "Account": ("AccountHistory", "AccountId"),
    "Opportunity": ("OpportunityFieldHistory", "OpportunityId"),
}


def changed_at(
    wire: Wire, object_name: str, fields: Mapping[str, Sequence[str]]
) -> dict[tuple[str, str], datetime]:
    """When fields (names by record id) were last changed, by (id, field)."""
    if object_name not in HISTORIES:
        return {}
    history, parent = HISTORIES[object_name]
    columns = (parent, "Field", "CreatedDate")
    wanted = {(id18(record_id), name) for record_id, names in fields.items() for name in names}
    found: dict[tuple[str, str], datetime] = {}
    for where in in_conditions(parent, sorted(fields), room=room_beside(select(columns, history))):
        for key, at in _rows(wire, select(columns, history, where=where), parent):
            if key in wanted:
                found[key] = max(at, found.get(key, at))
    return found


def _rows(wire: Wire, query: str, parent: str) -> list[tuple[tuple[str, str], datetime]]:
    """Every (record, field) and instant of a query's pages; none where there is no history."""
    found: list[tuple[tuple[str, str], datetime]] = []
    answer = wire.query(query)
    while answer.status < 300:
        body: Any = expect(answer)
        rows = rows_in(SYSTEM, body, "records")
        found += sift(rows, lambda raw: _change(raw, parent), system=SYSTEM, stream=parent).good
        if body.get("done") is not False:
            break
        answer = wire.more(str(body.get("nextRecordsUrl")))
    return found


def _change(raw: Mapping[str, Any], parent: str) -> tuple[tuple[str, str], datetime]:
    return (id18(str(raw[parent])), str(raw["Field"])), instant(str(raw["CreatedDate"]))
