"""Match two tables, or dedupe one: the whole way in one call, without labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from matching.tables.build import build
from matching.tables.candidates import Candidates, propose
from matching.tables.engines import Engine
from matching.tables.frame import Frame
from matching.tables.layout import Columns, Field, lay_out
from matching.tables.learning import learn, reprior
from matching.tables.mixture import Floats, Learned, compared, weigh
from matching.tables.resolve import Decided, decide
from matching.tables.values import Index

LINK = 0.5
"""Profile `balanced`: linked from here on, after resolution."""
REVIEW = 0.05
"""From here on a pair is worth a person's look."""
ENOUGH = 500_000
"""Candidates that are all learned from; of more a random share is, half as many."""
_PIECE = 250_000
"""Pairs compared at a time where there are more than are learned from."""
_HOPELESS = -20.0
"""Bits below which a pair is let go of there: nothing makes a link of a millionth."""


@dataclass(frozen=True)
class Matched:
    """Everything one call found out; rows count through left and then right.

    Where there are very many candidates, `decided` has only those that could matter.
    """

    fields: tuple[Field, ...]
    frame: Frame
    candidates: Candidates
    learned: Learned
    decided: Decided


def match(
    left: Columns,
    right: Columns | None = None,
    *,
    skip: Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
    kinds: Mapping[str, str] | None = None,
    model: Learned | None = None,
    engine: Engine | None = None,
    link: float = LINK,
    enough: int = ENOUGH,
    seed: int = 1,
) -> Matched:
    """Each right row linked onto the left ones; without `right` the left table deduped.

    `skip` names columns never compared; `roles` and `kinds` tell columns' meaning and kind of
    comparison, else both are recognised. A `model` is used as it is, but for the share of matches;
    what it knows of fields the tables lack counts for nothing. Up to `enough` candidates are all
    learned from; more are compared a piece at a time, and memory does not grow with their number.
    An `engine` weighs the candidates elsewhere, to the same figures.
    Raises NothingToCompareError where the tables have no comparable field, ModelMismatchError where
    the model lacks one or has it of another kind.
    """
    fields = lay_out(left, right, skip=frozenset(skip), roles=roles, kinds=kinds)
    frame = build(left, right, fields)
    del left, right  # a caller that keeps no table of its own has the memory back
    if not frame.features:
        raise NothingToCompareError
    if model is not None:
        model = _fitted(model, frame)
    candidates = propose(frame)
    sample, share = _sampled(candidates, enough, seed)
    pairs = compared(frame, *sample)
    if model is None:
        learned = learn(frame, pairs, share=share, seed=seed)
    else:
        learned = reprior(frame, model, pairs, share=share)
    if engine is not None:
        weighed = _elsewhere(engine, frame, learned, candidates, all_of_them=share == 1.0)
    elif share < 1.0:
        weighed = _weighed(frame, learned, candidates)
    else:
        weighed = (*sample, weigh(frame, learned, pairs).total)
    decided = decide(frame, learned, weighed[:2], weighed[2], link=link)
    return Matched(fields, frame, candidates, learned, decided)


def _sampled(candidates: Candidates, enough: int, seed: int) -> tuple[tuple[Index, Index], float]:
    """Enough candidates to learn from, and their share of all."""
    one, other = candidates.one, candidates.other
    if len(candidates) <= enough:
        return (one, other), 1.0
    share = enough / 2 / len(candidates)
    chosen = np.random.default_rng(seed).random(len(one)) < share
    return (one[chosen], other[chosen]), share


def _weighed(frame: Frame, learned: Learned, candidates: Candidates) -> tuple[Index, Index, Floats]:
    """The candidates that could matter with their weights, a piece at a time: memory does not grow
    with how many there are."""
    found: list[tuple[Index, Index, Floats]] = []
    for start in range(0, len(candidates), _PIECE):
        numbers = candidates.numbers[start : start + _PIECE]
        one, other = numbers // frame.total, numbers % frame.total
        total = weigh(frame, learned, compared(frame, one, other)).total
        kept = total >= _HOPELESS
        found.append((one[kept], other[kept], total[kept]))
    one, other, total = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return one, other, total


def _elsewhere(
    engine: Engine, frame: Frame, learned: Learned, candidates: Candidates, *, all_of_them: bool
) -> tuple[Index, Index, Floats]:
    """The same from an engine; of very many those that could matter."""
    one, other, total = engine.weigh(frame, learned, candidates.one, candidates.other)
    kept = np.full(len(total), all_of_them) | (total >= _HOPELESS)
    return one[kept], other[kept], total[kept]


def _fitted(model: Learned, frame: Frame) -> Learned:
    """The model without the fields that the frame lacks."""
    for feature in frame.features:
        if feature.name not in model.m:
            raise ModelMismatchError(f"the model has no field `{feature.name}`")
        if len(model.m[feature.name]) != len(feature.kind.levels):
            raise ModelMismatchError(
                f"the model compares `{feature.name}` otherwise than as {feature.kind.name}"
            )
    names = [feature.name for feature in frame.features]
    near = {
        who: {name: shares for name, shares in free.items() if name in names}
        for who, free in model.near.items()
    }
    near = {who: free for who, free in near.items() if 0 < len(free) < len(names)}
    return replace(
        model,
        m={name: model.m[name] for name in names},
        u={name: model.u[name] for name in names},
        near=near,
        odds={who: model.odds[who] for who in near},
    )


class NothingToCompareError(ValueError):
    """The tables have no field in common that says anything."""


class ModelMismatchError(ValueError):
    """A model was learned on other fields than the tables have."""


def decisions(
    decided: Decided, *, review: float = REVIEW
) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """`link`, `review` or "" for each decided pair."""
    asked = np.where(decided.probability >= review, "review", "")
    return np.where(decided.link, "link", asked)
