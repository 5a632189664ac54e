"""What a pair's mapping has been approved for: to be applied at all, and to be everyday work."""

from __future__ import annotations

from mappings.ports import Lane
from state import runs
from sync.pair import Pair


def mapping_subject(mapping_hash: str) -> str:
    """What a person's approval of the mapping of this hash is kept under."""
    return f"mapping:{mapping_hash}"


def live_subject(mapping_hash: str) -> str:
    """What is kept under once the first run of this mapping is through."""
    return f"live:{mapping_hash}"


def lane_of(pair: Pair) -> Lane:
    """Backfill until the first run of this mapping is through, then the everyday lane."""
    with pair.store.read() as tx:
        live = runs.approved(tx, live_subject(pair.mapping.hash))
    return Lane.INCREMENTAL if live else Lane.BACKFILL
