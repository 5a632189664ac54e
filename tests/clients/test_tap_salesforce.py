"""tap-salesforce 2.8.1, unmodified: over REST five objects, several pages, deleted records too; and
three of them again by Bulk 1.0."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.conftest import CRM_RECORDS, Bench
from tests.clients.taps import Synced, TapRun, select

OBJECTS = ("Lead", "Contact", "Account", "Opportunity", "Task")
INCREMENTAL = {"replication-key": "SystemModstamp", "replication-method": "INCREMENTAL"}


def wanted(stream: str) -> dict[str, Any] | None:
    """The five objects, by SystemModstamp."""
    return INCREMENTAL if stream in OBJECTS else None


def configured(bench: Bench, api: str) -> dict[str, Any]:
    """The tap's config: logging in by refresh token at login.salesforce.com."""
    salesforce = bench.info["salesforce"]
    return {
        "start_date": "2015-01-01T00:00:00Z",
        "api_type": api,
        "client_id": salesforce["client_id"],
        "client_secret": salesforce["client_secret"],
        "refresh_token": bench.info["oauth"]["salesforce"]["refresh_token"],
        "select_fields_by_default": True,
    }


@pytest.fixture(scope="module")
def run(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> TapRun:
    """The tap over REST."""
    folder = tmp_path_factory.mktemp("tap-salesforce")
    return TapRun("tap-salesforce", bench, folder, configured(bench, "REST"))


@pytest.fixture(scope="module")
def bulk(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Synced:
    """A full sync of three objects by Bulk 1.0."""
    folder = tmp_path_factory.mktemp("tap-salesforce-bulk")
    tapped = TapRun("tap-salesforce", bench, folder, configured(bench, "BULK"))
    few = ("Lead", "Contact", "Opportunity")
    return tapped.sync(select(tapped.discover(), lambda one: wanted(one) if one in few else None))


@pytest.fixture(scope="module")
def synced(run: TapRun) -> Synced:
    """A full sync of the five objects, as describe lists their fields."""
    return run.sync(select(run.discover(), wanted))


def test_discovery_finds_every_object_with_its_fields(run: TapRun, bench: Bench) -> None:
    """Each queryable object is discovered with the fields and types describe gives."""
    streams = {
        stream["stream"]: stream["schema"]["properties"] for stream in run.discover()["streams"]
    }
    assert set(OBJECTS) <= set(streams)
    assert "SystemModstamp" in streams["Lead"]
    assert streams["Opportunity"]["Amount"]["type"] == ["null", "number"]
    assert streams["Lead"]["Address"]["type"] == ["null", "object"]


@pytest.mark.parametrize("sobject", OBJECTS)
def test_records_are_those_of_the_org(bench: Bench, synced: Synced, sobject: str) -> None:
    """Every record, deleted ones included, comes once and with its stored values."""
    stored = {row["Id"]: row for row in bench.rows("salesforce", sobject)}
    rows = synced.records[sobject]
    found = {row["Id"]: row for row in rows}
    assert len(rows) == len(found)
    assert set(found) == set(stored)
    for key, row in found.items():
        for name in ("Name", "Email", "Status", "StageName", "Amount", "IsDeleted", "Subject"):
            if name in row:
                assert row[name] == stored[key].get(name), (key, name)


def test_a_sync_takes_several_pages(bench: Bench, synced: Synced) -> None:
    """People do not fit one page of 2,000, so nextRecordsUrl was followed by the tap."""
    people = len(synced.records["Lead"]) + len(synced.records["Contact"])
    assert people >= CRM_RECORDS
    calls = bench.admin("GET", "/calls").json()["salesforce"]["GET"]
    assert calls["/services/data/{version}/query/{locator}"] >= 2


def test_a_second_run_brings_what_changed(bench: Bench, run: TapRun, synced: Synced) -> None:
    """From the tap's own state on, a changed lead comes again, and hardly anything else."""
    lead = bench.live("salesforce", "Lead")
    key = next(each for each, row in lead.items() if not row["IsConverted"])
    bench.admin("POST", "/clock", {"seconds": 3600})
    bench.salesforce("PATCH", f"/sobjects/Lead/{key}", {"Title": "Changed after the first run"})
    again = run.sync(select(run.discover(), wanted), synced.state)
    rows = {row["Id"]: row for row in again.records["Lead"]}
    assert rows[key]["Title"] == "Changed after the first run"
    assert len(rows) < len(synced.records["Lead"]) / 10


@pytest.mark.parametrize("sobject", ["Lead", "Contact", "Opportunity"])
def test_bulk_brings_the_same_records(bench: Bench, bulk: Synced, sobject: str) -> None:
    """Every record comes once through a batch's CSV, deleted ones included."""
    stored = {row["Id"]: row for row in bench.rows("salesforce", sobject)}
    rows = bulk.records[sobject]
    assert {row["Id"] for row in rows} == set(stored)
    assert len(rows) == len(stored)
    for row in rows:
        assert row["Name"] == stored[row["Id"]].get("Name")
    calls = bench.admin("GET", "/calls").json()["salesforce"]["POST"]
    assert calls["/services/async/{version}/job/{id}/batch"] >= 3
