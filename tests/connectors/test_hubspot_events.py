"""What HubSpot does besides the contract: merges, lag, events, forms, consent, dated paths."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mappings.ports import Cadence
from mappings.records import EventKind, Operation, OutcomeStatus, Write
from tests.connectors.test_hubspot_contract import HubSpotBench
from tests.connectors.vendors import Vendors, running
from tests.contract import Puller, by_key


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Vendors]:
    """A sandbox of the test's own."""
    with running(tmp_path) as started:
        yield started


@pytest.fixture
def bench(vendors: Vendors) -> Iterator[HubSpotBench]:
    """A fresh account."""
    made = HubSpotBench(vendors)
    yield made
    made.connector.close()


def email_event(number: int, kind: str, at: datetime, **more: Any) -> dict[str, Any]:
    """An e-mail event in the vendor's shape."""
    stamp = int(at.timestamp() * 1000)
    return {
        "id": f"{number:08d}-0000-4000-8000-000000000000",
        "created": stamp,
        "type": kind,
        "recipient": f"Person{number}@Example.com",
        "portalId": 8812345,
        "appId": 113,
        "emailCampaignId": 77,
        "sentBy": {"id": f"{number:08d}-0000-4000-8000-000000000000", "created": stamp},
        **more,
    }


def test_form_fills_become_events(bench: HubSpotBench) -> None:
    """Submissions of a form are events with their answers in order; a second pull brings none,
    and costs one call.
    """
    account, vendors = bench.account, bench.vendors
    guid = vendors.do(
        lambda: account.create_form(
            {
                "name": "Ask for a demo",
                "formType": "captured",
                "fieldGroups": [{"fields": [{"name": "email", "objectTypeId": "0-1"}]}],
            }
        )
    )
    for number in range(120):
        values = {"email": f"Person{number}@Example.com", "lastname": f"P{number}"}
        page = "https://acme.example/demo"
        vendors.do(partial(account.submit_form, guid, values, page_url=page))
    specs = {spec.name: spec for spec in bench.connector.streams()}
    spec = specs[f"form:{guid}"]
    assert (spec.cadence, spec.trigger) == (Cadence.QUARTER, "recent_conversion_date")
    puller = Puller(bench.connector, spec.name)
    puller.pull()
    events = list(puller.landed.events[spec.name].values())
    assert len(events) == 120
    event = next(e for e in events if e.email == "person7@example.com")
    assert event.kind is EventKind.FORM_FILL
    assert event.name == "Ask for a demo"
    answers = event.details["answers"]
    assert [a["name"] for a in answers] == ["email", "lastname"]
    bench.calls()
    puller.pull()
    assert bench.calls() == 1
    assert len(puller.landed.events[spec.name]) == 120


def test_email_events_are_pulled_without_loss_or_repetition(bench: HubSpotBench) -> None:
    """Thousands of events over several pages arrive once; a quiet pull costs one call; an event
    that arrives late, among older ones, comes with the next whole reading.
    """
    now = bench.vendors.sandbox.clock.now()
    old = [email_event(n, "DELIVERED", now - timedelta(seconds=n)) for n in range(2500)]
    bench.vendors.do(lambda: bench.account.add_email_events(old))
    puller = Puller(bench.connector, "email_events")
    puller.pull()
    landed = puller.landed.events["email_events"]
    assert len(landed) == 2500
    bench.calls()
    puller.pull()
    assert bench.calls() == 1
    late = email_event(9000, "OPEN", now - timedelta(seconds=30), filteredEvent=True)
    bench.vendors.do(lambda: bench.account.add_email_events([late]))
    bench.wait(16 * 60)
    puller.pull()
    assert len(landed) == 2501
    event = landed[f"email:{late['id']}:{late['created']}"]
    assert event.kind is EventKind.EMAIL_OPEN
    assert event.filtered
    assert event.email == "person9000@example.com"


def test_clicks_tell_the_name_of_their_campaign(bench: HubSpotBench) -> None:
    """The first click of a campaign costs one call more, later ones and other events none; a
    campaign that is gone leaves its number alone, and is not asked for again."""
    now = bench.vendors.sandbox.clock.now()
    campaign = {"id": 77, "appId": 113, "appName": "Batch", "name": "Spring news"}
    bench.vendors.do(lambda: bench.account.events.campaigns.update({77: campaign}))
    puller = Puller(bench.connector, "email_events")

    def pulled(*rows: dict[str, Any]) -> int:
        bench.vendors.do(lambda: bench.account.add_email_events(list(rows)))
        bench.calls()
        puller.pull()
        return bench.calls()

    assert pulled(
        email_event(0, "OPEN", now),
        email_event(1, "CLICK", now),
        email_event(2, "CLICK", now, emailCampaignId=9),
    ) == 3  # fmt: skip
    later = now + timedelta(seconds=1)
    assert pulled(
        email_event(3, "CLICK", later), email_event(4, "CLICK", later, emailCampaignId=9)
    ) == 1  # fmt: skip
    landed = puller.landed.events["email_events"].values()
    assert {(event.kind, event.name, event.details.get("campaign")) for event in landed} == {
        (EventKind.EMAIL_OPEN, "77", None),
        (EventKind.EMAIL_CLICK, "77", "Spring news"),
        (EventKind.EMAIL_CLICK, "9", None),
    }


def test_a_first_pull_of_events_broken_off_omits_nothing(bench: HubSpotBench) -> None:
    """Newest-first pages that landed before a failure do not hide the older ones."""
    now = bench.vendors.sandbox.clock.now()
    events = [email_event(n, "SENT", now - timedelta(seconds=n // 7)) for n in range(3300)]
    bench.vendors.do(lambda: bench.account.add_email_events(events))
    puller = Puller(bench.connector, "email_events")
    for _ in puller.pages():
        break
    puller.pull()
    assert len(puller.landed.events["email_events"]) == 3300


def test_unsubscribing_shows_as_a_status_change_with_its_scope(bench: HubSpotBench) -> None:
    """There is no unsubscribe type: a status change says which mail is refused."""
    kind = next(iter(bench.account.consent.types.values()))
    for number in (1, 2):
        bench.put(number)
    bench.vendors.do(lambda: bench.account.unsubscribe("person1@example.com"))
    bench.vendors.do(lambda: bench.account.unsubscribe("person2@example.com", kind.id))
    puller = Puller(bench.connector, "email_events")
    puller.pull()
    events = puller.landed.events["email_events"].values()
    found = {e.email: e for e in events if e.kind is EventKind.EMAIL_UNSUBSCRIBE}
    assert found["person1@example.com"].details["all_mail"]
    assert not found["person2@example.com"].details["all_mail"]
    assert found["person2@example.com"].details["subscriptions"] == [str(kind.id)]


def test_opting_out_is_written_with_its_scope(bench: HubSpotBench) -> None:
    """OPT_OUT refuses all mail or one type, several addresses a call; twice is no error."""
    kind = next(iter(bench.account.consent.types.values()))
    ids = [bench.put(number) for number in range(4)]
    rows = [
        Write(
            f"o{n}",
            Operation.OPT_OUT,
            "contacts",
            {"email": f"Person{n}@example.com", "subscription": str(kind.id) if n == 3 else None},
            id=ids[n],
        )
        for n in range(4)
    ]
    bench.calls()
    for _ in range(2):
        outcomes = by_key(bench.connector.write(rows))
        assert {o.status for o in outcomes.values()} == {OutcomeStatus.OK}
    assert bench.calls() == 4
    assert [bench.read(i).get("hs_email_optout") for i in ids[:3]] == ["true"] * 3
    assert bench.read(ids[3]).get("hs_email_optout") != "true"
    assert bench.read(ids[3])[f"hs_email_optout_{kind.id}"] == "true"


def test_an_opt_out_in_error_is_taken_back_with_its_evidence(bench: HubSpotBench) -> None:
    """OPT_IN lifts a refusal of all mail and keeps the types that were refused one by one; the
    evidence goes along; twice is no error."""
    kinds = [kind.id for kind in bench.account.consent.types.values()]
    ids = [bench.put(number) for number in range(2)]
    address = "person0@example.com"
    single = {"email": address, "subscription": str(kinds[1])}
    bench.connector.write([Write("one", Operation.OPT_OUT, "contacts", single, id=ids[0])])
    for number, record_id in enumerate(ids):
        fields = {"email": f"person{number}@example.com", "subscription": None}
        row = Write(f"o{number}", Operation.OPT_OUT, "contacts", fields, id=record_id)
        bench.connector.write([row])
    evidence = "2026-03-01: ticked the box of the form"
    back = Write(
        "back", Operation.OPT_IN, "contacts", {"email": address, "explanation": evidence}, id=ids[0]
    )
    for _ in range(2):
        (outcome,) = bench.connector.write([back])
        assert outcome.status is OutcomeStatus.OK
    assert [bench.read(i).get("hs_email_optout") for i in ids] == ["false", "true"]
    answers = {kind: bench.account.consent.answer(address, kind) for kind in kinds}
    assert {kind: one.subscribed for kind, one in answers.items() if one} == {
        kind: kind != kinds[1] for kind in kinds
    }
    taken_back = answers[kinds[0]]
    assert taken_back is not None
    assert taken_back.explanation == evidence


@pytest.mark.parametrize("api", ["v3", "2026-03"])
def test_one_type_is_taken_back_alone(vendors: Vendors, api: str) -> None:
    """OPT_OUT and OPT_IN of one type set that type's property and answer, and no other's, on both
    generations of the paths."""
    bench = HubSpotBench(vendors, api=api)
    first, second = [kind.id for kind in bench.account.consent.types.values()][:2]
    record_id, address = bench.put(1), "person1@example.com"

    def send(operation: Operation, kind: int) -> None:
        fields = {"email": address, "subscription": str(kind), "explanation": "2026-03-01: asked"}
        row = Write(f"{operation}{kind}", operation, "contacts", fields, id=record_id)
        assert bench.connector.write([row])[0].status is OutcomeStatus.OK

    for kind in (first, second):
        send(Operation.OPT_OUT, kind)
    send(Operation.OPT_IN, first)
    read = bench.read(record_id)
    assert [read[f"hs_email_optout_{kind}"] for kind in (first, second)] == ["false", "true"]
    assert read.get("hs_email_optout") != "true"
    taken = bench.account.consent.answer(address, first)
    assert taken is not None
    assert taken.explanation == "2026-03-01: asked"
    bench.connector.close()
