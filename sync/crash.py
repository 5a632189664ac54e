"""Named crash points: the places where a kill hurts most, by name, so that tests can kill there.

One stands after every transaction of the write path and around every call that writes at a
vendor; a test holds the code to that. `LEADLOOP_CRASH_AT=name` or `name:n` ends the process at
once at the n-th passage, as a kill -9 would. Within a process `watched` hands every passage to a
function, which may raise `Crash`, kill, or do what people do meanwhile. Otherwise a crash point
costs two look-ups.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

CRASHPOINTS: Mapping[str, str] = {
    "after_bind": "the state is bound to an account",
    "after_start": "the run has its row",
    "after_release": "a brake a person has given their word about is off",
    "after_due": "what was due is on the work list",
    "after_look_up": "left-over intents were looked for at the vendor, nothing is told yet",
    "after_reopen": "left-over intents may be sent again",
    "after_replan": "left-over intents are dropped, their people are to be planned anew",
    "after_count": "a page of the nightly reconciliation is counted",
    "after_land": "a page and its cursor have landed",
    "after_drift": "what has changed about the vendors' fields is stored",
    "after_catch_up": "a page of what a healed field holds is in the mirror",
    "after_reread": "records have the fields that a changed mapping reads",
    "after_queue": "some of those a changed mapping concerns are on the work list",
    "after_take_up": "everybody is on the work list under a changed mapping",
    "after_fold": "a chunk of the inbox is in the mirror and the index",
    "after_fetch": "contacts that events name have landed",
    "after_named": "CRM records that contacts name have landed",
    "after_revisit": "questions whose candidates are gone are put back",
    "after_companies": "a batch of companies is indexed or decided",
    "after_model": "a linkage model is stored",
    "after_decisions": "match decisions are stored, their links are not",
    "after_links": "a batch of groups is linked",
    "after_rest": "people without a counterpart have their golden record",
    "after_rows": "inbox rows have the word of what became of them",
    "after_attribute": "events have their person",
    "after_adopt": "opportunities have their golden record",
    "after_advance": "where a batch of people stands in the contract is kept",
    "after_intents": "a batch of plans is journaled",
    "after_approval": "the mapping counts as approved",
    "before_write": "a batch counts as being sent, nothing was sent yet",
    "after_write": "the vendor has answered, nothing is settled",
    "after_settle": "a batch is settled, not yet read back",
    "after_brake": "too many rows were refused: the pair is stopped",
    "after_drop": "intents without hope are dropped",
    "before_see": "records are read back, not yet believed",
    "after_see": "what the vendor made of our writes is in the mirror and the shadow",
    "after_alerts": "what people are told is stored, or that they were",
    "before_notice": "people are about to be told of handoffs",
    "notice_sent": "they were told, and nobody knows yet",
    "after_notice": "they were told, and that is noted",
    "after_mailing_claim": "a monthly report counts as begun, nothing was sent yet",
    "after_mailing": "a monthly report may have gone out, and nobody knows yet",
    "after_figures": "the run's figures are taken, its row is still open",
    "after_finish": "the run's row is closed",
    "after_claim": "the daemon has taken up a queued command",
    "after_command": "a command has its result",
    "after_review": "a person's decision is stored",
    "after_undo": "what an undo takes back is journaled, and a wrong link is apart",
    "after_replay": "dead letters are back on the work list",
    "after_discard": "a person has given a dead letter up, or taken that back",
    "after_tombstones": "an erased person has tombstones, everything else is still there",
    "after_listed": "the tombstones are in the list outside the state, too",
    "after_removed": "nothing is kept about the erased person",
    "after_vendors": "a vendor has deleted what it was asked to, and that is noted",
}
"""Every crash point there is, and what is true there."""

VARIABLE = "LEADLOOP_CRASH_AT"
EXIT = 137
"""What a shell reports for a process killed by SIGKILL."""

Watcher = Callable[[str], None]
_watcher: ContextVar[Watcher | None] = ContextVar("leadloop_crash_watcher", default=None)
_passed: Counter[str] = Counter()


class Crash(BaseException):
    """The end of everything, within a process: what a test raises from a crash point."""


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """While the block lasts, every crash point passed calls `watcher` with its name."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def crashpoint(name: str) -> None:
    """End the process here if the environment asks for it; tell whoever watches."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher(name)
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    point, _, number = wanted.partition(":")
    if point != name:
        return
    _passed[name] += 1
    if _passed[name] >= int(number or 1):
        os._exit(EXIT)
