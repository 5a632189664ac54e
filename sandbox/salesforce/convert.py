"""Lead conversion: a lead becomes a contact, an account and, if wished, an opportunity.

Standard fields are carried over by the vendor's fixed mapping, custom ones only where the org maps
them (FACTS section 4). An existing contact is filled where it is empty, never overwritten. Open and
closed activities and campaign memberships follow to the contact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.salesforce.checks import converted_lead
from sandbox.salesforce.errors import SalesforceError, not_found
from sandbox.salesforce.fields import Row, Value
from sandbox.salesforce.ids import to_18
from sandbox.salesforce.records import Caller, Records
from sandbox.salesforce.times import stamp

_TO_CONTACT = {
    "FirstName": "FirstName", "LastName": "LastName", "Salutation": "Salutation",
    "Title": "Title", "Phone": "Phone", "MobilePhone": "MobilePhone", "Fax": "Fax",
    "Email": "Email", "LeadSource": "LeadSource", "Description": "Description",
    "Street": "MailingStreet", "City": "MailingCity", "State": "MailingState",
    "PostalCode": "MailingPostalCode", "Country": "MailingCountry",
    "HasOptedOutOfEmail": "HasOptedOutOfEmail", "HasOptedOutOfFax": "HasOptedOutOfFax",
    "DoNotCall": "DoNotCall",
}  # fmt: skip
_TO_ACCOUNT = {
    "Company": "Name", "Phone": "Phone", "Fax": "Fax", "Website": "Website",
    "Industry": "Industry", "AnnualRevenue": "AnnualRevenue", "Rating": "Rating",
    "NumberOfEmployees": "NumberOfEmployees", "LeadSource": "AccountSource",
    "Street": "BillingStreet", "City": "BillingCity", "State": "BillingState",
    "PostalCode": "BillingPostalCode", "Country": "BillingCountry",
}  # fmt: skip
_QUARTER = 3
_MONTHS = 12
Mapped = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Conversion:
    """What to convert into what; ids that are None are made."""

    lead_id: str
    status: str
    account_id: str | None = None
    contact_id: str | None = None
    opportunity_name: str | None = None
    with_opportunity: bool = True
    owner_id: str | None = None


@dataclass(frozen=True)
class _Done:
    """Who did it, and the instant every touched record carries."""

    user_id: str
    now: str


def convert(
    records: Records, wish: Conversion, caller: Caller, mapped: Mapped
) -> dict[str, str | None]:
    """Carry out a conversion; raises before anything is changed where it cannot be."""
    lead = _convertible(records, wish)
    owner = wish.owner_id or str(lead["OwnerId"])
    now = caller.at or records.clock.now()
    contact_id = _checked(records, "Contact", wish.contact_id)
    account_id = _checked(records, "Account", wish.account_id)
    if contact_id is not None and account_id is None:
        message = "Contact specified without an account"
        raise SalesforceError("INVALID_CROSS_REFERENCE_KEY", message)
    plain = Caller(caller.user_id, at=caller.at)
    if account_id is None:
        account_id = records.create("Account", _account(lead, owner, mapped), plain)
    if contact_id is None:
        body = {**_carried(lead, _TO_CONTACT), **_custom(lead, mapped, "Contact")}
        body.update({"AccountId": account_id, "OwnerId": owner})
        contact_id = records.create("Contact", body, plain)
    else:
        _fill(records, lead, contact_id, mapped, plain)
    opportunity_id = None
    if wish.with_opportunity:
        related = (account_id, contact_id, owner)
        opportunity_id = _opportunity(
            records, lead, wish, related, now=now, mapped=mapped, caller=plain
        )
    done = _Done(caller.user_id, stamp(now))
    _follow(records, str(lead["Id"]), contact_id, opportunity_id or account_id, done)
    _close(records, lead, wish.status, (account_id, contact_id, opportunity_id), done)
    return {
        "leadId": str(lead["Id"]),
        "accountId": account_id,
        "contactId": contact_id,
        "opportunityId": opportunity_id,
    }


def _convertible(records: Records, wish: Conversion) -> Row:
    long = to_18(wish.lead_id)
    lead = None if long is None else records.tables["Lead"].rows.get(long)
    if lead is None or lead.get("IsDeleted"):
        raise SalesforceError("INVALID_ID_FIELD", f"invalid id: {wish.lead_id}")
    if lead.get("IsConverted"):
        raise converted_lead()
    statuses = records.tables["LeadStatus"].rows.values()
    allowed = {row["ApiName"] for row in statuses if row.get("IsConverted")}
    if wish.status not in allowed:
        message = f"invalid convertedStatus: {wish.status}"
        raise SalesforceError("INVALID_STATUS", message)
    return lead


def _checked(records: Records, sobject: str, record_id: str | None) -> str | None:
    if record_id is None:
        return None
    try:
        return str(records.live(sobject, record_id)["Id"])
    except SalesforceError as error:
        if error.code != not_found().code:
            raise
        message = "invalid cross reference id"
        raise SalesforceError("INVALID_CROSS_REFERENCE_KEY", message) from error


def _carried(lead: Row, names: Mapping[str, str]) -> dict[str, object]:
    return {target: lead[source] for source, target in names.items() if source in lead}


def _custom(lead: Row, mapped: Mapped, sobject: str) -> dict[str, object]:
    return {
        target: lead[source]
        for source, (kind, target) in mapped.items()
        if kind == sobject and source in lead
    }


def _account(lead: Row, owner: str, mapped: Mapped) -> dict[str, object]:
    return {**_carried(lead, _TO_ACCOUNT), **_custom(lead, mapped, "Account"), "OwnerId": owner}


def _fill(records: Records, lead: Row, contact_id: str, mapped: Mapped, caller: Caller) -> None:
    contact = records.tables["Contact"].rows[contact_id]
    offered = {**_carried(lead, _TO_CONTACT), **_custom(lead, mapped, "Contact")}
    empty = {name: value for name, value in offered.items() if contact.get(name) is None}
    if empty:
        records.update("Contact", contact_id, empty, caller)


def _opportunity(
    records: Records,
    lead: Row,
    wish: Conversion,
    related: tuple[str, str, str],
    *,
    now: datetime,
    mapped: Mapped,
    caller: Caller,
) -> str:
    account_id, contact_id, owner = related
    body: dict[str, object] = {
        "Name": wish.opportunity_name or f"{lead['Company']}-",
        "AccountId": account_id,
        "StageName": "Prospecting",
        "CloseDate": _end_of_quarter(now),
        "OwnerId": owner,
        **_carried(lead, {"LeadSource": "LeadSource"}),
        **_custom(lead, mapped, "Opportunity"),
    }
    made = records.create("Opportunity", body, caller)
    records.effects.add_role(made, contact_id, caller.user_id, stamp(now))
    return made


def _end_of_quarter(now: datetime) -> str:
    """The vendor closes a fresh opportunity on the last day of the running quarter."""
    month = (now.month - 1) // _QUARTER * _QUARTER + _QUARTER
    year, following = (now.year + 1, 1) if month == _MONTHS else (now.year, month + 1)
    first = now.replace(year=year, month=following, day=1)
    return (first - timedelta(days=1)).date().isoformat()


def _follow(records: Records, lead_id: str, contact_id: str, what_id: str, done: _Done) -> None:
    """Activities and campaign memberships go over to the contact."""
    user_id, now = done.user_id, done.now
    for name in ("Task", "Event"):
        table = records.tables[name]
        for found in table.matching(table.kind.fields["WhoId"], lead_id):
            moved: dict[str, Value] = {"WhoId": contact_id}
            if table.rows[found].get("WhatId") is None:
                moved.update({"WhatId": what_id, "WhatCount": 1})
            records.change_quietly(table, found, moved, user_id=user_id, now=now)
    table = records.tables["EmailMessageRelation"]
    for found in table.matching(table.kind.fields["RelationId"], lead_id):
        moved = {"RelationId": contact_id, "RelationObjectType": "Contact"}
        records.change_quietly(table, found, moved, user_id=user_id, now=now)
    table = records.tables["CampaignMember"]
    for found in table.matching(table.kind.fields["LeadId"], lead_id):
        moved = {"ContactId": contact_id, "Type": "Contact", "LeadOrContactId": contact_id}
        records.change_quietly(table, found, moved, user_id=user_id, now=now)


def _close(
    records: Records,
    lead: Row,
    status: str,
    made: tuple[str, str, str | None],
    done: _Done,
) -> None:
    user_id, now = done.user_id, done.now
    account_id, contact_id, opportunity_id = made
    changes: dict[str, Value] = {
        "IsConverted": True,
        "Status": status,
        "ConvertedDate": now[:10],
        "ConvertedAccountId": account_id,
        "ConvertedContactId": contact_id,
        "ConvertedOpportunityId": opportunity_id,
        "IsUnreadByOwner": False,
    }
    table = records.tables["Lead"]
    records.change_quietly(table, str(lead["Id"]), changes, user_id=user_id, now=now)
    records.effects.note(
        "Lead", lead, ("leadConverted", "Text", lead.get("Status"), status), user_id, now
    )
