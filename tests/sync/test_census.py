"""The nightly reconciliation: what pulling missed is found, what is gone is noticed and told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import InvariantError, LeadloopError, UnavailableError
from mappings.ports import Page
from mappings.records import Event, Json, Record, RecordRef
from state import census, events, identity, mirror
from state.census import Count, Here
from state.events import EVENTS
from sync import census as counting
from sync.census import sort
from sync.completeness import completeness
from sync.conditions import Facts, conditions
from sync.config import GuardConfig
from sync.counted import adds_up, counted_of
from sync.crash import Crash, watched
from sync.guard import Approval
from sync.metrics import Metrics
from sync.run import Report, run_once
from tests.sync.world import Vendor, World

NIGHT = timedelta(days=1)
LONG_AGO = timedelta(days=300)
ADA = "ada.byron@example-byron.com"


class Odd(Vendor):
    """A vendor at which things happen that no stream tells of."""

    fails: LeadloopError | None = None

    def lose(self, contact: str) -> Record:
        """A record is gone without a word, as after a GDPR deletion."""
        return self._records["contacts"].pop(contact)

    def put_back(self, *records: Record) -> None:
        """Records are there again, their stamps unmoved."""
        self._records["contacts"].update({record.ref.id: record for record in records})

    def hide(self) -> list[Record]:
        """All contacts are out of our sight."""
        hidden = list(self._records["contacts"].values())
        self._records["contacts"].clear()
        return hidden

    def age(self, contact: str) -> None:
        """A record turns out to have been stamped long before it could be seen."""
        record = self.lose(contact)
        at = record.modified_at - LONG_AGO
        self.put_back(replace(record, revision=f"{at.isoformat()}/1", modified_at=at))

    def withhold(self, event: Event) -> None:
        """An event is not there yet."""
        self._events.remove(event)

    def page(self, size: int) -> None:
        """From now on pages hold so many rows."""
        self._page_size = size

    def census(self, stream: str, after: Mapping[str, Json] | None) -> Iterator[Page]:
        """As ever, unless it fails."""
        if self.fails is not None:
            raise self.fails
        return super().census(stream, after)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty world with such vendors."""
    built = World.build(tmp_path, vendor=Odd)
    yield built
    built.close()


def odd(world: World) -> Odd:
    """The MAP side's vendor."""
    assert isinstance(world.hubspot, Odd)
    return world.hubspot


def night(world: World) -> Report:
    """A night passes, and the first run of the next day."""
    world.time.at += NIGHT
    return world.run()


def settled(world: World) -> World:
    """Ada, on both sides, known to Leadloop; and Grace, on one."""
    world.contact("Ada", "Byron")
    world.lead("Ada", "Byron")
    world.contact("Grace", "Hopper")
    world.first()
    world.run()
    return world


def counted(world: World, stream: str, system: str = "hubspot") -> Count:
    """What is known of a stream's counting."""
    with world.store.read() as tx:
        return next(c for c in census.counts(tx, system) if c.stream == stream)


def result(world: World, stream: str, system: str = "hubspot") -> dict[str, Any]:
    """The figures of a stream's last count."""
    return dict(counted(world, stream, system).result or {})


def test_a_quiet_night_adds_up_and_changes_nothing(world: World) -> None:
    """Where pulling missed nothing, counting says so, writes to no vendor, and is done by itself:
    the next run does not count again."""
    settled(world)
    before = world.writes()
    night(world)
    assert world.writes() == before
    for system, stream, there in (("hubspot", "contacts", 2), ("salesforce", "Lead", 2)):
        found = result(world, stream, system)
        assert (found["found"], found["landed"]) == (there, there)
        assert adds_up(found)
    calls = world.hubspot.calls["census"]
    world.run()
    assert world.hubspot.calls["census"] == calls


def test_a_first_connection_is_not_counted_twice(world: World) -> None:
    """What was just read whole is counted from the next night on."""
    settled(world)
    assert world.hubspot.calls["census"] == 0
    assert counted(world, "contacts").result is None


def test_a_record_pulling_never_saw_is_found(world: World) -> None:
    """A record that committed with a stamp far before the cursor is fetched that night, and its
    person planned in the same run like any other."""
    settled(world)
    world.time.at += NIGHT
    late = world.contact("Maria", "Lopez")
    odd(world).age(late)
    report = world.run()
    assert report.counts["census"]["fetched"] == 1
    assert result(world, "contacts")["fetched"] == 1
    assert not adds_up(result(world, "contacts"))
    assert world.counterpart(late).fields["LastName"] == "Lopez"
    night(world)
    assert adds_up(result(world, "contacts"))


def test_an_edit_pulling_never_saw_is_found(world: World) -> None:
    """A record that landed before its last edit is fetched again."""
    settled(world)
    ada = world.hubspot.by("contacts", "lastname", "Byron")[0]
    night(world)
    seen = world.hubspot.get("contacts", ada.ref.id).modified_at
    late = seen + timedelta(seconds=30)
    world.hubspot.edit("contacts", ada.ref.id, {"jobtitle": "Countess"}, at=late)
    night(world)
    assert result(world, "contacts")["edits"] == 1
    assert world.counterpart(ada.ref.id).fields["Title"] == "Countess"


def test_an_event_pulling_never_saw_is_found(world: World) -> None:
    """An event the inbox does not have is landed, and delivered once."""
    settled(world)
    fill = world.fills(ADA)
    world.run()
    with world.store.begin() as tx:
        tx.connection.execute(EVENTS.delete().where(EVENTS.c.key == fill.key))
    odd(world).withhold(fill)
    world.run()
    world.hubspot.emit(fill)
    with world.store.read() as tx:
        assert events.unseen(tx, "hubspot", [fill.key]) == {fill.key}
    night(world)
    assert result(world, "events")["found"] == 1
    assert len(world.task_of(fill)) == 1


def test_what_was_missed_is_told(world: World) -> None:
    """The completeness report and the metrics say what each stream's count came to, and people are
    called until a night has added up."""
    settled(world)
    night(world)
    assert said(world) == []
    world.time.at += NIGHT
    odd(world).age(world.contact("Maria", "Lopez"))
    world.run()
    report = completeness(world.store)["counted"]
    contacts = next(one for one in report if one["name"] == "hubspot:contacts")
    assert (contacts["found"], contacts["landed"], contacts["fetched"]) == (3, 2, 1)
    assert not contacts["adds_up"]
    assert said(world) == ["alert.incomplete"]
    with world.store.read() as tx:
        told = counted_of(tx)
    text = Metrics(lambda: [{**STANDING, "counted": told}]).text().decode()
    assert 'leadloop_counted{figure="fetched",pair="main",stream="hubspot:contacts"} 1.0' in text
    night(world)
    assert said(world) == []


STANDING: dict[str, Any] = {
    "pair": "main",
    "lag_seconds": 1.0,
    "stale": False,
    "commands": 0,
    "deferred": [],
    "review": 0,
    "dead_letters": 0,
    "inbox_pending": 0,
    "open_by_age": {},
    "quota": [],
    "stages": {},
    "handoffs": {},
}


def said(world: World) -> list[str]:
    """The codes of what is wrong with the pair."""
    with world.store.read() as tx:
        told = counted_of(tx)
    facts = Facts("main", world.time.at, (), None, None, 0, 100, 60.0, counted=told)
    return [one.code for one in conditions(facts)]


def test_a_record_that_is_gone_is_handled_as_deleted(world: World) -> None:
    """Law 8: what is here and nowhere at the vendor lands as a deletion: its link ends, and the
    person is not created again."""
    settled(world)
    grace = world.hubspot.by("contacts", "lastname", "Hopper")[0].ref
    odd(world).lose(grace.id)
    before = world.writes()
    night(world)
    found = result(world, "contacts")
    assert (found["gone"], found["found"]) == (1, 1)
    assert adds_up(found)
    with world.store.read() as tx:
        assert mirror.load(tx, [grace])[grace].record.deleted
        assert identity.links_of(tx, [grace])[grace].status == "gone"
    assert world.writes() == before
    night(world)
    assert result(world, "contacts").get("gone", 0) == 0


def test_a_deletion_nobody_told_is_held_like_any_other(world: World) -> None:
    """It may be half of a merge whose news comes later: the link waits its time."""
    settled(world)
    world.pair = replace(world.pair, hold_deletions=timedelta(minutes=15))
    grace = world.hubspot.by("contacts", "lastname", "Hopper")[0].ref
    odd(world).lose(grace.id)
    night(world)
    with world.store.read() as tx:
        assert identity.links_of(tx, [grace])[grace].status == "held"
    world.time.at += timedelta(minutes=16)
    world.run()
    with world.store.read() as tx:
        assert identity.links_of(tx, [grace])[grace].status == "gone"


def test_a_lost_permission_deletes_nobody(world: World) -> None:
    """Law 13: when a side seems to be empty the run stops and asks; when the records are seen
    again the matter is closed by itself, with nobody's word and nothing deleted."""
    people = [world.contact("Ann", f"Person{chr(97 + n)}") for n in range(26)]
    world.first()
    world.run()
    hidden = odd(world).hide()
    report = night(world)
    assert report.error is not None
    assert report.error.code == "guard.side_emptied"
    assert world.run().status == "refused"
    odd(world).put_back(*hidden)
    assert world.run().status == "ok"
    with world.store.read() as tx:
        assert not census.doubtful(tx, "hubspot")
        links = identity.links_of(tx, [world.ref(one) for one in people])
    assert {link.status for link in links.values()} == {"live"}
    assert world.settled()


def test_what_an_operator_approves_is_deleted_and_comes_back(world: World) -> None:
    """Approved, the same deletions are acted on; a record that is seen again afterwards is pulled
    anew even though its stamp never moved."""
    world.pair = replace(world.pair, guard=GuardConfig(floor=0))
    settled(world)
    grace = world.hubspot.by("contacts", "lastname", "Hopper")[0]
    kept = odd(world).lose(grace.ref.id)
    assert night(world).status == "refused"
    run_once(world.pair, approval=Approval(counts={"deletes": 1}))
    with world.store.read() as tx:
        assert identity.links_of(tx, [grace.ref])[grace.ref].status == "gone"
    odd(world).put_back(kept)
    night(world)
    with world.store.read() as tx:
        assert not mirror.load(tx, [grace.ref])[grace.ref].record.deleted
    night(world)
    assert adds_up(result(world, "contacts"))


def test_counting_is_done_in_slices(world: World) -> None:
    """However many records there are, a run counts a slice and the next goes on behind it: the
    everyday work between two slices is done, and each record counts once."""
    for number in range(450):
        world.hubspot.put("contacts", {"firstname": "Ann", "lastname": f"No{number}"})
    world.first()
    world.run()
    odd(world).page(1)
    night(world)
    assert counted(world, "contacts").began_at is not None
    assert world.hubspot.calls["census"] <= counting.SLICE
    world.run()
    world.run()
    assert result(world, "contacts")["found"] == 450
    assert result(world, "contacts")["landed"] == 450


def test_counting_goes_on_after_a_kill_at_any_page(world: World) -> None:
    """Killed after any page, counting goes on where it was: nothing counts twice, what was missed
    is fetched, what is gone is gone, and nothing of what was seen is left behind."""
    for number in range(8):
        world.contact("Ann", f"Person{chr(97 + number)}")
    world.first()
    world.run()
    odd(world).page(2)
    odd(world).lose(world.hubspot.by("contacts", "lastname", "Persona")[0].ref.id)
    world.time.at += NIGHT
    late = world.contact("Maria", "Lopez")
    odd(world).age(late)
    kills = 0
    while _killed(world):
        kills += 1
    assert kills > 8
    found = result(world, "contacts")
    assert (found["found"], found["landed"], found["fetched"], found["gone"]) == (8, 7, 1, 1)
    with world.store.read() as tx:
        assert census.forget(tx, "hubspot", "contacts", limit=1) == 0
    assert world.counterpart(late).fields["LastName"] == "Lopez"


def _killed(world: World) -> bool:
    """A cycle of the daemon, killed once it has counted twice; False when it ended before."""
    passed = 0

    def kill(name: str) -> None:
        nonlocal passed
        passed += name == "after_count"
        if passed == 2:
            raise Crash

    with watched(kill):
        try:
            run_once(world.pair, everything=False)
        except Crash:
            return True
    return False


def test_counting_gives_way(tmp_path: Path) -> None:
    """Law 12: counting is of the lowest urgency. With three quarters of our share used it waits,
    everyday work goes on, and the next day it is done."""
    world = World.build(tmp_path, limited=True, vendor=Odd)
    settled(world)
    turn = world.pair.turns[world.pair.side_of("hubspot")]
    world.time.at += NIGHT
    turn.observe(daily_limit=1000, daily_used=620)
    world.fills(ADA)
    report = world.run()
    assert report.status == "ok"
    assert counted(world, "contacts").result is None
    turn.observe(daily_limit=1000, daily_used=10)
    world.run()
    assert result(world, "contacts")["found"] == 2
    world.close()


def test_an_outage_while_counting_stops_nothing(world: World) -> None:
    """A vendor that fails in the middle of counting: the run goes on and ends well, and counting
    is taken up by a later one."""
    settled(world)
    world.time.at += NIGHT
    world.run()
    world.time.at += NIGHT
    fill = world.fills(ADA)
    odd(world).fails = UnavailableError("down", system="hubspot")
    assert world.run().status == "ok"
    assert len(world.task_of(fill)) == 1
    odd(world).fails = None
    world.run()
    assert adds_up(result(world, "contacts"))


def test_a_stream_that_cannot_be_counted_is_told(world: World) -> None:
    """A refusal ends that stream's counting with its code; the others are counted."""
    settled(world)
    world.time.at += NIGHT
    odd(world).fails = InvariantError("refused", code="remote.refused")
    assert world.run().status == "ok"
    assert result(world, "contacts") == {"error": "remote.refused"}
    assert adds_up(result(world, "Lead", "salesforce"))


instants = st.integers(0, 40).map(lambda n: datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=n))


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), instants),
    st.dictionaries(st.sampled_from("abcdefgh"), instants),
    st.frozensets(st.sampled_from("abcdefgh")),
    st.frozensets(st.sampled_from("abcdefgh")),
    st.frozensets(st.sampled_from("abcdefgh")),
    instants,
)
def test_every_record_counts_once(
    there: dict[str, datetime],
    modified: dict[str, datetime],
    deleted: frozenset[str],
    landed: frozenset[str],
    aside: frozenset[str],
    now: datetime,
) -> None:
    """Whatever both sides hold, each of the vendor's records gets one word, and what is younger
    than the grace is never taken for missed."""
    records = [
        Record(RecordRef("hubspot", "contacts", name), {}, "", at) for name, at in there.items()
    ]
    here = Here(modified, deleted & modified.keys(), landed, aside)
    found = sort(records, here, now)
    words = [found.landed, found.missing, found.behind, found.risen, found.recent, found.aside]
    assert sum(len(word) for word in words) == len(there)
    assert frozenset().union(*words) == there.keys()
    wanted = found.missing | found.behind | found.risen
    assert all(there[name] < now for name in wanted)
