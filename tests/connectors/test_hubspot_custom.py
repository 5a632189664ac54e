"""Custom events of HubSpot: pulled by type, each once, with their contact's address."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.base import load
from connectors.hubspot_custom import occurrence
from connectors.payloads import RowFaultError
from mappings.errors import InvariantError, UnavailableError
from mappings.records import Event, EventKind
from tests.connectors.test_hubspot_contract import HubSpotBench
from tests.connectors.vendors import running
from tests.contract import Puller

DEMO, LOGIN = "pe8812345_demo_watched", "pe8812345_logged_in"
STREAM = f"custom:{DEMO}"


@pytest.fixture(params=["v3", "2026-03"])
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[HubSpotBench]:
    """An account of which two event types are read, by either generation of paths."""
    with running(tmp_path) as vendors:
        made = HubSpotBench(vendors)
        made.connector.close()
        settings = {**vendors.hubspot_settings, "api": request.param}
        settings["custom_events"] = f"{DEMO},{LOGIN}"
        made.connector = load("hubspot", settings, sleep=vendors.sleep)
        yield made
        made.connector.close()


def send(bench: HubSpotBench, *events: dict[str, Any]) -> None:
    """An app tells of these."""

    def act() -> None:
        for event in events:
            bench.account.custom_events.send(event, now=bench.account.now())

    bench.vendors.do(act)


def happened(number: int, contact: str, at: datetime | None = None, **more: Any) -> dict[str, Any]:
    """An occurrence as an app sends it."""
    stamp = {"occurredAt": at.isoformat()} if at else {}
    uuid = f"{number:08d}-0000-4000-8000-000000000000"
    return {"eventName": DEMO, "objectId": contact, "uuid": uuid, **stamp, **more}


def landed(puller: Puller) -> dict[str, Event]:
    """What has landed, by key."""
    return puller.landed.events[puller.stream]


def test_an_occurrence_names_its_contacts_address_and_what_it_was_about(
    bench: HubSpotBench,
) -> None:
    """One stream a type; the event carries its time, the address of its contact as it is now, and
    its properties in order; another type's is in its own stream."""
    contact = bench.put(7)
    at = bench.vendors.sandbox.clock.now() - timedelta(minutes=3)
    send(bench, happened(1, contact, at, properties={"video": "Tour", "seconds": 90}))
    send(bench, happened(2, contact, eventName=LOGIN))
    names = [spec.name for spec in bench.connector.streams()]
    assert {STREAM, f"custom:{LOGIN}"} <= set(names)
    puller = Puller(bench.connector, STREAM)
    puller.pull()
    (event,) = landed(puller).values()
    assert (event.kind, event.name) == (EventKind.CUSTOM, DEMO)
    assert event.email == "person7@example.com"
    assert abs(event.occurred_at - at) < timedelta(milliseconds=2)
    told = [{"name": "seconds", "value": "90"}, {"name": "video", "value": "Tour"}]
    assert event.details == {"answers": told}


def test_an_unchanged_stream_costs_one_call(bench: HubSpotBench) -> None:
    """What has landed is not asked about again, addresses included."""
    send(bench, *(happened(n, bench.put(n)) for n in range(30)))
    puller = Puller(bench.connector, STREAM)
    puller.pull()
    assert len(landed(puller)) == 30
    bench.calls()
    puller.pull()
    assert bench.calls() == 1
    bench.wait(2 * 3600)
    puller.pull()
    bench.calls()
    puller.pull()
    assert (bench.calls(), len(landed(puller))) == (1, 30)


def test_a_flood_of_one_instant_is_pulled_whole_and_taken_up_where_it_was(
    bench: HubSpotBench,
) -> None:
    """Over a thousand occurrences of one millisecond land once each, also where the pull is broken
    off, more come meanwhile, and the vendor has forgotten the place."""
    contact, at = bench.put(1), bench.vendors.sandbox.clock.now()
    send(bench, *(happened(n, contact, at) for n in range(1_050)))
    puller = Puller(bench.connector, STREAM)
    for _ in puller.pages():
        break
    send(bench, happened(9_000, contact))
    puller.pull()
    puller.pull()
    assert len(landed(puller)) == 1_051
    again = Puller(bench.connector, STREAM)
    for _ in again.pages():
        break
    assert again.cursor is not None
    again.cursor = {**again.cursor, "after": "gone with the wind"}
    again.pull()
    assert len(landed(again)) == 1_051


def test_what_is_recorded_late_comes_with_the_next_pull_or_the_count(bench: HubSpotBench) -> None:
    """Within the hour the window finds it; an occurrence of last month, told today, is found by
    the count of everything."""
    contact, now = bench.put(1), bench.vendors.sandbox.clock.now()
    puller = Puller(bench.connector, STREAM)
    puller.pull()
    bench.wait(1800)
    puller.pull()
    send(bench, happened(1, contact, now + timedelta(minutes=5)))
    puller.pull()
    assert len(landed(puller)) == 1
    send(bench, happened(2, contact, now - timedelta(days=30)))
    puller.pull()
    assert len(landed(puller)) == 1
    pages = list(bench.connector.census(STREAM, None))
    assert pages[-1].last
    assert len({event.key for page in pages for event in page.events}) == 2


def test_contacts_that_were_merged_or_have_no_address(bench: HubSpotBench) -> None:
    """A merged contact's event has its winner's address; one of a contact without any lands, and
    names nobody."""
    winner, loser = bench.put(1), bench.put(2)
    nameless = bench.vendors.do(lambda: bench.account.create("contacts", {"lastname": "Doe"}))
    send(bench, happened(1, loser), happened(2, str(nameless)))
    bench.merge(winner, loser)
    puller = Puller(bench.connector, STREAM)
    puller.pull()
    emails = {event.email for event in landed(puller).values()}
    assert emails == {"person1@example.com", None}


def test_a_refused_stream_says_so_and_an_outage_passes(bench: HubSpotBench) -> None:
    """A 5xx is a passing failure; everything lands once it is over."""
    send(bench, happened(1, bench.put(1)))
    puller = Puller(bench.connector, STREAM)
    bench.vendors.arm("hubspot", "error_before", match="event", calls=40)
    with pytest.raises((UnavailableError, InvariantError)):
        puller.pull()
    bench.vendors.do(bench.vendors.sandbox.faults.clear)
    puller.pull()
    assert len(landed(puller)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": "é"},
        {"id": "x" * 101},
        {"eventType": LOGIN},
        {"properties": {"a": {"b": 1}}},
    ],
)
def test_an_occurrence_that_makes_no_sense_is_set_aside(change: dict[str, Any]) -> None:
    """No id, one of another shape, another type's, a nested property: that row's fault."""
    raw = {"id": "1", "eventType": DEMO, "objectId": "5", "occurredAt": "2026-03-02T08:00:00Z"}
    assert occurrence(raw, DEMO).details["contact"] == "5"
    with pytest.raises(RowFaultError):
        occurrence({**raw, **change}, DEMO)


def test_an_event_of_something_else_than_a_contact_is_nobodys() -> None:
    """A company's event has no contact: no address is looked up for its id."""
    raw = {"id": "1", "eventType": DEMO, "objectId": "5", "occurredAt": "2026-03-02T08:00:00Z"}
    assert "contact" not in occurrence({**raw, "objectType": "COMPANY"}, DEMO).details
