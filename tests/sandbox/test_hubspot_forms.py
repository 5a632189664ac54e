"""Forms, submissions, e-mail events and custom events of the HubSpot sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.sandbox.hubspot_server import START, Hub, served

FORM = {
    "name": "Webinar",
    "formType": "hubspot",
    "fieldGroups": [
        {
            "groupType": "default_group",
            "fields": [
                {"objectTypeId": "0-1", "name": "email", "label": "Email", "required": False,
                 "fieldType": "email"},
                {"objectTypeId": "0-1", "name": "company", "label": "Company", "required": True,
                 "fieldType": "single_line_text"},
            ],
        }
    ],
}  # fmt: skip


@pytest.fixture
def hub() -> Iterator[Hub]:
    """An account without search lag."""
    with served() as running:
        yield running


def guid_of(hub: Hub, **more: Any) -> str:
    """A form defined over HTTP."""
    return str(hub.post("/marketing/v3/forms/", {**FORM, **more}, 201)["id"])


def fill(hub: Hub, guid: str, *, secure: bool = False, **values: str) -> Any:
    """A public form fill."""
    word = "secure/submit" if secure else "submit"
    body = {
        "fields": [
            {"objectTypeId": "0-1", "name": name, "value": value} for name, value in values.items()
        ],
        "context": {"pageUri": "https://www.demo.example/webinar", "pageName": "Webinar page"},
    }
    path = f"/submissions/v3/integration/{word}/{hub.account.portal_id}/{guid}"
    return hub.call("POST", path, body, token="pat-test" if secure else None)


def listed(hub: Hub, guid: str, **params: Any) -> Any:
    """A page of submissions."""
    return hub.get(f"/form-integrations/v1/submissions/forms/{guid}", **params)


def test_new_contact_from_a_form(hub: Hub) -> None:
    """A public fill by an unknown address creates a lead with its conversion properties."""
    guid = guid_of(hub)
    answer = fill(hub, guid, email="New@demo.example", company="Acme", nonsense="kept")
    assert (answer.status_code, "inlineMessage" in answer.json()) == (200, True)
    found = hub.account.find_contact("new@demo.example")
    assert found is not None
    values = hub.account.get("contacts", found)
    assert (values["company"], values["lifecyclestage"]) == ("Acme", "lead")
    assert values["num_conversion_events"] == "1"
    assert values["recent_conversion_event_name"] == "Webinar page: Webinar"
    [one] = listed(hub, guid)["results"]
    assert one["submittedAt"] == hub.account.now()
    assert {"name": "nonsense", "value": "kept", "objectTypeId": "0-1"} in one["values"]
    assert one["pageUrl"] == "https://www.demo.example/webinar"
    assert "contactId" not in one


def test_known_contact_learns_a_field(hub: Hub) -> None:
    """A fill by a known address changes that contact, moves its modified date, adds a count."""
    guid = guid_of(hub)
    one = hub.account.create("contacts", {"email": "k@demo.example", "company": "Old"})
    before = hub.account.get("contacts", one)["lastmodifieddate"]
    hub.account.clock.move(10)
    assert fill(hub, guid, secure=True, email="K@demo.example", company="New").status_code == 200
    assert fill(hub, guid, email="k@demo.example", company="New").status_code == 200
    values = hub.account.get("contacts", one)
    assert (values["company"], values["num_conversion_events"]) == ("New", "2")
    assert values["num_unique_conversion_events"] == "1"
    assert str(values["lastmodifieddate"]) > str(before)
    assert list(hub.account.ids("contacts")) == [one]


def test_fill_without_email_touches_no_contact(hub: Hub) -> None:
    """A submission without e-mail is listed and belongs to nobody."""
    guid = guid_of(hub)
    assert fill(hub, guid, company="Acme").status_code == 200
    assert len(listed(hub, guid)["results"]) == 1
    assert list(hub.account.ids("contacts")) == []


def test_bad_fills_are_refused_and_not_listed(hub: Hub) -> None:
    """A missing required field and a bad address are 400 with errorType; no form is 404."""
    guid = guid_of(hub)
    answer = fill(hub, guid, email="nobody")
    kinds = {each["errorType"] for each in answer.json()["errors"]}
    assert (answer.status_code, kinds) == (400, {"REQUIRED_FIELD", "INVALID_EMAIL"})
    assert fill(hub, "00000000-0000-4000-8000-000000000000", company="A").status_code == 404
    assert listed(hub, guid)["results"] == []


def test_submissions_page_newest_first_while_new_ones_arrive(hub: Hub) -> None:
    """Pages go back in time, and a fill arriving in between shifts nothing."""
    guid = guid_of(hub)
    for n in range(7):
        at = START - timedelta(hours=n * 5 % 7)
        hub.account.submit_form(
            guid, {"company": str(n)}, page_url="u", at=at, submission_id=f"c-{n}"
        )
    page = listed(hub, guid, limit=3)
    hub.account.submit_form(guid, {"company": "late"}, page_url="u", submission_id="late")
    seen = [each["conversionId"] for each in page["results"]]
    while "paging" in page:
        page = listed(hub, guid, limit=3, after=page["paging"]["next"]["after"])
        seen += [each["conversionId"] for each in page["results"]]
    assert seen == [f"c-{n}" for n in sorted(range(7), key=lambda n: n * 5 % 7)]


def test_forms_of_every_type_have_to_be_asked_for(hub: Hub) -> None:
    """The list gives type hubspot alone unless formTypes asks; reading one needs no type."""
    first, second = guid_of(hub), guid_of(hub, name="Captured", formType="captured")
    path = "/marketing/v3/forms/"
    assert [each["id"] for each in hub.get(path)["results"]] == [first]
    page = hub.get(path, formTypes="all", limit=1)
    rest = hub.get(path, formTypes="all", limit=1, after=page["paging"]["next"]["after"])
    assert [page["results"][0]["id"], rest["results"][0]["id"]] == [first, second]
    assert "paging" not in rest
    assert hub.get(f"/marketing/v3/forms/{second}")["formType"] == "captured"


def test_email_events_page_newest_first_and_roll_up(hub: Hub) -> None:
    """Events are listed newest first between inclusive times, and fill the contact's figures."""
    one = hub.account.create("contacts", {"email": "m@demo.example"})
    hub.account.add_campaign(77, "Spring letter")
    base = hub.account.now() - 100_000
    kinds = ["SENT", "DELIVERED", "OPEN", "OPEN", "CLICK"]
    events = [
        {"id": f"e{n}", "created": base + n, "type": kind, "recipient": "M@demo.example",
         "emailCampaignId": 77}
        for n, kind in enumerate(kinds)
    ]  # fmt: skip
    filtered = {**events[3], "id": "bot", "filteredEvent": True}
    assert hub.account.add_email_events([*events, filtered]) == 6
    assert hub.account.add_email_events(events) == 0
    first = hub.get("/email/public/v1/events", limit=4)
    rest = hub.get("/email/public/v1/events", limit=4, offset=first["offset"])
    assert (first["hasMore"], rest["hasMore"]) == (True, False)
    created = [each["created"] for each in [*first["events"], *rest["events"]]]
    assert created == sorted(created, reverse=True)
    span = hub.get("/email/public/v1/events", startTimestamp=base + 1, endTimestamp=base + 2)
    assert [each["id"] for each in span["events"]] == ["e2", "e1"]
    opens = hub.get("/email/public/v1/events", eventType="OPEN", excludeFilteredEvents="true")
    assert len(opens["events"]) == 2
    values = hub.account.get("contacts", one)
    assert (values["hs_email_open"], values["hs_email_delivered"]) == ("2", "1")
    assert values["hs_email_last_email_name"] == "Spring letter"


def test_custom_event_uuid_counts_once(hub: Hub) -> None:
    """A custom event is taken with 204; its uuid is refused the second time."""
    event = {"eventName": "pe1_won", "email": "m@demo.example", "uuid": "u-1"}
    hub.post("/events/v3/send", event, 204)
    assert hub.call("POST", "/events/v3/send", event).status_code == 409
    assert len(hub.account.custom_events.all) == 1
