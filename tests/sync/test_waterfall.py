"""What a decision shows adds up, whoever shows it: `match --why`, `review show`, `explain`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.table_pen import TableWorld
from benchmarks.table_shapes import parish_books, pay_lists, small
from benchmarks.table_worlds import households
from matching.linker import Candidate, Decision, Thresholds, decide
from matching.tables.link import match
from state.reviews import StoredDecision
from sync.match_report import Report
from sync.waterfall import adds_up, candidate_as_json, decision_as_json
from tests.matching.worlds import blocked, business, learn

_NOW = datetime(2026, 1, 5, tzinfo=UTC)


def _odds(shown: dict[str, Any]) -> float:
    """The probability that the steps of a candidate end at."""
    return float(1.0 / (1.0 + 2.0 ** -shown["waterfall"][-1]["total"]))


@pytest.mark.parametrize(
    "world",
    [small(60), households(60), pay_lists(150), parish_books(120, link=True)],
    ids=lambda world: world.name,
)
def test_any_two_rows_add_up(world: TableWorld) -> None:
    """For links, questions and rows that are nobody's, deduped or linked, rivals and clusters
    included: prior, levels, frequencies and the rest come to the posterior shown."""
    ids = [*world.left["id"], *(world.right or {"id": []})["id"]]
    report = Report(match(world.left, world.right, skip=["id"]), ids)
    decided = report.matched.decided
    for at in range(0, len(decided.one), max(len(decided.one) // 300, 1)):
        one, other = ids[int(decided.one[at])], ids[int(decided.other[at])]
        why = report.why(one, other)
        [candidate] = why["candidates"]
        assert adds_up(candidate)
        shown = candidate_as_json(candidate)
        assert _odds(shown) == pytest.approx(why["probability"], abs=1e-5)
        assert why["probability"] == pytest.approx(float(decided.probability[at]), abs=1e-6)


def test_any_decision_adds_up() -> None:
    """Every candidate of every decision of a business world comes to the posterior shown, as it is
    and as it is read back; among them those that lost their record to somebody else."""
    world = business(400, seed=9)
    blocks = blocked(world.crm, world.incoming)
    candidates = {key: [Candidate(c, world.crm[c]) for c in found] for key, found in blocks.items()}
    made = decide(
        world.incoming, candidates, model=learn(world, blocks), thresholds=Thresholds(0.99, 0.5)
    )
    verdicts = {one.verdict for one in made}
    assert {"link", "none"} <= verdicts
    moved = 0
    for one in made:
        for candidate, shown in zip(
            one.evidence["candidates"], decision_as_json(_stored(one))["candidates"], strict=True
        ):
            assert adds_up(candidate)
            assert _odds(shown) == pytest.approx(shown["posterior"], abs=1e-5)
            moved += candidate["rivals"] != 0
    assert moved > 10


def _stored(one: Decision) -> StoredDecision:
    return StoredDecision(
        id=1,
        subject=one.incoming,
        verdict=one.verdict,
        targets=one.targets,
        probability=one.probability,
        weight=one.weight,
        reason=one.reason,
        model_version="m",
        evidence=one.evidence,
        at=_NOW,
        run_id="r",
    )
