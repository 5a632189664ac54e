"""Who is this? One decision for each incoming person, with its evidence.

`decide` scores every incoming person against their candidates, groups candidates that are one and
the same person, lets different incoming people compete for a record, and abstains where it cannot
tell. It is pure and independent of order; ids are never compared, only carried. The first
connection and a single form fill take this one path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from matching.competition import compete
from matching.judgement import Judgement, Pool, judge
from matching.model import Model
from matching.normalise import Person

Verdict = Literal["link", "review", "none"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Probabilities. From `link` on a person is linked; from `review` on a person is asked.

    A wrong link costs about a hundred times a question, hence .99; a duplicate costs more than a
    question, hence a `review` well below one half.
    """

    link: float = 0.99
    review: float = 0.04

    def __post_init__(self) -> None:
        if not 0.0 < self.review <= self.link < 1.0:
            raise ValueError("thresholds must satisfy 0 < review <= link < 1")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record the incoming person may be. `entity` is the id of the person it already belongs
    to, None if it belongs to none; `taken` says another MAP contact is linked to it already.
    """

    key: str
    person: Person
    entity: str | None = None
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for one incoming person.

    `targets` are all record keys judged to be this person, best evidence first; for a review the
    records in question. `probability` and `weight` (bits) are those of the best target.
    `reason` is exact_email, exact_phone or scored for links; ambiguous, contradiction or weak for
    reviews; weak or no_candidate for none. `evidence` is JSON-able and adds up: for each
    candidate prior + weights + frequencies + changed + near_people + identifier + taken = total,
    and total + rivals = the log2 odds of the posterior.
    """

    incoming: str
    verdict: Verdict
    targets: tuple[str, ...]
    probability: float
    weight: float
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


def decide(
    incoming: Mapping[str, Person],
    candidates: Mapping[str, Sequence[Candidate]],
    *,
    model: Model,
    thresholds: Thresholds | None = None,
) -> list[Decision]:
    """One decision for each incoming person, in the order of `incoming`.

    The decisions themselves do not depend on any order. Incoming people without an entry in
    `candidates` have none.
    """
    limits = thresholds or Thresholds()
    pool = Pool.build(incoming, candidates, model, limits.link, limits.review)
    judgements = {key: judge(pool, key, frozenset()) for key in incoming}
    settled = compete(pool, judgements)
    return [_decision(pool, settled[key], limits) for key in incoming]


def _decision(pool: Pool, judged: Judgement, limits: Thresholds) -> Decision:
    return Decision(
        incoming=judged.incoming,
        verdict=judged.verdict,
        targets=judged.targets,
        probability=judged.probability,
        weight=judged.weight,
        reason=judged.reason,
        evidence=_Evidence(pool, judged, limits),
    )


class _Evidence(Mapping[str, Any]):
    """The evidence of a decision, put together when somebody looks at it: that takes as long as
    deciding did."""

    def __init__(self, pool: Pool, judged: Judgement, limits: Thresholds) -> None:
        self._pool, self._judged, self._limits = pool, judged, limits

    def __getitem__(self, name: str) -> Any:
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    @cached_property
    def _made(self) -> dict[str, Any]:
        return {
            "model": self._pool.model.version,
            "thresholds": {"link": self._limits.link, "review": self._limits.review},
            "candidates": self._pool.evidence(self._judged),
        }
