"""The virtual clock of the sandbox.

Both vendors, the admin endpoint and the world read this one clock, so that a harness can let a
week pass in a second. It runs at real speed from an offset: time never stands still between two
moves, as in life. It promises aware UTC datetimes in whole milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class VirtualClock:
    """Time as the two vendors see it: real speed, movable, always aware UTC.

    `start` is the first instant (default: the real one). `monotonic` gives the seconds that pass
    and is injected by tests which need the clock to stand still.
    """

    def __init__(
        self,
        start: datetime | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._base = _to_utc(start) if start is not None else datetime.now(UTC)
        self._mark = monotonic()

    def now(self) -> datetime:
        """The present instant, aware UTC, truncated to milliseconds as both vendors show it."""
        instant = self._base + timedelta(seconds=self._monotonic() - self._mark)
        return instant.replace(microsecond=instant.microsecond // 1000 * 1000)

    def now_ms(self) -> int:
        """The present instant as milliseconds since 1970, HubSpot's number form."""
        return to_ms(self.now())

    def move(self, seconds: float) -> None:
        """Jump by `seconds` (negative goes back, as a badly set server clock does).

        Exactly by so much: what `now` cuts off stays, or each small step would set time back.
        """
        self._base += timedelta(seconds=seconds)

    def set(self, at: datetime) -> None:
        """Jump to `at`; a naive datetime raises ValueError, since its zone would be a guess."""
        self._base = _to_utc(at)
        self._mark = self._monotonic()


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime, exactly (no float rounding)."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def from_ms(value: int) -> datetime:
    """The aware UTC datetime of `value` milliseconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)


def iso(at: datetime) -> str:
    """ISO 8601 in milliseconds with a Z, as the admin endpoint and the truth write instants."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _to_utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        message = "the clock needs a datetime with a time zone"
        raise ValueError(message)
    return at.astimezone(UTC)
