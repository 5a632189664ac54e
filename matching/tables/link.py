"""Match two tables, or dedupe one: the whole way in one call, without labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from matching.tables.candidates import Candidates, propose
from matching.tables.frame import Frame, build
from matching.tables.layout import Columns, Field, lay_out
from matching.tables.learning import learn, reprior
from matching.tables.mixture import Compared, Learned, Weighed, compared, weigh
from matching.tables.resolve import Decided, decide

LINK = 0.5
"""Profile `balanced`: linked from here on, after resolution."""
REVIEW = 0.05
"""From here on a pair is worth a person's look."""


@dataclass(frozen=True)
class Matched:
    """Everything one call found out; rows count through left and then right."""

    fields: tuple[Field, ...]
    frame: Frame
    candidates: Candidates
    compared: Compared
    learned: Learned
    weighed: Weighed
    decided: Decided


def match(
    left: Columns,
    right: Columns | None = None,
    *,
    skip: Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
    kinds: Mapping[str, str] | None = None,
    model: Learned | None = None,
    link: float = LINK,
    seed: int = 1,
) -> Matched:
    """Each right row linked onto the left ones; without `right` the left table deduped.

    `skip` names columns never compared; `roles` and `kinds` tell columns' meaning and kind of
    comparison, else both are recognised. A `model` is used as it is, but for the share of matches;
    what it knows of fields the tables lack counts for nothing.
    Raises NothingToCompareError where the tables have no comparable field, ModelMismatchError where
    the model lacks one or has it of another kind.
    """
    fields = lay_out(left, right, skip=frozenset(skip), roles=roles, kinds=kinds)
    frame = build(left, right, fields)
    if not frame.features:
        raise NothingToCompareError
    if model is not None:
        model = _fitted(model, frame)
    candidates = propose(frame)
    pairs = compared(frame, candidates.one, candidates.other)
    learned = learn(frame, pairs, seed=seed) if model is None else reprior(frame, model, pairs)
    weighed = weigh(frame, learned, pairs)
    decided = decide(frame, learned, (candidates.one, candidates.other), weighed.total, link=link)
    return Matched(fields, frame, candidates, pairs, learned, weighed, decided)


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
