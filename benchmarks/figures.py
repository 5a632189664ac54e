"""Figures from measurements. Pure: no clock, no network, no state.

Every function takes counts and seconds and gives JSON-able data. A figure that cannot be given
(division by zero) is None, never zero and never infinity.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

LARGEST_BATCH: Mapping[str, int] = {"hubspot": 100, "salesforce": 200}
"""Records per writing call: FACTS section 2 (batch) and section 4 (collections)."""
LARGER = {("hubspot", "associate"): 2000}
"""Operations that take more: HubSpot's associations v4 batch create (FACTS section 2)."""
ROUND_TRIP = 0.1
"""Seconds a call takes on its way in the estimate; assumed: a cloud on the same continent."""

ESTIMATE = "estimated_people_per_second_at_100_ms_a_call"

CallTree = Mapping[str, Mapping[str, Mapping[str, int]]]
"""Calls by system, method and path template, as the sandbox counts them."""
Pairs = Collection[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class WriteCount:
    """Writes of one kind: rows sent and vendor calls they took."""

    system: str
    object: str
    operation: str
    records: int
    calls: int

    @property
    def room(self) -> int:
        """Records the calls could have carried."""
        largest = LARGER.get((self.system, self.operation), LARGEST_BATCH[self.system])
        return self.calls * largest


def ratio(one: float | None, other: float | None) -> float | None:
    """How many times `other` goes into `one`."""
    if one is None or not other:
        return None
    return round(one / other, 3)


def per_second(count: int, seconds: float) -> float | None:
    """Things per second."""
    return round(count / seconds, 2) if seconds > 0 else None


def total_calls(calls: CallTree) -> dict[str, int]:
    """Calls by system."""
    return {
        system: sum(count for paths in methods.values() for count in paths.values())
        for system, methods in calls.items()
    }


def per_thousand(calls: Mapping[str, int], people: int) -> dict[str, float | None]:
    """Calls for every thousand people, by system and in all."""
    whole = {**calls, "all": sum(calls.values())}
    return {
        system: round(1000 * count / people, 2) if people else None
        for system, count in whole.items()
    }


def write_figures(writes: Sequence[WriteCount]) -> dict[str, Any]:
    """Records per writing call and their share of the largest batch: by object, system, in all.

    Every call is weighed by what it could have carried.
    """
    by_object = [
        {
            "system": one.system,
            "object": one.object,
            "operation": one.operation,
            **_filled([one]),
        }
        for one in sorted(writes, key=lambda w: (w.system, w.object, w.operation))
    ]
    by_system = {
        system: {
            "largest_batch": largest,
            **_filled([one for one in writes if one.system == system]),
        }
        for system, largest in LARGEST_BATCH.items()
    }
    return {"by_object": by_object, "by_system": by_system, "over_all": _filled(writes)}


def _filled(writes: Sequence[WriteCount]) -> dict[str, Any]:
    records, calls = sum(one.records for one in writes), sum(one.calls for one in writes)
    return {
        "records": records,
        "calls": calls,
        "records_per_call": ratio(records, calls),
        "share_of_largest_batch": ratio(records, sum(one.room for one in writes)),
    }


def speed_figures(people: int, seconds: float, calls: Mapping[str, int]) -> dict[str, Any]:
    """What a sync of so many people came to: seconds, people per second, calls.

    The estimate adds 100 ms for every call, as if one were made after the other; it is arithmetic,
    not a measurement.
    """
    return {
        "people": people,
        "seconds": round(seconds, 2),
        "people_per_second": per_second(people, seconds),
        "calls": {**calls, "all": sum(calls.values())},
        "calls_per_1000_people": per_thousand(calls, people),
        ESTIMATE: per_second(people, seconds + ROUND_TRIP * sum(calls.values())),
    }


def speed_ratios(ours: Mapping[str, Any], peer: Mapping[str, Any]) -> dict[str, Any]:
    """Ours over the peer's people per second; the peer's over our calls. Above 1 we are better."""
    mine, theirs = ours["calls_per_1000_people"], peer["calls_per_1000_people"]
    return {
        "people_per_second": ratio(ours["people_per_second"], peer["people_per_second"]),
        ESTIMATE: ratio(ours[ESTIMATE], peer[ESTIMATE]),
        "fewer_calls": {system: ratio(theirs.get(system), mine[system]) for system in mine},
    }


def quality(found: Pairs, true: Pairs) -> dict[str, Any]:
    """Precision, recall and F1 of pairs; precision is None when nothing was found."""
    right = len(set(found) & set(true))
    precision = right / len(found) if found else None
    recall = right / len(true) if true else None
    f1 = 2 * right / (len(found) + len(true)) if found or true else None
    return {
        "pairs": len(found),
        "right": right,
        "precision": _rounded(precision),
        "recall": _rounded(recall),
        "f1": _rounded(f1),
    }


def start_figures(ours: Sequence[float], bare: Sequence[float]) -> dict[str, Any]:
    """Medians in milliseconds of our start and of the bare interpreter's, and their ratio."""
    mine, python = median(ours), median(bare)
    return {
        "runs": len(ours),
        "help_ms": round(1000 * mine, 1),
        "python_ms": round(1000 * python, 1),
        "ratio": ratio(mine, python),
    }


def cycle_figures(
    streams: Mapping[str, int], calls: Mapping[str, int], written: int, seconds: float
) -> dict[str, Any]:
    """What one cycle came to. `calls_per_stream` names each stream as `system:stream`; the calls
    that belong to none (log-in, account, list of forms, writes) are `other_calls`."""
    total = sum(calls.values())
    return {
        "seconds": round(seconds, 2),
        "written": written,
        "calls": {**calls, "all": total},
        "streams": len(streams),
        "calls_per_stream": dict(sorted(streams.items())),
        "most_calls_per_stream": max(streams.values(), default=0),
        "other_calls": total - sum(streams.values()),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
