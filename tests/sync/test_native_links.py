"""Beside HubSpot's own Salesforce integration: whom it has linked is linked, before any scoring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from mappings.errors import UnavailableError
from mappings.ports import Landed, Page
from mappings.record_ids import id18
from mappings.records import Json, RecordRef
from state import identity, reviews
from sync.crash import Crash, watched
from sync.native_links import named_by
from sync.story import find_person
from sync.undo.choose import Wanted
from sync.undo.run import undo
from tests.sync.world import Vendor, World


class Late(Vendor):
    """A vendor that shows some records in no stream yet, and whose fetches may fail."""

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]
        self.hidden: set[str] = set()
        self.mute = False

    def changes(
        self, stream: str, since: Mapping[str, Json] | None, *, landed: Landed
    ) -> Iterator[Page]:
        """Everything but what is hidden."""
        for page in super().changes(stream, since, landed=landed):
            rows = tuple(r for r in page.records if r.ref.id not in self.hidden)
            yield replace(page, records=rows)

    def fetch(self, object_name: str, ids: object) -> list[object]:  # type: ignore[override]
        """The records, where the vendor answers."""
        if self.mute:
            raise UnavailableError("down", system=self.system)
        return super().fetch(object_name, ids)  # type: ignore[arg-type,return-value]


FIRST = 100_000_000_000_000_001
"""Ids of 18 characters that a vendor in memory can count."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A pair whose CRM gives ids of 18 characters."""
    made = World.build(tmp_path, vendor=Late)
    made.salesforce._ids = count(FIRST)  # noqa: SLF001 - the fake's own counter
    yield made
    made.close()


def late(world: World) -> Late:
    """The CRM."""
    assert isinstance(world.salesforce, Late)
    return world.salesforce


def partner(world: World, contact: str) -> list[str]:
    """The CRM records the contact's person has."""
    found = find_person(world.store, str(world.ref(contact)))
    with world.store.read() as tx:
        own = identity.members(tx, found.entities)
    refs = [link.ref for links in own.values() for link in links]
    return sorted(ref.id for ref in refs if ref.system == "salesforce")


def leads(world: World) -> int:
    """How many Leads there are."""
    return len(world.salesforce.all("Lead"))


def test_both_spellings_of_an_id_name_one_record(world: World) -> None:
    """The integration's ids of 15 characters and of 18 name the same record."""
    for value in ("00QAb0000000001", id18("00QAb0000000001")):
        fields = {"salesforceleadid": value, "salesforcecontactid": " "}
        contact = replace(world.map_record(world.contact("Ada", "Byron")), fields=fields)
        ids = [ref.id for ref in named_by(world.pair, contact)]
        assert ids == [id18("00QAb0000000001")]


def test_whom_the_integration_has_linked_is_linked(world: World) -> None:
    """Name and address agree in nothing, the id says who it is."""
    lead = world.lead("Augusta", "King")
    contact = world.contact("Ada", "Byron", salesforceleadid=lead)
    world.first()
    assert partner(world, contact) == [lead]
    assert leads(world) == 1
    assert world.settled()


def test_it_goes_before_an_address(world: World) -> None:
    """The address is another Lead's: the integration's link is the person, the other Lead a second
    record of theirs, for somebody to merge."""
    theirs = world.lead("Augusta", "King")
    other = world.lead("Ada", "Byron")
    contact = world.contact("Ada", "Byron", salesforceleadid=theirs)
    world.first()
    assert partner(world, contact) == [theirs, other]
    with world.store.read() as tx:
        assert [item.kind for item in reviews.items(tx)] == ["merge"]
    assert leads(world) == 2


def test_what_it_names_is_followed(world: World) -> None:
    """A Lead that was merged or converted since is the record it has become."""
    loser, winner = world.lead("Augusta", "King"), world.lead("Gusta", "King")
    world.salesforce.remove("Lead", loser, merged_into=winner)
    merged = world.contact("Ada", "Byron", salesforceleadid=loser)
    old, new = world.lead("Olga", "Fuchs"), world.crm_contact("Olga", "Fuchs-Berg")
    world.salesforce.convert("Lead", old, RecordRef("salesforce", "Contact", new))
    converted = world.contact("Ilse", "Stein", salesforceleadid=old, salesforcecontactid="")
    world.first()
    assert winner in partner(world, merged)
    assert new in partner(world, converted)
    assert not world.salesforce.by("Lead", "LastName", "Byron")
    assert not world.salesforce.by("Lead", "LastName", "Stein")


@pytest.mark.parametrize("purged", [True, False])
def test_what_it_names_and_is_gone_is_not_made_again(world: World, *, purged: bool) -> None:
    """Somebody has deleted the Lead, lately or so long ago that nothing tells of it: none is made
    in its place (law 8), and runs fall silent."""
    gone = str(FIRST + 999) if purged else world.lead("Ada", "Byron")
    if not purged:
        world.salesforce.remove("Lead", gone)
    world.contact("Ada", "Byron", salesforceleadid=gone)
    world.first()
    assert leads(world) == 0
    assert world.settled()


def test_words_that_are_no_id_decide_nothing(world: World) -> None:
    """Rubbish in the property is no link and no grave."""
    world.contact("Ada", "Byron", salesforceleadid="n/a")
    world.contact("Olga", "Fuchs", salesforceleadid="00Q ä 000000001", salesforcecontactid=None)
    world.first()
    assert leads(world) == 2


def test_a_lead_the_integration_has_just_made_is_looked_up(world: World) -> None:
    """It was made after the CRM was read: it is fetched by its id, and none is made beside it.
    While the vendor does not answer, the contact waits."""
    world.first()
    lead = world.lead("Augusta", "King")
    late(world).hidden.add(lead)
    late(world).mute = True
    contact = world.contact("Ada", "Byron", salesforceleadid=lead)
    world.run()
    assert leads(world) == 1
    assert partner(world, contact) == []
    late(world).mute = False
    world.run()
    world.run()
    assert partner(world, contact) == [lead]
    assert leads(world) == 1


def test_a_kill_behind_the_look_up_changes_nothing(world: World) -> None:
    """Killed when the named records have landed, the next run links them as it would have."""
    world.first()
    lead = world.lead("Augusta", "King")
    late(world).hidden.add(lead)
    contact = world.contact("Ada", "Byron", salesforceleadid=lead)

    def kill(passed: str) -> None:
        if passed == "after_named":
            raise Crash

    with pytest.raises(Crash), watched(kill):
        world.run()
    world.run()
    assert partner(world, contact) == [lead]
    assert leads(world) == 1


def test_a_link_taken_apart_stays_apart(world: World) -> None:
    """Somebody has said that the integration is wrong: its id links nobody again."""
    lead = world.lead("Augusta", "King")
    contact = world.contact("Ada", "Byron", salesforceleadid=lead)
    world.first()
    undo(world.pair, Wanted(link=str(world.ref(contact))))
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    world.run()
    assert lead not in partner(world, contact)


def test_a_grave_of_somebody_else_stands_in_nobody_s_way(world: World) -> None:
    """Two contacts name one deleted Lead that was the first one's: the second is made one."""
    lead = world.lead("Ada", "Byron")
    world.contact("Ada", "Byron", salesforceleadid=lead)
    world.first()
    world.salesforce.remove("Lead", lead)
    world.run()
    world.contact("Olga", "Fuchs", salesforceleadid=lead)
    world.run()
    assert len(world.salesforce.by("Lead", "LastName", "Fuchs")) == 1
