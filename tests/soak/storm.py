"""A virtual hour in which the vendors refuse 30 to 100 % of all calls, and the hour's end."""

from __future__ import annotations

import contextlib
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mappings.errors import LeadloopError, QuotaExhaustedError, RateLimitedError
from sync.config import ScheduleConfig
from sync.limits import AccountLimiter
from sync.worker import next_attempt
from tests.laws.laws import comes_to_rest
from tests.laws.town import Town
from tests.laws.vendor import TownVendor
from tests.soak.kills import town_for_a_while
from tests.soak.stories import settle_in, something_happens

WINDOW = 10.0
ALLOWED = int(190 * 0.8)
"""Calls in ten seconds: our share of HubSpot's 190 (FACTS section 2)."""
SHARE = 0.8
FULL_WITHIN = 60.0
"""Seconds after a storm within which both vendors must be asked as much as they may be again."""
MOST_RUNS = 30
NEVER = float("inf")
"""What stands for a vendor that was not asked that much in half an hour."""


@dataclass(slots=True)
class Sky:
    """The weather over one vendor: worse or better every minute, and every call that was made.
    `served` are the calls let through since the storm was over.
    """

    system: str
    town: Town
    rng: random.Random
    until: datetime
    calls: deque[datetime] = field(default_factory=deque)
    served: list[datetime] = field(default_factory=list)
    refused: int = 0
    made: int = 0
    busiest: int = 0

    def forecast(self) -> LeadloopError | None:
        """Whether this call is refused, and how: 429 with a pause, now and then 403 used up."""
        now = self.town.world.time.at
        self.made += 1
        self.calls.append(now)
        while self.calls and (now - self.calls[0]).total_seconds() >= WINDOW:
            self.calls.popleft()
        self.busiest = max(self.busiest, len(self.calls))
        if now >= self.until:
            self.served.append(now)
            return None
        minute = random.Random(now.strftime("%H:%M")).uniform(0.3, 1.0)
        if self.rng.random() >= minute:
            return None
        self.refused += 1
        if self.rng.random() < 0.02:
            return QuotaExhaustedError(
                "used up", resets_at=min(now + timedelta(minutes=5), self.until)
            )
        return RateLimitedError("slow down", retry_after=self.rng.choice([10.0, 30.0]))


def storm(*, seed: int, url: str | None = None) -> dict[str, Any]:
    """One such hour, with people at work all the time."""
    rng = random.Random(seed)
    with town_for_a_while(url) as town:
        settle_in(town, rng)
        town.world.time.tick = timedelta(milliseconds=1)  # what takes time here are the pauses
        until = town.world.time.at + timedelta(hours=1)
        vendors = (town.hubspot, town.salesforce)
        skies = {one.system: Sky(one.system, town, rng, until) for one in vendors}
        for vendor in vendors:
            vendor.weather(skies[vendor.system].forecast)
            vendor.pace(_limiter(town, vendor.system).turn(), _sleep(town))
        runs = _live(town, rng, until)
        recovered = _recovers(town, list(skies.values()))
        broken: list[str] = []
        try:
            comes_to_rest(town)
        except AssertionError as error:
            broken.append(str(error))
        return {
            "runs": runs,
            "calls": sum(sky.made for sky in skies.values()),
            "refused": sum(sky.refused for sky in skies.values()),
            "busiest_ten_seconds": skies["hubspot"].busiest,
            "allowed_in_ten_seconds": ALLOWED,
            "seconds_to_full_rate": recovered,
            "within_the_minute": all(seconds <= FULL_WITHIN for seconds in recovered.values()),
            "laws_broken": len(broken),
            "first_broken": broken,
        }


def _limiter(town: Town, system: str) -> AccountLimiter:
    started = town.world.time.at

    def seconds(*_: object) -> float:
        return (town.world.time.at - started).total_seconds()

    return AccountLimiter(
        system,
        system,
        SHARE,
        town.store,
        lambda: town.world.time.at,
        seconds,
        _sleep(town),
        seconds,
    )


def _sleep(town: Town) -> Any:
    def sleep(seconds: float) -> None:
        town.world.time.at += timedelta(seconds=seconds)

    return sleep


def _live(town: Town, rng: random.Random, until: datetime) -> int:
    """Runs as the daemon schedules them, until the storm is over; how many there were."""
    failures, runs = 0, 0
    while town.world.time.at < until:
        for _ in range(rng.randrange(1, 4)):
            something_happens(town, rng)
        failures = _one(town, failures)
        runs += 1
    return runs


def _one(town: Town, failures: int, demand: Callable[[], None] = lambda: None) -> int:
    """One run, more `demand` on the vendors with it, and the pause until the daemon's next slot;
    failures in a row by now. What a passing failure rests is decided by the limiters alone."""
    began, schedule = town.world.time.at, ScheduleConfig()
    report = town.run()
    demand()
    now = town.world.time.at
    rested = now
    if report.error is not None:
        failures += 1
        tried = next_attempt(report.error, failures=failures, now=now, schedule=schedule)
        assert tried is not None, f"the pair was given up for {report.error!r}"
        rested = tried
    slot = began + timedelta(seconds=schedule.fast)
    town.world.time.at = max(now, rested, slot)
    return failures if report.error is not None else 0


def _recovers(town: Town, skies: Sequence[Sky]) -> dict[str, float]:
    """Seconds from the storm's end to the first ten seconds at full rate, by vendor,
    while there is more to ask for than may be asked."""
    vendors = (town.hubspot, town.salesforce)
    failures = 0
    for _ in range(MOST_RUNS):
        failures = _one(town, failures, lambda: _ask_much(vendors))
        found = {sky.system: full_rate_after(sky.served, sky.until) for sky in skies}
        if None not in found.values():
            break
    return {name: NEVER if at is None else at for name, at in found.items()}


def _ask_much(vendors: Sequence[TownVendor]) -> None:
    """As many calls as would fill several windows; none after one that is refused."""
    for vendor in vendors:
        with contextlib.suppress(LeadloopError):
            for _ in range(3 * ALLOWED):
                vendor.check()


def full_rate_after(served: Sequence[datetime], until: datetime) -> float | None:
    """Seconds from `until` to the beginning of the first ten seconds in which as many calls were
    served as may be; None when there were none such. Pure."""
    for first, last in zip(served, served[ALLOWED - 1 :], strict=False):
        if (last - first).total_seconds() <= WINDOW:
            return (first - until).total_seconds()
    return None
