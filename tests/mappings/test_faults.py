"""Seeded faults: every mistake in a mapping is reported on its line, with its code and a fix."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from mappings.errors import ConfigurationError, Problem
from mappings.loader import load_mapping, read_mapping
from mappings.positions import Faults
from tests.mappings.minimal import MAPPING, write


@dataclass(frozen=True)
class Fault:
    """One mistake: what is replaced by what, and which line (holding `on`) must be named."""

    old: str
    new: str
    on: str
    code: str
    says: str = ""


FAULTS = {
    # --- keys
    "unknown top key": Fault("activities:", "activites:", "activites:", "config.unknown_key",
                             "activities"),
    "unknown object key": Fault("create_map: false", "create_mpa: false", "create_mpa",
                                "config.unknown_key", "create_map"),
    "unknown rule key": Fault("overwrite: always", "overwite: always", "overwite",
                              "config.unknown_key", "overwrite"),
    "foreign rule key": Fault("overwrite: always", "shape: round", "shape",
                              "config.unknown_key", "one of"),
    "unknown identity": Fault("emails: {map", "email: {map", "email: {map", "config.unknown_key",
                              "emails"),
    "unknown identity key": Fault("identity:\n      emails: {map", "identity:\n      emails: {mpa",
                                  "emails: {mpa", "config.unknown_key", "map"),
    "unknown activity": Fault("form_fill: task", "form_filled: task", "form_filled",
                              "config.unknown_key", "form_fill"),
    "unknown outcome": Fault("lead_status: lead", "leadstatus: lead", "leadstatus:",
                             "config.unknown_key", "lead_status"),
    "unknown consent key": Fault("    subscription: all", "    scope: all", "scope: all",
                                 "config.unknown_key", "crm"),
    "duplicate key": Fault("    map: contacts", "    map: contacts\n    map: companies",
                           "map: companies", "config.duplicate_key", "one of the two"),
    "missing format": Fault("format: 1\n", "", "go_live", "config.missing_key", "format: 1"),
    "missing kind": Fault("    kind: person\n", "", "    map: contacts", "config.missing_key",
                          "person"),
    "missing crm objects": Fault("    crm: [Contact, Lead]\n    create_crm: Lead\n", "",
                                 "    kind: person", "config.missing_key", "[Contact, Lead]"),
    "missing map": Fault("      - map: firstname\n        crm", "      - crm", "crm: FirstName",
                         "config.missing_key", "MAP property"),
    "missing crm": Fault("        crm: FirstName\n", "", "map: firstname", "config.missing_key",
                         "CRM field"),
    "missing owner": Fault("        owner: map\n        type: email", "        type: email",
                           "map: email", "config.missing_key", "map or crm"),
    "missing consent flag": Fault("  - crm: HasOptedOutOfEmail\n    sub", "  - sub",
                                  "- subscription", "config.missing_key", "flag"),
    # --- types
    "format of tomorrow": Fault("format: 1", "format: 9", "format: 9", "config.format", "format 1"),
    "list for mapping": Fault("      emails: {map: [email, work_email], crm: Email}",
                              "      emails: [email]", "emails: [email]", "config.wrong_type",
                              "mapping"),
    "word for flag": Fault("clear: true", "clear: maybe", "clear: maybe", "config.wrong_type",
                           "true or false"),
    "yes for flag": Fault("clear: true", "clear: yes", "clear: yes", "config.wrong_type",
                          "true or false"),
    "flag for text": Fault("map: contacts", "map: true", "map: true", "config.wrong_type", "text"),
    "word for number": Fault("max_length: 200", "max_length: long", "max_length: long",
                             "config.wrong_type", "number"),
    "fraction for length": Fault("max_length: 200", "max_length: 20.5", "max_length: 20.5",
                                 "config.wrong_type", "whole"),
    "length out of range": Fault("max_length: 200", "max_length: 0", "max_length: 0",
                                 "config.out_of_range", "between"),
    "time without zone": Fault("08:00:00Z", "08:00:00", "go_live", "config.wrong_type", "Z"),
    "no time at all": Fault("2026-03-02T08:00:00Z", "soon", "go_live", "config.wrong_type", "Z"),
    "outcome without property": Fault("owner_name: leadloop_owner", "owner_name: [x]",
                                      "owner_name: [x]", "config.wrong_type", "property"),
    "table of tables": Fault("ORGANIC_SEARCH: Web", "ORGANIC_SEARCH: {a: b}", "ORGANIC_SEARCH",
                             "config.wrong_type", "text"),
    # --- words
    "unknown kind": Fault("kind: person", "kind: persons", "kind: persons",
                          "config.unknown_value", "person"),
    "unknown direction": Fault("direction: to_crm", "direction: to-crm", "direction: to-crm",
                               "config.unknown_value", "to_crm"),
    "unknown owner": Fault("owner: map\n        type: email", "owner: hubspot\n        type: email",
                           "owner: hubspot", "config.unknown_value", "map"),
    "unknown overwrite": Fault("overwrite: always", "overwrite: allways", "overwrite: allways",
                               "config.unknown_value", "always"),
    "unknown type": Fault("type: email", "type: mail", "type: mail", "config.unknown_value",
                          "email"),
    "unknown too_long": Fault("too_long: truncate", "too_long: cut", "too_long: cut",
                              "config.unknown_value", "truncate"),
    "unknown aggregate": Fault("aggregate: max", "aggregate: maximum", "aggregate: maximum",
                               "config.unknown_value", "max"),
    "unknown activity form": Fault("email_open: rollup", "email_open: roll_up",
                                   "email_open: roll_up", "config.unknown_value", "rollup"),
    "unquoted off": Fault('email_click: "off"', "email_click: false", "email_click: false",
                          "config.unknown_value", "off"),
    "unknown transform": Fault("title_case", "titlecase", "titlecase", "config.transform",
                               "title_case"),
    "transform without argument": Fault("truncate(30)", "truncate", "transform:",
                                        "config.transform", "truncate(40)"),
    "transform with odd argument": Fault("truncate(30)", "truncate(x)", "transform:",
                                         "config.transform", "truncate(40)"),
    "bad campaign id": Fault("701000000000001", "00Q000000000001", "Spring webinar",
                             "config.invalid_id", "701"),
    "number read both ways": Fault("transform: [trim, title_case, truncate(30)]",
                                   "transform: [number]", "transform: [number]",
                                   "config.transform", "direction: to_crm"),
    "template both ways": Fault("overwrite: always", 'template: "{firstname} {lastname}"',
                                "template:", "config.transform", "direction: to_crm"),
    "template without fields": Fault("direction: to_crm", "direction: to_crm\n"
                                     '        template: "first name"', "template:",
                                     "config.template", "{firstname}"),
    "slip in template": Fault("direction: to_crm", "direction: to_crm\n"
                              '        template: "{city}, {contry}"', "template:",
                              "config.unknown_field", "country"),
    "unknown table": Fault('values: {ORGANIC_SEARCH: Web, "*": Other}', "values: sources",
                           "values: sources", "config.unknown_table", "tables"),
    "table that is a list": Fault("activities:", "tables: {sources: [Web]}\nactivities:",
                                  "tables:", "config.wrong_type", "mapping"),
    "when with unknown name": Fault("overwrite: always", "when: 'cuontry == \"Germany\"'",
                                    "when:", "config.unknown_field", "country"),
    "when with wrong type": Fault("overwrite: always", "when: 'country == 3'", "when:",
                                  "config.condition", "quotes"),
    # --- names at the vendors
    "unknown MAP object": Fault("map: contacts", "map: contact", "map: contact",
                                "config.unknown_object", "contacts"),
    "unknown CRM object": Fault("crm: [Contact, Lead]", "crm: [Contact, Leads]",
                                "crm: [Contact, Leads]", "config.unknown_object", "Lead"),
    "CRM object of another mapping": Fault("crm: {Lead: Company}\n        owner",
                                           "crm: {Account: Company}\n        owner",
                                           "crm: {Account: Company}", "config.unknown_object",
                                           "Contact, Lead"),
    "created object is not mapped": Fault("create_crm: Lead", "create_crm: Account",
                                          "create_crm: Account", "config.unknown_object", "Lead"),
    "slip in MAP property": Fault("- map: firstname", "- map: fristname", "fristname",
                                  "config.unknown_field", "firstname"),
    "underscored MAP property": Fault("- map: firstname", "- map: first_name", "first_name",
                                      "config.unknown_field", "firstname"),
    "slip in CRM field": Fault("crm: FirstName", "crm: FristName", "FristName",
                               "config.unknown_field", "FirstName"),
    "case of CRM field": Fault("crm: FirstName", "crm: Firstname", "crm: Firstname",
                               "config.unknown_field", "FirstName"),
    "slip in identity": Fault("work_email], crm: Email", "work_email], crm: Emial", "Emial",
                              "config.unknown_field", "Email"),
    "slip in consent": Fault("HasOptedOutOfEmail", "HasOptedOutOfEmails", "HasOptedOutOfEmails",
                             "config.unknown_field", "HasOptedOutOfEmail"),
    # --- conditions
    "condition on unknown name": Fault("lifecyclestage !=", "lifecyclestag !=", "include",
                                       "config.unknown_field", "lifecyclestage"),
    "condition with wrong type": Fault("< 100.0", '< "many"', "include", "config.condition",
                                       "3.0"),
    "condition with one equals sign": Fault('!= "subscriber"', '= "subscriber"', "include",
                                            "config.condition", "=="),
    "condition with and": Fault("&&", "and", "include", "config.condition", "&&"),
    "condition without question": Fault('lifecyclestage != "subscriber" && num_notes < 100.0',
                                        "lifecyclestage", "include", "config.condition",
                                        "country"),
    # --- between rules
    "two rules for one property": Fault("- map: my_score", "- map: company",
                                        "- map: company\n        crm: Score__c",
                                        "config.duplicate_rule", "one of the two"),
    "two rules for one field": Fault("crm: Score__c", "crm: FirstName", "- map: my_score",
                                     "config.duplicate_rule", "one of the two"),
    "one-way rule with other owner": Fault("direction: to_crm", "direction: to_crm\n"
                                           "        owner: crm", "owner: crm\n        values",
                                           "config.owner_direction", "owner: map"),
    "writing what is read-only": Fault("map: firstname", "map: hs_email_domain",
                                       "map: hs_email_domain", "config.read_only", "to_crm"),
    "writing a calculated field": Fault("crm: FirstName", "crm: Name", "crm: Name",
                                        "config.read_only", "to_map"),
    "writing consent": Fault("crm: Score__c", "crm: HasOptedOutOfEmail", "map: my_score",
                             "config.consent_field", "consent"),
    "writing our own field": Fault("crm: Score__c", "crm: Leadloop_Id__c", "map: my_score",
                                   "config.own_field", "Remove"),
    "required without default": Fault('        default: "[not provided]"\n      - map: email',
                                      "      - map: email", "- map: lastname",
                                      "config.required_field", "default"),
    "required without rule": Fault("      - map: lastname\n        crm: LastName\n"
                                   '        owner: crm\n        default: "[not provided]"\n',
                                   "", "include", "config.required_field", "LastName"),
    "default too long": Fault('owner: crm\n        default: "[not provided]"',
                              f"owner: crm\n        default: \"{'x' * 81}\"", "xxxx",
                              "config.too_long", "Shorten"),
    "longer than the field": Fault("max_length: 200", "max_length: 256", "max_length: 256",
                                   "config.too_long", "255"),
    "aggregate of text": Fault("overwrite: always", "aggregate: sum", "aggregate: sum",
                               "config.field_type", "type"),
    "type against the field": Fault("owner: map\n        type: email",
                                    "owner: map\n        type: boolean", "- map: email",
                                    "config.field_type", "email"),
    "outcome over a mapped property": Fault("lead_status: leadloop_lead_status",
                                            "lead_status: company", "lead_status: company",
                                            "config.duplicate_rule", "own"),
    "one property for two outcomes": Fault("owner_name: leadloop_owner",
                                           "owner_name: leadloop_lead_status", "owner_name",
                                           "config.duplicate_rule", "own"),
    "campaign member without campaign": Fault(
        'form_fill: task\n  email_open: rollup\n  email_click: "off"\ncampaigns:\n'
        "  Spring webinar: 701000000000001\n",
        "form_fill: campaign_member\n", "form_fill: campaign_member", "config.missing_key",
        "campaigns"),
    "consent given twice": Fault("    subscription: all",
                                 "    subscription: all\n  - crm: HasOptedOutOfEmail",
                                 "  - crm: HasOptedOutOfEmail\noutcomes",
                                 "config.duplicate_rule", "one of the two"),
    "a type by its name": Fault("    subscription: all", "    subscription: Newsletter",
                                "Newsletter", "config.invalid_id", "9714480"),
    # --- YAML itself
    "broken indentation": Fault("    kind: person", "   kind: person", "    map: contacts",
                                "config.syntax", "indentation"),
    "unclosed bracket": Fault("crm: [Contact, Lead]", "crm: [Contact, Lead", "crm: [Contact, Lead",
                              "config.syntax", "Close it"),
    "tab": Fault("    kind: person", "\tkind: person", "\tkind", "config.syntax", "indentation"),
    "anchor": Fault("kind: person", "kind: &a person", "kind: &a", "config.alias", "Write"),
    "alias": Fault("kind: person", "kind: *a", "kind: *a", "config.alias", "Write"),
    "tag": Fault("kind: person", "kind: !!python/name:os.system x", "kind: !!", "config.tag",
                 "Remove"),
    "two documents": Fault("activities:", "---\nactivities:", "---", "config.syntax", "one"),
}  # fmt: skip


def problems_of(path: Path) -> tuple[Problem, ...]:
    """The problems found in a mapping."""
    try:
        load_mapping(path)
    except ConfigurationError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_reported_on_its_line(fault: Fault, tmp_path: Path) -> None:
    """Each seeded fault yields its code on its line, a caret under it, and a fix that helps."""
    check_reported(fault, tmp_path)


def check_reported(fault: Fault, tmp_path: Path) -> None:
    """The fault, seeded into the mapping, is reported as it should be."""
    assert MAPPING.count(fault.old) >= 1
    text = MAPPING.replace(fault.old, fault.new, 1)
    line = text[: text.index(fault.on)].count("\n") + 1
    problems = problems_of(write(tmp_path, text))
    found = [p for p in problems if p.at.line == line and p.code == fault.code]
    assert found, [(str(p.at), p.code, p.message) for p in problems]
    assert fault.says.lower() in f"{found[0].message} {found[0].fix}".lower()
    assert found[0].excerpt.splitlines()[0].strip() in text
    assert found[0].excerpt.endswith("^")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_causes_few_other_messages(fault: Fault, tmp_path: Path) -> None:
    """One mistake is no avalanche: at most three problems come of it."""
    text = MAPPING.replace(fault.old, fault.new, 1)
    assert 1 <= len(problems_of(write(tmp_path, text))) <= 3


def test_the_unchanged_mapping_has_no_fault(tmp_path: Path) -> None:
    """The mapping the faults are seeded into is itself without fault."""
    assert problems_of(write(tmp_path)) == ()


def test_all_faults_are_reported_in_one_pass(tmp_path: Path) -> None:
    """Three mistakes in three places are three problems, in the order of the lines."""
    text = MAPPING.replace("kind: person", "kind: persons").replace("owner: map", "owner: us", 1)
    text = text.replace("email_open: rollup", "email_open: roll")
    problems = problems_of(write(tmp_path, text))
    assert [p.code for p in problems] == ["config.unknown_value"] * 3
    assert [p.at.line for p in problems] == sorted(p.at.line for p in problems)


def test_a_slip_that_is_a_real_field_can_be_declared(tmp_path: Path) -> None:
    """`custom: true` says that the account really has a field named like a standard one."""
    text = MAPPING.replace("- map: firstname", "- map: first_name\n        custom: true")
    assert problems_of(write(tmp_path, text)) == ()


@pytest.mark.parametrize(
    ("condition", "column"),
    [
        ("lifecyclestage != subscriber", 33),
        ('lifecyclestage != "subscriber"', None),
        ("lifecyclestage != firstname", None),
        ("lifecyclestage != hs_analytics_source", None),
        ("hs_email_optout == false", None),
    ],
)
def test_text_without_quotes_is_warned_of(
    condition: str, column: int | None, tmp_path: Path
) -> None:
    """A word compared with a standard property, and no property as far as is known, may be one of
    the account's own: the mapping loads, and the warning stands at the word."""
    start, end = MAPPING.index("    include:"), MAPPING.index("    identity:")
    text = f"{MAPPING[:start]}    include: '{condition}'\n{MAPPING[end:]}"
    faults = Faults()
    read_mapping(write(tmp_path, text), faults)
    assert [p.at.column for p in faults.found()] == ([column] if column else [])
    assert all(p.is_warning and '"subscriber"' in p.fix for p in faults.found())
