"""Which rules apply: `when`, several rules for one field, templates; and what is read for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.applying import rules_for
from mappings.errors import ConfigurationError
from mappings.fieldmap import ObjectMapping, ValueType
from mappings.loader import load_mapping
from mappings.records import Json, Side
from mappings.required_fields import fields_to_read
from tests.mappings.minimal import write

PIPELINES = """\
format: 1
tables:
  new: {appointment: Prospecting, won: Closed Won}
objects:
  deals:
    kind: deal
    map: deals
    crm: [Opportunity]
    create_map: true
    fields:
      - {map: dealname, crm: Name, direction: to_map}
      - map: dealstage
        crm: StageName
        direction: to_map
        when: 'Type == "Renewal" && Probability__c > 10.0'
        values: {renewing: Prospecting, renewed: Closed Won}
      - map: dealstage
        crm: StageName
        direction: to_map
        values: new
      - {map: chance, crm: Probability__c, direction: to_map, type: number}
"""
BY_UNIT = """\
format: 1
objects:
  people:
    kind: person
    map: contacts
    crm: [Contact, Lead]
    fields:
      - map: unit_a_score
        crm: Score__c
        direction: to_crm
        when: 'unit == "a"'
        transform: number
        type: number
      - {map: unit_b_score, crm: Score__c, direction: to_crm, when: 'unit == "b"', type: number}
      - {map: city, crm: Place__c, direction: to_crm, template: "{city}, {zip}"}
"""


def entry(directory: Path, text: str) -> ObjectMapping:
    """The one object mapping of a text."""
    return load_mapping(write(directory, text)).objects[0]


def tables(mapping: ObjectMapping, opportunity: dict[str, Json]) -> list[dict[str, str]]:
    """The picklist tables that apply to the stage of an opportunity without a deal."""
    rules = rules_for(mapping, "Opportunity", {Side.CRM: opportunity})
    return [dict(rule.values) for rule in rules if rule.map == "dealstage"]


@pytest.mark.parametrize(
    ("opportunity", "won"),
    [
        ({"Type": "Renewal", "Probability__c": 20}, "renewed"),
        ({"Type": "Renewal", "Probability__c": 10}, "won"),
        ({"Type": "Renewal", "Probability__c": None}, "won"),
        ({"Type": "New"}, "won"),
        ({}, "won"),
    ],
)
def test_the_first_rule_whose_condition_holds_applies(
    opportunity: dict[str, Json], won: str, tmp_path: Path
) -> None:
    """Two pipelines: each opportunity's stage is read by one table, the last being for the rest.
    A number is compared as one although its field is the account's own."""
    (table,) = tables(entry(tmp_path, PIPELINES), opportunity)
    assert won in table


def test_a_condition_on_a_record_that_is_not_there_does_not_hold(tmp_path: Path) -> None:
    """A Lead whose contact is not known yet belongs to no unit."""
    mapping = entry(tmp_path, BY_UNIT)
    rules = list(rules_for(mapping, "Lead", {Side.CRM: {"Score__c": 5}}))
    assert [rule.map for rule in rules] == ["city"]


def test_rules_of_two_units_share_a_field(tmp_path: Path) -> None:
    """One CRM field is fed by one property or the other, never by both."""
    mapping = entry(tmp_path, BY_UNIT)
    found = {
        unit: [rule.map for rule in rules_for(mapping, "Contact", {Side.MAP: {"unit": unit}})]
        for unit in ("a", "b", "")
    }
    assert found == {"a": ["unit_a_score", "city"], "b": ["unit_b_score", "city"], "": ["city"]}


def test_only_the_last_rule_for_a_field_may_lack_a_condition(tmp_path: Path) -> None:
    """A rule after one that always applies would never apply: a fault."""
    text = BY_UNIT.replace("        when: 'unit == \"a\"'\n", "")
    with pytest.raises(ConfigurationError) as caught:
        load_mapping(write(tmp_path, text))
    assert [p.code for p in caught.value.problems] == ["config.duplicate_rule"]


def test_what_conditions_and_templates_name_is_read(tmp_path: Path) -> None:
    """The vendors are asked for the fields a rule reads, not only for those it writes."""
    people = fields_to_read(load_mapping(write(tmp_path, BY_UNIT)))
    assert {"unit", "zip", "city"} <= set(people[Side.MAP]["contacts"])
    assert "unit" not in people[Side.CRM]["Contact"]
    deals = fields_to_read(load_mapping(write(tmp_path, PIPELINES)))
    assert "Type" in deals[Side.CRM]["Opportunity"]
    assert "Type" not in deals[Side.MAP]["deals"]


def test_a_rule_that_converts_reads_text(tmp_path: Path) -> None:
    """The type is that of the field written; what is read is taken as it stands."""
    first, second, place = entry(tmp_path, BY_UNIT).fields
    assert (first.type, first.type_of(Side.MAP)) == (ValueType.NUMBER, ValueType.TEXT)
    assert second.type_of(Side.MAP) is ValueType.NUMBER
    assert place.type_of(Side.MAP) is ValueType.TEXT
