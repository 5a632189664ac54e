"""Pacing and the share of each vendor's allowance that is ours (law 12).

One limiter per vendor account. Short-term buckets keep calls under the vendor's rate; the daily
allowance is learnt from the vendor's own headers, remembered across restarts, and never used
beyond `leadloop_share`: the rest is for people and other tools.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from mappings.errors import QuotaExhaustedError
from state import runs
from state.store import Store


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many calls in so many seconds."""

    calls: int
    seconds: float


BUCKETS: Mapping[str, Mapping[str, Bucket]] = {
    # HubSpot private app, Pro and Enterprise: 190 calls in 10 s; search 5 a second per account
    # (FACTS section 2, Rate limits and Search).
    "hubspot": {"default": Bucket(190, 10.0), "search": Bucket(5, 1.0)},
    # Salesforce has no rate per second for short calls, only the daily allocation (FACTS 4).
    "salesforce": {},
}
REMEMBER_EVERY = timedelta(seconds=30)
"""How often what a vendor's headers say is written to the state."""


@dataclass(slots=True)
class AccountLimiter:
    """The `Limiter` port for one vendor account.

    `clock` is the business clock, `monotonic` and `sleep` the time-out clock. Raises
    QuotaExhaustedError from `acquire` once our share of the day is used.
    """

    system: str
    share: float
    store: Store
    clock: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _sent: dict[str, deque[float]] = field(default_factory=dict)
    _limit: int | None = None
    _used: int | None = None
    _remembered: datetime | None = None

    def acquire(self, bucket: str = "default") -> None:
        """Wait for a place in the bucket; refuse when our share of the day is used up."""
        self._check_day()
        size = BUCKETS.get(self.system, {}).get(bucket)
        if size is None:
            return
        sent = self._sent.setdefault(bucket, deque())
        allowed = max(1, int(size.calls * self.share))
        while True:
            now = self.monotonic()
            while sent and now - sent[0] >= size.seconds:
                sent.popleft()
            if len(sent) < allowed:
                sent.append(now)
                return
            self.sleep(max(0.001, size.seconds - (now - sent[0])))

    def _check_day(self) -> None:
        if self._limit is None or self._used is None:
            return
        if self._used >= self._limit * self.share:
            tomorrow = (self.clock() + timedelta(days=1)).astimezone(UTC)
            raise QuotaExhaustedError(
                f"Leadloop's share of {self.system}'s daily allowance is used up "
                f"({self._used} of {self._limit} calls)",
                resets_at=tomorrow.replace(hour=0, minute=0, second=0, microsecond=0),
                system=self.system,
            )

    def observe(self, *, daily_limit: int | None, daily_used: int | None) -> None:
        """Learn from a vendor's headers; written to the state now and then."""
        if daily_limit is None or daily_used is None:
            return
        self._limit, self._used = daily_limit, daily_used
        now = self.clock()
        if self._remembered is None or now - self._remembered >= REMEMBER_EVERY:
            self._remembered = now
            with self.store.begin() as tx:
                runs.see_quota(tx, self.system, daily_limit=daily_limit, daily_used=daily_used)
