"""A changed mapping holds for everybody: all are planned, new fields read, changed rules decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from mappings.fieldmap import Direction, FieldRule, PairMapping
from mappings.loader import load_mapping
from mappings.records import Side
from mappings.render import mapping_data, render_mapping
from mappings.required_fields import fields_to_read
from state import identity, kept_mappings
from sync.crash import Crash, watched
from sync.guard import Approval
from sync.plan import fingerprints
from sync.run import Report, run_once
from tests.sync.world import World, preset

PEOPLE = 3


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Three linked people, everything settled under the shipped mapping."""
    built = World.build(tmp_path)
    for number in range(PEOPLE):
        name = chr(ord("A") + number)
        built.contact(f"{name}da", f"Byron{name}", jobtitle="engineer", industry="PUMPS")
        built.lead(f"{name}da", f"Byron{name}", Title="engineer", Industry="PUMPS")
    built.first()
    assert built.settled()
    yield built
    built.close()


def changed(rules: tuple[FieldRule, ...]) -> PairMapping:
    """The shipped mapping with other rules for people, hashed as if it had been loaded."""
    people, *rest = preset().objects
    objects = (replace(people, fields=rules), *rest)
    return replace(preset(), objects=objects, hash=sha256(repr(rules).encode()).hexdigest()[:16])


def with_rule(name: str, **settings: object) -> PairMapping:
    """The shipped mapping with one rule said otherwise."""
    rules = preset().objects[0].fields
    return changed(
        tuple(
            replace(r, **settings) if r.map == name else r  # type: ignore[arg-type]
            for r in rules
        )
    )


def use(world: World, mapping: PairMapping) -> None:
    """From now on the world is run with this mapping, as after a restart."""
    world.pair = replace(world.pair, mapping=mapping)


def approved(world: World) -> Report:
    """A run with a plan somebody has read."""
    marks = fingerprints(list(world.planned().planned.intents()))
    return run_once(world.pair, approval=Approval(frozenset(marks)))


def titles(world: World) -> list[str]:
    """Every Lead's title, sorted."""
    return sorted(str(lead.fields["Title"]) for lead in world.salesforce.all("Lead"))


def test_a_changed_rule_is_planned_for_everybody(world: World) -> None:
    """Nobody was edited: the plan holds everybody all the same, and applying it writes that."""
    use(world, with_rule("jobtitle", transform=("upper",)))
    planned = list(world.planned().planned.intents())
    assert len(planned) == PEOPLE
    assert titles(world) == ["engineer"] * PEOPLE, "law 10: a plan writes nothing"
    assert approved(world).exit_code == 0
    assert titles(world) == ["ENGINEER"] * PEOPLE
    assert world.settled()


def test_a_mapping_that_comes_back_is_planned_again(world: World) -> None:
    """Taking a change of the mapping back is one, too, and holds for everybody: an ordinary run
    does it, since somebody has given their word for that mapping before."""
    use(world, with_rule("jobtitle", transform=("upper",)))
    approved(world)
    use(world, preset())
    assert world.run().exit_code == 0
    assert titles(world) == ["engineer"] * PEOPLE
    assert world.settled()


def test_nothing_is_taken_up_before_somebody_has_read_the_plan(world: World) -> None:
    """An ordinary run under a mapping nobody approved plans nobody again; it is refused only where
    there is something to write (law 13)."""
    use(world, with_rule("jobtitle", transform=("upper",)))
    before = world.writes()
    report = world.run()
    assert report.counts["remapped"] == 0
    assert world.writes() == before


def test_fields_that_no_rule_read_before_are_read(world: World) -> None:
    """A new rule reads what nobody has edited since: from every record, in batches."""
    rules = preset().objects[0].fields
    new = replace(
        next(r for r in rules if r.map == "jobtitle"),
        map="department_name",
        crm={"Lead": "Department__c"},
        direction=Direction.TO_CRM,
        owner=Side.MAP,
    )
    for record in world.hubspot.all("contacts"):
        world.hubspot.learn("contacts", record.ref.id, {"department_name": "Pumps"})
    for record in world.salesforce.all("Lead"):
        world.salesforce.learn("Lead", record.ref.id, {"Department__c": None})
    use(world, changed((*rules, new)))
    assert approved(world).exit_code == 0
    found = [lead.fields["Department__c"] for lead in world.salesforce.all("Lead")]
    assert found == ["Pumps"] * PEOPLE
    assert world.settled()


def test_an_unchanged_rule_keeps_what_was_agreed(world: World) -> None:
    """Who left two values apart is not overruled because another rule changed."""
    lead = world.salesforce.all("Lead")[0].ref.id
    with world.store.begin() as tx:
        everyone = identity.everybody(tx)
        kept = {
            place: {
                name: (["engineer", "head"] if name.startswith("jobtitle>") else value)
                for name, value in values.items()
            }
            for place, values in identity.shadows(tx, everyone).items()
            if lead in place[1]
        }
        identity.store_shadows(tx, "test", kept)
    world.salesforce.learn("Lead", lead, {"Title": "head"})
    use(world, with_rule("city", transform=("upper",)))
    approved(world)
    assert titles(world) == ["engineer", "engineer", "head"]


@pytest.mark.parametrize("place", ["after_queue", "after_take_up"])
def test_a_kill_while_it_is_taken_up_loses_nothing(place: str, world: World) -> None:
    """Killed halfway: the next approved run plans everybody still, once."""
    use(world, with_rule("jobtitle", transform=("upper",)))
    marks = frozenset(fingerprints(list(world.planned().planned.intents())))

    def kill(name: str) -> None:
        if name == place:
            raise Crash(name)

    with watched(kill), pytest.raises(Crash):
        run_once(world.pair, approval=Approval(marks))
    assert titles(world) == ["engineer"] * PEOPLE
    assert approved(world).exit_code == 0
    assert titles(world) == ["ENGINEER"] * PEOPLE
    assert world.settled()


def test_what_a_run_was_made_with_is_kept(world: World, tmp_path: Path) -> None:
    """The document kept with a run, written out, loads as the mapping of that hash."""
    with world.store.read() as tx:
        body = kept_mappings.body(tx, preset().hash)
        assert kept_mappings.body(tx, "another") is None
    assert body == mapping_data(preset())
    (tmp_path / "kept.yaml").write_text(render_mapping(body or {}), encoding="utf-8")
    assert load_mapping(tmp_path / "kept.yaml").hash == preset().hash
    assert set(fields_to_read(load_mapping(tmp_path / "kept.yaml"))) == set(Side)
