"""The clock, the faults and the call counts the sandbox is built on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sandbox.calls import Calls
from sandbox.clock import VirtualClock, from_ms, iso, to_ms
from sandbox.faults import KINDS, Faults

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Stopwatch:
    """Monotonic seconds that move only when told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        """Seconds, as told."""
        return self.seconds


def test_clock_runs_at_real_speed_from_where_it_was_set() -> None:
    """The clock goes on by itself, and moving it adds to that."""
    stopwatch = Stopwatch()
    clock = VirtualClock(NOON, monotonic=stopwatch)
    stopwatch.seconds += 2.5
    assert clock.now() == NOON + timedelta(seconds=2.5)
    clock.move(3600)
    assert clock.now() == NOON + timedelta(hours=1, seconds=2.5)
    clock.set(datetime(2026, 3, 2, 13, tzinfo=timezone(timedelta(hours=1))))
    assert clock.now() == NOON
    assert clock.now().tzinfo == UTC


def test_clock_shows_whole_milliseconds() -> None:
    """Instants are truncated to milliseconds and survive the way to a number and back."""
    stopwatch = Stopwatch()
    clock = VirtualClock(NOON, monotonic=stopwatch)
    stopwatch.seconds += 0.0019
    assert clock.now().microsecond == 1000
    assert from_ms(clock.now_ms()) == clock.now()
    assert to_ms(NOON) == 1_772_452_800_000
    assert iso(clock.now()) == "2026-03-02T12:00:00.001Z"


def test_small_steps_of_the_clock_add_up() -> None:
    """A hundred steps of a tenth of a millisecond are ten milliseconds, not none."""
    stopwatch = Stopwatch()
    clock = VirtualClock(NOON, monotonic=stopwatch)
    stopwatch.seconds += 0.0005
    for _ in range(100):
        clock.move(0.0001)
    assert clock.now() == NOON + timedelta(milliseconds=10)


def test_clock_refuses_a_time_without_zone() -> None:
    """A naive datetime is a guess and is refused."""
    clock = VirtualClock(NOON)
    with pytest.raises(ValueError, match="time zone"):
        clock.set(datetime(2026, 3, 2))  # noqa: DTZ001 - the point of the test


def test_fault_strikes_only_its_system_kind_and_path() -> None:
    """A fault strikes the requests it names and no others."""
    faults = Faults()
    fault = faults.add({"system": "hubspot", "kind": "latency", "match": "/batch/", "value": 2})
    assert faults.draw("hubspot", "latency", "/crm/v3/objects/contacts/batch/read") == fault
    assert faults.draw("hubspot", "latency", "/crm/v3/objects/contacts") is None
    assert faults.draw("salesforce", "latency", "/batch/") is None
    assert faults.draw("hubspot", "cut_body", "/batch/") is None
    assert fault.value == 2.0


def test_fault_is_gone_after_its_calls() -> None:
    """`calls: 2` strikes twice and is then no longer listed."""
    faults = Faults()
    faults.add({"system": "salesforce", "kind": "lock_row", "calls": 2})
    struck = [faults.draw("salesforce", "lock_row", "/x") is not None for _ in range(4)]
    assert struck == [True, True, False, False]
    assert faults.list() == []


def test_fault_expires_after_its_seconds() -> None:
    """`seconds: 5` holds for five real seconds."""
    stopwatch = Stopwatch()
    faults = Faults(monotonic=stopwatch)
    faults.add({"system": "hubspot", "kind": "error_before", "seconds": 5})
    stopwatch.seconds += 4.9
    assert faults.draw("hubspot", "error_before", "/") is not None
    stopwatch.seconds += 0.2
    assert faults.draw("hubspot", "error_before", "/") is None


def test_rate_is_a_share_and_repeatable() -> None:
    """A rate of 0.3 strikes about three in ten, the same ones for the same seed."""

    def strikes(seed: int) -> list[bool]:
        faults = Faults(seed=seed)
        faults.add({"system": "hubspot", "kind": "rate_limit", "rate": 0.3})
        return [faults.draw("hubspot", "rate_limit", "/") is not None for _ in range(1000)]

    assert 240 < sum(strikes(1)) < 360
    assert strikes(1) == strikes(1)
    assert strikes(1) != strikes(2)


@pytest.mark.parametrize(
    ("definition", "says"),
    [
        ({"system": "marketo", "kind": "latency"}, "system must be one of"),
        ({"system": "hubspot", "kind": "gremlin"}, "kind must be one of"),
        ({"system": "hubspot", "kind": "latency", "rate": 1.5}, "between 0 and 1"),
        ({"system": "hubspot", "kind": "latency", "match": "("}, "no regular expression"),
        ({"system": "hubspot", "kind": "latency", "calls": "two"}, "calls must be a number"),
        ({"system": "hubspot", "kind": "latency", "colour": "red"}, "unknown keys"),
    ],
)
def test_bad_fault_says_what_is_wrong(definition: dict[str, object], says: str) -> None:
    """A definition that means nothing is refused with the reason and arms nothing."""
    faults = Faults()
    with pytest.raises(ValueError, match=says):
        faults.add(definition)
    assert faults.list() == []


def test_every_kind_can_be_armed_and_cleared() -> None:
    """All twelve kinds of the design are taken, listed and cleared."""
    faults = Faults()
    for kind in KINDS:
        faults.add({"system": "hubspot", "kind": kind})
    assert [row["kind"] for row in faults.list()] == list(KINDS)
    assert len(KINDS) == 12
    faults.clear()
    assert faults.list() == []


def test_calls_are_counted_by_system_method_and_template() -> None:
    """Counts form a tree, add up, and start anew after a reset."""
    calls = Calls()
    record: Callable[[str, str, str], None] = calls.record
    record("hubspot", "GET", "/crm/v3/objects/{object_type}")
    record("hubspot", "GET", "/crm/v3/objects/{object_type}")
    record("salesforce", "POST", "/services/oauth2/token")
    assert calls.counts() == {
        "hubspot": {"GET": {"/crm/v3/objects/{object_type}": 2}},
        "salesforce": {"POST": {"/services/oauth2/token": 1}},
    }
    assert (calls.total("hubspot"), calls.total()) == (2, 3)
    calls.reset()
    assert calls.counts() == {}
