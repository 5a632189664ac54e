"""tap-hubspot 4.5.0, unmodified, by the vendor's own host names: every stream it has.

It reads through nine generations of HubSpot's API (v1, v2, v3, v4 and a dated token endpoint), so
what it brings home is compared with the stores, record by record.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Bench
from tests.clients.taps import Synced, TapRun, select

LONG_MS = str(6000 * 86_400_000)
"""One window of e-mail events for the whole world, instead of one a day."""


@pytest.fixture(scope="module")
def scene(bench: Bench) -> dict[str, Any]:
    """A deal, a list with members, a call and a task, made by API: the world has none of these."""
    contacts = sorted(bench.live("hubspot", "contacts"), key=int)[:3]
    company = min(bench.live("hubspot", "companies"), key=int)
    deal = bench.hubspot(
        "POST",
        "/crm/v3/objects/deals",
        {"properties": {"dealname": "Tapped", "dealstage": "contractsent", "amount": "1200"}},
    )["id"]
    made = bench.hubspot(
        "POST",
        "/crm/v3/lists/",
        {"name": "Tapped", "objectTypeId": "0-1", "processingType": "MANUAL"},
    )["list"]["listId"]
    bench.hubspot("PUT", f"/crm/v3/lists/{made}/memberships/add", contacts)
    stamp = {"hs_timestamp": "2026-03-02T09:00:00Z"}
    call = bench.hubspot(
        "POST", "/crm/v3/objects/calls", {"properties": {**stamp, "hs_call_title": "Tapped"}}
    )["id"]
    path = f"/crm/v4/objects/calls/{call}/associations/default/contacts/{contacts[0]}"
    bench.hubspot("PUT", path)
    path = f"/crm/v4/objects/companies/{company}/associations/default/contacts/{contacts[1]}"
    bench.hubspot("PUT", path)
    return {"contacts": contacts, "deal": deal, "list": made, "call": call}


@pytest.fixture(scope="module")
def run(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> TapRun:
    """The tap, logging in by refresh token."""
    oauth = bench.info["oauth"]["hubspot"]
    config = {
        "start_date": "2015-01-01T00:00:00Z",
        "redirect_uri": "https://app.example",
        **{key: oauth[key] for key in ("client_id", "client_secret", "refresh_token")},
        "email_chunk_size": LONG_MS,
        "subscription_chunk_size": LONG_MS,
    }
    return TapRun("tap-hubspot", bench, tmp_path_factory.mktemp("tap-hubspot"), config)


@pytest.fixture(scope="module")
def synced(run: TapRun, scene: dict[str, Any]) -> Synced:
    """A full sync of every stream the tap discovers."""
    return run.sync(select(run.discover(), lambda _: {}))


def test_contacts_are_all_there_with_their_values(bench: Bench, synced: Synced) -> None:
    """Every live contact comes once, with the stored values."""
    stored = bench.live("hubspot", "contacts")
    found = {row["id"]: row for row in synced.records["contacts"]}
    assert len(synced.records["contacts"]) == len(found)
    assert set(found) == set(stored)
    for key, row in found.items():
        properties = stored[key]["properties"]
        for name in ("email", "lastname", "jobtitle", "company", "lifecyclestage"):
            assert (row[f"property_{name}"] or "") == properties.get(name, ""), (key, name)


def test_companies_deals_and_their_versions(
    bench: Bench, synced: Synced, scene: dict[str, Any]
) -> None:
    """Companies come through v2 with every value's versions, deals through v1."""
    stored = bench.live("hubspot", "companies")
    found = {str(row["companyId"]): row for row in synced.records["companies"]}
    assert set(found) == set(stored)
    for key, row in found.items():
        name = row["property_name"]
        assert name["value"] == stored[key]["properties"]["name"]
        assert any(each["name"] == "name" for each in row["properties_versions"])
    deals = {str(row["dealId"]): row for row in synced.records["deals"]}
    assert set(deals) == set(bench.live("hubspot", "deals"))
    assert deals[scene["deal"]]["property_amount"]["value"] == 1200


def test_email_events_are_the_truth(bench: Bench, synced: Synced) -> None:
    """Every e-mail event of every person comes once, by (id, created)."""
    truth = bench.admin("GET", "/truth").json()["people"]
    expected = {
        (event["id"], event["created"]) for person in truth for event in person["email_events"]
    }
    rows = synced.records["email_events"]
    found = {(row["id"], _ms(row["created"])) for row in rows}
    assert expected
    assert expected <= found
    assert len(rows) == len(found) == len(bench.rows("hubspot", "email_events"))


def test_form_submissions_are_the_truth(bench: Bench, synced: Synced) -> None:
    """Every submission of the forms the v2 list shows (type `hubspot`) comes once."""
    shown = {row["guid"] for row in synced.records["forms"]}
    expected = {
        (row["form"], row["conversionId"])
        for row in bench.rows("hubspot", "form_submissions")
        if row["form"] in shown
    }
    rows = synced.records["form_submissions"]
    assert expected
    assert {(row["formId"], row["conversionId"]) for row in rows} == expected
    assert len(rows) == len(expected)


def test_subscription_changes_follow_the_opt_outs(bench: Bench, synced: Synced) -> None:
    """The timeline tells every STATUSCHANGE event."""
    events = bench.rows("hubspot", "email_events")
    expected = {
        (row["recipient"], row["created"]) for row in events if row["type"] == "STATUSCHANGE"
    }
    rows = synced.records["subscription_changes"]
    assert expected
    assert {(row["recipient"], _ms(row["timestamp"])) for row in rows} == expected


def test_owners_lists_engagements_and_associations(
    bench: Bench, synced: Synced, scene: dict[str, Any]
) -> None:
    """The small streams: owners, a list with its members, a call, a company's contacts."""
    owners = bench.hubspot("GET", "/crm/v3/owners/?limit=500")["results"]
    assert {row["id"] for row in synced.records["owners"]} == {row["id"] for row in owners}
    members = [
        row["recordId"]
        for row in synced.records["list_memberships"]
        if str(row["listId"]) == scene["list"]
    ]
    assert set(members) == set(scene["contacts"])
    calls = {str(row["engagement_id"]): row for row in synced.records["engagements"]}
    assert calls[scene["call"]]["associations"]["contactIds"] == [int(scene["contacts"][0])]
    assert calls[scene["call"]]["engagement"]["type"] == "CALL"
    linked = {str(row["contact-id"]) for row in synced.records["contacts_by_company"]}
    assert scene["contacts"][1] in linked
    assert {row["pipelineId"] for row in synced.records["deal_pipelines"]} == {"default"}
    assert {row["id"] for row in synced.records["campaigns"]}


def test_every_stream_the_tap_has_was_read(run: TapRun, synced: Synced) -> None:
    """Whatever discovery offers was synced: all of it has records but what the account has none of
    (workflows, and tickets before anybody writes one)."""
    offered = {stream["tap_stream_id"] for stream in run.discover()["streams"]}
    assert {"deals", "companies", "contact_lists", "campaigns", "engagements"} <= offered
    assert offered - set(synced.records) <= {"workflows", "tickets"}


def test_a_second_run_brings_what_changed(
    bench: Bench, run: TapRun, synced: Synced, tmp_path: Path
) -> None:
    """From the tap's own state on, only the contact changed since comes again.

    The tap takes the real clock for the vendor's and never sets its bookmark past it; the world
    lives earlier, so its bookmarks are the newest changes.
    """
    key = min(bench.live("hubspot", "contacts"), key=int)
    bench.admin("POST", "/clock", {"seconds": 3600})
    changed = {"properties": {"jobtitle": "Changed after the first run"}}
    bench.hubspot("PATCH", f"/crm/v3/objects/contacts/{key}", changed)
    catalog = select(run.discover(), lambda stream: {} if stream == "contacts" else None)
    again = run.sync(catalog, synced.state)
    rows = {row["id"]: row for row in again.records["contacts"]}
    assert rows[key]["property_jobtitle"] == "Changed after the first run"
    assert len(rows) < len(synced.records["contacts"]) / 10


def _ms(text: str) -> int:
    from datetime import datetime

    return round(datetime.fromisoformat(text).timestamp() * 1000)
