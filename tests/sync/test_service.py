"""What watches the daemon: systemd's notification socket, and HTTP on loopback."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from mappings.errors import ConfigurationError, StateError
from mappings.ports import Lane
from state import outbox, quota
from state.quota import Account
from sync.config import load_config
from sync.config_service import ServiceConfig, is_loopback
from sync.daemon import STILL_SECONDS, Crew
from sync.health import Asked, NoAnswerError, Probes, serving
from sync.metrics import Metrics
from sync.notify import Notifier
from sync.pair_status import status_of
from sync.wiring import Clocks
from sync.worker import Pulse
from tests.state.support import intent
from tests.sync.commands import Workspace, command_line, environment_of
from tests.sync.test_orders import bench
from tests.sync.world import World


@contextmanager
def listener(address: str) -> Iterator[socket.socket]:
    """Who systemd would be."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as told:
        told.bind(address)
        told.settimeout(60)
        yield told


def message(told: socket.socket) -> dict[str, str]:
    """The next datagram, by name."""
    lines = told.recv(4096).decode().split("\n")
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def fetch(url: str) -> tuple[int, str]:
    """Status and body."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


# --- sd_notify -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["path", "abstract"])
def test_notifications_reach_either_kind_of_address(tmp_path: Path, form: str) -> None:
    """A path and an abstract address (written with @) both get datagrams of NAME=value lines."""
    path = str(tmp_path / "notify")
    bound = path if form == "path" else f"\0{path}"
    with listener(bound) as told:
        notifier = Notifier(path if form == "path" else f"@{path}")
        notifier.ready("2 pairs at work")
        assert message(told) == {"READY": "1", "STATUS": "2 pairs at work"}
        notifier.reloading()
        reloading = message(told)
        assert reloading["RELOADING"] == "1"
        assert int(reloading["MONOTONIC_USEC"]) > 0
        notifier.alive()
        assert message(told) == {"WATCHDOG": "1"}
        notifier.stopping()
        assert message(told)["STOPPING"] == "1"


def test_nobody_to_tell_is_no_error(tmp_path: Path) -> None:
    """Without a socket, or with one that has gone, the work goes on."""
    Notifier().ready("well")
    Notifier(str(tmp_path / "gone")).status("well")


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "120000000"}, 60.0),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"}, 1.5),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"}, None),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "soon"}, None),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "3000000"}, None),
        ({}, None),
    ],
)
def test_signs_of_life_come_at_half_the_watchdogs_time(
    environ: dict[str, str], interval: float | None
) -> None:
    """Half of WATCHDOG_USEC, where it is ours and a number; else never."""
    assert Notifier.of(environ, pid=7).interval == interval


def test_work_that_does_not_move_is_found() -> None:
    """A worker is stuck once its work in hand has been still for too long; at rest it never is."""
    moment = [0.0]
    pulse = Pulse(clock=lambda: moment[0])
    moment[0] = 10 * STILL_SECONDS
    assert pulse.still_seconds() == 0.0
    pulse.beat()
    moment[0] += STILL_SECONDS + 1
    assert pulse.still_seconds() == STILL_SECONDS + 1
    pulse.beat()
    assert pulse.still_seconds() == 0.0
    pulse.rest()
    moment[0] += STILL_SECONDS + 1
    assert pulse.still_seconds() == 0.0


# --- HTTP ----------------------------------------------------------------------------------------


def test_probes_say_what_is_wrong_by_name() -> None:
    """200 while all is well, 503 with the names of what is not; 404 for anything else; the port is
    free again afterwards.
    """
    wrong: dict[str, str] = {}
    probes = Probes(dict, lambda: wrong, lambda: b"leadloop_lag_seconds 1\n")
    with serving(ServiceConfig(port=0), probes) as where:
        assert where is not None
        url = f"http://{where[0]}:{where[1]}"
        assert fetch(f"{url}/livez") == (200, '{"ok": true, "wrong": {}}\n')
        assert fetch(f"{url}/readyz")[0] == 200
        wrong["main"] = "remote.unavailable"
        status, body = fetch(f"{url}/readyz")
        assert (status, json.loads(body)["wrong"]) == (503, {"main": "remote.unavailable"})
        assert fetch(f"{url}/metrics?name=x") == (200, "leadloop_lag_seconds 1\n")
        assert fetch(f"{url}/")[0] == 404
    with serving(ServiceConfig(port=where[1]), probes) as again:
        assert again == where


def test_a_port_in_use_is_a_configuration_error() -> None:
    """The error names the place and what to change; nothing is left running."""
    probes = Probes(dict, dict, bytes)
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigurationError, match=str(port)) as refused,
            serving(ServiceConfig(port=port), probes),
        ):
            pytest.fail("a taken port was listened on")
    assert (refused.value.code, refused.value.exit_code) == ("config.port_in_use", 3)
    assert "service.port" in refused.value.remedy


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - refused
        ("::", False),
        ("192.0.2.1", False),
        ("example.com", False),
        ("", False),
    ],
)
def test_which_addresses_are_this_machines_alone(host: str, ours: bool) -> None:
    """Every form of loopback, and nothing that merely looks harmless."""
    assert is_loopback(host) is ours


def test_metrics_tell_the_state_and_name_nobody(world: World) -> None:
    """What the state holds is there after a restart too, and no label holds a person's data."""
    world.contact("Ada", "Byron", jobtitle="Engineer")
    world.lead("Ada", "Byron")
    world.first()
    pair = bench(world).pair

    def stands() -> list[dict[str, Any]]:
        return [status_of(pair, world.store, now=world.time.now(), fast=60, held=True)]

    with world.store.begin() as tx:
        outbox.journal(tx, "r", [intent(str(n), lane=Lane.BACKFILL) for n in range(3)])
        quota.store(tx, Account("hubspot", 1000, 700, world.time.at, failures=1))
    world.time.at += timedelta(hours=2)
    metrics = Metrics(stands, world.time.now)
    metrics.ran("main", "sync", "ok", 1.5)
    told = metrics.text().decode()
    for line in (
        'leadloop_runs_total{kind="sync",pair="main",status="ok"} 1.0',
        'leadloop_run_seconds_count{kind="sync",pair="main"} 1.0',
        "leadloop_state_ok 1.0",
        'leadloop_open_intents{age="1d",pair="main",state="open"} 3.0',
        'leadloop_deferred{lane="backfill",pair="main",system="salesforce",why=""} 3.0',
        'leadloop_deferred_seconds{lane="backfill",pair="main",system="salesforce"} 72',
        'leadloop_quota_left{pair="main",system="hubspot"} 300.0',
        'leadloop_quota_left_ours{pair="main",system="hubspot"} 100.0',
        'leadloop_vendor_failures{pair="main",system="hubspot"} 1.0',
        'leadloop_stale{pair="main"} 1.0',
        'leadloop_commands{pair="main"} 0.0',
        'leadloop_dead_letters{pair="main"} 0.0',
        'leadloop_review_items{pair="main"} 0.0',
    ):
        assert line in told, line
    assert "leadloop_lag_seconds" in told
    for secret in ("ada", "byron", "engineer"):
        assert secret not in told.lower()


def test_a_state_that_cannot_be_read_is_a_metric() -> None:
    """What this process counts is told all the same, with the state marked unreadable."""

    def gone() -> list[dict[str, Any]]:
        raise StateError("gone", code="state.damaged")

    metrics = Metrics(gone)
    metrics.ran("main", "sync", "ok", 1.5)
    told = metrics.text().decode()
    assert "leadloop_state_ok 0.0" in told
    assert 'leadloop_runs_total{kind="sync",pair="main",status="ok"} 1.0' in told
    assert "leadloop_lag_seconds" not in told


def test_a_probe_that_fails_or_hangs_is_an_answer() -> None:
    """A 503 with the reason: the code of a known error, the kind of an unknown one, and at once for
    everybody who asks while one hangs."""
    release = threading.Event()

    def broken() -> dict[str, str]:
        raise ValueError("with somebody's address")

    def gone() -> bytes:
        raise StateError("gone", code="state.unreachable")

    def hanging() -> bytes:
        release.wait(30)
        return b"late"

    with serving(ServiceConfig(port=0), Probes(dict, broken, gone)) as where:
        assert where is not None
        url = f"http://{where[0]}:{where[1]}"
        status, body = fetch(f"{url}/readyz")
        assert (status, json.loads(body)["wrong"]) == (503, {"probe": "unexpected ValueError"})
        assert fetch(f"{url}/metrics") == (503, "# state.unreachable\n")
    asked = Asked(hanging, patience=0.01)
    for _ in range(2):
        with pytest.raises(NoAnswerError, match="no answer within"):
            asked()
    release.set()


def test_a_scheduler_that_runs_no_job_is_not_alive(workspace: Workspace, world: World) -> None:
    """Liveness needs the scheduler's own job to run; readiness names a pair without a good run, and
    a state that does not answer by its error.
    """
    config = load_config(workspace.config)
    crew = Crew(world.store, Clocks(world.time.now), config)
    assert crew.alive() == {}
    crew.pulse_at -= STILL_SECONDS + 1
    assert crew.alive() == {"scheduler": "no job has run"}
    assert crew.ready() == {"main": "no recent run has gone through"}
    with world.store.engine.begin() as connection:
        connection.execute(text("DROP TABLE runs"))
    assert crew.ready() == {"state": "state.missing"}


# --- the process ---------------------------------------------------------------------------------


def test_the_daemon_speaks_to_systemd_and_to_probes(workspace: Workspace, tmp_path: Path) -> None:
    """A real daemon: READY, signs of life, STATUS; RELOADING and READY after SIGHUP; STOPPING at
    SIGTERM; ready and alive over HTTP once a run has gone through, and metrics with the pair.
    """
    with listener(str(tmp_path / "notify")) as told:
        process = subprocess.Popen(
            command_line("run", "--listen", "127.0.0.1:0"),
            cwd=workspace.directory,
            env=environment_of(
                LEADLOOP_CONFIG=str(workspace.config),
                NOTIFY_SOCKET=str(tmp_path / "notify"),
                WATCHDOG_USEC="1000000",
            ),
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr is not None
            lines = iter(process.stderr)
            at = next(line for line in lines if "health.listening" in line)
            url = json.loads(at)["message"]
            assert message(told)["READY"] == "1"
            assert message(told) == {"WATCHDOG": "1"}
            next(line for line in lines if "run.finished" in line)
            assert fetch(f"{url}/livez")[0] == 200
            assert fetch(f"{url}/readyz")[0] == 200
            assert 'leadloop_lag_seconds{pair="main"}' in fetch(f"{url}/metrics")[1]
            process.send_signal(signal.SIGHUP)
            seen = [message(told)]
            while "RELOADING" not in seen[-1]:
                seen.append(message(told))
            while "READY" not in seen[-1]:
                seen.append(message(told))
            process.terminate()
            while "STOPPING" not in seen[-1]:
                seen.append(message(told))
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert process.returncode == 0


def test_addresses_others_can_reach_need_a_word(workspace: Workspace) -> None:
    """`--listen` takes loopback only; `service.host` asks for `expose: true` beside it."""
    assert workspace.here("run", "--listen", "0.0.0.0:8901").code == 2
    assert workspace.here("run", "--listen", "8901").code == 2
    given = workspace.config.read_text(encoding="utf-8")
    workspace.config.write_text(f"{given}\nservice: {{host: 0.0.0.0}}\n", encoding="utf-8")
    refused = workspace.here("validate", "--json")
    assert refused.code == 3
    assert refused.data["error"]["problems"][0]["code"] == "config.exposed"
    workspace.config.write_text(
        f"{given}\nservice: {{host: 0.0.0.0, expose: true}}\n", encoding="utf-8"
    )
    assert workspace.here("validate", "--json").code == 0
