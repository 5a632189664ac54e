"""What belonged to a golden record that has become part of another is found with that one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mappings.records import Operation, RecordRef
from state import identity, ledger, outbox
from sync.recover import Selection, replay, select
from sync.story import find_person, story
from tests.sync.world import Refusal, World


@dataclass(frozen=True, slots=True)
class Merged:
    """Two people in step; the Lead of one refused her new title, then their contacts were merged.
    `old` and `now` are the golden records of the loser and of the survivor."""

    world: World
    contact: str
    leads: tuple[str, str]
    old: str
    now: str
    rule: Refusal


@pytest.fixture
def merged(tmp_path: Path) -> Iterator[Merged]:
    """The story up to the run that has seen the merge."""
    world = World.build(tmp_path)
    ada, alan = world.contact("Ada", "Byron"), world.contact("Alan", "Turing")
    leads = world.lead("Ada", "Byron"), world.lead("Alan", "Turing")
    world.first()
    rule = Refusal(Operation.UPDATE, "Lead")
    world.salesforce.reject(rule)
    world.hubspot.edit("contacts", ada, {"jobtitle": "Countess"})
    world.run()
    old, now = golden(world, ada), golden(world, alan)
    world.hubspot.remove("contacts", ada, merged_into=alan)
    world.hubspot.edit("contacts", alan, {"jobtitle": "Reader"})
    world.run()
    yield Merged(world, alan, leads, old, now, rule)
    world.close()


def golden(world: World, contact: str) -> str:
    """The golden record of a contact."""
    with world.store.read() as tx:
        return identity.links_of(tx, [world.ref(contact)])[world.ref(contact)].entity_id


def test_dead_letters_are_found_by_either_name_and_by_the_survivor(merged: Merged) -> None:
    """`deadletters --record` with the old id, the new one or the survivor's contact finds the one
    person's letters. What was refused of the loser's Lead is wanted no more, and that is told under
    the survivor; nothing is left under the old id."""
    wanted_no_more, kept = merged.leads
    for name in (merged.old, merged.now, f"contacts:{merged.contact}"):
        found = select(merged.world.store, Selection(record=name))
        assert {letter.subject for letter in found} == {f"Lead:{kept}"}, name
        assert {letter.entity_id for letter in found} == {merged.now}
    with merged.world.store.read() as tx:
        (past,) = outbox.dead_letters(tx, status=outbox.RESOLVED)
        assert (past.subject, past.entity_id) == (f"Lead:{wanted_no_more}", merged.now)
        assert outbox.of_entity(tx, merged.old) == []
        assert ledger.of_entities(tx, [merged.old]) == []
        assert identity.shadows(tx, [merged.old]) == {}


def test_a_replay_plans_the_survivor_and_closes_the_letters(merged: Merged) -> None:
    """Once the cause is mended a replay of the loser's letters goes to who is there: the one
    person's title lands, once, and no letter is left."""
    merged.rule.corrected = True
    replayed = replay(merged.world.store, Selection(record=merged.old))
    assert replayed.entities == (merged.now,)
    merged.world.run()
    lead = merged.world.salesforce.get("Lead", merged.leads[1])
    assert lead.fields["Title"] == "Reader"
    assert select(merged.world.store, Selection()) == []
    assert merged.world.settled()


def test_the_story_of_the_survivor_tells_the_loser_s_writes(merged: Merged) -> None:
    """`explain` with the old golden record's id tells of the one who is there now, with what was
    written and refused for either."""
    assert find_person(merged.world.store, merged.old).entities == (merged.now,)
    told = story(merged.world.store, merged.now)
    loser = str(RecordRef("salesforce", "Lead", merged.leads[0]))
    about = {(m.kind, m.details.get("record")) for m in told.moments}
    assert {("wrote", loser), ("refused", loser)} <= about


def test_a_chain_of_absorptions_ends_at_who_is_there(merged: Merged) -> None:
    """Merged once more: the first of three ids still names the one person."""
    world = merged.world
    emmy = world.contact("Emmy", "Noether")
    world.lead("Emmy", "Noether")
    merged.rule.corrected = True
    world.run()
    world.hubspot.remove("contacts", merged.contact, merged_into=emmy)
    world.run()
    with world.store.read() as tx:
        assert identity.standing(tx, merged.old) == golden(world, emmy) != merged.now
        assert identity.standing(tx, "nobody") == "nobody"
