"""The linkage model of the sync: the one of `matching.tables`, with its population's counts.

A table that is matched counts its own values. The sync sees a few people at a time, so its model
carries along how often values occur among those it was learned from; a pair thus weighs the same
whether it is met alone or among a million (ADR 0027).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from math import log2
from typing import Any

import numpy as np

from matching import defaults
from matching.few import Ready
from matching.normalise import Person
from matching.people import KIND_OF, Tallies, frame_of
from matching.tables.frame import Feature, Frame, Tally
from matching.tables.learning import learn
from matching.tables.mixture import Learned, compared
from matching.tables.modelfile import body_of, from_json, versioned

LEAST_PEOPLE = 50
"""People a side below which there is nothing to learn from."""
_FEWEST_PAIRS = 100
_FEWEST_MATCHES = 30.0
_KNOWN = 30
"""Rows that must know a field for its levels to be learned."""
_READABLE = frozenset({"given", "family", "middle", "employer", "title", "place"})
"""Fields whose values stand in the file as they are; others name somebody and are hashed."""


@dataclass(frozen=True)
class Model:
    """What was learned, the population's counts, and how the numbers came about.

    `version` names the content: equal models have equal versions.
    """

    learned: Learned
    tallies: Tallies = field(default_factory=dict)
    trained: Mapping[str, Any] = field(default_factory=dict)

    @property
    def prior(self) -> float:
        """Log2 odds that two records taken at random are one person's."""
        return log2(self.learned.match)

    @property
    def version(self) -> str:
        """A short name of the content."""
        return str(self._file["version"])

    def to_json(self) -> dict[str, Any]:
        """Readable JSON; `from_json` is its inverse."""
        return {**self._file, "trained": dict(self.trained)}

    @cached_property
    def _file(self) -> dict[str, Any]:
        body = body_of(KIND_OF, self.learned)
        spread = {
            name: {part: _as_json(tally) for part, tally in parts.items()}
            for name, parts in self.tallies.items()
        }
        return versioned({**body, "frequencies": spread})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Model:
        """The model `to_json` wrote. Raises ValueError when it is not one of this release's."""
        learned = from_json(data)
        if set(learned.m) != set(KIND_OF):
            raise ValueError("not a model file of the sync: its fields are other ones")
        try:
            tallies = {
                name: {part: _read(one) for part, one in parts.items()}
                for name, parts in data["frequencies"].items()
            }
            return cls(learned, tallies, dict(data["trained"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a model file: {error!r}") from error

    def frame(self, people: Sequence[Person]) -> Frame:
        """People as this model compares them, values counted as often as in its population."""
        return frame_of(people, len(people), self._looked_up)

    @cached_property
    def ready(self) -> Ready:
        """The model laid out for one pair at a time."""
        return Ready(self.learned, self._looked_up)

    @cached_property
    def _looked_up(self) -> Tallies:
        return {
            name: {
                part: tally
                if name in _READABLE
                else replace(tally, counts=_Concealed(tally.counts))
                for part, tally in parts.items()
            }
            for name, parts in self.tallies.items()
        }


class _Concealed(Mapping[str, int]):
    """Counts by hashed value, looked up by the value itself."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = counts

    def __getitem__(self, value: str) -> int:
        return self._counts[concealed(value)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)


def concealed(value: str) -> str:
    """A value that names somebody, as the file has it."""
    return blake2b(value.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _tallies(frame: Frame) -> Tallies:
    return {
        f.name: {part: _tallied(f, part) for part in f.kind.parts or ("",)} for f in frame.features
    }


def _tallied(feature: Feature, part: str) -> Tally:
    tally = feature.tally(part)
    if feature.name in _READABLE:
        return tally
    return replace(tally, counts={concealed(v): n for v, n in tally.counts.items()})


def _as_json(tally: Tally) -> dict[str, Any]:
    return {"rows": tally.rows, "shared": tally.shared, "counts": dict(tally.counts)}


def _read(data: Mapping[str, Any]) -> Tally:
    counts = {str(value): int(number) for value, number in data["counts"].items()}
    return Tally(int(data["rows"]), float(data["shared"]), counts)


def default_model() -> Model:
    """The model before anything was learned: cautious prior, general m and u, no counts."""
    return Model(defaults.learned())


def train(
    left: Sequence[Person],
    right: Sequence[Person],
    pairs: Sequence[tuple[int, int]],
    *,
    answers: Mapping[tuple[int, int], bool] | None = None,
    seed: int = 1,
) -> Model:
    """A model learned without labels from the user's own people.

    `pairs` are blocked candidates (left[i], right[j]); `answers` are what people decided of some
    of them. The same input and seed give the same model. Where there is too little to learn from
    the result is `default_model()`.
    """
    if min(len(left), len(right)) < LEAST_PEOPLE or len(pairs) < _FEWEST_PAIRS:
        return default_model()
    frame = frame_of([*left, *right], len(left))
    one, other = np.array(sorted(set(pairs)), dtype=np.int64).T
    candidates = compared(frame, one, other + len(left))
    known = {
        at: bool((answers or {})[pair])
        for at, pair in enumerate(zip(one.tolist(), other.tolist(), strict=True))
        if pair in (answers or {})
    }
    learned = learn(frame, candidates, answers=known, seed=seed)
    expected = learned.match * frame.pairs
    if expected < _FEWEST_MATCHES:
        return default_model()
    return Model(
        _completed(frame, learned),
        _tallies(frame),
        {
            "people": [len(left), len(right)],
            "pairs": len(candidates),
            "expected_matches": round(expected, 1),
            "answers": len(known),
            "seed": seed,
        },
    )


def _completed(frame: Frame, learned: Learned) -> Learned:
    """The model with the defaults where next to nobody had the field: it may come yet."""
    start = defaults.learned()
    bare = {f.name for f in frame.features if int((f.rows >= 0).sum()) < _KNOWN}
    return replace(
        learned,
        m={name: start.m[name] if name in bare else m for name, m in learned.m.items()},
        u={name: start.u[name] if name in bare else u for name, u in learned.u.items()},
        near={
            who: {
                name: start.near.get(who, start.m)[name] if name in bare else shares
                for name, shares in free.items()
            }
            for who, free in learned.near.items()
        },
    )
