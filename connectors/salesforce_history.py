"""Salesforce's field history: the values a field of a record was given, and when.

Kept for the fields an administrator has switched tracking on for (20 an object by default), 18 to
24 months; values cannot be filtered (FACTS section 4, Objects). An org without tracking has no such
object at all, which is no error here: nothing is known then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import instant
from connectors.payloads import rows_in, sift
from connectors.salesforce_soql import in_conditions, room_beside, select
from connectors.salesforce_wire import SYSTEM, Wire, expect
from mappings.record_ids import id18
from mappings.records import Version

HISTORIES = {
    "Lead": ("LeadHistory", "LeadId"),
    "Contact": ("ContactHistory", "ContactId"),
    "Account": ("AccountHistory", "AccountId"),
    "Opportunity": ("OpportunityFieldHistory", "OpportunityId"),
}


def versions(
    wire: Wire, object_name: str, fields: Mapping[str, Sequence[str]]
) -> dict[tuple[str, str], tuple[Version, ...]]:
    """The values that fields (names by record id) were given, by (id, field), newest first."""
    if object_name not in HISTORIES:
        return {}
    table, parent = HISTORIES[object_name]
    columns = ("Id", parent, "Field", "NewValue", "CreatedDate", "CreatedById")
    wanted = {(id18(record_id), name) for record_id, names in fields.items() for name in names}
    found: dict[tuple[str, str], list[tuple[str, Version]]] = {}
    for where in in_conditions(parent, sorted(fields), room=room_beside(select(columns, table))):
        for key, row_id, version in _rows(wire, select(columns, table, where=where), parent):
            if key in wanted:
                found.setdefault(key, []).append((row_id, version))
    return {key: _newest_first(own) for key, own in found.items()}


def _newest_first(rows: Sequence[tuple[str, Version]]) -> tuple[Version, ...]:
    """Stamps are whole seconds; of two changes within one the later row has the higher id
    (assumed: ids are given out in order)."""
    return tuple(v for _, v in sorted(rows, key=lambda row: (row[1].at, row[0]), reverse=True))


def _rows(wire: Wire, query: str, parent: str) -> list[tuple[tuple[str, str], str, Version]]:
    """Every (record, field), row id and version of a query's pages; none where there is no
    history."""
    found: list[tuple[tuple[str, str], str, Version]] = []
    answer = wire.query(query)
    while answer.status < 300:
        body: Any = expect(answer)
        rows = rows_in(SYSTEM, body, "records")
        found += sift(rows, lambda raw: _change(raw, parent), system=SYSTEM, stream=parent).good
        if body.get("done") is not False:
            break
        answer = wire.more(str(body.get("nextRecordsUrl")))
    return found


def _change(raw: Mapping[str, Any], parent: str) -> tuple[tuple[str, str], str, Version]:
    by = str(raw.get("CreatedById") or "")
    version = Version(raw.get("NewValue"), instant(str(raw["CreatedDate"])), by)
    return (id18(str(raw[parent])), str(raw["Field"])), id18(str(raw["Id"])), version
