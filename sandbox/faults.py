"""Faults that a harness asks the sandbox to make.

A fault names a system, a kind and how often it strikes. The transport kinds (latency, lost_reply,
cut_body) are played by the shared middleware of `sandbox.server`; the others are drawn inside
each vendor's package, where their vendor-shaped answers live. Strikes are decided by a seeded
generator, so that the same requests in the same order meet the same faults.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

SYSTEMS = ("hubspot", "salesforce")
KINDS = (
    "latency",
    "rate_limit",
    "daily_limit",
    "error_before",
    "error_after",
    "lost_reply",
    "cut_body",
    "lock_row",
    "partial_batch",
    "expire_session",
    "search_lag",
    "late_commit",
)
_KEYS = frozenset({"system", "kind", "rate", "match", "calls", "seconds", "value"})


@dataclass(frozen=True)
class Fault:
    """One fault as asked for.

    `rate` is the share of matching requests it strikes (0..1). `match` is a regular expression
    searched in the request path (None: every path). `value` is a number whose meaning the kind
    gives: seconds of latency, of lag, of lateness, of waiting; an HTTP status for errors.
    """

    id: str
    system: str
    kind: str
    rate: float
    match: re.Pattern[str] | None
    value: float | None


@dataclass
class _Armed:
    fault: Fault
    calls_left: int | None
    expires: float | None
    struck: int = field(default=0)


class Faults:
    """The faults in force, in the order they were added; the first that strikes wins.

    `seconds` are real seconds of `monotonic`, not the virtual clock's, so that a harness which
    lets a day pass does not end its own fault by doing so.
    """

    def __init__(self, *, seed: int = 1, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._random = random.Random(seed)
        self._monotonic = monotonic
        self._armed: list[_Armed] = []
        self._next_id = 1

    def add(self, definition: Mapping[str, object]) -> Fault:
        """Arm a fault from its JSON form and return it.

        Keys: system, kind (required), rate (default 1), match, value, and `calls` (strikes this
        many times, then is gone) or `seconds`. Raises ValueError with what is wrong.
        """
        fault = _parse(definition, f"fault-{self._next_id}")
        calls = _number(definition, "calls")
        seconds = _number(definition, "seconds")
        self._next_id += 1
        self._armed.append(
            _Armed(
                fault=fault,
                calls_left=None if calls is None else int(calls),
                expires=None if seconds is None else self._monotonic() + seconds,
            )
        )
        return fault

    def draw(self, system: str, kind: str, path: str) -> Fault | None:
        """The fault of `kind` that strikes this request to `path`, or None.

        Every strike uses up one of the fault's `calls`. Costs nothing while no fault is armed.
        """
        if not self._armed:
            return None
        self._expire()
        for armed in self._armed:
            fault = armed.fault
            if fault.system != system or fault.kind != kind:
                continue
            if fault.match is not None and fault.match.search(path) is None:
                continue
            if fault.rate < 1 and self._random.random() >= fault.rate:
                continue
            armed.struck += 1
            if armed.calls_left is not None:
                armed.calls_left -= 1
            return fault
        return None

    def clear(self) -> None:
        """Disarm every fault."""
        self._armed.clear()

    def list(self) -> list[dict[str, object]]:
        """The faults in force as JSON objects, with how often each has struck."""
        self._expire()
        return [_render(armed, self._monotonic()) for armed in self._armed]

    def _expire(self) -> None:
        now = self._monotonic()
        self._armed = [
            armed
            for armed in self._armed
            if (armed.calls_left is None or armed.calls_left > 0)
            and (armed.expires is None or armed.expires > now)
        ]


def _parse(definition: Mapping[str, object], fault_id: str) -> Fault:
    unknown = sorted(set(definition) - _KEYS)
    if unknown:
        message = f"unknown keys in fault: {', '.join(unknown)}"
        raise ValueError(message)
    system = _choice(definition, "system", SYSTEMS)
    kind = _choice(definition, "kind", KINDS)
    rate = _number(definition, "rate")
    if rate is not None and not 0 <= rate <= 1:
        message = "rate must lie between 0 and 1"
        raise ValueError(message)
    return Fault(
        id=fault_id,
        system=system,
        kind=kind,
        rate=1.0 if rate is None else rate,
        match=_pattern(definition.get("match")),
        value=_number(definition, "value"),
    )


def _choice(definition: Mapping[str, object], key: str, allowed: tuple[str, ...]) -> str:
    value = definition.get(key)
    if not isinstance(value, str) or value not in allowed:
        message = f"{key} must be one of: {', '.join(allowed)}"
        raise ValueError(message)
    return value


def _number(definition: Mapping[str, object], key: str) -> float | None:
    value = definition.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        message = f"{key} must be a number, zero or more"
        raise ValueError(message)
    return float(value)


def _pattern(value: object) -> re.Pattern[str] | None:
    if value is None:
        return None
    if not isinstance(value, str):
        message = "match must be a regular expression"
        raise ValueError(message)  # noqa: TRY004 - one error type for every bad definition
    try:
        return re.compile(value)
    except re.error as error:
        message = f"match is no regular expression: {error}"
        raise ValueError(message) from error


def _render(armed: _Armed, now: float) -> dict[str, object]:
    fault = armed.fault
    return {
        "id": fault.id,
        "system": fault.system,
        "kind": fault.kind,
        "rate": fault.rate,
        "match": None if fault.match is None else fault.match.pattern,
        "value": fault.value,
        "calls_left": armed.calls_left,
        "seconds_left": None if armed.expires is None else round(armed.expires - now, 3),
        "struck": armed.struck,
    }
