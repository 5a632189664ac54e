"""Pacing, the share of each vendor's allowance that is ours (law 12), and the circuit breaker.

One `AccountLimiter` per vendor account, shared by every pair and thread of the process that uses
the account; each connector is given a `Turn` of it, which knows the lane of the work in hand. What
belongs to the account and not to the process (the calls of the last seconds, the day's figures,
until when a vendor is parked, an open circuit) is in the state, where every pair and every process
finds the same row (ADR 0011): a call takes its place there, and learns what others have found out.
The decisions are `sync.circuit`'s.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from mappings.errors import LeadloopError, UnavailableError
from mappings.ports import Lane
from state import quota
from state.quota import Account, Window
from state.store import Store, Tx
from sync import circuit
from sync.circuit import Gate, Standing

log = structlog.get_logger("leadloop.limits")


BUCKETS: Mapping[str, Mapping[str, Window]] = {
    # HubSpot private app, Pro and Enterprise: 190 calls in 10 s, until its own header says
    # otherwise; search 5 a second per account (FACTS section 2, Rate limits and Search).
    "hubspot": {"default": Window(190, 10.0), "search": Window(5, 1.0)},
    # Salesforce has no rate per second for short calls, only the daily allocation (FACTS 4).
    "salesforce": {},
}
REMEMBER_EVERY = timedelta(seconds=30)
"""How often figures are written to the state while nothing but they changes."""
PROBE_PATIENCE = 180.0
"""Seconds after which a probe that never told how it ended is given up: longer than any call."""


@dataclass(slots=True)
class AccountLimiter:
    """What one vendor account allows. Thread-safe.

    `system` is the connector's kind, `account` the name the configuration gives the account.
    `clock` is the business clock, `monotonic` and `sleep` the time-out clock; `shared` reads, in
    seconds, the one clock of all processes on the state.
    """

    system: str
    account: str
    share: float
    store: Store
    clock: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    shared: Callable[[Tx], float] = quota.database_seconds
    _known: Account | None = None
    _kept: Account | None = None
    _kept_at: datetime | None = None
    _buckets: dict[str, Window] = field(default_factory=dict)
    _crowded_until: float = 0.0
    _probe: tuple[Turn, float] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._buckets.update(BUCKETS.get(self.system, {}))

    def turn(self, lane: Lane = Lane.INCREMENTAL) -> Turn:
        """A place at this account for one connector."""
        return Turn(self, lane)

    def known(self) -> Account:
        """What is known of the account; read from the state when first asked."""
        with self._lock:
            if self._known is None:
                with self.store.read() as tx:
                    self._known = self._kept = quota.load(tx, self.account)
            return self._known

    def refusal(self, lane: Lane) -> LeadloopError | None:
        """Why no call of this lane would be let through now."""
        with self._lock:
            return self._gate(lane).refusal

    def take(self, turn: Turn, bucket: str) -> None:
        """Wait for a place in the bucket; refuse where no call may be made."""
        while (wait := self._wait(turn, bucket)) > 0.0:
            self.sleep(max(0.001, wait))

    def observe(self, *, daily_limit: int | None, daily_used: int | None) -> None:
        """Learn from a vendor's headers; figures are written to the state now and then."""
        if daily_limit is None or daily_used is None:
            return
        with self._lock:
            now = self.clock()
            self._know(
                replace(self.known(), daily_limit=daily_limit, daily_used=daily_used, seen_at=now)
            )

    def observe_rate(self, *, limit: int, left: int, seconds: float) -> None:
        """Learn the size of the short-term window, and hold back where others fill it: below what
        our share leaves them, a call goes every tenth of the window.
        """
        if limit <= 0 or seconds <= 0:
            return
        with self._lock:
            self._buckets["default"] = Window(limit, seconds)
            if left < limit - int(limit * self.share):
                self._crowded_until = self.monotonic() + seconds / 10

    def ended(self, turn: Turn, error: LeadloopError | None) -> None:
        """Park, open or close by how a call ended."""
        with self._lock:
            before, now = self.known(), self.clock()
            self._know(circuit.after(before, error, now))
            if self._probe is not None and self._probe[0] is turn:
                self._probe = None
            stood, stands = circuit.standing(before, now), circuit.standing(self.known(), now)
            if stood is not stands:
                self._tell(stands)

    def _admit(self, turn: Turn) -> None:
        """Raise what keeps a call from going now."""
        found = self._gate(turn.lane)
        if found.refusal is not None:
            raise found.refusal
        if not found.probe:
            return
        at = self.monotonic()
        if self._probe is None or at - self._probe[1] > PROBE_PATIENCE:
            self._probe = (turn, at)
        if self._probe[0] is not turn:
            raise UnavailableError(
                f"{self.system} is being tried again at this moment",
                code="remote.circuit_open",
                system=self.system,
            )

    def _gate(self, lane: Lane) -> Gate:
        return circuit.gate(
            self.known(), kind=self.system, lane=lane, share=self.share, now=self.clock()
        )

    def _wait(self, turn: Turn, bucket: str) -> float:
        """Seconds until a call may go; 0.0 when it goes now, and counts. One transaction, so that
        no two processes take one place."""
        with self._lock, self.store.begin() as tx:
            self._learn(quota.claim(tx, self.account))
            if not turn.insists:
                self._admit(turn)
            crowded = self._crowded_until - self.monotonic()
            if bucket == "default" and crowded > 0.0:
                return crowded
            size = self._buckets.get(bucket)
            if size is not None:
                ours = Window(max(1, int(size.calls * self.share)), size.seconds)
                wait = quota.take(tx, self.account, bucket, ours, at=self.shared(tx))
                if wait > 0.0:
                    return wait
            self._count(tx)
        return 0.0

    def _learn(self, told: Account) -> None:
        """What another process has found out meanwhile (a sync beside the daemon is out of calls,
        `leadloop doctor` reached the vendor)."""
        if told == self._kept:
            return
        known = self._known or told
        newer = max(told, known, key=_age_of_figures)
        self._known = replace(
            told,
            daily_limit=newer.daily_limit,
            daily_used=newer.daily_used,
            seen_at=newer.seen_at,
        )
        self._kept = told

    def _count(self, tx: Tx) -> None:
        """One call more, until a header says how many it really were."""
        known = self.known()
        if known.daily_used is not None:
            self._known = self._kept = replace(known, daily_used=known.daily_used + 1)
            self._kept_at = self.clock()
            quota.store(tx, self._known)

    def _know(self, account: Account) -> None:
        """What is known from now on. Kept at once where it says who may call, else now and then."""
        self._known, kept, now = account, self._kept, self.clock()
        moved = kept is None or _without_figures(account) != _without_figures(kept)
        old = self._kept_at is None or abs(now - self._kept_at) >= REMEMBER_EVERY
        if account != kept and (moved or old):
            with self.store.begin() as tx:
                quota.store(tx, account)
            self._kept, self._kept_at = account, now

    def _tell(self, stands: Standing) -> None:
        known = self.known()
        log.warning(
            "account.recovered" if stands is Standing.CLOSED else "account.resting",
            system=self.account,
            status=stands.value,
            code=known.code,
            until=known.parked_until or known.probe_at,
        )


def _age_of_figures(account: Account) -> tuple[float, int]:
    """The later header tells more, and after the same one whoever has counted more calls."""
    seen = account.seen_at
    return (seen.timestamp() if seen else float("-inf")), account.daily_used or 0


def _without_figures(account: Account) -> Account:
    return replace(account, daily_limit=None, daily_used=None, seen_at=None)


@dataclass(slots=True, eq=False)
class Turn:
    """One connector's place at its account: the `Limiter` port. `lane` is that of the work in hand;
    a turn belongs to one thread at a time. One that `insists` calls whatever is known to keep it
    from that: a person wants to know how the vendor stands now (`leadloop doctor`).
    """

    account: AccountLimiter
    lane: Lane
    insists: bool = False

    @contextlib.contextmanager
    def using(self, lane: Lane) -> Iterator[None]:
        """Calls within the block are made in this lane."""
        before, self.lane = self.lane, lane
        try:
            yield
        finally:
            self.lane = before

    def may_call(self, lane: Lane) -> bool:
        """Whether a call of this lane would be let through now; nothing is sent to find out."""
        return self.account.refusal(lane) is None

    def acquire(self, bucket: str = "default") -> None:
        """As `Limiter.acquire`."""
        self.account.take(self, bucket)

    def observe(self, *, daily_limit: int | None, daily_used: int | None) -> None:
        """As `Limiter.observe`."""
        self.account.observe(daily_limit=daily_limit, daily_used=daily_used)

    def observe_rate(self, *, limit: int, left: int, seconds: float) -> None:
        """As `Limiter.observe_rate`."""
        self.account.observe_rate(limit=limit, left=left, seconds=seconds)

    def ended(self, error: LeadloopError | None) -> None:
        """As `Limiter.ended`."""
        self.account.ended(self, error)


@dataclass(slots=True)
class Accounts:
    """Every vendor account of one process: one limiter each, whoever asks first."""

    store: Store
    clock: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    shared: Callable[[Tx], float] = quota.database_seconds
    _limiters: dict[str, AccountLimiter] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, name: str, kind: str, share: float) -> AccountLimiter:
        """The limiter of the account the configuration calls `name`."""
        with self._lock:
            if name not in self._limiters:
                self._limiters[name] = AccountLimiter(
                    kind,
                    name,
                    share,
                    self.store,
                    self.clock,
                    self.monotonic,
                    self.sleep,
                    self.shared,
                )
            return self._limiters[name]
