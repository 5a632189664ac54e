"""Messages reach people through Apprise, survive restarts, and never fail a run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from mappings.errors import MassChangeRefusedError, StateError
from state import runs, trouble
from state.database import open_engine
from state.open import open_store
from state.quota import SHARED, Account
from state.quota import store as keep_account
from state.store import Store
from sync.alerts import Apprise, addresses, send, tell, trial, watch
from sync.conditions import OVER_AFTER, TELL_AGAIN_AFTER, Message
from sync.config import Config, load_config
from sync.config_service import Staff
from sync.workspace import write_workspace
from tests.sync.world import START, Ticking


@pytest.fixture
def time() -> Ticking:
    """The business clock."""
    return Ticking(START)


@pytest.fixture
def store(tmp_path: Path, time: Ticking) -> Iterator[Store]:
    """A fresh state."""
    opened = open_store(f"sqlite:///{tmp_path}/state.sqlite3", clock=time.now, pair="main")
    yield opened
    opened.close()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The configuration `leadloop init` writes."""
    written = write_workspace(
        tmp_path / "workspace",
        hubspot={"token": "t", "portal_id": "1"},
        salesforce={"login_url": "https://x.example", "client_id": "i", "client_secret": "s"},
    )
    return load_config(written, environ={})


class Inbox:
    """Who is told."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.reachable = True

    def __call__(self, message: Message) -> bool:
        """Take a message, unless away."""
        if self.reachable:
            self.titles.append(message.title)
        return self.reachable


def refused(store: Store, run_id: str) -> None:
    """A run that stopped for a person's word."""
    error = MassChangeRefusedError("too much").as_dict()
    with store.begin() as tx:
        runs.start(tx, run_id, "sync", config_hash="c", mapping_hash="m")
        runs.finish(tx, run_id, "refused", {}, error)


def went_well(store: Store, run_id: str) -> None:
    """A run that went through."""
    with store.begin() as tx:
        runs.start(tx, run_id, "sync", config_hash="c", mapping_hash="m")
        runs.finish(tx, run_id, "ok", {})


def test_a_restart_repeats_nothing(config: Config, store: Store, time: Ticking) -> None:
    """What people were told is in the state: told when it begins, and when it has been over."""
    inbox, pair = Inbox(), config.pairs[0]
    for number in range(3):
        refused(store, f"r{number}")
        watch(config, pair, store, sender=inbox)  # each call starts from the state alone
    assert inbox.titles == ["Leadloop main guard.mass_change"]
    for number in range(3):
        went_well(store, f"ok{number}")
        watch(config, pair, store, sender=inbox)
        time.at += OVER_AFTER
    assert inbox.titles[1:] == ["Leadloop main guard.mass_change is over"]
    with store.read() as tx:
        assert trouble.alerts(tx) == []


def test_a_message_that_fails_is_seen_and_tried_again(
    config: Config, store: Store, time: Ticking
) -> None:
    """The run is none the worse; the state says that nobody could be told."""
    inbox, pair = Inbox(), config.pairs[0]
    inbox.reachable = False
    refused(store, "r1")
    watch(config, pair, store, sender=inbox)
    with store.read() as tx:
        (alert,) = trouble.alerts(tx)
    assert alert.told_at is None
    assert alert.failed_at is not None
    inbox.reachable = True
    time.at += TELL_AGAIN_AFTER
    watch(config, pair, store, sender=inbox)
    assert inbox.titles == ["Leadloop main guard.mass_change"]


def test_where_nobody_is_configured_nothing_counts_as_told(
    config: Config, store: Store, time: Ticking
) -> None:
    """Without an address a state is kept untold; whoever is configured later is told of it, and
    of no state that had come and gone."""
    inbox, pair = Inbox(), config.pairs[0]
    assert config.notifications == ()
    refused(store, "r1")
    watch(config, pair, store)
    with store.read() as tx:
        (alert,) = trouble.alerts(tx)
    assert (alert.told_at, alert.failed_at) == (None, None)
    watch(config, pair, store, sender=inbox)
    assert inbox.titles == ["Leadloop main guard.mass_change"]
    full = StateError("the disk is full", code="state.disk_full")
    watch(config, pair, store, trouble=full)
    time.at += OVER_AFTER
    watch(config, pair, store)
    watch(config, pair, store, sender=inbox)
    assert len(inbox.titles) == 1


def test_two_pairs_of_one_account_tell_of_it_once(config: Config, store: Store) -> None:
    """A vendor that rests is one state, whoever meets it."""
    inbox, pair = Inbox(), config.pairs[0]
    with store.begin() as tx:
        keep_account(
            tx, Account("hubspot", parked_until=START + timedelta(hours=1), code="remote.x")
        )
    watch(config, pair, store, sender=inbox)
    watch(config, replace(pair, name="other"), store.for_pair("other"), sender=inbox)
    assert inbox.titles == ["Leadloop remote.x"]
    with store.for_pair(SHARED).read() as tx:
        assert [one.key for one in trouble.alerts(tx)] == ["vendor:hubspot"]


def test_what_keeps_a_run_from_starting_is_told(config: Config, store: Store) -> None:
    """Nothing stands in the state about it but the alert."""
    inbox = Inbox()
    full = StateError("the disk is full", code="state.disk_full")
    watch(config, config.pairs[0], store, trouble=full, sender=inbox)
    assert inbox.titles == ["Leadloop main state.disk_full"]


def test_a_state_that_cannot_be_written_fails_no_run(config: Config, store: Store) -> None:
    """Watching is for people: whatever is wrong with it, the run that has ended has ended."""
    store.close()
    store.engine.dispose()
    gone = replace(store, engine=open_engine("sqlite:////nowhere/at/all.sqlite3"))
    inbox = Inbox()
    watch(config, config.pairs[0], gone, sender=inbox)
    assert inbox.titles == []


def test_apprise_delivers_to_every_address(httpserver: HTTPServer) -> None:
    """A real message over HTTP; an address that does not answer does not keep the others from
    theirs."""
    httpserver.expect_request("/alerts", method="POST").respond_with_data("")
    good = f"json://{httpserver.host}:{httpserver.port}/alerts"
    bad = f"json://{httpserver.host}:{httpserver.port}/nobody"
    assert send(good, trial(START))
    assert not Apprise([bad, good])(trial(START))
    asked = [request.get_json() for request, _ in httpserver.log if request.path == "/alerts"]
    assert [body["title"] for body in asked] == ["Leadloop alert.trial"] * 2


def test_each_salesperson_hears_at_an_address_of_their_own(httpserver: HTTPServer) -> None:
    """By name, else by the address of everybody with theirs in it; whoever has none hears with the
    others, and without others nobody does."""
    at = f"json://{httpserver.host}:{httpserver.port}"
    httpserver.expect_request(re.compile("/.*"), method="POST").respond_with_data("")
    staff = Staff(f"{at}/staff/{{email}}", {"dana@example.com": f"{at}/dana"})
    whom = tell([f"{at}/everybody"], staff, lambda: START)
    for email in ("Dana@example.com", "gil+leads@example.com", None):
        say = whom(email)
        assert say is not None
        assert say("title", "text")
    assert [request.path.rstrip("/") for request, _ in httpserver.log] == [
        "/dana", "/staff/gil+leads@example.com", "/everybody",
    ]  # fmt: skip
    assert tell([], Staff(), lambda: START)("dana@example.com") is None


@pytest.mark.parametrize("address", ["", "nonsense", "json://", "slack://x", "json://[", "\x00"])
def test_an_address_that_is_none_is_no_crash(address: str) -> None:
    """Rubbish in the configuration is a message that does not go out."""
    assert send(address, trial(START)) is False


def test_addresses_are_named_without_their_secrets(config: Config) -> None:
    """What is printed of an address is its place and its scheme."""
    given = replace(config, notifications=("slack://token/secret", "mailto://user:pass@example"))
    assert [name for name, _ in addresses(given)] == [
        "notification 1 (slack)",
        "notification 2 (mailto)",
    ]
