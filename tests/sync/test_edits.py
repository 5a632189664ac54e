"""Somebody's edit in the second between our write and our look is theirs, and our write is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from mappings.errors import UnavailableError
from mappings.fieldmap import ValueType
from mappings.records import Json, Operation, Outcome, Record, Version, Write
from state import identity, ledger
from state.ledger import Line
from sync.edits import is_edit
from sync.reconcile import PERHAPS
from sync.story import story
from tests.sync.world import START, Vendor, World

CHANGE = {"field": "jobtitle", "before": "Engineer", "after": "Countess", "rule": "a>b"}
API, UI = "INTEGRATION", "CRM_UI"


class Busy(Vendor):
    """A vendor at which something happens between a write and the next look at the record, and
    which spells towns in capitals."""

    meanwhile: Callable[[], None] | None = None
    mute = False

    def versions(
        self, object_name: str, fields: Mapping[str, Sequence[str]]
    ) -> dict[tuple[str, str], tuple[Version, ...]]:
        """Nothing, while it is `mute`: it is out of order whenever it is asked."""
        if self.mute:
            raise UnavailableError("down", system=self.system)
        return super().versions(object_name, fields)

    def fetch(self, object_name: str, ids: Sequence[str]) -> list[Record]:
        """What happens meanwhile, then the records."""
        act, self.meanwhile = self.meanwhile, None
        if act is not None:
            act()
        return super().fetch(object_name, ids)

    def _apply(self, row: Write) -> Outcome:
        if row.operation is Operation.UPDATE and row.fields.get("city"):
            row = Write(
                row.key,
                row.operation,
                row.object,
                {**row.fields, "city": str(row.fields["city"]).upper()},
                id=row.id,
            )
        return super()._apply(row)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Ada on both sides, in step."""
    made = World.build(tmp_path, vendor=Busy)
    yield made
    made.close()


def ada(world: World) -> tuple[str, str]:
    """Her contact and her Lead."""
    contact = world.contact("Ada", "Byron", jobtitle="Engineer")
    lead = world.lead("Ada", "Byron", Title="Engineer")
    world.first()
    assert world.settled()
    return contact, lead


def lines_of(world: World, contact: str, field: str) -> list[Line]:
    """The field's lines in the ledger, without those of her first days."""
    with world.store.read() as tx:
        entity_id = identity.links_of(tx, [world.ref(contact)])[world.ref(contact)].entity_id
        return [line for line in ledger.of_entities(tx, [entity_id]) if line.field == field]


@pytest.mark.parametrize("theirs", ["+442079460099", "+442079460000"])
def test_an_edit_before_the_look_back_travels(world: World, theirs: str) -> None:
    """The CRM's new number is written to the contact; before it is read back somebody corrects it
    there, or puts back what it was. That is no spelling of the vendor's: it reaches the CRM."""
    contact, lead = ada(world)
    world.salesforce.edit("Lead", lead, {"Phone": "+442079460000"}, by="rep")
    world.run()
    world.salesforce.edit("Lead", lead, {"Phone": "+442079460001"}, by="rep")
    assert isinstance(world.hubspot, Busy)
    world.hubspot.meanwhile = lambda: world.hubspot.edit("contacts", contact, {"phone": theirs})
    world.run()
    world.run()
    assert world.map_record(contact).fields["phone"] == theirs
    assert world.salesforce.get("Lead", lead).fields["Phone"] == theirs
    assert world.settled()


def test_a_spelling_of_the_vendor_s_is_no_edit(world: World) -> None:
    """The vendor writes towns in capitals: that is agreed, is not sent back, and costs one look at
    the history, once."""
    contact, lead = ada(world)
    world.salesforce.edit("Lead", lead, {"City": "London"}, by="rep")
    world.run()
    assert world.map_record(contact).fields["city"] == "LONDON"
    assert world.salesforce.get("Lead", lead).fields["City"] == "London"
    asked = world.hubspot.calls["versions"]
    assert asked == 1
    assert world.settled()
    assert world.hubspot.calls["versions"] == asked


def test_a_history_that_cannot_be_asked_stops_nothing(world: World) -> None:
    """The MAP goes down before its history is asked: the run ends as it would have, the value is
    taken for the vendor's spelling, as it was before there was a history to ask."""
    contact, lead = ada(world)
    world.salesforce.edit("Lead", lead, {"City": "London"}, by="rep")
    assert isinstance(world.hubspot, Busy)
    world.hubspot.mute = True
    assert world.run().error is None
    assert world.map_record(contact).fields["city"] == "LONDON"
    assert world.settled()


@pytest.mark.parametrize("forgetful", [False, True])
def test_a_write_that_was_lost_and_then_edited_keeps_its_before_image(
    world: World, *, forgetful: bool
) -> None:
    """Laws 9 and 11: the reply to an update is lost, and somebody changes the field again before
    the next run. Our write has its line, with what it replaced; where the vendor keeps no history
    the line says that it was perhaps written. The edit stands, on both sides."""
    contact, lead = ada(world)
    world.salesforce.forgetful = forgetful
    before = len(lines_of(world, contact, "Title"))
    world.hubspot.edit("contacts", contact, {"jobtitle": "Countess"})
    world.salesforce.lose_reply(applied=True)
    world.run()
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Countess"
    world.salesforce.edit("Lead", lead, {"Title": "Duchess"}, by="rep")
    report = world.run()
    ours = lines_of(world, contact, "Title")[before]
    assert (ours.before, ours.after) == ("Engineer", "Countess")
    assert (ours.why == PERHAPS) is forgetful
    assert report.counts["reconciled"] == {"planned_anew" if forgetful else "found": 1}
    if not forgetful:
        assert world.map_record(contact).fields["jobtitle"] == "Duchess"
    said = world.salesforce.get("Lead", lead).fields["Title"]
    assert said == world.map_record(contact).fields["jobtitle"]
    told = story(world.store, ours.entity_id)
    assert any(ours.intent_key == moment.details.get("intent") for moment in told.moments)
    assert world.settled()


def test_an_update_that_never_arrived_leaves_no_line(world: World) -> None:
    """The call was lost on its way and nobody has touched the record: it is planned anew and sent,
    and there is one line, of the write that was made."""
    contact, lead = ada(world)
    before = len(lines_of(world, contact, "Title"))
    world.hubspot.edit("contacts", contact, {"jobtitle": "Countess"})
    world.salesforce.lose_reply(applied=False)
    world.run()
    world.run()
    assert world.salesforce.get("Lead", lead).fields["Title"] == "Countess"
    assert len(lines_of(world, contact, "Title")) == before + 1
    assert world.settled()


def version(value: Json, by: str, minutes: int) -> Version:
    """A version so many minutes old."""
    return Version(value, START - timedelta(minutes=minutes), by)


@pytest.mark.parametrize(
    ("versions", "edit"),
    [
        ([], False),
        ([version("COUNTESS", API, 0)], False),
        ([version("COUNTESS", API, 0), version("Engineer", UI, 9)], False),
        ([version("Duchess", UI, 0), version("Countess", API, 1)], True),
        ([version("Duchess", API, 0), version("Countess", API, 1)], True),
        ([version("Engineer", UI, 0), version("Countess", API, 1)], True),
        (
            [version("Duchess", UI, 0), version("COUNTESS", API, 1), version("Engineer", UI, 9)],
            True,
        ),
        ([version("COUNTESS", API, 0), version("Baroness", UI, 1)], False),
        ([version("Duchess", "", 0), version("Countess", "", 1)], True),
    ],
)
def test_the_history_tells_an_edit_from_a_spelling(versions: list[Version], *, edit: bool) -> None:
    """An edit has ours before it; a spelling has what was there before, or somebody's edit that
    came before our write. Without a history nothing is an edit."""
    assert is_edit(CHANGE, ValueType.TEXT, versions) is edit
