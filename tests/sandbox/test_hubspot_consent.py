"""Consent in the HubSpot sandbox: one state, told by v3, v4, contact properties and events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.hubspot_server import Hub, served

EMAIL = "p@demo.example"
MARKETING = 9714480
V3 = "/communication-preferences/v3"
V4 = "/communication-preferences/v4/statuses"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """An account with one contact."""
    with served() as running:
        running.account.create("contacts", {"email": EMAIL})
        yield running


def optout(hub: Hub, name: str = "hs_email_optout") -> str | None:
    """A consent property of the contact."""
    found = hub.account.find_contact(EMAIL)
    assert found is not None
    return hub.account.get("contacts", found).get(name)


def v3_status(hub: Hub) -> dict[str, str]:
    """{subscription id: status} by v3."""
    body = hub.get(f"{V3}/status/email/{EMAIL}")
    assert body["recipient"] == EMAIL
    return {each["id"]: each["status"] for each in body["subscriptionStatuses"]}


def v4_status(hub: Hub) -> dict[int, str]:
    """{subscription id: status} by v4."""
    body = hub.get(f"{V4}/{EMAIL}", channel="EMAIL")
    return {each["subscriptionId"]: each["status"] for each in body["results"]}


def test_unspecified_differs_between_versions(hub: Hub) -> None:
    """Somebody who never answered is NOT_SPECIFIED in v4, which v3 has no word for."""
    assert set(v4_status(hub).values()) == {"NOT_SPECIFIED"}
    assert set(v3_status(hub).values()) == {"NOT_SUBSCRIBED"}
    assert optout(hub) is None


def test_one_type_is_refused_alone(hub: Hub) -> None:
    """Refusing one type sets its own property, leaves the others, and is a STATUSCHANGE."""
    body = {"emailAddress": EMAIL, "subscriptionId": str(MARKETING)}
    answer = hub.post(f"{V3}/unsubscribe", body)
    assert (answer["id"], answer["status"]) == (str(MARKETING), "NOT_SUBSCRIBED")
    assert v4_status(hub) == {
        MARKETING: "UNSUBSCRIBED", 9714481: "NOT_SPECIFIED", 9714482: "NOT_SPECIFIED"
    }  # fmt: skip
    assert optout(hub, f"hs_email_optout_{MARKETING}") == "true"
    assert optout(hub) == "false"
    [event] = hub.get("/email/public/v1/events", eventType="STATUSCHANGE")["events"]
    assert event["subscriptions"] == [{"id": MARKETING, "status": "UNSUBSCRIBED"}]


def test_v3_cannot_resubscribe_and_v4_can(hub: Hub) -> None:
    """After an opt-out v3 refuses to subscribe again; v4 does it and says so."""
    hub.account.unsubscribe(EMAIL, MARKETING)
    body = {"emailAddress": EMAIL, "subscriptionId": str(MARKETING),
            "legalBasis": "CONSENT_WITH_NOTICE", "legalBasisExplanation": "asked"}  # fmt: skip
    assert hub.call("POST", f"{V3}/subscribe", body).status_code == 400
    again = hub.post(
        f"{V4}/{EMAIL}",
        {"subscriptionId": MARKETING, "statusState": "SUBSCRIBED", "channel": "EMAIL"},
    )
    assert again["setStatusSuccessReason"] == "RESUBSCRIBE_OCCURRED"
    assert v3_status(hub)[str(MARKETING)] == "SUBSCRIBED"
    assert optout(hub, f"hs_email_optout_{MARKETING}") == "false"


def test_refusing_all_mail(hub: Hub) -> None:
    """Unsubscribe-all by v4 shows in every status, on the contact, and once as an event."""
    assert hub.get(f"{V4}/{EMAIL}/unsubscribe-all", channel="EMAIL")["results"] == []
    for _ in range(2):
        assert hub.call("POST", f"{V4}/{EMAIL}/unsubscribe-all?channel=EMAIL").status_code == 200
    assert set(v4_status(hub).values()) == {"UNSUBSCRIBED"}
    assert set(v3_status(hub).values()) == {"NOT_SUBSCRIBED"}
    assert optout(hub) == "true"
    [wide] = hub.get(f"{V4}/{EMAIL}/unsubscribe-all", channel="EMAIL")["results"]
    assert wide["status"] == "UNSUBSCRIBED"
    events = hub.get("/email/public/v1/events", eventType="STATUSCHANGE")["events"]
    assert [each["portalSubscriptionStatus"] for each in events] == ["UNSUBSCRIBED"]


def test_batches_read_and_refuse(hub: Hub) -> None:
    """The v4 batches answer per address; the dated path is the same API."""
    dated = "/communication-preferences/2026-03/statuses/batch"
    inputs = {"inputs": [EMAIL, "other@demo.example"]}
    hub.post(f"{dated}/unsubscribe-all?channel=EMAIL", {"inputs": [EMAIL]})
    wide = hub.post(f"{V4}/batch/unsubscribe-all/read?channel=EMAIL", inputs)
    sizes = {each["subscriberIdString"]: len(each["wideStatuses"]) for each in wide["results"]}
    assert sizes == {EMAIL: 1, "other@demo.example": 0}
    read = hub.post(f"{V4}/batch/read?channel=EMAIL", inputs)
    assert all(len(each["statuses"]) == 3 for each in read["results"])


def test_consent_outlives_the_contact(hub: Hub) -> None:
    """An address that opted out is opted out again when its contact comes back."""
    hub.account.unsubscribe(EMAIL)
    found = hub.account.find_contact(EMAIL)
    assert found is not None
    hub.account.archive("contacts", found)
    hub.post("/crm/v3/objects/contacts", {"properties": {"email": EMAIL}}, 201)
    assert optout(hub) == "true"


def test_status_change_event_is_consent(hub: Hub) -> None:
    """A STATUSCHANGE put in from outside changes the state as the person's own act does."""
    hub.account.add_email_events(
        [{"type": "STATUSCHANGE", "recipient": EMAIL, "portalSubscriptionStatus": "UNSUBSCRIBED"}]
    )
    assert optout(hub) == "true"


def test_form_consent_subscribes(hub: Hub) -> None:
    """A form with a consent box ticked is an opt-in with its legal basis."""
    guid = hub.account.create_form({"name": "Letter"})
    box: dict[str, Any] = {"value": True, "subscriptionTypeId": MARKETING, "text": "Yes"}
    body = {
        "fields": [{"name": "email", "value": EMAIL}],
        "legalConsentOptions": {
            "consent": {"consentToProcess": True, "text": "ok", "communications": [box]}
        },
    }
    hub.post(f"/submissions/v3/integration/submit/{hub.account.portal_id}/{guid}", body)
    [status] = [
        each
        for each in hub.get(f"{V3}/status/email/{EMAIL}")["subscriptionStatuses"]
        if each["id"] == str(MARKETING)
    ]
    assert (status["status"], status["legalBasis"]) == ("SUBSCRIBED", "CONSENT_WITH_NOTICE")
