"""The preset, and what follows from a mapping: fields needed, fields read, digest."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from mappings.errors import ConfigurationError
from mappings.fieldmap import (
    NAMED_KINDS,
    ActivityForm,
    EntityKind,
    OutcomeFact,
    PairMapping,
    ValueType,
)
from mappings.loader import load_mapping
from mappings.ports import FieldSchema, ObjectSchema
from mappings.records import EventKind, Side
from mappings.required_fields import fields_to_read, required_fields
from mappings.standard_fields import standard_schemas
from tests.mappings.minimal import MAPPING, write

PRESET = Path(str(resources.files("mappings"))) / "presets" / "hubspot-salesforce.yaml"


@pytest.fixture(scope="module")
def preset() -> PairMapping:
    """The preset, loaded."""
    return load_mapping(PRESET)


def test_the_preset_creates_leads_and_deals_alone(preset: PairMapping) -> None:
    """People become Leads, companies nothing; opportunities become deals."""
    created = {entry.name: (entry.create_crm, entry.create_map) for entry in preset.objects}
    assert created == {
        "people": ("Lead", False),
        "companies": (None, False),
        "deals": (None, True),
    }


def test_the_preset_fills_what_a_lead_requires(preset: PairMapping) -> None:
    """LastName and Company have a default, so that nobody is refused for lack of them."""
    rules = {rule.map: rule for rule in preset.object("people").fields}
    assert rules["lastname"].default
    assert rules["company"].default


def test_the_preset_logs_forms_and_rolls_up_mail(preset: PairMapping) -> None:
    """Form fills are Tasks, e-mail engagement counts, the rest is off."""
    assert preset.activities[EventKind.FORM_FILL] is ActivityForm.TASK
    off = {EventKind.EMAIL_OTHER, EventKind.CUSTOM}
    mail = set(EventKind) - {EventKind.FORM_FILL, *off}
    assert {preset.activities[kind] for kind in off} == {ActivityForm.OFF}
    assert {preset.activities[kind] for kind in mail} == {ActivityForm.ROLLUP}


def test_the_preset_writes_every_outcome_and_keeps_all_mail_consent(preset: PairMapping) -> None:
    """All facts go back to marketing; the CRM's flag stands for all mail."""
    assert {rule.fact for rule in preset.outcomes} == set(OutcomeFact)
    (consent,) = preset.consent
    assert consent.subscription is None
    assert consent.crm == {"Lead": "HasOptedOutOfEmail", "Contact": "HasOptedOutOfEmail"}


def test_the_preset_needs_the_agreed_fields(preset: PairMapping) -> None:
    """Keys, roll-ups and outcomes have exactly the names the product agreed on."""
    needed = required_fields(preset)
    crm = {f"{d.object}.{d.name}" for d in needed[Side.CRM]}
    keys = {f"{name}.Leadloop_Id__c" for name in ("Lead", "Contact", "Account", "Opportunity")}
    rollups = (
        "First_Engagement Last_Engagement Emails_Sent Emails_Delivered Emails_Opened"
        " Emails_Clicked Emails_Bounced Unsubscribes Spam_Reports Form_Fills Last_Campaign"
    ).split()
    people = {f"{o}.Leadloop_{name}__c" for o in ("Lead", "Contact") for name in rollups}
    assert crm == keys | people | {"Task.Leadloop_Event_Id__c"}
    properties = {d.name for d in needed[Side.MAP] if d.object == "contacts"}
    assert properties == {
        "leadloop_id", "leadloop_crm_id", "leadloop_crm_object", "leadloop_lead_status",
        "leadloop_owner", "leadloop_owner_email", "leadloop_opportunity_stage",
        "leadloop_opportunity_amount", "leadloop_opportunity_outcome", "leadloop_close_date",
        "leadloop_total_revenue", "leadloop_won_count", "leadloop_customer_since",
    }  # fmt: skip
    unique = {d.name for side in Side for d in needed[side] if d.unique}
    assert unique == {"leadloop_id", "Leadloop_Id__c", "Leadloop_Event_Id__c"}


def test_a_mapping_needs_no_more_than_it_uses(tmp_path: Path) -> None:
    """Without activities and outcomes, the key fields are all that is needed."""
    text = MAPPING[: MAPPING.index("activities:")] + "activities:\n"
    text += "".join(f'  {kind}: "off"\n' for kind in NAMED_KINDS)
    needed = required_fields(load_mapping(write(tmp_path, text)))
    assert {d.name for d in needed[Side.CRM]} == {"Leadloop_Id__c"}
    assert {d.name for d in needed[Side.MAP]} == {"leadloop_id"}


def test_what_is_read_covers_rules_identity_condition_and_consent(tmp_path: Path) -> None:
    """Every field a mapping names is asked for, with what merges and conversions show in."""
    reads = fields_to_read(load_mapping(write(tmp_path)))
    contacts = reads[Side.MAP]["contacts"]
    for name in ("firstname", "work_email", "lifecyclestage", "num_notes", "leadloop_id"):
        assert name in contacts
    lead, contact = reads[Side.CRM]["Lead"], reads[Side.CRM]["Contact"]
    assert {"Company", "HasOptedOutOfEmail", "ConvertedContactId", "Score__c"} <= set(lead)
    assert "Company" not in contact
    assert len(set(contacts)) == len(contacts)
    assert {"OpportunityContactRole", "User", "Opportunity"} <= set(reads[Side.CRM])


def test_the_digest_follows_meaning_alone(tmp_path: Path) -> None:
    """Comments, blank lines and the order of keys change no digest; a changed word does."""
    plain = load_mapping(write(tmp_path)).hash
    spaced = MAPPING.replace("objects:", "# a comment\n\nobjects:")
    spaced = spaced.replace(
        "        owner: crm\n        overwrite: always",
        "        overwrite: always\n        owner: crm",
    )
    assert load_mapping(write(tmp_path, spaced)).hash == plain
    changed = MAPPING.replace("truncate(30)", "truncate(31)")
    assert load_mapping(write(tmp_path, changed)).hash != plain


def test_a_directory_is_one_mapping(tmp_path: Path) -> None:
    """Files of a directory are read in name order and count as one."""
    cut = MAPPING.index("activities:")
    write(tmp_path, MAPPING[:cut], "10-people.yaml")
    write(tmp_path, "format: 1\n" + MAPPING[cut:], "20-rest.yaml")
    (tmp_path / "notes.txt").write_text("not read")
    alone = tmp_path / "alone"
    alone.mkdir()
    assert load_mapping(tmp_path).hash == load_mapping(write(alone)).hash


def test_parts_given_in_two_files_are_refused(tmp_path: Path) -> None:
    """The same object mapping or go_live in two files is a fault that names the first."""
    write(tmp_path, MAPPING, "a.yaml")
    write(tmp_path, MAPPING, "b.yaml")
    with pytest.raises(ConfigurationError) as caught:
        load_mapping(tmp_path, base=tmp_path)
    assert any("a.yaml:" in p.message and p.at.file == "b.yaml" for p in caught.value.problems)


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    """A mapping directory without files says what to do."""
    with pytest.raises(ConfigurationError) as caught:
        load_mapping(tmp_path)
    assert caught.value.code == "config.missing_mapping"


def _live(**changes: FieldSchema | None) -> dict[Side, dict[str, ObjectSchema]]:
    """Both vendors' standard fields as a describe would show them, with changes on Lead."""
    extra = {
        "contacts": {"my_score": FieldSchema("my_score", "", "number")},
        "Lead": {"Score__c": FieldSchema("Score__c", "", "number")},
        "Contact": {"Score__c": FieldSchema("Score__c", "", "number")},
    }
    found: dict[Side, dict[str, ObjectSchema]] = {side: {} for side in Side}
    for side in Side:
        for name, schema in standard_schemas(side).items():
            fields = dict(schema.fields) | extra.get(name, {})
            if name == "Lead":
                fields |= {k: v for k, v in changes.items() if v is not None}
                fields = {k: v for k, v in fields.items() if changes.get(k, v) is not None}
            found[side][name] = ObjectSchema(name, fields)
    return found


def test_a_mapping_that_fits_the_described_accounts_loads(tmp_path: Path) -> None:
    """Against describes that hold every field, the mapping is as good as offline."""
    assert load_mapping(write(tmp_path), schemas=_live()).objects


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Score__c": None}, "config.unknown_field"),
        ({"Score__c": FieldSchema("Score__c", "", "reference")}, "config.field_type"),
        ({"Email": FieldSchema("Email", "", "email", createable=False, updateable=False)},
         "config.read_only"),
        ({"Company": FieldSchema("Company", "", "text", length=100, required=True)},
         "config.too_long"),
        ({"LeadSource": FieldSchema("LeadSource", "", "picklist", options=("Web",),
                                    restricted=True)}, "config.unknown_option"),
        ({"Region__c": FieldSchema("Region__c", "", "text", required=True)},
         "config.required_field"),
    ],
)  # fmt: skip
def test_a_mapping_is_held_to_what_the_vendor_describes(
    changes: dict[str, FieldSchema | None], code: str, tmp_path: Path
) -> None:
    """Missing, retyped, locked, shortened, restricted and newly required fields are reported."""
    with pytest.raises(ConfigurationError) as caught:
        load_mapping(write(tmp_path), schemas=_live(**changes))
    assert code in {problem.code for problem in caught.value.problems}


def test_types_and_lengths_come_from_the_field(tmp_path: Path) -> None:
    """What the file leaves out is filled in from what the field is."""
    rules = {r.map: r for r in load_mapping(write(tmp_path)).object("people").fields}
    assert rules["firstname"].max_length == 40
    assert rules["company"].max_length == 200
    assert rules["hs_analytics_source"].type is ValueType.PICKLIST
    assert rules["my_score"].type is ValueType.NUMBER
    assert load_mapping(PRESET).of_kind(EntityKind.DEAL) is not None


def test_five_hundred_rules_load(tmp_path: Path) -> None:
    """A mapping of 500 rules of the account's own fields is checked offline like a small one."""
    rules = "".join(
        f"      - map: custom_{n}\n        crm: Custom_{n}__c\n        owner: crm\n"
        for n in range(500)
    )
    text = MAPPING.replace("activities:", rules + "activities:", 1)
    mapping = load_mapping(write(tmp_path, text))
    assert len(mapping.object("people").fields) == 506


def test_the_lines_to_uncomment_load(tmp_path: Path) -> None:
    """What the preset offers beside its rules, HubSpot's own integration's other fields, is right
    when somebody takes the sharps away."""
    text = PRESET.read_text(encoding="utf-8")
    start, end = text.index("      # - {map: annualrevenue"), text.index("      # Said once")
    taken = re.sub(r"(?m)^( {6})# ", r"\1", text[start:end])
    people = load_mapping(write(tmp_path, text[:start] + taken + text[end:])).object("people")
    assert {"annualrevenue", "message", "hs_lead_status"} <= {rule.map for rule in people.fields}
    assert {"salutation", "fax"} <= {r.map for r in load_mapping(PRESET).object("people").fields}
