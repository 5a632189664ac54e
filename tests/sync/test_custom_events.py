"""HubSpot's custom events become what the mapping says of each by its name, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from mappings.errors import ConfigurationError
from mappings.fieldmap import ActivityForm, PairMapping
from mappings.loader import load_mapping
from mappings.records import EventKind, Side
from mappings.render import mapping_data, render_mapping
from mappings.required_fields import required_fields
from state import accounts
from tests.sync.agreed import STAGES
from tests.sync.world import START, World

ADA = "ada.byron@example-byron.com"
COUNT = "Leadloop_Custom_Events__c"
DEMO, LOGIN, NOISE = "pe1_demo", "pe1_login", "pe1_noise"
EVENTS = f"custom_events: {{{DEMO}: task, {LOGIN}: rollup, {NOISE}: 'off'}}\n"


def mapping(folder: Path, more: str = EVENTS) -> PairMapping:
    """The shipped mapping with these lines beside it."""
    folder.mkdir(exist_ok=True)
    preset = Path(str(resources.files("mappings"))) / "presets/hubspot-salesforce.yaml"
    (folder / "1.yaml").write_text(preset.read_text())
    (folder / "2.yaml").write_text(f"format: 1\n{more}")
    return load_mapping(folder)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Ada, in step on both sides."""
    made = World.build(tmp_path, mapping=mapping(tmp_path / "mapping"))
    yield made
    made.close()


def test_each_becomes_what_stands_by_its_name(world: World) -> None:
    """One is a Task with its answers, one a count, one nothing; each counts once whatever repeats,
    and none is unaccounted for."""
    world.contact("Ada", "Byron")
    lead = world.lead("Ada", "Byron")
    world.first()
    demo = world.happens(EventKind.CUSTOM, ADA, DEMO)
    logins = [world.happens(EventKind.CUSTOM, ADA, LOGIN) for _ in range(3)]
    noise = world.happens(EventKind.CUSTOM, ADA, NOISE)
    world.run()
    (task,) = world.task_of(demo)
    assert task.fields["Subject"] == f"Event: {DEMO}"
    assert not any(world.task_of(one) for one in (*logins, noise))
    assert str(world.salesforce.get("Lead", lead).fields[COUNT]) == "3"
    assert world.settled()
    assert len(world.task_of(demo)) == 1
    with world.store.read() as tx:
        ended = Counter[str]()
        for row in accounts.events(tx):
            ended[row.disposition] += row.count
    assert ended == {"delivered": 1, "rolled_up": 3, "off": 1}


def test_those_before_go_live_are_counts_alone(tmp_path: Path) -> None:
    """History makes no Task (law 13)."""
    more = f'go_live: "{START.isoformat()}"\n{EVENTS}'
    world = World.build(tmp_path, mapping=mapping(tmp_path / "mapping", more))
    world.contact("Ada", "Byron")
    lead = world.lead("Ada", "Byron")
    world.time.at = START.replace(year=2025)
    old = world.happens(EventKind.CUSTOM, ADA, DEMO)
    world.time.at = START
    world.first()
    assert world.task_of(old) == []
    assert str(world.salesforce.get("Lead", lead).fields[COUNT]) == "1"
    assert world.settled()
    world.close()


def test_a_contract_counts_them_by_name(tmp_path: Path) -> None:
    """`events.custom` and its name are a criterion like a form's."""
    stages = STAGES.format(go_live=START.isoformat(), forms=1).replace(
        "count(events.form_fill, days(30)) >= 1", f'count(events.custom, "{DEMO}") >= 1'
    )
    world = World.build(
        tmp_path, mapping=mapping(tmp_path / "mapping", stages.partition("\n")[2] + EVENTS)
    )
    contact = world.contact("Ada", "Byron", jobtitle="Countess")
    world.first()
    world.fills(ADA)
    world.happens(EventKind.CUSTOM, ADA, LOGIN)
    world.run()
    assert world.map_record(contact).fields["leadloop_stage"] == "lead"
    world.happens(EventKind.CUSTOM, ADA, DEMO)
    world.run()
    assert world.map_record(contact).fields["leadloop_stage"] == "mql"
    world.close()


def test_only_what_is_named_is_read_and_needed(tmp_path: Path) -> None:
    """Types that are off are not read; without any there is no field for them either."""
    named, none = mapping(tmp_path / "a"), mapping(tmp_path / "b", "")
    assert named.pulled_events == (DEMO, LOGIN)
    assert none.form_of(EventKind.CUSTOM, DEMO) is ActivityForm.OFF
    wanted = [{d.name for d in required_fields(each)[Side.CRM]} for each in (named, none)]
    assert [COUNT in names for names in wanted] == [True, False]


def test_the_mapping_says_what_is_wrong_with_a_name_and_reads_back(tmp_path: Path) -> None:
    """A label in place of the internal name, a form that is none and `activities: custom` are told
    at their place; what is written down is read the same."""
    for number, more in enumerate(
        ("custom_events: {Demo watched: task}\n", "custom_events: {pe1_demo: tasks}\n",
         "activities: {custom: task}\n", "custom_events: {pe1_demo: campaign_member}\n")
    ):  # fmt: skip
        with pytest.raises(ConfigurationError):
            mapping(tmp_path / str(number), more)
    found = mapping(tmp_path / "good")
    again = tmp_path / "again.yaml"
    again.write_text(render_mapping(mapping_data(found)))
    assert load_mapping(again).custom_events == found.custom_events
