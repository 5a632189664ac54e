"""Deletions are held in case they are half of a merge: every order of what may come."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.records import Event, Record, RecordRef, Side
from state import due, identity
from sync.held import DELETION
from sync.plan_consent import OPT_OUT_MAP
from tests.sync.world import Vendor, World

HOLD = timedelta(minutes=15)
EMAIL = "ann.lee@example-lee.com"
SETTLE = 3
RUN = "run"


class Story:
    """Ann, in step on both sides, and what happens to the record that is deleted."""

    def __init__(self, world: World, side: Side) -> None:
        world.pair = replace(world.pair, hold_deletions=HOLD)
        self.world, self.side = world, side
        self.contact = world.contact("Ann", "Lee", phone="+1 212 555 0001")
        self.lead = world.lead("Ann", "Lee", Phone="+1 212 555 0001")
        world.first()
        assert world.settled()
        self.events: list[Event] = []
        self.deleted_at: int | None = None
        self.merged = False

    def tell(self, step: str) -> None:
        """One thing happens."""
        getattr(self, f"_{step}")()

    def _run(self) -> None:
        report = self.world.run()
        assert report.error is None, report.error

    def _delete(self) -> None:
        if self._record.deleted:
            return
        self._place.remove(self._object, self._record.ref.id)
        self.deleted_at = self.world.writes()

    def _restore(self) -> None:
        if self.merged:  # what was merged away stays away
            return
        self._place.restore(self._object, self._record.ref.id)

    def _merge(self) -> None:
        """The other half: HubSpot's survivor has a new id and names the losers; Salesforce's loser
        names its master."""
        if self.merged:
            return
        self.merged = True
        if self.side is Side.MAP:
            fields = {**self._record.fields, "hs_merged_object_ids": self.contact}
            self._place.remove("contacts", self.contact)
            self.world.hubspot.put("contacts", fields)
        else:
            master = self.world.lead("Anna", "Leigh")
            self._place.remove("Lead", self.lead, merged_into=master)

    def _edit(self) -> None:
        if self.side is Side.MAP:
            self.world.salesforce.edit("Lead", self.lead, {"Title": "Director"})
        else:
            self.world.hubspot.edit("contacts", self.contact, {"jobtitle": "Director"})

    def _fill(self) -> None:
        self.events.append(self.world.fills(EMAIL))

    @property
    def _place(self) -> Vendor:
        return self.world.hubspot if self.side is Side.MAP else self.world.salesforce

    @property
    def _object(self) -> str:
        return "contacts" if self.side is Side.MAP else "Lead"

    @property
    def _record(self) -> Record:
        return self._place.get(self._object, self.contact if self.side is Side.MAP else self.lead)

    def link(self) -> identity.Link:
        """The link of the record."""
        ref = self._record.ref
        with self.world.store.read() as tx:
            return identity.links_of(tx, [ref])[ref]

    def ends(self) -> None:
        """The hold is over and everything settles; the laws that a deletion could break hold."""
        self._run()
        self.world.time.at += HOLD + timedelta(minutes=1)
        for _ in range(SETTLE):
            self._run()
        assert self.world.settled()
        leads = [r for r in self.world.salesforce.all("Lead") if r.fields["LastName"] == "Lee"]
        contacts = self.world.hubspot.by("contacts", "email", EMAIL)
        alive = self.merged or not self._record.deleted
        if self.side is Side.MAP:
            assert [r.ref.id for r in leads] == [self.lead]
            assert len(contacts) == int(alive)
        else:
            assert [r.ref.id for r in contacts] == [self.contact]
            assert len(leads) == int(not self._record.deleted)
        for told in self.events:
            assert len(self.world.task_of(told)) <= 1
        if alive:
            assert all(self.world.task_of(told) for told in self.events)


@contextmanager
def story(side: Side, folder: Path | None = None) -> Iterator[Story]:
    """A story in a world of its own."""
    with tempfile.TemporaryDirectory() as fresh:
        world = World.build(folder or Path(fresh))
        try:
            yield Story(world, side)
        finally:
            world.close()


STEPS = ("delete", "merge", "restore", "edit", "fill")


@settings(max_examples=10, deadline=None)
@given(
    st.sampled_from(list(Side)),
    st.permutations(STEPS),
    st.sets(st.sampled_from(STEPS)),
    st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_every_order_of_deletion_merge_restoration_and_edits_keeps_the_laws(
    side: Side, order: list[str], left_out: set[str], runs: list[bool]
) -> None:
    """Laws 1, 2 and 8: within a run and across runs nobody is made twice, nothing that happened
    to a person who is still there is lost, and who was deleted does not come back."""
    with story(side) as told:
        for step, run in zip(order, runs, strict=True):
            if step not in left_out:
                told.tell(step)
            if run:
                told.tell(RUN)
        told.ends()


@pytest.mark.parametrize("side", list(Side))
def test_what_happens_while_a_deletion_is_held_waits_for_the_merge(side: Side) -> None:
    """Law 2: a form filled in between the two halves of a merge is on the survivor's record."""
    with story(side) as told:
        for step in ("delete", RUN, "fill", RUN):
            told.tell(step)
        assert told.link().status == "held"
        assert told.world.task_of(told.events[0]) == []
        told.tell("merge")
        told.ends()
        assert told.link().status == "alias"


@pytest.mark.parametrize("side", list(Side))
def test_a_deletion_that_stays_one_ends_the_link_when_its_time_is_up(side: Side) -> None:
    """Law 8: held for its time and no longer; nothing is written to the record meanwhile."""
    with story(side) as told:
        told.tell("delete")
        told.tell(RUN)
        told.tell("edit")
        told.tell(RUN)
        assert told.link().status == "held"
        assert told.world.writes() == told.deleted_at
        told.ends()
        assert told.link().status == "gone"


def test_an_opt_out_does_not_wait_for_a_held_deletion(tmp_path: Path) -> None:
    """Law 7: who opts out and is deleted is opted out in the CRM in that very run."""
    with story(Side.MAP, tmp_path) as told:
        told.world.hubspot.edit("contacts", told.contact, {OPT_OUT_MAP: "true"})
        told.tell("delete")
        told.tell(RUN)
        assert told.link().status == "held"
        assert told.world.salesforce.get("Lead", told.lead).fields["HasOptedOutOfEmail"] is True


def test_a_hold_survives_a_restart_and_ends_late_once(tmp_path: Path) -> None:
    """The wait is in the state: another process ends it, days late, and only once."""
    world = World.build(tmp_path, durable=True)
    told = Story(world, Side.CRM)
    told.tell("delete")
    told.tell(RUN)
    world.close()
    again = World.build(tmp_path, durable=True)
    again.time.at += timedelta(days=3)
    again.run()
    ref = RecordRef("salesforce", "Lead", told.lead)
    with again.store.read() as tx:
        assert identity.links_of(tx, [ref])[ref].status == "gone"
        assert DELETION not in due.waiting(tx)
    assert again.settled()
    again.close()


def test_without_a_hold_a_deletion_ends_the_link_at_once(world: World) -> None:
    """`hold_deletions: 0` is the behaviour of a pair that nobody merges in."""
    told = Story(world, Side.MAP)
    world.pair = replace(world.pair, hold_deletions=timedelta(0))
    told.tell("delete")
    told.tell(RUN)
    assert told.link().status == "gone"


def test_a_contact_that_comes_back_brings_no_deleted_lead_back(tmp_path: Path) -> None:
    """Law 8: a rep deleted the Lead; that the contact is deleted and restored afterwards is no word
    about the Lead. When the Lead itself is restored, the two are one person as before."""
    world = World.build(tmp_path)
    contact = world.contact("Ada", "Byron")
    world.first()
    lead = world.counterpart(contact).ref.id
    for act in (world.salesforce.remove, world.hubspot.remove, world.hubspot.restore):
        act(*(("Lead", lead) if act == world.salesforce.remove else ("contacts", contact)))
        world.run()
    world.hubspot.edit("contacts", contact, {"jobtitle": "Countess"})
    world.run()
    assert world.salesforce.all("Lead") == []
    world.salesforce.restore("Lead", lead)
    world.run()
    assert [r.fields["Title"] for r in world.salesforce.all("Lead")] == ["Countess"]
    assert world.settled()
    world.close()
