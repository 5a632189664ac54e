"""How dead letters are closed without a replay: resolved by a later version, or discarded.

Discarding is a person's word that a change is not to be delivered any more: nobody can place the
letter, or its refusal is right. It is recorded with the reason, it no longer counts as open, and
the change is not sent again until it becomes another one. Taking the word back opens the letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mappings.errors import LeadloopError
from state import figures, letters, outbox
from state.outbox import DISCARDED, RESOLVED, DeadLetter
from state.store import Store, Tx
from sync.crash import crashpoint

SAID = (RESOLVED, DISCARDED)
"""Statuses of letters whose closing is told."""
WRITTEN, NOTHING_LEFT = "written", "nothing_left"
"""Why a letter is resolved."""
_RESOLVED: Mapping[str, str] = {
    WRITTEN: "a later version of the record was written",
    NOTHING_LEFT: "nothing of the change is left to be written",
}


class LetterError(LeadloopError):
    """The letter cannot be closed or opened as asked; nothing was changed."""

    exit_code = 2
    default_code = "letter.impossible"
    default_remedy = "Look at it with `leadloop deadletters show ID`."


def told(letter: DeadLetter) -> str | None:
    """How the letter was closed, in words; None where its status says all there is."""
    closing = letter.closing or {}
    if letter.status == RESOLVED:
        return f"resolved by run {closing.get('run')}: {_RESOLVED[str(closing.get('why'))]}"
    if letter.status == DISCARDED:
        return f"discarded by a person: {closing.get('because')}"
    return None


def discard(store: Store, number: int, because: str) -> DeadLetter:
    """Close an open letter on a person's word. Doing it twice changes nothing. Raises LetterError
    for a letter that is not there or closed otherwise. The caller holds the state."""
    with store.begin() as tx:
        letter = _named(tx, number)
        if letter.status not in ("open", DISCARDED):
            raise LetterError(
                f"letter {number} is {letter.status} already",
                code="letter.closed",
                remedy="Nothing was changed: there is nothing left to discard.",
            )
        outbox.close_letters(tx, [number], DISCARDED, closing={"because": because})
        done = _named(tx, number)
    crashpoint("after_discard")
    return done


def take_up(store: Store, number: int) -> DeadLetter:
    """A discarded letter is open again. Doing it twice changes nothing. Raises LetterError for one
    that is not there or was never discarded. The caller holds the state."""
    with store.begin() as tx:
        letter = _named(tx, number)
        if letter.status not in ("open", DISCARDED):
            raise LetterError(
                f"letter {number} was not discarded, it is {letter.status}",
                code="letter.closed",
                remedy="Nothing was changed. `leadloop replay` is for open letters.",
            )
        letters.open_again(tx, [number])
        done = _named(tx, number)
    crashpoint("after_discard")
    return done


def _named(tx: Tx, number: int) -> DeadLetter:
    found = figures.letters(tx, [number])
    if not found:
        raise LetterError(
            f"there is no dead letter {number}",
            code="letter.unknown",
            remedy="See `leadloop deadletters --json` for the numbers.",
        )
    return found[0]


def closing_data(letter: DeadLetter) -> dict[str, Any]:
    """What discarding or taking up came to, JSON-able."""
    return {"letter": letter.id, "status": letter.status, "closing": letter.closing}
