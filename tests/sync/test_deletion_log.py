"""A deletion that tells nothing but itself: what was known of the record outlives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mappings.ports import Cadence, Landed, Page, StreamSpec
from mappings.records import Json, Record, RecordRef
from state import identity, mirror
from sync.pull import pull
from tests.sync.world import OPT_OUT, Vendor, World

STREAM = "deleted:Lead"


class Logging(Vendor):
    """A vendor whose queries forget what is erased; its log of deletions does not."""

    gone: tuple[str, ...] = ()

    def streams(self) -> tuple[StreamSpec, ...]:
        """The log as well, of the CRM."""
        log = [StreamSpec(STREAM, None, Cadence.FAST)] if self.system == "salesforce" else []
        return (*super().streams(), *log)

    def changes(
        self, stream: str, since: Mapping[str, Json] | None, *, landed: Landed
    ) -> Iterator[Page]:
        """The log's one page, or what everybody gives."""
        if stream != STREAM:
            return super().changes(stream, since, landed=landed)
        at = self._now()
        told = [
            Record(RecordRef(self.system, "Lead", one), {}, f"purged:{one}", at, deleted=True)
            for one in self.gone
        ]
        return iter([Page(tuple(told), (), {"at": at.isoformat()}, last=True)])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two vendors, one of which keeps a log."""
    made = World.build(tmp_path, vendor=Logging)
    yield made
    made.close()


def purged(world: World, lead: str) -> RecordRef:
    """The Lead is gone for good, and the log tells."""
    assert isinstance(world.salesforce, Logging)
    world.salesforce.erase("Lead", [lead])
    world.salesforce.gone = (lead,)
    world.run()
    return RecordRef("salesforce", "Lead", lead)


def test_a_purged_lead_is_known_gone_before_the_night(world: World) -> None:
    """The next run ends the link, and nobody is created in its place (law 8)."""
    world.contact("Ada", "Byron")
    lead = world.lead("Ada", "Byron")
    world.first()
    ref = purged(world, lead)
    with world.store.read() as tx:
        assert identity.links_of(tx, [ref])[ref].status in {"held", "gone"}
        kept = mirror.load(tx, [ref])[ref].record
    assert kept.deleted
    assert kept.fields["LastName"] == "Byron"
    assert world.salesforce.all("Lead") == []
    assert world.settled()


def test_an_opt_out_outlives_the_record_that_said_so(world: World) -> None:
    """A Lead that opted out and is purged: its person stays opted out, also on a contact that
    comes later with the address (law 7)."""
    lead = world.lead("Ada", "Byron", HasOptedOutOfEmail=True)
    contact = world.contact("Ada", "Byron")
    world.first()
    purged(world, lead)
    assert world.map_record(contact).fields[OPT_OUT] == "true"
    with world.store.read() as tx:
        ref = RecordRef("salesforce", "Lead", lead)
        assert mirror.load(tx, [ref])[ref].record.fields["HasOptedOutOfEmail"] is True


def test_deletions_of_strangers_and_of_the_dead_are_no_news(world: World) -> None:
    """A record that never landed is nobody's deletion, and one that is known to be deleted is not
    told twice; a later run is silent."""
    world.contact("Ada", "Byron")
    lead = world.lead("Ada", "Byron")
    world.first()
    purged(world, lead)
    assert isinstance(world.salesforce, Logging)
    world.salesforce.gone = (lead, "777777")
    pulled = pull(world.pair, "run", everything=True)
    assert (pulled.total_records, pulled.unread, pulled.failed) == (0, {}, {})
    with world.store.read() as tx:
        assert mirror.load(tx, [RecordRef("salesforce", "Lead", "777777")]) == {}
    assert world.settled()
