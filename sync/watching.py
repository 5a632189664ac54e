"""Watching the fields a contract looks at: a change is written down when it is seen. Pure.

The vendors tell what a record is, not what it was. Whatever is asked about the past of a field is
answered from the changes noted here, so that a history gone through again gives what it gave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from state.loop import Observation
from sync.loop_rows import Seen
from sync.timelines import Person


def look(
    person: Person,
    names: Iterable[str],
    before: Mapping[str, Seen],
    *,
    last: datetime | None,
    now: datetime,
) -> tuple[dict[str, Seen], list[Observation]]:
    """What is seen of these fields now, and the changes since the `last` look.

    A change came when the record that has the field was last saved, where that lies between the two
    looks; else it is dated now: another record has taken the first one's place, or the field went
    with its record. A field that is looked at for the first time has no past.
    """
    seen: dict[str, Seen] = {}
    changes: list[Observation] = []
    for name in names:
        value = person.value(name)
        known = before.get(name)
        if known is None:
            seen[name] = Seen(value, now)
            continue
        seen[name] = Seen(value, known.since)
        if value != known.value:
            at = _changed_at(person, name, last, now)
            changes.append(Observation(person.entity_id, name, at, known.value, value))
    return seen, changes


def _changed_at(person: Person, name: str, last: datetime | None, now: datetime) -> datetime:
    holder = person.holder(name)
    saved = holder.modified_at if holder is not None else now
    return saved if last is not None and last < saved <= now else now
