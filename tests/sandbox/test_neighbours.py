"""Neighbours of what was recorded: other answers of the same endpoints, by the vendors' pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.harness import Running, running

DATA = "/services/data/v59.0"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Both vendors, without people."""
    with running(tmp_path_factory.mktemp("neighbours"), world=None) as started:
        yield started


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nosuch", 404),
        ("/crm/v9/objects/contacts", 404),
        ("/settings/v3/users/9", 404),
        ("/crm/v3/objects/nosuch", 400),
        ("/crm/v3/objects/contacts/4711", 404),
        ("/crm/v3/properties/contacts/nosuch", 404),
        ("/crm/v3/pipelines/deals/nosuch", 404),
        ("/crm/v3/owners/1", 404),
        ("/crm/v3/schemas/nosuch", 400),
    ],
)
def test_hubspot_refuses_in_its_own_shape(client: Running, path: str, status: int) -> None:
    """Whatever is not there, path, object or record, the body is HubSpot's error object."""
    answer = client.hubspot("GET", path)
    assert answer.status_code == status
    body = answer.json()
    assert body["status"] == "error"
    assert body["message"]
    assert len(body["correlationId"]) == 36


def test_a_method_hubspot_does_not_take_has_no_body(client: Running) -> None:
    """405 with the methods that are allowed and nothing else."""
    answer = client.hubspot("PUT", "/crm/v3/objects/contacts", {})
    assert (answer.status_code, answer.content) == (405, b"")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(","))


@pytest.mark.parametrize("base", ["/crm/v4/associations", "/crm/associations/2026-03"])
def test_labels_of_associations_are_listed(client: Running, base: str) -> None:
    """The unlabelled type has a null label, the primary one its name, by both generations."""
    found = client.hubspot("GET", f"{base}/contacts/companies/labels").json()["results"]
    assert found == [
        {"category": "HUBSPOT_DEFINED", "typeId": 279, "label": None},
        {"category": "HUBSPOT_DEFINED", "typeId": 1, "label": "Primary"},
    ]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/services/data/v30.0/sobjects", 410, "UNSUPPORTED_API_VERSION"),
        ("/services/data/v20.0/query?q=SELECT+Id+FROM+Lead", 410, "UNSUPPORTED_API_VERSION"),
        ("/services/data/v99.0/sobjects", 404, "NOT_FOUND"),
        (f"{DATA}/nosuch", 404, "NOT_FOUND"),
        (f"{DATA}/sobjects/Nope/describe", 404, "NOT_FOUND"),
        (f"{DATA}/sobjects/Lead/00Q000000000000EAA", 404, "NOT_FOUND"),
        (f"{DATA}/jobs/ingest/750000000000000AAA", 404, "NOT_FOUND"),
        (f"{DATA}/query/01gNOPE-2000", 400, "INVALID_QUERY_LOCATOR"),
        (f"{DATA}/query", 400, "MALFORMED_QUERY"),
        (f"{DATA}/search/?q=FIND", 400, "MALFORMED_SEARCH"),
    ],
)
def test_salesforce_refuses_in_its_own_shape(
    client: Running, path: str, status: int, code: str
) -> None:
    """Whatever is not there, or not there any more, the body is Salesforce's list of errors, and
    the usage header comes along."""
    answer = client.salesforce("GET", path)
    assert answer.status_code == status
    assert [set(one) for one in answer.json()] == [{"message", "errorCode"}]
    assert answer.json()[0]["errorCode"] == code
    assert answer.headers["Sforce-Limit-Info"].startswith("api-usage=")


@pytest.mark.parametrize(
    ("query", "code", "column"),
    [
        ("SELECT Id, Nope FROM Lead", "INVALID_FIELD", 12),
        ("SELECT Id FROM Nope__c", "INVALID_TYPE", 16),
        ("SELECT Id FROM Lead WHERE Nope = 1", "INVALID_FIELD", 27),
    ],
)
def test_a_wrong_name_is_pointed_at(client: Running, query: str, code: str, column: int) -> None:
    """The message holds the query, a mark below the name, and row and column, as in life."""
    answer = client.salesforce("GET", f"{DATA}/query?q={query.replace(' ', '+')}")
    (error,) = answer.json()
    assert (answer.status_code, error["errorCode"]) == (400, code)
    lines = error["message"].split("\n")
    assert lines[1:4] == [query, " " * (column - 1) + "^", f"ERROR at Row:1:Column:{column}"]
    assert "'Nope" in lines[4]


def lead(reference: str, **fields: str) -> dict[str, Any]:
    """A subrequest that creates a Lead."""
    url = f"{DATA}/sobjects/Lead"
    return {"method": "POST", "url": url, "referenceId": reference, "body": fields}


def test_a_graph_is_done_whole_or_not_at_all(client: Running) -> None:
    """Of two graphs one has a bad node: all of it is taken back, the other one stays."""
    graphs = [
        {
            "graphId": "good",
            "compositeRequest": [
                lead("a", LastName="Graph", Company="One"),
                {"method": "GET", "url": f"{DATA}/sobjects/Lead/@{{a.id}}", "referenceId": "b"},
            ],
        },
        {
            "graphId": "bad",
            "compositeRequest": [
                lead("c", LastName="Graph", Company="Two"),
                lead("d", Company="Nameless"),
            ],
        },
    ]
    answer = client.salesforce("POST", f"{DATA}/composite/graph", {"graphs": graphs})
    good, bad = answer.json()["graphs"]
    assert (good["graphId"], good["isSuccessful"]) == ("good", True)
    nodes = good["graphResponse"]["compositeResponse"]
    assert [one["httpStatusCode"] for one in nodes] == [201, 200]
    assert nodes[1]["body"]["Company"] == "One"
    assert (bad["graphId"], bad["isSuccessful"]) == ("bad", False)
    codes = [one["body"][0]["errorCode"] for one in bad["graphResponse"]["compositeResponse"]]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
    query = f"{DATA}/query?q=SELECT+Company+FROM+Lead+WHERE+LastName='Graph'"
    assert [r["Company"] for r in client.salesforce("GET", query).json()["records"]] == ["One"]


def test_graphs_have_their_limits(client: Running) -> None:
    """More than 75 graphs, or 500 nodes in all, are refused as a whole."""
    many = [{"graphId": str(n), "compositeRequest": []} for n in range(76)]
    wide = [{"graphId": "w", "compositeRequest": [lead(f"n{n}") for n in range(501)]}]
    split = [{"graphId": str(n), "compositeRequest": [lead("x")] * 300} for n in range(2)]
    for graphs in (many, wide, split):
        answer = client.salesforce("POST", f"{DATA}/composite/graph", {"graphs": graphs})
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
