"""Keeping the state: copies put back, retention and checks from the command line."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from state.backup import backup
from state.open import open_store
from state.prune import Cutoffs, prune
from sync.config_service import RetentionConfig
from sync.retention import cutoffs
from tests.sync.commands import Workspace
from tests.sync.world import START, World

WEEK = 7 * 86_400


def put_back(folder: Path, copy: Path) -> None:
    """What the guide says: the copy in the place of the state, its side files gone."""
    state = folder / "state.sqlite3"
    for name in ("state.sqlite3-wal", "state.sqlite3-shm"):
        (folder / name).unlink(missing_ok=True)
    state.write_bytes(copy.read_bytes())


def people(world: World) -> tuple[list[str], list[str]]:
    """Addresses of all contacts, and of all Leads and Contacts, sorted; twins show."""
    crm = [*world.salesforce.all("Lead"), *world.salesforce.all("Contact")]
    return (
        sorted(str(one.fields["email"]) for one in world.hubspot.all("contacts")),
        sorted(str(one.fields["Email"]) for one in crm),
    )


def test_a_week_old_copy_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """Put back after a week of creates, edits and form fills: the next run finds its own work by
    key, carries the week's changes, and the one after is silent (laws 1 to 4).
    """
    world = World.build(tmp_path, durable=True)
    ada = world.contact("Ada", "Byron", jobtitle="Engineer")
    world.first()
    copy = tmp_path / "copy.sqlite3"
    backup(world.store.engine, copy, environ=os.environ)
    world.time.at += timedelta(seconds=WEEK)
    for name in ("Turing", "Hopper", "Lovelace"):
        world.contact("New", name)
    world.hubspot.edit("contacts", ada, {"jobtitle": "Poet"})
    filled = world.fills("ada.byron@example-byron.com")
    world.run()
    world.run()
    before = people(world)
    assert len(before[1]) == 4
    world.close()

    put_back(tmp_path, copy)
    again = World.build(tmp_path, durable=True)
    try:
        again.time.at = world.time.at
        last = again.contact("Late", "Comer")
        assert again.run().status == "ok"
        assert again.settled()
        assert len(again.task_of(filled)) == 1
        assert again.counterpart(ada).fields["Title"] == "Poet"
        assert again.counterpart(last).fields["LastName"] == "Comer"
        map_side, crm_side = people(again)
        assert len(set(crm_side)) == len(crm_side) == 5
        assert set(before[1]) < set(crm_side)
        assert len(map_side) == 5
    finally:
        again.close()


def test_pruning_between_runs_brings_nothing_back(world: World) -> None:
    """A pruned state stays silent: what was pruned is not planned, sent or pulled anew (law 4)."""
    world.contact("Ada", "Byron", jobtitle="Engineer")
    world.lead("Ada", "Byron")
    world.first()
    filled = world.fills("ada.byron@example-byron.com")
    world.run()
    far = world.time.at + timedelta(days=1)
    went = prune(world.store, Cutoffs(far, far, far, far))
    assert went["inbox_payloads"] > 0
    assert world.settled()
    assert len(world.task_of(filled)) == 1


def test_times_to_keep_are_the_configurations() -> None:
    """Days and months back from now, each its own."""
    at = cutoffs(RetentionConfig(1, 2, 3, 4), START)
    assert (START - at.inbox).days == 1
    assert (START - at.dead_letters).days == 2
    assert (START - at.before_images).days == 3
    assert 120 <= (START - at.events).days <= 123


def test_commands_that_keep_the_state(workspace: Workspace) -> None:
    """`backup` makes a copy that `backup --verify` finds good; `db` tells version and soundness;
    `prune` counts; each as JSON and for people.
    """
    copy = workspace.directory / "copy.sqlite3"
    made = workspace.here("backup", "--to", str(copy), "--json")
    assert (made.code, made.data["copy"]["file"]) == (0, str(copy))
    assert workspace.here("backup", "--verify", str(copy)).code == 0
    assert workspace.here("backup", "--to", str(copy), "--json").data["error"]["code"] == (
        "backup.exists"
    )
    dated = workspace.here("backup")
    assert Path(dated.out.strip()).is_file()
    current = workspace.here("db", "current", "--json").data
    assert current["current"] == current["newest"]
    assert workspace.here("db", "check", "--json").data["sound"] is True
    assert workspace.here("db", "upgrade").code == 0
    foreseen = workspace.here("prune", "--dry-run", "--json").data["pairs"][0]
    pruned = workspace.here("prune", "--json").data["pairs"][0]
    assert foreseen["pruned"] == pruned["pruned"]
    assert workspace.here("prune").code == 0


def test_an_unsound_state_is_told_with_the_way_back(workspace: Workspace) -> None:
    """`db check` finds rows that contradict each other, page by page sound as they are."""
    url = f"sqlite:///{workspace.directory / 'leadloop.sqlite3'}"
    store = open_store(url, clock=lambda: START, pair="main")
    with store.engine.begin() as connection:
        connection.execute(text("DELETE FROM entities"))
    store.close()
    found = workspace.here("db", "check", "--json")
    assert (found.code, found.data["error"]["code"]) == (1, "state.unsound")
    assert "copy of the state" in found.data["error"]["remedy"]


@pytest.mark.parametrize("words", [("db", "current"), ("db", "check"), ("prune",)])
def test_before_there_is_a_state(workspace: Workspace, words: tuple[str, ...]) -> None:
    """Nothing is made and nothing fails."""
    file = workspace.directory / "leadloop.sqlite3"
    file.unlink()
    assert workspace.here(*words).code == 0
    assert not file.exists()
