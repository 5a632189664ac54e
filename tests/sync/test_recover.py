"""Dead letters by root cause, and replay: exactly what failed, exactly once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mappings.errors import RecordRejectedError
from mappings.fieldmap import EntityKind, PairMapping
from mappings.records import Operation, Write
from state import events, identity, outbox
from state.outbox import DeadLetter
from sync.letters import Cause, causes_of, groups_of, whole
from sync.orders import Order, carry_out
from sync.recover import Selection, replay, select
from sync.replayed import Came
from tests.sync.test_orders import bench
from tests.sync.world import START, Refusal, World

ADA = "ada.byron@example-byron.com"


def linked(world: World) -> tuple[str, str]:
    """Ada and Alan on both sides, after the first run."""
    contact = world.contact("Ada", "Byron", jobtitle="Engineer")
    lead = world.lead("Ada", "Byron")
    world.contact("Alan", "Turing")
    world.lead("Alan", "Turing")
    world.first()
    return contact, lead


def causes(world: World) -> list[Cause]:
    """The open letters by root cause."""
    return causes_of(world.store, select(world.store, Selection()))


def refused_title(world: World) -> tuple[str, str, Refusal]:
    """Ada's new job title is refused by the CRM."""
    contact, lead = linked(world)
    rule = Refusal(Operation.UPDATE, "Lead")
    world.salesforce.reject(rule)
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    world.run()
    return contact, lead, rule


def test_a_refused_row_waits_and_the_others_go_on(world: World) -> None:
    """Law 2: one bad row becomes a dead letter, the rest is delivered, and the next runs do not
    send it again."""
    _, lead, rule = refused_title(world)
    event = world.fills(ADA)
    assert world.run().status == "ok"
    assert len(world.task_of(event)) == 1
    asked = rule.asked
    world.run()
    assert rule.asked == asked == 1
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Engineer"
    (cause,) = causes(world)
    assert (cause.code, cause.field, cause.count) == ("field.invalid", "Title", 1)
    assert cause.examples == (f"Lead:{lead}",)


def test_replay_after_the_cause_is_corrected_lands_once(world: World) -> None:
    """The corrected change is sent by the next run, once; replaying again finds nothing."""
    _, lead, rule = refused_title(world)
    rule.corrected = True
    replayed = replay(world.store, Selection())
    assert len(replayed.letters) == 1
    assert world.run().status == "ok"
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Poet"
    assert rule.asked == 2
    assert replay(world.store, Selection()).letters == ()
    assert world.settled()
    assert select(world.store, Selection()) == []


def test_replay_before_the_cause_is_corrected_is_one_more_letter(world: World) -> None:
    """What is refused again is a dead letter again: one open, nothing lost, nothing doubled."""
    _, _, rule = refused_title(world)
    replay(world.store, Selection())
    assert world.run().status == "partial"
    assert (rule.asked, len(select(world.store, Selection()))) == (2, 1)
    rule.corrected = True
    replay(world.store, Selection())
    world.run()
    assert (rule.asked, len(select(world.store, Selection()))) == (3, 0)


def test_a_dry_replay_changes_nothing(world: World) -> None:
    """Law 10: it says what would be replayed, and the letter stays open."""
    _, _, rule = refused_title(world)
    rule.corrected = True
    would = replay(world.store, Selection(), dry_run=True)
    assert (len(would.letters), would.dry_run) == (1, True)
    world.run()
    assert rule.asked == 1
    assert len(select(world.store, Selection())) == 1


def test_a_refused_task_is_delivered_once_after_replay(world: World) -> None:
    """Law 3: an event whose Task was refused is dead, then delivered once by the replay."""
    linked(world)
    rule = Refusal(Operation.CREATE, "Task")
    world.salesforce.reject(rule)
    event = world.fills(ADA)
    world.run()
    with world.store.read() as tx:
        assert events.dispositions(tx) == {"dead": 1}
    world.run()
    rule.corrected = True
    replay(world.store, Selection(code="field.invalid"))
    world.run()
    assert len(world.task_of(event)) == 1
    assert world.settled()
    with world.store.read() as tx:
        assert events.dispositions(tx) == {"delivered": 1}


def test_a_refused_creation_and_what_waited_for_it_go_after_replay(world: World) -> None:
    """A cascade: the Lead is refused, so its form fill waits; after replay both land, once."""
    linked(world)
    rule = Refusal(Operation.CREATE, "Lead")
    world.salesforce.reject(rule)
    contact = world.contact("Grace", "Hopper")
    event = world.fills("grace.hopper@example-hopper.com")
    world.run()
    (cause,) = causes(world)
    assert cause.cascade >= 1
    for _ in range(2):
        with world.store.read() as tx:
            assert events.dispositions(tx) == {"held": 1}
        world.run()
    assert rule.asked == 1
    rule.corrected = True
    replay(world.store, Selection())
    world.run()
    assert world.counterpart(contact).fields["LastName"] == "Hopper"
    assert len(world.task_of(event)) == 1
    assert len(world.salesforce.all("Lead")) == 3
    assert world.settled()


def test_a_field_too_long_is_a_letter_and_goes_once_shortened(world: World) -> None:
    """A rule's own refusal is a letter too; the corrected value goes with its replay."""
    contact, lead = linked(world)
    world.hubspot.edit("contacts", contact, {"address": "Long Lane " * 40, "jobtitle": "Poet"})
    world.run()
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Poet"
    world.run()
    assert len(select(world.store, Selection())) == 1
    world.hubspot.edit("contacts", contact, {"address": "Short Lane"})
    replay(world.store, Selection())
    world.run()
    assert world.salesforce.get("Lead", lead).fields["Street"] == "Short Lane"
    assert select(world.store, Selection()) == []
    assert world.settled()


def test_a_selection_takes_what_fits_everything_given(world: World) -> None:
    """By run, record, code and time; what does not fit stays a dead letter."""
    contact, lead, _ = refused_title(world)
    (letter,) = select(world.store, Selection())
    for record in (ADA, f"Lead:{lead}", f"salesforce:Lead:{lead}", f"hubspot:contacts:{contact}"):
        assert select(world.store, Selection(record=record)) == [letter]
    assert select(world.store, Selection(run_id=letter.run_id[:8], code="field.invalid")) == [
        letter
    ]
    assert select(world.store, Selection(since=letter.at)) == [letter]
    for nothing in (
        Selection(record="alan.turing@example-turing.com"),
        Selection(run_id="no-such-run"),
        Selection(code="field.unknown"),
        Selection(since=letter.at + timedelta(seconds=1)),
        Selection(record="nobody@example.com"),
    ):
        assert select(world.store, nothing) == []
    assert replay(world.store, Selection(code="field.unknown")).entities == ()


@pytest.mark.parametrize("order", [1, -1])
def test_causes_do_not_depend_on_the_order_of_letters(order: int) -> None:
    """The most frequent cause first, whatever order the letters come in."""
    letters = [_letter(i, "a.often") for i in range(3)] + [_letter(9, "b.seldom")]
    found = groups_of(letters[::order], {"key-1": {("create", "Task"): 2}})
    assert [(c.code, c.count, c.cascade) for c in found] == [("a.often", 3, 2), ("b.seldom", 1, 0)]
    assert found[0].examples == ("Lead:0", "Lead:1", "Lead:2")
    assert (found[0].first_at, found[0].last_at) == (START, START + timedelta(hours=2))


def _letter(number: int, code: str) -> DeadLetter:
    return DeadLetter(
        id=number,
        entity_id="e",
        subject=f"Lead:{number}",
        intent_key=f"key-{number}",
        fingerprint=f"f-{number}",
        code=code,
        field="Title",
        message="refused",
        remedy="correct it",
        payload={},
        status="open",
        run_id="r",
        at=START + timedelta(hours=number),
    )


def test_nothing_is_left_open_in_the_journal(world: World) -> None:
    """After refusals and replays every intent has an outcome."""
    _, _, rule = refused_title(world)
    rule.corrected = True
    replay(world.store, Selection())
    world.run()
    with world.store.read() as tx:
        assert set(outbox.count_by_status(tx)) <= {"ok", "dropped"}


def test_a_refused_creation_goes_with_its_events_once_the_person_is_corrected(
    world: World,
) -> None:
    """Nobody replays: the contact is corrected at its source, so the creation is another one; the
    form fill that was held for it is delivered, once."""
    linked(world)
    world.salesforce.reject(Bad())
    contact = world.contact("Grace", "Hopper", jobtitle="bad")
    event = world.fills("grace.hopper@example-hopper.com")
    world.run()
    world.run()
    world.hubspot.edit("contacts", contact, {"jobtitle": "Admiral"})
    world.run()
    assert len(world.task_of(event)) == 1
    assert world.settled()
    assert len(world.task_of(event)) == 1


def came(world: World, **selected: Any) -> list[str]:
    """What came of the letters that are replayed now, by their numbers."""
    done = carry_out(Order("replay", selected), bench(world))
    assert (
        done.result["open_before"]
        - len(done.result["letters"])
        + sum(one["outcome"] == Came.REFUSED_AGAIN for one in done.result["letters"])
        == done.result["open_after"]
    )
    return [str(one["outcome"]) for one in sorted(done.result["letters"], key=lambda x: x["id"])]


def test_a_replay_says_what_came_of_every_letter(world: World) -> None:
    """Refused again, delivered, or nothing left to write: letter by letter, with the counts of open
    letters before and after."""
    contact, lead, rule = refused_title(world)
    assert came(world) == ["refused_again"]
    world.salesforce.edit("Lead", lead, {"Title": "Poet"})
    assert came(world) == ["nothing_to_write"]
    world.hubspot.edit("contacts", contact, {"jobtitle": "Laureate"})
    world.run()
    rule.corrected = True
    assert came(world) == ["delivered"]
    assert came(world) == []


def test_a_changed_mapping_sends_what_was_refused_once(world: World) -> None:
    """After a mapping fix the replayed change waits for the approved plan, then goes out once, as
    the new mapping says; the refused value is not sent again."""
    contact, lead = linked(world)
    world.salesforce.reject(Bad())
    world.hubspot.edit("contacts", contact, {"jobtitle": "bad"})
    event = world.fills(ADA)
    world.run()
    world.pair = replace(world.pair, mapping=mended(world.pair.mapping))
    waits = carry_out(Order("replay", {}), bench(world))
    assert (waits.exit_code, waits.error and waits.error["code"]) == (9, "guard.approval_required")
    assert [one["outcome"] for one in waits.result["letters"]] == ["waits"]
    before = len(world.salesforce.history)
    assert world.first().status == "ok"
    sent = [row for row in world.salesforce.history[before:] if "Title" in row.fields]
    assert [(row.id, row.fields["Title"]) for row in sent] == [(lead, "Good")]
    assert (len(world.task_of(event)), select(world.store, Selection())) == (1, [])
    assert replay(world.store, Selection()).letters == ()
    assert world.settled()


def mended(mapping: PairMapping) -> PairMapping:
    """The mapping with a picklist value for the refused title."""
    objects = tuple(
        replace(
            one,
            fields=tuple(
                replace(rule, values={"bad": "Good"}) if rule.map == "jobtitle" else rule
                for rule in one.fields
            ),
        )
        for one in mapping.objects
    )
    return replace(mapping, objects=objects, hash="mended")


def test_a_letter_follows_its_person_and_is_not_lost_without_one(world: World) -> None:
    """A golden record that another has absorbed is planned as that other one; where nothing tells
    whose a letter is, it stays open and is named with the reason, by a dry run too."""
    refused_title(world)
    with world.store.begin() as tx:
        (known,) = outbox.dead_letters(tx)
        identity.create(tx, "r", {"heir": EntityKind.PERSON})
        identity.absorb(tx, str(known.entity_id), "heir")
        lost = {"entity_id": "nobody", "subject": "Lead:new", "intent_key": None, "field": None}
        told = {"code": "record.rejected", "message": "refused", "remedy": "none", "payload": {}}
        outbox.bury(tx, "r", [{**lost, **told, "fingerprint": "f"}])
    for dry_run in (True, False):
        found = replay(world.store, Selection(), dry_run=dry_run)
        assert found.entities == ("heir",)
        assert [(one.subject, why) for one, why in found.left] == [("Lead:new", "unknown")]
    assert [one.subject for one in select(world.store, Selection())] == ["Lead:new"]


def test_one_letter_is_told_whole(world: World) -> None:
    """Cause, record, the value of the field, how often it was refused before, what waits for it and
    the commands that go on; a number nobody has is None."""
    linked(world)
    rule = Refusal(Operation.CREATE, "Lead")
    world.salesforce.reject(rule)
    world.contact("Grace", "Hopper", jobtitle="Admiral")
    world.fills("grace.hopper@example-hopper.com")
    world.run()
    replay(world.store, Selection())
    world.run()
    (letter,) = select(world.store, Selection())
    found = whole(world.store, letter.id)
    assert found is not None
    assert (found.value, found.before, found.alike) == ("Admiral", 1, 1)
    assert found.waiting == {("create", "Task"): 1}
    assert found.commands[0] == f"leadloop replay --letter {letter.id}"
    assert [one.id for one in select(world.store, Selection(letter=letter.id))] == [letter.id]
    assert whole(world.store, 10**6) is None


def test_causes_are_told_apart_by_object(world: World) -> None:
    """The same code at the same field of two objects is two causes: each is mended by itself."""
    letters = [_letter(1, "field.invalid"), _letter(2, "field.invalid")]
    letters[1] = replace(letters[1], subject="Contact:2")
    assert [(c.object, c.count) for c in groups_of(letters)] == [("Contact", 1), ("Lead", 1)]


class Bad:
    """Refuses Leads with a bad title."""

    def __call__(self, row: Write) -> RecordRejectedError | None:
        """The refusal."""
        if row.object != "Lead" or row.fields.get("Title") != "bad":
            return None
        return RecordRejectedError("refused", code="field.invalid", field="Title")
