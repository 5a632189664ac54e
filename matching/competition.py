"""Different incoming people who want one record: the clearly better one gets it, else nobody.

Two incoming contacts of one and the same person do not compete: both are linked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np

from matching.judgement import SAME, Judgement, Pool, judge, two_people
from matching.scores import bits
from matching.scoring import score

MARGIN = 6.64
"""Bits (100 to 1) by which a claim must be better to take a record from another."""
_AGAINST = -2.0
_ROUNDS = 4
_CROWD = 40


def compete(pool: Pool, judgements: Mapping[str, Judgement]) -> dict[str, Judgement]:
    """The judgements with every contested record settled."""
    settled = dict(judgements)
    barred: dict[str, frozenset[str]] = {}
    for _ in range(_ROUNDS):
        claims = _claims(settled.values())
        rivals = _Rivals(pool, claims, settled)
        changed = _settle_links(pool, settled, claims, rivals, barred)
        changed |= _settle_reviews(pool, settled, rivals, barred)
        if not changed:
            return settled
    for keys in _claims(settled.values()).values():  # still contested: a person decides
        if not _Rivals(pool, {"": keys}, settled).all_one(keys):
            for key in keys:
                settled[key] = _to_review(settled[key])
    return settled


def _claims(judgements: Iterable[Judgement]) -> dict[str, list[str]]:
    """Incoming people by the record they would be linked to, contested records only."""
    claims: dict[str, list[str]] = {}
    for judged in judgements:
        if judged.verdict == "link":
            for target in judged.targets:
                claims.setdefault(target, []).append(judged.incoming)
    return {target: sorted(keys) for target, keys in sorted(claims.items())}


class _Rivals:
    """Scores of incoming people who want the same record against one another."""

    def __init__(
        self, pool: Pool, claims: Mapping[str, Sequence[str]], settled: Mapping[str, Judgement]
    ) -> None:
        self.pool = pool
        self.settled = settled
        self.claims = claims
        couples = {couple for keys in claims.values() for couple in combinations(keys[:_CROWD], 2)}
        for judged in settled.values():
            if judged.verdict == "review":
                for target in judged.targets:
                    couples |= {
                        (min(judged.incoming, one), max(judged.incoming, one))
                        for one in claims.get(target, ())[:_CROWD]
                    }
        self.totals = _between(pool, sorted(couples))

    def total(self, one: str, other: str) -> float:
        """Log2 odds that two incoming people are one; rivals in a crowd count as different."""
        return self.totals.get((min(one, other), max(one, other)), self.pool.model.prior)

    def one_person(self, one: str, other: str) -> bool:
        """Whether two claims go together: one person, or two identifiers nothing speaks against."""
        total = self.total(one, other)
        if total >= SAME:
            return True
        exact = {"exact_email", "exact_phone"}
        both_exact = {self.settled[one].reason, self.settled[other].reason} <= exact
        return both_exact and total - self.pool.model.prior >= _AGAINST

    def all_one(self, keys: Sequence[str]) -> bool:
        """Whether all claims go together, directly or through one another."""
        return len(self.clusters(keys)) == 1

    def clusters(self, keys: Sequence[str]) -> list[list[str]]:
        """Claims that go together."""
        groups: list[list[str]] = []
        for key in keys:
            near = [g for g in groups if any(self.one_person(key, other) for other in g)]
            groups = [g for g in groups if g not in near]
            groups.append([key, *(other for g in near for other in g)])
        return groups


def _between(pool: Pool, couples: Sequence[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """Log2 odds that two incoming people are one, for each couple."""
    if not couples:
        return {}
    scored = score(
        [pool.incoming[one] for one, _ in couples],
        [pool.incoming[other] for _, other in couples],
        pool.model,
    )
    # Birth dates that contradict are two people's, whatever else they share.
    born_apart = [scored.born_apart(row) for row in range(len(couples))]
    totals = two_people(scored, pool.model.prior)
    totals = np.where(born_apart, np.minimum(totals, pool.model.prior), totals)
    return dict(zip(couples, totals.tolist(), strict=True))


def _settle_links(
    pool: Pool,
    settled: dict[str, Judgement],
    claims: Mapping[str, Sequence[str]],
    rivals: _Rivals,
    barred: dict[str, frozenset[str]],
) -> bool:
    updates: dict[str, Judgement] = {}
    for target, keys in claims.items():
        clusters = rivals.clusters(keys) if len(keys) > 1 else []
        if len(clusters) < 2:  # noqa: PLR2004 - nobody to compete with
            continue
        clusters.sort(key=lambda group: -max(settled[key].weight for key in group))
        first, second = (max(settled[k].weight for k in group) for group in clusters[:2])
        if first - second < MARGIN:
            updates |= {key: _to_review(settled[key]) for key in keys}
            continue
        for loser in (key for group in clusters[1:] for key in group):
            near = max(rivals.total(loser, winner) for winner in clusters[0])
            updates[loser] = _again(pool, loser, {target}, barred, near)
    settled.update(updates)
    return bool(updates)


def _settle_reviews(
    pool: Pool,
    settled: dict[str, Judgement],
    rivals: _Rivals,
    barred: dict[str, frozenset[str]],
) -> bool:
    """Take from a doubtful judgement the records that clearly are somebody else's."""
    owners = _claims(settled.values())
    updates = {}
    for key, judged in settled.items():
        if judged.verdict != "review" or judged.reason == "contradiction":
            continue
        lost, near = set(), pool.model.prior
        for row in pool.rows.get(key, ()):
            target = pool.candidate(row).key
            for owner in owners.get(target, ()):
                better = settled[owner].weight - float(pool.totals[row]) >= MARGIN
                if better and rivals.total(key, owner) < SAME and owner != key:
                    lost.add(target)
                    near = max(near, rivals.total(key, owner))
        lost -= barred.get(key, frozenset())
        if lost:
            updates[key] = _again(pool, key, lost, barred, near)
    settled.update(updates)
    return bool(updates)


def _again(
    pool: Pool, key: str, lost: set[str], barred: dict[str, frozenset[str]], near: float
) -> Judgement:
    """Judge without the lost records. Where the loser may be the winner's second contact, a
    person is asked rather than a new record made.
    """
    barred[key] = barred.get(key, frozenset()) | lost
    judged = judge(pool, key, barred[key])
    if judged.verdict == "none" and near >= bits(pool.review):
        return _to_review(judge(pool, key, frozenset()))
    return judged


def _to_review(judged: Judgement) -> Judgement:
    return Judgement(
        judged.incoming,
        "review",
        judged.targets,
        judged.probability,
        judged.weight,
        "ambiguous",
        judged.posteriors,
    )
