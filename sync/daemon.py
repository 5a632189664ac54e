"""The daemon: every pair on its schedule, until told to stop.

Promises: one instance per state; UTC throughout; a pair is never run twice at once; one pair's
trouble never stops the others, is told once when it begins and once when it is over; a stop lets
the batch in hand finish and ends within ten seconds. What a stop leaves open the next run finds:
every write is journaled before it is sent.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from mappings.errors import (
    AuthenticationError,
    ConfigurationError,
    InvariantError,
    LeadloopError,
    MassChangeRefusedError,
    OutcomeUnknownError,
    QuotaExhaustedError,
    RateLimitedError,
    StateError,
    StateHeldError,
    UnavailableError,
)
from state import runs
from state.store import Store
from sync import wiring
from sync.config import Config, PairConfig, ScheduleConfig
from sync.pair import Pair, Progress
from sync.run import Report, run_once
from sync.wiring import Clocks

log = structlog.get_logger("leadloop.daemon")

GRACE_SECONDS = 8.0
"""How long a stop waits for the work in hand: leaves two of the ten seconds for the rest."""
LONGEST_BACKOFF = timedelta(minutes=15)
RECENT = 50
"""Runs looked at for the one a stop cut short: the newest, were it not for clocks that jump."""
UNKNOWN_RESET = timedelta(hours=1)
"""How long a used-up allowance rests where the vendor does not say when it renews (assumed)."""
PASSING = (UnavailableError, OutcomeUnknownError, StateError, StateHeldError)
NEEDS_A_PERSON = (AuthenticationError, ConfigurationError, MassChangeRefusedError)


class StopRequested(Exception):  # noqa: N818 - no error: somebody asked
    """The daemon is to stop. Raised between batches only, where nothing is half done."""


def next_attempt(
    error: LeadloopError, *, failures: int, now: datetime, schedule: ScheduleConfig
) -> datetime | None:
    """When a pair may be tried again after `failures` in a row; None for never. Pure.

    What passes by itself is tried at doubling intervals, what the vendor dates at that time, what
    needs a person every quarter of an hour, and what must never happen not at all.
    """
    if isinstance(error, RateLimitedError):
        return now + timedelta(seconds=max(error.retry_after, 1.0))
    if isinstance(error, QuotaExhaustedError):
        return error.resets_at or now + UNKNOWN_RESET
    if isinstance(error, NEEDS_A_PERSON):
        return now + timedelta(seconds=schedule.quarter)
    if isinstance(error, PASSING):
        doubled = timedelta(seconds=schedule.fast * 2 ** min(failures - 1, 10))
        return now + min(doubled, LONGEST_BACKOFF)
    return None


@dataclass(slots=True)
class Worker:
    """One pair's place in the daemon: keeps it connected, runs it, rests it when it must.

    `cycle` never raises. `trouble` is the code of the error that rests the pair, None when well.
    """

    config: Config
    pair: PairConfig
    store: Store
    stop: threading.Event
    clocks: Clocks
    trouble: str | None = None
    failures: int = 0
    resting_until: datetime | None = None
    ended: bool = False
    _busy: threading.Lock = field(default_factory=threading.Lock)
    _open: contextlib.ExitStack | None = None
    _connected: Pair | None = None
    _live: bool = False

    def connect(self) -> Pair:
        """The connected pair; connected now if it is not. Raises what connecting raises."""
        if self._connected is None:
            with contextlib.ExitStack() as stack:
                self._connected = stack.enter_context(
                    wiring.open_pair(
                        self.config,
                        self.pair,
                        self.store,
                        clocks=self.clocks,
                        progress=Progress(self._between_batches),
                    )
                )
                self._open = stack.pop_all()
            self._live = self._is_live()
        return self._connected

    def close(self) -> None:
        """Let go of the connections."""
        self._connected = None
        if self._open is not None:
            self._open.close()
            self._open = None

    def is_approved(self) -> bool:
        """Whether a person has approved this pair's mapping: nothing is written before."""
        with self.store.read() as tx:
            return runs.approved(tx, f"mapping:{self.pair.mapping.hash}")

    def wait_idle(self, seconds: float) -> bool:
        """Wait until no cycle is under way; False when one still is."""
        if not self._busy.acquire(timeout=max(seconds, 0.0)):
            return False
        self._busy.release()
        return True

    def cycle(self) -> None:
        """One run, unless the pair rests."""
        with self._busy:
            resting = self.resting_until is not None and self.clocks.now() < self.resting_until
            if self.stop.is_set() or self.ended or resting:
                return
            try:
                self._run()
            except StopRequested:
                self._interrupted()
            except LeadloopError as error:
                self._failed(error)
            except Exception as error:  # noqa: BLE001 - unknown: this pair stops, others go on
                self._failed(InvariantError(f"unexpected {type(error).__name__}", code="internal"))

    def _run(self) -> None:
        began = time.monotonic()
        report = run_once(self.connect(), everything=False)
        log.info(
            "run.finished",
            pair=self.pair.name,
            run_id=report.run_id,
            status=report.status,
            written=sum(report.counts.get("written", {}).values()),
            seconds=round(time.monotonic() - began, 2),
        )
        if report.error is not None:
            self._failed(report.error)
            return
        self._went_well(report)

    def _went_well(self, report: Report) -> None:
        if self.trouble is not None:
            log.info("pair.recovered", pair=self.pair.name, run_id=report.run_id)
        self.trouble, self.failures, self.resting_until = None, 0, None
        if not self._live and self._is_live():
            self.close()  # the first load is through: connected anew, for everyday writes

    def _failed(self, error: LeadloopError) -> None:
        """Rest the pair; told once per change of state."""
        self.failures += 1
        now = self.clocks.now()
        self.resting_until = next_attempt(
            error, failures=self.failures, now=now, schedule=self.config.schedule
        )
        self.ended = self.resting_until is None
        if error.code != self.trouble:
            tell = log.error if self.ended else log.warning
            tell(
                "pair.ended" if self.ended else "pair.resting",
                pair=self.pair.name,
                code=error.code,
                system=error.system,
                until=self.resting_until.isoformat() if self.resting_until else None,
                remedy=error.remedy,
            )
        self.trouble = error.code
        self.close()

    def _interrupted(self) -> None:
        """Close the run a stop cut short; what it left open the next one finds."""
        with self.store.begin() as tx:
            for run in runs.latest(tx, limit=RECENT):
                if run.status == "running":
                    runs.finish(tx, run.id, "interrupted", run.counts)
                    log.info("run.interrupted", pair=self.pair.name, run_id=run.id)

    def _between_batches(self, stage: str, done: int, total: int | None) -> None:
        """Called by the stages after each batch is settled and committed."""
        del stage, done, total
        if self.stop.is_set():
            raise StopRequested

    def _is_live(self) -> bool:
        with self.store.read() as tx:
            return runs.approved(tx, f"live:{self.pair.mapping.hash}")


def serve(
    config: Config,
    *,
    stop: threading.Event,
    abandon: Callable[[], object],
    clocks: Clocks | None = None,
) -> None:
    """Run every pair until `stop` is set, then let the batches in hand finish.

    `abandon` must end the process at once: it is called, with the state still held, when a thread
    still waits for a vendor after the grace. That loses nothing: every write is journaled before
    it is sent. Raises StateHeldError when another process holds the state, and what keeps every
    pair from starting.
    """
    with _workers(config, stop, clocks or Clocks()) as workers:
        _start(workers)
        scheduler = _scheduler(config, workers)
        scheduler.start()
        log.info("daemon.started", total=len(workers))
        stop.wait()
        log.info("daemon.stopping")
        scheduler.shutdown(wait=False)
        deadline = time.monotonic() + GRACE_SECONDS
        for worker in workers:
            if not worker.wait_idle(deadline - time.monotonic()):
                log.warning("daemon.cut_short", pair=worker.pair.name)
                abandon()
        _close(workers)
        log.info("daemon.stopped")


@contextlib.contextmanager
def _workers(config: Config, stop: threading.Event, clocks: Clocks) -> Iterator[list[Worker]]:
    """A worker for every pair, over a state that is ours alone."""
    store = wiring.open_state(config, config.pairs[0], clocks)
    try:
        with store.exclusive():
            yield [
                Worker(config, pair, store.for_pair(pair.name), stop, clocks)
                for pair in config.pairs
            ]
    finally:
        store.close()


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
            worker.connect()
        except ConfigurationError:
            _close(workers)
            raise
        except LeadloopError as error:
            errors.append(error)
    if len(errors) == len(workers):
        raise errors[0]


def _close(workers: Sequence[Worker]) -> None:
    for worker in workers:
        worker.close()


def _scheduler(config: Config, workers: Sequence[Worker]) -> BackgroundScheduler:
    """Every pair at once and then every `schedule.fast` seconds; a late tick runs once."""
    scheduler = BackgroundScheduler(
        timezone=UTC, executors={"default": ThreadPoolExecutor(len(workers))}
    )
    add: Callable[..., object] = scheduler.add_job
    for worker in workers:
        add(
            worker.cycle,
            "interval",
            seconds=config.schedule.fast,
            next_run_time=datetime.now(UTC),
            id=worker.pair.name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
    return scheduler
