"""A person's story tells their stages as the contract has them, from the state alone (law 9)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from mappings.fieldmap import PairMapping
from mappings.loader import load_mapping
from sync.story import Moment, find_person, story
from tests.sync.world import World

ADA = "ada.byron@example-byron.com"
CONTRACT = """\
format: 1
lifecycles:
  main:
    stages:
      lead: {team: marketing, entry: count(events.form_fill) >= 1}
      mql:
        team: marketing
        fact: mql
        entry:
          - count(events.form_fill, days(30)) >= 2
          - map.jobtitle != ""
      working: {team: sales, entry: crm.Status == "Working - Contacted"}
      customer: {team: shared, entry: count(deals.won) >= 1}
"""


@pytest.fixture
def mapping(tmp_path: Path) -> PairMapping:
    """The shipped mapping with a contract beside it."""
    shipped = resources.files("mappings").joinpath("presets/hubspot-salesforce.yaml")
    (tmp_path / "a.yaml").write_text(shipped.read_text("utf-8"), encoding="utf-8")
    (tmp_path / "b.yaml").write_text(CONTRACT, encoding="utf-8")
    return load_mapping(tmp_path)


def stages(world: World, mapping: PairMapping | None) -> list[Moment]:
    """The moments of Ada's story that are about stages."""
    (entity_id,) = find_person(world.store, ADA).entities
    moments = story(world.store, entity_id, mapping=mapping).moments
    return [moment for moment in moments if moment.kind == "stage"]


def met(moment: Moment) -> list[Mapping[str, Any]]:
    """The conditions a moment rests on."""
    found: list[Mapping[str, Any]] = moment.details["met"]
    return found


def test_a_story_says_which_stage_and_which_condition_when(
    world: World, mapping: PairMapping
) -> None:
    """Two forms make a lead and a qualified one; each move names its conditions and since when,
    and the last line says how things stand."""
    world.contact("Ada", "Byron", jobtitle="Engineer")
    world.lead("Ada", "Byron")
    forms = [world.fills(ADA), world.fills(ADA)]
    world.first()
    lead, mql, stands = stages(world, mapping)
    assert (lead.what, lead.at) == ("forward to lead", forms[0].occurred_at)
    assert (mql.what, mql.at) == ("forward to mql from lead", forms[1].occurred_at)
    assert [one["condition"] for one in met(mql)] == [
        "count(events.form_fill, days(30)) >= 2", 'map.jobtitle != ""',
    ]  # fmt: skip
    assert met(mql)[0]["since"] == forms[1].occurred_at.isoformat()
    assert mql.details["certain"] is False  # nobody wrote down when the job title came
    assert stands.what == "stands at mql (main)"
    assert stands.details["next_at"] > stands.at.isoformat()


def test_sales_and_deals_count(world: World, mapping: PairMapping) -> None:
    """What the CRM says of the person's record moves them on."""
    world.contact("Ada", "Byron", jobtitle="Engineer")
    world.lead("Ada", "Byron", Status="Working - Contacted")
    world.fills(ADA)
    world.first()
    assert stages(world, mapping)[-1].what == "stands at working (main)"


def test_without_a_contract_no_stage_is_told(world: World) -> None:
    """Whoever only syncs fields hears nothing of stages."""
    world.contact("Ada", "Byron")
    world.fills(ADA)
    world.first()
    assert stages(world, None) == []
    assert stages(world, world.pair.mapping) == []
