"""Translation of values between the sides: transforms, tables, defaults, lengths."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import Position, RecordRejectedError
from mappings.fieldmap import Direction, FieldRule, Overwrite, TooLong, ValueType
from mappings.ports import FieldSchema
from mappings.records import Json, Side
from mappings.transforms import TRANSFORMS, transform_fault, translate

RULE = FieldRule(
    map="firstname",
    crm={"Lead": "FirstName"},
    direction=Direction.BOTH,
    owner=Side.CRM,
    overwrite=Overwrite.ALWAYS,
    clear=False,
    type=ValueType.TEXT,
    at=Position("mapping.yaml", 1, 1),
)
STAGES = replace(
    RULE,
    map="dealstage",
    type=ValueType.PICKLIST,
    values={"early": "Prospecting\n*", "mid": "Qualification\nNeeds Analysis", "won": "Closed Won"},
)

APPLIED: list[tuple[str, str, Json]] = [
    ("trim", " a ", "a"),
    ("single_spaces", "a   b", "a b"),
    ("lower", "AnNa", "anna"),
    ("upper", "de", "DE"),
    ("title_case", "ANNA MARIE o'neil-smith", "ANNA MARIE o'neil-smith"),
    ("title_case", "anna marie o'neil-smith", "Anna Marie O'Neil-Smith"),
    ("title_case", "McDonald", "McDonald"),
    ("digits", "+49 (30) 12", "493012"),
    ("digits", "none", None),
    ("letters", "An1na 2", "Anna"),
    ("one_line", "a\nb", "a b"),
    ("first_word", "Anna Marie Smith", "Anna"),
    ("last_word", "Anna Marie Smith", "Smith"),
    ("all_but_first_word", "Anna Marie Smith", "Marie Smith"),
    ("all_but_last_word", "Anna", None),
    ("phone_e164", "+49 30 901820", "+4930901820"),
    ("phone_e164(de)", "030 901820", "+4930901820"),
    ("phone_e164", "ask for Anna", "ask for Anna"),
    ("domain", "https://www.Example.com/x", "example.com"),
    ("domain", "anna@example.com", "example.com"),
    ("url", "example.com", "https://example.com"),
    ("url", "http://example.com", "http://example.com"),
    ("prefix(MAP-)", "1", "MAP-1"),
    ("suffix( Inc.)", "Acme", "Acme Inc."),
    ("truncate(3)", "Annabel", "Ann"),
    ("before(,)", "Smith, Anna", "Smith"),
    ("after(,)", "Smith, Anna", "Anna"),
]


@pytest.mark.parametrize(("step", "value", "expected"), APPLIED)
def test_a_transform_does_what_it_says(step: str, value: str, expected: Json) -> None:
    """Each transform, applied to what goes from MAP to CRM; the other way nothing is changed."""
    rule = replace(RULE, transform=(step,))
    assert translate(rule, value, to=Side.CRM) == expected
    assert translate(rule, value.strip(), to=Side.MAP) == value.strip()


def test_every_transform_is_tested_and_described() -> None:
    """No transform is without an example above or without words for its users."""
    assert {step.partition("(")[0] for step, _, _ in APPLIED} == set(TRANSFORMS)
    assert all(transform.says.endswith(".") for transform in TRANSFORMS.values())


@given(st.sampled_from(sorted(TRANSFORMS)), st.text(max_size=40))
def test_a_transform_never_fails(name: str, value: str) -> None:
    """Whatever text comes in, a transform accepted by the loader answers."""
    argument = {"truncate": "(5)", "phone_e164": "(US)"}.get(
        name, "(x)" if TRANSFORMS[name].argument else ""
    )
    assert transform_fault(name + argument) is None
    answer = translate(replace(RULE, transform=(name + argument,)), value, to=Side.CRM)
    assert answer is None or isinstance(answer, str)


def test_transforms_compose_in_order() -> None:
    """Steps are applied left to right."""
    rule = replace(RULE, transform=("first_word", "lower", "title_case"))
    assert translate(rule, "ANNA MARIE", to=Side.CRM) == "Anna"


@pytest.mark.parametrize(
    ("map_value", "crm_value"),
    [("early", "Prospecting"), ("mid", "Qualification"), ("won", "Closed Won"), ("odd", "odd")],
)
def test_a_table_translates_to_the_crm(map_value: str, crm_value: str) -> None:
    """The first CRM value listed is the one written; what is not listed passes."""
    assert translate(STAGES, map_value, to=Side.CRM) == crm_value


@pytest.mark.parametrize(
    ("crm_value", "map_value"),
    [("Needs Analysis", "mid"), ("Qualification", "mid"), ("Closed Won", "won"), ("New", "early")],
)
def test_a_table_translates_back(crm_value: str, map_value: str) -> None:
    """Every CRM value listed is understood, and `*` takes the rest."""
    assert translate(STAGES, crm_value, to=Side.MAP) == map_value


def test_a_table_takes_every_other_map_value() -> None:
    """`"*": Other` is what every unlisted MAP value becomes; blank stays blank."""
    rule = replace(RULE, values={"a": "A", "*": "Other"})
    assert translate(rule, "zzz", to=Side.CRM) == "Other"
    assert translate(rule, "", to=Side.CRM) is None


def test_a_table_serves_multi_selects_and_checkboxes() -> None:
    """Each chosen option is translated; a checkbox is true or false in the table."""
    many = replace(RULE, type=ValueType.MULTIPICKLIST, values={"a": "Z", "b": "Y"})
    assert translate(many, "a;b", to=Side.CRM) == "Y;Z"
    assert translate(many, "Z;Y", to=Side.MAP) == "a;b"
    flag = replace(RULE, values={"true": "Yes", "false": "No"})
    assert translate(flag, True, to=Side.CRM) == "Yes"


def test_a_default_is_for_created_records_alone() -> None:
    """A default fills a blank when a record is created, never replaces a value, never travels."""
    rule = replace(RULE, default="[not provided]")
    assert translate(rule, None, to=Side.CRM, creating=True) == "[not provided]"
    assert translate(rule, None, to=Side.CRM) is None
    assert translate(rule, "Acme", to=Side.CRM, creating=True) == "Acme"
    assert translate(rule, "[not provided]", to=Side.MAP) is None
    assert translate(rule, None, to=Side.MAP, creating=True) is None


def test_a_default_of_a_rule_to_the_map_is_for_the_map() -> None:
    """Where values flow to the MAP alone, the default is the created MAP record's."""
    rule = replace(RULE, direction=Direction.TO_MAP, default="default")
    assert translate(rule, None, to=Side.MAP, creating=True) == "default"
    assert translate(rule, None, to=Side.CRM, creating=True) is None


def test_too_long_is_rejected_or_cut() -> None:
    """Text beyond the CRM field's length is refused by name, or cut where the rule says so."""
    rule = replace(RULE, max_length=5)
    with pytest.raises(RecordRejectedError) as caught:
        translate(rule, "Alexandra", to=Side.CRM)
    assert caught.value.code == "value.too_long"
    assert "Alexandra" not in str(caught.value.as_dict())
    cut = replace(rule, too_long=TooLong.TRUNCATE)
    assert translate(cut, "Alexandra", to=Side.CRM) == "Alexa"
    assert translate(rule, "Alexandra", to=Side.MAP) == "Alexandra"


def test_a_described_field_is_respected() -> None:
    """The vendor's own length and restricted options are checked where they are known."""
    target = FieldSchema("Rating", "Rating", "picklist", options=("Hot",), restricted=True)
    rule = replace(RULE, type=ValueType.PICKLIST)
    assert translate(rule, "Hot", to=Side.CRM, target=target) == "Hot"
    with pytest.raises(RecordRejectedError) as caught:
        translate(rule, "Lukewarm", to=Side.CRM, target=target)
    assert caught.value.code == "value.unknown_option"
    short = FieldSchema("Name", "Name", "text", length=3)
    with pytest.raises(RecordRejectedError):
        translate(RULE, "Anna", to=Side.CRM, target=short)


def test_a_value_of_the_wrong_type_is_rejected() -> None:
    """Text in a number's place rejects the record, without repeating the value."""
    rule = replace(RULE, type=ValueType.NUMBER)
    with pytest.raises(RecordRejectedError) as caught:
        translate(rule, "a few", to=Side.CRM)
    assert caught.value.code == "value.invalid"
    assert "a few" not in caught.value.message
