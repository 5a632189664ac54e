"""The daemon's metrics, in Prometheus' text format. Labels are pairs, systems, streams and
states only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from mappings.errors import LeadloopError
from sync.counted import FIGURES
from sync.wiring import utc_now

Standings = Sequence[dict[str, Any]]
READABLE = "1 while the state answers; at 0 nothing else is told of it."

SECONDS = (0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
"""Upper ends of the buckets of run durations."""


class Metrics:
    """What this process counts, and what the state tells at each scrape.

    `standings` gives every pair's status (`sync.pair_status`), read when asked; `now` is the
    business clock. A state that cannot be read is a metric too: `leadloop_state_ok` is 0 and
    what this process counts is told all the same.
    """

    def __init__(
        self, standings: Callable[[], Standings], now: Callable[[], datetime] = utc_now
    ) -> None:
        self._registry = CollectorRegistry()
        self._runs = Counter(
            "leadloop_runs", "Runs since the start.", ["pair", "kind", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "leadloop_run_seconds", "How long runs took.", ["pair", "kind"], buckets=SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self._registry.register(_Standings(standings, now))

    def ran(self, pair: str, kind: str, status: str, seconds: float) -> None:
        """A run has ended."""
        self._runs.labels(pair, kind, status).inc()
        self._seconds.labels(pair, kind).observe(seconds)

    def text(self) -> bytes:
        """Everything, in the text format."""
        return generate_latest(self._registry)


class _Standings:
    """Gauges read from the state when they are asked for."""

    def __init__(self, standings: Callable[[], Standings], now: Callable[[], datetime]) -> None:
        self._standings, self._now = standings, now

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not read the state."""
        return []

    def collect(self) -> Iterable[Metric]:
        """One family for each figure; where the state cannot be read, that alone."""
        try:
            stands = self._standings()
        except LeadloopError:
            yield GaugeMetricFamily("leadloop_state_ok", READABLE, 0)
            return
        yield GaugeMetricFamily("leadloop_state_ok", READABLE, 1)
        yield _gauge("lag_seconds", "Since the last run that went through.", stands, "lag_seconds")
        yield _gauge("stale", "1 when the lag is over twice the schedule.", stands, "stale")
        yield _gauge("review_items", "Waiting for a person.", stands, "review")
        yield _gauge("dead_letters", "Refused and not replayed.", stands, "dead_letters")
        yield _gauge("inbox_pending", "Pulled and not yet decided.", stands, "inbox_pending")
        yield _gauge("commands", "Asked of the daemon and not over.", stands, "commands")
        yield from _writes(stands, self._now())
        yield from _accounts(stands)
        yield _counted(stands)
        yield from _lifecycle(stands)


def _writes(stands: Standings, now: datetime) -> Iterable[Metric]:
    """Writes not settled, by state and age; those not sent, by lane, and the oldest's age."""
    intents = _family("open_intents", "Writes not settled.", "state", "age")
    waiting = _family("deferred", "Writes not sent yet.", "system", "lane", "why")
    oldest = _family("deferred_seconds", "Since the oldest was planned.", "system", "lane")
    for one in stands:
        for status, ages in one["open_by_age"].items():
            for age, count in ages.items():
                intents.add_metric([one["pair"], status, age], count)
        for row in one["deferred"]:
            names = [one["pair"], row["system"], row["lane"]]
            waiting.add_metric([*names, row["why"] or ""], row["count"])
            oldest.add_metric(names, max(0.0, (now - row["oldest_at"]).total_seconds()))
    return intents, waiting, oldest


def _accounts(stands: Standings) -> Iterable[Metric]:
    """Calls left of the vendor's day and of our share of it, failures, and the circuit."""
    left = _family("quota_left", "Calls left of the vendor's day.", "system")
    ours = _family("quota_left_ours", "Calls left of our share of it.", "system")
    failures = _family("vendor_failures", "Calls that failed in a row.", "system")
    circuit = _family(
        "circuit", "1 for the state the account is in: ok, parked, open.", "system", "state"
    )
    for one in stands:
        for quota in one["quota"]:
            names = [one["pair"], quota["system"]]
            if quota["daily_limit"] is not None and quota["daily_used"] is not None:
                left.add_metric(names, quota["daily_limit"] - quota["daily_used"])
                ours.add_metric(names, quota["our_left"])
            failures.add_metric(names, quota["failures"])
            circuit.add_metric([*names, quota["circuit"]], 1)
    return left, ours, failures, circuit


def _counted(stands: Standings) -> Metric:
    """What the last nightly count of each stream came to."""
    counted = _family(
        "counted", "What the last nightly count of a stream came to.", "stream", "figure"
    )
    for one in stands:
        for stream in one["counted"]:
            for figure in FIGURES:
                counted.add_metric([one["pair"], stream["name"], figure], stream[figure])
    return counted


def _lifecycle(stands: Standings) -> Iterable[Metric]:
    """People by stage of the contract; handoffs under way, and those with a broken promise."""
    people = _family("stage_people", "People at a stage of the contract.", "lifecycle", "stage")
    handoffs = _family("handoffs", "Handoffs under way.", "status")
    breached = _family("handoffs_breached", "Those under way of which a promise was broken.")
    for one in stands:
        for lifecycle, stages in one["stages"].items():
            for stage, count in stages.items():
                people.add_metric([one["pair"], lifecycle, stage], count)
        for status, count in one["handoffs"].items():
            if status == "breached":
                breached.add_metric([one["pair"]], count)
            else:
                handoffs.add_metric([one["pair"], status], count)
    return people, handoffs, breached


def _family(name: str, what: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"leadloop_{name}", what, labels=["pair", *labels])


def _gauge(name: str, what: str, stands: Standings, key: str) -> Metric:
    family = _family(name, what)
    for one in stands:
        if one[key] is not None:
            family.add_metric([one["pair"]], one[key])
    return family
