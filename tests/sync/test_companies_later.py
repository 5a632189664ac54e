"""A company that fits no Account is linked once one appears that it fits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mappings.required_fields import CRM_KEY
from state import mirror
from sync.reviewing import listed
from tests.sync.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A company in the MAP, and no Account."""
    made = World.build(tmp_path)
    made.hubspot.put("companies", {"name": "Acme Holdings", "domain": "acme.com", "city": "Boston"})
    made.first()
    yield made
    made.close()


def account(world: World, **fields: str) -> str:
    """An Account a rep has just made."""
    return world.salesforce.put("Account", {"Name": "Acme", **fields})


def is_linked(world: World, account_id: str) -> bool:
    """Whether the Account carries a link key."""
    return world.salesforce.get("Account", account_id).fields[CRM_KEY] is not None


def test_it_is_linked_when_the_account_is_made(world: World) -> None:
    """Months after the company was decided about a rep makes the Account: the next run links them,
    the company's row is accounted for anew, and no run writes anything after that."""
    assert world.settled()
    made = account(world, Website="https://www.acme.com")
    world.run()
    assert is_linked(world, made)
    with world.store.read() as tx:
        assert "no_counterpart" not in mirror.dispositions(tx)
    assert world.settled()


def test_it_is_linked_when_the_account_gets_its_domain(world: World) -> None:
    """An Account of that name fits nobody for sure until somebody enters its web site."""
    made = account(world, Name="Acme Holdings")
    world.run()
    assert not is_linked(world, made)
    world.salesforce.edit("Account", made, {"Website": "acme.com"}, by="rep")
    world.run()
    assert is_linked(world, made)
    assert world.settled()


def test_two_accounts_that_fit_are_a_question(world: World) -> None:
    """Law 14: both appear at once; a person is asked, and neither is linked."""
    both = [account(world, Website="acme.com") for _ in range(2)]
    world.run()
    assert not any(is_linked(world, one) for one in both)
    assert [item.kind for item in listed(world.store)] == ["company"]
    assert world.settled()
