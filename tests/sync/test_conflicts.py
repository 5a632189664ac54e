"""Both sides changed a field: owner, then the newest by field history, then a person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mappings.fieldmap import Aggregate, Overwrite, ValueType
from mappings.records import RecordRef, Side
from state import identity, ledger, reviews
from state.reviews import ReviewItem
from sync.reviewing import Decided, ReviewError, accept, listed, reject, show
from tests.sync.world import World

TITLE = "jobtitle"


def ruled(world: World, field: str, **changes: Any) -> None:
    """The mapping with one rule about people changed."""
    mapping = world.pair.mapping
    people = mapping.objects[0]
    rules = tuple(replace(r, **changes) if r.map == field else r for r in people.fields)
    objects = (replace(people, fields=rules), *mapping.objects[1:])
    world.pair = replace(world.pair, mapping=replace(mapping, objects=objects))


def linked(world: World, **changes: Any) -> tuple[str, str]:
    """Ada on both sides and in step, her job title under a changed rule."""
    ruled(world, TITLE, **changes)
    contact = world.contact("Ada", "Byron", jobtitle="Engineer")
    lead = world.lead("Ada", "Byron", Title="Engineer")
    world.first()
    return contact, lead


def both_edited(world: World, contact: str, lead: str, left: str = "Poet") -> None:
    """A conflict: somebody edits the MAP side, somebody else the CRM side."""
    world.hubspot.edit("contacts", contact, {TITLE: left})
    world.salesforce.edit("Lead", lead, {"Title": "Clerk"})


def nobody_remembers(world: World) -> None:
    """Neither vendor keeps field history."""
    world.hubspot.forgetful = world.salesforce.forgetful = True


def titles(world: World, contact: str, lead: str) -> tuple[Any, Any]:
    """The job title on both sides."""
    left = world.map_record(contact).fields[TITLE]
    return left, world.salesforce.get("Lead", lead).fields["Title"]


def the_conflict(world: World) -> ReviewItem:
    """The one open question."""
    (item,) = [item for item in listed(world.store) if item.kind == "conflict"]
    return item


def in_conflict(world: World) -> tuple[str, str]:
    """Ada with a job title that both sides changed and nobody can decide."""
    contact, lead = linked(world, owner=None)
    nobody_remembers(world)
    both_edited(world, contact, lead)
    world.run()
    return contact, lead


def test_a_conflict_waits_with_both_values(world: World) -> None:
    """Nobody owns the field and nobody knows which change came last: neither value is lost, nothing
    is written, a person is asked once, and the rest of the record goes on."""
    contact, lead = linked(world, owner=None)
    nobody_remembers(world)
    both_edited(world, contact, lead)
    world.salesforce.edit("Lead", lead, {"Phone": "+442079460002"})
    world.run()
    assert titles(world, contact, lead) == ("Poet", "Clerk")
    assert world.map_record(contact).fields["phone"] == "+442079460002"
    shown = show(world.store, the_conflict(world).id)
    assert shown.decision is not None
    told = shown.decision.evidence
    assert (told["map"]["value"], told["crm"]["value"]) == ("Poet", "Clerk")
    assert (told["map"]["field"], told["crm"]["field"]) == (TITLE, "Title")
    assert set(shown.records) == {f"hubspot:contacts:{contact}", f"salesforce:Lead:{lead}"}
    assert world.settled()
    with world.store.read() as tx:
        [entity] = identity.links_of(tx, [world.ref(contact)]).values()
        asked = reviews.decisions_of(tx, [the_conflict(world).subject])
    assert len(asked) == 1
    assert told["entity"] == entity.entity_id


@pytest.mark.parametrize(("side", "value"), [(Side.MAP, "Poet"), (Side.CRM, "Clerk")])
def test_a_person_says_whose_value_goes(world: World, side: Side, value: str) -> None:
    """The chosen value is written to the other side by the ordinary run, once; saying so again
    changes nothing, saying otherwise is refused."""
    contact, lead = in_conflict(world)
    item = the_conflict(world)
    assert accept(world.desk, item.id, [side.value]).changed
    world.run()
    assert titles(world, contact, lead) == (value, value)
    assert world.settled()
    assert listed(world.store) == []
    assert not accept(world.desk, item.id, [side.value]).changed
    with pytest.raises(ReviewError, match="decided already"):
        accept(world.desk, item.id, [side.other.value])


def test_both_may_stay_as_they_are_until_one_moves(world: World) -> None:
    """Rejecting leaves both values: final until one side is edited, and then that edit goes."""
    contact, lead = in_conflict(world)
    reject(world.desk, the_conflict(world).id)
    assert world.settled()
    assert titles(world, contact, lead) == ("Poet", "Clerk")
    assert listed(world.store) == []
    world.salesforce.edit("Lead", lead, {"Title": "Judge"})
    world.run()
    assert titles(world, contact, lead) == ("Judge", "Judge")


def test_whose_value_must_be_said(world: World) -> None:
    """Accepting a conflict without a side is refused, and says how."""
    in_conflict(world)
    with pytest.raises(ReviewError) as refused:
        accept(world.desk, the_conflict(world).id)
    assert refused.value.code == "review.side_needed"
    assert "accept" in refused.value.remedy


def test_a_question_whose_values_agree_by_now_is_settled(world: World) -> None:
    """Somebody corrects it at the vendor: the question goes without anybody deciding it."""
    contact, lead = in_conflict(world)
    world.hubspot.edit("contacts", contact, {TITLE: "Clerk"})
    world.run()
    assert listed(world.store) == []
    assert titles(world, contact, lead) == ("Clerk", "Clerk")


def test_a_question_follows_its_values(world: World) -> None:
    """One of the values moves while the question is open: it is the same question, with the values
    of now; an answer about the old ones decides nothing about the new."""
    contact, lead = in_conflict(world)
    item = the_conflict(world)
    world.hubspot.edit("contacts", contact, {TITLE: "Countess"})
    world.run()
    assert the_conflict(world).id == item.id
    shown = show(world.store, item.id)
    assert shown.decision is not None
    assert shown.decision.evidence["map"]["value"] == "Countess"
    world.salesforce.edit("Lead", lead, {"Title": "Judge"})
    accept(world.desk, item.id, ["map"])
    world.run()
    assert titles(world, contact, lead) == ("Countess", "Judge")
    assert the_conflict(world).id != item.id


def test_the_newest_change_of_the_field_wins(world: World) -> None:
    """By the field's own history, whatever else was edited on the record since."""
    contact, lead = linked(world, owner=None)
    world.salesforce.edit("Lead", lead, {"Title": "Clerk"})
    world.hubspot.edit("contacts", contact, {TITLE: "Poet"})
    world.salesforce.edit("Lead", lead, {"Phone": "+442079460009"})
    world.run()
    assert titles(world, contact, lead) == ("Poet", "Poet")
    world.hubspot.edit("contacts", contact, {TITLE: "Countess"})
    world.salesforce.edit("Lead", lead, {"Title": "Judge"})
    world.hubspot.edit("contacts", contact, {"phone": "+442079460007"})
    world.run()
    assert titles(world, contact, lead) == ("Judge", "Judge")
    assert world.settled()


def test_without_history_the_owner_decides_after_all(world: World) -> None:
    """`overwrite: newest` where one vendor does not tell: the owner, not the record's time."""
    contact, lead = linked(world, owner=Side.MAP, overwrite=Overwrite.NEWEST)
    world.salesforce.forgetful = True
    both_edited(world, contact, lead)
    world.run()
    assert titles(world, contact, lead) == ("Poet", "Poet")


def test_a_cycle_asks_for_no_history_without_a_contest(world: World) -> None:
    """Field history costs calls only where both sides changed a field whose rule wants to know."""
    contact, lead = linked(world, owner=None)
    world.hubspot.edit("contacts", contact, {TITLE: "Poet"})
    world.run()
    assert titles(world, contact, lead) == ("Poet", "Poet")
    assert world.hubspot.calls["history"] == world.salesforce.calls["history"] == 0


def test_a_decided_conflict_is_in_the_ledger(world: World) -> None:
    """Law 9: the write a person asked for has its before-image like any other."""
    _, lead = in_conflict(world)
    decided: Decided = accept(world.desk, the_conflict(world).id, ["map"])
    world.run()
    with world.store.read() as tx:
        lines = ledger.of_entities(tx, [str(decided.entity_id)])
    [change] = [line for line in lines if line.ref.id == lead and line.field == "Title"]
    assert (change.before, change.after) == ("Clerk", "Poet")


def summing(world: World) -> tuple[str, str]:
    """Ada, whose score is a sum: 10 in the MAP, 5 in the CRM."""
    ruled(
        world,
        TITLE,
        aggregate=Aggregate.SUM,
        type=ValueType.NUMBER,
        crm={"Lead": "Title", "Contact": "Title"},
    )
    return (
        world.contact("Ada", "Byron", jobtitle="10"),
        world.lead("Ada", "Byron", Title="5"),
    )


def test_a_sum_reaches_both_sides_in_one_run(world: World) -> None:
    """Both sides show the total after the run that adds it up, and the next one is silent."""
    contact, lead = summing(world)
    world.first()
    assert titles(world, contact, lead) == ("15", 15)
    assert world.settled()
    world.hubspot.edit("contacts", contact, {TITLE: "17"})
    world.salesforce.edit("Lead", lead, {"Title": 18})
    world.run()
    assert titles(world, contact, lead) == ("20", 20)
    assert world.settled()


def test_a_sum_is_not_added_up_again_after_a_lost_reply(world: World) -> None:
    """The total arrived and its reply was lost: what is found at the vendor is no new score."""
    contact, lead = summing(world)
    world.first()
    world.hubspot.edit("contacts", contact, {TITLE: "17"})
    world.salesforce.lose_reply()
    world.run()
    world.run()
    world.run()
    assert titles(world, contact, lead) == ("17", 17)


def test_a_sum_is_not_added_up_again_after_a_conversion(world: World) -> None:
    """A Lead becomes a Contact with the score they had, while points are gained in the MAP: the
    points are added, the score is not added to itself."""
    contact, lead = summing(world)
    world.first()
    person = world.salesforce.put("Contact", {"Title": 15, "Email": "ada.byron@example-byron.com"})
    world.salesforce.convert("Lead", lead, RecordRef("salesforce", "Contact", person))
    world.hubspot.edit("contacts", contact, {TITLE: "17"})
    world.run()
    assert world.salesforce.get("Contact", person).fields["Title"] == 17
    assert world.map_record(contact).fields[TITLE] == "17"
    assert world.settled()
