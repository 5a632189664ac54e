"""Which stream is due when (BEHAVIOURS, Quota: 60 s, 15 min, nightly)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.ports import Cadence, StreamSpec
from sync.pull import is_due, triggers

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cadence", "age", "everything", "due"),
    [
        (Cadence.FAST, timedelta(seconds=1), False, True),
        (Cadence.QUARTER, timedelta(minutes=14), False, False),
        (Cadence.QUARTER, timedelta(minutes=15), False, True),
        (Cadence.QUARTER, timedelta(seconds=1), True, True),
        (Cadence.NIGHTLY, timedelta(hours=5, minutes=59), True, False),
        (Cadence.NIGHTLY, timedelta(hours=6, seconds=1), False, True),
        (Cadence.NIGHTLY, timedelta(days=30), False, True),
        (Cadence.QUARTER, -timedelta(days=365), False, True),
        (Cadence.NIGHTLY, -timedelta(days=365), False, True),
    ],
)
def test_a_stream_is_due_by_its_cadence(
    cadence: Cadence, age: timedelta, everything: bool, due: bool
) -> None:
    """Fast streams are always due, the others when their last full read is old enough, or was by
    a clock that ran ahead: at eight, what is read at two is due unless it was read since."""
    spec = StreamSpec("s", "contacts", cadence)
    assert is_due(spec, NOW - age, NOW, everything=everything, nightly=time(2)) is due


@pytest.mark.parametrize("cadence", list(Cadence))
def test_a_stream_never_read_is_due(cadence: Cadence) -> None:
    """Whatever its cadence, a stream that was never read to its end is read now."""
    assert is_due(StreamSpec("s", None, cadence), None, NOW, everything=False, nightly=time(2))


@given(
    st.times(),
    st.lists(st.timedeltas(timedelta(days=-400), timedelta(days=400)), min_size=1, max_size=20),
)
def test_a_night_is_read_once_whatever_the_clock_does(
    nightly: time, jumps: list[timedelta]
) -> None:
    """However the clock jumps, what was just read is not due again at that moment, and is due a
    day later: a night is never read twice over, and none is waited for in vain."""
    spec = StreamSpec("archived:contacts", "contacts", Cadence.NIGHTLY)
    now, completed = NOW, NOW
    for jump in jumps:
        now += jump
        if is_due(spec, completed, now, everything=False, nightly=nightly):
            completed = now
        assert not is_due(spec, completed, now, everything=False, nightly=nightly)
        later = now + timedelta(days=1)
        assert is_due(spec, completed, later, everything=False, nightly=nightly)


def test_form_streams_wait_for_a_conversion() -> None:
    """The fields whose movement makes other streams due are collected from the streams."""
    specs = [
        StreamSpec("contacts", "contacts", Cadence.FAST),
        StreamSpec("form:1", None, Cadence.QUARTER, "recent_conversion_date"),
        StreamSpec("form:2", None, Cadence.QUARTER, "recent_conversion_date"),
    ]
    assert triggers(specs) == {"recent_conversion_date"}
