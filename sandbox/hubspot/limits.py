"""HubSpot's rate limits on the virtual clock (FACTS section 2, Rate limits).

A private app on Pro/Enterprise has 190 calls in a rolling ten seconds and 625,000 a day, resetting
at midnight account time; an OAuth app has 110 in ten seconds and no daily limit, hence no daily
headers. The account has 5 searches a second outside the ten-second pools. A refused call uses up
nothing (assumed).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

TIME_ZONE: tzinfo = ZoneInfo("US/Eastern")
"""Time zone of the account."""

INTERVAL_MS = 10_000


class RateLimits:
    """The pools and what is left of them.

    `enabled` switches refusals off; the figures go on counting. `per_interval`,
    `oauth_per_interval`, `daily` and `searches` may be set.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self.enabled = True
        self.per_interval = 190
        self.oauth_per_interval = 110
        self.daily = 625_000
        self.searches = 5
        self._calls: deque[int] = deque()
        self._oauth_calls: deque[int] = deque()
        self._searches: deque[int] = deque()
        self._day = ""
        self._today = 0

    def take(self, *, search: bool, oauth: bool = False) -> str | None:
        """Count one call, or name the policy that refuses it: SECONDLY,
        TEN_SECONDLY_ROLLING or DAILY.
        """
        now = self._now()
        self._roll(now)
        if self.enabled and not oauth and self._today >= self.daily:
            return "DAILY"
        pool, span, most, policy = (
            (self._searches, 1_000, self.searches, "SECONDLY")
            if search
            else (*self._pool(oauth=oauth), "TEN_SECONDLY_ROLLING")
        )
        _forget(pool, now, span)
        if self.enabled and len(pool) >= most:
            return policy
        pool.append(now)
        self._today += 0 if oauth else 1
        return None

    def daily_headers(self) -> dict[str, str]:
        """The two headers about the day."""
        return {
            "X-HubSpot-RateLimit-Daily": str(self.daily),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, self.daily - self.used_today())),
        }

    def interval_headers(self, *, oauth: bool = False) -> dict[str, str]:
        """The headers about ten seconds, and the older ones about one second [R]."""
        now = self._now()
        calls, span, most = self._pool(oauth=oauth)
        _forget(calls, now, span)
        secondly = most // 10
        recent = sum(1 for at in calls if at > now - 1_000)
        return {
            "X-HubSpot-RateLimit-Max": str(most),
            "X-HubSpot-RateLimit-Remaining": str(max(0, most - len(calls))),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(INTERVAL_MS),
            "X-HubSpot-RateLimit-Secondly": str(secondly),
            "X-HubSpot-RateLimit-Secondly-Remaining": str(max(0, secondly - recent)),
        }

    def used_today(self) -> int:
        """Calls counted since midnight."""
        self._roll(self._now())
        return self._today

    def resets_at(self) -> datetime:
        """The next midnight of the account, in UTC."""
        local = datetime.fromtimestamp(self._now() / 1000, TIME_ZONE)
        midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight.astimezone(UTC)

    def _pool(self, *, oauth: bool) -> tuple[deque[int], int, int]:
        if oauth:
            return self._oauth_calls, INTERVAL_MS, self.oauth_per_interval
        return self._calls, INTERVAL_MS, self.per_interval

    def _roll(self, now: int) -> None:
        day = f"{datetime.fromtimestamp(now / 1000, TIME_ZONE):%Y-%m-%d}"
        if day != self._day:
            self._day, self._today = day, 0


def _forget(pool: deque[int], now: int, span: int) -> None:
    while pool and not now - span < pool[0] <= now:
        pool.popleft()
