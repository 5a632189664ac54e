"""Review decisions: carried out once, final for the pair, delivered by the ordinary run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mappings.records import Event, RecordRef
from state import events, identity, mirror, reviews
from state.reviews import ReviewItem
from sync.reviewing import ReviewError, accept, listed, reject, revisit, show, split
from sync.waterfall import adds_up, steps
from tests.sync.world import World

SHARED = "home@lopez-ltd.com"


def in_review(world: World) -> tuple[str, str, Event]:
    """A contact and a Lead who share an address and nothing else, and a form fill held back."""
    contact = world.contact("Maria", "Lopez", email=SHARED)
    lead = world.lead("Peter", "Grant", Email=SHARED)
    event = world.fills(SHARED)
    world.first()
    return contact, lead, event


def the_item(world: World) -> ReviewItem:
    """The one open item."""
    (item,) = listed(world.store)
    return item


def test_ambiguity_is_held_with_its_evidence(world: World) -> None:
    """Nothing is written for a person in review; the evidence adds up; events are held."""
    _, lead, event = in_review(world)
    shown = show(world.store, the_item(world).id)
    assert shown.item.candidates == (f"salesforce:Lead:{lead}",)
    assert shown.decision is not None
    evidence = shown.decision.evidence["candidates"]
    assert all(adds_up(candidate) for candidate in evidence)
    assert steps(evidence[0])[0].label == "prior"
    assert world.writes() == 0
    assert not world.task_of(event)
    with world.store.read() as tx:
        assert events.dispositions(tx) == {"held": 1}


def test_accepting_links_and_delivers_what_was_held_once(world: World) -> None:
    """After accept the next run writes both sides and the held event exactly once."""
    contact, lead, event = in_review(world)
    decided = accept(world.desk, the_item(world).id)
    assert decided.changed
    world.run()
    assert world.counterpart(contact).ref.id == lead
    assert [task.fields["WhoId"] for task in world.task_of(event)] == [lead]
    assert world.settled()
    assert len(world.task_of(event)) == 1
    assert len(world.salesforce.all("Lead")) == 1
    with world.store.read() as tx:
        assert events.dispositions(tx) == {"delivered": 1}
        assert mirror.pending_count(tx) == 0


def test_accepting_twice_changes_nothing(world: World) -> None:
    """The same word twice is said once; another word afterwards is refused."""
    _, lead, _ = in_review(world)
    item = the_item(world)
    first = accept(world.desk, item.id)
    world.run()
    written = world.writes()
    again = accept(world.desk, item.id, [f"salesforce:Lead:{lead}"])
    assert (again.changed, again.entity_id) == (False, first.entity_id)
    world.run()
    assert world.writes() == written
    with pytest.raises(ReviewError) as error:
        reject(world.desk, item.id)
    assert error.value.code == "review.decided"


def test_rejecting_creates_the_person_and_is_final(world: World) -> None:
    """After reject the person is somebody else: created once, their event logged on the new Lead,
    and never asked about again, even when both records change."""
    contact, lead, event = in_review(world)
    decided = reject(world.desk, the_item(world).id)
    assert decided.ruled_out == (f"salesforce:Lead:{lead}",)
    world.run()
    created = world.counterpart(contact)
    assert created.ref.id != lead
    assert [task.fields["WhoId"] for task in world.task_of(event)] == [created.ref.id]
    assert world.settled()
    world.hubspot.edit("contacts", contact, {"jobtitle": "Baker"})
    world.salesforce.edit("Lead", lead, {"Title": "Miller"})
    world.run()
    assert not listed(world.store)
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Miller"
    assert reject(world.desk, decided.item_id).changed is False


def test_choosing_among_several_rules_the_others_out(world: World) -> None:
    """Where two people fit, the operator names one; the other is remembered as not this person."""
    world.contact("Maria", "Lopez", email=SHARED)
    peter = world.lead("Peter", "Grant", Email=SHARED)
    ines = world.lead("Ines", "Quill", Email=SHARED)
    world.first()
    item = the_item(world)
    assert set(item.candidates) == {f"salesforce:Lead:{peter}", f"salesforce:Lead:{ines}"}
    with pytest.raises(ReviewError) as error:
        accept(world.desk, item.id)
    assert error.value.code == "review.record_needed"
    with pytest.raises(ReviewError) as error:
        accept(world.desk, item.id, ["salesforce:Lead:999"])
    assert error.value.code == "review.no_candidate"
    decided = accept(world.desk, item.id, [f"Lead:{ines}"])
    assert decided.chosen == (f"salesforce:Lead:{ines}",)
    with world.store.read() as tx:
        assert reviews.ruled_out(tx, [item.subject]) == {(item.subject, f"salesforce:Lead:{peter}")}


def test_all_named_records_become_one_person(world: World) -> None:
    """Naming both candidates says that all three are one person."""
    contact = world.contact("Maria", "Lopez", email=SHARED)
    peter = world.lead("Peter", "Grant", Email=SHARED)
    ines = world.lead("Ines", "Quill", Email=SHARED)
    world.first()
    item = the_item(world)
    decided = accept(world.desk, item.id, list(item.candidates))
    assert decided.ruled_out == ()
    refs = [world.ref(contact), *(RecordRef("salesforce", "Lead", i) for i in (peter, ines))]
    with world.store.read() as tx:
        links = identity.links_of(tx, refs)
    assert {links[ref].entity_id for ref in refs} == {decided.entity_id}
    world.run()
    assert world.settled()


def test_a_deleted_candidate_cannot_be_accepted(world: World) -> None:
    """A record that is gone is nobody's counterpart: a clear error, and nothing changed."""
    _, lead, _ = in_review(world)
    item = the_item(world)
    peter = RecordRef("salesforce", "Lead", lead)
    with world.store.begin() as tx:
        known = mirror.load(tx, [peter])[peter]
        mirror.mirror(tx, [replace(known, record=replace(known.record, deleted=True))])
    with pytest.raises(ReviewError) as error:
        accept(world.desk, item.id)
    assert error.value.code == "review.record_gone"
    assert the_item(world).chosen is None


def test_an_unknown_item_is_named(world: World) -> None:
    """There is no item 7: an error with exit code 2, not a traceback."""
    with pytest.raises(ReviewError) as error:
        show(world.store, 7)
    assert (error.value.code, error.value.exit_code) == ("review.unknown_item", 2)


def test_two_known_people_found_to_be_one_are_joined_with_their_events(world: World) -> None:
    """Accepting across two golden records leaves one of them, with everything of both."""
    _, lead, _ = in_review(world)
    grace = world.contact("Grace", "Hopper")
    world.run()
    item = the_item(world)
    with world.store.begin() as tx:
        reviews.open_items(
            tx,
            "test",
            [
                {
                    "kind": "match",
                    "subject": item.subject,
                    "candidates": [*item.candidates, str(world.ref(grace))],
                    "decision_id": item.decision_id,
                }
            ],
        )
    known = [f"salesforce:Lead:{lead}", str(world.ref(grace))]
    decided = accept(world.desk, the_item(world).id, known)
    with world.store.read() as tx:
        members = identity.members(tx, [str(decided.entity_id)])[str(decided.entity_id)]
    assert {str(link.ref) for link in members} >= {*known, item.subject}
    world.run()
    assert world.settled()


def test_a_question_that_has_gone_is_decided_anew(world: World) -> None:
    """The only candidate was deleted: the person is put back, created once, their event logged."""
    contact, lead, event = in_review(world)
    world.run()
    assert revisit(world.store, "test") == 0
    world.salesforce.remove("Lead", lead)
    world.run()
    assert listed(world.store) == []
    assert world.counterpart(contact).ref.id != lead
    assert len(world.task_of(event)) == 1
    assert revisit(world.store, "test") == 0
    assert world.settled()


def proposed(world: World) -> tuple[str, str, str, ReviewItem]:
    """Ada with two Leads in the CRM, linked, and the proposal to merge them."""
    contact = world.contact("Ada", "Byron", jobtitle="Engineer")
    first, second = world.lead("Ada", "Byron"), world.lead("Ada", "Byron")
    world.first()
    item = the_item(world)
    assert item.kind == "merge"
    return contact, first, second, item


def test_confirming_a_merge_proposal_writes_nothing(world: World) -> None:
    """Leadloop merges nothing itself: both records stay linked, the item is closed."""
    contact, first, second, item = proposed(world)
    before = world.writes()
    decided = accept(world.desk, item.id)
    assert decided.ruled_out == ()
    world.run()
    assert world.writes() == before
    assert {str(ref) for ref in _linked(world, contact)} >= {
        f"salesforce:Lead:{first}",
        f"salesforce:Lead:{second}",
    }


def test_a_merge_proposal_goes_with_its_record(world: World) -> None:
    """A record deleted at the vendor leaves nothing to merge: nobody is asked any more (law 14)."""
    *_, item = proposed(world)
    subject = RecordRef.parse(item.subject)
    world.run()
    assert the_item(world).kind == "merge"
    world.salesforce.remove("Lead", subject.id)
    world.run()
    assert listed(world.store) == []
    assert world.settled()


def test_rejecting_a_merge_proposal_takes_the_records_apart(world: World) -> None:
    """The record with the link key stays the counterpart; the other is a stranger from now on: no
    edit of it reaches the contact, and it is not linked again."""
    contact, first, second, item = proposed(world)
    kept = world.counterpart(contact).ref.id
    other = second if kept == first else first
    decided = reject(world.desk, item.id)
    assert decided.ruled_out == (f"salesforce:Lead:{other}",)
    world.run()
    assert world.counterpart(contact).ref.id == kept
    world.salesforce.edit("Lead", other, {"Phone": "+442079460009"})
    world.run()
    assert world.map_record(contact).fields["phone"] is None
    assert RecordRef("salesforce", "Lead", other) not in _linked(world, contact)
    assert listed(world.store) == []
    assert world.settled()


def _three(world: World) -> tuple[str, list[str], ReviewItem]:
    """Ada with three Leads, the one that carries the link key first, and the proposal."""
    contact = world.contact("Ada", "Byron", jobtitle="Engineer")
    leads = [world.lead("Ada", "Byron") for _ in range(3)]
    world.first()
    kept = world.counterpart(contact).ref.id
    return contact, sorted(leads, key=lambda lead: lead != kept), the_item(world)


@pytest.mark.parametrize("whose", ["the other's", "the kept one's"])
def test_splitting_a_merge_proposal_parts_the_named(world: World, whose: str) -> None:
    """One of three records is somebody else's: it leaves for good, the two others stay one person,
    and the record with the link key stays the counterpart whichever side is named."""
    contact, (kept, also, other), item = _three(world)
    named = [other] if whose == "the other's" else [kept, f"salesforce:Lead:{also}"]
    decided = split(world.desk, item.id, named)
    assert (decided.status, decided.ruled_out) == ("split", (f"salesforce:Lead:{other}",))
    assert split(world.desk, item.id, named).changed is False
    world.run()
    assert world.counterpart(contact).ref.id == kept
    linked = {ref.id for ref in _linked(world, contact)}
    assert {kept, also} <= linked
    assert other not in linked
    assert world.settled()


def test_a_split_names_some(world: World) -> None:
    """None, all, or a record the item does not name part nothing; nor does a split of a question
    that is no merge proposal, or of a proposal that was confirmed."""
    _, leads, item = _three(world)
    for named, code in (([], "review.record_needed"), (leads, "review.record_needed"),
                        (["00Q000000000000AAA"], "review.no_candidate")):  # fmt: skip
        with pytest.raises(ReviewError) as refused:
            split(world.desk, item.id, named)
        assert refused.value.code == code
    accept(world.desk, item.id)
    with pytest.raises(ReviewError) as refused:
        split(world.desk, item.id, leads[:1])
    assert refused.value.code == "review.decided"


def test_a_question_is_not_split(world: World) -> None:
    """Who somebody is takes accept or reject."""
    in_review(world)
    with pytest.raises(ReviewError) as refused:
        split(world.desk, the_item(world).id, ["x"])
    assert refused.value.code == "review.impossible"


def _linked(world: World, contact: str) -> set[RecordRef]:
    """Every record of the contact's golden record."""
    with world.store.read() as tx:
        link = identity.links_of(tx, [world.ref(contact)])[world.ref(contact)]
        return {one.ref for one in identity.members(tx, [link.entity_id])[link.entity_id]}
