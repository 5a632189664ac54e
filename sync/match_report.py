"""What `leadloop match` has to say: the pairs as rows, the figures as data. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from matching.tables.evidence import clusters, contributions, pair_evidence
from matching.tables.link import LINK, REVIEW, Matched, decisions
from matching.tables.modelfile import as_json
from matching.tables.quality import Truth, evaluate

HEADER = ("left_id", "right_id", "probability", "weight", "decision")
_WORST = 5
_SHOWN = 6
_PASSES = 12


@dataclass(frozen=True, slots=True)
class Report:
    """A match with the ids of its rows, left first, then right."""

    matched: Matched
    ids: Sequence[str]
    truth: Truth | None = None

    @property
    def dedupes(self) -> bool:
        """Whether one table was matched against itself."""
        return self.matched.frame.dedupes

    def header(self) -> tuple[str, ...]:
        """Columns of the pairs."""
        return (*HEADER, "cluster_id") if self.dedupes else HEADER

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The pairs linked or worth a look, in the order of the tables' rows."""
        decided, said = self.matched.decided, decisions(self.matched.decided)
        for i in np.flatnonzero(said != "").tolist():
            one, other = int(decided.one[i]), int(decided.other[i])
            row = (
                self.ids[one],
                self.ids[other],
                f"{decided.probability[i]:.6f}",
                f"{decided.weight[i]:.3f}",
                str(said[i]),
            )
            linked = self.dedupes and bool(decided.link[i])
            cluster = (self.ids[int(decided.cluster[one])] if linked else "",)
            yield row + cluster if self.dedupes else row

    def figures(self) -> dict[str, Any]:
        """Counts, blocking, fields, clusters, quality where the truth is known, the model."""
        matched = self.matched
        data: dict[str, Any] = {
            "counts": self.counts(),
            "blocking": self._blocking(),
            "fields": contributions(matched),
            "thresholds": {"link": LINK, "review": REVIEW},
            "one_to_one": matched.decided.one_to_one,
            "worst_clusters": self.worst(),
            "quality": evaluate(matched, self.truth) if self.truth is not None else None,
            "model": as_json(matched.frame, matched.learned),
        }
        return data

    def counts(self) -> dict[str, int]:
        """Rows, pairs and clusters. `duplicates` are the rows a clean table would not have."""
        frame, decided = self.matched.frame, self.matched.decided
        said = decisions(decided)
        groups = clusters(self.matched) if self.dedupes else []
        spare = sum(len(rows) - 1 for _, rows in groups)
        linked = decided.other[decided.link]
        return {
            "left": frame.left,
            "right": 0 if self.dedupes else frame.total - frame.left,
            "candidates": len(self.matched.candidates.one),
            "links": int((said == "link").sum()),
            "reviews": int((said == "review").sum()),
            "linked_right": 0 if self.dedupes else len(np.unique(linked)),
            "clusters": len(groups),
            "duplicates": spare,
        }

    def worst(self) -> list[dict[str, Any]]:
        """The clusters whose least sure pair is least sure."""
        return [
            {"ids": [self.ids[row] for row in rows[:_SHOWN]], "size": len(rows),
             "least_probability": round(least, 4)}
            for least, rows in (clusters(self.matched)[:_WORST] if self.dedupes else ())
        ]  # fmt: skip

    def _blocking(self) -> dict[str, Any]:
        frame, found = self.matched.frame, self.matched.candidates
        passes = sorted(found.passes, key=lambda one: -one.new)[:_PASSES]
        return {
            "pairs_possible": frame.pairs,
            "pairs_compared": len(found.one),
            "reduction_ratio": round(1.0 - len(found.one) / max(frame.pairs, 1), 6),
            "passes": [{"name": p.name, "pairs": p.pairs, "new": p.new} for p in passes],
        }

    def why(self, left_id: str, right_id: str) -> dict[str, Any]:
        """The evidence on two rows by their ids, as `explain` shows a decision. Raises KeyError
        with the id nobody has."""
        left = self.matched.frame.left
        ours = {key: row for row, key in enumerate(self.ids[:left])}
        theirs = ours if self.dedupes else {k: left + i for i, k in enumerate(self.ids[left:])}
        one, other = ours[left_id], theirs[right_id]
        shown = pair_evidence(self.matched, one, other)
        verdict = "link" if shown["linked"] else "none"
        if verdict == "none" and shown["posterior"] >= REVIEW:
            verdict = "review"
        return {
            "subject": right_id,
            "verdict": verdict,
            "reason": "scored",
            "probability": shown["posterior"],
            "model": as_json(self.matched.frame, self.matched.learned)["version"],
            "thresholds": {"link": LINK, "review": REVIEW},
            "candidates": [{"key": left_id, **shown}],
        }
