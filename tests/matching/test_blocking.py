"""Blocking keys: stable, complete, and few enough."""

from __future__ import annotations

import pytest

from mappings.records import PersonAttributes
from matching.blocking import blocking_keys
from matching.normalise import Person, normalise
from tests.matching.worlds import blocked, febrl4


def test_keys_are_the_same_on_every_machine() -> None:
    """Keys are stored: they may not depend on the process, the machine or the hour."""
    person = Person(emails=("jo.doe@acme.com",))
    assert blocking_keys(person) == (-24028573255539, 106900656291884)


def test_nobody_known_has_no_key() -> None:
    """Someone of whom nothing is known is in no block, not in everybody's."""
    assert blocking_keys(Person()) == ()
    assert blocking_keys(normalise(PersonAttributes(given_name="n/a", emails=("x",)))) == ()


def test_people_without_email_meet_at_work() -> None:
    """A nickname, a slip and a legal form do not keep two records of one colleague apart."""
    one = normalise(PersonAttributes(given_name="Bob", family_name="Meier", company="Acme Inc."))
    other = normalise(PersonAttributes(given_name="Robert", family_name="Mayer", company="ACME"))
    assert set(blocking_keys(one)) & set(blocking_keys(other))


def test_names_in_the_wrong_columns_meet() -> None:
    """Given and family name swapped still share a key."""
    one = Person(given="bianca", family="cobbett")
    other = Person(given="cobbett", family="bianca")
    assert set(blocking_keys(one)) & set(blocking_keys(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Person(given="ann", family="webb"), Person(given="ann", family="webxb")),
        (Person(given="mia", family="reinmuth"), Person(given="mia", family="reimnuth")),
        (
            Person(given="lia", street="15 hensman st", postcode="3169"),
            Person(given="eve", street="51 hensman st", postcode="3196"),
        ),
        (
            Person(given="lia", street="1 galloway st agarabi"),
            Person(given="eve", street="1 agarabi galloway st"),
        ),
    ],
)
def test_slips_do_not_keep_people_apart(one: Person, other: Person) -> None:
    """A letter too many, letters and digits that changed places, words in another order: one
    slip in each of two fields leaves a key in common.
    """
    assert set(blocking_keys(one)) & set(blocking_keys(other))


def test_febrl4_pairs_are_nearly_all_found() -> None:
    """Of 5,000 damaged people every one meets their original, with under five candidates."""
    world = febrl4()
    blocks = blocked(world.crm, world.incoming)
    assert [key for key in world.incoming if key not in blocks[key]] == []
    assert sum(map(len, blocks.values())) / len(blocks) < 5
