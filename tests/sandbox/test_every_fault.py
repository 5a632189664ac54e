"""Every kind of fault, armed through the admin endpoint, strikes both systems as documented."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from sandbox.faults import KINDS
from tests.sandbox.harness import Running, running

CONTACTS = "/crm/v3/objects/contacts"
DATA = "/services/data/v61.0"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An empty sandbox whose search sees writes at once."""
    with running(tmp_path_factory.mktemp("faults"), world=None) as started:
        started.admin("POST", "/clock", {"search_lag": 0})
        yield started


@pytest.fixture(autouse=True)
def disarmed(client: Running) -> Iterator[None]:
    """No fault outlives its test."""
    yield
    client.admin("DELETE", "/faults")


def arm(client: Running, system: str, kind: str, **more: Any) -> None:
    """Arm one fault; it must be taken."""
    answer = client.admin("POST", "/faults", {"system": system, "kind": kind, **more})
    assert answer.status_code == 201, answer.text


def contact(client: Running, email: str) -> requests.Response:
    """Create a contact."""
    return client.hubspot("POST", CONTACTS, {"properties": {"email": email}})


def lead(client: Running, name: str) -> requests.Response:
    """Create a lead."""
    return client.salesforce("POST", f"{DATA}/sobjects/Lead", {"LastName": name, "Company": "C"})


def is_there(client: Running, email: str) -> bool:
    """Whether HubSpot stores a contact with this address."""
    rows = client.admin("GET", "/state/hubspot/contacts").text
    return f'"{email}"' in rows


def stands(client: Running, name: str) -> bool:
    """Whether Salesforce stores a lead of this name."""
    return f'"LastName": "{name}"' in client.admin("GET", "/state/salesforce/Lead").text


def test_latency_delays_both(client: Running) -> None:
    """Latency holds an answer back for `value` seconds."""
    for system, call in (("hubspot", client.hubspot), ("salesforce", client.salesforce)):
        path = CONTACTS if system == "hubspot" else f"{DATA}/limits"
        arm(client, system, "latency", match=path, value=0.2, calls=1)
        before = time.monotonic()
        assert call("GET", path).status_code == 200
        assert time.monotonic() - before >= 0.2


def test_rate_limit_has_both_shapes_at_hubspot(client: Running) -> None:
    """HubSpot answers 429 in turn with the bare body and with the one that names its policy,
    Salesforce 403; none says how long to wait.
    """
    arm(client, "hubspot", "rate_limit", calls=2)
    bodies = [client.hubspot("GET", CONTACTS) for _ in range(2)]
    assert [each.status_code for each in bodies] == [429, 429]
    shapes = [set(each.json()) for each in bodies]
    assert {"category" in each for each in shapes} == {True, False}
    assert {"policyName" in each for each in shapes} == {True, False}
    arm(client, "salesforce", "rate_limit", match="/limits", calls=1)
    refused = client.salesforce("GET", f"{DATA}/limits")
    assert refused.status_code == 403
    assert refused.json()[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"
    assert all("Retry-After" not in each.headers for each in (*bodies, refused))


def test_daily_limit_ends_the_day(client: Running) -> None:
    """The day's allowance is spent: HubSpot's policy says DAILY, Salesforce's total."""
    arm(client, "hubspot", "daily_limit", calls=1)
    assert client.hubspot("GET", CONTACTS).json()["policyName"] == "DAILY"
    arm(client, "salesforce", "daily_limit", match="/limits", calls=1)
    refused = client.salesforce("GET", f"{DATA}/limits").json()[0]
    assert refused["message"] == "TotalRequests Limit exceeded."


@pytest.mark.parametrize(("kind", "written"), [("error_before", False), ("error_after", True)])
def test_errors_come_before_or_after_the_commit(client: Running, kind: str, written: bool) -> None:
    """error_before leaves nothing behind, error_after has written what it denies."""
    arm(client, "hubspot", kind, value=503, calls=1)
    assert contact(client, f"{kind}@faults.example").status_code == 503
    assert is_there(client, f"{kind}@faults.example") is written
    arm(client, "salesforce", kind, match="/sobjects/", value=500, calls=1)
    assert lead(client, kind).status_code == 500
    assert stands(client, kind) is written


@pytest.mark.parametrize("kind", ["lost_reply", "cut_body"])
def test_broken_connections_have_written(client: Running, kind: str) -> None:
    """A lost reply and a cut body look like a broken connection; the write is done."""
    arm(client, "hubspot", kind, match=CONTACTS, calls=1)
    with pytest.raises(requests.exceptions.RequestException):
        contact(client, f"{kind}@faults.example")
    assert is_there(client, f"{kind}@faults.example")
    arm(client, "salesforce", kind, match="/sobjects/", calls=1)
    with pytest.raises(requests.exceptions.RequestException):
        lead(client, kind)
    assert stands(client, kind)


def test_lock_row_passes(client: Running) -> None:
    """A locked row is 423 at HubSpot and UNABLE_TO_LOCK_ROW at Salesforce; the same write
    succeeds afterwards.
    """
    arm(client, "hubspot", "lock_row", calls=1)
    assert contact(client, "locked@faults.example").status_code == 423
    assert contact(client, "locked@faults.example").status_code == 201
    arm(client, "salesforce", "lock_row", calls=1)
    assert lead(client, "Locked").json()[0]["errorCode"] == "UNABLE_TO_LOCK_ROW"
    assert lead(client, "Locked").status_code == 201


def test_partial_batch_fails_some_rows(client: Running) -> None:
    """A share of a batch fails, row by row, in batches, collections and Bulk 2.0."""
    arm(client, "hubspot", "partial_batch", value=0.5, calls=1)
    inputs = [{"properties": {"email": f"part{n}@faults.example"}} for n in range(10)]
    answer = client.hubspot("POST", f"{CONTACTS}/batch/create", {"inputs": inputs})
    assert answer.status_code == 207
    assert (len(answer.json()["results"]), answer.json()["numErrors"]) == (5, 5)
    records = [
        {"attributes": {"type": "Lead"}, "LastName": f"Part {n}", "Company": "C"} for n in range(10)
    ]
    arm(client, "salesforce", "partial_batch", match="composite", value=0.3, calls=1)
    rows = client.salesforce("POST", f"{DATA}/composite/sobjects", {"records": records}).json()
    assert [row["success"] for row in rows].count(False) == 3
    arm(client, "salesforce", "partial_batch", match="ingest", value=0.4, calls=1)
    assert bulk_insert(client, 10) == (10, 4)


def bulk_insert(client: Running, count: int) -> tuple[int, int]:
    """Insert leads by Bulk 2.0: (processed, failed)."""
    base = f"{DATA}/jobs/ingest"
    job = client.salesforce("POST", base, {"object": "Lead", "operation": "insert"}).json()["id"]
    lines = "\n".join(["LastName,Company", *(f"Bulk {n},C" for n in range(count))])
    url = f"{client.info['salesforce']['login_url']}{base}/{job}"
    headers = {"Authorization": f"Bearer {client.login()}", "Content-Type": "text/csv"}
    upload = client.session.put(f"{url}/batches", data=lines, headers=headers, timeout=30)
    assert upload.status_code == 201
    client.salesforce("PATCH", f"{base}/{job}", {"state": "UploadComplete"})
    info = client.salesforce("GET", f"{base}/{job}").json()
    return info["numberRecordsProcessed"], info["numberRecordsFailed"]


def test_expire_session_ends_one(client: Running) -> None:
    """The session under way ends: 401 with each vendor's own code."""
    arm(client, "hubspot", "expire_session", calls=1)
    assert client.hubspot("GET", CONTACTS).json()["category"] == "EXPIRED_AUTHENTICATION"
    assert client.hubspot("GET", CONTACTS).status_code == 200
    arm(client, "salesforce", "expire_session", calls=1)
    answer = client.salesforce("GET", f"{DATA}/limits")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")


def test_search_lag_hides_what_was_written(client: Running) -> None:
    """A search misses the write until its lag has passed on the virtual clock; reads by id do
    not.
    """
    arm(client, "hubspot", "search_lag", value=30, calls=1)
    contact(client, "lagging@faults.example")
    arm(client, "salesforce", "search_lag", match="/sobjects/", value=30, calls=1)
    made = lead(client, "Laggard").json()["id"]
    assert found(client) == (0, 0)
    assert client.salesforce("GET", f"{DATA}/sobjects/Lead/{made}").status_code == 200
    client.admin("POST", "/clock", {"seconds": 31})
    assert found(client) == (1, 1)


def found(client: Running) -> tuple[int, int]:
    """How many of the two lagging records the searches show."""
    wanted = {"propertyName": "email", "operator": "EQ", "value": "lagging@faults.example"}
    body = {"filterGroups": [{"filters": [wanted]}]}
    hubspot = client.hubspot("POST", f"{CONTACTS}/search", body).json()["total"]
    sosl = "FIND {Laggard} IN NAME FIELDS RETURNING Lead(Id)"
    searched = client.salesforce("GET", f"{DATA}/search?q={quote(sosl)}").json()
    return hubspot, len(searched["searchRecords"])


def test_late_commit_bears_an_older_time(client: Running) -> None:
    """A late commit becomes visible after readers passed its time: HubSpot stamps it earlier,
    Salesforce shows it later.
    """
    arm(client, "hubspot", "late_commit", value=60, calls=1)
    body = contact(client, "late@faults.example").json()
    now = client.admin("GET", "/clock").json()["now"]
    assert body["properties"]["lastmodifieddate"][:16] < now[:16]
    arm(client, "salesforce", "late_commit", value=60, calls=1)
    lead(client, "Latecomer")
    soql = quote("SELECT Id FROM Lead WHERE LastName = 'Latecomer'")
    path = f"{DATA}/query?q={soql}"
    assert client.salesforce("GET", path).json()["totalSize"] == 0
    client.admin("POST", "/clock", {"seconds": 61})
    assert client.salesforce("GET", path).json()["totalSize"] == 1


def test_every_kind_is_tested_here() -> None:
    """The tests above name every kind there is, so that a new one cannot come untested."""
    text = Path(__file__).read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f'"{kind}"' not in text] == []


def test_a_fault_says_how_often_it_struck(client: Running) -> None:
    """GET /faults lists what is armed, with strikes and calls left; DELETE disarms."""
    arm(client, "hubspot", "error_before", calls=2)
    client.hubspot("GET", CONTACTS)
    listed = client.admin("GET", "/faults").json()["faults"]
    assert [(one["struck"], one["calls_left"]) for one in listed] == [(1, 1)]
    client.admin("DELETE", "/faults")
    assert client.hubspot("GET", CONTACTS).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"system": "hubspot"},
        {"system": "somebody", "kind": "latency"},
        {"system": "hubspot", "kind": "earthquake"},
        {"system": "hubspot", "kind": "latency", "rate": 2},
        {"system": "hubspot", "kind": "latency", "match": "("},
        {"system": "hubspot", "kind": "latency", "colour": "red"},
    ],
)
def test_a_fault_that_is_none_is_refused(client: Running, wrong: dict[str, object]) -> None:
    """Rubbish is a 400 with a message, never a fault that does nothing."""
    answer = client.admin("POST", "/faults", wrong)
    assert answer.status_code == 400
    assert answer.json()["message"]
