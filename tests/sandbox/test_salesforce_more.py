"""Child queries, SOSL, the recycle bin by SOAP, hard deletes, refresh tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.harness import Running, running

DATA = "/services/data/v61.0"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An empty org at a noon."""
    with running(tmp_path_factory.mktemp("org"), world=None) as started:
        started.admin("POST", "/clock", {"to": "2026-06-01T12:00:00Z"})
        yield started


def made(client: Running, sobject: str, **fields: Any) -> str:
    """Create a record; its id."""
    answer = client.salesforce("POST", f"{DATA}/sobjects/{sobject}", fields)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def query(client: Running, soql: str, *, everything: bool = False) -> list[dict[str, Any]]:
    """The records of a query (or queryAll)."""
    name = "queryAll" if everything else "query"
    answer = client.salesforce("GET", f"{DATA}/{name}?q={soql.replace('%', '%25')}")
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["records"]
    return rows


def soap(client: Running, inner: str) -> str:
    """The answer of one SOAP call, as text."""
    envelope = (
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:urn="urn:partner.soap.sforce.com"><soapenv:Header><urn:SessionHeader>'
        f"<urn:sessionId>{client.login()}</urn:sessionId></urn:SessionHeader></soapenv:Header>"
        f"<soapenv:Body>{inner}</soapenv:Body></soapenv:Envelope>"
    )
    url = client.info["salesforce"]["login_url"] + "/services/Soap/u/61.0"
    headers = {"Content-Type": "text/xml", "SOAPAction": '""'}
    return client.session.post(url, data=envelope, headers=headers, timeout=30).text


def test_children_are_nested_filtered_and_ordered(client: Running) -> None:
    """A child query nests totalSize, done and records; a parent without children shows null."""
    account = made(client, "Account", Name="Parents")
    made(client, "Account", Name="Childless")
    for name in ("Bea", "Ada", "Cid"):
        made(client, "Contact", LastName=name, AccountId=account)
    rows = query(
        client,
        "SELECT Name, (SELECT LastName FROM Contacts WHERE LastName != 'Cid' ORDER BY LastName)"
        " FROM Account WHERE Name IN ('Parents','Childless') ORDER BY Name",
    )
    assert rows[0]["Contacts"] is None
    nested = rows[1]["Contacts"]
    assert (nested["totalSize"], nested["done"]) == (2, True)
    assert [row["LastName"] for row in nested["records"]] == ["Ada", "Bea"]
    assert nested["records"][0]["attributes"]["type"] == "Contact"


def test_an_unknown_relationship_is_refused(client: Running) -> None:
    """A child relationship that is not there is INVALID_TYPE, as an unknown object is."""
    soql = "SELECT Id, (SELECT Id FROM Cousins) FROM Account"
    answer = client.salesforce("GET", f"{DATA}/query?q={soql}")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_TYPE")


def test_sosl_finds_words_in_the_fields_asked_for(client: Running) -> None:
    """Whole words without case, a trailing star for beginnings, fields by group, both spellings."""
    lead = made(client, "Lead", LastName="Zeppelin", Company="Airships", Email="z@sosl.example")
    made(client, "Contact", LastName="Zeppelinski")

    def found(sosl: str) -> list[str]:
        answer = client.salesforce("GET", f"{DATA}/search?q={sosl}")
        assert answer.status_code == 200, answer.text
        return [row["Id"] for row in answer.json()["searchRecords"]]

    returning = "RETURNING Lead(Id, LastName), Contact(Id)"
    assert found(f"FIND {{ZEPPELIN}} IN NAME FIELDS {returning}") == [lead]
    assert len(found(f"FIND {{zeppelin*}} IN ALL FIELDS {returning}")) == 2
    assert found(f"FIND {{airships}} IN EMAIL FIELDS {returning}") == []
    body = {"q": "Zeppelin", "in": "NAME", "sobjects": [{"name": "Lead", "fields": ["Id"]}]}
    answer = client.salesforce("POST", f"{DATA}/parameterizedSearch", body).json()
    assert [row["Id"] for row in answer["searchRecords"]] == [lead]
    for bad in ("FIND {z} RETURNING Lead(Id)", "SEARCH zeppelin"):
        answer = client.salesforce("GET", f"{DATA}/search?q={bad}")
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "MALFORMED_SEARCH")


def test_what_was_deleted_together_comes_back_together(client: Running) -> None:
    """Undelete takes an account's contacts out of the bin with it, not those deleted before."""
    account = made(client, "Account", Name="Phoenix")
    stays = made(client, "Contact", LastName="Early", AccountId=account)
    client.salesforce("DELETE", f"{DATA}/sobjects/Contact/{stays}")
    client.admin("POST", "/clock", {"seconds": 5})
    comes = made(client, "Contact", LastName="Together", AccountId=account)
    client.salesforce("DELETE", f"{DATA}/sobjects/Account/{account}")
    answer = soap(client, f"<urn:undelete><urn:ids>{account}</urn:ids></urn:undelete>")
    assert "<success>true</success>" in answer
    assert client.salesforce("GET", f"{DATA}/sobjects/Contact/{comes}").status_code == 200
    assert client.salesforce("GET", f"{DATA}/sobjects/Contact/{stays}").status_code == 404
    again = soap(client, f"<urn:undelete><urn:ids>{account}</urn:ids></urn:undelete>")
    assert "<statusCode>UNDELETE_FAILED</statusCode>" in again


def test_the_emptied_bin_is_empty(client: Running) -> None:
    """What emptyRecycleBin took is in no queryAll, yet getDeleted still tells of it."""
    key = made(client, "Lead", LastName="Ash", Company="C")
    client.salesforce("DELETE", f"{DATA}/sobjects/Lead/{key}")
    soql = f"SELECT Id FROM Lead WHERE Id = '{key}'"  # noqa: S608 - a minted id
    assert len(query(client, soql, everything=True)) == 1
    inner = f"<urn:emptyRecycleBin><urn:ids>{key}</urn:ids></urn:emptyRecycleBin>"
    assert "<success>true</success>" in soap(client, inner)
    assert query(client, soql, everything=True) == []
    client.admin("POST", "/clock", {"seconds": 60})
    path = f"{DATA}/sobjects/Lead/deleted?start=2026-06-01T00:00:00Z&end=2026-06-02T00:00:00Z"
    deleted = client.salesforce("GET", path).json()["deletedRecords"]
    assert key in {row["id"] for row in deleted}


def test_login_by_soap_is_refused(client: Running) -> None:
    """SOAP login() answers a fault, as in every new org."""
    inner = "<urn:login><urn:username>a</urn:username><urn:password>b</urn:password></urn:login>"
    assert "sf:INVALID_OPERATION" in soap(client, inner)


def test_a_refresh_token_opens_a_session(client: Running) -> None:
    """The right refresh token opens a session, a wrong one is invalid_grant."""
    salesforce = client.info["salesforce"]
    form = {
        "grant_type": "refresh_token",
        "client_id": salesforce["client_id"],
        "client_secret": salesforce["client_secret"],
    }
    url = f"{salesforce['login_url']}/services/oauth2/token"
    token = client.info["oauth"]["salesforce"]["refresh_token"]
    good = client.session.post(url, data={**form, "refresh_token": token}, timeout=30)
    assert good.json()["instance_url"] == salesforce["login_url"]
    bad = client.session.post(url, data={**form, "refresh_token": "no"}, timeout=30)
    assert (bad.status_code, bad.json()["error"]) == (400, "invalid_grant")


def test_identity_is_told_by_the_resources(client: Running) -> None:
    """The list of resources leads to who one is, as jsforce asks."""
    answer = client.salesforce("GET", f"{DATA}/").json()
    path = answer["identity"].removeprefix(client.info["salesforce"]["login_url"])
    assert client.salesforce("GET", path).json()["organization_id"].startswith("00D")


def job(client: Running, csv: str, **more: str) -> tuple[str, dict[str, Any]]:
    """Run an insert of leads by Bulk 2.0: its id and how it ended at the first look."""
    base = f"{DATA}/jobs/ingest"
    body = {"object": "Lead", "operation": "insert", "lineEnding": "LF", **more}
    made_id = str(client.salesforce("POST", base, body).json()["id"])
    url = f"{client.info['salesforce']['login_url']}{base}/{made_id}/batches"
    headers = {"Authorization": f"Bearer {client.login()}", "Content-Type": "text/csv"}
    assert client.session.put(url, data=csv, headers=headers, timeout=30).status_code == 201
    client.salesforce("PATCH", f"{base}/{made_id}", {"state": "UploadComplete"})
    info: dict[str, Any] = client.salesforce("GET", f"{base}/{made_id}").json()
    return made_id, info


@pytest.mark.parametrize(
    ("csv", "reason"),
    [
        ("LastName,Nonsense__c\nA,B\n", "Field name not found : Nonsense__c"),
        ("LastName,Company\r\nA,B\r\n", "LineEnding is invalid on user data"),
    ],
)
def test_a_broken_upload_fails_the_job(client: Running, csv: str, reason: str) -> None:
    """An unknown column and a wrong line ending fail the whole job; its rows stay unprocessed."""
    key, info = job(client, csv)
    assert info["state"] == "Failed"
    assert reason in info["errorMessage"]
    rest = client.salesforce("GET", f"{DATA}/jobs/ingest/{key}/unprocessedrecords")
    assert rest.text == csv
    assert (
        client.salesforce("GET", f"{DATA}/jobs/ingest/{key}/successfulResults").text.count("\n")
        == 1
    )


def test_a_job_may_take_its_time(client: Running) -> None:
    """Where the org says so a job shows InProgress before it is complete."""
    client.admin("POST", "/settings", {"system": "salesforce", "bulk_polls": 2})
    key, first = job(client, "LastName,Company\nSlow,Works\n")
    path = f"{DATA}/jobs/ingest/{key}"
    states = [first["state"]] + [client.salesforce("GET", path).json()["state"] for _ in range(2)]
    client.admin("POST", "/settings", {"system": "salesforce", "bulk_polls": 0})
    assert states == ["InProgress", "InProgress", "JobComplete"]


def test_a_hard_delete_leaves_nothing(client: Running) -> None:
    """What hardDelete took is not even in the recycle bin."""
    key = made(client, "Lead", LastName="Hard", Company="C")
    _, info = job(client, f"Id\n{key}\n", operation="hardDelete")
    assert (info["state"], info["numberRecordsFailed"]) == ("JobComplete", 0)
    assert query(client, f"SELECT Id FROM Lead WHERE Id = '{key}'", everything=True) == []  # noqa: S608
