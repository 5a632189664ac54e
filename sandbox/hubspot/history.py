"""The values a property of one record has had."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.hubspot.store import Record


@dataclass(frozen=True)
class Version:
    """One value, the instant it was written (milliseconds) and by what kind of source."""

    value: str
    at: int
    source: str


def history(record: Record, name: str) -> list[Version]:
    """The versions of a property, newest first; empty where it never had a value."""
    found = []
    oldest: str | None = record.values.get(name)
    for at, source, entry in reversed(record.changes or []):
        if name in entry:
            old, new = entry[name]
            found.append(Version(new, at, source))
            oldest = old
    if oldest:
        found.append(Version(oldest, record.created, record.source))
    return found
