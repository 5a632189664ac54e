"""A person's way on from a stopped run, and the doctor's word about vendors and alerts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pytest_httpserver import HTTPServer

from state import quota, runs
from state.open import open_store
from state.quota import Account
from state.store import Store
from sync.config import load_config
from tests.sync.commands import Ran, Workspace, admin

NOW = datetime.now(UTC)


def state_of(workspace: Workspace) -> Store:
    """The workspace's state."""
    config = load_config(workspace.config)
    return open_store(config.state_url, clock=lambda: datetime.now(UTC), pair=config.pairs[0].name)


def circuits(ran: Ran) -> dict[str, str]:
    """How `status --json` says the accounts stand."""
    return {one["system"]: one["circuit"] for one in ran.data["pairs"][0]["quota"]}


def test_a_refused_run_is_named_by_status_with_its_next_command(workspace: Workspace) -> None:
    """What stopped it, how much it asked for, and the command that lets it through."""
    store = state_of(workspace)
    config = load_config(workspace.config)
    error = {"code": "guard.mass_change", "message": "900 creates", "remedy": "--approve abc123"}
    with store.begin() as tx:
        hashes = {"config_hash": config.hash, "mapping_hash": config.pairs[0].mapping.hash}
        runs.start(tx, "abc123", "sync", **hashes)
        runs.finish(tx, "abc123", "refused", {"asked": {"creates": 900}}, error)
    store.close()
    told = workspace.here("status")
    assert told.code == 0
    assert "! run abc123: 900 creates [guard.mass_change]" in told.out
    assert "--approve abc123" in told.out
    approved = workspace.here("sync", "--approve", "abc", "--json")
    assert approved.code == 0, approved.err


def test_doctor_finds_out_that_a_vendor_is_back(workspace: Workspace) -> None:
    """A side whose circuit is open is passed over by a sync, until `doctor` has reached it."""
    store = state_of(workspace)
    down = Account(
        "hubspot",
        failures=3,
        opened_at=NOW,
        probe_at=datetime.now(UTC) + timedelta(minutes=10),
        code="auth.refused",
    )
    with store.begin() as tx:
        quota.store(tx, down)
        quota.store(tx, replace(down, system="salesforce", opened_at=None, failures=0, code=None))
    store.close()
    assert circuits(workspace.here("status", "--json"))["hubspot"] == "open"
    passed_over = workspace.here("sync", "--json")
    assert passed_over.code == 5
    assert workspace.here("doctor").code == 0
    assert circuits(workspace.here("status", "--json"))["hubspot"] == "ok"
    assert workspace.here("sync", "--json").code == 0


def test_doctor_tries_the_alerts(workspace: Workspace, httpserver: HTTPServer) -> None:
    """Every address is tried; one that fails is named without its secret, and ends with 3."""
    httpserver.expect_request("/alerts").respond_with_data("")
    base = f"json://{httpserver.host}:{httpserver.port}"
    assert "alert.none" in workspace.here("doctor", "--test-alert").out
    text = workspace.config.read_text(encoding="utf-8")
    workspace.config.write_text(f"{text}\nnotifications:\n  - {base}/alerts\n", encoding="utf-8")
    assert workspace.here("doctor", "--test-alert").code == 0
    workspace.config.write_text(
        f"{text}\nnotifications:\n  - {base}/secret-path\n", encoding="utf-8"
    )
    failed = workspace.here("doctor", "--test-alert")
    assert failed.code == 3
    assert "notification 1 (json) took no message" in failed.out
    assert "secret-path" not in failed.out + failed.err


def test_a_sync_says_why_it_is_not_through(workspace: Workspace) -> None:
    """Rows without an answer and a system that rests are named, with number and code: a run
    that ends `partial` for no visible reason wakes people."""
    assert workspace.here("sync", "--json").code == 0
    admin(workspace.admin_url, "POST", "/world/tick", {"days": 1})
    lost = {"system": "salesforce", "kind": "lost_reply", "match": "/composite", "rate": 1}
    admin(workspace.admin_url, "POST", "/faults", lost)
    told = workspace.here("sync")
    assert re.search(r"\d+ rows without an answer: the next run looks for them", told.out), told.out
    admin(workspace.admin_url, "DELETE", "/faults")
    down = {"system": "salesforce", "kind": "error_before", "rate": 1}
    admin(workspace.admin_url, "POST", "/faults", down)
    told = workspace.here("sync")
    admin(workspace.admin_url, "DELETE", "/faults")
    assert told.code == 6
    assert "salesforce rests [remote.unavailable]" in told.out
    assert workspace.here("doctor").code == 0
    assert workspace.here("sync", "--json").code == 0
