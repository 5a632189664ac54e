"""A person's story from the state alone: it names what was decided, written and refused, and adds
up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mappings.records import EventKind, Operation, RecordRef, Side
from state import ledger
from sync.recover import Selection, replay
from sync.reviewing import accept, listed
from sync.story import Story, find_by_name, find_person, similar, story, story_of_record
from sync.waterfall import adds_up, steps
from tests.sync.test_orders import bench
from tests.sync.world import Refusal, World

ADA = "ada.byron@example-byron.com"


def told(world: World, text: str = ADA) -> Story:
    """The story of whom the text names."""
    found = find_person(world.store, text)
    assert len(found.entities) == 1
    return story(world.store, found.entities[0])


def of_kind(one: Story, kind: str) -> list[Mapping[str, Any]]:
    """The details of the story's moments of a kind."""
    return [moment.details for moment in one.moments if moment.kind == kind]


def linked(world: World) -> tuple[str, str]:
    """Ada on both sides, after the first run."""
    contact = world.contact("Ada", "Byron", jobtitle="Engineer")
    lead = world.lead("Ada", "Byron", Phone="+442079460001")
    world.first()
    return contact, lead


def test_a_person_is_found_by_whatever_is_known_of_them(world: World) -> None:
    """Address in any case, vendor ids with and without object and system, our own id."""
    contact, lead = linked(world)
    (entity_id,) = find_person(world.store, ADA).entities
    for text in (
        ADA.upper(),
        f" {ADA} ",
        f"hubspot:contacts:{contact}",
        f"contacts:{contact}",
        f"salesforce:Lead:{lead}",
        f"Lead:{lead}",
        entity_id,
    ):
        assert find_person(world.store, text).entities == (entity_id,), text
    for nobody in ("nobody@example.com", "", None, "Lead:999", "hubspot:Lead:1:2", "%", "_"):
        assert find_person(world.store, nobody).count == 0, nobody


def test_the_evidence_of_a_match_adds_up(world: World) -> None:
    """Law 9: prior and steps come to the total that was decided on, field by field."""
    linked(world)
    (decision,) = of_kind(told(world), "decided")
    assert (decision["verdict"], decision["reason"]) == ("link", "exact_email")
    (candidate,) = decision["candidates"]
    assert candidate["waterfall"][0]["label"] == "prior"
    end = candidate["waterfall"][-1]["total"]
    assert abs(1.0 / (1.0 + 2.0**-end) - candidate["posterior"]) < 0.001
    assert {"email", "given", "family"} <= {step["label"] for step in candidate["waterfall"]}


def test_every_write_tells_before_after_rule_run_and_config(world: World) -> None:
    """Law 9: both directions, with the values that were replaced."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    world.salesforce.edit("Lead", lead, {"Phone": "+442079460002"})
    report = world.run()
    last = [
        details for details in of_kind(told(world), "wrote") if details["run_id"] == report.run_id
    ]
    changes = {c["field"]: (c["before"], c["after"]) for one in last for c in one["changes"]}
    assert changes["Title"] == ("Engineer", "Poet")
    assert changes["phone"] == ("+442079460001", "+442079460002")
    assert all(change["rule"] for one in last for change in one["changes"])
    assert {one["config_hash"] for one in last} == {"config-1"}
    assert {one["side"] for one in last} == {"map", "crm"}


def test_events_tell_what_became_of_them(world: World) -> None:
    """Each event stands in the story with its disposition, in order of time."""
    linked(world)
    world.fills(ADA)
    world.happens(EventKind.EMAIL_OPEN, ADA)
    world.run()
    one = told(world)
    assert [(e["event_kind"], e["disposition"]) for e in of_kind(one, "event")] == [
        ("form_fill", "delivered"),
        ("email_open", "rolled_up"),
    ]
    assert list(one.moments) == sorted(one.moments, key=lambda moment: moment.at)


def test_refusals_and_their_replay_stand_in_the_story(world: World) -> None:
    """A dead letter is told with its code and remedy, also after it was replayed."""
    contact, _ = linked(world)
    rule = Refusal(Operation.UPDATE, "Lead")
    world.salesforce.reject(rule)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    world.run()
    one = told(world)
    (letter,) = of_kind(one, "dead_letter")
    assert (letter["code"], letter["status"]) == ("field.invalid", "open")
    assert letter["remedy"]
    (refused,) = of_kind(one, "refused")
    assert (refused["status"], refused["config_hash"]) == ("rejected", "config-1")
    rule.corrected = True
    replay(world.store, Selection())
    world.run()
    one = told(world)
    assert of_kind(one, "dead_letter")[0]["status"] == "replayed"
    assert not of_kind(one, "refused")


def test_merges_stand_in_the_story_and_old_ids_find_the_person(world: World) -> None:
    """The loser of a merge is told as an alias, and still names the person."""
    contact, lead = linked(world)
    winner = world.lead("Ada", "Byron-King")
    world.salesforce.remove("Lead", lead, merged_into=winner)
    world.run()
    one = told(world, f"Lead:{lead}")
    (alias,) = of_kind(one, "alias")
    assert (alias["old"], alias["new"]) == (f"salesforce:Lead:{lead}", f"salesforce:Lead:{winner}")
    status = {str(member.ref): member.status for member in one.members}
    assert status[f"salesforce:Lead:{lead}"] == "alias"
    assert status[f"hubspot:contacts:{contact}"] == "live"


def test_somebody_in_review_has_a_story_too(world: World) -> None:
    """A record that belongs to nobody yet tells why; after the decision its person does."""
    contact = world.contact("Maria", "Lopez", email="m@lopez-ltd.com")
    world.lead("Peter", "Grant", Email="m@lopez-ltd.com")
    world.first()
    found = find_person(world.store, f"contacts:{contact}")
    assert found.strangers == (RecordRef("hubspot", "contacts", contact),)
    one = story_of_record(world.store, found.strangers[0])
    assert one.status == "in review"
    assert [details["verdict"] for details in of_kind(one, "decided")] == ["review"]
    (item,) = listed(world.store)
    accept(world.desk, item.id)
    one = told(world, f"contacts:{contact}")
    assert [details["status"] for details in of_kind(one, "review")] == ["accepted", "accepted"]


def test_an_unsettled_write_is_told_as_waiting(world: World) -> None:
    """A lost reply: the story says that the outcome is being looked up."""
    contact, _ = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    world.salesforce.lose_reply()
    world.run()
    (waiting,) = of_kind(told(world), "waiting")
    assert waiting["status"] == "unknown"
    world.run()
    assert not of_kind(told(world), "waiting")


def test_every_field_has_its_winner_and_loser(world: World) -> None:
    """Whose value holds, why, what it replaced; a field both sides say alike has neither."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    run = world.run()
    (entity_id,) = find_person(world.store, ADA).entities
    fields = {one.rule: one for one in story(world.store, entity_id, bench(world).pair).fields}
    title = next(one for one in fields.values() if one.fields[Side.CRM] == "Title")
    assert (title.winner, title.lost, title.values[Side.CRM]) == (Side.MAP, "Engineer", "Poet")
    assert title.last is not None
    assert title.last.run_id == run.run_id
    family = next(one for one in fields.values() if one.fields[Side.CRM] == "LastName")
    assert (family.winner, family.reason) == (None, "agreed")
    world.salesforce.edit("Lead", lead, {"Title": "Countess"}, by="rep-1")
    world.run()
    changed = of_kind(told(world), "changed")
    assert {
        (change["field"], change["before"], change["after"])
        for one in changed
        for change in one["changes"]
    } >= {("jobtitle", "Engineer", "Poet"), ("Title", "Poet", "Countess")}


def test_a_name_finds_whom_it_fits(world: World) -> None:
    """All words, in any case; several by one word; marks and wildcards find nobody by accident."""
    linked(world)
    world.contact("Ada", "Lovelace")
    world.run()
    (entity_id,) = find_person(world.store, ADA).entities
    assert find_by_name(world.store, "BYRON, ada").entities == (entity_id,)
    assert find_by_name(world.store, "ada").count == 2
    assert find_by_name(world.store, "ada nowhere").count == 0
    for nobody in ("%%", "__", "", "zz"):
        assert find_by_name(world.store, nobody).count == 0, nobody
    assert [row[1] for row in similar(world.store, "lovelace")] == ["Ada Lovelace"]


def test_a_story_is_json(world: World) -> None:
    """The story survives JSON, with shadows and the records' fields."""
    linked(world)
    data = json.loads(json.dumps(told(world).as_json()))
    assert {record["record"].split(":")[0] for record in data["records"]} == {
        "hubspot",
        "salesforce",
    }
    assert data["shadows"]
    assert {"decided", "linked", "wrote"} <= {moment["kind"] for moment in data["timeline"]}


def test_the_ledger_and_the_vendors_agree(world: World) -> None:
    """Every change the story tells of the CRM record is what the record says now or said then."""
    _, lead = linked(world)
    (entity_id,) = find_person(world.store, ADA).entities
    with world.store.read() as tx:
        changes = [
            line
            for line in ledger.of_entities(tx, [entity_id])
            if line.ref == RecordRef("salesforce", "Lead", lead)
        ]
    fields = world.salesforce.get("Lead", lead).fields
    assert changes
    assert {line.field: str(line.after) for line in changes} == {
        line.field: str(fields[line.field]) for line in changes
    }


def test_steps_of_hand_made_evidence() -> None:
    """A part that says nothing is no step; what is missing from the sum shows."""
    candidate = {
        "key": "salesforce:Lead:1",
        "prior": -13.0,
        "fields": [
            {"field": "email", "level": "exact", "weight": 20.0, "frequency": 0.0},
            {"field": "family", "level": "exact", "weight": 8.0, "frequency": -2.5},
        ],
        "changed": 0.0,
        "near_people": -1.0,
        "identifier": 0.0,
        "taken": -4.0,
        "total": 7.5,
        "rivals": -7.5,
        "posterior": 0.5,
    }
    assert [step.total for step in steps(candidate)] == [-13.0, 7.0, 15.0, 12.5, 11.5, 7.5, 0.0]
    assert adds_up(candidate)
    assert not adds_up({**candidate, "total": 8.5})
    assert not adds_up({**candidate, "posterior": 0.6})
