"""Saving records: validation, derived fields, deletion, conversion, merge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.clock import VirtualClock
from sandbox.faults import Faults
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.ids import Minter, to_18
from sandbox.salesforce.org import SalesforceOrg

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def org() -> SalesforceOrg:
    """A fresh org."""
    return SalesforceOrg(VirtualClock(NOW), Faults(), client_id="a", client_secret="b")


def _lead(org: SalesforceOrg, **fields: object) -> str:
    return org.create("Lead", {"LastName": "Doe", "Company": "Acme", **fields})


@pytest.mark.parametrize(
    ("sobject", "fields", "code", "blamed"),
    [
        ("Lead", {"FirstName": "A"}, "REQUIRED_FIELD_MISSING", ["LastName", "Company"]),
        ("Account", {}, "REQUIRED_FIELD_MISSING", ["Name"]),
        ("Lead", {"LastName": "x" * 81, "Company": "c"}, "STRING_TOO_LONG", ["LastName"]),
        ("Contact", {"LastName": "x", "Email": "badone"}, "INVALID_EMAIL_ADDRESS", ["Email"]),
        ("Lead", {"LastName": "x", "Company": "c", "Nope": 1}, "INVALID_FIELD", []),
        ("Lead", {"Name": "x"}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["Name"]),
        ("Lead", {"CleanStatus": "x"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["CleanStatus"]),
        ("Contact", {"LastName": "x", "AccountId": "nope"}, "MALFORMED_ID", ["AccountId"]),
        ("Contact", {"LastName": "x", "AccountId": Minter().mint("003")}, "MALFORMED_ID",
         ["AccountId"]),
        ("Contact", {"LastName": "x", "AccountId": Minter("zz").mint("001")},
         "INVALID_CROSS_REFERENCE_KEY", ["AccountId"]),
        ("Lead", {"NumberOfEmployees": "many"}, "JSON_PARSER_ERROR", ["NumberOfEmployees"]),
        ("Lead", {"NumberofLocations__c": 1000}, "NUMBER_OUTSIDE_VALID_RANGE",
         ["NumberofLocations__c"]),
        ("Contact", {"LastName": "x", "Birthdate": "soon"}, "JSON_PARSER_ERROR", ["Birthdate"]),
    ],
)  # fmt: skip
def test_refused_creates(
    org: SalesforceOrg, sobject: str, fields: dict[str, object], code: str, blamed: list[str]
) -> None:
    """Each kind of bad value is refused with its code and the fields it blames."""
    with pytest.raises(SalesforceError) as refused:
        org.create(sobject, fields)
    assert (refused.value.code, refused.value.fields) == (code, blamed)


def test_lead_status_is_unrestricted(org: SalesforceOrg) -> None:
    """Lead Status accepts a value that is not in its picklist (recorded)."""
    made = _lead(org, Status="Something Else")
    assert org.get("Lead", made)["Status"] == "Something Else"


def test_unique_external_id_refuses_a_second_holder_in_any_case(org: SalesforceOrg) -> None:
    """DUPLICATE_VALUE names the holder; deleting the holder frees the value."""
    org.add_field("Lead", {"name": "Key__c", "type": "Text", "externalId": True, "unique": True})
    first = _lead(org, Key__c="abc")
    with pytest.raises(SalesforceError) as refused:
        _lead(org, Key__c="ABC")
    assert refused.value.code == "DUPLICATE_VALUE"
    assert first[:15] in refused.value.message
    org.delete("Lead", first)
    assert _lead(org, Key__c="ABC") != first


def test_derived_fields(org: SalesforceOrg) -> None:
    """Name, address and stage facts follow from what was saved."""
    lead = _lead(org, FirstName="Jo", City="Bern", Country="CH")
    shown = org.get("Lead", lead)
    assert shown["Name"] == "Jo Doe"
    assert isinstance(shown["Address"], dict)
    assert shown["Address"]["city"] == "Bern"
    deal = org.create(
        "Opportunity",
        {"Name": "D", "StageName": "Prospecting", "CloseDate": "2026-05-01", "Amount": 1000},
    )
    assert org.get("Opportunity", deal)["Probability"] == 10.0
    org.update("Opportunity", deal, {"StageName": "Closed Won"})
    won = org.get("Opportunity", deal)
    assert (won["IsClosed"], won["IsWon"], won["Probability"]) == (True, True, 100.0)
    assert won["ExpectedRevenue"] == 1000.0
    history = org.query("SELECT Field, OldValue, NewValue FROM OpportunityFieldHistory")
    stage = next(one for one in history if one["Field"] == "StageName")
    assert (stage["OldValue"], stage["NewValue"]) == ("Prospecting", "Closed Won")


def test_completed_task_moves_last_activity_and_stamp(org: SalesforceOrg) -> None:
    """Completing a task shows on its lead: LastActivityDate, SystemModstamp, not LastModified."""
    lead = org.create("Lead", {"LastName": "D", "Company": "C"}, at=NOW - timedelta(days=9))
    org.create("Task", {"WhoId": lead, "Status": "Completed", "ActivityDate": "2026-03-01"})
    shown = org.get("Lead", lead)
    assert shown["LastActivityDate"] == "2026-03-01"
    assert shown["SystemModstamp"] == "2026-03-02T08:00:00.000+0000"
    assert shown["LastModifiedDate"] == "2026-02-21T08:00:00.000+0000"


def test_campaign_member_once_and_responded_by_status(org: SalesforceOrg) -> None:
    """A repeat is DUPLICATE_VALUE; HasResponded follows from Status and counts on the campaign."""
    lead, campaign = _lead(org), org.create("Campaign", {"Name": "Spring"})
    member = org.create("CampaignMember", {"CampaignId": campaign, "LeadId": lead})
    assert org.get("CampaignMember", member)["HasResponded"] is False
    with pytest.raises(SalesforceError) as refused:
        org.create("CampaignMember", {"CampaignId": campaign, "LeadId": lead})
    assert refused.value.code == "DUPLICATE_VALUE"
    org.update("CampaignMember", member, {"Status": "Responded"})
    assert org.get("CampaignMember", member)["HasResponded"] is True
    shown = org.get("Campaign", campaign)
    assert (shown["NumberOfLeads"], shown["NumberOfResponses"]) == (1, 1)


def test_inactive_owner_is_refused(org: SalesforceOrg) -> None:
    """A record cannot be given to a user who left."""
    gone = org.create_user("Old", "Rep", "old.rep@corp.example", active=False)
    with pytest.raises(SalesforceError) as refused:
        _lead(org, OwnerId=gone)
    assert refused.value.code == "INACTIVE_OWNER_OR_USER"


def test_conversion_moves_everything_and_closes_the_lead(org: SalesforceOrg) -> None:
    """Contact, account, deal with role; tasks and memberships follow; custom fields are dropped."""
    org.add_field("Lead", {"name": "Key__c", "type": "Text", "externalId": True, "unique": True})
    org.add_field("Contact", {"name": "Key__c", "type": "Text"})
    lead = _lead(org, Email="jo@acme.example", Key__c="k1")
    task = org.create("Task", {"WhoId": lead, "Subject": "Call"})
    campaign = org.create("Campaign", {"Name": "Spring"})
    member = org.create("CampaignMember", {"CampaignId": campaign, "LeadId": lead})
    made = org.convert_lead(lead, opportunity_name="Big deal")
    contact = org.get("Contact", str(made["contactId"]))
    assert (contact["Email"], contact["AccountId"]) == ("jo@acme.example", made["accountId"])
    assert contact["Key__c"] is None
    assert org.get("Task", task)["WhoId"] == made["contactId"]
    assert org.get("CampaignMember", member)["ContactId"] == made["contactId"]
    roles = org.query("SELECT ContactId, IsPrimary FROM OpportunityContactRole")
    assert [(one["ContactId"], one["IsPrimary"]) for one in roles] == [(made["contactId"], True)]
    shown = org.get("Lead", lead)
    assert (shown["IsConverted"], shown["ConvertedDate"]) == (True, "2026-03-02")
    for write in (
        lambda: org.update("Lead", lead, {"Title": "x"}),
        lambda: org.create("Task", {"WhoId": lead}),
        lambda: org.convert_lead(lead),
    ):
        with pytest.raises(SalesforceError) as refused:
            write()
        assert refused.value.code == "CANNOT_UPDATE_CONVERTED_LEAD"


def test_conversion_carries_mapped_fields_into_an_existing_contact(org: SalesforceOrg) -> None:
    """A mapped custom field arrives; what the contact already has is not overwritten."""
    org.add_field("Lead", {"name": "Key__c", "type": "Text"})
    org.add_field("Contact", {"name": "Key__c", "type": "Text"})
    org.lead_field_mapping["Key__c"] = ("Contact", "Key__c")
    account = org.create("Account", {"Name": "Acme"})
    contact = org.create("Contact", {"LastName": "D", "Title": "CEO", "AccountId": account})
    lead = _lead(org, Title="Intern", Key__c="k1", Phone="+41 44 000 00 00")
    org.convert_lead(lead, account_id=account, contact_id=contact)
    shown = org.get("Contact", contact)
    assert (shown["Title"], shown["Key__c"], shown["Phone"]) == ("CEO", "k1", "+41 44 000 00 00")


def test_merge_leaves_losers_with_their_master(org: SalesforceOrg) -> None:
    """Losers are deleted with MasterRecordId; tasks move; the master keeps its own values."""
    master, loser = _lead(org, Title="CEO"), _lead(org, Title="Intern", Phone="1")
    task = org.create("Task", {"WhoId": loser})
    org.merge("Lead", master, [loser])
    assert org.get("Task", task)["WhoId"] == master
    shown = org.get("Lead", master)
    assert (shown["Title"], shown["Phone"]) == ("CEO", None)
    text = "SELECT Id, MasterRecordId FROM Lead WHERE IsDeleted = true AND MasterRecordId != null"
    assert org.query(text) == []
    lost = org.query(text, all_rows=True)
    assert [(one["Id"], one["MasterRecordId"]) for one in lost] == [(loser, master)]


def test_contacts_of_different_accounts_do_not_merge(org: SalesforceOrg) -> None:
    """merge() refuses contacts in different accounts."""
    ids = [
        org.create("Contact", {"LastName": "D", "AccountId": org.create("Account", {"Name": name})})
        for name in ("A", "B")
    ]
    with pytest.raises(SalesforceError) as refused:
        org.merge("Contact", ids[0], ids[1:])
    assert refused.value.code == "INVALID_OPERATION"


def test_deleted_records_answer_as_recorded_and_empty_after_15_days(org: SalesforceOrg) -> None:
    """GET is NOT_FOUND, update ENTITY_IS_DELETED, queryAll shows it until the bin empties."""
    lead = _lead(org)
    org.delete("Lead", lead)
    with pytest.raises(SalesforceError) as missing:
        org.get("Lead", lead)
    assert missing.value.code == "NOT_FOUND"
    with pytest.raises(SalesforceError) as deleted:
        org.update("Lead", lead, {"Title": "x"})
    assert deleted.value.code == "ENTITY_IS_DELETED"
    assert len(org.query("SELECT Id FROM Lead", all_rows=True)) == 1
    org.clock.move(16 * 86_400)
    assert org.query("SELECT Id FROM Lead", all_rows=True) == []


def test_deleting_an_account_takes_its_contacts_and_deals(org: SalesforceOrg) -> None:
    """Children go to the recycle bin with their account."""
    account = org.create("Account", {"Name": "A"})
    org.create("Contact", {"LastName": "D", "AccountId": account})
    org.delete("Account", account)
    assert list(org.rows("Contact")) == []
    assert len(list(org.rows("Contact", include_deleted=True))) == 1


def test_late_commits_appear_later_with_an_older_stamp() -> None:
    """late_commit: the row is written now, seen by queries only after `value` seconds."""
    clock, faults = VirtualClock(NOW), Faults()
    org = SalesforceOrg(clock, faults, client_id="a", client_secret="b")
    lead = _lead(org, Title="old")
    faults.add({"system": "salesforce", "kind": "late_commit", "calls": 2, "value": 120})
    clock.move(60)
    org.update("Lead", lead, {"Title": "new"})
    fresh = _lead(org, Title="fresh")
    text = "SELECT Id, Title, SystemModstamp FROM Lead ORDER BY SystemModstamp, Id"
    assert [one["Title"] for one in org.query(text)] == ["old"]
    clock.move(121)
    found = org.query(text)
    assert [(one["Id"], one["Title"]) for one in found] == [(lead, "new"), (fresh, "fresh")]
    assert {one["SystemModstamp"] for one in found} == {"2026-03-02T08:01:00.000+0000"}


def test_duplicate_rule_alert_can_be_waived_block_cannot(org: SalesforceOrg) -> None:
    """An alert rule yields to allowSave, a blocking one does not; the key is duplicateResut."""
    _lead(org, Email="jo@acme.example")
    org.records.duplicates.switch_on("Lead", blocks=True)
    with pytest.raises(SalesforceError) as refused:
        _lead(org, Email="JO@acme.example")
    assert refused.value.code == "DUPLICATES_DETECTED"
    assert "duplicateResut" in refused.value.extra
    org.records.duplicates.switch_on("Lead")
    assert _lead(org, Email="JO@acme.example")


def test_ids_of_15_and_18_characters_are_one(org: SalesforceOrg) -> None:
    """A 15-character id finds the record; a lower-cased 18-character id is repaired."""
    lead = _lead(org)
    assert org.get("Lead", lead[:15])["Id"] == lead
    assert to_18(lead.lower()[:15] + lead[15:]) == lead
    assert to_18("not an id") is None
    assert to_18("0014S000007NxmlQAC"[:15]) == "0014S000007NxmlQAC"


def test_retyping_keeps_what_fits(org: SalesforceOrg) -> None:
    """A retyped field keeps values the new type can hold and empties the others."""
    org.add_field("Lead", {"name": "Size__c", "type": "Text"})
    fits, breaks = _lead(org, Size__c="12"), _lead(org, Size__c="many")
    org.retype_field("Lead", {"name": "Size__c", "type": "Number"})
    assert org.get("Lead", fits)["Size__c"] == 12.0
    assert org.get("Lead", breaks)["Size__c"] is None
    org.remove_field("Lead", "Size__c")
    with pytest.raises(SalesforceError):
        org.query("SELECT Size__c FROM Lead")
