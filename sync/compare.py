"""What a changed mapping changes: in what it says, and on the records. Pure.

Two plans of one population are compared, one under each mapping, value by value. Samples hold
records' values and are for the terminal only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.difference import differences
from mappings.records import Json
from state.outbox import Intent

Place = tuple[str, str, str, str]
"""Golden record, side, object, field."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The values a plan would write: before and after, by place; how many writes they are in."""

    values: Mapping[Place, tuple[Json, Json]]
    writes: int


def planned_values(intents: Iterable[Intent]) -> Planned:
    """What is compared of a plan."""
    values: dict[Place, tuple[Json, Json]] = {}
    writes = 0
    for intent in intents:
        writes += 1
        for change in intent.details.get("changes", ()):
            place = (intent.entity_id, intent.side.value, intent.object, change["field"])
            values[place] = (change["before"], change["after"])
    return Planned(values, writes)


def compared(
    old: tuple[Mapping[str, Any], Planned], new: tuple[Mapping[str, Any], Planned], *, samples: int
) -> dict[str, Any]:
    """Both mappings (documents of `mapping_data`) and their plans, as JSON-able data."""
    (old_says, before), (new_says, after) = old, new
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    shown: list[dict[str, Any]] = []
    for place in sorted(before.values.keys() | after.values.keys()):
        word = _word(before.values.get(place), after.values.get(place))
        if word is None:
            continue
        own = counts.setdefault(place[1:], Counter())
        own[word] += 1
        if own[word] <= samples:
            shown.append(_sample(place, word, before.values.get(place), after.values.get(place)))
    return {
        "mapping": [one.as_dict() for one in differences(old_says, new_says)],
        "writes": {"old": before.writes, "new": after.writes},
        "fields": [_row(place, own) for place, own in sorted(counts.items())],
        "samples": shown,
    }


WORDS: Sequence[str] = ("added", "dropped", "altered")
"""Written under the new mapping alone, under the old alone, under both with another value."""


def _word(old: tuple[Json, Json] | None, new: tuple[Json, Json] | None) -> str | None:
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


def _sample(
    place: Place, word: str, old: tuple[Json, Json] | None, new: tuple[Json, Json] | None
) -> dict[str, Any]:
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
