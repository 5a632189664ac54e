"""The org through real clients over https: simple-salesforce and plain REST, faults included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)

from tests.sandbox.test_salesforce_server import START, Site, serving

LEAD = {"attributes": {"type": "Lead"}}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A fresh org on https."""
    with serving(tmp_path) as running:
        yield running


def _lead(**fields: object) -> dict[str, object]:
    return {**LEAD, "LastName": "Doe", "Company": "Acme", **fields}


def test_simple_salesforce_creates_reads_updates_deletes(site: Site) -> None:
    """CRUD, describe and getDeleted work with the client Leadloop uses."""
    client = site.client()
    made = client.Lead.create({"LastName": "Doe", "Company": "Acme"})["id"]
    assert client.Lead.update(made, {"Title": "CEO"}) == 204
    assert client.Lead.get(made)["Title"] == "CEO"
    assert client.query("SELECT Title FROM Lead WHERE Title = 'CEO'")["totalSize"] == 1
    names = {one["name"] for one in client.describe()["sobjects"]}
    assert {"Lead", "Contact", "Account", "Task"} <= names
    assert client.Lead.describe()["name"] == "Lead"
    site.clock.move(60)
    span = (START - timedelta(hours=1), START + timedelta(hours=1))
    assert client.Lead.updated(*span)["ids"] == [made]
    assert client.Lead.delete(made) == 204
    site.clock.move(60)
    gone = client.Lead.deleted(*span)
    assert [one["id"] for one in gone["deletedRecords"]] == [made]
    with pytest.raises(SalesforceResourceNotFound):
        client.Lead.get(made)


def test_query_all_iter_pages_through_thousands_with_short_pages(site: Site) -> None:
    """5,000 rows arrive once each over realistic locators, though pages come out short."""
    for number in range(5000):
        site.org.create("Account", {"Name": f"A{number}"})
    site.org.cursors.short_page_rate = 0.5
    client = site.client()
    first = client.query("SELECT Id FROM Account")
    assert re.fullmatch(
        r"/services/data/v68\.0/query/01g[0-9A-Za-z]{15}-\d+", first["nextRecordsUrl"]
    )
    ids = [one["Id"] for one in client.query_all_iter("SELECT Id FROM Account")]
    assert (len(ids), len(set(ids))) == (5000, 5000)
    small = site.call(
        "GET", "/query", params={"q": "SELECT Id FROM Account"},
        headers={"Sforce-Query-Options": "batchSize=200"},
    ).json()  # fmt: skip
    assert (len(small["records"]) <= 200, small["totalSize"]) == (True, 5000)
    wrong = site.call("GET", "/query/01gLw0000000009MAA-2000")
    assert wrong.json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_upsert_answers_201_200_and_300(site: Site) -> None:
    """Created, updated, ambiguous; before v46 an update is 204; updateOnly creates nothing."""
    site.org.add_field("Lead", {"name": "Key__c", "type": "Text", "externalId": True})
    client = site.client()
    body = {"LastName": "Doe", "Company": "Acme"}
    created = client.Lead.upsert("Key__c/a b", body, raw_response=True)
    assert (created.status_code, created.json()["created"]) == (201, True)
    updated = site.call("PATCH", "/sobjects/Lead/Key__c/a%20b", {"Title": "x"})
    assert (updated.status_code, updated.json()["created"]) == (200, False)
    old = site.call("PATCH", "/sobjects/Lead/Key__c/a%20b", {"Title": "y"}, version="42.0")
    assert old.status_code == 204
    assert site.call("PATCH", "/sobjects/Lead/Key__c/zz?updateOnly=true", body).status_code == 404
    site.org.create("Lead", {**body, "Key__c": "a b"})
    with pytest.raises(SalesforceMoreThanOneRecord):
        client.Lead.upsert("Key__c/a b", {"Title": "z"})
    assert {row["Title"] for row in site.org.rows("Lead")} == {"y", None}


def test_collections_answer_row_by_row_in_order(site: Site) -> None:
    """HTTP 200 with failures; failed rows have no id and use statusCode; 200 rows at most."""
    records = [_lead(), _lead(Email="bad"), _lead(LastName="Roe")]
    answer = site.call("POST", "/composite/sobjects", {"allOrNone": False, "records": records})
    first, second, third = answer.json()
    assert (answer.status_code, first["success"], third["success"]) == (200, True, True)
    assert "id" not in second
    assert second["errors"][0]["statusCode"] == "INVALID_EMAIL_ADDRESS"
    patch = [{**LEAD, "id": first["id"], "Title": "x"}, {**LEAD, "Id": third["id"][:15]}]
    done = site.call("PATCH", "/composite/sobjects", {"records": patch}).json()
    assert [one["id"] for one in done] == [first["id"], third["id"]]
    ids = f"{first['id']},{third['id']}"
    gone = site.call("DELETE", "/composite/sobjects", params={"ids": ids}).json()
    assert [one["success"] for one in gone] == [True, True]
    many = site.call("POST", "/composite/sobjects", {"records": [_lead()] * 201})
    assert many.status_code == 400


def test_all_or_none_takes_everything_back(site: Site) -> None:
    """One bad row with allOrNone: nothing stays, the others say they were rolled back."""
    body = {"allOrNone": True, "records": [_lead(), _lead(Email="bad")]}
    answer = site.call("POST", "/composite/sobjects", body).json()
    codes = [one["errors"][0]["statusCode"] for one in answer]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_EMAIL_ADDRESS"]
    assert list(site.org.rows("Lead")) == []


def test_collection_upsert_by_external_id(site: Site) -> None:
    """Rows carry their key; of those that carry the same one in one call none is written."""
    site.org.add_field("Lead", {"name": "Key__c", "type": "Text", "externalId": True,
                                "unique": True})  # fmt: skip
    records = [_lead(Key__c="1"), _lead(Key__c="2"), _lead(Key__c="1", Title="t"), _lead()]
    answer = site.call(
        "PATCH", "/composite/sobjects/Lead/Key__c", {"allOrNone": False, "records": records}
    ).json()
    assert [one.get("created") for one in answer] == [None, True, None, None]
    twice = {"statusCode": "DUPLICATE_VALUE", "fields": ["Key__c"],
             "message": "Duplicate external id specified: 1"}  # fmt: skip
    assert answer[0]["errors"] == answer[2]["errors"] == [twice]
    assert answer[3]["errors"][0]["statusCode"] == "MISSING_ARGUMENT"
    assert len(list(site.org.rows("Lead"))) == 1


def test_composite_refers_to_earlier_answers(site: Site) -> None:
    """A contact is created at the account of the subrequest before it."""
    body = {
        "compositeRequest": [
            {"method": "POST", "url": "/services/data/v68.0/sobjects/Account",
             "referenceId": "acc", "body": {"Name": "Acme"}},
            {"method": "POST", "url": "/services/data/v68.0/sobjects/Contact",
             "referenceId": "con", "body": {"LastName": "Doe", "AccountId": "@{acc.id}"}},
            {"method": "GET", "referenceId": "get",
             "url": "/services/data/v68.0/sobjects/Contact/@{con.id}?fields=AccountId"},
            {"method": "GET", "referenceId": "bad",
             "url": "/services/data/v68.0/sobjects/Contact/@{nope.id}"},
        ]
    }  # fmt: skip
    client = site.client()
    shown = client.restful("composite", method="POST", json=body)["compositeResponse"]
    assert [one["httpStatusCode"] for one in shown] == [201, 201, 200, 400]
    assert shown[2]["body"]["AccountId"] == shown[0]["body"]["id"]
    batch = {"batchRequests": [{"method": "GET", "url": "v68.0/limits"},
                               {"method": "GET", "url": "v68.0/sobjects/Nope"}]}  # fmt: skip
    results = client.restful("composite/batch", method="POST", json=batch)
    assert [one["statusCode"] for one in results["results"]] == [200, 404]


def test_tree_creates_all_or_nothing(site: Site) -> None:
    """composite/tree answers ids by reference, or errors and no records."""
    good = {"attributes": {"type": "Account", "referenceId": "r1"}, "Name": "A"}
    bad = {"attributes": {"type": "Account", "referenceId": "r2"}}
    done = site.call("POST", "/composite/tree/Account", {"records": [good]})
    assert (done.status_code, done.json()["results"][0]["referenceId"]) == (201, "r1")
    refused = site.call("POST", "/composite/tree/Account", {"records": [good, bad]})
    assert (refused.status_code, refused.json()["hasErrors"]) == (400, True)
    assert len(list(site.org.rows("Account"))) == 1


def _make_field(site: Site, full_name: str, **metadata: object) -> None:
    body = {"FullName": full_name, "Metadata": {"type": "Text", "label": "L", "length": 40,
                                                **metadata}}  # fmt: skip
    answer = site.call("POST", "/tooling/sobjects/CustomField", body)
    assert answer.status_code == 201, answer.text


def _grant(site: Site, *fields: str) -> None:
    made = site.call("POST", "/sobjects/PermissionSet", {"Name": "P", "Label": "P"}).json()["id"]
    for field in fields:
        body = {"ParentId": made, "SobjectType": field.split(".")[0], "Field": field,
                "PermissionsRead": True, "PermissionsEdit": True}  # fmt: skip
        assert site.call("POST", "/sobjects/FieldPermissions", body).status_code == 201
    assign = {"PermissionSetId": made, "AssigneeId": site.org.integration_user_id}
    assert site.call("POST", "/sobjects/PermissionSetAssignment", assign).status_code == 201


def test_new_custom_field_is_invisible_until_granted(site: Site) -> None:
    """Describe, query, create and upsert know the field only after the permission."""
    _make_field(site, "Lead.Key__c", externalId=True, unique=True)
    client = site.client()
    assert "Key__c" not in {one["name"] for one in client.Lead.describe()["fields"]}
    query = {"q": "SELECT Key__c FROM Lead"}
    assert site.call("GET", "/query", params=query).json()[0]["errorCode"] == "INVALID_FIELD"
    body = {"LastName": "D", "Company": "C"}
    assert site.call("PATCH", "/sobjects/Lead/Key__c/1", body).status_code == 404
    _grant(site, "Lead.Key__c")
    assert "Key__c" in {one["name"] for one in client.Lead.describe()["fields"]}
    assert site.call("GET", "/query", params=query).status_code == 200
    assert site.call("PATCH", "/sobjects/Lead/Key__c/1", body).status_code == 201
    found = site.call("GET", "/tooling/query", params={
        "q": "SELECT Id FROM CustomField WHERE DeveloperName = 'Key' AND TableEnumOrId = 'Lead'"
    }).json()  # fmt: skip
    assert found["totalSize"] == 1
    again = {"FullName": "Lead.Key__c", "Metadata": {"type": "Text", "label": "L", "length": 9}}
    taken = site.call("POST", "/tooling/sobjects/CustomField", again)
    assert taken.json()[0]["errorCode"] == "DUPLICATE_DEVELOPER_NAME"


def test_activity_fields_appear_on_task_and_event(site: Site) -> None:
    """Activity.X__c is a field of Task and of Event, once granted."""
    _make_field(site, "Activity.Event_Id__c", externalId=True, unique=True)
    _grant(site, "Task.Event_Id__c")
    client = site.client()
    for sobject in (client.Task, client.Event):
        assert "Event_Id__c" in {one["name"] for one in sobject.describe()["fields"]}
    assert client.Task.upsert("Event_Id__c/e1", {"Subject": "Form"}) == 201
    assert client.Task.upsert("Event_Id__c/e1", {"Subject": "Form"}) == 200


def test_field_permission_needs_a_field(site: Site) -> None:
    """A permission for a field that is not there is refused."""
    made = site.call("POST", "/sobjects/PermissionSet", {"Name": "P", "Label": "P"}).json()["id"]
    body = {"ParentId": made, "SobjectType": "Lead", "Field": "Lead.Nope__c",
            "PermissionsRead": True}  # fmt: skip
    answer = site.call("POST", "/sobjects/FieldPermissions", body)
    assert answer.json()[0]["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_soap_convert_and_merge(site: Site) -> None:
    """ConvertLead and merge by SOAP; login() is refused; a bad session is a fault."""
    lead = site.org.create("Lead", {"LastName": "D", "Company": "C"})
    other = site.org.create("Lead", {"LastName": "D", "Company": "C"})
    third = site.org.create("Lead", {"LastName": "D", "Company": "C"})
    token = str(site.session.headers["Authorization"]).removeprefix("Bearer ")

    def soap(body: str, session: str = token) -> str:
        envelope = (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
            ' xmlns="urn:partner.soap.sforce.com"><e:Header><SessionHeader>'
            f"<sessionId>{session}</sessionId></SessionHeader></e:Header>"
            f"<e:Body>{body}</e:Body></e:Envelope>"
        )
        url = f"{site.url}/services/Soap/u/68.0"
        return str(site.session.post(url, data=envelope.encode(), timeout=10).text)

    ask = (
        f"<convertLead><leadConverts><leadId>{lead}</leadId>"
        "<convertedStatus>Closed - Converted</convertedStatus>"
        "<doNotCreateOpportunity>true</doNotCreateOpportunity></leadConverts></convertLead>"
    )
    assert '<opportunityId xsi:nil="true"/><success>true</success>' in soap(ask)
    assert "<statusCode>CANNOT_UPDATE_CONVERTED_LEAD</statusCode>" in soap(ask)
    merge = (
        f"<merge><request><masterRecord><type>Lead</type><Id>{other}</Id></masterRecord>"
        f"<recordToMergeIds>{third}</recordToMergeIds></request></merge>"
    )
    assert f"<mergedRecordIds>{third}</mergedRecordIds><success>true</success>" in soap(merge)
    assert "sf:INVALID_SESSION_ID" in soap(ask, session="nonsense")
    assert "sf:INVALID_OPERATION" in soap("<login><username>u</username></login>")


def _arm(site: Site, kind: str, **more: object) -> None:
    site.faults.add({"system": "salesforce", "kind": kind, "calls": 1, **more})


def test_limits_are_403_without_retry_after(site: Site) -> None:
    """rate_limit, daily_limit and the spent allowance answer 403 REQUEST_LIMIT_EXCEEDED."""
    for kind in ("rate_limit", "daily_limit"):
        _arm(site, kind)
        answer = site.call("GET", "/limits")
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (
            403, "REQUEST_LIMIT_EXCEEDED",
        )  # fmt: skip
        assert "Retry-After" not in answer.headers
    assert site.call("GET", "/limits").status_code == 200
    site.org.usage.limit = site.org.usage.used
    assert site.call("GET", "/limits").status_code == 403
    site.clock.move(86_401)
    assert site.call("GET", "/limits").status_code == 200


def test_errors_before_and_after_the_commit(site: Site) -> None:
    """A 5xx before the handler leaves nothing, one after it leaves the record."""
    body = {"LastName": "D", "Company": "C"}
    _arm(site, "error_before", value=500)
    assert site.call("POST", "/sobjects/Lead", body).status_code == 500
    assert list(site.org.rows("Lead")) == []
    _arm(site, "error_after")
    assert site.call("POST", "/sobjects/Lead", body).status_code == 503
    assert len(list(site.org.rows("Lead"))) == 1


def test_expired_session_stays_expired_until_a_new_token(site: Site) -> None:
    """After the fault every call is 401 until the client logs in again."""
    client = site.client()
    _arm(site, "expire_session")
    for _ in range(2):
        with pytest.raises(SalesforceExpiredSession):
            client.limits()
    site.login()
    assert site.call("GET", "/limits").status_code == 200


def test_locked_rows_and_partial_batches_fail_row_by_row(site: Site) -> None:
    """lock_row fails one row of a batch, partial_batch a share; the others are saved."""
    body = {"allOrNone": False, "records": [_lead() for _ in range(10)]}
    for kind, value, failures in (("lock_row", None, 1), ("partial_batch", 0.4, 4)):
        more = {} if value is None else {"value": value}
        _arm(site, kind, **more)
        answer = site.call("POST", "/composite/sobjects", body).json()
        failed = [one for one in answer if not one["success"]]
        assert len(failed) == failures
        assert {one["errors"][0]["statusCode"] for one in failed} == {"UNABLE_TO_LOCK_ROW"}
    assert len(list(site.org.rows("Lead"))) == 15
    _arm(site, "lock_row")
    single = site.call("POST", "/sobjects/Lead", {"LastName": "D", "Company": "C"})
    assert (single.status_code, single.json()[0]["errorCode"]) == (400, "UNABLE_TO_LOCK_ROW")


def test_duplicate_alert_over_http_follows_the_header(site: Site) -> None:
    """Without the header an alert rule blocks with duplicateResut; allowSave=true saves."""
    site.org.create("Lead", {"LastName": "D", "Company": "C", "Email": "d@c.example"})
    site.org.records.duplicates.switch_on("Lead")
    body = {"LastName": "D", "Company": "C", "Email": "d@c.example"}
    refused = site.call("POST", "/sobjects/Lead", body)
    assert refused.status_code == 400
    found = refused.json()[0]["duplicateResut"]
    assert found["allowSave"] is True
    assert found["matchResults"][0]["matchRecords"][0]["record"]["attributes"]["type"] == "Lead"
    header = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert site.call("POST", "/sobjects/Lead", body, headers=header).status_code == 201


def test_auto_assign_header_keeps_the_owner(site: Site) -> None:
    """With an assignment rule a lead goes to its owner unless Sforce-Auto-Assign is FALSE."""
    rep = site.org.create_user("Rita", "Rep", "rita.rep@corp.example")
    site.org.records.effects.lead_assignment = rep
    body = {"LastName": "D", "Company": "C"}
    site.call("POST", "/sobjects/Lead", body)
    site.call("POST", "/sobjects/Lead", body, headers={"Sforce-Auto-Assign": "FALSE"})
    owners = {row["OwnerId"] for row in site.org.rows("Lead")}
    assert owners == {rep, site.org.integration_user_id}


def test_unreadable_requests_are_refused(site: Site) -> None:
    """Broken JSON, a wrong method and a URI past 16,384 bytes each have their answer."""
    url = f"{site.url}/services/data/v68.0/sobjects/Lead"
    head = {"Content-Type": "application/json"}
    broken = site.session.post(url, data="{", headers=head, timeout=10)
    assert broken.json()[0]["errorCode"] == "JSON_PARSER_ERROR"
    assert site.call("PUT", "/sobjects/Lead").status_code == 405
    long = site.call("GET", "/query", params={"q": "SELECT Id FROM Lead" + " " * 17_000})
    assert long.status_code == 414
