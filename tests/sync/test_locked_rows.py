"""A row somebody else holds is sent again: not at once, not for ever; the rest does not wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from mappings.errors import RecordRejectedError
from mappings.records import Operation, Outcome, OutcomeStatus, Write
from state import outbox
from state.open import open_store
from sync.fates import TRIES
from sync.run import Report, run_once
from tests.databases import state_url
from tests.sync.world import OPT_OUT, Ticking, Vendor, World

CYCLE = timedelta(minutes=1)


class Locking(Vendor):
    """A vendor on which somebody holds records: writes to them ask to be sent again."""

    held: frozenset[str] = frozenset()
    refused: tuple[Write, ...] = ()

    def _apply(self, row: Write) -> Outcome:
        if row.id not in self.held:
            return super()._apply(row)
        self.refused = (*self.refused, row)
        error = RecordRejectedError("somebody holds the row", code="record.locked")
        return Outcome(row.key, OutcomeStatus.RETRY, row.id, error=error)

    def sent(self, record_id: str, operation: Operation = Operation.UPDATE) -> int:
        """How often such a write to this record was sent in vain."""
        return sum(1 for row in self.refused if (row.id, row.operation) == (record_id, operation))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two people in both systems, in step."""
    made = World.build(tmp_path, vendor=Locking)
    yield made
    made.close()


def two(world: World) -> tuple[tuple[str, str], tuple[str, str]]:
    """Two linked people: contact and Lead of each."""
    found = tuple(
        (world.contact(first, last), world.lead(first, last))
        for first, last in (("Ada", "Byron"), ("Emmy", "Noether"))
    )
    world.first()
    assert world.settled()
    return found[0], found[1]


def hold(world: World, *record_ids: str) -> Locking:
    """Somebody holds these CRM records from now on."""
    assert isinstance(world.salesforce, Locking)
    world.salesforce.held = frozenset(record_ids)
    return world.salesforce


def cycle(world: World) -> Report:
    """One cycle of the daemon, a minute after the last."""
    world.time.at += CYCLE
    return run_once(world.pair, everything=False)


def tire(world: World, crm: Locking, lead: str) -> None:
    """Cycles until the row has just been sent so often that its next time is half an hour away."""
    while crm.sent(lead) < TRIES - 3:
        cycle(world)


def test_one_run_sends_a_locked_row_once_and_the_next_one_again(world: World) -> None:
    """The connector has waited already: the run goes on to the others, and ends. Once the lock is
    gone the next run delivers, and no dead letter was made of it."""
    (ada, lead), (emmy, other) = two(world)
    crm = hold(world, lead)
    world.hubspot.edit("contacts", ada, {"jobtitle": "Countess"})
    world.hubspot.edit("contacts", emmy, {"jobtitle": "Professor"})
    report = world.run()
    assert crm.sent(lead) == 1
    assert crm.get("Lead", other).fields["Title"] == "Professor"
    assert report.counts["dead_letters"] == 0
    assert report.counts["open"]["open"] == 1
    hold(world)
    world.run()
    assert crm.get("Lead", lead).fields["Title"] == "Countess"
    assert world.settled()


def test_pauses_grow_until_the_row_is_given_up_hours_later(world: World) -> None:
    """A row that stays locked is sent by twelve cycles over more than two hours, then becomes a
    dead letter that names the lock; the other rows of all those cycles went."""
    (ada, lead), _ = two(world)
    crm = hold(world, lead)
    world.hubspot.edit("contacts", ada, {"jobtitle": "Countess"})
    began = world.time.at
    sent: list[datetime] = []
    while not cycle(world).counts["dead_letters"]:
        if crm.sent(lead) > len(sent):
            sent.append(world.time.at)
        assert world.time.at - began < timedelta(hours=12)
    assert len(sent) == TRIES == crm.sent(lead)
    assert sent[-1] - began > timedelta(hours=2)
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert gaps[0] < gaps[5] < gaps[-1] < timedelta(minutes=45)
    with world.store.read() as tx:
        letters = outbox.dead_letters(tx)
    assert [letter.code for letter in letters] == ["record.gave_up"]
    assert "record.locked" in letters[0].message


def test_an_opt_out_is_tried_every_few_minutes(world: World) -> None:
    """Law 7: a Lead is locked for more cycles than any other row would be sent in, and its opt-out
    is sent as soon as the lock has gone; until then every five minutes or so."""
    (ada, lead), _ = two(world)
    crm = hold(world, lead)
    world.hubspot.edit("contacts", ada, {OPT_OUT: "true"})
    began = world.time.at
    while crm.sent(lead, Operation.OPT_OUT) <= TRIES:
        cycle(world)
    assert world.time.at - began < timedelta(hours=2)
    hold(world)
    for _ in range(8):
        cycle(world)
    assert crm.get("Lead", lead).fields["HasOptedOutOfEmail"] is True


def test_who_asks_for_a_run_gets_everything_tried(world: World) -> None:
    """A row that is due in half an hour is sent by `leadloop sync` all the same."""
    (ada, lead), _ = two(world)
    crm = hold(world, lead)
    world.hubspot.edit("contacts", ada, {"jobtitle": "Countess"})
    tire(world, crm, lead)
    before = crm.sent(lead)
    cycle(world)
    assert crm.sent(lead) == before
    hold(world)
    world.run()
    assert crm.get("Lead", lead).fields["Title"] == "Countess"


def test_the_pause_survives_a_restart_and_a_clock_set_back(world: World, tmp_path: Path) -> None:
    """The instant is kept in the state; one that lies further ahead than any pause can only be
    there because the clock was set back, and holds nothing up."""
    (ada, lead), _ = two(world)
    crm = hold(world, lead)
    world.hubspot.edit("contacts", ada, {"jobtitle": "Countess"})
    tire(world, crm, lead)
    before = crm.sent(lead)
    world.store.close()
    time = Ticking(world.time.at)
    again = open_store(state_url(tmp_path), clock=time.now, pair="main")
    world.pair = replace(world.pair, store=again, clock=time.now)
    run_once(world.pair, everything=False)
    assert crm.sent(lead) == before
    time.at -= timedelta(days=2)
    hold(world)
    run_once(world.pair, everything=False)
    run_once(world.pair, everything=False)
    assert crm.get("Lead", lead).fields["Title"] == "Countess"
