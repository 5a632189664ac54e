"""Memberships that are there already: somebody has added the person to the Campaign by hand.

A person is a Campaign's member once: a second one is refused (DUPLICATE_VALUE), and so is an upsert
by our key of one whose Campaign and person are set for good (FACTS section 4, Objects). Either way
what was wanted is there, so it gets our key, and our Status where it says of no response yet: what
marketing has noted of somebody who came (Attended, say) is more than we know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.salesforce_soql import literal, name
from connectors.salesforce_wire import Wire, expect
from mappings.errors import LeadloopError
from mappings.record_ids import id18
from mappings.records import Outcome, OutcomeStatus, Write

MEMBER = "CampaignMember"
_PERSON = ("LeadId", "ContactId")
_THERE = frozenset({"record.duplicate_value", "field.read_only"})


def adopted(wire: Wire, rows: Sequence[Write], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of creates by key, those refused because the membership is there being done
    once it carries the key. Where it cannot be looked up they may be sent again."""
    refused = {o.key for o in outcomes if o.error is not None and o.error.code in _THERE}
    asked = [row for row in rows if row.key in refused and _place(row.fields) is not None]
    if not asked:
        return list(outcomes)
    try:
        found = _taken_over(wire, asked)
    except LeadloopError as error:
        found = {row.key: Outcome(row.key, OutcomeStatus.RETRY, error=error) for row in asked}
    return [found.get(outcome.key, outcome) for outcome in outcomes]


def _taken_over(wire: Wire, rows: Sequence[Write]) -> dict[str, Outcome]:
    members = {_place(raw): raw for raw in expect(wire.query(_query(rows)))["records"]}
    there = [(row, members[_place(row.fields)]) for row in rows if _place(row.fields) in members]
    records = [
        {"attributes": {"type": MEMBER}, "id": raw["Id"], **_changes(row, raw)}
        for row, raw in there
    ]
    if not records:
        return {}
    body = {"allOrNone": False, "records": records}
    results = expect(wire.send("PATCH", "composite/sobjects", body))
    return {
        row.key: Outcome(row.key, OutcomeStatus.OK, id18(str(raw["Id"])), created=False)
        for (row, raw), result in zip(there, results, strict=True)
        if result.get("success")
    }


def _changes(row: Write, member: Mapping[str, Any]) -> dict[str, Any]:
    field, value = row.external_id or ("", "")
    status = {} if member["HasResponded"] else {"Status": row.fields.get("Status")}
    return {field: value, **{key: text for key, text in status.items() if text}}


def _query(rows: Sequence[Write]) -> str:
    wanted = ", ".join(("Id", "CampaignId", "HasResponded", *_PERSON))
    campaigns = _listed(row.fields.get("CampaignId") for row in rows)
    people = " OR ".join(
        f"{name(field)} IN ({ids})"
        for field in _PERSON
        if (ids := _listed(row.fields.get(field) for row in rows))
    )
    return (
        f"SELECT {wanted} FROM {MEMBER} WHERE IsDeleted = false AND "  # noqa: S608 - literals, names
        f"CampaignId IN ({campaigns}) AND ({people})"
    )


def _listed(ids: Any) -> str:
    return ", ".join(literal(id18(str(one))) for one in dict.fromkeys(ids) if one)


def _place(fields: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Who is a member of what: what there is only one of. None where that is not told."""
    who = [(field, fields.get(field)) for field in _PERSON if fields.get(field)]
    campaign = fields.get("CampaignId")
    if not who or not campaign:
        return None
    return (id18(str(campaign)), who[0][0], id18(str(who[0][1])))
