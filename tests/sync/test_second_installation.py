"""Two installations, each with a state of its own, on one pair of vendor accounts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mappings.required_fields import CRM_KEY
from state import identity
from state.foreign import made_elsewhere
from state.open import open_store
from sync.doctor import not_alone
from tests.databases import state_url
from tests.sync.world import World


@pytest.fixture
def other(world: World, tmp_path: Path) -> Iterator[World]:
    """The same accounts, another state, its first plan approved, after the first one's."""
    world.contact("Ada", "Byron")
    world.first()
    folder = tmp_path / "other"
    folder.mkdir()
    store = open_store(state_url(folder), clock=world.time.now, pair="main")
    with store.begin() as tx:
        for system in ("hubspot", "salesforce"):
            identity.bind_account(tx, system, f"{system}-1")
    second = replace(world, pair=replace(world.pair, store=store))
    second.first()
    yield second
    store.close()


def made(world: World, days: float = 7) -> int:
    """What doctor is told."""
    with world.store.read() as tx:
        return made_elsewhere(tx, "salesforce", tx.now - timedelta(days=days))


def test_what_was_there_before_is_no_sign(world: World, other: World) -> None:
    """A state that begins after another was lost finds its people by key, and is alone."""
    assert (made(world), made(other)) == (0, 0)
    assert not_alone("main", 0) == []


def test_nobody_is_made_twice_and_both_notice(world: World, other: World) -> None:
    """Whichever is first makes the Lead, the other finds it by its key, and each that finds what it
    did not make says so; then both are silent."""
    world.contact("Grace", "Hopper")
    world.run()
    other.run()
    assert (made(world), made(other)) == (0, 1)
    world.contact("Alan", "Turing")
    other.run()
    world.run()
    assert (made(world), made(other)) == (1, 1)
    leads = world.salesforce.all("Lead")
    assert len(leads) == len({lead.fields[CRM_KEY] for lead in leads}) == 3
    assert world.settled()
    before = world.writes()
    other.run()
    world.run()
    assert world.writes() == before
    (told,) = not_alone("main", made(other))
    assert told.code == "doctor.second_installation"
    assert "1 records" in told.what


def test_what_is_long_past_is_not_told_for_ever(world: World, other: World) -> None:
    """A week after the other installation was stopped, doctor has nothing to say."""
    world.contact("Grace", "Hopper")
    world.run()
    other.run()
    world.time.at += timedelta(days=8)
    assert (made(other), made(other, days=30)) == (0, 1)
