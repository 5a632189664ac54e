"""A linkage model learned anew, because its time has come or somebody asks, and compared before it
is used.

What counts is not by how many bits it differs but what it would decide otherwise, of the pairs it
was learned from. Within the limit of `matching.retrain_change` it is used at once; beyond it, it
waits for a person, who is told, and the model in use stays. Every learning is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from mappings.errors import LeadloopError
from matching.model import Model, default_model
from matching.scores import bits
from matching.scoring import score
from state import commands, learned
from state.store import Store, Tx
from sync import models
from sync.config import MatchingConfig
from sync.crash import crashpoint
from sync.evidence import Lesson, lesson_of, model_in_use, train_on

COMPARED = 20_000
"""Pairs both models judge; of more an even choice."""
Told = dict[str, Any]


class TooFewPeopleError(LeadloopError):
    """There is nothing to learn a model from yet."""

    exit_code = 2
    default_code = "model.too_few"
    default_remedy = "Run `leadloop sync` first; below 50 people a side the defaults are used."


class NothingWaitsError(LeadloopError):
    """A decision about a model, and none waits for one."""

    exit_code = 2
    default_code = "model.none_waiting"
    default_remedy = "`leadloop model show` shows the one in use."


@dataclass(frozen=True, slots=True)
class Difference:
    """What two models decide otherwise, of `pairs`: `decided` are links or questions to the one or
    the other; links and questions that are `new`, and those that are `gone`."""

    pairs: int
    decided: int
    new_links: int
    gone_links: int
    new_questions: int
    gone_questions: int

    @property
    def share(self) -> float:
        """The decided pairs that turn out otherwise."""
        links = self.new_links + self.gone_links
        questions = self.new_questions + self.gone_questions
        # A pair that is a question instead of a link counts once.
        return max(links, questions) / max(self.decided, 1)

    def as_json(self) -> Told:
        """Plain data."""
        return {**asdict(self), "share": round(self.share, 6)}


def differ(lesson: Lesson, before: Model, after: Model, matching: MatchingConfig) -> Difference:
    """What the second model decides otherwise, pair by pair."""
    every = sorted(lesson.pairs)
    pairs = every[:: 1 + len(every) // COMPARED]
    left = [lesson.people[one] for one, _ in pairs]
    right = [lesson.incoming[other] for _, other in pairs]
    limits = bits(matching.review), bits(min(matching.link, 1 - 1e-9))
    old, new = (
        np.digitize(score(left, right, model).total, limits) if pairs else np.zeros(0, np.int64)
        for model in (before, after)
    )
    return Difference(
        len(pairs),
        int(((old > 0) | (new > 0)).sum()),
        *(
            int(((ones == level) & (others != level)).sum())
            for level in (2, 1)
            for ones, others in ((new, old), (old, new))
        ),
    )


def retrain(
    store: Store,
    matching: MatchingConfig,
    *,
    use: bool,
    also: Callable[[Tx, Mapping[str, Any]], object] = lambda _tx, _told: None,
) -> Told | None:
    """Learn a model and say what it changes; None where there are too few people.

    With `use` it is in use from now on; without, if it may be (see above). `outcome` is `used`,
    `same` or `waiting`. `also` is called in the transaction that records it.
    """
    lesson = lesson_of(store)
    if lesson is None:
        return None
    model = train_on(lesson)
    with store.read() as tx:
        before = model_in_use(tx)
    told = compared(lesson, before or default_model(), model, matching)
    if before is not None and before.version == model.version:
        told["outcome"] = "same"
    elif use or before is None or told["decisions"]["share"] <= matching.retrain_change:
        told["outcome"] = "used"
    else:
        told["outcome"] = "waiting"
    with store.begin() as tx:
        _record(tx, model, told)
        also(tx, told)
    crashpoint("after_model")
    return told


def compared(lesson: Lesson, before: Model, after: Model, matching: MatchingConfig) -> Told:
    """Both models' names, levels that weigh otherwise, decisions that change: plain data."""
    first, second = before.to_json(), after.to_json()
    return {
        "before": {"version": before.version, "prior": models.prior(first)},
        "after": {"version": after.version, "prior": models.prior(second)},
        "changes": models.changes_as_json(models.changes(first, second)),
        "decisions": differ(lesson, before, after, matching).as_json(),
    }


def _record(tx: Tx, model: Model, told: Told) -> None:
    if told["outcome"] == "used":
        learned.use(tx, model.version, model.to_json(), told)
    elif told["outcome"] == "same":
        learned.note_same(tx, model.version, told)
    else:
        learned.propose(tx, model.version, model.to_json(), told)


def order_if_due(store: Store, matching: MatchingConfig) -> int | None:
    """Order a learning where the last one is `matching.retrain_days` ago; its number.

    None where it is not yet time, where nothing has been learned at all (the first run that links
    anybody does so), and with a `retrain_days` of 0.
    """
    with store.begin() as tx:
        last = learned.last_learned(tx)
        due = matching.retrain_days and last is not None
        if not due or last is None or tx.now - last < timedelta(days=matching.retrain_days):
            return None
        if commands.is_queued(tx, "train"):
            return None
        return commands.request(tx, "train", {"use": False, "matching": asdict(matching)})
