"""What a changed mapping changes: in what it says, and on the records.

Two plans of one population are compared, one under each mapping, value by value. The values lie in
a private table of SQLite's, in memory while they are few and beyond that in a file without a name,
which is gone with the process: plans for everybody are as large as everybody's records. Samples
hold records' values and are for the terminal only.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from mappings.difference import differences
from mappings.errors import StateError
from mappings.records import Json
from state.outbox import Intent

Place = tuple[str, str, str, str]
"""Golden record, side, object, field."""
Values = tuple[Json, Json]
"""Before and after."""

WORDS: Sequence[str] = ("added", "dropped", "altered")
"""Written under the new mapping alone, under the old alone, under both with another value."""
_TABLE = (
    "CREATE TABLE planned (entity, side, object, field, old, new, "
    "PRIMARY KEY (entity, side, object, field)) WITHOUT ROWID"
)
_ADD = (
    "INSERT INTO planned (entity, side, object, field, {0}) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET {0} = excluded.{0}"
)


def compared(
    old: tuple[Mapping[str, Any], Iterable[Intent]],
    new: tuple[Mapping[str, Any], Iterable[Intent]],
    *,
    samples: int,
) -> dict[str, Any]:
    """Both mappings (documents of `mapping_data`) and what is planned under each, as JSON-able
    data. Raises StateError (`plan.no_room`) where the values do not fit on the disk."""
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    shown: list[dict[str, Any]] = []
    with _room(), closing(sqlite3.connect("")) as table:
        table.execute(_TABLE)
        writes = {word: _keep(table, word, told[1]) for word, told in (("old", old), ("new", new))}
        for place, before, after in _places(table):
            word = _word(before, after)
            if word is None:
                continue
            own = counts.setdefault(place[1:], Counter())
            own[word] += 1
            if own[word] <= samples:
                shown.append(_sample(place, word, before, after))
    return {
        "mapping": [one.as_dict() for one in differences(old[0], new[0])],
        "writes": writes,
        "fields": [_row(place, own) for place, own in sorted(counts.items())],
        "samples": shown,
    }


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StateError(
            f"the two plans cannot be kept for comparing: {error}",
            code="plan.no_room",
            remedy="Free space in the directory for temporary files, or set SQLITE_TMPDIR to one "
            "that has some, then run the same command again.",
        ) from None


def _keep(table: sqlite3.Connection, word: str, intents: Iterable[Intent]) -> int:
    """Keep the values one plan would write; how many writes they are in."""
    writes = 0
    for intent in intents:
        writes += 1
        place = (intent.entity_id, intent.side.value, intent.object)
        table.executemany(
            _ADD.format(word),
            [
                (*place, change["field"], json.dumps([change["before"], change["after"]]))
                for change in intent.details.get("changes", ())
            ],
        )
    return writes


def _places(table: sqlite3.Connection) -> Iterator[tuple[Place, Values | None, Values | None]]:
    """Every value written under either mapping, in order of its place."""
    rows = table.execute("SELECT * FROM planned ORDER BY entity, side, object, field")
    for entity, side, object_name, field, *kept in rows:
        old, new = (None if text is None else tuple(json.loads(text)) for text in kept)
        yield (entity, side, object_name, field), old, new


def _word(old: Values | None, new: Values | None) -> str | None:
    if old is None:
        return "added"
    if new is None:
        return "dropped"
    return "altered" if old[1] != new[1] else None


def _row(place: tuple[str, str, str], counts: Counter[str]) -> dict[str, Any]:
    side, object_name, name = place
    return {
        "side": side, "object": object_name, "field": name, **{w: counts[w] for w in WORDS}
    }  # fmt: skip


def _sample(place: Place, word: str, old: Values | None, new: Values | None) -> dict[str, Any]:
    _, side, object_name, name = place
    now = (new or old or (None, None))[0]
    return {
        "side": side,
        "object": object_name,
        "field": name,
        "what": word,
        "now": now,
        "old": old[1] if old else now,
        "new": new[1] if new else now,
    }
