"""What sales did is read: Tasks and meetings land, are told apart, and go with the person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lifecycle.timeline import MomentKind
from mappings.errors import RecordRejectedError
from mappings.ports import Landed, Page
from mappings.records import Json, Record, RecordRef
from mappings.required_fields import EVENT_KEY
from state import mirror
from state.traces import rows_of
from sync.activities import done_at, entry_of, moment_of
from sync.erasure.find import Ground, find
from tests.sync.world import Vendor, World

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
REP = "005000000000001AAA"


def activity(kind: str, **fields: Json) -> Record:
    """A Task or meeting as it was read."""
    whole: dict[str, Json] = {"CreatedById": REP, "WhoId": "00Q1", "Subject": "Call", **fields}
    return Record(RecordRef("salesforce", kind, "1"), whole, "1", NOON, created_at=NOON)


@pytest.mark.parametrize(
    ("record", "kind", "at"),
    [
        (activity("Task", IsClosed=True, TaskSubtype="Call"), MomentKind.CALL, NOON),
        (activity("Task", IsClosed=True, TaskSubtype="Email"), MomentKind.EMAIL_MESSAGE, NOON),
        (
            activity("Task", IsClosed=True, CompletedDateTime="2026-03-04T09:00:00.000+0000"),
            MomentKind.TASK,
            datetime(2026, 3, 4, 9, tzinfo=UTC),
        ),
        (
            activity("Event", StartDateTime="2026-03-05T10:00:00.000+0000"),
            MomentKind.MEETING,
            datetime(2026, 3, 5, 10, tzinfo=UTC),
        ),
        (
            activity("Event", ActivityDate="2026-03-05"),
            MomentKind.MEETING,
            datetime(2026, 3, 5, tzinfo=UTC),
        ),
    ],
)
def test_what_was_done_is_a_moment_when_it_was_done(
    record: Record, kind: MomentKind, at: datetime
) -> None:
    """A call, a mail, a finished task and a meeting count at the time of doing, for their maker."""
    moment = moment_of(record)
    assert moment is not None
    assert (moment.kind, moment.at, moment.actor) == (kind, at, REP)


def test_a_task_that_was_asked_for_is_its_finishers_doing() -> None:
    """A handoff's task counts once a human has finished it, for them; while it is open, or where it
    was finished from the start since it logs an event, it counts for nobody."""
    later = "2026-03-02T15:00:00.000+0000"
    asked = activity("Task", IsClosed=True, CompletedDateTime=later, **{EVENT_KEY: "k"})
    moment = moment_of(replace(asked, modified_by="005REP"))
    assert moment is not None
    assert (moment.actor, moment.at) == ("005REP", datetime(2026, 3, 2, 15, tzinfo=UTC))
    assert moment_of(activity("Task", IsClosed=False, **{EVENT_KEY: "k"})) is None
    assert moment_of(activity("Task", IsClosed=True, **{EVENT_KEY: "k"})) is None


@pytest.mark.parametrize(
    "record",
    [
        activity("Task", IsClosed=False),
        activity("Task", IsClosed=True, TaskSubtype="ListEmail"),
        activity("Task", IsClosed=True, **{EVENT_KEY: "hubspot:1"}),
        activity("Event", StartDateTime="soon", ActivityDate="someday"),
    ],
)
def test_what_was_not_done_is_no_moment(record: Record) -> None:
    """An open task, mail to a list, what Leadloop logged itself and a meeting without a date that
    can be read reach nobody."""
    assert moment_of(record) is None


def test_an_entry_says_what_it_is_logged_on() -> None:
    """An open Task of Leadloop's is an entry that is not done, on the person's record."""
    entry = entry_of(activity("Task", IsClosed=False, WhatId="0061", **{EVENT_KEY: "k"}))
    assert (entry.on, entry.about, entry.logged, entry.done) == ("00Q1", "0061", True, None)
    assert done_at(activity("Task", IsClosed=True)) == NOON


class Unreadable(Vendor):
    """A vendor whose Tasks the API user may not read."""

    def changes(
        self, stream: str, since: Mapping[str, Json] | None, *, landed: Landed
    ) -> Iterator[Page]:
        """Everything but Tasks."""
        if stream == "Task":
            raise RecordRejectedError("sObject type is not supported", code="record.rejected")
        return super().changes(stream, since, landed=landed)


def test_an_org_that_shows_no_activities_is_synchronised_all_the_same(tmp_path: Path) -> None:
    """Where the API user may not read Tasks, people are linked and written as ever."""
    world = World.build(tmp_path, vendor=Unreadable)
    contact = world.contact("Ada", "Byron")
    report = world.first()
    assert report.error is None
    assert report.counts["streams_failed"] == {"salesforce:Task": "record.rejected"}
    assert world.counterpart(contact).ref.object == "Lead"
    world.close()


def test_activities_land_by_person_and_are_erased_with_them(world: World) -> None:
    """A rep's Task is found by the Lead it is on, sets off no write, and is among what an erasure
    of the person removes."""
    lead = world.lead("Ada", "Byron")
    world.contact("Ada", "Byron")
    task = world.salesforce.put("Task", {"WhoId": lead, "Subject": "Call", "IsClosed": True})
    world.first()
    assert world.settled()
    with world.store.read() as tx:
        found = [row.record.ref.id for row in mirror.by_lookup(tx, "Task", [lead])]
        who = find(Ground(world.pair.mapping, "hubspot", None), tx, "ada.byron@example-byron.com")
        assert who is not None
        named = {(name, row.get("record_id")) for name, row in rows_of(tx, who.traces)}
    assert found == [task]
    assert ("records", task) in named
