"""A little world made by hand, for the demo's judge: everything in it is as it should be.

- p1: contact 1 tied to Lead 00Q1 (there before), one form fill, one discounted open
- p2: contact 2, new to sales: Lead 00Q2 was made for it by the integration user
- p3: contact 3 in review, with Contact 003C of theirs; its form fill is held
- p4: contact 4 tied to Contact 003D with a won and an open opportunity; mail sent and opened; opted
  out on both sides
- p5: Contact 003E, in the CRM alone
"""

from __future__ import annotations

from typing import Any

from sync.demo_ties import Snapshot

INTEGRATION, REP = "005INT", "005REP"
FORM = "6513270e-0000-4000-8000-000000000001"
SENT_AT = 1_772_442_000_000  # 2026-03-02T09:00:00Z
ENDINGS = {
    "map_people": 4,
    "crm_people": 5,
    "events": 6,
    "open_rows": 0,
    "open_events": 0,
    "open_writes": 0,
}

Table = dict[str, Any]


def _truth() -> Table:
    """Five people: on both sides, new, in review, opted out with history, in the CRM alone."""
    return {
        "forms": {FORM: "Contact us"},
        "people": [
            person("p1", ["1"], [("Lead", "00Q1")], fills=["one@example.com"], opens=["e3"]),
            person("p2", ["2"], []),
            person("p3", ["3"], [("Contact", "003C")], fills=["three@example.com"]),
            person("p4", ["4"], [("Contact", "003D")], sent=["e1"], opens=["e2"], out=True),
            person("p5", [], [("Contact", "003E")]),
        ],
    }


def _contacts() -> list[Table]:
    """What HubSpot shows of the first four."""
    return [
        contact("1", "one@example.com", key="k1", crm="00Q1", **_outcomes("Lead", "Open")),
        contact("2", "two@example.com", key="k2", crm="00Q2", **_outcomes("Lead", "Open")),
        contact("3", "three@example.com"),
        contact(
            "4",
            "four@example.com",
            key="k4",
            crm="003D",
            hs_email_optout="true",
            leadloop_opportunity_stage="Prospecting",
            leadloop_opportunity_amount="500",
            leadloop_opportunity_outcome="open",
            leadloop_close_date="2026-06-01",
            leadloop_total_revenue="1200.50",
            leadloop_won_count="1",
            leadloop_customer_since="2026-02-01",
            **_outcomes("Contact"),
        ),
    ]


def little_world() -> Table:
    """The arguments of a Snapshot, free to be damaged."""
    return {
        "truth": _truth(),
        "contacts": _contacts(),
        "leads": [
            lead("00Q1", key="k1", made_by=REP),
            lead("00Q2", key="k2", made_by=INTEGRATION, at="2026-03-02T08:00:00.000+0000"),
        ],
        "crm_contacts": [
            lead("003C", made_by=REP),
            lead(
                "003D",
                key="k4",
                made_by=REP,
                HasOptedOutOfEmail=True,
                Leadloop_Emails_Sent__c=1.0,
                Leadloop_Emails_Opened__c=1.0,
            ),
            lead("003E", made_by=REP),
        ],
        "opportunities": [
            opportunity("006W", "Closed Won", 1200.5, "2026-02-01", key="d1", won=True),
            opportunity("006O", "Prospecting", 500.0, "2026-06-01", key="d2"),
        ],
        "roles": [
            {"OpportunityId": "006W", "ContactId": "003D", "IsDeleted": False},
            {"OpportunityId": "006O", "ContactId": "003D", "IsDeleted": False},
        ],
        "tasks": [task("00T1", "00Q1", "x1")],
        "users": [{"Id": REP, "Name": "Dana Whitlock", "Email": "dana@example.com"}],
        "deals": [
            deal("91", "d1", "closedwon", "1200.5", "2026-02-01", "006W"),
            deal("92", "d2", "appointmentscheduled", "500", "2026-06-01", "006O"),
        ],
        "deal_contacts": {"91": ["4"], "92": ["4"]},
        "submissions": [{}, {}],
        "email_events": [
            event("e1", "SENT", "four@example.com"),
            event("e2", "OPEN", "four@example.com"),
            event("e3", "OPEN", "one@example.com", filtered=True),
            {**event("e4", "STATUSCHANGE", "four@example.com"), "portalSubscriptionStatus": "X"},
        ],
        "subscriptions": [{"email": "four@example.com", "opted_out_all": True}],
        "integration_user": INTEGRATION,
        "in_review": frozenset({"3"}),
        "endings": dict(ENDINGS),
    }


def snapshot(table: Table) -> Snapshot:
    """What the judge is given."""
    return Snapshot(**table)


def person(
    person_id: str,
    contacts: list[str],
    records: list[tuple[str, str]],
    *,
    fills: list[str] | None = None,
    sent: list[str] | None = None,
    opens: list[str] | None = None,
    out: bool = False,
) -> Table:
    """A person as the truth tells of them; e-mail event e3 is one the vendor discounts."""
    kinds = [("SENT", sent or []), ("OPEN", opens or [])]
    return {
        "id": person_id,
        "hubspot_contact_ids": contacts,
        "hubspot_merged_ids": [],
        "salesforce_records": [
            {"object": name, "id": one, "converted_from": [], "merged_from": []}
            for name, one in records
        ],
        "opt_out": {"all_mail": out},
        "form_submissions": [
            {"form": FORM, "submitted_at": SENT_AT, "email": email} for email in fills or []
        ],
        "email_events": [
            {"id": one, "created": SENT_AT, "type": kind, "filtered": one == "e3"}
            for kind, ids in kinds
            for one in ids
        ],
    }


def contact(
    contact_id: str, email: str, *, key: str | None = None, crm: str | None = None, **more: str
) -> Table:
    """A HubSpot contact as stored."""
    properties = {"email": email, "leadloop_id": key, "leadloop_crm_id": crm, **more}
    return {"id": contact_id, "archived": False, "merged_into": None, "properties": properties}


def _outcomes(object_name: str, status: str | None = None) -> dict[str, str]:
    shown = {
        "leadloop_crm_object": object_name,
        "leadloop_owner": "Dana Whitlock",
        "leadloop_owner_email": "dana@example.com",
    }
    return shown if status is None else {**shown, "leadloop_lead_status": status}


def lead(
    record_id: str,
    *,
    made_by: str,
    key: str | None = None,
    at: str = "2025-05-01T10:00:00.000+0000",
    **more: Any,
) -> Table:
    """A Lead, or a Contact, as stored; both are alike in what the judge looks at."""
    return {
        "Id": record_id,
        "IsDeleted": False,
        "MasterRecordId": None,
        "Status": "Open" if record_id.startswith("00Q") else None,
        "OwnerId": REP,
        "CreatedById": made_by,
        "CreatedDate": at,
        "SystemModstamp": at,
        "LastActivityDate": None,
        "Leadloop_Id__c": key,
        **more,
    }


def opportunity(
    record_id: str, stage: str, amount: float, closes: str, *, key: str, won: bool = False
) -> Table:
    """An opportunity as stored."""
    return {
        "Id": record_id,
        "IsDeleted": False,
        "Name": record_id,
        "StageName": stage,
        "Amount": amount,
        "CloseDate": closes,
        "IsClosed": won,
        "IsWon": won,
        "SystemModstamp": "2026-02-01T10:00:00.000+0000",
        "Leadloop_Id__c": key,
    }


def task(task_id: str, who: str, event_id: str) -> Table:
    """A Task that logs the one form fill of that day."""
    return {
        "Id": task_id,
        "IsDeleted": False,
        "WhoId": who,
        "Subject": "Form filled in: Contact us",
        "ActivityDate": "2026-03-02",
        "Leadloop_Event_Id__c": event_id,
    }


def deal(deal_id: str, key: str, stage: str, amount: str, closes: str, name: str) -> Table:
    """A HubSpot deal as stored."""
    properties = {
        "leadloop_id": key,
        "dealname": name,
        "dealstage": stage,
        "amount": amount,
        "closedate": f"{closes}T00:00:00.000Z",
    }
    return {"id": deal_id, "archived": False, "merged_into": None, "properties": properties}


def event(event_id: str, kind: str, email: str, *, filtered: bool = False) -> Table:
    """An e-mail event in HubSpot's shape."""
    return {
        "id": event_id,
        "created": SENT_AT,
        "type": kind,
        "recipient": email,
        "filteredEvent": filtered,
    }
