"""Pipelines, stages, tickets, associations v3, custom events: what else hangs on an account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.hubspot_server import Hub, served

PIPELINES = "/crm/v3/pipelines/deals"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """An account without search lag."""
    with served() as running:
        yield running


def test_a_pipeline_is_made_changed_and_deleted(hub: Hub) -> None:
    """A new pipeline takes deals in its own stages only; metadata stays strings."""
    stages = [
        {"label": "Open", "displayOrder": 0, "metadata": {"probability": "0.3"}},
        {"label": "Won", "displayOrder": 1, "metadata": {"probability": "1.0"}},
    ]
    made = hub.post(PIPELINES, {"label": "Partners", "displayOrder": 1, "stages": stages}, 201)
    assert [stage["metadata"]["isClosed"] for stage in made["stages"]] == ["false", "true"]
    deal = {"dealname": "D", "pipeline": made["id"], "dealstage": made["stages"][0]["id"]}
    hub.post("/crm/v3/objects/deals", {"properties": deal}, 201)
    wrong = {**deal, "dealstage": "closedwon"}
    assert hub.call("POST", "/crm/v3/objects/deals", {"properties": wrong}).status_code == 400
    path = f"{PIPELINES}/{made['id']}"
    assert hub.call("PATCH", path, {"label": "Resellers"}).json()["label"] == "Resellers"
    late = {"label": "Late", "displayOrder": 2, "metadata": {"probability": "0.9"}}
    stage = hub.post(f"{path}/stages", late, 201)
    changed = hub.call("PATCH", f"{path}/stages/{stage['id']}", {"label": "Later"}).json()
    assert (changed["label"], changed["metadata"]["probability"]) == ("Later", "0.9")
    assert hub.call("DELETE", f"{path}/stages/{stage['id']}").status_code == 204
    assert hub.call("DELETE", path).status_code == 204
    assert hub.call("GET", path).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [{}, {"label": "X", "stages": [{"label": "No probability"}]},
     {"label": "X", "stages": [{"label": "Y", "metadata": {"probability": "2"}}]}],
)  # fmt: skip
def test_a_pipeline_that_is_none_is_refused(hub: Hub, wrong: dict[str, object]) -> None:
    """Without label or probability there is no pipeline."""
    assert hub.call("POST", PIPELINES, wrong).status_code == 400


def test_tickets_live_in_the_support_pipeline(hub: Hub) -> None:
    """A ticket needs a subject and a stage of its pipeline, and is associated like any object."""
    body = {"properties": {"subject": "Help", "hs_pipeline_stage": "1"}}
    key = hub.post("/crm/v3/objects/tickets", body, 201)["id"]
    assert hub.account.get("tickets", key)["hs_pipeline"] == "0"
    wrong = {"properties": {"subject": "Help", "hs_pipeline_stage": "closedwon"}}
    assert hub.call("POST", "/crm/v3/objects/tickets", wrong).status_code == 400
    assert hub.call("POST", "/crm/v3/objects/tickets", {"properties": {}}).status_code == 400


def test_associations_by_name(hub: Hub) -> None:
    """v3 associations are those of v4, one type a pair; what is tied to nothing is an error
    entry.
    """
    contact = hub.account.create("contacts", {"email": "a@demo.example"})
    company = hub.account.create("companies", {"name": "A"})
    other = hub.account.create("companies", {"name": "B"})
    base = "/crm/v3/associations/company/contact"
    triple = {"from": {"id": company}, "to": {"id": contact}, "type": "company_to_contact"}
    hub.post(f"{base}/batch/create", {"inputs": [triple]}, 201)
    read = hub.post(f"{base}/batch/read", {"inputs": [{"id": company}, {"id": other}]}, 207)
    assert read["results"][0]["to"] == [{"id": contact, "type": "company_to_contact"}]
    assert read["numErrors"] == 1
    listed = hub.get(f"/crm/v3/objects/contacts/{contact}/associations/companies")
    assert listed["results"] == [{"id": company, "type": "contact_to_company"}]
    hub.post(f"{base}/batch/archive", {"inputs": [triple]}, 204)
    path = f"/crm/v3/objects/contacts/{contact}/associations/companies/{other}/contact_to_company"
    assert "companies" in hub.call("PUT", path).json()["associations"]
    assert hub.call("DELETE", path).status_code == 204
    listed = hub.get(f"/crm/v3/objects/contacts/{contact}/associations/companies")
    assert listed["results"] == []


def test_custom_events_follow_their_contact(hub: Hub) -> None:
    """Events sent by address or id are listed newest first, for the survivor after a merge."""
    one = hub.account.create("contacts", {"email": "c1@demo.example"})
    two = hub.account.create("contacts", {"email": "c2@demo.example"})
    send = "/events/v3/send"
    hub.post(send, {"eventName": "pe1_a", "email": "c1@demo.example", "occurredAt": 1_000}, 204)
    hub.post(send, {"eventName": "pe1_b", "objectId": two, "occurredAt": 2_000}, 204)
    hub.post(send, {"eventName": "pe1_c", "email": "nobody@demo.example"}, 204)
    assert len(hub.get("/events/v3/events", objectType="contact")["results"]) == 2
    survivor = hub.account.merge("contacts", one, two)
    listed = hub.get("/events/v3/events", objectType="contact", objectId=one)["results"]
    assert [row["eventType"] for row in listed] == ["pe1_b", "pe1_a"]
    assert {row["objectId"] for row in listed} == {survivor}
    page = hub.get("/events/v3/events", limit=1)
    assert (len(page["results"]), page["paging"]["next"]["after"]) == (1, "1")
    assert hub.get("/events/v3/events/event-types")["eventTypes"] == ["pe1_a", "pe1_b", "pe1_c"]
    assert hub.call("POST", send, {"eventName": "pe1_a"}).status_code == 400


def test_ten_thousand_events_come_once_whatever_is_added(hub: Hub) -> None:
    """Pages of e-mail events neither repeat nor omit, though others arrive meanwhile and ties
    abound.
    """
    events = [
        {"id": str(n), "created": 1_000 + n % 7, "type": "OPEN", "recipient": f"{n % 50}@x.example"}
        for n in range(10_000)
    ]
    hub.account.events.add(events, now=9_000)
    found: list[tuple[str, int]] = []
    query: dict[str, object] = {"limit": 1_000, "endTimestamp": 2_000}
    while True:
        page = hub.get("/email/public/v1/events", **query)
        found += [(event["id"], event["created"]) for event in page["events"]]
        hub.account.events.add([{"type": "SENT", "recipient": "new@x.example"}], now=1_500)
        if not page["hasMore"]:
            break
        query["offset"] = page["offset"]
    assert len(found) == len(set(found)) == 10_000
    assert [at for _, at in found] == sorted((at for _, at in found), reverse=True)
    mine = hub.get("/email/public/v1/events", limit=1_000, recipient="7@X.example")["events"]
    assert len(mine) == 200
    assert {event["recipient"] for event in mine} == {"7@x.example"}
    kinds = hub.get("/email/public/v1/events", limit=1_000, eventType="SENT")["events"]
    assert {event["type"] for event in kinds} == {"SENT"}
    assert hub.call("GET", "/email/public/v1/events", params={"offset": "EO1"}).status_code == 400


def test_an_event_known_by_id_and_time_is_known(hub: Hub) -> None:
    """The same pair is taken once, the same id at another time again."""
    event = {"id": "e", "created": 5, "type": "SENT", "recipient": "x@x.example"}
    assert hub.account.add_email_events([event, event]) == 1
    assert hub.account.add_email_events([event, {**event, "created": 6}]) == 1
    assert len(hub.account.email_events()) == 2
