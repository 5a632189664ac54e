"""Every registered crash point is reached, and killed at: in one long story of a town, or by the
commands of a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mappings.records import Operation, RecordRef, Side
from state import learned, reviews
from sync import recover
from sync.config import GuardConfig
from sync.crash import CRASHPOINTS, Crash, watched
from sync.evidence import ensure_model
from sync.reviewing import accept
from sync.undo.choose import Wanted
from sync.undo.run import undo
from tests.laws.laws import comes_to_rest
from tests.laws.town import Town
from tests.sync.world import Refusal

Step = Callable[[Town], object]
PROCESSES = {
    *("after_alerts", "after_bind", "after_claim", "after_command"),
    *("after_mailing_claim", "after_mailing"),
}
"""Points that only a process with a config.yaml passes (tests/sync/test_killed_commands.py, and for
reports tests/sync/test_mailing.py)."""
ERASING = {"after_tombstones", "after_listed", "after_removed", "after_vendors"}
"""Points of an erasure: no law can ask about its person after it (tests/sync/test_erasure.py)."""
DRIFTING = {"after_catch_up"}
"""Passed only where a field has healed (tests/sync/test_drift.py)."""
NATIVE = {"after_named"}
"""Passed only beside HubSpot's own Salesforce integration (tests/sync/test_native_links.py)."""
AGREED = {"after_advance", "before_notice", "notice_sent", "after_notice"}
"""Passed only under a lifecycle contract (tests/sync/test_hand_over.py)."""
CROWD = 50
"""People a side that a linkage model is learned from, at least."""


def _first_run(town: Town) -> None:
    if not town.people:
        town.newcomer(on_map=True, on_crm="Lead")
        town.newcomer(on_map=True, on_crm="Contact")
        town.share_an_address()
        town.company(3)
    town.approved_run()


def _events_and_deals(town: Town) -> None:
    for person in town.people[:2]:
        town.fill(person)
    town.opportunity(town.people[1], "Prospecting", 5)
    town.run()


def _a_night(town: Town) -> None:
    town.world.time.at += timedelta(days=1)
    town.run()


def _somebody_new(town: Town) -> None:
    town.fill(town.newcomer(on_map=False, on_crm=None))
    town.run()


def _lost_replies(town: Town) -> None:
    town.edit(town.people[0], Side.MAP, "title", "Countess")
    town.fill(town.people[0])
    for applied in (True, False):
        town.salesforce.lose_reply(applied=applied)
    town.run()
    town.run()


def _refusals(town: Town) -> None:
    guard = town.world.pair.guard
    town.world.pair = replace(town.world.pair, guard=GuardConfig(rejected_streak=1))
    town.salesforce.reject(Refusal(Operation.CREATE, "Lead"))
    town.fill(town.newcomer(on_map=True, on_crm=None))
    town.run()
    town.give_up()
    town.salesforce.calm()
    town.world.pair = replace(town.world.pair, guard=guard)
    recover.replay(town.store, recover.Selection())
    town.run(kind=recover.REPLAY)


def _undone(town: Town) -> None:
    town.edit(town.people[0], Side.MAP, "title", "Queen")
    wanted = Wanted(run_id=town.run().run_id)
    undo(town.world.pair, wanted)
    town.people[0].edits.clear()


def _decided(town: Town) -> None:
    contact, leads = town.strangers[0]
    with town.store.read() as tx:
        asked = [i for i in reviews.items(tx, limit=9) if i.subject.endswith(f":{contact}")]
    for item in asked:  # none is left where the decision was stored before the kill
        accept(town.world.desk, item.id, [str(RecordRef("salesforce", "Lead", leads[0]))])
    town.strangers.clear()


def _mapping_changed(town: Town) -> None:
    """A rule is added that reads a field nobody was asked for so far."""
    mapping = town.world.pair.mapping
    people, *rest = mapping.objects
    rule = replace(people.fields[0], map="nickname", crm={"Lead": "Nickname__c"})
    objects = (replace(people, fields=(*people.fields, rule)), *rest)
    other = replace(mapping, objects=objects, hash="with a nickname")
    town.world.pair = replace(town.world.pair, mapping=other)
    town.approved_run()


STORY: Sequence[Step] = (
    _first_run,
    _events_and_deals,
    _somebody_new,
    _lost_replies,
    _refusals,
    _undone,
    _decided,
    _mapping_changed,
    _a_night,
    comes_to_rest,
)


def told(town: Town, story: Sequence[Step], points: Sequence[str]) -> None:
    """The story, killed once at each of these points; a step in which Leadloop is killed is taken
    again after it was reopened."""
    left = set(points)

    def kill(name: str) -> None:
        if name in left:
            left.remove(name)
            raise Crash

    with watched(kill):
        for step in story:
            _taken(town, step)
    assert not left, f"the story never gets to {left}"


def _taken(town: Town, step: Step) -> None:
    while True:
        try:
            step(town)
        except Crash:
            town.reopen()
        else:
            return


def _learned(town: Town) -> None:
    """As many people as a model can be learned from, and the model."""
    with town.store.read() as tx:
        if learned.in_use(tx) is not None:
            return
    for number in range(CROWD - len(town.world.hubspot.all("contacts"))):
        name = f"Person{chr(97 + number // 26)}{chr(97 + number % 26)}"
        town.world.contact("Ann", name)
        town.world.lead("Ann", name)
    town.approved_run()
    ensure_model(town.world.pair.store)


APART = PROCESSES | ERASING | DRIFTING | NATIVE | AGREED | {"after_model"}
IN_A_TOWN = sorted(CRASHPOINTS.keys() - APART)
TOGETHER = 3
"""Points one story is killed at, far from each other in the list."""
EVERY = len(IN_A_TOWN) // TOGETHER
STORIES = [IN_A_TOWN[start::EVERY] for start in range(EVERY)]


@pytest.mark.parametrize("points", STORIES, ids=" ".join)
def test_the_laws_hold_after_kills_at(
    points: Sequence[str], template: Path, tmp_path: Path
) -> None:
    """Laws 1 to 14: the story reaches each point, is killed there once, goes on, comes to rest."""
    town = Town.build(tmp_path, template=template)
    told(town, STORY, points)
    town.world.close()


def test_a_model_is_learned_again_after_a_kill(template: Path, tmp_path: Path) -> None:
    """Killed once the model is stored: it is used as it is, and the first run is finished."""
    town = Town.build(tmp_path, template=template)
    told(town, (_learned, Town.approved_run, comes_to_rest), ["after_model"])
    town.world.close()
