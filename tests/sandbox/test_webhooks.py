"""Webhooks out: what is told, how it is signed, and that delivery is as unkind as in life."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hubspot.utils.signature import Signature

from sandbox.hubspot.webhooks import Change, Subscription, Target, Webhooks
from tests.sandbox.harness import Running, running

SECRET = "app-secret"
CONTACTS = "/crm/v3/objects/contacts"


class Inbox:
    """Requests a receiver got, and the statuses it answers with (then 200)."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []

    def events(self) -> list[dict[str, Any]]:
        """Every event received, in order of arrival."""
        import json

        return [event for _, body in self.requests for event in json.loads(body)]

    def wait(self, count: int) -> list[dict[str, Any]]:
        """The events, once there are at least `count`."""
        for _ in range(200):
            if len(self.events()) >= count:
                break
            time.sleep(0.02)
        return self.events()


@contextmanager
def receiver() -> Iterator[tuple[Inbox, str]]:
    """A receiver on loopback: its inbox and address."""
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.requests.append((dict(self.headers), body))
            self.send_response(inbox.statuses.pop(0) if inbox.statuses else 200)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield inbox, f"http://127.0.0.1:{server.server_port}/hooks?app=a%3Ab"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def point(client: Running, url: str, *kinds: str, **more: Any) -> None:
    """Send webhooks of these kinds to `url`."""
    subscriptions = []
    for kind in kinds:
        name, _, prop = kind.partition(":")
        subscriptions.append({"subscriptionType": name, **({"propertyName": prop} if prop else {})})
    body = {"url": url, "secret": SECRET, "subscriptions": subscriptions, **more}
    answer = client.admin("POST", "/webhooks", body)
    assert answer.status_code == 201, answer.text


def contact(client: Running, email: str, **more: str) -> str:
    """Create a contact; its id."""
    body = {"properties": {"email": email, **more}}
    return str(client.hubspot("POST", CONTACTS, body).json()["id"])


def test_changes_are_told_signed_and_whole(tmp_path: Path) -> None:
    """Creation, property changes and deletion arrive; HubSpot's own code accepts the signature."""
    with receiver() as (inbox, url), running(tmp_path, world=None) as client:
        kinds = ("contact.creation", "contact.propertyChange:jobtitle", "contact.deletion")
        point(client, url, *kinds, duplicates=0)
        key = contact(client, "hook@demo.example", jobtitle="Buyer")
        client.hubspot("PATCH", f"{CONTACTS}/{key}", {"properties": {"jobtitle": "Boss"}})
        client.hubspot("PATCH", f"{CONTACTS}/{key}", {"properties": {"city": "Ulm"}})
        client.hubspot("DELETE", f"{CONTACTS}/{key}")
        events = inbox.wait(4)
        told = sorted((e["subscriptionType"], e.get("propertyValue")) for e in events)
        assert told == [
            ("contact.creation", None),
            ("contact.deletion", None),
            ("contact.propertyChange", "Boss"),
            ("contact.propertyChange", "Buyer"),
        ]
        assert {e["objectId"] for e in events} == {int(key)}
        assert {e["portalId"] for e in events} == {client.info["hubspot"]["portal_id"]}
        headers, body = inbox.requests[0]
        plain = url.replace("%3A", ":")
        assert Signature.is_valid(
            signature=headers["X-HubSpot-Signature-v3"],
            client_secret=SECRET,
            request_body=body.decode(),
            http_uri=plain,
            signature_version="v3",
            timestamp=headers["X-HubSpot-Request-Timestamp"],
        )


def test_a_merge_names_the_new_id_and_each_loser_is_deleted(tmp_path: Path) -> None:
    """contact.merge carries primary, merged and new id; the losers fire deletions, and fields the
    merge moved fire nothing.
    """
    with receiver() as (inbox, url), running(tmp_path, world=None) as client:
        client.admin("POST", "/settings", {"system": "hubspot", "merge_mints_new_id": True})
        first, second = contact(client, "m1@demo.example"), contact(client, "m2@demo.example")
        kinds = ("contact.merge", "contact.deletion", "contact.propertyChange:email")
        point(client, url, *kinds, duplicates=0)
        body = {"primaryObjectId": first, "objectIdToMerge": second}
        survivor = client.hubspot("POST", f"{CONTACTS}/merge", body).json()["id"]
        events = inbox.wait(3)
        merge = next(e for e in events if e["subscriptionType"] == "contact.merge")
        assert (merge["primaryObjectId"], merge["mergedObjectIds"]) == (int(first), [int(second)])
        assert merge["newObjectId"] == int(survivor) not in {int(first), int(second)}
        deleted = {e["objectId"] for e in events if e["subscriptionType"] == "contact.deletion"}
        assert deleted == {int(first), int(second)}
        assert len(events) == 3


def test_what_is_not_taken_comes_again(tmp_path: Path) -> None:
    """A receiver that fails is told again, with a growing attemptNumber, until it takes it."""
    with receiver() as (inbox, url), running(tmp_path, world=None) as client:
        inbox.statuses = [500, 503]
        point(client, url, "contact.creation", duplicates=0, retry_seconds=0.01)
        contact(client, "retry@demo.example")
        attempts = [event["attemptNumber"] for event in inbox.wait(3)]
        assert attempts == [0, 1, 2]
        state = client.admin("GET", "/webhooks").json()
        assert (state["refused"], state["given_up"], state["pending"]) == (2, 0, 0)


def test_nobody_listening_is_given_up(tmp_path: Path) -> None:
    """An address nobody answers is tried eleven times and then given up; nothing hangs."""
    with receiver() as (_, url):
        gone = url
    with running(tmp_path, world=None) as client:
        point(client, gone, "contact.creation", retry_seconds=0)
        contact(client, "gone@demo.example")
        for _ in range(200):
            state = client.admin("GET", "/webhooks").json()
            if state["given_up"]:
                break
            time.sleep(0.02)
        assert (state["delivered"], state["refused"], state["given_up"]) == (0, 11, 1)
        assert client.admin("DELETE", "/webhooks").status_code == 200
        assert client.admin("GET", "/webhooks").json()["url"] is None


def test_batches_are_shuffled_doubled_and_lose_nothing() -> None:
    """Of 1,000 changes every one is told, some twice, not in order, at most 100 a request."""
    webhooks = Webhooks(1, Random(5))
    subscription = Subscription(1, "contact.creation")
    webhooks.subscribe(Target("http://x", SECRET, (subscription,), duplicates=0.3))
    for number in range(1_000):
        webhooks.note(Change("creation", "contacts", number, 0, "API"))
    batches = []
    while batch := webhooks.batch():
        batches.append([event["objectId"] for event in batch])
    told = [each for batch in batches for each in batch]
    assert set(told) == set(range(1_000))
    assert 1_200 < len(told) < 1_700
    assert max(len(batch) for batch in batches) <= 100
    assert told != sorted(told)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"url": "http://x", "secret": "s", "subscriptions": [{"subscriptionType": "contact.hug"}]},
        {"url": "http://x", "secret": "s", "subscriptions": [7]},
        {"url": "http://x", "secret": "s", "subscriptions": [], "colour": 1},
        {
            "url": "http://x",
            "secret": "s",
            "subscriptions": [{"subscriptionType": "contact.propertyChange"}],
        },
    ],
)
def test_a_subscription_that_is_none_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """Rubbish is a 400 with a message."""
    with running(tmp_path, world=None) as client:
        answer = client.admin("POST", "/webhooks", wrong)
        assert answer.status_code == 400
        assert answer.json()["message"]
