"""A contact the MAP deleted for good is a person erased here, told by nobody and noticed all the
same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.memory import CAPABILITIES
from mappings.errors import UnavailableError
from mappings.records import Record, RecordRef
from state import identity
from sync.config_service import Follow
from sync.crash import Crash, watched
from sync.run import Report
from tests.sync.test_erasure import files_hold, whole_state
from tests.sync.world import Vendor, World

NIGHT = timedelta(days=1)
ADDRESS = "grete.ohlsen@example-ohlsen.com"
NAMES = (ADDRESS, "ohlsen", "oddities")


class Forgetting(Vendor):
    """A MAP that can tell by an id what may be restored, and deletes for good without a word."""

    capabilities = replace(CAPABILITIES, restorable_by="hs_object_id")
    unreachable = False

    def forget(self, contact: str) -> None:
        """A GDPR deletion."""
        del self._records["contacts"][contact]

    def find(self, object_name: str, field_name: str, values: Sequence[str]) -> list[Record]:
        """Ids are found whether or not they are deleted."""
        if field_name != "hs_object_id":
            return super().find(object_name, field_name, values)
        if self.unreachable:
            raise UnavailableError("away", system=self.system)
        return [
            self._records[object_name][one] for one in values if one in self._records[object_name]
        ]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Grete, in step on both sides with a Task, and Ivo, who shares her office's number."""
    made = World.build(tmp_path, vendor=Forgetting)
    made.contact("Grete", "Ohlsen", phone="+49 30 901820", jobtitle="Head of Oddities")
    made.contact("Ivo", "Brandt", phone="+49 30 901820")
    made.crm_contact("Grete", "Ohlsen")
    made.crm_contact("Ivo", "Brandt")
    made.first()
    made.fills(ADDRESS, "Whitepaper")
    made.run()
    yield made
    made.close()


def grete(world: World) -> str:
    """Her contact."""
    (found,) = world.hubspot.by("contacts", "email", ADDRESS)
    return found.ref.id


def forget(world: World, contact: str) -> None:
    """HubSpot deletes a contact for good."""
    assert isinstance(world.hubspot, Forgetting)
    world.hubspot.forget(contact)


def night(world: World) -> Report:
    """A night passes, and the first run of the next day."""
    world.time.at += NIGHT
    return world.run()


def test_nothing_is_kept_of_her_and_nobody_else_loses_anything(
    world: World, tmp_path: Path
) -> None:
    """After the count that misses her, state and files hold nothing of hers; the CRM's record is
    the CRM's; Ivo keeps all he had, and it is said how many."""
    before = whole_state(world)
    forget(world, grete(world))
    assert night(world).counts["erasures_followed"] == 1
    after = whole_state(world)
    assert [text for text in NAMES if text in after] == []
    assert files_hold(tmp_path, *NAMES) == []
    assert after.count("brandt@") == before.count("brandt@")
    assert len(world.salesforce.by("Contact", "Email", ADDRESS)) == 1
    assert world.settled()
    assert world.run().counts["erasures_followed"] == 0


def test_she_does_not_come_back(world: World) -> None:
    """Her CRM record edited, her contact made anew, a form: nothing lands, nothing is written."""
    forget(world, grete(world))
    night(world)
    written = world.writes()
    (crm,) = world.salesforce.by("Contact", "Email", ADDRESS)
    world.salesforce.edit("Contact", crm.ref.id, {"Title": "Back again"})
    world.contact("Grete", "Ohlsen")
    world.fills(ADDRESS)
    world.run()
    assert world.writes() == written
    assert ADDRESS not in whole_state(world)


def test_the_crm_is_asked_to_delete_her_where_that_is_said(world: World) -> None:
    """`follow: both`: her record there and the Task about her go, too."""
    world.pair = replace(world.pair, follow_erasures=Follow.BOTH)
    assert len(world.salesforce.all("Task")) == 1
    forget(world, grete(world))
    night(world)
    assert world.salesforce.by("Contact", "Email", ADDRESS) == []
    assert world.salesforce.all("Task") == []
    assert len(world.salesforce.all("Contact")) == 1


def test_off_is_a_deletion_like_any_other(world: World) -> None:
    """`follow: off`: she stays known, and is not made again."""
    world.pair = replace(world.pair, follow_erasures=Follow.OFF)
    forget(world, grete(world))
    assert night(world).counts["erasures_followed"] == 0
    assert ADDRESS in whole_state(world)
    assert world.settled()


def test_what_may_be_restored_is_no_erasure(world: World) -> None:
    """An archived contact the count missed is told to be deleted, and is linked again once it is
    restored."""
    contact = grete(world)
    world.hubspot.remove("contacts", contact)
    assert night(world).counts["erasures_followed"] == 0
    world.hubspot.restore("contacts", contact)
    world.run()
    world.hubspot.edit("contacts", contact, {"jobtitle": "Countess"})
    world.run()
    (crm,) = world.salesforce.by("Contact", "Email", ADDRESS)
    assert crm.fields["Title"] == "Countess"


def test_a_second_contact_of_hers_that_lives_keeps_her(world: World, tmp_path: Path) -> None:
    """Of a person with another contact the record alone goes, with the address that only it had;
    the other goes on being kept in step."""
    other = world.contact("Grete", "Ohlsen", email="grete@ohlsen-at-home.com")
    with world.store.begin() as tx:
        link = identity.links_of(tx, [world.ref(grete(world))])[world.ref(grete(world))]
        identity.link(tx, "r", [identity.NewLink(world.ref(other), link.entity_id, "person")])
    world.run()
    forget(world, grete(world))
    assert night(world).counts["erasures_followed"] == 1
    with world.store.read() as tx:
        links = identity.links_of(tx, [world.ref(other), RecordRef("hubspot", "contacts", "1")])
    assert {ref.id: one.status for ref, one in links.items()} == {other: "live"}
    world.hubspot.edit("contacts", other, {"jobtitle": "Countess"})
    world.run()
    (crm,) = [r for r in world.salesforce.all("Contact") if r.fields["LastName"] == "Ohlsen"]
    assert crm.fields["Title"] == "Countess"
    assert world.settled()


@pytest.mark.parametrize("point", ["after_tombstones", "after_listed", "after_removed"])
def test_a_kill_anywhere_is_taken_up_again(world: World, tmp_path: Path, point: str) -> None:
    """Killed between two steps, the next run ends what was begun."""
    forget(world, grete(world))
    world.time.at += NIGHT

    def kill(name: str) -> None:
        if name == point:
            raise Crash(name)

    with pytest.raises(Crash), watched(kill):
        world.run()
    world.run()
    assert [text for text in NAMES if text in whole_state(world)] == []
    assert files_hold(tmp_path, *NAMES) == []


def test_who_cannot_be_asked_waits(world: World) -> None:
    """A MAP that is away when it is to be asked once more: she is erased by the next run."""
    assert isinstance(world.hubspot, Forgetting)
    forget(world, grete(world))
    world.hubspot.unreachable = True
    assert night(world).counts["erasures_followed"] == 0
    world.hubspot.unreachable = False
    assert world.run().counts["erasures_followed"] == 1
    assert ADDRESS not in whole_state(world)
