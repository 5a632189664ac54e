"""More seeded faults: values, conditions, shapes, YAML; and how many there are in all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mappings.minimal import MAPPING
from tests.mappings.test_faults import FAULTS, Fault, check_reported
from tests.sync import test_config, test_config_faults

SEEDED = 150
"""Mistakes seeded into mappings and config.yaml, at least."""
STEPS = "transform: [trim, title_case, truncate(30)]"


def _step(step: str, says: str) -> Fault:
    return Fault(STEPS, f"transform: [{step}]", "transform:", "config.transform", says)


def _rule(new: str, on: str, code: str, says: str) -> Fault:
    """A key of the first rule, given otherwise."""
    return Fault("overwrite: always", new, on, code, says)


MORE = {
    # --- steps
    "step with surplus argument": _step("trim(3)", "no argument"),
    "negative length": _step("truncate(-1)", "number of characters"),
    "prefix of nothing": _step("prefix", "needs an argument"),
    "country in words": _step("phone_e164(Germany)", "ISO country"),
    "too many digits": _step("round(40)", "digits"),
    "factor in words": _step("multiply(double)", "must be a number"),
    "odd decimal mark": _step('"number(;)"', "decimal mark"),
    "half a pattern": _step("date(DD.MM)", "YYYY"),
    "pattern of nothing": _step("format_date()", "needs an argument"),
    "city for a zone": _step("local_date(Berlin)", "Europe/Berlin"),
    "zone with a slip": _step("start_of_day(Europe/Berln)", "Europe/Berlin"),
    "slip in a step": _step("titel_case", "title_case"),
    "step that is a table": Fault(STEPS, "transform: [{trim: 3}]", "transform:",
                                  "config.wrong_type", "text"),
    # --- templates, conditions of rules
    "open brace": _rule('template: "{firstname {lastname}"', "template:", "config.template",
                        "braces"),
    "empty braces": _rule('template: "{}"', "template:", "config.template", "braces"),
    "when without question": _rule("when: 'country'", "when:", "config.condition", "country"),
    "when with and": _rule("when: 'city == \"x\" and state == \"y\"'", "when:",
                           "config.condition", "&&"),
    "when with unknown function": _rule("when: 'city.shout()'", "when:", "config.unknown_field",
                                        "field"),
    "when with single equals": _rule("when: 'city = \"x\"'", "when:", "config.condition", "=="),
    "when that is a list": _rule("when: [city]", "when:", "config.wrong_type", "text"),
    # --- shapes
    "object listed twice": Fault("crm: [Contact, Lead]", "crm: [Contact, Contact, Lead]",
                                 "crm: [Contact, Contact", "config.duplicate_rule", "Keep one"),
    "yes for creation": Fault("create_map: false", "create_map: yes", "create_map",
                              "config.wrong_type", "true or false"),
    "kind without value": Fault("kind: person", "kind:", "kind:", "config.missing_key", "person"),
    "rule that is a word": Fault("      - map: my_score\n        crm: Score__c\n"
                                 "        type: number\n        aggregate: max\n"
                                 "        owner: map\n        clear: true\n",
                                 "      - my_score\n", "- my_score", "config.wrong_type",
                                 "mapping"),
    "two properties": Fault("- map: firstname", "- map: [firstname, lastname]",
                            "[firstname, lastname]", "config.wrong_type", "text"),
    "list of fields": Fault("crm: FirstName", "crm: [FirstName]", "crm: [FirstName]",
                            "config.wrong_type", "field name"),
    "list in place of a field": Fault("crm: {Lead: Company}\n        owner",
                                      "crm: {Lead: [Company]}\n        owner", "[Company]",
                                      "config.wrong_type", "field name"),
    "default that is a list": Fault('default: "[not provided]"\n      - map: email',
                                    "default: [not provided]\n      - map: email",
                                    "default: [not", "config.wrong_type", "text"),
    "length in quotes": Fault("max_length: 200", 'max_length: "200"', "max_length",
                              "config.wrong_type", "number"),
    "overwrite that is a list": _rule("overwrite: [always]", "overwrite:", "config.wrong_type",
                                      "one of"),
    "subscription that is a flag": Fault("subscription: all", "subscription: true",
                                         "subscription:", "config.wrong_type", "text"),
    "consent that is a word": Fault("  - crm: HasOptedOutOfEmail\n    subscription: all",
                                    "  - HasOptedOutOfEmail", "- HasOptedOutOfEmail",
                                    "config.wrong_type", "mapping"),
    "list of campaigns": Fault("  Spring webinar: 701000000000001",
                               "  [701000000000001]", "[701000000000001]", "config.wrong_type",
                               "mapping"),
    "list of outcomes": Fault("  lead_status: leadloop_lead_status\n  owner_name: leadloop_owner",
                              "  [lead_status]", "[lead_status]", "config.wrong_type", "mapping"),
    "list of activities": Fault('  form_fill: task\n  email_open: rollup\n  email_click: "off"',
                                "  [task]", "[task]", "config.wrong_type", "mapping"),
    "value of nothing": Fault("{ORGANIC_SEARCH: Web,", "{ORGANIC_SEARCH: ,", "ORGANIC_SEARCH:",
                              "config.wrong_type", "text"),
    "format in quotes": Fault("format: 1", 'format: "1"', "format:", "config.format", "format: 1"),
    "format that is a flag": Fault("format: 1", "format: true", "format:", "config.format",
                                   "format: 1"),
    "month there is not": Fault("2026-03-02T", "2026-13-02T", "go_live", "config.wrong_type", "Z"),
    "include that is a number": Fault(
        "include: 'lifecyclestage != \"subscriber\" && num_notes < 100.0'", "include: 5",
        "include:", "config.condition", "yes-or-no"),
    # --- between rules
    "owner of nobody one-way": Fault("direction: to_crm", "direction: to_crm\n        owner: none",
                                     "owner: none", "config.owner_direction", "owner: map"),
    "greatest of text": _rule("aggregate: max", "aggregate:", "config.field_type", "type"),
    "our own property": Fault("- map: my_score", "- map: leadloop_id", "- map: leadloop_id",
                              "config.own_field", "Remove"),
    "consent as a property": Fault("- map: my_score", "- map: hs_email_optout",
                                   "- map: hs_email_optout", "config.consent_field", "consent"),
    "two entries for contacts": Fault("activities:", "  more:\n    kind: person\n"
                                      "    map: contacts\n    crm: [Lead]\nactivities:",
                                      "    kind: person\n    map: contacts\n    crm: [Lead]",
                                      "config.duplicate_rule", "one object mapping"),
    "one entry named twice": Fault("activities:", "  people:\n    kind: person\nactivities:",
                                   "  people:\n    kind: person\nactivities",
                                   "config.duplicate_key", "one of the two"),
    # --- YAML itself
    "owner given twice": Fault("owner: map\n        type: email",
                               "owner: map\n        owner: crm\n        type: email",
                               "owner: crm\n        type: email", "config.duplicate_key",
                               "one of the two"),
    "open quote, closed by the next one": Fault('default: "[not provided]"\n      - map: email',
                        'default: "[not provided]\n      - map: email',
                        'default: "[not provided]\n      - map: email',
                        "config.syntax", "quotes"),
    "merge key": Fault("kind: person", "<<: *base\n    kind: person", "<<:", "config.alias",
                       "Write"),
    "bomb": Fault("kind: person", "kind: [&a [x, x], *a, *a]", "&a", "config.alias", "Write"),
    "too deep": Fault("kind: person", f"kind: {'[' * 30}{']' * 30}", "kind: [", "config.too_deep",
                      "Flatten"),
    "binary": Fault("kind: person", "kind: !!binary aGk=", "!!binary", "config.tag", "Remove"),
}  # fmt: skip


@pytest.mark.parametrize("fault", MORE.values(), ids=MORE.keys())
def test_a_fault_is_reported_on_its_line(fault: Fault, tmp_path: Path) -> None:
    """Each yields its code on its line, a caret under it, and a fix that helps."""
    check_reported(fault, tmp_path)


def test_enough_faults_are_seeded() -> None:
    """No fewer than 150 different ones, each reported on its line: no test leaves one out."""
    assert not FAULTS.keys() & MORE.keys()
    ours = len(FAULTS) + len(MORE)
    assert ours + len(test_config.FAULTS) + len(test_config_faults.FAULTS) >= SEEDED


def test_every_fault_changes_the_mapping() -> None:
    """Each of them is a change of the mapping it is seeded into."""
    assert all(fault.old in MAPPING for fault in MORE.values())
