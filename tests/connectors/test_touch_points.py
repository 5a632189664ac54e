"""Touch points on the wire: HubSpot's calls and meetings, Salesforce's e-mails and answers to
campaigns, read where they are wanted, at one call while nothing happens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.base import load
from mappings.fieldmap import TouchSource
from mappings.ports import Cadence
from mappings.records import Json
from mappings.required_fields import TOUCH_READS
from tests.connectors.test_hubspot_contract import HubSpotBench
from tests.connectors.test_salesforce_contract import SalesforceBench
from tests.connectors.vendors import running
from tests.contract import Puller

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
READS = {name: fields for _, name, fields in TOUCH_READS.values()}
MEMBERS, LETTERS = (
    TOUCH_READS[source][1]
    for source in (TouchSource.CAMPAIGN_RESPONSES, TouchSource.EMAIL_MESSAGES)
)

# A TLS connection the sandbox cuts is left to the collector by asyncio of Python 3.11.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(params=["v3", "2026-03"])
def hub(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[HubSpotBench]:
    """An account whose calls and meetings are read, by either generation of paths."""
    with running(tmp_path) as vendors:
        made = HubSpotBench(vendors)
        made.connector.close()
        settings = {**vendors.hubspot_settings, "api": request.param}
        made.connector = load("hubspot", settings, sleep=vendors.sleep)
        made.connector.configure({"contacts": ("email",), **READS})
        yield made
        made.connector.close()


@pytest.mark.parametrize("name", ["calls", "meetings"])
def test_calls_and_meetings_name_everybody_who_took_part(hub: HubSpotBench, name: str) -> None:
    """First by list, then by search: each with its contacts and its maker; an edit comes, and an
    unchanged stream costs one call."""
    people = [hub.put(number) for number in range(2)]
    puller = Puller(hub.connector, name)

    def log() -> str:
        made = {"hs_timestamp": "2026-03-01T09:00:00Z", "hs_created_by_user_id": "77"}
        found = hub.account.create(name, made)
        for person in people:
            hub.account.associate(name, found, "contacts", person)
        return found

    logged = []
    for _ in range(2):
        logged.append(hub.vendors.do(log))
        puller.pull()
    for one in logged:
        row = puller.row(one)
        assert set(row.associations["contacts"]) == set(people)
        assert row.fields["hs_created_by_user_id"] == "77"
        assert datetime.fromisoformat(str(row.fields["hs_timestamp"])) == AT
    change = {"hs_timestamp": "2026-03-01T10:00:00Z"}
    hub.vendors.do(lambda: hub.account.update(name, logged[0], change))
    puller.pull()
    assert "T10:00" in str(puller.row(logged[0]).fields["hs_timestamp"])
    hub.wait(3600)
    puller.pull()
    hub.calls()
    puller.pull()
    assert hub.calls() == 1


def test_streams_of_touch_points_are_there_where_they_are_wanted(hub: HubSpotBench) -> None:
    """A quarter of an hour's work, and a nightly one for archived records; none without them."""
    specs = {spec.name: spec.cadence for spec in hub.connector.streams()}
    assert (specs["calls"], specs["archived:meetings"]) == (Cadence.QUARTER, Cadence.NIGHTLY)
    hub.connector.configure({"contacts": ("email",)})
    assert not {"calls", "meetings", "archived:calls"} & {s.name for s in hub.connector.streams()}


@pytest.fixture
def org(tmp_path: Path) -> Iterator[SalesforceBench]:
    """An org whose campaign members and e-mails are read."""
    with running(tmp_path) as vendors:
        made = SalesforceBench(vendors)
        made.connector.configure({"Lead": ("LastName",), MEMBERS: READS[MEMBERS],
                                  LETTERS: READS[LETTERS]})  # fmt: skip
        yield made
        made.connector.close()


def test_an_answer_to_a_campaign_is_read_with_the_campaigns_name(org: SalesforceBench) -> None:
    """Who answered, when, and to what; and one call while nothing happens."""
    lead = org.put(1)

    def act() -> str:
        campaign = org.org.create("Campaign", {"Name": "Trade fair"}, at=AT)
        fields = {"CampaignId": campaign, "LeadId": lead, "Status": "Responded"}
        return org.org.create(MEMBERS, fields, at=AT)

    member = org.vendors.do(act)
    puller = Puller(org.connector, MEMBERS)
    puller.pull()
    fields = puller.row(member).fields
    assert (fields["LeadId"], fields["Campaign.Name"]) == (lead, "Trade fair")
    assert (fields["HasResponded"], fields["FirstRespondedDate"]) == (True, "2026-03-01")
    org.calls()
    puller.pull()
    assert org.calls() == 1


def test_an_email_is_read_with_everybody_it_went_to(org: SalesforceBench) -> None:
    """Each recipient's row tells of the e-mail: when, by whom, which way, and which Task it is; the
    object does not say who saved it last, and is not asked."""
    leads = [org.put(number) for number in range(2)]

    def act() -> tuple[str, list[str]]:
        task = org.org.create("Task", {"WhoId": leads[0], "Subject": "Email: offer"}, at=AT)
        sent: dict[str, Json] = {
            "ActivityId": task, "Subject": "Offer", "MessageDate": AT.isoformat(), "Status": "3",
        }  # fmt: skip
        message = org.org.create("EmailMessage", sent, at=AT)
        named = [
            {"EmailMessageId": message, "RelationId": one, "RelationType": "ToAddress"}
            for one in leads
        ]
        return task, [org.org.create(LETTERS, one, at=AT) for one in named]

    task, rows = org.vendors.do(act)
    puller = Puller(org.connector, LETTERS)
    puller.pull()
    for lead, row in zip(leads, rows, strict=True):
        fields = puller.row(row).fields
        assert (fields["RelationId"], fields["EmailMessage.ActivityId"]) == (lead, task)
        assert fields["EmailMessage.Incoming"] is False
        assert fields["EmailMessage.MessageDate"] == "2026-03-01T09:00:00.000+0000"
    org.calls()
    puller.pull()
    assert org.calls() == 1
    specs = {spec.name for spec in org.connector.streams()}
    assert {MEMBERS, LETTERS} <= specs
    org.connector.configure({"Lead": ("LastName",)})
    assert not {MEMBERS, LETTERS} & {spec.name for spec in org.connector.streams()}
