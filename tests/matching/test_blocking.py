"""Blocking keys: stable, complete, and few enough."""

from __future__ import annotations

from mappings.records import PersonAttributes
from matching.blocking import blocking_keys
from matching.normalise import Person, normalise
from tests.matching.worlds import blocked, febrl4


def test_keys_are_the_same_on_every_machine() -> None:
    """Keys are stored: they may not depend on the process, the machine or the hour."""
    person = Person(emails=("jo.doe@acme.com",))
    assert blocking_keys(person) == ("e:22e9a4f3dc5d9db0", "el:b0d48e80966a1e79")


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


def test_febrl4_pairs_are_nearly_all_found() -> None:
    """Of 5,000 damaged people at least 99.8 % meet their original, with under five candidates."""
    world = febrl4()
    blocks = blocked(world.crm, world.incoming)
    met = sum(key in blocks[key] for key in world.incoming)
    assert met / len(world.incoming) >= 0.998
    assert sum(map(len, blocks.values())) / len(blocks) < 5
