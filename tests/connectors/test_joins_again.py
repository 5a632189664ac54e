"""A join, or a membership, that is sent again after a crash makes no second one, at either vendor.

The sandbox is asked what it holds over the vendors' own API, past the connectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.base import VendorConnector, load
from mappings.ports import FieldDefinition
from mappings.records import Operation, Outcome, OutcomeStatus, Write
from mappings.required_fields import EVENT_KEY
from tests.connectors.vendors import Vendors, running

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""A reply that is lost leaves a cut connection behind."""


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Vendors]:
    """A sandbox of the test's own."""
    with running(tmp_path) as started:
        yield started


def sent_until_known(
    vendors: Vendors, system: str, path: str, connector: VendorConnector, row: Write
) -> list[Outcome]:
    """The row, its first reply lost after the vendor did it, then sent twice more."""
    vendors.arm(system, "lost_reply", match=path, calls=1)
    return [outcome for _ in range(3) for outcome in connector.write([row])]


@pytest.mark.parametrize("to_object", ["contacts", "companies"])
def test_an_association_sent_again_is_one(vendors: Vendors, to_object: str) -> None:
    """HubSpot, associations v4: the reply is lost, the join is sent again and again: the deal is
    associated once."""
    account = vendors.sandbox.hubspot
    fields = {"dealname": "Big", "dealstage": "appointmentscheduled", "pipeline": "default"}
    deal = vendors.do(lambda: account.create("deals", fields))
    named = {"companies": {"name": "Acme"}, "contacts": {"email": "ada@example.com"}}[to_object]
    other = vendors.do(lambda: account.create(to_object, named))
    connector = load("hubspot", vendors.hubspot_settings, sleep=vendors.sleep)
    joined = {"to_object": to_object, "to_id": other}
    row = Write("join", Operation.ASSOCIATE, "deals", joined, id=deal)
    outcomes = sent_until_known(vendors, "hubspot", "associations", connector, row)
    assert [o.status for o in outcomes] == [
        OutcomeStatus.UNKNOWN,
        OutcomeStatus.OK,
        OutcomeStatus.OK,
    ]
    (found,) = connector.fetch("deals", [deal])
    assert found.associations == {to_object: (other,)}
    connector.close()


def org_with_campaign(vendors: Vendors) -> tuple[VendorConnector, str]:
    """A connector whose org has Leadloop's field on CampaignMember, and a Campaign's id."""
    connector = load("salesforce", vendors.salesforce_settings, sleep=vendors.sleep)
    connector.configure({"CampaignMember": ("CampaignId", "LeadId", "ContactId", EVENT_KEY)})
    key = FieldDefinition("CampaignMember", EVENT_KEY, "Event", "text", length=64, unique=True)
    (made,) = connector.ensure_fields([key])
    assert made.error is None
    org = vendors.sandbox.salesforce
    return connector, vendors.do(lambda: org.create("Campaign", {"Name": "Spring"}))


@pytest.mark.parametrize("person", ["Lead", "Contact"])
def test_a_membership_sent_again_is_one(vendors: Vendors, person: str) -> None:
    """Salesforce, CampaignMember by our event key: the reply is lost and the key finds the member,
    which is what settles it. Sent again all the same it is the one that is there: one row."""
    connector, campaign = org_with_campaign(vendors)
    org = vendors.sandbox.salesforce
    fields: dict[str, Any] = {"LastName": "Byron", "Company": "Analytical"}
    if person == "Contact":
        del fields["Company"]
    who = vendors.do(lambda: org.create(person, fields))
    member = {"CampaignId": campaign, f"{person}Id": who, "Status": "Responded"}
    row = Write("m", Operation.CREATE, "CampaignMember", member, external_id=(EVENT_KEY, "k" * 64))
    lost, again, once_more = sent_until_known(vendors, "salesforce", "composite", connector, row)
    assert lost.status is OutcomeStatus.UNKNOWN
    assert len(connector.find("CampaignMember", EVENT_KEY, ["k" * 64])) == 1
    assert {again.status, once_more.status} == {OutcomeStatus.OK}
    assert again.id == once_more.id
    assert len(vendors.do(lambda: list(org.rows("CampaignMember")))) == 1
    connector.close()


@pytest.mark.parametrize("status", ["Sent", "Responded"])
def test_a_member_somebody_else_has_added_is_the_one(vendors: Vendors, status: str) -> None:
    """Marketing has added the person by hand: that membership gets our key, and our status unless
    it tells of a response already; there is still one row, and the others of the batch are made."""
    connector, campaign = org_with_campaign(vendors)
    org = vendors.sandbox.salesforce
    people = [
        vendors.do(lambda: org.create("Lead", {"LastName": "Byron", "Company": "Analytical"}))
        for _ in range(2)
    ]
    there = {"CampaignId": campaign, "LeadId": people[0], "Status": status}
    by_hand = vendors.do(lambda: org.create("CampaignMember", there))
    rows = [
        Write(
            f"m{number}",
            Operation.CREATE,
            "CampaignMember",
            {"CampaignId": campaign[:15], "LeadId": who, "Status": "Responded"},
            external_id=(EVENT_KEY, str(number) * 64),
        )
        for number, who in enumerate(people)
    ]
    for _ in range(2):
        first, second = sorted(connector.write(rows), key=lambda o: o.key)
        assert (first.status, first.id) == (OutcomeStatus.OK, by_hand)
        assert second.status is OutcomeStatus.OK
    shown = vendors.do(lambda: org.get("CampaignMember", by_hand))
    assert (shown[EVENT_KEY], shown["HasResponded"]) == ("0" * 64, True)
    assert len(vendors.do(lambda: list(org.rows("CampaignMember")))) == 2
    connector.close()


def test_a_membership_that_cannot_be_looked_up_waits(vendors: Vendors) -> None:
    """The vendor does not answer the question whose membership is there: the row may be sent again,
    and nothing was changed."""
    connector, campaign = org_with_campaign(vendors)
    org = vendors.sandbox.salesforce
    who = vendors.do(lambda: org.create("Lead", {"LastName": "Byron", "Company": "Analytical"}))
    member = {"CampaignId": campaign, "LeadId": who}
    by_hand = vendors.do(lambda: org.create("CampaignMember", member))
    vendors.arm("salesforce", "error_before", match="/query")
    row = Write("m", Operation.CREATE, "CampaignMember", member, external_id=(EVENT_KEY, "k" * 64))
    (outcome,) = connector.write([row])
    assert outcome.status is OutcomeStatus.RETRY
    assert vendors.do(lambda: org.get("CampaignMember", by_hand))[EVENT_KEY] is None
    connector.close()


def test_an_account_of_a_contact_sent_again_is_one(vendors: Vendors) -> None:
    """Salesforce, a look-up of the record itself: joining twice sets it to what it is."""
    org = vendors.sandbox.salesforce
    contact = vendors.do(lambda: org.create("Contact", {"LastName": "Byron"}))
    account = vendors.do(lambda: org.create("Account", {"Name": "Acme"}))
    connector = load("salesforce", vendors.salesforce_settings, sleep=vendors.sleep)
    fields = {"to_object": "Account", "to_id": account}
    row = Write("join", Operation.ASSOCIATE, "Contact", fields, id=contact)
    outcomes = sent_until_known(vendors, "salesforce", "composite", connector, row)
    assert [o.status for o in outcomes][1:] == [OutcomeStatus.OK, OutcomeStatus.OK]
    assert vendors.do(lambda: org.get("Contact", contact))["AccountId"] == account
    assert len(vendors.do(lambda: list(org.rows("Account")))) == 1
    connector.close()
