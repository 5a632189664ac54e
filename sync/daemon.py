"""The daemon: every pair on its schedule, until told to stop.

Changed files of the configuration are noticed (`sync.config_watch`), read as a whole between two
batches, and taken up where they are valid; else the last good ones stay in force and people are
told.

Promises: one instance per state; UTC throughout; a pair is never run twice at once; one pair's
trouble never stops the others; orders of people are taken within a second where the pair is idle,
else after the run in hand; a stop lets the batch in hand finish and ends within ten seconds. What a
stop leaves open the next run finds: every write is journaled before it is sent.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from mappings.errors import (
    AuthenticationError,
    ConfigurationError,
    LeadloopError,
    MassChangeRefusedError,
)
from mappings.fieldmap import PairMapping
from state import runs
from state.prune import prune
from state.store import Store
from sync import alerts, wiring
from sync.approvals import mapping_subject
from sync.config import Config, PairConfig
from sync.config_watch import Watch
from sync.health import Probes, serving
from sync.metrics import Metrics
from sync.notify import Notifier
from sync.pair_status import status_of
from sync.retention import cutoffs
from sync.retraining import order_if_due
from sync.wiring import Clocks
from sync.worker import Worker

log = structlog.get_logger("leadloop.daemon")

GRACE_SECONDS = 8.0
"""How long a stop waits for the work in hand: leaves two of the ten seconds for the rest."""
TICK_SECONDS = 0.5
"""How often the daemon looks for orders."""
PULSE_SECONDS = 5
TELL_SECONDS = 60
"""How often it is seen to that people know of files that were refused."""
STILL_SECONDS = 900.0
"""A worker whose work in hand has not moved for so long is stuck: a batch with every retry, or the
slowest stage between two batches, takes a few minutes at most."""


@dataclass(frozen=True, slots=True)
class Calls:
    """What the process is told from outside. `load` reads the configuration again; `abandon` ends
    the process at once, with the state still held, where a thread waits for a vendor beyond the
    grace. That loses nothing: every write is journaled before it is sent.
    """

    stop: threading.Event
    abandon: Callable[[], object]
    reload: threading.Event = field(default_factory=threading.Event)
    load: Callable[[], Config] | None = None


@dataclass(slots=True)
class Crew:
    """The workers of the configuration in force, and what can be asked about them."""

    store: Store
    clocks: Clocks
    config: Config
    workers: Sequence[Worker] = ()
    refused: LeadloopError | None = None
    waiting: Sequence[str] = ()
    pulse_at: float = field(default_factory=time.monotonic)

    def beat(self) -> None:
        """The scheduler is alive: called by a job of its own."""
        self.pulse_at = time.monotonic()

    def tell(self) -> None:
        """See that people know whether changed files were refused, and when that is over."""
        alerts.watch_configuration(self.config, self.store, self.refused or self._unapproved())

    def look(self) -> None:
        """See whether changed mappings wait for a person's word, and tell when that begins or is
        over."""
        try:
            waiting = [worker.pair.name for worker in self.workers if worker.is_waiting()]
        except LeadloopError:  # the worker's own run meets it, rests the pair and tells
            return
        if waiting != self.waiting:
            for name in {*waiting} - {*self.waiting}:
                log.warning("reload.waiting", pair=name, code="guard.approval_required")
            self.waiting = waiting
            self.tell()

    def _unapproved(self) -> LeadloopError | None:
        if not self.waiting:
            return None
        return MassChangeRefusedError(
            f"the changed mapping of {', '.join(self.waiting)} waits for your word",
            code="guard.approval_required",
            remedy="Run `leadloop plan --out plan.json`, read it, then `leadloop sync --plan "
            "plan.json`; until then the mapping before stays in force.",
        )

    def tidy(self) -> None:
        """Let go of what is no longer needed, and order what is due; what cannot be done is, the
        next night."""
        for worker in self.workers:
            at = cutoffs(self.config.retention, self.clocks.now())
            try:
                pruned = prune(worker.store, at)
                order_if_due(worker.store, self.config.matching)
            except LeadloopError as error:
                log.warning("retention.failed", pair=worker.pair.name, code=error.code)
                continue
            log.info("retention.done", pair=worker.pair.name, total=sum(pruned.values()))

    def alive(self) -> dict[str, str]:
        """What is dead or stuck, by name."""
        wrong = {}
        if time.monotonic() - self.pulse_at > STILL_SECONDS:
            wrong["scheduler"] = "no job has run"
        for worker in self.workers:
            if worker.pulse.still_seconds() > STILL_SECONDS:
                wrong[worker.pair.name] = "the work in hand does not move"
        return wrong

    def ready(self) -> dict[str, str]:
        """Pairs whose last run is not fresh, or a state that does not answer, by name."""
        try:
            stands = self.statuses()
        except LeadloopError as error:
            return {"state": error.code}
        troubles = {worker.pair.name: worker.trouble for worker in self.workers}
        return {
            one["pair"]: troubles.get(one["pair"]) or "no recent run has gone through"
            for one in stands
            if one["stale"]
        }

    def statuses(self) -> list[dict[str, Any]]:
        """Every pair's status (`sync.pair_status`)."""
        now, fast = self.clocks.now(), self.config.schedule.fast
        return [
            status_of(pair, self.store.for_pair(pair.name), now=now, fast=fast, held=True)
            for pair in self.config.pairs
        ]


def serve(
    config: Config, calls: Calls, *, clocks: Clocks | None = None, notifier: Notifier | None = None
) -> None:
    """Run every pair until told to stop, then let the batches in hand finish.

    Raises StateHeldError when another process holds the state, LeaseLostError when one has taken it
    over, and what keeps every pair from starting.
    """
    clocks, notifier = clocks or Clocks(), notifier or Notifier()
    with _held_state(config, clocks) as store:
        crew = Crew(store, clocks, config)
        files = Watch(config)
        metrics = Metrics(crew.statuses, clocks.now)
        with serving(config.service, Probes(crew.alive, crew.ready, metrics.text)):
            current: Config | None = config
            while current is not None:
                crew.config = files.config = current
                current = _tour(crew, calls, metrics, notifier, files, first=current is config)
    log.info("daemon.stopped")


@contextlib.contextmanager
def _held_state(config: Config, clocks: Clocks) -> Iterator[Store]:
    """The state, ours alone."""
    store = wiring.open_state(config, config.pairs[0], clocks)
    try:
        with store.exclusive("daemon"):
            yield store
    finally:
        store.close()


def _tour(
    crew: Crew, calls: Calls, metrics: Metrics, notifier: Notifier, files: Watch, *, first: bool
) -> Config | None:
    """Work under one configuration, until told to stop (None) or another has been read (that)."""
    config, halt = crew.config, threading.Event()
    accounts = crew.clocks.accounts(crew.store)
    workers = crew.workers = [
        Worker(
            config,
            pair,
            wiring.screened(config, pair, crew.store),
            halt,
            crew.clocks,
            accounts=accounts,
            told=metrics.ran,
            standing=_standing(crew.workers, pair),
        )
        for pair in config.pairs
    ]
    if first:
        _begin(workers, calls)
    scheduler = _scheduler(crew)
    scheduler.start()
    log.info("daemon.started" if first else "daemon.reloaded", total=len(workers))
    notifier.ready(f"{len(workers)} pairs at work")
    try:
        following = _keep_going(crew, scheduler, calls, notifier, files)
        if following is None:
            log.info("daemon.stopping")
            notifier.stopping()
        return following
    finally:
        halt.set()
        scheduler.shutdown(wait=False)
        _let_finish(workers, calls)
        _close(workers)


def _standing(before: Sequence[Worker], pair: PairConfig) -> PairMapping | None:
    """The approved mapping a pair was run under until now, where its files say something else."""
    for worker in before:
        mapping = worker.in_force().mapping
        if worker.pair.name == pair.name and mapping.hash != pair.mapping.hash:
            with worker.store.read() as tx:
                return mapping if runs.approved(tx, mapping_subject(mapping.hash)) else None
    return None


def _keep_going(
    crew: Crew, scheduler: BackgroundScheduler, calls: Calls, notifier: Notifier, files: Watch
) -> Config | None:
    """Look for orders and calls, and give signs of life, until it is time to end or to begin anew.

    Raises LeaseLostError when another process has taken the state over.
    """
    add: Callable[..., object] = scheduler.add_job
    sign_due = time.monotonic()
    while not calls.stop.wait(TICK_SECONDS):
        keep_time(scheduler)
        crew.look()
        for worker in crew.workers:
            if worker.lost is not None:
                raise worker.lost
            if _is_asked(worker):
                add(worker.attend, id=f"{worker.pair.name} orders", replace_existing=True)
        if calls.reload.is_set() or files.changed():
            calls.reload.clear()
            files.take()
            following = _reloaded(crew, calls, notifier)
            if following is not None:
                return following
        if notifier.interval is not None and time.monotonic() >= sign_due and not crew.alive():
            sign_due = time.monotonic() + notifier.interval
            notifier.alive()
    return None


def keep_time(scheduler: BackgroundScheduler) -> None:
    """Make due what a clock that was set back has put off: no interval is longer than itself."""
    now = datetime.now(UTC)
    for job in scheduler.get_jobs():
        interval = getattr(job.trigger, "interval", None)
        if interval is not None and job.next_run_time and job.next_run_time - now > interval:
            log.warning("schedule.clock_set_back", kind=job.id)
            job.modify(next_run_time=now)


def _is_asked(worker: Worker) -> bool:
    try:
        return worker.is_asked()
    except LeadloopError:  # the worker's own run meets it, rests the pair and tells
        return False


def _reloaded(crew: Crew, calls: Calls, notifier: Notifier) -> Config | None:
    """The configuration read again; None where it stays as it was: it is not valid, or a change
    needs a new start. Whatever it is, people are told once.
    """
    if calls.load is None:
        return None
    notifier.reloading()
    try:
        read = calls.load()
        _check_fixed(read, crew.config)
    except LeadloopError as error:
        crew.refused = error
        log.warning("reload.refused", code=error.code, message=error.message, remedy=error.remedy)
        notifier.ready(f"going on with the last good configuration: {error.code}")
        crew.tell()
        return None
    crew.refused = None
    crew.tell()
    return read


def _check_fixed(read: Config, current: Config) -> None:
    fixed = ("state_url", "tenant", "service")
    if any(getattr(read, name) != getattr(current, name) for name in fixed):
        raise ConfigurationError(
            "the changed configuration needs a restart",
            code="config.restart_needed",
            remedy="A changed `state`, `tenant` or `service` needs a restart of the daemon.",
        )


def _begin(workers: Sequence[Worker], calls: Calls) -> None:
    """Connect every pair, unless told to stop meanwhile: a vendor may take long to answer."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            _start(workers)
        except BaseException as error:  # noqa: BLE001 - raised by whoever waits
            failed.append(error)

    thread = threading.Thread(target=work, name="leadloop-start", daemon=True)
    thread.start()
    while thread.is_alive() and not calls.stop.is_set():
        thread.join(0.1)
    thread.join(GRACE_SECONDS)
    if thread.is_alive():
        log.warning("daemon.cut_short", pair=workers[0].pair.name)
        calls.abandon()
    if failed:
        raise failed[0]


def _start(workers: Sequence[Worker]) -> None:
    """Connect every pair. A wrong configuration ends the daemon, as does one with no pair fit to
    run; where some are fit, the others rest and are tried again.
    """
    errors: list[LeadloopError] = []
    for worker in workers:
        try:
            if not worker.is_approved():
                raise MassChangeRefusedError(
                    f"the mapping of pair `{worker.pair.name}` has not been approved yet",
                    code="guard.approval_required",
                    remedy="Run `leadloop plan --out plan.json`, read it, then `leadloop sync "
                    "--plan plan.json`; after that `leadloop run`.",
                )
            for error in worker.connect().unreachable.values():
                if isinstance(error, AuthenticationError):
                    raise error  # whoever starts the daemon is there to correct it
        except ConfigurationError:
            _close(workers)
            raise
        except LeadloopError as error:
            errors.append(error)
    if len(errors) == len(workers):
        raise errors[0]


def _let_finish(workers: Sequence[Worker], calls: Calls) -> None:
    """Wait for the batches in hand; a reload waits as long as they take, a stop only so long."""
    deadline = time.monotonic() + GRACE_SECONDS
    for worker in workers:
        while not worker.wait_idle(TICK_SECONDS):
            if not calls.stop.is_set():
                deadline = time.monotonic() + GRACE_SECONDS
            elif time.monotonic() > deadline:
                log.warning("daemon.cut_short", pair=worker.pair.name)
                calls.abandon()


def _close(workers: Sequence[Worker]) -> None:
    for worker in workers:
        worker.close()


def _scheduler(crew: Crew) -> BackgroundScheduler:
    """Every pair at once and then every `schedule.fast` seconds; a late tick runs once.

    A thread for each pair's cycle and one for its orders, and two for the house.
    """
    threads = 2 * len(crew.workers) + 2
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(threads)},
        job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
    )
    add: Callable[..., object] = scheduler.add_job
    add(crew.beat, "interval", seconds=PULSE_SECONDS, id="pulse")
    add(crew.tell, "interval", seconds=TELL_SECONDS, id="configuration")
    nightly = crew.config.schedule
    add(crew.tidy, "cron", hour=nightly.nightly_hour, minute=nightly.nightly_minute, id="retention")
    for worker in crew.workers:
        add(
            worker.cycle,
            "interval",
            seconds=crew.config.schedule.fast,
            next_run_time=datetime.now(UTC),
            id=worker.pair.name,
        )
    return scheduler
