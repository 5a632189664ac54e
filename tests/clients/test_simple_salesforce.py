"""simple-salesforce: REST, paged queries, describe, both Bulk APIs, as its documentation shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)
from simple_salesforce.format import format_soql

from tests.clients.conftest import Bench


def login(bench: Bench, session: requests.Session) -> Any:
    """A client logged in by client credentials, the way FACTS section 3 recommends."""
    salesforce = bench.info["salesforce"]
    answer = session.post(
        f"{salesforce['login_url']}/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(salesforce["client_id"], salesforce["client_secret"]),
        timeout=30,
    ).json()
    return Salesforce(
        instance_url=answer["instance_url"],
        session_id=answer["access_token"],
        session=session,
        version="61.0",
    )


@pytest.fixture(scope="module")
def client(bench: Bench) -> Iterator[Any]:
    """A client with a session of its own that trusts the sandbox's authority."""
    with requests.Session() as session:
        session.verify = str(bench.authority)
        session.trust_env = False
        yield login(bench, session)


def test_query_all_iter_walks_every_page(client: Any, bench: Bench) -> None:
    """`query_all_iter` brings each live contact once; `include_deleted` the deleted ones too."""
    rows = list(client.query_all_iter("SELECT Id, LastName, Account.Name FROM Contact ORDER BY Id"))
    stored = bench.live("salesforce", "Contact")
    assert [row["Id"] for row in rows] == sorted(stored)
    assert all(row["LastName"] == stored[row["Id"]]["LastName"] for row in rows)
    every = client.query_all("SELECT Id FROM Lead", include_deleted=True)
    assert every["totalSize"] == len(every["records"]) == len(bench.rows("salesforce", "Lead"))


def test_describe_lists_the_fields_a_query_may_ask(client: Any) -> None:
    """Describe's fields can all be selected; global describe names the objects."""
    names = [field["name"] for field in client.Lead.describe()["fields"]]
    query = f"SELECT {', '.join(names)} FROM Lead LIMIT 1"  # noqa: S608 - names from describe
    row = client.query(query)["records"][0]
    assert set(row) == {"attributes", *names}
    kinds = {kind["name"] for kind in client.describe()["sobjects"]}
    assert {"Lead", "Contact", "Account", "Opportunity", "Task", "CampaignMember"} <= kinds


def test_crud_and_external_ids(client: Any, bench: Bench) -> None:
    """Create, read, update, upsert by external id twice, delete; 404 and 400 as exceptions."""
    field = {"name": "Client_Key__c", "type": "Text", "externalId": True, "unique": True}
    bench.admin(
        "POST", "/schema",
        {"system": "salesforce", "object": "Lead", "action": "add", "field": field},
    )  # fmt: skip
    made = client.Lead.create({"LastName": "O'Hara", "Company": "Simple & Sons"})
    assert made["success"] is True
    found = client.query(format_soql("SELECT Id FROM Lead WHERE LastName = {}", "O'Hara"))
    assert made["id"] in {row["Id"] for row in found["records"]}
    assert client.Lead.update(made["id"], {"Title": "Owner"}) == 204
    assert bench.live("salesforce", "Lead")[made["id"]]["Title"] == "Owner"
    body = {"LastName": "Keyed", "Company": "Simple"}
    assert client.Lead.upsert("Client_Key__c/k-1", body) == 201
    assert client.Lead.upsert("Client_Key__c/k-1", {**body, "Title": "Again"}) in {200, 204}
    keyed: Any = client.Lead.get_by_custom_id("Client_Key__c", "k-1")
    assert keyed["Title"] == "Again"
    assert client.Lead.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound):
        client.Lead.get(made["id"])
    with pytest.raises(SalesforceMalformedRequest) as refused:
        client.Lead.create({"LastName": "Nobody"})
    answer: Any = refused.value.content
    assert answer[0]["errorCode"] == "REQUIRED_FIELD_MISSING"


def test_updated_and_deleted_tell_of_changes(client: Any, bench: Bench) -> None:
    """The updated and deleted calls name what was changed and deleted within a span."""
    kept = client.Account.create({"Name": "Kept"})["id"]
    gone = client.Account.create({"Name": "Gone"})["id"]
    client.Account.delete(gone)
    bench.admin("POST", "/clock", {"seconds": 60})
    now = datetime.fromisoformat(bench.admin("GET", "/clock").json()["now"])
    start = datetime(now.year, now.month, now.day, tzinfo=UTC).replace(hour=0)
    assert kept in client.Account.updated(start, now)["ids"]
    assert gone not in client.Account.updated(start, now)["ids"]
    deleted = client.Account.deleted(start, now)["deletedRecords"]
    assert gone in {row["id"] for row in deleted}


def test_bulk_2_inserts_upserts_queries_and_reports_failures(client: Any, bench: Bench) -> None:
    """Bulk 2.0 works as a whole: rows that fail are told from those that succeed."""
    rows = [{"LastName": f"Bulk {n}", "Company": "Bulk Works"} for n in range(250)]
    rows.append({"LastName": "No company", "Company": ""})
    done = client.bulk2.Lead.insert(records=rows)
    assert [(one["numberRecordsProcessed"], one["numberRecordsFailed"]) for one in done] == [
        (251, 1)
    ]
    failed = client.bulk2.Lead.get_failed_records(done[0]["job_id"])
    assert "REQUIRED_FIELD_MISSING" in failed
    stored = [
        row for row in bench.live("salesforce", "Lead").values() if row["Company"] == "Bulk Works"
    ]
    assert len(stored) == 250
    pages = list(
        client.bulk2.Lead.query(
            "SELECT Id, LastName FROM Lead WHERE Company = 'Bulk Works'", max_records=100
        )
    )
    assert len(pages) == 3
    lines = [line for page in pages for line in page.splitlines()[1:]]
    assert len(lines) == 250
    ids = [{"Id": row["Id"]} for row in stored]
    client.bulk2.Lead.delete(records=ids)
    assert not any(
        row["Company"] == "Bulk Works" for row in bench.live("salesforce", "Lead").values()
    )


def test_bulk_1_writes_and_queries(client: Any, bench: Bench) -> None:
    """`sf.bulk` inserts, upserts, queries and deletes by batches of JSON."""
    rows = [{"LastName": f"First {n}", "Company": "Bulk First"} for n in range(30)]
    done = client.bulk.Lead.insert([*rows, {"LastName": "No company"}], batch_size=20)
    assert [one["success"] for one in done] == [True] * 30 + [False]
    assert done[-1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    found = client.bulk.Lead.query("SELECT Id, LastName FROM Lead WHERE Company = 'Bulk First'")
    assert {row["LastName"] for row in found} == {row["LastName"] for row in rows}
    again = client.bulk.Lead.update([{"Id": row["Id"], "Title": "Bulk"} for row in found])
    assert all(one["success"] and not one["created"] for one in again)
    client.bulk.Lead.delete([{"Id": row["Id"]} for row in found])
    live = bench.live("salesforce", "Lead").values()
    assert not any(row["Company"] == "Bulk First" for row in live)


def test_everything_beside_records(client: Any, bench: Bench) -> None:
    """Search, layouts, metadata, limits, tooling and composite as the client's own methods."""
    account = client.Account.create({"Name": "Beside Records"})["id"]
    found = client.quick_search("Beside")["searchRecords"]
    assert account in {row["Id"] for row in found}
    assert client.Account.metadata()["objectDescribe"]["name"] == "Account"
    layout = client.Account.describe_layout("012000000000000AAA")
    assert layout["detailLayoutSections"]
    assert "DailyApiRequests" in client.limits()
    assert client.is_sandbox() is True
    assert client.toolingexecute("sobjects")["sobjects"][0]["name"] == "CustomField"
    counted = client.restful("limits/recordCount", params={"sObjects": "Account"})
    assert counted["sObjects"][0]["count"] == len(bench.live("salesforce", "Account"))
    body = {
        "compositeRequest": [
            {
                "method": "PATCH",
                "url": f"/services/data/v61.0/sobjects/Account/{account}",
                "referenceId": "change",
                "body": {"Industry": "Energy"},
            },
            {
                "method": "GET",
                "url": f"/services/data/v61.0/sobjects/Account/{account}?fields=Industry",
                "referenceId": "look",
            },
        ]
    }
    told = client.restful("composite", method="POST", json=body)["compositeResponse"]
    assert [one["httpStatusCode"] for one in told] == [204, 200]
    assert told[1]["body"]["Industry"] == "Energy"


def test_an_expired_session_is_told(client: Any, bench: Bench) -> None:
    """A session that ended answers 401, the client raises its own error, a new login helps."""
    fault = {"system": "salesforce", "kind": "expire_session", "calls": 1}
    bench.admin("POST", "/faults", fault)
    other = login(bench, client.session)
    with pytest.raises(SalesforceExpiredSession):
        other.query("SELECT Id FROM Lead LIMIT 1")
    assert login(bench, client.session).query("SELECT Id FROM Lead LIMIT 1")["totalSize"] == 1
