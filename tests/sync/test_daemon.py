"""The daemon: when it rests, whom it keeps going, how it stops."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from structlog.testing import capture_logs

from mappings.errors import (
    AuthenticationError,
    ConfigurationError,
    InvariantError,
    LeadloopError,
    MassChangeRefusedError,
    QuotaExhaustedError,
    RateLimitedError,
    StateError,
    UnavailableError,
)
from state import runs
from state.open import open_store
from sync.config import ScheduleConfig, load_config
from sync.daemon import keep_time
from sync.wiring import Clocks
from sync.worker import LONGEST_BACKOFF, Worker, is_resting, next_attempt
from tests.sync.commands import Workspace, admin, writes

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
SCHEDULE = ScheduleConfig()
STOP_SECONDS = 10
"""What is promised for SIGTERM and Ctrl-C."""


RESTS: list[tuple[LeadloopError, int, datetime | None]] = [
    (RateLimitedError("slow down", retry_after=30), 1, NOW),
    (QuotaExhaustedError("used up", resets_at=NOW + timedelta(hours=9)), 1, NOW),
    (UnavailableError("gone"), 1000, NOW),
    (AuthenticationError("no"), 1, NOW),
    (MassChangeRefusedError("much", asked={"creates": 9}), 5, NOW),
    (MassChangeRefusedError("new", code="guard.approval_required"), 5, NOW + QUARTER),
    (ConfigurationError("another account"), 1, NOW + QUARTER),
    (StateError("full"), 1, NOW + timedelta(seconds=60)),
    (StateError("full"), 3, NOW + timedelta(seconds=240)),
    (StateError("full"), 1000, NOW + LONGEST_BACKOFF),
    (InvariantError("never"), 1, None),
    (LeadloopError("unknown"), 1, None),
]


@pytest.mark.parametrize(
    ("error", "failures", "until"), RESTS, ids=[f"{r[0].code}-{r[1]}" for r in RESTS]
)
def test_how_long_a_pair_rests(error: LeadloopError, failures: int, until: datetime | None) -> None:
    """Not at all for one vendor's sake, for the other's work and consent go on; what the state
    causes is tried at doubling intervals, what needs a person every quarter of an hour, what must
    never happen not again.
    """
    assert next_attempt(error, failures=failures, now=NOW, schedule=SCHEDULE) == until


@pytest.fixture
def worker(workspace: Workspace) -> Iterator[tuple[Worker, Callable[[float], None]]]:
    """A worker on the workspace's pair with a clock that is moved by hand."""
    config = load_config(workspace.config)
    moment = [datetime.now(UTC)]
    clocks = Clocks(now=lambda: moment[0])
    store = open_store(config.state_url, clock=clocks.now, pair=config.pairs[0].name)
    made = Worker(config, config.pairs[0], store, threading.Event(), clocks)

    def move(seconds: float) -> None:
        moment[0] += timedelta(seconds=seconds)

    yield made, move
    made.close()
    store.close()


def test_a_rest_ends_though_the_clock_is_set_back() -> None:
    """A pair rests until its instant; set back by a day, the clock does not make that a day."""
    until = NOW + LONGEST_BACKOFF
    assert is_resting(until, now=NOW, schedule=SCHEDULE)
    assert not is_resting(until, now=until, schedule=SCHEDULE)
    assert not is_resting(until, now=NOW - timedelta(days=1), schedule=SCHEDULE)
    assert not is_resting(None, now=NOW, schedule=SCHEDULE)


def test_cycles_go_on_though_the_clock_is_set_back() -> None:
    """A cycle that a clock set back has put off by an hour is due now; one that is due within its
    interval, and a nightly one, stay where they are."""
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.start(paused=True)
    try:
        now = datetime.now(UTC)
        soon, far = now + timedelta(seconds=50), now + timedelta(hours=1)
        add: Callable[..., object] = scheduler.add_job
        add(print, "interval", seconds=60, next_run_time=far, id="put off")
        add(print, "interval", seconds=60, next_run_time=soon, id="in time")
        add(print, "cron", hour=2, next_run_time=far, id="nightly")
        keep_time(scheduler)
        due = {job.id: job.next_run_time for job in scheduler.get_jobs()}
        assert due["put off"] < soon
        assert (due["in time"], due["nightly"]) == (soon, far)
    finally:
        scheduler.shutdown(wait=False)


def _count_runs(worker: Worker) -> int:
    with worker.store.read() as tx:
        return len(runs.latest(tx, limit=1000))


def test_trouble_is_told_once_and_so_is_its_end(
    worker: tuple[Worker, Callable[[float], None]], workspace: Workspace
) -> None:
    """A pair with a vendor that is down is told once however often it fails, goes on with the other
    side, and is whole again by itself when the vendor is well.
    """
    well, move = worker
    well.cycle()
    before = _count_runs(well)
    refusing = {"system": "hubspot", "kind": "error_before", "rate": 1, "calls": 10_000}
    admin(workspace.admin_url, "POST", "/faults", refusing)
    with capture_logs() as told:
        well.cycle()
        assert well.trouble is not None
        well.cycle()  # the other side's work goes on
        move(61)
        well.cycle()
    assert [line["event"] for line in told].count("pair.resting") == 1
    assert well.failures == 3
    assert _count_runs(well) - before == 3
    admin(workspace.admin_url, "DELETE", "/faults")
    move(3600)
    with capture_logs() as told:
        well.cycle()
    assert [line["event"] for line in told].count("pair.recovered") == 1
    assert well.failures == 0
    assert well.resting_until is None


def test_a_changed_mapping_waits_while_the_one_before_stands(
    workspace: Workspace, worker: tuple[Worker, Callable[[float], None]]
) -> None:
    """Cycles go on under the approved mapping and say so in their run; the approved plan puts the
    changed one in force with the next cycle."""
    before, _ = worker
    standing = before.pair.mapping
    [file] = (workspace.directory / "mappings").iterdir()
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("owner: map, max_length: 128", "owner: crm"), encoding="utf-8")
    config = load_config(workspace.config)
    pair = config.pairs[0]
    changed = Worker(
        config, pair, before.store, threading.Event(), before.clocks, standing=standing
    )
    try:
        changed.cycle()
        assert (changed.trouble, changed.is_waiting()) == (None, True)
        assert _last_mapping(changed) == standing.hash
        told = json.loads(workspace.here("status", "--json").out)["pairs"][0]
        assert (told["approved"], told["mapping"], told["in_force"]) == (
            False, pair.mapping.hash, standing.hash,
        )  # fmt: skip
        assert workspace.here("plan", "--out", str(workspace.directory / "new.json")).code == 0
        assert workspace.here("sync", "--plan", str(workspace.directory / "new.json")).code == 0
        changed.cycle()
        assert (changed.trouble, changed.is_waiting()) == (None, False)
        assert _last_mapping(changed) == pair.mapping.hash
    finally:
        changed.close()


def _last_mapping(worker: Worker) -> str:
    with worker.store.read() as tx:
        return runs.latest(tx, limit=1)[0].mapping_hash


def test_a_stop_between_batches_leaves_nothing_half_done(
    worker: tuple[Worker, Callable[[float], None]], workspace: Workspace
) -> None:
    """A stop in the middle of a run closes it as interrupted; the next run does what was left, and
    the one after it nothing.
    """
    well, move = worker
    admin(workspace.admin_url, "POST", "/world/tick", {"days": 1})
    move(86_400)
    pair = well.connect()
    tell = pair.progress.report
    seen: list[str] = []

    def stop_at_first_write(stage: str, done: int, total: int | None) -> None:
        seen.append(stage)
        if stage == "apply":
            well.stop.set()
        tell(stage, done, total)

    object.__setattr__(pair.progress, "report", stop_at_first_write)
    well.cycle()
    assert seen[-1] == "apply"
    with well.store.read() as tx:
        assert runs.latest(tx, limit=1)[0].status == "interrupted"
    well.stop.clear()
    well.close()
    move(60)
    well.cycle()
    with well.store.read() as tx:
        assert runs.latest(tx, limit=1)[0].status == "ok"
    admin(workspace.admin_url, "DELETE", "/calls")
    move(60)
    well.cycle()
    assert writes(workspace.admin_url) == {}


def test_a_quiet_cycle_stays_connected(
    worker: tuple[Worker, Callable[[float], None]], workspace: Workspace
) -> None:
    """Cycles without a change neither log in nor describe anything again."""
    well, move = worker
    well.cycle()
    admin(workspace.admin_url, "DELETE", "/calls")
    move(60)
    well.cycle()
    calls = json.dumps(admin(workspace.admin_url, "GET", "/calls"))
    assert "oauth2/token" not in calls
    assert "describe" not in calls
    assert "account-info" not in calls


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0(number: signal.Signals, workspace: Workspace) -> None:
    """SIGTERM and Ctrl-C end a daemon at rest within ten seconds, with exit code 0."""
    daemon = workspace.start("run")
    _wait_for(daemon, "run.finished")
    daemon.send_signal(number)
    _, told = daemon.communicate(timeout=STOP_SECONDS)
    assert daemon.returncode == 0
    assert "daemon.stopped" in told
    assert "Traceback" not in told


def test_a_slow_vendor_does_not_hold_the_stop(workspace: Workspace) -> None:
    """Also while a vendor takes very long to answer, SIGTERM ends it within ten seconds with 0;
    the next sync finds what was left and ends well.
    """
    slow = {"system": "salesforce", "kind": "latency", "rate": 1, "calls": 10_000, "value": 60}
    admin(workspace.admin_url, "POST", "/faults", {**slow, "match": "query"})
    daemon = workspace.start("run")
    _wait_for(daemon, "daemon.started")
    _wait_for_run(workspace)
    daemon.terminate()
    _, told = daemon.communicate(timeout=STOP_SECONDS)
    assert daemon.returncode == 0
    assert "daemon.cut_short" in told
    admin(workspace.admin_url, "DELETE", "/faults")
    after = workspace.here("sync", "--json")
    assert after.code == 0, after.out
    statuses = [run["status"] for run in workspace.here("runs", "--json").data["runs"][:2]]
    assert statuses == ["ok", "interrupted"]


def _wait_for_run(workspace: Workspace) -> None:
    """Until the daemon's run is open in the state: it cannot end while the vendor is slow."""
    for _ in range(600):
        if workspace.here("runs", "--json").data["runs"][0]["status"] == "running":
            return
        threading.Event().wait(0.1)
    pytest.fail("the daemon did not begin a run")


def _wait_for(process: subprocess.Popen[str], event: str) -> None:
    """Read its log until the event is told."""
    assert process.stderr is not None
    for line in process.stderr:
        if event in line:
            return
    pytest.fail(f"it ended without {event}")
