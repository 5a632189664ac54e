"""Which stream is due when (BEHAVIOURS, Quota: 60 s, 15 min, nightly)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

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
        (Cadence.NIGHTLY, timedelta(hours=19), True, False),
        (Cadence.NIGHTLY, timedelta(hours=20), False, True),
    ],
)
def test_a_stream_is_due_by_its_cadence(
    cadence: Cadence, age: timedelta, everything: bool, due: bool
) -> None:
    """Fast streams are always due, the others when their last full read is old enough."""
    spec = StreamSpec("s", "contacts", cadence)
    assert is_due(spec, NOW - age, NOW, everything=everything) is due


@pytest.mark.parametrize("cadence", list(Cadence))
def test_a_stream_never_read_is_due(cadence: Cadence) -> None:
    """Whatever its cadence, a stream that was never read to its end is read now."""
    assert is_due(StreamSpec("s", None, cadence), None, NOW, everything=False)


def test_form_streams_wait_for_a_conversion() -> None:
    """The fields whose movement makes other streams due are collected from the streams."""
    specs = [
        StreamSpec("contacts", "contacts", Cadence.FAST),
        StreamSpec("form:1", None, Cadence.QUARTER, "recent_conversion_date"),
        StreamSpec("form:2", None, Cadence.QUARTER, "recent_conversion_date"),
    ]
    assert triggers(specs) == {"recent_conversion_date"}
