"""The daily allowance of API calls, counted over a day of the virtual clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from sandbox.clock import VirtualClock
from sandbox.salesforce.errors import SalesforceError

DAILY_LIMIT = 115_000
"""100,000 and 1,000 for each of 15 Enterprise licences (FACTS section 4)."""


class Usage:
    """Calls used of the allowance; the window starts anew 24 hours after its first call."""

    def __init__(self, clock: VirtualClock, *, limit: int = DAILY_LIMIT) -> None:
        self._clock = clock
        self.limit = limit
        self.enforced = True
        self.used = 0
        self._since: datetime = clock.now()

    def count(self) -> None:
        """Count one call; refuse it with 403 where the allowance is spent."""
        now = self._clock.now()
        if not self._since <= now < self._since + timedelta(days=1):
            self.used, self._since = 0, now
        if self.enforced and self.used >= self.limit:
            raise exhausted()
        self.used += 1

    @property
    def header(self) -> str:
        """The value of Sforce-Limit-Info."""
        return f"api-usage={self.used}/{self.limit}"


def exhausted() -> SalesforceError:
    """The day's allowance is spent: 403, no Retry-After (FACTS section 4)."""
    return SalesforceError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


def concurrent() -> SalesforceError:
    """Too many long calls at once: the other 403 of the same code."""
    message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    return SalesforceError("REQUEST_LIMIT_EXCEEDED", message)
