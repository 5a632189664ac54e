"""What the nightly reconciliation came to, for reports, metrics and alerts. Reads the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from state import census
from state.store import Tx

FIGURES = (
    *("found", "landed", "recent", "aside"),
    *("fetched", "edits", "kept_out", "left", "gone"),
)
"""What is counted of a stream: what the vendor has (`found`), and of that what had landed before,
what is too young to be missed, what is set aside as rubbish, what was missing and is fetched now,
what had landed before its last edit, what may not be kept, what could not be fetched; and what is
here although the vendor has it no longer."""
MISSED = ("fetched", "edits", "left", "error")


def adds_up(result: Mapping[str, Any]) -> bool:
    """Whether a stream's count found nothing that had been missed. Pure.

    Records that are gone are no fault of the pull: some deletions no vendor tells.
    """
    return not any(result.get(word) for word in MISSED)


def counted_of(tx: Tx) -> list[dict[str, Any]]:
    """Each stream's last whole count: `name`, when it ended (`at`), the figures, whether it
    `adds_up`, the `error` that kept it from being counted, and the first `names` of what is left.
    `under_way` says that it is being counted. Streams never counted are left out."""
    return [
        {
            "name": f"{count.system}:{count.stream}",
            "at": count.done_at,
            "under_way": count.began_at is not None,
            **{figure: int(count.result.get(figure) or 0) for figure in FIGURES},
            "adds_up": adds_up(count.result),
            "error": count.result.get("error"),
            "names": list(count.result.get("names") or ()),
        }
        for count in census.counts(tx)
        if count.result is not None
    ]
