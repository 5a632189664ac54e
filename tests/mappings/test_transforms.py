"""Translation of values between the sides: transforms, tables, defaults, lengths."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import Position, RecordRejectedError
from mappings.fieldmap import Direction, FieldRule, Overwrite, TooLong, ValueType
from mappings.records import Json, Side
from mappings.steps import TRANSFORMS, transform_fault
from mappings.transforms import fill, translate

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
    ("given_name", "Dr. Anna Marie van Smith", "Anna Marie"),
    ("family_name", "Smith, Anna", "Smith"),
    ("round(1)", "12.25", "12.3"),
    ("round(0)", "no number", "no number"),
    ("multiply(100)", "0.07", "7.00"),
    ("number(,)", "EUR 1.234,50", "1234.50"),
    ("number", "$1,234.5", "1234.5"),
    ("number", "a few", "a few"),
    ("boolean(yes,ja)", " JA ", "true"),
    ("boolean(yes,ja)", "nein", "false"),
    ("date(DD.MM.YYYY)", "2.3.2026", "2026-03-02"),
    ("date(DD.MM.YYYY)", "31.02.2026", "31.02.2026"),
    ("date(DD.MM.YYYY)", "tomorrow", "tomorrow"),
    ("format_date(MM/DD/YYYY)", "2026-03-02", "03/02/2026"),
    ("format_date(MM/DD/YYYY)", "1772409600000", "03/02/2026"),
    ("format_date(MM/DD/YYYY)", "soon", "soon"),
    ("local_date(Europe/Berlin)", "2026-03-01T23:30:00Z", "2026-03-02"),
    ("local_date(America/New_York)", "2026-03-02T03:30:00Z", "2026-03-01"),
    ("local_date(Europe/Berlin)", "2026-03-02", "2026-03-02"),
    ("local_date(Europe/Berlin)", "soon", "soon"),
    ("start_of_day(Europe/Berlin)", "2026-03-02", "2026-03-01T23:00:00+00:00"),
    ("start_of_day(Europe/Berlin)", "soon", "soon"),
    ("split_options(,)", "a, b ,c", "a;b;c"),
    ("join_options(, )", "b;a", "a, b"),
]


@pytest.mark.parametrize(("step", "value", "expected"), APPLIED)
def test_a_transform_does_what_it_says(step: str, value: str, expected: Json) -> None:
    """Each step, applied to what goes where the rule flows to; the other way nothing is changed."""
    rule = replace(RULE, transform=(step,))
    assert translate(rule, value, to=Side.CRM) == expected
    assert translate(rule, value.strip(), to=Side.MAP) == value.strip()


def test_every_transform_is_tested_and_described() -> None:
    """No transform is without an example above or without words for its users."""
    assert {step.partition("(")[0] for step, _, _ in APPLIED} == set(TRANSFORMS)
    assert all(transform.says.endswith(".") for transform in TRANSFORMS.values())


@given(st.sampled_from([step for step, _, _ in APPLIED]), st.text(max_size=40))
def test_a_transform_never_fails(step: str, value: str) -> None:
    """Whatever text comes in, a transform accepted by the loader answers."""
    assert transform_fault(step) is None
    answer = translate(replace(RULE, transform=(step,)), value, to=Side.CRM)
    assert answer is None or isinstance(answer, str)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("trim(3)", "takes no argument"), ("before", "needs an argument"),
        ("truncate(0)", "number of characters"), ("phone_e164(Germany)", "ISO country"),
        ("round(99)", "number of digits"), ("multiply(x)", "must be a number"),
        ("number(;)", "decimal mark"), ("date(DD.MM)", "DD, MM and YYYY"),
        ("local_date(Berlin)", "time zone"), ("start_of_day(../../etc/passwd)", "time zone"),
        ("shorten(3)", "There is no transform"), ("a b", "There is no transform"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named(step: str, says: str) -> None:
    """What stands in brackets is checked when the mapping is loaded, not when a record comes."""
    assert says in str(transform_fault(step))


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


def test_steps_come_before_the_table() -> None:
    """A spelling is put right first, then looked up; back, the table alone is read."""
    rule = replace(RULE, transform=("trim", "upper"), values={"DE": "Germany"})
    assert translate(rule, " de ", to=Side.CRM) == "Germany"
    assert translate(rule, "Germany", to=Side.MAP) == "DE"


def test_steps_of_a_rule_to_the_map_serve_what_goes_there() -> None:
    """With `direction: to_map` the steps are applied to what comes from the CRM."""
    rule = replace(RULE, direction=Direction.TO_MAP, transform=("upper",))
    assert translate(rule, "anna", to=Side.MAP) == "ANNA"


def test_a_converted_value_is_read_as_text_and_written_as_its_type() -> None:
    """What is no number as it stands becomes one; what cannot be read is refused."""
    rule = replace(
        RULE,
        direction=Direction.TO_CRM,
        type=ValueType.NUMBER,
        source_type=ValueType.TEXT,
        transform=("number(,)", "multiply(0.01)"),
    )
    assert translate(rule, "1.230,50", to=Side.CRM) == "12.305"
    with pytest.raises(RecordRejectedError):
        translate(rule, "none of your business", to=Side.CRM)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"city": "Berlin", "state": "BE"}, "(Berlin, BE)"),
        ({"city": "Berlin", "state": " "}, "(Berlin)"),
        ({"state": "BE"}, "(BE)"),
        ({"city": None}, None),
    ],
)
def test_a_template_leaves_out_what_is_blank(fields: dict[str, Json], expected: Json) -> None:
    """Marks stand between values alone; with nothing to say, nothing is said."""
    assert fill("({city}, {state})", fields) == expected


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


def test_the_options_of_a_field_are_respected() -> None:
    """Where a side takes certain values only, others are refused there and nowhere else."""
    options = {Side.CRM: frozenset({"Hot", "Warm"})}
    rule = replace(RULE, type=ValueType.PICKLIST, options=options)
    assert translate(rule, "Hot", to=Side.CRM) == "Hot"
    assert translate(rule, "Lukewarm", to=Side.MAP) == "Lukewarm"
    with pytest.raises(RecordRejectedError) as caught:
        translate(rule, "Lukewarm", to=Side.CRM)
    assert caught.value.code == "value.unknown_option"
    several = replace(rule, type=ValueType.MULTIPICKLIST)
    assert translate(several, "Hot;Warm", to=Side.CRM) == "Hot;Warm"
    with pytest.raises(RecordRejectedError):
        translate(several, "Hot;Lukewarm", to=Side.CRM)


def test_a_value_of_the_wrong_type_is_rejected() -> None:
    """Text in a number's place rejects the record, without repeating the value."""
    rule = replace(RULE, type=ValueType.NUMBER)
    with pytest.raises(RecordRejectedError) as caught:
        translate(rule, "a few", to=Side.CRM)
    assert caught.value.code == "value.invalid"
    assert "a few" not in caught.value.message
