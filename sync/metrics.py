"""The daemon's metrics, in Prometheus' text format. Labels are pairs, systems and states only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

SECONDS = (0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
"""Upper ends of the buckets of run durations."""


class Metrics:
    """What this process counts, and what the state tells at each scrape.

    `standings` gives every pair's status (`sync.pair_status`), read when asked.
    """

    def __init__(self, standings: Callable[[], Sequence[dict[str, Any]]]) -> None:
        self._registry = CollectorRegistry()
        self._runs = Counter(
            "leadloop_runs", "Runs since the start.", ["pair", "kind", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "leadloop_run_seconds", "How long runs took.", ["pair", "kind"], buckets=SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self._registry.register(_Standings(standings))

    def ran(self, pair: str, kind: str, status: str, seconds: float) -> None:
        """A run has ended."""
        self._runs.labels(pair, kind, status).inc()
        self._seconds.labels(pair, kind).observe(seconds)

    def text(self) -> bytes:
        """Everything, in the text format."""
        return generate_latest(self._registry)


class _Standings:
    """Gauges read from the state when they are asked for."""

    def __init__(self, standings: Callable[[], Sequence[dict[str, Any]]]) -> None:
        self._standings = standings

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not read the state."""
        return []

    def collect(self) -> Iterable[Metric]:
        """One family for each figure."""
        stands = self._standings()
        yield _gauge("lag_seconds", "Since the last run that went through.", stands, "lag_seconds")
        yield _gauge("review_items", "Waiting for a person.", stands, "review")
        yield _gauge("dead_letters", "Refused and not replayed.", stands, "dead_letters")
        yield _gauge("inbox_pending", "Pulled and not yet decided.", stands, "inbox_pending")
        intents = GaugeMetricFamily(
            "leadloop_open_intents", "Writes not settled.", labels=["pair", "state", "age"]
        )
        left = GaugeMetricFamily(
            "leadloop_quota_left", "Calls left of the vendor's day.", labels=["pair", "system"]
        )
        circuit = GaugeMetricFamily(
            "leadloop_circuit",
            "1 for the state the account is in: ok, parked, open.",
            labels=["pair", "system", "state"],
        )
        for one in stands:
            for status, ages in one["open_by_age"].items():
                for age, count in ages.items():
                    intents.add_metric([one["pair"], status, age], count)
            for quota in one["quota"]:
                names = [one["pair"], quota["system"]]
                if quota["daily_limit"] is not None and quota["daily_used"] is not None:
                    left.add_metric(names, quota["daily_limit"] - quota["daily_used"])
                circuit.add_metric([*names, quota["circuit"]], 1)
        yield from (intents, left, circuit)


def _gauge(name: str, what: str, stands: Sequence[dict[str, Any]], key: str) -> Metric:
    family = GaugeMetricFamily(f"leadloop_{name}", what, labels=["pair"])
    for one in stands:
        if one[key] is not None:
            family.add_metric([one["pair"]], one[key])
    return family
