"""How things stand, in numbers that account for everything that came in."""

from __future__ import annotations

import json

from mappings.records import EventKind, Operation
from sync.standing import standing
from tests.sync.world import Refusal, World

ADA = "ada.byron@example-byron.com"


def test_before_the_first_run_there_is_nothing(world: World) -> None:
    """A new state stands at zero and says so."""
    found = standing(world.store)
    assert found["last_run"] is None
    assert found["people"]["known"] == 0
    assert found["unaccounted"] == {"inbox": 0, "events": 0}


def test_everything_that_came_in_is_accounted_for(world: World) -> None:
    """Law 2: after a run, what was pulled is planned, in review, or named otherwise; none is
    pending."""
    world.contact("Ada", "Byron")
    world.lead("Ada", "Byron")
    world.contact("Maria", "Lopez", email="m@lopez-ltd.com")
    world.lead("Peter", "Grant", Email="m@lopez-ltd.com")
    world.contact("Grace", "Hopper")
    for email in (ADA, "m@lopez-ltd.com", "stranger@example.com"):
        world.fills(email)
    world.happens(EventKind.EMAIL_OPEN, ADA)
    report = world.first()
    found = standing(world.store)
    assert found["last_run"]["id"] == report.run_id
    assert found["people"] == {
        "known": 2,
        "linked": 2,
        "companies_linked": 0,
        "deals_linked": 0,
    }
    assert sum(found["inbox"].values()) == report.counts["pulled_records"] == 5
    assert found["events"] == {"delivered": 1, "held": 1, "no_person": 1, "rolled_up": 1}
    assert found["unaccounted"] == {"inbox": 0, "events": 0}
    assert (found["review"], found["work"]) == (1, 0)
    assert set(found["intents"]) == {"ok"}
    json.dumps(found)


def test_every_stream_tells_its_lag(world: World) -> None:
    """Streams of both systems, read to their end a moment ago."""
    world.first()
    world.run()
    streams = standing(world.store)["streams"]
    assert {one["system"] for one in streams} == {"hubspot", "salesforce"}
    assert all(0 <= one["lag_seconds"] < 3600 for one in streams)


def test_dead_letters_are_counted_by_cause(world: World) -> None:
    """What could not be written is named by its root cause."""
    contact = world.contact("Ada", "Byron", jobtitle="Engineer")
    world.lead("Ada", "Byron")
    world.first()
    world.salesforce.reject(Refusal(Operation.UPDATE, "Lead"))
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    world.run()
    found = standing(world.store)
    assert found["dead_letters"] == {
        "open": 1,
        "causes": [{"code": "field.invalid", "field": "Title", "count": 1}],
    }
    assert found["last_run"]["status"] == "partial"
