"""Rules that carry values in a circle between the two sides, and those that only look like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.errors import ConfigurationError, Problem
from mappings.loader import load_mapping
from tests.mappings.minimal import write

HEAD = """\
format: 1
objects:
  people:
    kind: person
    map: contacts
    crm: [Contact, Lead]
    fields:
"""
FIRST = HEAD.count("\n") + 1


def _circles(directory: Path, *rules: str) -> tuple[Problem, ...]:
    """What is said of circles in a mapping of these rules."""
    text = HEAD + "".join(f"      - {{{rule}}}\n" for rule in rules)
    try:
        load_mapping(write(directory, text))
    except ConfigurationError as error:
        return tuple(p for p in error.problems if p.code == "config.ownership_loop")
    return ()


@pytest.mark.parametrize(
    ("rules", "way"),
    [
        (("map: one, crm: A__c, direction: to_crm", "map: one, crm: A__c, direction: to_map"),
         "Contact.A__c -> contacts.one -> Contact.A__c"),
        (("map: one, crm: A__c, direction: to_crm", "map: two, crm: A__c, direction: to_map",
          "map: two, crm: B__c, direction: to_crm", "map: one, crm: B__c, direction: to_map"),
         "Contact.B__c -> contacts.one -> Contact.A__c -> contacts.two -> Contact.B__c"),
        (("map: whole, crm: A__c, direction: to_crm, template: '{one} {two}'",
          "map: two, crm: A__c, direction: to_map, transform: last_name"),
         "Contact.A__c -> contacts.two -> Contact.A__c"),
        (("map: one, crm: {Lead: A__c}, direction: to_crm",
          "map: one, crm: {Lead: A__c}, direction: to_map, when: 'Rating == \"Hot\"'"),
         "Lead.A__c -> contacts.one -> Lead.A__c"),
    ],
)  # fmt: skip
def test_a_circle_is_told_once_at_the_rule_that_closes_it(
    rules: tuple[str, ...], way: str, tmp_path: Path
) -> None:
    """The whole way round is named, on the last line of it, however many objects it holds for."""
    [found] = _circles(tmp_path, *rules)
    assert way in found.message
    assert found.at.line == FIRST + len(rules) - 1
    assert "direction: both" in found.fix


@pytest.mark.parametrize(
    "rules",
    [
        ("map: one, crm: A__c, owner: crm",),
        ("map: one, crm: A__c, direction: to_crm", "map: two, crm: A__c, direction: to_map"),
        ("map: one, crm: {Lead: A__c}, direction: to_crm",
         "map: one, crm: {Contact: A__c}, direction: to_map"),
        ("map: one, crm: A__c, direction: to_crm, when: 'city == \"Bonn\"'",
         "map: one, crm: A__c, direction: to_map, when: 'Email == \"x\"'"),
        (),
    ],
)  # fmt: skip
def test_what_is_no_circle_is_let_be(rules: tuple[str, ...], tmp_path: Path) -> None:
    """One rule both ways, a chain that ends, ways on two objects nobody is at once, and rules that
    each say when they apply."""
    assert not _circles(tmp_path, *rules)


def test_a_long_chain_is_looked_through(tmp_path: Path) -> None:
    """A long chain without a circle is found to be none, and the circle at its end is found."""
    ways = ("to_crm", "to_map")
    chain = [
        f"map: p{(n + 1) // 2}, crm: C{n // 2}__c, direction: {ways[n % 2]}" for n in range(60)
    ]
    assert not _circles(tmp_path, *chain)
    [found] = _circles(tmp_path, *chain, "map: p0, crm: C29__c, direction: to_map")
    assert found.at.line == FIRST + 60
