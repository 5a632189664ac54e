"""One vendor that rests, for want of calls or because it is down, never stops the other's work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mappings.errors import (
    AuthenticationError,
    LeadloopError,
    OutcomeUnknownError,
    QuotaExhaustedError,
    RateLimitedError,
    UnavailableError,
)
from mappings.records import EventKind, Side
from state import outbox
from sync.plan_consent import OPT_OUT_MAP
from sync.run import Report
from tests.sync.world import World

HOUR = timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world behind the limiters of production."""
    built = World.build(tmp_path, limited=True)
    yield built
    built.close()


def two(world: World) -> list[tuple[str, str]]:
    """Ann and Bob on both sides, in step."""
    people = [
        (world.contact("Ann", "Lee", jobtitle="Clerk"), world.lead("Ann", "Lee")),
        (world.contact("Bob", "Ray", jobtitle="Clerk"), world.lead("Bob", "Ray")),
    ]
    world.first()
    assert world.settled()
    return people


def code(report: Report) -> str | None:
    """What a run ended with."""
    return report.error.code if report.error else None


def used(world: World, side: Side, share: float) -> None:
    """The vendor says that so much of the day is used."""
    world.pair.turns[side].observe(daily_limit=100_000, daily_used=int(100_000 * share))


@pytest.mark.parametrize(
    "error",
    [
        UnavailableError("down"),
        AuthenticationError("no"),
        RateLimitedError("wait", retry_after=60),
        QuotaExhaustedError("used up"),
    ],
    ids=lambda error: error.code,
)
@pytest.mark.parametrize("down", ["hubspot", "salesforce"])
def test_what_one_side_has_to_say_waits_for_the_other(
    world: World, error: LeadloopError, down: str
) -> None:
    """Changes of the side that is up land and wait; nobody is created on half a view; when the
    other is back everything arrives, once."""
    people = two(world)
    away = world.hubspot if down == "hubspot" else world.salesforce
    away.fail(error, calls=3)
    world.contact("New", "Person")
    world.hubspot.edit("contacts", people[0][0], {"jobtitle": "Poet"})
    world.salesforce.edit("Lead", people[1][1], {"Phone": "+442079460001"})
    report = world.run()
    assert (report.status, code(report)) == ("failed", error.code)
    assert len(world.salesforce.all("Lead")) == 2
    for _ in range(4):
        world.time.at += timedelta(minutes=16)
        report = world.run()
    assert report.status == "ok"
    assert len(world.salesforce.all("Lead")) == 3
    assert world.salesforce.get("Lead", people[0][1]).fields["Title"] == "Poet"
    assert world.map_record(people[1][0]).fields["phone"] == "+442079460001"
    assert world.settled()


def test_consent_crosses_while_everyday_work_waits_for_its_allowance(world: World) -> None:
    """Law 7: with nine tenths of our share of both days used, opt-outs go both ways within a
    quarter of an hour; edits wait for the new day and then arrive."""
    (ann, ann_lead), (bob, bob_lead) = two(world)
    world.time.at += HOUR
    for side in Side:
        used(world, side, 0.8 * 0.92)
    world.hubspot.edit("contacts", ann, {OPT_OUT_MAP: "true", "jobtitle": "Poet"})
    world.salesforce.edit("Lead", bob_lead, {"HasOptedOutOfEmail": True, "Phone": "+442079460002"})
    report = world.run()
    assert code(report) == "remote.lane_deferred"
    lead = world.salesforce.get("Lead", ann_lead).fields
    assert (lead["HasOptedOutOfEmail"], lead["Title"]) == (True, "Clerk")
    contact = world.map_record(bob).fields
    assert (contact[OPT_OUT_MAP], contact["phone"]) == ("true", None)
    world.time.at += HOUR
    for side in Side:
        used(world, side, 0.0)
    world.run()
    assert world.salesforce.get("Lead", ann_lead).fields["Title"] == "Poet"
    assert world.map_record(bob).fields["phone"] == "+442079460002"
    assert world.settled()


def test_a_side_that_waits_is_called_rarely(world: World) -> None:
    """While everyday reading waits, two hours of runs cost it a few calls in consent's lane: Leads
    and Contacts, every quarter of an hour."""
    two(world)
    world.time.at += HOUR
    calls, began = 0, world.time.at
    while world.time.at - began < 2 * HOUR:
        used(world, Side.CRM, 0.8 * 0.92)
        before = world.pair.turns[Side.CRM].account.known().daily_used or 0
        world.time.at += timedelta(minutes=1)
        assert world.run().status == "failed"
        calls += (world.pair.turns[Side.CRM].account.known().daily_used or 0) - before
    assert 2 * 8 <= calls <= 2 * 9


def test_what_was_journaled_waits_in_its_lane_and_says_so(world: World) -> None:
    """The day runs short between planning and sending: writes wait, by lane, with the instant at
    which it is looked at again; they are not lost and not sent twice."""
    (ann, ann_lead), _ = two(world)
    world.hubspot.edit("contacts", ann, {"jobtitle": "Poet"})
    world.fills("ann.lee@example-lee.com")
    write = world.salesforce.write

    def short(rows: list[object]) -> list[object]:
        used(world, Side.CRM, 0.8 * 0.92)
        world.salesforce.write = write  # type: ignore[method-assign]
        return write(rows)  # type: ignore[arg-type,return-value]

    world.salesforce.write = short  # type: ignore[method-assign,assignment]
    report = world.run()
    assert len(world.salesforce.all("Task")) == 1
    told = report.counts["deferred"]["salesforce"]
    assert told["lanes"] == {"incremental": 1}
    assert (told["code"], report.exit_code) == ("remote.lane_deferred", 6)
    assert told["until"] is not None
    world.run()
    assert world.salesforce.get("Lead", ann_lead).fields["Title"] == "Clerk"
    world.time.at += HOUR
    used(world, Side.CRM, 0.0)
    world.run()
    assert world.salesforce.get("Lead", ann_lead).fields["Title"] == "Poet"
    assert len(world.salesforce.all("Task")) == 1
    assert world.settled()


def test_an_opt_out_goes_before_what_waits_for_the_same_person(world: World) -> None:
    """Law 7: an edit that was journaled waits for its allowance, for a day if need be; the same
    person's opt-out does not wait with it. Both arrive, each once."""
    (ann, ann_lead), _ = two(world)
    world.hubspot.edit("contacts", ann, {"jobtitle": "Poet"})
    world.fills("ann.lee@example-lee.com")
    write = world.salesforce.write

    def short(rows: list[object]) -> list[object]:
        used(world, Side.CRM, 0.8 * 0.92)
        world.salesforce.write = write  # type: ignore[method-assign]
        return write(rows)  # type: ignore[arg-type,return-value]

    world.salesforce.write = short  # type: ignore[method-assign,assignment]
    world.run()
    world.hubspot.edit("contacts", ann, {OPT_OUT_MAP: "true"})
    world.time.at += timedelta(minutes=16)
    used(world, Side.CRM, 0.8 * 0.92)
    world.run()
    lead = world.salesforce.get("Lead", ann_lead).fields
    assert (lead["HasOptedOutOfEmail"], lead["Title"]) == (True, "Clerk")
    world.time.at += HOUR
    used(world, Side.CRM, 0.0)
    world.run()
    assert world.salesforce.get("Lead", ann_lead).fields["Title"] == "Poet"
    written = [row.fields.get("HasOptedOutOfEmail") for row in world.salesforce.history]
    assert written.count(True) == 1
    assert world.settled()


def test_looking_for_a_lost_reply_waits_for_its_lane_and_holds_no_opt_out(world: World) -> None:
    """Law 7: whether a write arrived is looked up in its own lane. Where that lane waits, others'
    opt-outs go all the same, and the write is settled when the lane goes again."""
    (ann, ann_lead), (bob, bob_lead) = two(world)
    world.hubspot.edit("contacts", ann, {"jobtitle": "Poet"})
    write = world.salesforce.write

    def lost(rows: list[object]) -> list[object]:
        world.salesforce.write = write  # type: ignore[method-assign]
        write(rows)  # type: ignore[arg-type]
        raise OutcomeUnknownError("the reply was lost", system="salesforce")

    world.salesforce.write = lost  # type: ignore[method-assign,assignment]
    world.run()
    world.hubspot.edit("contacts", bob, {OPT_OUT_MAP: "true"})
    world.time.at += timedelta(minutes=16)
    used(world, Side.CRM, 0.8 * 0.92)
    assert code(world.run()) == "remote.lane_deferred"
    assert world.salesforce.get("Lead", bob_lead).fields["HasOptedOutOfEmail"] is True
    world.time.at += HOUR
    used(world, Side.CRM, 0.0)
    world.run()
    assert world.salesforce.get("Lead", ann_lead).fields["Title"] == "Poet"
    titles = [row.fields.get("Title") for row in world.salesforce.history]
    assert titles.count("Poet") == 1
    with world.store.read() as tx:
        assert outbox.unsettled(tx) == []
    assert world.settled()


def test_a_deferred_write_gives_way_to_a_later_edit(world: World) -> None:
    """What was planned yesterday is planned anew before it is sent: what somebody wrote meanwhile
    in the field's own system is not undone by an old plan."""
    (ann, ann_lead), _ = two(world)
    world.hubspot.edit("contacts", ann, {"jobtitle": "Poet"})
    write = world.salesforce.write

    def refused(rows: list[object]) -> list[object]:
        raise UnavailableError("down", system="salesforce")

    world.salesforce.write = refused  # type: ignore[method-assign,assignment]
    world.run()
    world.salesforce.write = write  # type: ignore[method-assign]
    world.hubspot.edit("contacts", ann, {"jobtitle": "Countess"})
    world.run()
    assert world.salesforce.get("Lead", ann_lead).fields["Title"] == "Countess"
    titles = [row.fields["Title"] for row in world.salesforce.history if "Title" in row.fields]
    assert "Poet" not in titles
    assert world.settled()


def test_what_waits_for_its_allowance_costs_no_look_ups(world: World) -> None:
    """Writes that were never sent are not searched for at the vendor, run after run."""
    (ann, _), _ = two(world)
    world.happens(EventKind.EMAIL_OPEN, "ann.lee@example-lee.com")
    for family in ("Adler", "Brown", "Cortez", "Dixon", "Egede"):
        world.contact("Anna", family)
    write = world.salesforce.write

    def refused(rows: list[object]) -> list[object]:
        raise UnavailableError("down", system="salesforce")

    world.salesforce.write = refused  # type: ignore[method-assign,assignment]
    world.run()
    before = world.salesforce.calls["find"]
    for _ in range(3):
        world.run()
    assert world.salesforce.calls["find"] == before
    world.salesforce.write = write  # type: ignore[method-assign]
    world.run()
    assert len(world.salesforce.all("Lead")) == 7
    assert world.settled()
    with world.store.read() as tx:
        assert outbox.dead_count(tx) == 0
    assert ann
