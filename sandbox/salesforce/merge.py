"""merge(): up to three records of one object become one.

Losers stay in the recycle bin with MasterRecordId set; the master keeps its own values unless the
call changes them, and stores nothing of the losers (FACTS section 4). What hung on the losers hangs
on the master afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.fields import Value
from sandbox.salesforce.ids import to_18
from sandbox.salesforce.records import Caller, Records
from sandbox.salesforce.times import stamp

_MERGEABLE = frozenset({"Lead", "Contact", "Account"})
_MOST_LOSERS = 2
_CHILDREN: dict[str, tuple[tuple[str, str], ...]] = {
    "Lead": (
        ("Task", "WhoId"),
        ("Event", "WhoId"),
        ("EmailMessageRelation", "RelationId"),
        ("CampaignMember", "LeadId"),
    ),
    "Contact": (
        ("Task", "WhoId"),
        ("Event", "WhoId"),
        ("EmailMessageRelation", "RelationId"),
        ("CampaignMember", "ContactId"),
        ("OpportunityContactRole", "ContactId"),
        ("Lead", "ConvertedContactId"),
        ("Contact", "ReportsToId"),
    ),
    "Account": (
        ("Contact", "AccountId"),
        ("Opportunity", "AccountId"),
        ("Account", "ParentId"),
        ("Task", "WhatId"),
        ("Event", "WhatId"),
        ("Lead", "ConvertedAccountId"),
    ),
}


def merge(
    records: Records,
    sobject: str,
    master_id: str,
    loser_ids: list[str],
    *,
    fields: Mapping[str, object],
    caller: Caller,
) -> dict[str, list[str]]:
    """Merge; returns `{"mergedRecordIds", "updatedRelatedIds"}`."""
    kind = records.kind(sobject)
    if kind.name not in _MERGEABLE:
        message = f"merge is not supported for entity type {kind.name}"
        raise SalesforceError("INVALID_OPERATION", message)
    if not 1 <= len(loser_ids) <= _MOST_LOSERS:
        message = f"You can merge at most {_MOST_LOSERS + 1} records"
        raise SalesforceError("INVALID_NUMBER_OF_RECORDS", message)
    master = str(records.writable(sobject, master_id)["Id"])
    losers = [str(records.writable(sobject, one)["Id"]) for one in loser_ids]
    if master in losers or len(set(losers)) < len(losers):
        raise SalesforceError("INVALID_ID_FIELD", f"duplicate id in merge: {master}")
    _same_account(records, kind.name, [master, *losers])
    now = stamp(caller.at or records.clock.now())
    moved: list[str] = []
    for loser in losers:
        moved += _reparent(records, kind.name, (loser, master), caller.user_id, now)
        table = records.tables[kind.name]
        records.bury(table, table.rows[loser], caller.user_id, now, master=master)
    records.update(kind.name, master, fields, caller)
    return {"mergedRecordIds": losers, "updatedRelatedIds": moved}


def _same_account(records: Records, sobject: str, ids: list[str]) -> None:
    if sobject == "Contact":
        rows = records.tables["Contact"].rows
        if len({rows[one].get("AccountId") for one in ids}) > 1:
            message = "Contacts in different accounts cannot be merged"
            raise SalesforceError("INVALID_OPERATION", message)
    if sobject == "Lead" and any(
        records.tables["Lead"].rows[one].get("IsConverted") for one in ids
    ):
        raise SalesforceError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")


def _reparent(
    records: Records, sobject: str, pair: tuple[str, str], user_id: str, now: str
) -> list[str]:
    loser, master = pair
    moved: list[str] = []
    for child, field in _CHILDREN[sobject]:
        table = records.tables[child]
        for found in table.matching(table.kind.fields[field], loser):
            row = table.rows[found]
            if row.get("IsDeleted"):
                continue
            if child == "CampaignMember" and _is_member(records, field, row["CampaignId"], master):
                records.bury(table, row, user_id, now)
                continue
            changes: dict[str, Value] = {field: master}
            if child == "CampaignMember":
                changes["LeadOrContactId"] = master
            records.change_quietly(table, found, changes, user_id=user_id, now=now)
            moved.append(found)
    return moved


def _is_member(records: Records, field: str, campaign_id: Value, person: str) -> bool:
    table = records.tables["CampaignMember"]
    found = table.matching(table.kind.fields[field], to_18(person))
    return any(
        table.rows[one].get("CampaignId") == campaign_id and not table.rows[one].get("IsDeleted")
        for one in found
    )
