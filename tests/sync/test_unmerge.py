"""A wrong link accepted, synced for a week and undone: as if it had never been made."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from mappings.records import EventKind, Json, Record, RecordRef
from mappings.required_fields import CRM_KEY, EVENT_KEY
from state import reviews
from sync.reviewing import accept, listed, reject
from sync.undo.choose import UndoError, Wanted
from sync.undo.run import Undone, undo
from sync.undo.scene import Evidence
from tests.sync.world import OPT_OUT, START, World

SHARED = "home@lopez-ltd.com"
EVIDENCE = Evidence("double opt-in", date(2026, 4, 1))
VOLATILE = {"leadloop_crm_id"}


class Twin:
    """One world: Maria's contact and Peter's CRM Contact, who share an address and nothing else."""

    def __init__(self, folder: Path, *, wrong: bool) -> None:
        folder.mkdir()
        self.world = World.build(folder)
        self.maria = self.world.contact("Maria", "Lopez", email=SHARED, jobtitle="Nurse")
        self.peter = self.world.crm_contact(
            "Peter", "Grant", Email=SHARED, Title="Pilot", Phone="+44 20 7946 0001"
        )
        self.world.first()
        (item,) = listed(self.world.store)
        decide = accept if wrong else reject
        decide(self.world.desk, item.id)
        self.world.run()
        self.day = 0
        self._next_day()

    def week(self) -> None:
        """What people do in a week, whoever they are taken for."""
        world = self.world
        world.fills(SHARED)
        world.happens(EventKind.EMAIL_OPEN, SHARED)
        self._next_day()
        world.hubspot.edit("contacts", self.maria, {"jobtitle": "Matron", "city": "Leeds"})
        self._next_day()
        world.salesforce.edit("Contact", self.peter, {"Phone": "+44 20 7946 0099"}, by="rep")
        self._next_day()
        deal = {"Name": "Big", "StageName": "Prospecting", "Amount": 100}
        opportunity = world.salesforce.put(
            "Opportunity", {**deal, "CloseDate": "2026-05-01", "IsClosed": False, "IsWon": False}
        )
        role = {"OpportunityId": opportunity, "ContactId": self.peter}
        world.salesforce.put("OpportunityContactRole", role)
        self._next_day()
        world.salesforce.edit("Contact", self.peter, {"HasOptedOutOfEmail": True}, by="rep")
        self._next_day()
        world.fills(SHARED, "Webinar")
        world.happens(EventKind.EMAIL_CLICK, SHARED)
        self._next_day()
        world.hubspot.edit("contacts", self.maria, {"jobtitle": "Director"})
        self._next_day()

    def _next_day(self) -> None:
        self.world.run()
        self.day += 1
        self.world.time.at = START + timedelta(days=self.day)

    def undo(self) -> Undone:
        """The wrong link is taken apart, and the next runs go on from there."""
        done = undo(
            self.world.pair,
            Wanted(link=f"salesforce:Contact:{self.peter}", evidence=EVIDENCE),
        )
        for _ in range(3):
            self.world.run()
        return done

    def picture(self) -> dict[str, list[Json]]:
        """What both systems hold, but for ids and stamps."""
        world = self.world
        people = {
            record.ref.id: str(record.fields["LastName"])
            for name in ("Lead", "Contact")
            for record in world.salesforce.all(name)
        }
        return {
            "contacts": [_plain(record) for record in world.hubspot.all("contacts")],
            "crm": [_plain(r) for n in ("Contact", "Lead") for r in world.salesforce.all(n)],
            "tasks": sorted(
                [people[str(task.fields["WhoId"])], str(task.fields[EVENT_KEY])]
                for task in world.salesforce.all("Task")
            ),
            "deals": [_plain(record) for record in world.hubspot.all("deals")],
            "opportunities": [_plain(record) for record in world.salesforce.all("Opportunity")],
        }


def _plain(record: Record) -> dict[str, Json]:
    return {
        name: value
        for name, value in record.fields.items()
        if value not in (None, "", "false", False) and name not in VOLATILE
    }


def twins(tmp_path: Path) -> tuple[Twin, Twin]:
    """The world in which the wrong link was accepted, and the one in which it never was."""
    return Twin(tmp_path / "wrong", wrong=True), Twin(tmp_path / "right", wrong=False)


def test_after_a_week_it_is_as_if_the_link_had_never_been_made(tmp_path: Path) -> None:
    """Law 11: fields, Tasks, roll-ups, outcomes, deal, joins and consent of both systems are those
    of the world in which the link was never made; then there is silence."""
    wrong, right = twins(tmp_path)
    for twin in (wrong, right):
        twin.week()
    assert wrong.picture() != right.picture()
    done = wrong.undo()
    assert done.error is None
    for _ in range(3):
        right.world.run()
    assert wrong.picture() == right.picture()
    assert wrong.world.settled()
    assert wrong.world.hubspot.all("deals") == []
    for twin in (wrong, right):
        twin.world.close()


def test_the_two_stay_apart_for_good(tmp_path: Path) -> None:
    """The pair is a non-match: no later change brings them together, and nobody is asked again."""
    twin = Twin(tmp_path / "w", wrong=True)
    twin.undo()
    left, right = f"hubspot:contacts:{twin.maria}", f"salesforce:Contact:{twin.peter}"
    with twin.world.store.read() as tx:
        assert (left, right) in reviews.ruled_out(tx, [left])
    twin.world.salesforce.edit("Contact", twin.peter, {"FirstName": "Maria", "LastName": "Lopez"})
    for _ in range(2):
        twin.world.run()
    assert twin.world.map_record(twin.maria).fields["jobtitle"] == "Nurse"
    assert twin.world.salesforce.get("Contact", twin.peter).fields["Title"] == "Pilot"
    assert twin.world.salesforce.get("Contact", twin.peter).fields[CRM_KEY] is None
    twin.world.close()


def test_what_people_changed_themselves_stays_and_is_listed(tmp_path: Path) -> None:
    """A rep's own edit over a wrongly written value is left, and named with who made it."""
    twin = Twin(tmp_path / "w", wrong=True)
    world = twin.world
    world.salesforce.edit("Contact", twin.peter, {"MailingCity": "Leeds"}, by="rep-1")
    world.hubspot.edit("contacts", twin.maria, {"jobtitle": "Matron"})
    world.run()
    title = world.salesforce.get("Contact", twin.peter).fields["Title"]
    world.salesforce.edit("Contact", twin.peter, {"Title": "Captain"}, by="rep-1")
    done = twin.undo()
    assert title != "Pilot"
    assert ("Title", "changed_since", "rep-1") in {(k.field, k.reason, k.by) for k in done.kept}
    assert world.salesforce.get("Contact", twin.peter).fields["Title"] == "Captain"
    world.close()


@pytest.mark.parametrize("evidence", [None, EVIDENCE])
def test_the_opt_out_of_a_shared_address_stays(tmp_path: Path, evidence: Evidence | None) -> None:
    """Law 7 is above law 11: an opt-out that came across the link is not taken back, evidence or
    not, while somebody else at the same address is opted out. It is one mailbox."""
    twin = Twin(tmp_path / "w", wrong=True)
    twin.world.salesforce.edit("Contact", twin.peter, {"HasOptedOutOfEmail": True})
    twin.world.run()
    done = undo(twin.world.pair, Wanted(link=f"contacts:{twin.maria}", evidence=evidence))
    assert {k.reason for k in done.kept} == {"opt_out_stands"}
    assert twin.world.map_record(twin.maria).fields[OPT_OUT] == "true"
    twin.world.close()


@pytest.mark.parametrize("calls", [1, 2, 3])
@pytest.mark.parametrize("applied", [True, False])
def test_an_unmerge_with_lost_replies_is_finished_by_the_next_runs(
    tmp_path: Path, calls: int, applied: bool
) -> None:
    """Laws 3 and 11: whatever replies are lost, the runs after it come to the same two worlds."""
    wrong, right = twins(tmp_path)
    for twin in (wrong, right):
        twin.week()
    wrong.world.salesforce.lose_reply(calls, applied=applied)
    wrong.undo()
    for twin in (wrong, right):
        for _ in range(3):
            twin.world.run()
    assert wrong.picture() == right.picture()
    assert wrong.world.settled()
    for twin in (wrong, right):
        twin.world.close()


def test_undoing_the_same_link_again_says_there_is_none(tmp_path: Path) -> None:
    """The second time there is no link to take apart, and nothing is written."""
    twin = Twin(tmp_path / "w", wrong=True)
    twin.undo()
    before = twin.world.writes()
    with pytest.raises(UndoError):
        undo(twin.world.pair, Wanted(link=str(RecordRef("salesforce", "Contact", twin.peter))))
    assert twin.world.writes() == before
    twin.world.close()


def test_taking_a_wrong_link_back_is_not_undone(tmp_path: Path) -> None:
    """Undoing that run would write across the wrong link again: it is refused, with the way out."""
    twin = Twin(tmp_path / "w", wrong=True)
    done = twin.undo()
    before = twin.world.writes()
    with pytest.raises(UndoError) as refused:
        undo(twin.world.pair, Wanted(run_id=done.run_id))
    assert refused.value.code == "undo.unmerge_stands"
    assert twin.world.writes() == before
    twin.world.close()
