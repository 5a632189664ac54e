"""`create_crm` by condition: what a person becomes, what is refused, and what cannot be reached."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mappings.applying import created_as
from mappings.errors import ConfigurationError
from mappings.fieldmap import ObjectMapping
from mappings.loader import load_mapping
from mappings.overlaps import covers
from mappings.records import Side
from mappings.render import mapping_data
from mappings.required_fields import rule_reads
from tests.mappings.minimal import MAPPING, write

POLICY = """\
    create_crm:
      - {object: none, when: 'country == "Utopia"'}
      - {object: Contact, when: 'lifecyclestage == "customer" && unit == "retail"'}
      - {object: Lead}
"""


def policy(entries: str) -> str:
    """The mapping with these entries."""
    return MAPPING.replace("    create_crm: Lead\n", f"    create_crm:\n{entries}")


def people(tmp_path: Path, text: str = "") -> ObjectMapping:
    """The people's entry of a mapping."""
    given = text or MAPPING.replace("    create_crm: Lead\n", POLICY)
    return load_mapping(write(tmp_path, given)).object("people")


@pytest.mark.parametrize(
    ("fields", "becomes"),
    [
        ({"lifecyclestage": "customer", "unit": "retail"}, "Contact"),
        ({"lifecyclestage": "customer", "unit": "industry"}, "Lead"),
        ({"lifecyclestage": "customer", "unit": "retail", "country": "Utopia"}, None),
        ({}, "Lead"),
    ],
)
def test_the_first_that_holds_counts(
    tmp_path: Path, fields: dict[str, str], becomes: str | None
) -> None:
    """From the top; nothing for whom `none` is said; the last for everybody else."""
    assert created_as(people(tmp_path), fields) == becomes


def test_without_a_last_one_nobody_else_is_created(tmp_path: Path) -> None:
    """Conditions alone: who fulfils none is matched and never created."""
    entry = people(tmp_path, policy("      - {object: Contact, when: 'city == \"Bonn\"'}\n"))
    assert created_as(entry, {"city": "Bonn"}) == "Contact"
    assert created_as(entry, {"city": "Rome"}) is None


def test_what_conditions_ask_is_read_and_told(tmp_path: Path) -> None:
    """The properties they name are read, and the mapping as it is kept holds the whole list."""
    path = write(tmp_path, MAPPING.replace("    create_crm: Lead\n", POLICY))
    mapping = load_mapping(path)
    entry = mapping.object("people")
    assert {"country", "lifecyclestage", "unit"} <= set(rule_reads(entry, Side.MAP, "contacts"))
    assert entry.creatable == ("Contact", "Lead")
    kept = mapping_data(mapping)["objects"]["people"]["create_crm"]
    assert [one["object"] for one in kept] == ["none", "Contact", "Lead"]
    assert replace(entry, create_when=()).creatable == ("Lead",)


SECOND = '      - {object: Contact, when: \'city ==  "x" && state == "y"\'}\n'
FAULTS = {
    "no object": ("      - {when: 'city == \"x\"'}\n", "9:9", "needs `object`"),
    "another object": ("      - {object: Account}\n", "9:18", "none of the CRM objects"),
    "a slip": ("      - {object: Leed}\n", "9:18", "`Lead`"),
    "an unknown key": ("      - {object: Lead, if: 'x'}\n", "9:24", "is no key"),
    "words alone": ("      - Lead\n", "9:9", "when: CONDITION"),
    "no question": ("      - {object: Lead, when: 'city'}\n      - {object: Contact}\n", "9:31",
                    "no yes-or-no question"),
    "an unknown field": ("      - {object: Lead, when: 'lifecyclstage == \"x\"'}\n", "9:31",
                         "lifecyclestage"),
    "everybody first": (f"      - {{object: Lead}}\n{SECOND}", "10:33",
                        "entry in line 9 has no `when`"),
    "the same again": ("      - {object: Lead, when: 'city == \"x\"'}\n" + SECOND, "10:33",
                       "line 9 holds first"),
}  # fmt: skip


@pytest.mark.parametrize(("entries", "at", "says"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_policy_is_told_with_its_place(
    tmp_path: Path, entries: str, at: str, says: str
) -> None:
    """Line and column of the entry's fault, and words that say what to write."""
    with pytest.raises(ConfigurationError) as caught:
        people(tmp_path, policy(entries))
    told = [p for p in caught.value.problems if f"{p.at.line}:{p.at.column}" == at]
    assert any(says in f"{one.message} {one.fix}" for one in told), caught.value.problems


@pytest.mark.parametrize(
    ("first", "later", "is_covered"),
    [
        ('a == "x"', 'a == "x"', True),
        ('a == "x"', 'b == "y" && a  ==  "x"', True),
        ('a == "x" || b == "y"', 'b == "y"', True),
        ('a == "x" && b == "y"', 'a == "x"', False),
        ('a == "x"', 'a == "x" || b == "y"', False),
        ('a == "x && b"', 'a == "x', False),
        ('(a == "x" || b == "y")', 'a == "x"', False),
        ("c ? a : b || d", "d", False),
    ],
)
def test_what_is_called_unreachable_is_so(first: str, later: str, is_covered: bool) -> None:
    """Certain cases alone: quotes, brackets and choices are not read into."""
    assert covers(first, later) is is_covered
