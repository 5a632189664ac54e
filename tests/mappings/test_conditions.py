"""Conditions: which records a mapping includes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mappings.conditions import compile_condition, condition_of, names_in
from mappings.errors import ConfigurationError, Position
from mappings.fieldmap import ValueType
from mappings.loader import load_mapping
from mappings.records import Json
from tests.mappings.minimal import MAPPING, write

AT = Position("mapping.yaml", 10, 15)
FIELDS = {
    "email": ValueType.EMAIL,
    "country": ValueType.TEXT,
    "score": ValueType.NUMBER,
    "customer": ValueType.BOOLEAN,
    "born": ValueType.DATE,
    "seen": ValueType.DATETIME,
    "in": ValueType.TEXT,
}


@pytest.mark.parametrize(
    ("text", "record", "holds"),
    [
        ("", {}, True),
        ('country == "Germany"', {"country": "Germany"}, True),
        ('country == "Germany"', {}, False),
        ('country != "Germany"', {"country": None}, True),
        ('email != ""', {"email": " "}, False),
        ('email.endsWith("@example.com")', {"email": "Anna@EXAMPLE.com"}, True),
        ('country in ["DE", "AT"] && !customer', {"country": "AT"}, True),
        ('country in ["DE", "AT"] && !customer', {"country": "AT", "customer": "true"}, False),
        ("score > 10.0", {"score": "10.5"}, True),
        ("score > 10.0", {"score": ""}, False),
        ("!(score > 10.0)", {}, False),
        ('country == "DE" || score > 10.0', {"country": "DE"}, True),
        ("score > 10.0", {"score": "many"}, False),
        ('born < "1990-01-01"', {"born": "1985-05-05"}, True),
        ('seen > timestamp("2026-01-01T00:00:00Z")', {"seen": "1774915200000"}, True),
        ('seen > timestamp("2026-01-01T00:00:00Z")', {}, False),
    ],
)
def test_a_condition_decides(text: str, record: dict[str, Json], holds: bool) -> None:
    """A condition holds or not for a record as the vendor gave it, blanks included."""
    assert compile_condition(text, AT, FIELDS)(record) is holds


@pytest.mark.parametrize(
    ("text", "column", "fix"),
    [
        ('email == "a" && cuontry == "DE"', 31, "country"),
        ('score == "ten"', 21, "3.0"),
        ('country = "DE"', 23, "=="),
        ('country == "DE" and customer', 31, "&&"),
        ("email.shout()", 26, "field"),
        ("country", 15, "Compare"),
        ('country == "', 26, "like"),
        ("(" * 500, 15, "parenthesis"),
        ("customer &&" * 500 + "customer", 15, "Shorten"),
    ],
)
def test_a_faulty_condition_is_refused_with_its_place(text: str, column: int, fix: str) -> None:
    """The fault's column is counted in the file, and the fix helps."""
    with pytest.raises(ConfigurationError) as caught:
        compile_condition(text, AT, FIELDS)
    (problem,) = caught.value.problems
    assert problem.at.line == 10
    assert problem.at.column == column
    assert fix in problem.fix


def test_a_mapping_decides_what_it_includes(tmp_path: Path) -> None:
    """`include` is asked with standard, mapped and the account's own fields, and compiled once."""
    text = MAPPING.replace("num_notes < 100.0", 'my_score > 5.0 && segment == "smb"')
    mapping = load_mapping(write(tmp_path, text)).object("people")
    condition = condition_of(mapping)
    record = {"lifecyclestage": "lead", "my_score": "7", "segment": "smb"}
    assert condition(record)
    assert not condition(record | {"my_score": "3"})
    assert not condition(record | {"segment": None})
    assert condition_of(mapping) is condition
    assert condition_of(replace(mapping, include=""))({})


def test_a_condition_names_its_fields() -> None:
    """Names outside quotes, without functions, members and CEL's own words."""
    text = 'country in ["email"] && size(email) > 0 && true || seen.getHours() > 3 && x1 > 1e3'
    assert names_in(text) == ("country", "email", "seen", "x1")
