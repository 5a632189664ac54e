"""Calls of CRM objects beyond the recorded ones: bodies that cannot be, batches with doubles,
limits of searches and pages, types and groups that are not there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.hubspot_server import Hub, served

CONTACTS = "/crm/v3/objects/contacts"
SEARCH = f"{CONTACTS}/search"
EQ = {"propertyName": "email", "operator": "EQ", "value": "a@x.example"}


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """Two contacts and a company; nothing is limited."""
    with served() as started:
        started.account.limits.enabled = False
        for name in ("a", "b"):
            started.account.create("contacts", {"email": f"{name}@x.example", "lastname": name})
        started.account.create("companies", {"name": "Acme", "domain": "acme.example"})
        yield started


def first(hub: Hub, kind: str = "contacts") -> str:
    """The oldest record of an object type."""
    return next(hub.account.ids(kind))


def raw(hub: Hub, body: str, kind: str = "application/json") -> tuple[int, dict[str, Any]]:
    """A POST of bytes: status and body."""
    headers = {"Authorization": "Bearer pat-test", "Content-Type": kind}
    answer = hub.session.post(hub.url + CONTACTS, data=body, headers=headers, timeout=10)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('{"properties":\n {"a" 1}}', "line 2, column 7"),
        ("[]", "line 1, column 1"),
        ('{"properties": {"firstname": {"a": 1}}}', "firstname"),
        ('{"properties": {"firstname": ["a"]}}', "firstname"),
    ],
)
def test_json_that_cannot_be_read_is_pointed_at(hub: Hub, body: str, place: str) -> None:
    """400 with a place and no category."""
    status, told = raw(hub, body)
    assert (status, set(told)) == (400, {"status", "message", "correlationId"})
    assert told["message"].startswith("Invalid input JSON on line")
    assert place in told["message"]


def test_another_content_type_is_415(hub: Hub) -> None:
    """Text and forms are no JSON, whatever is in them."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
        assert raw(hub, '{"properties": {}}', kind)[0] == 415


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("", {}, "[properties]"),
        ("", {"properties": [1]}, "[properties]"),
        ("/merge", {}, "[primaryObjectId]"),
        ("/merge", {"primaryObjectId": "1"}, "[objectIdToMerge]"),
        ("/gdpr-delete", {}, "[objectId]"),
        ("/batch/read", {}, "inputs"),
        ("/batch/read", {"inputs": [{"id": str(n)} for n in range(101)]}, "100"),
        (
            "/batch/read",
            {"propertiesWithHistory": ["email"], "inputs": [{"id": "1"}] * 51},
            "50",
        ),
        ("/batch/update", {"inputs": [{"id": "7", "properties": {}}] * 2}, "[7]"),
        (
            "/batch/upsert",
            {
                "inputs": [
                    {"id": one, "idProperty": "email", "properties": {}}
                    for one in ("q@x.example", "Q@x.example")
                ]
            },
            "[q@x.example]",
        ),
        ("/batch/upsert", {"inputs": [{"id": "a", "properties": {}}]}, "idProperty"),
        (
            "/batch/upsert",
            {"inputs": [{"id": "a", "idProperty": "firstname", "properties": {}}]},
            "non-unique",
        ),
        ("/search", {"filterGroups": [{"filters": [EQ]}] * 6}, "5 filter groups"),
        ("/search", {"filterGroups": [{"filters": [EQ] * 7}]}, "6 filters"),
        ("/search", {"filterGroups": [{"filters": [EQ] * 5}] * 4}, "18 filters"),
        ("/search", {"limit": 201}, "200"),
        ("/search", {"limit": 100, "after": 9_950}, "10000"),
        ("/search", {"after": "abc"}, "integers"),
        ("/search", {"filterGroups": [{"filters": [{**EQ, "operator": "LIKE"}]}]}, "LIKE"),
        ("/search", {"filterGroups": [{"filters": [{**EQ, "propertyName": "nope"}]}]}, "nope"),
        ("/search", {"filterGroups": [{"filters": [{**EQ, "operator": "IN"}]}]}, "list"),
        ("/search", {"filterGroups": [{"filters": [{**EQ, "value": None}]}]}, "value"),
        ("/search", {"filterGroups": [{"filters": EQ}]}, "filterGroups"),
        ("/search", {"sorts": ["email", "lastname"]}, "one sort"),
        ("/search", {"sorts": ["nope"]}, "nope"),
        ("/search", {"query": "x" * 3_001}, "3000"),
    ],
)
def test_what_cannot_be_is_a_validation_error(
    hub: Hub, path: str, body: dict[str, Any], words: str
) -> None:
    """400 VALIDATION_ERROR that names what is wrong, for the whole call."""
    answer = hub.call("POST", CONTACTS + path, body)
    told = answer.json()
    assert (answer.status_code, told["category"]) == (400, "VALIDATION_ERROR")
    assert words in told["message"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=abc", "limit=-1", "after=abc", "associations=nope"],
)
def test_pages_that_cannot_be_are_refused(hub: Hub, query: str) -> None:
    """Limits and cursors are whole numbers, associations object types."""
    answer = hub.call("GET", f"{CONTACTS}?{query}")
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


def test_the_end_of_pages_is_empty(hub: Hub) -> None:
    """Past the last record there is an empty page without paging; archived ones are apart."""
    assert hub.get(CONTACTS, after="99999999999") == {"results": []}
    assert hub.get(CONTACTS, archived="true") == {"results": []}
    page = hub.get(CONTACTS, limit=1)
    assert page["paging"]["next"]["after"] == page["results"][0]["id"]


def test_a_batch_tells_what_it_did_not_find(hub: Hub) -> None:
    """207 with one entry for all ids that are not there, whether others were found or not."""
    for ids, found in (([first(hub), "999"], 1), (["998", "999"], 0)):
        for act in ("read", "update"):
            rows = [{"id": one, "properties": {}} for one in ids]
            answer = hub.call("POST", f"{CONTACTS}/batch/{act}", {"inputs": rows})
            body = answer.json()
            assert (answer.status_code, body["numErrors"], len(body["results"])) == (207, 1, found)
            assert body["errors"][0]["context"]["ids"] == [one for one in ids if one > "99"][-2:]
            assert body["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    one = {"inputs": [{"id": first(hub)}] * 2}
    assert len(hub.post(f"{CONTACTS}/batch/read", one)["results"]) == 1
    keyed = {"idProperty": "email", "inputs": [{"id": "A@x.example"}, {"id": "z@x.example"}]}
    answer = hub.call("POST", f"{CONTACTS}/batch/read", keyed)
    assert (answer.status_code, answer.json()["results"][0]["id"]) == (207, first(hub))


def test_searches_sort_range_and_leave_out(hub: Hub) -> None:
    """A sort by object, a span of time, a property that is nowhere, and the one that is not set."""
    down = {"sorts": [{"propertyName": "email", "direction": "DESCENDING"}]}
    found = hub.post(SEARCH, {**down, "properties": ["email", "nope"]})["results"]
    assert [one["properties"]["email"] for one in found][:2] == ["b@x.example", "a@x.example"]
    assert "nope" not in found[0]["properties"]
    span = {
        "propertyName": "createdate",
        "operator": "BETWEEN",
        "value": "0",
        "highValue": "9" * 13,
    }
    assert hub.post(SEARCH, {"filterGroups": [{"filters": [span]}]})["total"] == 2
    unset = {"propertyName": "phone", "operator": "NOT_HAS_PROPERTY"}
    assert hub.post(SEARCH, {"filterGroups": [{"filters": [unset, EQ]}]})["total"] == 1
    assert hub.post(SEARCH, {"query": "X.EXAMPLE", "limit": 1})["paging"]["next"]["after"] == "1"


def test_types_and_groups_must_be_there(hub: Hub) -> None:
    """An association type leads from one object type to the other, a property's group exists."""
    contact, company = first(hub), first(hub, "companies")
    wrong = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 280}]
    place = f"/crm/v4/objects/contacts/{contact}/associations/companies/{company}"
    assert hub.call("PUT", place, wrong).status_code == 400
    pair = {"from": {"id": contact}, "to": {"id": company}, "types": wrong}
    batch = "/crm/v4/associations/contacts/companies/batch/create"
    assert hub.call("POST", batch, {"inputs": [pair]}).status_code == 207
    made = {"name": "x", "label": "X", "type": "string", "fieldType": "text", "groupName": "no"}
    answer = hub.call("POST", "/crm/v3/properties/contacts", made)
    assert (answer.status_code, "'no'" in answer.json()["message"]) == (400, True)
    answer = hub.call("POST", "/crm/v3/properties/contacts", {"name": "x"})
    assert "[label, type, fieldType, groupName]" in answer.json()["message"]
