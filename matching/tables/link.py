"""Match two tables, or dedupe one: the whole way in one call, without labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    comparison, else both are recognised. A `model` is used as it is, but for the share of matches.
    Raises NothingToCompareError where the tables have no comparable field.
    """
    fields = lay_out(left, right, skip=frozenset(skip), roles=roles, kinds=kinds)
    frame = build(left, right, fields)
    if not frame.features:
        raise NothingToCompareError
    candidates = propose(frame)
    pairs = compared(frame, candidates.one, candidates.other)
    learned = learn(frame, pairs, seed=seed) if model is None else reprior(frame, model, pairs)
    weighed = weigh(frame, learned, pairs)
    decided = decide(frame, learned, (candidates.one, candidates.other), weighed.total, link=link)
    return Matched(fields, frame, candidates, pairs, learned, weighed, decided)


class NothingToCompareError(ValueError):
    """The tables have no field in common that says anything."""


def decisions(
    decided: Decided, *, review: float = REVIEW
) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """`link`, `review` or "" for each decided pair."""
    asked = np.where(decided.probability >= review, "review", "")
    return np.where(decided.link, "link", asked)
