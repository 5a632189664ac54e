"""Rules that convert, compose and choose: planning again after doing what was planned is silent."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mappings.fieldmap import ObjectMapping
from mappings.loader import load_mapping
from mappings.records import Json, Record, RecordRef, Side
from sync.bonds import BondPlan, plan_bond, plan_creation
from tests.house import ROOT

GUIDE = ROOT / "docs" / "how-to" / "change-values.md"
SYSTEMS = {Side.MAP: "hubspot", Side.CRM: "salesforce"}
NOW = datetime(2026, 3, 2, tzinfo=UTC)
TYPED: dict[str, Json] = {
    "email": "ada@example.com", "firstname": "ADA", "lastname": "Example", "company": "Pumps",
    "country": "Germany", "city": "Berlin", "state": "BE", "budget_as_typed": "EUR 1.230,00",
    "demo_at": "2026-03-01T23:30:00.000Z", "interests_as_typed": "Valves, Pumps",
    "unit": "retail", "score_retail": "7", "score_industry": "40",
}  # fmt: skip


@pytest.fixture
def mapping(tmp_path: Path) -> ObjectMapping:
    """The mapping of the guide."""
    text = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)[0]
    (tmp_path / "people.yaml").write_text(text, encoding="utf-8")
    return load_mapping(tmp_path).objects[0]


def record(system: str, name: str, fields: dict[str, Json]) -> Record:
    """A record as a vendor shows it."""
    return Record(RecordRef(system, name, "1"), fields, "1", NOW)


def planned(mapping: ObjectMapping, contact: Record, lead: Record) -> BondPlan:
    """What the two records come to after they have agreed once."""
    first = plan_bond(mapping, contact, lead, None, systems=SYSTEMS)
    return plan_bond(mapping, contact, lead, first.agreed, systems=SYSTEMS)


def test_a_created_record_needs_no_second_write(mapping: ObjectMapping) -> None:
    """Numbers, days, options and composed text read back as what was written (law 4)."""
    contact = record("hubspot", "contacts", TYPED)
    created = plan_creation(
        mapping, contact, to=Side.CRM, object_name="Lead", system=SYSTEMS[Side.CRM]
    )
    shown = {"Budget__c": 1230.0, "Interests__c": "Pumps;Valves", "Country__c": "DE"}
    lead = record("salesforce", "Lead", {**created.fields, **shown})
    again = planned(mapping, contact, lead)
    assert created.fields["Place__c"] == "Berlin, BE"
    assert created.fields["Demo_Date__c"] == "2026-03-02"
    assert not any(again.writes.values())
    assert set(again.reasons.values()) == {"agreed"}


@pytest.mark.parametrize(
    ("change", "written"),
    [
        ({"state": "BY"}, {"Place__c": "Berlin, BY"}),
        ({"budget_as_typed": "EUR 1.230"}, {}),
        ({"budget_as_typed": "1,23"}, {"Budget__c": 1}),
        ({"demo_at": "2026-03-02T10:00:00.000Z"}, {}),
        ({"demo_at": "2026-03-02T23:30:00.000Z"}, {"Demo_Date__c": "2026-03-03"}),
        ({"unit": "industry"}, {"Score__c": 40}),
    ],
)
def test_a_change_is_written_where_its_value_changes(
    change: dict[str, Json], written: dict[str, Json], mapping: ObjectMapping
) -> None:
    """Another spelling of one value is no change; a field of a template is one; and so is another
    rule becoming the one that applies."""
    contact = record("hubspot", "contacts", TYPED)
    created = plan_creation(
        mapping, contact, to=Side.CRM, object_name="Lead", system=SYSTEMS[Side.CRM]
    )
    lead = record("salesforce", "Lead", dict(created.fields))
    agreed = plan_bond(mapping, contact, lead, None, systems=SYSTEMS).agreed
    changed = replace(contact, fields={**contact.fields, **change})
    plan = plan_bond(mapping, changed, lead, agreed, systems=SYSTEMS)
    assert plan.writes == {Side.MAP: {}, Side.CRM: written}
