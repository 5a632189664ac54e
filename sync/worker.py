"""One pair's place in the daemon: runs it when it is due, carries out what people order, rests it
when it must.

Promises: one run of a pair at a time; its trouble is told once when it begins and once when it is
over; orders (`sync.orders`) are taken between two runs, resting or not, and exactly once in effect:
one that a stop or a crash cut short is taken again.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from mappings.errors import (
    PASSING,
    ConfigurationError,
    InvariantError,
    LeadloopError,
    LeaseLostError,
    MassChangeRefusedError,
    OutcomeUnknownError,
    StateError,
    StateHeldError,
)
from mappings.fieldmap import PairMapping
from mappings.ports import Lane
from state import commands, runs
from state.commands import Command
from state.store import Store, Tx
from sync import alerts, mailing, wiring
from sync.approvals import live_subject, mapping_subject
from sync.config import Config, PairConfig, ScheduleConfig
from sync.crash import crashpoint
from sync.limits import Accounts
from sync.orders import Bench, Data, Done, Order, carry_out, error_data
from sync.pair import Pair, Progress
from sync.run import run_once
from sync.wiring import Clocks

log = structlog.get_logger("leadloop.worker")

LONGEST_BACKOFF = timedelta(minutes=15)
RECENT = 50
"""Runs looked at for the one a stop cut short: the newest, were it not for clocks that jump."""
TELL_SECONDS = 1.0
"""Between two notes of how far an order is: whoever follows it sees no more."""
BACKED_OFF = (OutcomeUnknownError, StateError, StateHeldError)
NEEDS_A_PERSON = (ConfigurationError, MassChangeRefusedError)


class StopRequested(Exception):  # noqa: N818 - no error: somebody asked
    """The daemon is to stop. Raised between batches only, where nothing is half done."""


def next_attempt(
    error: LeadloopError, *, failures: int, now: datetime, schedule: ScheduleConfig
) -> datetime | None:
    """When a pair may be tried again after `failures` in a row; None for never. Pure.

    One vendor's trouble, or a brake that asks for a word, does not rest the pair: the account's
    limiter keeps calls from the vendor until their time, and every cycle carries opt-outs and does
    what else can be done (ADR 0012). What the state or a lost write causes is tried at doubling
    intervals, what else needs a person every quarter of an hour, and what must never happen not at
    all.
    """
    if isinstance(error, PASSING) or (isinstance(error, MassChangeRefusedError) and error.asked):
        return now
    if isinstance(error, NEEDS_A_PERSON):
        return now + timedelta(seconds=schedule.quarter)
    if isinstance(error, BACKED_OFF):
        doubled = timedelta(seconds=schedule.fast * 2 ** min(failures - 1, 10))
        return now + min(doubled, LONGEST_BACKOFF)
    return None


def is_resting(until: datetime | None, *, now: datetime, schedule: ScheduleConfig) -> bool:
    """Whether a pair rests. An instant further off than any rest is that of a clock that has been
    set back since, and is not waited for. Pure.
    """
    longest = max(LONGEST_BACKOFF, timedelta(seconds=schedule.quarter))
    return until is not None and now < until <= now + longest


@dataclass(slots=True)
class Pulse:
    """Whether a worker gets on: when its work in hand began and last moved (monotonic seconds)."""

    clock: Callable[[], float] = time.monotonic
    moved_at: float | None = None

    def beat(self) -> None:
        """Work has begun, or moved on by a batch."""
        self.moved_at = self.clock()

    def rest(self) -> None:
        """Nothing is in hand."""
        self.moved_at = None

    def still_seconds(self) -> float:
        """For how long the work in hand has not moved; 0 where nothing is in hand."""
        moved_at = self.moved_at
        return self.clock() - moved_at if moved_at is not None else 0.0


@dataclass(slots=True)
class Worker:
    """One pair's place in the daemon: keeps it connected, runs it, rests it when it must.

    `cycle` and `attend` never raise. `trouble` is the code of the error that rests the pair, None
    when well. `lost` is set when another process has taken the state over: nothing more can be
    done. `accounts` are the process's limiters, shared by all pairs. `told` is told of each run:
    pair, kind, status, seconds. `standing` is the approved mapping that cycles go on under while
    `pair`'s own waits for a person's word; what people order goes by `pair`'s.
    """

    config: Config
    pair: PairConfig
    store: Store
    stop: threading.Event
    clocks: Clocks
    accounts: Accounts | None = None
    told: Callable[[str, str, str, float], None] = lambda *_: None
    standing: PairMapping | None = None
    pulse: Pulse = field(default_factory=Pulse)
    trouble: str | None = None
    failures: int = 0
    resting_until: datetime | None = None
    ended: bool = False
    lost: LeaseLostError | None = None
    _busy: threading.Lock = field(default_factory=threading.Lock)
    _open: contextlib.ExitStack | None = None
    _connected: Pair | None = None
    _mapping_hash: str = ""
    _live: bool = False
    _order: int | None = None
    _order_told_at: float = 0.0

    def in_force(self) -> PairConfig:
        """The pair as cycles go by it: a changed mapping is in force once it is approved."""
        if self.standing is not None and self.is_approved():
            self.standing = None
        return self.pair if self.standing is None else replace(self.pair, mapping=self.standing)

    def is_waiting(self) -> bool:
        """Whether a changed mapping waits for a person's word while the one before stands."""
        self.in_force()
        return self.standing is not None

    def connect(self, ordered: PairConfig | None = None) -> Pair:
        """The connected pair, as it is in force or as `ordered`; connected now if it is not, or if
        a side that could not be reached may be tried again. Raises what connecting raises.
        """
        wanted = ordered or self.in_force()
        if self._mapping_hash != wanted.mapping.hash:
            self.close()
        if self._connected is not None and any(
            self._connected.may_call(side, Lane.CONSENT) for side in self._connected.unreachable
        ):
            self.close()
        if self._connected is None:
            with contextlib.ExitStack() as stack:
                self._connected = stack.enter_context(
                    wiring.open_pair(
                        self.config,
                        wanted,
                        self.store,
                        clocks=self.clocks,
                        progress=Progress(self._between_batches),
                        accounts=self.accounts,
                    )
                )
                self._open = stack.pop_all()
            self._mapping_hash = wanted.mapping.hash
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
            return runs.approved(tx, mapping_subject(self.pair.mapping.hash))

    def is_asked(self) -> bool:
        """Whether an order waits for this pair."""
        with self.store.read() as tx:
            return commands.is_waiting(tx, self.store.fence.token)

    def wait_idle(self, seconds: float) -> bool:
        """Wait until nothing is under way; False when something still is."""
        if not self._busy.acquire(timeout=max(seconds, 0.0)):
            return False
        self._busy.release()
        return True

    def cycle(self) -> None:
        """One run, unless the pair rests; orders before and after it."""
        with self._busy:
            self._guarded(self._carry_out_orders)
            resting = is_resting(
                self.resting_until, now=self.clocks.now(), schedule=self.config.schedule
            )
            if self.stop.is_set() or self.ended or self.lost or resting:
                return
            self._guarded(self._run)
            self._guarded(self._carry_out_orders)
            self._guarded(self._mail_reports)

    def attend(self) -> None:
        """Carry out what is ordered, if the pair is idle; else the cycle under way does it."""
        if self._busy.acquire(blocking=False):
            try:
                self._guarded(self._carry_out_orders)
            finally:
                self._busy.release()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do it; whatever goes wrong rests this pair, and nothing else."""
        self.pulse.beat()
        try:
            work()
        except StopRequested:
            self._interrupted()
        except LeaseLostError as error:
            self.lost = error
        except LeadloopError as error:
            self._could_not(error)
        except Exception as error:  # noqa: BLE001 - unknown: this pair stops, others go on
            self._could_not(InvariantError(f"unexpected {type(error).__name__}", code="internal"))
        finally:
            self.pulse.rest()

    def _carry_out_orders(self) -> None:
        while not (self.stop.is_set() or self.lost) and self.is_asked():
            with self.store.begin() as tx:
                command = commands.claim(tx, self.store.fence.token)
            crashpoint("after_claim")
            if command is not None:
                self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        log.info("command.begun", pair=self.pair.name, kind=command.kind, command_id=command.id)
        self._order, began = command.id, time.monotonic()
        try:
            done = self._outcome(command)
        except StopRequested:
            with self.store.begin() as tx:
                commands.put_back(tx, command.id)
            raise
        finally:
            self._order = None
        with self.store.begin() as tx:
            commands.finish(
                tx,
                command.id,
                exit_code=done.exit_code,
                result=done.result,
                error=done.error,
                run_id=done.run_id,
            )
        crashpoint("after_command")
        log.info("command.done", pair=self.pair.name, kind=command.kind, exit_code=done.exit_code)
        if done.run_id is not None:
            status = str(done.result.get("status") or ("ok" if done.error is None else "failed"))
            self.told(self.pair.name, command.kind, status, time.monotonic() - began)
        if done.error is not None:
            self.close()  # connected anew before anything else is tried
        elif done.run_id is not None:
            self._went_well(done.run_id)

    def _outcome(self, command: Command) -> Done:
        if command.attempts > commands.TRIES:
            return _given_up(command)

        def keep(tx: Tx, result: Data) -> None:
            commands.keep(tx, command.id, result)

        bench = Bench(self.pair, self.store, self._at_hand, command.result or {}, keep)
        try:
            return carry_out(Order(command.kind, command.arguments), bench)
        except (StopRequested, LeaseLostError):
            raise
        except Exception as error:  # noqa: BLE001 - the order fails, the daemon goes on
            known = InvariantError(f"unexpected {type(error).__name__}", code="internal")
            return Done(known.exit_code, {}, error_data(known))

    @contextlib.contextmanager
    def _at_hand(self) -> Iterator[Pair]:
        yield self.connect(self.pair)

    def _run(self) -> None:
        began = time.monotonic()
        report = run_once(self.connect(), everything=False)
        seconds = time.monotonic() - began
        log.info(
            "run.finished",
            pair=self.pair.name,
            run_id=report.run_id,
            status=report.status,
            written=sum(report.counts.get("written", {}).values()),
            seconds=round(seconds, 2),
        )
        self.told(self.pair.name, "sync", report.status, seconds)
        if report.error is not None:
            self._failed(report.error)
            return
        self._went_well(report.run_id)

    def _mail_reports(self) -> None:
        """The monthly report, where it is due and somebody is to have it."""
        if self.config.reports and not self.stop.is_set():
            mailing.send_due(self.config, self.pair, self.store, alerts.post)

    def _went_well(self, run_id: str) -> None:
        if self.trouble is not None:
            log.info("pair.recovered", pair=self.pair.name, run_id=run_id)
        self.trouble, self.failures, self.resting_until, self.ended = None, 0, None, False
        if not self._live and self._is_live():
            self.close()  # the first load is through: connected anew, for everyday writes

    def _could_not(self, error: LeadloopError) -> None:
        """No run could begin: people are told by us, as no run does."""
        self._failed(error)
        alerts.watch(self.config, self.pair, self.store, trouble=error)

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
        if not isinstance(error, (*PASSING, MassChangeRefusedError)):
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
        self.pulse.beat()
        if self.stop.is_set():
            raise StopRequested
        if self._order is not None and self.pulse.clock() - self._order_told_at >= TELL_SECONDS:
            self._order_told_at = self.pulse.clock()
            with self.store.begin() as tx:
                commands.advance(tx, self._order, {"stage": stage, "done": done, "total": total})

    def _is_live(self) -> bool:
        with self.store.read() as tx:
            return runs.approved(tx, live_subject(self._mapping_hash))


def _given_up(command: Command) -> Done:
    error = InvariantError(
        f"command {command.id} was begun {commands.TRIES} times and the daemon died each time",
        code="command.gave_up",
        remedy="Look at the daemon's log for what ended it, then give the command again.",
    )
    return Done(error.exit_code, {}, error_data(error))
