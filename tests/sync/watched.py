"""People whose fields are looked at again and again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from mappings.records import Json, Record, RecordRef
from state.loop import Observation
from sync.timelines import Person


def person(status: Json, saved: datetime) -> Person:
    """Somebody whose Lead has this status, and was saved a little before."""
    ref = RecordRef("salesforce", "Lead", "00Q1")
    at = saved - timedelta(seconds=20)
    return Person("e1", (), (Record(ref, {"Status": status}, "r1", at, at),))


def seen_again(changes: Sequence[Observation], now: Json, at: datetime) -> Json:
    """A field's value at an instant, as the noted changes tell it; `now` is what it is."""
    value = now
    for change in reversed(changes):
        if change.at <= at:
            return change.after
        value = change.before
    return value
