"""The admin endpoint, path by path as the design lists them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from sandbox.faults import KINDS
from tests.sandbox.harness import Running, running


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An empty sandbox shared by the tests that leave nothing behind."""
    with running(tmp_path_factory.mktemp("empty"), world=None) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A sandbox with a small generated world."""
    directory = tmp_path_factory.mktemp("world")
    with running(directory, world="generated", people=60) as sandbox:
        yield sandbox


def test_email_events_come_out_as_they_went_in(empty: Running) -> None:
    """POST /email-events makes events that HubSpot's own API lists in the same shape."""
    event = {
        "id": "11111111-2222-4333-8444-555555555555",
        "created": 1_772_452_800_000,
        "type": "OPEN",
        "recipient": "reader@mail-test.com",
        "emailCampaignId": 77,
        "filteredEvent": False,
    }
    assert empty.admin("POST", "/email-events", [event]).json() == {"added": 1}
    path = "/email/public/v1/events?startTimestamp=1772452800000&endTimestamp=1772452800000"
    (listed,) = empty.hubspot("GET", path).json()["events"]
    assert {key: listed[key] for key in event} == event


def test_bad_email_events_are_refused_with_a_reason(empty: Running) -> None:
    """An event of a type that does not exist is a 400 that names it."""
    answer = empty.admin("POST", "/email-events", [{"type": "UNSUBSCRIBED"}])
    assert answer.status_code == 400
    assert "UNSUBSCRIBED" in answer.json()["message"]
    assert empty.admin("POST", "/email-events", {"events": "none"}).status_code == 400


def test_truth_needs_a_world(empty: Running) -> None:
    """An empty sandbox knows nobody: 404 with a message; so for ticking it."""
    assert empty.admin("GET", "/truth").status_code == 404
    answer = empty.admin("POST", "/world/tick", {"days": 1})
    assert (answer.status_code, "no world" in answer.json()["message"]) == (404, True)


@pytest.mark.parametrize("kind", KINDS)
def test_faults_of_every_kind_are_armed_listed_and_disarmed(empty: Running, kind: str) -> None:
    """POST takes the kind, GET lists it, DELETE disarms it."""
    fault = {"system": "salesforce", "kind": kind, "rate": 0.5, "match": "^/x$", "seconds": 60}
    made = empty.admin("POST", "/faults", fault)
    assert made.status_code == 201
    (listed,) = empty.admin("GET", "/faults").json()["faults"]
    assert (listed["id"], listed["kind"], listed["rate"]) == (made.json()["id"], kind, 0.5)
    assert empty.admin("DELETE", "/faults").json() == {"faults": []}


@pytest.mark.parametrize("body", ["", "[1]", "{", '{"system": "hubspot"}'])
def test_bad_fault_bodies_are_answered_as_json(empty: Running, body: str) -> None:
    """Whatever is posted, the answer is 400 with a message in JSON."""
    url = empty.info["admin_url"] + "/faults"
    answer = empty.session.post(url, data=body, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_schema_drifts_on_both_sides(empty: Running) -> None:
    """A field can be added, retyped and removed under a running client."""
    prop = {"name": "shoe_size", "label": "Shoe size", "type": "string", "fieldType": "text",
            "groupName": "contactinformation"}  # fmt: skip
    hubspot = {"system": "hubspot", "object": "contacts"}
    path = "/crm/v3/properties/contacts/shoe_size"
    empty.admin("POST", "/schema", {**hubspot, "action": "add", "field": prop})
    assert empty.hubspot("GET", path).json()["type"] == "string"
    number = {"name": "shoe_size", "type": "number", "fieldType": "number"}
    empty.admin("POST", "/schema", {**hubspot, "action": "retype", "field": number})
    assert empty.hubspot("GET", path).json()["type"] == "number"
    gone = {"name": "shoe_size"}
    empty.admin("POST", "/schema", {**hubspot, "action": "remove", "field": gone})
    assert empty.hubspot("GET", path).status_code == 404

    salesforce = {"system": "salesforce", "object": "Lead"}
    field = {"name": "Shoe_Size__c", "label": "Shoe size", "type": "string", "length": 20}

    def described() -> dict[str, str]:
        rows = empty.salesforce("GET", "/services/data/v60.0/sobjects/Lead/describe").json()
        return {row["name"]: row["type"] for row in rows["fields"]}

    empty.admin("POST", "/schema", {**salesforce, "action": "add", "field": field})
    assert described()["Shoe_Size__c"] == "string"
    date = {"name": "Shoe_Size__c", "type": "date"}
    empty.admin("POST", "/schema", {**salesforce, "action": "retype", "field": date})
    assert described()["Shoe_Size__c"] == "date"
    empty.admin("POST", "/schema", {**salesforce, "action": "remove", "field": date})
    assert "Shoe_Size__c" not in described()


@pytest.mark.parametrize(
    "body",
    [
        {"system": "hubspot", "object": "contacts", "action": "paint", "field": {"name": "a"}},
        {"system": "hubspot", "object": "contacts", "action": "add", "field": {}},
        {"system": "salesforce", "object": "Unicorn", "action": "remove", "field": {"name": "a"}},
        {"system": "salesforce", "object": "Lead", "action": "remove", "field": {"name": "No__c"}},
    ],
)
def test_impossible_schema_changes_are_refused(empty: Running, body: object) -> None:
    """An action, object or field that does not exist is a 400 with a message."""
    answer = empty.admin("POST", "/schema", body)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_clock_moves_both_vendors(tmp_path: Path) -> None:
    """The clock jumps by seconds or to an instant, and the vendors' stamps follow it."""
    with running(tmp_path, world=None) as sandbox:
        moved = sandbox.admin("POST", "/clock", {"to": "2027-01-01T00:00:00Z"}).json()
        assert moved["now"].startswith("2027-01-01T00:00:00")
        later = sandbox.admin("POST", "/clock", {"seconds": 3600}).json()["now"]
        assert later.startswith("2027-01-01T01:00:0")
        made = sandbox.hubspot("POST", "/crm/v3/objects/contacts", {"properties": {}}).json()
        assert made["createdAt"].startswith("2027-01-01T01:00:0")
        lead = {"LastName": "Clockwise", "Company": "Dial"}
        path = "/services/data/v60.0/sobjects/Lead/"
        record = sandbox.salesforce("POST", path, lead).json()["id"]
        row = sandbox.salesforce("GET", path + record).json()
        assert row["SystemModstamp"].startswith("2027-01-01T01:00:0")
        assert sandbox.admin("GET", "/clock").json()["now"] >= later


def test_clock_switches_rate_limits_and_search_lag(tmp_path: Path) -> None:
    """rate_limits off lets a burst of searches through that is refused when on."""
    with running(tmp_path, world=None) as sandbox:
        path = "/crm/v3/objects/contacts/search"

        def burst() -> set[int]:
            return {sandbox.hubspot("POST", path, {}).status_code for _ in range(12)}

        assert sandbox.admin("GET", "/clock").json()["rate_limits"] == "on"
        off = sandbox.admin("POST", "/clock", {"rate_limits": "off", "search_lag": 0}).json()
        assert (off["rate_limits"], off["search_lag"]) == ("off", 0.0)
        assert burst() == {200}
        sandbox.hubspot("POST", "/crm/v3/objects/contacts", {"properties": {"firstname": "Now"}})
        assert sandbox.hubspot("POST", path, {}).json()["total"] == 1
        sandbox.admin("POST", "/clock", {"rate_limits": "on", "seconds": 60})
        assert burst() == {200, 429}


@pytest.mark.parametrize(
    "body", [{}, {"to": "yesterday"}, {"seconds": "ten"}, {"rate_limits": "maybe"}, {"speed": 2}]
)
def test_senseless_clock_requests_change_nothing(empty: Running, body: object) -> None:
    """A clock request that means nothing is a 400 and moves nothing."""
    before = datetime.fromisoformat(empty.admin("GET", "/clock").json()["now"])
    assert empty.admin("POST", "/clock", body).status_code == 400
    after = datetime.fromisoformat(empty.admin("GET", "/clock").json()["now"])
    assert 0 <= (after - before).total_seconds() < 30


def test_world_is_loaded_once(tmp_path: Path) -> None:
    """POST /world fills an empty sandbox; a second one is a conflict, a wrong one a 400."""
    with running(tmp_path, world=None) as sandbox:
        assert sandbox.admin("POST", "/world", {"kind": "moon"}).status_code == 400
        assert sandbox.admin("POST", "/world", {"people": 3}).status_code == 400
        large = {"kind": "febrl4", "people": 6000}
        assert sandbox.admin("POST", "/world", large).status_code == 400
        made = sandbox.admin("POST", "/world", {"kind": "generated", "people": 40, "seed": 5})
        assert made.status_code == 201
        assert made.json()["hubspot_contacts"] == 40
        assert sandbox.admin("POST", "/world", {"people": 40}).status_code == 409
        listed = sandbox.hubspot("GET", "/crm/v3/objects/contacts?limit=100").json()["results"]
        assert len(listed) == 40


def test_tick_lets_days_pass(world: Running) -> None:
    """POST /world/tick moves the clock by its days and says what happened in them."""
    before = datetime.fromisoformat(world.admin("GET", "/clock").json()["now"])
    answer = world.admin("POST", "/world/tick", {"days": 2}).json()
    passed = datetime.fromisoformat(answer["now"]) - before
    assert 2 * 86_400 <= passed.total_seconds() < 2 * 86_400 + 30
    assert answer["days"] == 2
    assert sum(answer["happened"].values()) > 0


def test_state_dumps_show_deleted_records_too(world: Running) -> None:
    """The dumps list every row as stored, with archived and deleted ones marked."""

    def dump(path: str) -> list[dict[str, object]]:
        answer = world.admin("GET", f"/state/{path}")
        assert answer.status_code == 200
        return [json.loads(line) for line in answer.text.splitlines()]

    contact = str(dump("hubspot/contacts")[0]["id"])
    world.hubspot("DELETE", f"/crm/v3/objects/contacts/{contact}")
    assert [row["id"] for row in dump("hubspot/contacts") if row["archived"]] == [contact]
    lead = next(str(row["Id"]) for row in dump("salesforce/Lead") if not row["IsConverted"])
    world.salesforce("DELETE", f"/services/data/v60.0/sobjects/Lead/{lead}")
    assert [row["Id"] for row in dump("salesforce/Lead") if row["IsDeleted"]] == [lead]
    assert {"form", "conversionId", "submittedAt"} <= set(dump("hubspot/form_submissions")[0])
    assert {"id", "created", "type", "recipient"} <= set(dump("hubspot/email_events")[0])
    assert {"email", "opted_out_all"} <= set(dump("hubspot/subscriptions")[0])


@pytest.mark.parametrize("path", ["/state/hubspot/unicorns", "/state/salesforce/Unicorn",
                                  "/state/marketo/contacts", "/nowhere"])  # fmt: skip
def test_unknown_paths_are_answered_as_json(empty: Running, path: str) -> None:
    """What does not exist is a 404 with a message."""
    answer = empty.admin("GET", path)
    assert answer.status_code == 404
    assert answer.json()["message"]
