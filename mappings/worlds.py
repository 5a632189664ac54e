"""Whether conditions of a contract can hold at all, or together: by trying possible worlds.

A condition compares names with what it writes out, so that few values of each name matter: those
written out, those just beside them, and one that is none of them. All combinations are tried, up
to `LIMIT`. A world that is found is a proof and is shown to people. That none is found proves
something only where the search was complete (`Search.complete`): no more combinations than the
limit, nothing computed, one window a kind of event.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from math import prod
from typing import Any

from mappings.cel import without_quotes
from mappings.criteria import Compiled, Facts, dates_in, literals_in, spans_in
from mappings.fieldmap import ValueType

LIMIT = 2_000
"""Worlds that are tried; with 10 stages that is well under a second."""

_NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
_OTHER = "something else"
_SECOND = timedelta(seconds=1)
_MOST = 50
"""Happenings of one kind that a world has at most."""
_NUMBER = re.compile(r"(?<![\w.])[0-9]+\.[0-9]+")
_WHOLE = re.compile(r"(?<![\w.])[0-9]+(?![\w.])")
_ABOUT = re.compile(r"count\s*\(\s*[a-z_.]+\s*,\s*\"([^\"]*)\"")
_COMPUTED = re.compile(r"[+*/%-]|\.\w+\s*\(|\bsize\s*\(")


@dataclass(frozen=True, slots=True)
class Search:
    """A world in which all conditions hold, or None; `complete` says that there is none then."""

    world: Facts | None
    complete: bool

    @property
    def impossible(self) -> bool:
        """Whether the conditions certainly never hold together."""
        return self.world is None and self.complete


def search(conditions: Sequence[Compiled]) -> Search:
    """Look for a world in which all of these hold."""
    text = "\n".join(condition.text for condition in conditions)
    names = {name: type_ for c in conditions for name, type_ in c.names.items()}
    domains = {name: _domain(name, type_, text) for name, type_ in sorted(names.items())}
    if "stage.since" in text:
        domains["stage.since"] = _moments(text)
    count = prod(len(domain) for domain in domains.values())
    for values in _combinations(list(domains.values()), count):
        world = _world(dict(zip(domains, values, strict=True)))
        if all(condition.holds(world) for condition in conditions):
            return Search(world, complete=True)
    return Search(None, complete=count <= LIMIT and not _is_beyond_us(text))


def describe(world: Facts) -> str:
    """A world in words, for messages: what is so in it, without what is blank."""
    said = [f"{name} = {_shown(v)}" for name, v in world.fields.items() if v not in ("", None)]
    for group, all_ in (("events", world.events), ("deals", world.deals)):
        said += [f"{len(h)} of {group}.{kind}" for kind, h in all_.items() if h]
    said += [f"reached.{stage}" for stage in sorted(world.reached)]
    return ", ".join(said) or "everything blank"


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _is_beyond_us(text: str) -> bool:
    bare = re.sub(r"\bnow\s*-", "now", without_quotes(text))
    bare = re.sub(r"(?<=[0-9])-(?=[0-9])", "", bare)
    return bool(_COMPUTED.search(bare)) or len(spans_in(text)) > 2 or bool(_ABOUT.search(text))  # noqa: PLR2004 - zero and one window


def _combinations(domains: Sequence[Sequence[Any]], count: int) -> Iterator[tuple[Any, ...]]:
    """All of them, or as many as the limit allows, drawn the same way every time."""
    if count <= LIMIT:
        yield from product(*domains)
        return
    draw = random.Random(0)  # a sample, no secret
    for _ in range(LIMIT):
        yield tuple(draw.choice(domain) for domain in domains)


def _domain(name: str, type_: ValueType, text: str) -> list[Any]:
    if name.startswith(("events.", "deals.")):
        return _happenings(text)
    if name.startswith("reached.") or type_ is ValueType.BOOLEAN:
        return [False, True]
    if type_ in {ValueType.NUMBER, ValueType.CURRENCY}:
        return [None, *_around([float(n) for n in _NUMBER.findall(without_quotes(text))])]
    if type_ is ValueType.DATETIME:
        return _moments(text)
    if type_ is ValueType.DATE:
        days = {_NOW.date(), *dates_in(text)}
        near = {day + timedelta(days=k) for day in days for k in (-1, 0, 1)}
        return ["", *(day.isoformat() for day in sorted(near))]
    return list(dict.fromkeys(["", *literals_in(text), _OTHER]))


def _around(numbers: Sequence[float]) -> list[float]:
    """The numbers, one between each two, and one beyond either end."""
    known = sorted(set(numbers)) or [0.0]
    between = [(a + b) / 2 for a, b in pairwise(known)]
    return sorted([known[0] - 1, *known, *between, known[-1] + 1])


def _moments(text: str) -> list[datetime | None]:
    edges = [_NOW - span for span in spans_in(text)]
    edges += [datetime(d.year, d.month, d.day, tzinfo=UTC) for d in dates_in(text)]
    return [None, *sorted({edge + k * _SECOND for edge in edges for k in (-1, 0, 1)})]


def _happenings(text: str) -> list[tuple[tuple[datetime, str], ...]]:
    """Lists of so many happenings, all within or all just beyond a window, about one thing."""
    bare = re.sub(r"\b(days|hours)\s*\([^)]*\)", "", without_quotes(text))
    edges = {min(int(n), _MOST) for n in _WHOLE.findall(bare)}
    counts = sorted({max(0, n + k) for n in edges | {0} for k in (-1, 0, 1)})
    spans = spans_in(text)
    ages = [max(_SECOND, span - _SECOND) for span in spans[1:]] + [spans[-1] + _SECOND]
    abouts = list(dict.fromkeys([*_ABOUT.findall(text), ""]))
    lists = [
        ((_NOW - age, about),) * count
        for count, age, about in product(counts, ages, abouts)
        if count
    ]
    return [(), *dict.fromkeys(lists)]


def _world(values: Mapping[str, Any]) -> Facts:
    parts: dict[str, dict[str, Any]] = {"events": {}, "deals": {}, "reached": {}, "stage": {}}
    fields: dict[str, Any] = {}
    for name, value in values.items():
        group, _, rest = name.partition(".")
        parts[group].update({rest: value}) if group in parts else fields.update({name: value})
    return Facts(
        now=_NOW,
        fields=fields,
        events=parts["events"],
        deals=parts["deals"],
        reached=frozenset(stage for stage, reached in parts["reached"].items() if reached),
        stage_since=parts["stage"].get("since"),
    )
