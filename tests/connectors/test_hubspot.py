"""What HubSpot does besides the contract: merges, lag, events, forms, consent, dated paths."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from connectors.base import DuplicateFoundError, load
from mappings.errors import (
    AuthenticationError,
    ConfigurationError,
    QuotaExhaustedError,
    UnavailableError,
)
from mappings.ports import FieldDefinition
from mappings.records import Operation, OutcomeStatus, Write
from tests.connectors.test_hubspot_contract import HubSpotBench
from tests.connectors.vendors import Vendors, running
from tests.contract import Puller, by_key


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Vendors]:
    """A sandbox of the test's own."""
    with running(tmp_path) as started:
        yield started


@pytest.fixture
def bench(vendors: Vendors) -> Iterator[HubSpotBench]:
    """A fresh account."""
    made = HubSpotBench(vendors)
    yield made
    made.connector.close()


def email_event(number: int, kind: str, at: datetime, **more: Any) -> dict[str, Any]:
    """An e-mail event in the vendor's shape."""
    stamp = int(at.timestamp() * 1000)
    return {
        "id": f"{number:08d}-0000-4000-8000-000000000000",
        "created": stamp,
        "type": kind,
        "recipient": f"Person{number}@Example.com",
        "portalId": 8812345,
        "appId": 113,
        "emailCampaignId": 77,
        "sentBy": {"id": f"{number:08d}-0000-4000-8000-000000000000", "created": stamp},
        **more,
    }


def test_a_record_search_shows_late_is_not_missed(bench: HubSpotBench) -> None:
    """Records that search does not show yet come with a later pull, although others came first."""
    puller = bench.puller()
    puller.pull()
    bench.account.search_lag = 1.0
    late = bench.put(1)
    puller.pull()
    seen_at_once = late in puller.live()
    for _ in range(3):
        bench.wait(30)
        puller.pull()
    assert late in puller.live()
    assert not seen_at_once


def test_late_rows_are_not_hidden_behind_archived_ones(bench: HubSpotBench) -> None:
    """When as many records vanish from search as appear late, the late ones are still pulled."""
    bench.flood(250, start=0)
    puller = bench.puller()
    puller.pull()
    bench.wait(5)
    puller.pull()
    ids = sorted(bench.live(), key=int)
    bench.account.search_lag = 1.0
    for record_id in ids[:3]:
        bench.remove(record_id)
    late = [bench.put(900 + number) for number in range(3)]
    for _ in range(4):
        bench.wait(30)
        puller.pull()
    assert set(late) <= puller.live()


def test_a_search_that_shows_fewer_costs_one_call_and_keeps_the_window(
    bench: HubSpotBench,
) -> None:
    """Rows missing from search (archived, or not indexed yet) cost no whole reading at once; the
    window stays where it is, so that what appears in it later is still pulled."""
    bench.flood(450, start=0)
    puller = bench.puller()
    puller.pull()
    bench.wait(5)
    puller.pull()
    for record_id in sorted(bench.live(), key=int)[:10]:
        bench.remove(record_id)
    bench.wait(60)
    bench.calls()
    for _ in range(3):
        puller.pull()
        assert bench.calls() == 1
    bench.wait(600)
    puller.pull()
    late = bench.put(900)
    bench.wait(60)
    puller.pull()
    assert late in puller.live()


def test_chained_merges_end_at_the_last_survivor(bench: HubSpotBench) -> None:
    """Fetching the id that was merged away first leads through every merge to the one alive."""
    first, second, third = (bench.put(number) for number in range(3))
    now = bench.merge(bench.merge(first, second), third)
    fetched = {r.ref.id: r for r in bench.connector.fetch("contacts", [second, third])}
    assert fetched[second].merged_into == fetched[third].merged_into == now
    assert fetched[now].fields["email"]


def test_an_update_of_a_merged_away_record_reaches_the_survivor(bench: HubSpotBench) -> None:
    """A batch does not know merged-away ids: the row is sent singly and names the survivor."""
    winner, loser, other = (bench.put(number) for number in range(3))
    now = bench.merge(winner, loser)
    outcomes = by_key(
        bench.connector.write([bench.update(loser, "After"), bench.update(other, "Plain")])
    )
    assert outcomes[f"update-{loser}"].id == now
    assert {o.status for o in outcomes.values()} == {OutcomeStatus.OK}
    assert bench.read(now)["lastname"] == "After"


def test_a_contact_that_exists_is_named_as_evidence(bench: HubSpotBench) -> None:
    """A create whose address another contact has is refused with that contact's id."""
    existing = bench.put(1)
    outcomes = by_key(bench.connector.write([bench.create(1), bench.create(2)]))
    error = outcomes["row-1"].error
    assert isinstance(error, DuplicateFoundError)
    assert [ref.id for ref in error.found] == [existing]
    assert outcomes["row-2"].status is OutcomeStatus.OK


def test_an_unknown_property_parks_its_rows_only(bench: HubSpotBench) -> None:
    """Rows that name a property which is gone are rejected in two calls; the others go on."""
    rows = []
    for number in range(20):
        extra = {"removed_thing": "x"} if number % 2 else {}
        row = bench.create(number)
        rows.append(
            Write(
                row.key, row.operation, row.object, {**row.fields, **extra}, None, row.external_id
            )
        )
    bench.calls()
    outcomes = by_key(bench.connector.write(rows))
    assert bench.calls() <= 2
    for number in range(20):
        outcome = outcomes[f"row-{number}"]
        assert outcome.status is (OutcomeStatus.REJECTED if number % 2 else OutcomeStatus.OK)
        if outcome.error is not None:
            assert (outcome.error.code, outcome.error.field) == ("field.unknown", "removed_thing")


def test_rows_the_vendor_failed_on_are_tried_again_by_the_caller(bench: HubSpotBench) -> None:
    """An internal error on single rows of a batch is RETRY, not a refusal."""
    bench.vendors.arm("hubspot", "partial_batch", match="batch/upsert", calls=1)
    outcomes = bench.connector.write([bench.create(number) for number in range(10)])
    assert {o.status for o in outcomes} == {OutcomeStatus.OK, OutcomeStatus.RETRY}
    assert len(bench.live()) == sum(o.status is OutcomeStatus.OK for o in outcomes)


def test_a_locked_record_is_waited_for(bench: HubSpotBench) -> None:
    """423 means at least two seconds of patience, and then the write goes through."""
    record_id = bench.put(1)
    bench.vendors.arm("hubspot", "lock_row", calls=1)
    (outcome,) = bench.connector.write([bench.update(record_id, "Unlocked")])
    assert outcome.status is OutcomeStatus.OK
    assert bench.slept >= 2


def test_a_write_tells_the_revision_it_made(bench: HubSpotBench) -> None:
    """The record read back from a write has the revision the next pull shows."""
    (outcome,) = bench.connector.write([bench.create(1)])
    assert outcome.record is not None
    puller = bench.puller()
    puller.pull()
    assert puller.row(str(outcome.id)).revision == outcome.record.revision
    assert puller.row(str(outcome.id)).modified_at == outcome.record.modified_at


def test_companies_of_contacts_come_with_every_kind_of_reading(bench: HubSpotBench) -> None:
    """Backfill, incremental pull and fetch all show whom a contact works for."""
    account = bench.account
    first, second = bench.put(1), bench.put(2)
    company = bench.vendors.do(lambda: account.create("companies", {"name": "Acme"}))
    bench.vendors.do(lambda: account.associate("contacts", first, "companies", company))
    puller = bench.puller()
    puller.pull()
    assert puller.row(first).associations == {"companies": (company,)}
    fields = {"to_object": "companies", "to_id": company}
    row = Write("a", Operation.ASSOCIATE, "contacts", fields, id=second)
    (outcome,) = bench.connector.write([row])
    assert outcome.status is OutcomeStatus.OK
    bench.edit(second, "Moved")
    puller.pull()
    assert puller.row(second).associations == {"companies": (company,)}
    (fetched,) = bench.connector.fetch("contacts", [second])
    assert fetched.associations == {"companies": (company,)}


def test_more_properties_than_a_search_takes_are_read_all_the_same(bench: HubSpotBench) -> None:
    """The body of a search holds 3,000 characters: with a long list of properties the pull reads
    what changed by search and the records by batch; so does a look-up.
    """
    names = [f"a_rather_long_name_of_a_property_{number}" for number in range(120)]
    for prop in names:
        definition = {
            "name": prop,
            "label": prop,
            "type": "string",
            "fieldType": "text",
            "groupName": "contactinformation",
        }
        bench.vendors.do(partial(bench.account.ensure_property, "contacts", definition))
    bench.connector.configure({"contacts": ("lastname", *names)})
    bench.flood(250, start=0)
    puller = bench.puller()
    puller.pull()
    ids = sorted(bench.live(), key=int)[:230]
    for record_id in ids:
        values = {names[-1]: f"value of {record_id}"}
        bench.vendors.do(partial(bench.account.update, "contacts", record_id, values))
    puller.pull()
    assert all(puller.row(i).fields[names[-1]] == f"value of {i}" for i in ids)
    wanted = [f"value of {i}" for i in ids]
    found = bench.connector.find("contacts", names[-1], wanted)
    assert {r.ref.id for r in found} == set(ids)
    bench.calls()
    puller.pull()
    assert bench.calls() == 1


def test_a_form_that_is_gone_has_no_more_submissions(bench: HubSpotBench) -> None:
    """A form removed since the forms were listed ends its stream quietly."""
    puller = Puller(bench.connector, "form:00000000-0000-4000-8000-000000000000")
    assert puller.pull() == []


def test_deals_come_with_their_people_and_companies(bench: HubSpotBench) -> None:
    """Deals and companies are created by key like contacts, joined, and pulled with both."""
    wanted = [
        FieldDefinition(name, "leadloop_id", "Leadloop Id", "text", length=36, unique=True)
        for name in ("deals", "companies")
    ]
    made = bench.connector.ensure_fields(wanted)
    assert {o.status for o in made} == {OutcomeStatus.OK}
    contact = bench.put(1)
    ids = {}
    for name, fields in (
        ("companies", {"name": "Acme"}),
        ("deals", {"dealname": "Big", "dealstage": "appointmentscheduled", "pipeline": "default"}),
    ):
        row = Write("r", Operation.CREATE, name, fields, external_id=("leadloop_id", f"k-{name}"))
        outcomes = [bench.connector.write([row])[0] for _ in range(2)]
        assert [o.created for o in outcomes] == [True, False], outcomes
        ids[name] = str(outcomes[0].id)
    joins = [
        Write(to, Operation.ASSOCIATE, "deals", {"to_object": to, "to_id": to_id}, id=ids["deals"])
        for to, to_id in (("contacts", contact), ("companies", ids["companies"]))
    ]
    assert {o.status for o in bench.connector.write(joins)} == {OutcomeStatus.OK}
    puller = Puller(bench.connector, "deals")
    puller.pull()
    expected = {"contacts": (contact,), "companies": (ids["companies"],)}
    assert puller.row(ids["deals"]).associations == expected
    fields = {"to_object": "contacts", "to_id": contact}
    apart = Write("apart", Operation.DISSOCIATE, "deals", fields, id=ids["deals"])
    for _ in range(2):
        (outcome,) = bench.connector.write([apart])
        assert outcome.status is OutcomeStatus.OK
    (deal,) = bench.connector.fetch("deals", [ids["deals"]])
    assert deal.associations == {"companies": (ids["companies"],)}


def test_joining_with_a_record_that_is_not_there_is_refused(bench: HubSpotBench) -> None:
    """An association with a missing record is that row's refusal alone."""
    contact = bench.put(1)
    company = bench.vendors.do(lambda: bench.account.create("companies", {"name": "Acme"}))
    rows = [
        Write(
            to,
            Operation.ASSOCIATE,
            "contacts",
            {"to_object": "companies", "to_id": to},
            id=contact,
        )
        for to in (company, "999999999")
    ]
    outcomes = by_key(bench.connector.write(rows))
    assert outcomes[company].status is OutcomeStatus.OK
    assert outcomes["999999999"].status is OutcomeStatus.REJECTED


def test_the_dated_api_is_one_setting(vendors: Vendors) -> None:
    """With `api: 2026-03` the same records are pulled, found and written through dated paths."""
    bench = HubSpotBench(vendors)
    dated = load("hubspot", {**vendors.hubspot_settings, "api": "2026-03"}, sleep=vendors.sleep)
    record_id = bench.put(1)
    vendors.reset()
    puller = Puller(dated, "contacts")
    puller.pull()
    puller.pull()
    (outcome,) = dated.write([bench.update(record_id, "Dated")])
    assert outcome.status is OutcomeStatus.OK
    assert dated.find("contacts", "email", ["person1@example.com"])[0].ref.id == record_id
    counted = vendors.do(vendors.sandbox.calls.counts)["hubspot"]
    paths = [path for templates in counted.values() for path in templates]
    assert paths
    assert all("2026-03" in path for path in paths)
    with pytest.raises(ConfigurationError):
        load("hubspot", {**vendors.hubspot_settings, "api": "v9"})
    for connector in (bench.connector, dated):
        connector.close()


def test_find_looks_through_additional_addresses_and_other_fields(bench: HubSpotBench) -> None:
    """By e-mail a contact is found through an additional address; other fields through search."""
    winner, loser = bench.put(1), bench.put(2)
    now = bench.merge(winner, loser)
    for address in ("person1@example.com", "person2@example.com"):
        assert [r.ref.id for r in bench.connector.find("contacts", "email", [address])] == [now]
    bench.edit(now, 'O\'Brien "quoted"')
    found = bench.connector.find("contacts", "lastname", ['O\'Brien "quoted"', "nobody"])
    assert [r.ref.id for r in found] == [now]


def test_hostile_values_arrive_unchanged(bench: HubSpotBench) -> None:
    """Emoji, right-to-left text, control characters and formulas are values like others."""
    texts = ["=1+1", "🦆 \u202e\u05d3\u05d5\u05d3", "a;b", "tab\there", "x" * 60_000, "<b>&amp;"]
    rows = []
    for number, text in enumerate(texts):
        row = bench.create(number)
        fields = {**row.fields, "lastname": text}
        rows.append(Write(row.key, row.operation, row.object, fields, None, row.external_id))
    outcomes = by_key(bench.connector.write(rows))
    for number, text in enumerate(texts):
        assert bench.read(str(outcomes[f"row-{number}"].id))["lastname"] == text


def test_owners_are_records(bench: HubSpotBench) -> None:
    """Owners are pulled with their address, and once."""
    puller = Puller(bench.connector, "owners")
    first = puller.pull()
    assert first[0].fields["email"] == "owner@sandbox.example"
    assert puller.pull() == []


def test_a_daily_limit_parks_the_system(bench: HubSpotBench) -> None:
    """The day's allowance used up is no pause but the end of today's calls."""
    bench.vendors.arm("hubspot", "daily_limit", calls=1)
    with pytest.raises(QuotaExhaustedError):
        bench.connector.check()
    assert bench.slept == 0


def test_a_wrong_token_is_an_authentication_error(vendors: Vendors) -> None:
    """The token is refused once and the error names no token."""
    connector = load("hubspot", {**vendors.hubspot_settings, "access_token": "pat-wrong"})
    with pytest.raises(AuthenticationError) as raised:
        connector.check()
    assert "pat-wrong" not in str(raised.value)
    connector.close()


def test_a_refused_connection_was_not_sent() -> None:
    """Nobody listens: a write raises UnavailableError after its retries, since nothing left."""
    slept: list[float] = []
    settings = {"access_token": "pat-none", "base_url": "http://127.0.0.1:9"}
    connector = load("hubspot", settings, sleep=slept.append)
    row = Write("k", Operation.UPDATE, "contacts", {"lastname": "x"}, id="1")
    with pytest.raises(UnavailableError):
        connector.write([row])
    assert 0 < sum(slept) <= 5
    connector.close()


def test_a_read_whose_reply_was_cut_is_repeated(bench: HubSpotBench) -> None:
    """A cut body or a 5xx costs a read nothing but a moment."""
    bench.put(1)
    for kind in ("cut_body", "lost_reply", "error_before", "error_after"):
        bench.vendors.arm("hubspot", kind, calls=1)
        puller = bench.puller()
        puller.pull()
        assert len(puller.live()) == 1


def test_a_property_of_another_kind_is_a_refusal_with_the_steps(bench: HubSpotBench) -> None:
    """ensure_fields does not take a property of another type for its own."""
    wanted = FieldDefinition("contacts", "lastname", "Last name", "number")
    (outcome,) = bench.connector.ensure_fields([wanted])
    assert outcome.status is OutcomeStatus.REJECTED
    assert outcome.error is not None
    assert "Settings > Properties" in outcome.error.remedy


def test_the_types_of_the_schema_are_neutral(bench: HubSpotBench) -> None:
    """Describe speaks of dates, picklists and read-only fields in our words."""
    fields = bench.connector.describe("contacts").fields
    assert fields["email"].type == "email"
    assert fields["email"].unique
    assert fields["createdate"].type == "datetime"
    assert fields["lifecyclestage"].type == "picklist"
    assert "lead" in fields["lifecyclestage"].options
    assert not fields["hs_email_optout"].updateable


def test_the_account_tells_its_currency(bench: HubSpotBench) -> None:
    """Check names portal, currency and the day's allowance."""
    info = bench.connector.check()
    assert info.account_id == "8812345"
    assert info.currency == "USD"
    assert info.daily_limit


def test_rows_committed_late_are_not_missed(bench: HubSpotBench) -> None:
    """A row that appears with a stamp older than what was read already comes with the next pull,
    among more rows than a page holds too.
    """
    bench.flood(260, start=0)
    puller = bench.puller()
    puller.pull()
    bench.wait(3)
    puller.pull()
    bench.put(500)
    puller.pull()
    bench.vendors.arm("hubspot", "late_commit", value=20, calls=1)
    (outcome,) = bench.connector.write([bench.create(501)])
    puller.pull()
    bench.wait(30)
    puller.pull()
    assert outcome.id in puller.live()
    assert puller.live() == bench.live()


@pytest.mark.parametrize("api", ["v3", "2026-03"])
def test_the_ids_of_hubspots_own_integration_are_read(vendors: Vendors, api: str) -> None:
    """Where the account has the integration's property, contacts come with it, in a first pull and
    in a later one, though no mapping names it; where it has not, nothing is missed."""
    bench = HubSpotBench(vendors, api=api)
    before = bench.put(1)
    puller = bench.puller()
    puller.pull()
    assert "salesforceleadid" not in puller.row(before).fields
    made = FieldDefinition("contacts", "salesforceleadid", "Salesforce Lead ID", "text")
    bench.connector.ensure_fields([made])
    lead = "00QAb0000000001"
    fields = {"lastname": "Byron", "salesforceleadid": lead}
    later = vendors.do(lambda: bench.account.create("contacts", fields))
    bench.wait(60)
    puller.pull()
    fresh = bench.puller()
    fresh.pull()
    assert puller.row(later).fields["salesforceleadid"] == lead
    assert fresh.row(later).fields["salesforceleadid"] == lead
    bench.connector.close()


def test_a_contact_that_was_deleted_for_good_is_told_by_the_count_alone(
    bench: HubSpotBench,
) -> None:
    """After HubSpot's GDPR deletion a contact is neither live nor archived: no stream tells of it,
    it cannot be fetched, and only the count of everything shows that it is missing. Its address
    may come back as somebody with another id."""
    kept, gone = bench.put(1), bench.put(2)
    live, archived = bench.puller(), Puller(bench.connector, "archived:contacts")
    live.pull()
    bench.vendors.do(lambda: bench.account.gdpr_delete(gone))
    bench.wait(3600)
    assert live.pull() == []
    assert archived.pull() == []
    assert bench.connector.fetch("contacts", [gone]) == []
    counted = {r.ref.id for p in bench.connector.census("contacts", None) for r in p.records}
    assert counted == {kept}
    again = bench.put(2)
    assert again != gone
    assert [record.ref.id for record in live.pull()] == [again]
