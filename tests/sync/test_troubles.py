"""What `leadloop status` says at three in the morning, and what is due without an edit."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mappings.ports import Lane
from mappings.records import RecordRef
from state import due, identity, outbox, quota, runs
from state.quota import Account
from sync.alerts import watch
from sync.cli.troubles import account_lines, trouble_lines, waiting_lines
from sync.config import Config, load_config
from sync.due import PLAN, work_due
from sync.pair_status import nothing_yet, status_of
from sync.troubles import NO_TROUBLES, troubles_of
from sync.workspace import write_workspace
from tests.state.support import intent
from tests.sync.world import World


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A workspace's configuration, whose pair is the world's."""
    written = write_workspace(
        tmp_path / "workspace",
        hubspot={"token": "t", "portal_id": "1"},
        salesforce={"login_url": "https://x.example", "client_id": "i", "client_secret": "s"},
    )
    return load_config(written, environ={})


def told(config: Config, world: World) -> dict[str, Any]:
    """What `leadloop status` has to go on."""
    pair, now = config.pairs[0], world.time.now()
    stands = status_of(pair, world.store, now=now, fast=60, held=False)
    return {**stands, **troubles_of(config, pair, world.store)}


def test_all_is_well(world: World, config: Config) -> None:
    """Nothing to say but how the accounts stand; the keys are those of an installation to come."""
    found = told(config, world)
    assert (found["troubles"], found["deferred"], found["due"]) == ([], [], {})
    assert [one["circuit"] for one in found["quota"]] == ["ok", "ok"]
    assert set(NO_TROUBLES) | set(nothing_yet(config.pairs[0])) == set(found)
    assert trouble_lines(found) == []


def test_a_vendor_that_begins_to_fail_is_not_called_well(world: World, config: Config) -> None:
    """One failure is no open circuit, and shows with its code and its time; with nobody to call,
    that is said along with any trouble."""
    with world.store.begin() as tx:
        failed = Account("hubspot", failures=1, failed_at=world.time.at, code="remote.unavailable")
        quota.store(tx, failed)
        runs.start(tx, "r1", "sync", config_hash="c", mapping_hash="m")
        error = {"code": "guard.mass_change", "message": "900 creates", "remedy": "look"}
        runs.finish(tx, "r1", "refused", {}, error)
    found = told(config, world)
    lines = dict(account_lines(found))
    assert lines["vendor hubspot"].startswith("1 failure since 2026-03-02 08:")
    assert lines["vendor salesforce"] == "ok"
    assert trouble_lines(found)[-1].startswith("Nobody is called about this")


def test_everything_at_once(world: World, config: Config) -> None:
    """A braked run, a parked vendor, one whose day is short, writes that wait, messages that did
    not go out: each with its since, until and next command; no personal data, JSON-able."""
    pair, now = config.pairs[0], world.time.at
    with world.store.begin() as tx:
        error = {"code": "guard.mass_change", "message": "900 creates", "remedy": "--approve r1"}
        runs.start(tx, "r1", "sync", config_hash="c", mapping_hash="m")
        runs.finish(tx, "r1", "refused", {}, error)
        hour = now + timedelta(hours=1)
        parked = Account("hubspot", parked_until=hour, code="remote.quota_exhausted")
        quota.store(tx, parked)
        quota.store(tx, Account("salesforce", 1000, 700, now))
        outbox.journal(tx, "r1", [intent(str(n), lane=Lane.BACKFILL) for n in range(3)])
        due.put(tx, PLAN, {"ada": hour})
    config = replace(config, notifications=("json://127.0.0.1:1",))
    watch(config, pair, world.store, sender=lambda _: False)
    found = told(config, world)
    assert [one["code"] for one in found["troubles"]] == [
        "guard.mass_change",
        "remote.quota_exhausted",
    ]
    assert {one["not_told"] for one in found["troubles"]} == {True}
    lines = trouble_lines(found)
    assert lines[0].startswith("! run r1: 900 creates [guard.mass_change] since 2026-03-02 08:")
    assert "--approve r1" in lines[1]
    assert "--test-alert" in lines[2]
    (hubspot, salesforce) = (line for _, line in account_lines(found))
    assert hubspot.startswith("parked: remote.quota_exhausted; tried again at 2026-03-02 09:")
    assert "700 of 1,000 calls used, 100 left of our share" in salesforce
    assert "incremental, repair, backfill wait" in salesforce
    (name, waits) = waiting_lines(found)[0]
    assert name == "waits for salesforce"
    assert waits.startswith("3 backfill (3 younger than a minute); kept by remote.lane_deferred")
    assert "until 2026-03-02 09:" in waits
    assert waiting_lines(found)[1][0] == "due: plan"
    assert json.dumps(found, default=str)


def test_a_person_who_is_due_is_planned_again(world: World) -> None:
    """When their instant comes, once; late after a downtime; a later one waits."""
    contact = world.contact("Ann", "Lee")
    world.first()
    world.run()
    with world.store.begin() as tx:
        ann = identity.links_of(tx, [RecordRef("hubspot", "contacts", contact)]).popitem()[1]
        due.put(
            tx, PLAN, {ann.entity_id: world.time.at + timedelta(hours=1), "gone": world.time.at}
        )
    assert work_due(world.pair) == {PLAN: 1}
    assert work_due(world.pair) == {}
    world.time.at += timedelta(days=3)
    report = world.run()
    assert (report.status, report.counts["due"]) == ("ok", {PLAN: 1})
    with world.store.read() as tx:
        assert identity.work(tx) == []
    world.time.at -= timedelta(days=3)
    assert world.run().counts["due"] == {}
    assert world.settled()


def test_ten_thousand_due_at_once_are_all_worked(world: World) -> None:
    """After a long downtime everything is due: page by page, all of it, once."""
    with world.store.begin() as tx:
        due.put(tx, PLAN, {f"e{n}": world.time.at for n in range(10_000)})
    assert work_due(world.pair) == {PLAN: 10_000}
    assert work_due(replace(world.pair)) == {}
