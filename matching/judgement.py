"""One incoming person against their candidates: which of them it is, if any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from matching.model import Model
from matching.normalise import Person
from matching.scores import Scores, bits, probability
from matching.scoring import score
from matching.tables.evidence import rivals

if TYPE_CHECKING:
    from matching.linker import Candidate

# Assumed: one MAP contact in sixteen is a second one of a person already linked.
_TAKEN = -4.0
SAME = bits(0.9)
"""From here on two records count as one person's when they compete with one another."""
_SHOWN = 10
_COMPARED = 12
"""Plausible candidates that are compared with one another, those with the most evidence: of more,
which are namesakes by the dozen, each other one counts as somebody else."""


@dataclass(frozen=True)
class Pool:
    """Everything scored for one batch. `rows[incoming]` are the rows of its candidates."""

    incoming: Mapping[str, Person]
    pairs: Sequence[tuple[str, Candidate]]
    rows: Mapping[str, Sequence[int]]
    scored: Scores
    totals: np.ndarray[Any, np.dtype[np.float64]]
    siblings: Mapping[str, Sequence[tuple[int, int, float]]]
    model: Model
    link: float
    review: float

    @classmethod
    def build(
        cls,
        incoming: Mapping[str, Person],
        candidates: Mapping[str, Sequence[Candidate]],
        model: Model,
        link: float,
        review: float,
    ) -> Pool:
        """Score all pairs of the batch, then the plausible candidates among themselves."""
        pairs: list[tuple[str, Candidate]] = []
        rows: dict[str, list[int]] = {}
        for key in sorted(incoming):
            for candidate in sorted(candidates.get(key, ()), key=lambda one: one.key):
                rows.setdefault(key, []).append(len(pairs))
                pairs.append((key, candidate))
        scored = score([incoming[key] for key, _ in pairs], [one.person for _, one in pairs], model)
        taken = np.array([candidate.taken for _, candidate in pairs], dtype=bool)
        free = scored.identified == 0
        totals = scored.total + np.where(taken & free, _TAKEN, 0.0)
        siblings = _siblings(pairs, rows, totals, model, bits(review) - 6)
        return cls(incoming, pairs, rows, scored, totals, siblings, model, link, review)

    def candidate(self, row: int) -> Candidate:
        """The candidate of a row."""
        return self.pairs[row][1]

    def evidence(self, judged: Judgement) -> list[dict[str, Any]]:
        """The evidence on the candidates of a judgement, best first, at most ten."""
        rows = sorted(self.rows.get(judged.incoming, ()), key=self.rank)[:_SHOWN]
        found = []
        for row in rows:
            candidate = self.candidate(row)
            shown = {"key": candidate.key, **self.scored.evidence(row)}
            shown["taken"] = round(float(self.totals[row] - self.scored.total[row]), 6)
            shown["total"] = round(float(self.totals[row]), 6)
            posterior = judged.posteriors.get(candidate.key, 0.0)
            shown["posterior"] = round(posterior, 6)
            shown["rivals"] = rivals(float(self.totals[row]), posterior)
            found.append(shown)
        return found

    def rank(self, row: int) -> tuple[float, str]:
        """Sorts by evidence; the key only makes the order of equals repeatable."""
        return -float(self.totals[row]), self.candidate(row).key


@dataclass(frozen=True)
class Judgement:
    """What the evidence says of one incoming person; see `linker.Decision`."""

    incoming: str
    verdict: Literal["link", "review", "none"]
    targets: tuple[str, ...]
    probability: float
    weight: float
    reason: str
    posteriors: Mapping[str, float] = field(default_factory=dict)


def judge(pool: Pool, key: str, excluded: frozenset[str]) -> Judgement:
    """The judgement of one incoming person, some record keys left out of consideration."""
    rows = [r for r in pool.rows.get(key, ()) if pool.candidate(r).key not in excluded]
    if not rows:
        return Judgement(key, "none", (), 0.0, pool.model.prior, "no_candidate")
    groups = _groups(pool, key, rows)
    best = [max(float(pool.totals[row]) for row in group) for group in groups]
    everything = float(np.logaddexp2.reduce([0.0, *best]))
    chance = [float(np.exp2(total - everything)) for total in best]
    posteriors = {
        pool.candidate(row).key: share
        for group, share in zip(groups, chance, strict=True)
        for row in group
    }
    top = max(range(len(groups)), key=lambda i: best[i])
    verdict, reason = _verdict(pool, groups, best, chance)
    targets = () if verdict == "none" else _targets(pool, key, groups, best, verdict)
    return Judgement(key, verdict, targets, chance[top], best[top], reason, posteriors)


def _verdict(
    pool: Pool, groups: Sequence[Sequence[int]], best: Sequence[float], chance: Sequence[float]
) -> tuple[Literal["link", "review", "none"], str]:
    top = max(range(len(groups)), key=lambda i: best[i])
    row = min(groups[top], key=pool.rank)
    scored = pool.scored
    if chance[top] >= pool.link:
        if not _consistent(scored, row):
            return "review", "contradiction"
        return "link", _reason(scored, row)
    if probability(best[top]) >= pool.link:
        return "review", "ambiguous"
    if sum(chance) >= pool.review:
        return "review", "weak"
    if any(scored.exact_email(one) for group in groups for one in group):
        return "review", "contradiction"
    if any(_worth_asking(pool, one) for group in groups for one in group):
        return "review", "weak"
    return "none", "weak"


def _worth_asking(pool: Pool, row: int) -> bool:
    """Whether a record no other contact has shares so much that a person should look at it.

    A question costs less than a duplicate; what clearly is somebody else's is taken away again
    where people compete.
    """
    return not pool.candidate(row).taken and pool.scored.circumstances_alike(row)


def _consistent(scored: Scores, row: int) -> bool:
    """Whether nothing personal contradicts the link, or something as personal outweighs it.

    A birth date that differs needs both name and address to agree (a slip in the date); a name
    that differs altogether needs the birth date, and addresses that only a number tells apart need
    the birth date or a telephone number.
    """
    if scored.counted_apart(row) and not scored.exact_phone(row):
        return scored.level(row, "birth_date") == 1
    if scored.born_apart(row):
        return scored.named_alike(row) and scored.lives_alike(row)
    return not scored.names_apart(row) or scored.level(row, "birth_date") == 1


def _reason(scored: Scores, row: int) -> str:
    if scored.exact_email(row):
        return "exact_email"
    return "exact_phone" if scored.exact_phone(row) else "scored"


def _targets(
    pool: Pool,
    key: str,
    groups: Sequence[Sequence[int]],
    best: Sequence[float],
    verdict: str,
) -> tuple[str, ...]:
    if verdict == "review":  # what a person would have to choose from
        floor = bits(pool.review)
        everybody = [row for group in groups for row in group]
        rows = [row for row in everybody if pool.totals[row] >= floor]
        rows = rows or [row for row in everybody if _worth_asking(pool, row)]
        rows = rows or [min(everybody, key=pool.rank)]
        return tuple(pool.candidate(row).key for row in sorted(rows, key=pool.rank))
    top = groups[max(range(len(groups)), key=lambda i: best[i])]
    # A further record needs what a link needs, be it of the person or of a record of theirs: one
    # left out keeps its own consent and status beside the person's.
    certain = bits(pool.link)
    sure = {row for row in top if pool.totals[row] >= certain and _consistent(pool.scored, row)}
    sure.add(min(top, key=pool.rank))
    entities = {pool.candidate(row).entity for row in sure} - {None}
    sure |= {row for row in top if pool.candidate(row).entity in entities}
    edges = [edge for edge in pool.siblings.get(key, ()) if edge[2] >= certain]
    edges = [edge for edge in edges if set(edge[:2]) <= set(top)]
    while any(reached := [{one, other} - sure for one, other, _ in edges if {one, other} & sure]):
        sure = sure.union(*reached)
    return tuple(pool.candidate(row).key for row in sorted(sure, key=pool.rank))


# --- candidates that are one person -------------------------------------------------------------


def _siblings(
    pairs: Sequence[tuple[str, Candidate]],
    rows: Mapping[str, Sequence[int]],
    totals: np.ndarray[Any, np.dtype[np.float64]],
    model: Model,
    plausible: float,
) -> dict[str, list[tuple[int, int, float]]]:
    """For each incoming person the scores of plausible candidates against one another."""
    owners, couples = [], []
    for key, mine in rows.items():
        likely = _strongest([row for row in mine if totals[row] >= plausible], totals)
        for at, one in enumerate(likely):
            for other in likely[at + 1 :]:
                owners.append(key)
                couples.append((one, other))
    if not couples:
        return {}
    scored = score(
        [pairs[one][1].person for one, _ in couples],
        [pairs[other][1].person for _, other in couples],
        model,
    )
    found: dict[str, list[tuple[int, int, float]]] = {}
    totals = two_people(scored, model.prior).tolist()
    for owner, (one, other), total in zip(owners, couples, totals, strict=True):
        found.setdefault(owner, []).append((one, other, total))
    return found


def two_people(scored: Scores, prior: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The totals, of pairs whose addresses only a number tells apart no more than the prior:
    whatever else they share, a mail server's namesakes are two."""
    apart = [scored.counted_apart(row) for row in range(len(scored.total))]
    return np.where(apart, np.minimum(scored.total, prior), scored.total)


def _strongest(rows: Sequence[int], totals: np.ndarray[Any, np.dtype[np.float64]]) -> list[int]:
    """At most `_COMPARED` of the rows, those with the most evidence; of equals the earlier ones."""
    if len(rows) <= _COMPARED:
        return list(rows)
    return sorted(sorted(rows, key=lambda row: (-totals[row], row))[:_COMPARED])


def _groups(pool: Pool, key: str, rows: Sequence[int]) -> list[list[int]]:
    """Rows of one and the same person together: of one entity, or alike beyond doubt.

    Groups grow along the strongest likeness first, and never so that they would hold records
    known to belong to different people.
    """
    groups: dict[int, list[int]] = {row: [row] for row in rows}
    entities = {row: pool.candidate(row).entity for row in rows}

    def join(one: int, other: int) -> None:
        first, second = groups[one], groups[other]
        known = {entities[row] for row in (*first, *second)} - {None}
        if first is not second and len(known) < 2:  # noqa: PLR2004 - one person at most
            first.extend(second)
            for row in second:
                groups[row] = first

    for at, row in enumerate(rows):
        for other in rows[at + 1 :]:
            if entities[row] is not None and entities[row] == entities[other]:
                join(row, other)
    alike = [edge for edge in pool.siblings.get(key, ()) if edge[2] >= SAME]
    for one, other, _ in sorted(alike, key=lambda edge: (-edge[2], edge[:2])):
        if one in groups and other in groups:
            join(one, other)
    return list({id(group): sorted(group) for group in groups.values()}.values())
