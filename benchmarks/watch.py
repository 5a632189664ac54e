"""What watches a run: who calls the vendors, which stage the time goes to, how much memory.

Nothing here changes what is measured. Connectors are wrapped, not patched; stages are sampled from
a thread beside the run.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import requests

from benchmarks.figures import CallTree, WriteCount, total_calls
from mappings.ports import (
    AccountInfo,
    Connector,
    FieldDefinition,
    Landed,
    ObjectSchema,
    Page,
    StreamSpec,
)
from mappings.records import Json, Outcome, Record, Version, Write

STAGES: Mapping[tuple[str, str], str] = {
    ("sync.reconcile", "reconcile"): "reconcile",
    ("sync.pull", "pull"): "pull",
    ("sync.fold", "fold"): "fold",
    ("sync.companies", "resolve_companies"): "resolve",
    ("sync.resolve", "resolve_people"): "resolve",
    ("sync.attribute", "attribute"): "attribute",
    ("sync.attribute", "fetch_unknown"): "attribute",
    ("sync.plan", "adopt_deals"): "plan",
    ("sync.plan", "plan"): "plan",
    ("sync.guard", "examine"): "guard",
    ("sync.journal", "journal"): "journal",
    ("sync.apply", "apply"): "apply",
}
"""The function that is a stage, and the stage's name; settling belongs to apply."""
OTHER = "other"
_INTERVAL = 0.01
_TIMEOUT = 60.0


class Admin:
    """The sandbox's admin endpoint."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False

    def calls(self) -> CallTree:
        """Calls since the last `reset`."""
        answer = self._session.get(f"{self._url}/calls", timeout=_TIMEOUT)
        answer.raise_for_status()
        tree: CallTree = answer.json()
        return tree

    def count(self, system: str) -> int:
        """Calls one system has received since the last `reset`."""
        return total_calls(self.calls()).get(system, 0)

    def reset(self) -> None:
        """Start counting from nothing."""
        self._session.delete(f"{self._url}/calls", timeout=_TIMEOUT).raise_for_status()

    def switch(self, **settings: object) -> None:
        """Set `rate_limits` or `search_lag`."""
        self._session.post(f"{self._url}/clock", json=settings, timeout=_TIMEOUT).raise_for_status()

    def close(self) -> None:
        """Release the connection."""
        self._session.close()


class Watched:
    """A connector that counts, for each stream and kind of write, the calls the vendor received."""

    def __init__(self, inner: Connector, admin: Admin) -> None:
        self.system = inner.system
        self.capabilities = inner.capabilities
        self.streams_read: Counter[str] = Counter()
        self._inner = inner
        self._admin = admin
        self._records: Counter[tuple[str, str]] = Counter()
        self._calls: Counter[tuple[str, str]] = Counter()

    def writes(self) -> list[WriteCount]:
        """What was written until now."""
        return [
            WriteCount(self.system, name, operation, count, self._calls[(name, operation)])
            for (name, operation), count in self._records.items()
        ]

    def check(self) -> AccountInfo:
        """As the connector."""
        return self._inner.check()

    def describe(self, object_name: str) -> ObjectSchema:
        """As the connector."""
        return self._inner.describe(object_name)

    def ensure_fields(self, definitions: Sequence[FieldDefinition]) -> list[Outcome]:
        """As the connector."""
        return self._inner.ensure_fields(definitions)

    def streams(self) -> tuple[StreamSpec, ...]:
        """As the connector."""
        return self._inner.streams()

    def changes(
        self, stream: str, since: Mapping[str, Json] | None, *, landed: Landed
    ) -> Iterator[Page]:
        """As the connector; the calls of the stream are counted when it has ended."""
        before = self._admin.count(self.system)
        yield from self._inner.changes(stream, since, landed=landed)
        self.streams_read[f"{self.system}:{stream}"] += self._admin.count(self.system) - before

    def census(self, stream: str, after: Mapping[str, Json] | None) -> Iterator[Page]:
        """As the connector."""
        return self._inner.census(stream, after)

    def fetch(self, object_name: str, ids: Sequence[str]) -> list[Record]:
        """As the connector."""
        return self._inner.fetch(object_name, ids)

    def find(self, object_name: str, field_name: str, values: Sequence[str]) -> list[Record]:
        """As the connector."""
        return self._inner.find(object_name, field_name, values)

    def versions(
        self, object_name: str, fields: Mapping[str, Sequence[str]]
    ) -> dict[tuple[str, str], tuple[Version, ...]]:
        """As the connector."""
        return self._inner.versions(object_name, fields)

    def write(self, rows: Sequence[Write]) -> list[Outcome]:
        """As the connector; rows and calls are counted by object and operation."""
        before = self._admin.count(self.system)
        outcomes = self._inner.write(rows)
        if rows:
            kind = (rows[0].object, rows[0].operation.value)
            self._records[kind] += len(rows)
            self._calls[kind] += self._admin.count(self.system) - before
        return outcomes

    def archive(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """As the connector."""
        return self._inner.archive(object_name, ids)

    def erase(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """As the connector."""
        return self._inner.erase(object_name, ids)

    def close(self) -> None:
        """As the connector."""
        self._inner.close()


class Stopwatch:
    """Wall and CPU seconds of a block, and the wall seconds of each stage within it.

    Stages are sampled every 10 ms: exact to about that times the number of stages.
    """

    def __init__(self) -> None:
        self.stages: defaultdict[str, float] = defaultdict(float)
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self._thread = threading.get_ident()
        self._done = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._started, self._cpu = time.perf_counter(), time.process_time()
        self._sampler.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.seconds = time.perf_counter() - self._started
        self.cpu_seconds = time.process_time() - self._cpu
        self._done.set()
        self._sampler.join()

    def by_stage(self) -> dict[str, float]:
        """Seconds by stage, most first."""
        ordered = sorted(self.stages.items(), key=lambda item: -item[1])
        return {name: round(seconds, 2) for name, seconds in ordered}

    def _sample(self) -> None:
        last = time.perf_counter()
        while not self._done.wait(_INTERVAL):
            frame = sys._current_frames().get(self._thread)  # noqa: SLF001 - the documented way
            now = time.perf_counter()
            self.stages[stage_of(frame)] += now - last
            last = now


def stage_of(frame: FrameType | None) -> str:
    """The stage a frame is in: the innermost function on its stack that is one."""
    while frame is not None:
        stage = STAGES.get((frame.f_globals.get("__name__", ""), frame.f_code.co_name))
        if stage is not None:
            return stage
        frame = frame.f_back
    return OTHER


def peak_rss_mib() -> float | None:
    """The most memory this process has ever held, in MiB; None where the system does not tell."""
    return _status_mib("VmHWM")


def rss_mib(pid: int | str = "self") -> float | None:
    """The memory a process holds now, in MiB; None where the system does not tell."""
    return _status_mib("VmRSS", pid)


def cpu_seconds(pid: int) -> float:
    """The processor seconds a process has taken until now; nan where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return math.nan
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _status_mib(name: str, pid: int | str = "self") -> float | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return None
    kib = next((line.split()[1] for line in status.splitlines() if line.startswith(name)), None)
    return None if kib is None else round(int(kib) / 1024, 1)


def machine() -> dict[str, Any]:
    """What it was measured on, as far as figures depend on it."""
    import platform

    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "cpus": os.cpu_count(),
        "load_at_start": None if load is None else round(load, 2),
        "python": platform.python_version(),
        "system": platform.system(),
    }
