"""Law 7 by scope: a refusal of one subscription type holds on both sides, and stays that one's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from mappings.errors import Position
from mappings.fieldmap import ConsentRule
from mappings.records import Operation, Record
from sync.undo.choose import Wanted
from sync.undo.run import undo
from sync.undo.scene import Evidence
from tests.sync.world import OPT_OUT, World, preset

ALL = "HasOptedOutOfEmail"
NEWS = "Newsletter_Opt_Out__c"
TYPE = "9714480"
NEWS_MAP = f"{OPT_OUT}_{TYPE}"
EVIDENCE = Evidence("asked for the newsletter by letter", date(2026, 3, 1))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A pair whose CRM has a flag for the newsletter beside the one for all mail."""
    at = Position("people.yaml", 1, 1)
    newsletter = ConsentRule({"Lead": NEWS, "Contact": NEWS}, TYPE, at)
    mapping = preset()
    made = World.build(tmp_path, mapping=replace(mapping, consent=(*mapping.consent, newsletter)))
    yield made
    made.close()


def linked(world: World) -> tuple[str, str]:
    """Ada on both sides, after the first run."""
    contact, lead = world.contact("Ada", "Byron"), world.lead("Ada", "Byron")
    world.first()
    return contact, lead


def refused(record: Record) -> set[str]:
    """What a record says its person refuses."""
    names = {OPT_OUT: "all", ALL: "all", NEWS_MAP: "news", NEWS: "news"}
    return {word for name, word in names.items() if record.fields.get(name) in (True, "true")}


def both(world: World, contact: str, lead: str) -> tuple[set[str], set[str]]:
    """What contact and Lead say."""
    return refused(world.map_record(contact)), refused(world.salesforce.get("Lead", lead))


@pytest.mark.parametrize("crm", [True, False])
def test_one_type_refused_on_one_side_is_refused_on_both(world: World, *, crm: bool) -> None:
    """The newsletter alone is refused, in either system; the other follows, all mail goes on, and
    further runs have nothing to do."""
    contact, lead = linked(world)
    if crm:
        world.salesforce.edit("Lead", lead, {NEWS: True})
    else:
        world.hubspot.edit("contacts", contact, {NEWS_MAP: "true"})
    world.run()
    assert both(world, contact, lead) == ({"news"}, {"news"})
    assert world.settled()


def test_each_scope_travels_alone_in_every_order(world: World) -> None:
    """Both refusals, told by either side in any order and in one run or two: both hold on both
    sides, and neither is taken for the other on the way."""
    people = []
    for name, order in enumerate(itertools.permutations(("news", "all"))):
        for together in (True, False):
            family = f"Person{name}{together}"
            ids = (world.contact("Ada", family), world.lead("Ada", family))
            people.append((ids, order, together))
    world.first()
    for step in (0, 1):
        for (contact, lead), order, together in people:
            for word in order if together and step == 0 else order[step : step + 1]:
                if word == "news":
                    world.salesforce.edit("Lead", lead, {NEWS: True})
                else:
                    world.hubspot.edit("contacts", contact, {OPT_OUT: "true"})
        world.run()
        for (contact, lead), order, together in people:
            want = set(order) if together or step else {order[0]}
            assert both(world, contact, lead) == (want, want)
    assert world.settled()


def test_a_refusal_reaches_the_mailbox_and_a_lead_that_is_made(world: World) -> None:
    """A new Lead is made with the refusals of its contact; somebody else's Lead with the address
    follows as well."""
    contact = world.contact("Ada", "Byron", **{NEWS_MAP: "true"})
    other = world.lead("Peter", "Grant", Email="ada.byron@example-byron.com".upper())
    world.hubspot.edit("contacts", contact, {"email": "ada.byron@example-byron.com"})
    world.first()
    world.run()
    assert refused(world.salesforce.get("Lead", other)) == {"news"}
    single = world.contact("Olga", "Fuchs", **{NEWS_MAP: "true"})
    world.run()
    (made,) = world.salesforce.by("Lead", "LastName", "Fuchs")
    assert refused(made) == refused(world.map_record(single)) == {"news"}


def test_a_type_the_account_does_not_show_is_left_alone(world: World) -> None:
    """Where contacts have no property for the type (another account, a deleted type) nothing is
    sent that could never be seen, and runs stay silent."""
    del world.hubspot._schema["contacts"][NEWS_MAP]  # noqa: SLF001 - the fake's own shelf
    contact, lead = linked(world)
    world.salesforce.edit("Lead", lead, {NEWS: True})
    world.run()
    assert both(world, contact, lead) == (set(), {"news"})
    assert world.settled()


def test_a_lost_reply_is_looked_up_by_the_type(world: World) -> None:
    """The reply to a newsletter refusal is lost: applied or not, it holds after the next run and
    was not doubled."""
    for applied in (True, False):
        contact, lead = world.contact("Ada", f"B{applied}"), world.lead("Ada", f"B{applied}")
        world.first() if applied else world.run()
        world.salesforce.edit("Lead", lead, {NEWS: True})
        world.hubspot.lose_reply(applied=applied)
        world.run()
        world.run()
        assert both(world, contact, lead) == ({"news"}, {"news"})
        sent = [r for r in world.hubspot.history if r.operation is Operation.OPT_OUT]
        assert len([r for r in sent if r.id == contact]) == 1
    assert world.settled()


def test_an_undone_refusal_of_one_type_leaves_the_others(world: World) -> None:
    """With evidence a newsletter refusal that Leadloop carried over in error is taken back, and
    only that; while all mail is refused it stays, since HubSpot would lift that along with it."""
    contact, lead = linked(world)
    world.salesforce.edit("Lead", lead, {NEWS: True})
    run = world.run()
    world.salesforce.edit("Lead", lead, {NEWS: False})
    world.hubspot.edit("contacts", contact, {OPT_OUT: "true"})
    done = undo(world.pair, Wanted(run_id=run.run_id, evidence=EVIDENCE))
    assert {(one.field, one.reason) for one in done.kept} == {(NEWS_MAP, "opt_out_stands")}
    world.hubspot.edit("contacts", contact, {OPT_OUT: "false"})
    undo(world.pair, Wanted(run_id=run.run_id, evidence=EVIDENCE))
    assert refused(world.map_record(contact)) == set()
    sent = [r for r in world.hubspot.history if r.operation is Operation.OPT_IN]
    assert [r.fields["subscription"] for r in sent] == [TYPE]
