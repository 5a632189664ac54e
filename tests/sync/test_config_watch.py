"""Changed files of a configuration: noticed by the daemon, taken up or refused, and told once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from mappings.errors import ConfigurationError
from state import quota, trouble
from state.store import Store
from sync.alerts import watch_configuration
from sync.conditions import OVER_AFTER, Message
from sync.config import Config, load_config
from sync.config_watch import LOOK_SECONDS, Watch
from sync.troubles import troubles_of
from sync.workspace import write_workspace
from tests.sync.commands import Workspace
from tests.sync.world import Ticking, World


@dataclass
class Hand:
    """A monotonic clock that is moved by hand."""

    at: float = 0.0

    def __call__(self) -> float:
        """What it shows."""
        return self.at


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A workspace with an included file and no vendor."""
    path = write_workspace(
        tmp_path,
        hubspot={"token": "t", "portal_id": "1"},
        salesforce={"login_url": "https://x.example", "client_id": "i", "client_secret": "s"},
    )
    (tmp_path / "shared.yaml").write_text("log_level: info\n", encoding="utf-8")
    path.write_text(path.read_text("utf-8") + "\ninclude: shared.yaml\n", encoding="utf-8")
    return load_config(path, environ={})


def _looks(watch: Watch, hand: Hand, times: int = 3) -> list[bool]:
    """What so many looks in a row say."""
    found = []
    for _ in range(times):
        hand.at += LOOK_SECONDS
        found.append(watch.changed())
    return found


def _append(path: Path) -> None:
    path.write_text(path.read_text("utf-8") + "\n# changed\n", encoding="utf-8")


CHANGES: dict[str, Callable[[Path], object]] = {
    "config": lambda d: _append(d / "config.yaml"),
    "included": lambda d: _append(d / "shared.yaml"),
    "mapping": lambda d: _append(d / "mappings" / "hubspot-salesforce.yaml"),
    "new mapping file": lambda d: (d / "mappings" / "more.yaml").write_text("format: 1\n"),
    "mapping gone": lambda d: (d / "mappings" / "hubspot-salesforce.yaml").unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_told_once_it_stands_still(
    change: Callable[[Path], object], config: Config
) -> None:
    """Whichever file it is: one look sees it move, the next tells, and then it is known."""
    hand = Hand()
    watch = Watch(config, clock=hand)
    assert _looks(watch, hand) == [False, False, False]
    change(config.directory)
    assert not watch.changed()  # not before the time has come
    assert _looks(watch, hand, 4) == [False, True, False, False]


def test_touching_a_file_is_no_change(config: Config) -> None:
    """The same content with another time, or put back before anybody looked, is nothing new."""
    hand = Hand()
    watch = Watch(config, clock=hand)
    os.utime(config.path, (1, 1))
    assert _looks(watch, hand) == [False, False, False]


def test_a_file_that_is_still_being_written_is_waited_for(config: Config) -> None:
    """As long as every look finds it moved on, nothing is told."""
    hand = Hand()
    watch = Watch(config, clock=hand)
    for _ in range(4):
        _append(config.path)
        assert _looks(watch, hand, 1) == [False]
    assert _looks(watch, hand, 2) == [True, False]


def test_what_somebody_has_taken_is_not_told_again(config: Config) -> None:
    """After a reload for another reason the files as they are are known."""
    hand = Hand()
    watch = Watch(config, clock=hand)
    _append(config.path)
    assert watch.take()
    assert _looks(watch, hand) == [False, False, False]


def test_people_are_told_once_and_when_it_is_over(world: World, config: Config) -> None:
    """A refused file is one message however often it is seen; taken up, it is over after a while;
    status says it until then."""
    sent: list[Message] = []

    def send(message: Message) -> bool:
        sent.append(message)
        return True

    error = ConfigurationError("line 3 is wrong", remedy="Correct it.")
    for _ in range(3):
        watch_configuration(config, world.store, error, sender=send)
    [message] = sent
    assert "line 3 is wrong" in message.body
    assert _said(config, world.store) == ["alert.configuration"]
    watch_configuration(config, world.store, None, sender=send)
    assert _said(config, world.store) == []
    assert len(sent) == 1
    _pass(world.time, OVER_AFTER)
    watch_configuration(config, world.store, None, sender=send)
    assert sent[-1].title.endswith("is over")
    with world.store.for_pair(quota.SHARED).read() as tx:
        assert trouble.alerts(tx) == []


def _said(config: Config, store: Store) -> list[str]:
    found = troubles_of(config, config.pairs[0], store)["troubles"]
    return [one["code"] for one in found if one["code"] == "alert.configuration"]


def _pass(time: Ticking, span: timedelta) -> None:
    time.at += span


def test_a_daemon_takes_up_what_is_valid_and_keeps_the_last_good_one(workspace: Workspace) -> None:
    """Nobody sends a signal: a broken mapping is refused once, status says so, the corrected one
    is in force a few seconds after it was saved; one that says something else waits, once told."""
    [mapping] = (workspace.directory / "mappings").iterdir()
    good = mapping.read_text(encoding="utf-8")
    daemon = workspace.start("run")
    try:
        assert daemon.stderr is not None
        assert any("run.finished" in line for line in daemon.stderr)
        mapping.write_text(good.replace("owner: crm", "owner: nobody", 1), encoding="utf-8")
        refused = next(line for line in daemon.stderr if "reload" in line or "daemon." in line)
        assert "reload.refused" in refused
        mapping.write_text(good + "\n# mended\n", encoding="utf-8")
        again = next(line for line in daemon.stderr if "reload" in line or "daemon." in line)
        assert "daemon.reloaded" in again
        mapping.write_text(good.replace("owner: map, max_length: 128", "owner: crm"), "utf-8")
        told = [next(line for line in daemon.stderr if "load" in line) for _ in range(2)]
        assert "daemon.reloaded" in told[0]
        assert "reload.waiting" in told[1]
    finally:
        daemon.terminate()
        daemon.communicate(timeout=20)
    assert daemon.returncode == 0
