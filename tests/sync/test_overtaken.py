"""A dead letter whose record was corrected at the vendor is closed by the run that writes the later
version; what a person gives up stays given up until they take it back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mappings.records import Operation
from state import outbox
from state.outbox import DeadLetter
from sync.closings import LetterError, discard, take_up
from sync.crash import Crash, watched
from sync.recover import Selection, replay
from sync.story import find_person, story
from sync.undo.choose import Wanted
from sync.undo.run import undo
from tests.sync.world import Refusal, World

TITLE = "Title"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Ada in both systems, linked, and at rest."""
    built = World.build(tmp_path)
    built.contact("Ada", "Byron", jobtitle="Clerk")
    built.lead("Ada", "Byron", Title="Clerk")
    built.first()
    yield built
    built.close()


@pytest.fixture
def refusal(world: World) -> Refusal:
    """Salesforce refuses updates of Leads until it is told that the cause is corrected."""
    found = Refusal(Operation.UPDATE, "Lead")
    world.salesforce.reject(found)
    return found


def contact_of(world: World) -> str:
    """Ada's contact."""
    return str(world.hubspot.by("contacts", "lastname", "Byron")[0].ref.id)


def titled(world: World, title: str) -> None:
    """Marketing edits the job title, whose owner the MAP is; a run follows."""
    world.hubspot.edit("contacts", contact_of(world), {"jobtitle": title})
    world.run()


def moved_elsewhere(world: World) -> None:
    """Sales moves the Lead on, which goes to HubSpot: the person is planned again."""
    lead = world.counterpart(contact_of(world))
    world.salesforce.edit("Lead", lead.ref.id, {"Status": "Working - Contacted"})


def letters(world: World) -> list[DeadLetter]:
    """Every dead letter, oldest first, whatever became of it."""
    with world.store.read() as tx:
        found = [
            letter
            for status in ("open", "replayed", "settled", outbox.RESOLVED, outbox.DISCARDED)
            for letter in outbox.dead_letters(tx, status=status)
        ]
    return sorted(found, key=lambda letter: letter.id)


def states(world: World) -> list[tuple[str, str | None]]:
    """How each letter stands, and why it is closed."""
    return [(one.status, (one.closing or {}).get("why")) for one in letters(world)]


def crm_title(world: World) -> object:
    """Ada's title in Salesforce."""
    return world.counterpart(contact_of(world)).fields[TITLE]


def test_a_later_version_that_is_written_resolves_the_letter(
    world: World, refusal: Refusal
) -> None:
    """Nobody replays anything: the corrected value goes by the ordinary road, and the letter says
    which run closed it, and why."""
    titled(world, "Countess!!")
    assert states(world) == [("open", None)]
    refusal.corrected = True
    titled(world, "Countess")
    assert crm_title(world) == "Countess"
    assert states(world) == [("resolved", "written")]
    (person,) = find_person(world.store, contact_of(world)).entities
    told = [m.what for m in story(world.store, person).moments if m.kind == "letter_resolved"]
    assert len(told) == 1
    assert "a later version of the record was written" in told[0]
    assert not replay(world.store, Selection()).letters
    assert world.settled()


def test_a_letter_of_which_nothing_is_left_is_resolved(world: World, refusal: Refusal) -> None:
    """The value is put back to what Salesforce has: there is nothing to write, and nothing open."""
    titled(world, "Countess!!")
    titled(world, "Clerk")
    assert states(world) == [("resolved", "nothing_left")]
    assert refusal.asked == 1


def test_a_change_that_is_still_wanted_stays_a_letter(world: World, refusal: Refusal) -> None:
    """Another field of the person moves; what was refused is asked for as before."""
    titled(world, "Countess!!")
    moved_elsewhere(world)
    world.run()
    world.run()
    assert states(world) == [("open", None)]
    assert refusal.asked == 1


def test_a_later_version_that_is_refused_resolves_nothing(world: World, refusal: Refusal) -> None:
    """Two versions were refused; the third goes, and both letters are closed with it."""
    titled(world, "Countess!!")
    titled(world, "Countess??")
    assert states(world) == [("open", None), ("open", None)]
    refusal.corrected = True
    titled(world, "Countess")
    assert states(world) == [("resolved", "written")] * 2


@pytest.mark.parametrize("point", ["after_intents", "before_write", "after_write", "after_settle"])
def test_it_is_closed_once_also_when_the_run_is_killed(
    world: World, refusal: Refusal, point: str
) -> None:
    """Killed anywhere around the write of the later version, the next run closes the letter."""
    titled(world, "Countess!!")
    refusal.corrected = True
    world.hubspot.edit("contacts", contact_of(world), {"jobtitle": "Countess"})

    def kill(name: str) -> None:
        if name == point:
            raise Crash

    with watched(kill), pytest.raises(Crash):
        world.run()
    world.run()
    assert crm_title(world) == "Countess"
    assert [status for status, _ in states(world)] == ["resolved"]


def test_a_value_the_plan_could_not_carry_is_resolved(world: World) -> None:
    """A telephone number too long for its field, then a shorter one."""
    world.hubspot.edit("contacts", contact_of(world), {"phone": "x" * 50})
    world.run()
    assert [(one.code, one.status) for one in letters(world)] == [("value.too_long", "open")]
    world.hubspot.edit("contacts", contact_of(world), {"phone": "+49 30 1"})
    world.run()
    assert world.counterpart(contact_of(world)).fields["Phone"] == "+49 30 1"
    assert states(world) == [("resolved", "written")]


def test_a_creation_that_was_refused_is_resolved_by_a_later_one(world: World) -> None:
    """Salesforce refuses to make a Lead of somebody; their name is corrected, and it does."""
    refusal = Refusal(Operation.CREATE, "Lead")
    world.salesforce.reject(refusal)
    contact = world.contact("Alan", "Turing", jobtitle="Clerk!!")
    world.run()
    assert states(world) == [("open", None)]
    refusal.corrected = True
    world.hubspot.edit("contacts", contact, {"jobtitle": "Clerk"})
    world.run()
    assert world.counterpart(contact).fields[TITLE] == "Clerk"
    assert states(world) == [("resolved", "written")]


def test_an_event_that_could_not_be_logged_stays_a_letter(world: World) -> None:
    """Law 2: a form fill's Task was refused. The person is planned again and again; the fill waits
    for its replay."""
    world.salesforce.reject(Refusal(Operation.CREATE, "Task"))
    world.fills(str(world.map_record(contact_of(world)).fields["email"]))
    world.run()
    titled(world, "Countess")
    assert crm_title(world) == "Countess"
    assert states(world) == [("open", None)]


def test_what_an_undo_takes_back_stays_a_letter(world: World) -> None:
    """Law 11: an undo's write was refused. Planning does not ask for it, and does not end it."""
    world.hubspot.edit("contacts", contact_of(world), {"jobtitle": "Countess"})
    done = world.run()
    refusal = Refusal(Operation.UPDATE, "Lead")
    world.salesforce.reject(refusal)
    undo(world.pair, Wanted(run_id=done.run_id))
    refusal.corrected = True
    moved_elsewhere(world)
    world.run()
    assert [status for status, _ in states(world)] == ["open"]


def test_what_is_given_up_is_not_sent_again(world: World, refusal: Refusal) -> None:
    """A discarded change is not open, not replayed, and not sent, though nothing would keep it; the
    reason is told. A later version of the record goes as ever."""
    titled(world, "Countess!!")
    (letter,) = letters(world)
    discard(world.store, letter.id, "the title is a joke")
    refusal.corrected = True
    moved_elsewhere(world)
    world.run()
    assert not replay(world.store, Selection()).letters
    assert (crm_title(world), [status for status, _ in states(world)]) == ("Clerk", ["discarded"])
    (person,) = find_person(world.store, contact_of(world)).entities
    told = [m.what for m in story(world.store, person).moments if m.kind == "letter_discarded"]
    assert told[0].endswith("discarded by a person: the title is a joke")
    titled(world, "Countess")
    assert crm_title(world) == "Countess"


def test_giving_up_can_be_taken_back(world: World, refusal: Refusal) -> None:
    """The letter is open again, and replayed; both words said twice change nothing."""
    titled(world, "Countess!!")
    (letter,) = letters(world)
    for _ in range(2):
        assert discard(world.store, letter.id, "a joke").status == "discarded"
    for _ in range(2):
        assert take_up(world.store, letter.id).status == "open"
    refusal.corrected = True
    assert len(replay(world.store, Selection()).letters) == 1
    world.run()
    assert crm_title(world) == "Countess!!"


def test_what_is_not_open_cannot_be_given_up(world: World, refusal: Refusal) -> None:
    """A letter that is replayed, or that nobody has: an error, and nothing is changed."""
    titled(world, "Countess!!")
    (letter,) = letters(world)
    refusal.corrected = True
    replay(world.store, Selection())
    for number, told in ((letter.id, "replayed"), (99, "no dead letter")):
        with pytest.raises(LetterError, match=told):
            discard(world.store, number, "why")
        with pytest.raises(LetterError, match=told):
            take_up(world.store, number)
    assert [status for status, _ in states(world)] == ["replayed"]
