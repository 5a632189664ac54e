"""Match evidence as a waterfall: from the prior, level by level, to what decided. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from state.reviews import StoredDecision

PARTS = (
    ("changed", "what changes together when somebody moves or takes a new job"),
    ("near_people", "people near them who would fit too"),
    ("identifier", "an exact identifier, nothing against it"),
    ("taken", "the record has a MAP contact already"),
)
"""What counts beside the comparisons: its name in the evidence, and in words."""
RIVALS = ("rivals", "who else would fit, and what else is known of them")
"""What counts beside the pair itself: from its total to the posterior."""
ROUNDING = 0.001


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `bits` is what it adds to the log2 odds, `total` what they are after it."""

    label: str
    level: str
    bits: float
    total: float


def steps(candidate: Mapping[str, Any]) -> list[Step]:
    """The steps of one candidate's evidence, the prior first; they add up to the log2 odds of its
    posterior, and all but `rivals` to the total of the pair."""
    found: list[Step] = []
    total = 0.0

    def add(label: str, level: str, bits: float) -> None:
        nonlocal total
        total += bits
        found.append(Step(label, level, bits, round(total, 6)))

    add("prior", "", float(candidate["prior"]))
    for compared in candidate["fields"]:
        add(compared["field"], compared["level"], float(compared["weight"]))
        if compared.get("frequency"):
            add(compared["field"], "how common the value is", float(compared["frequency"]))
    for name, words in (*PARTS, RIVALS):
        if candidate.get(name):
            add(name, words, float(candidate[name]))
    return found


def adds_up(candidate: Mapping[str, Any]) -> bool:
    """Whether the steps come to the total of the pair, and to the posterior that is shown."""
    end = steps(candidate)[-1].total
    pair = end - float(candidate["rivals"])
    shown = 1.0 / (1.0 + 2.0**-end)
    return (
        abs(pair - float(candidate["total"])) < ROUNDING
        and abs(shown - float(candidate["posterior"])) < ROUNDING
    )


def candidate_as_json(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """One candidate with its waterfall, JSON-able; companies are decided by rules and have the
    levels reached instead of weights."""
    if "prior" not in candidate:
        levels = {name: level for name, level in candidate.items() if name != "key"}
        return {"record": candidate["key"], "waterfall": [], "levels": levels}
    return {
        "record": candidate["key"],
        "waterfall": [
            {"label": s.label, "level": s.level, "bits": s.bits, "total": s.total}
            for s in steps(candidate)
        ],
        "total": candidate["total"],
        "posterior": candidate["posterior"],
    }


def decision_as_json(decision: StoredDecision) -> dict[str, Any]:
    """One decision with the waterfalls of its candidates, JSON-able."""
    return {
        "subject": decision.subject,
        "verdict": decision.verdict,
        "targets": list(decision.targets),
        "probability": decision.probability,
        "weight": decision.weight,
        "reason": decision.reason,
        "model": decision.model_version,
        "thresholds": decision.evidence.get("thresholds"),
        "candidates": [candidate_as_json(c) for c in decision.evidence.get("candidates", ())],
        "run_id": decision.run_id,
    }
