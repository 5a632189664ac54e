"""What becomes of one row of a write by how it ended: the retry policy of the outbox. Pure.

| Outcome | Error | What becomes of the row |
|---|---|---|
| ok | | done |
| rejected | | dead letter: a person corrects the cause and replays |
| unknown | | looked up by its key before anything is sent again |
| retry | one system cannot be used (`PASSING`) | open, and its side rests: it was never sent |
| retry | anything else (row lock, concurrent upsert) | open: sent again later, `TRIES` times |

What may pass is not sent again by the run that met it: the connector has waited for as long as a
call may, and a lock that outlasts that is somebody's long transaction. The next run sends it; from
the third on the pauses double (`pause_before`). A row that is worn out becomes a dead letter too,
with the last answer as its cause. Rejections of a whole run are watched by the poison brake:
`Rejections`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from connectors.base import DuplicateFoundError
from mappings.errors import PASSING, LeadloopError, RecordRejectedError
from mappings.ports import Lane
from mappings.records import Operation, Outcome, OutcomeStatus
from state.outbox import Intent, StoredIntent
from sync.config import GuardConfig

TRIES = 12
"""Runs that send one row before it becomes a dead letter: retry only what can change. With the
pauses between them that is a matter of hours."""
CONSENT_TRIES = 300
"""The same for an opt-out: a day of them (law 7)."""
AT_ONCE = 2
"""Runs after which the next one may send the row again, whenever it comes."""
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=30)
LONGEST_CONSENT_PAUSE = timedelta(minutes=5)
JITTER = 0.25
"""Share by which a pause is stretched, differently for each row: they do not come back as one."""


@dataclass(frozen=True, slots=True)
class Fate:
    """The intent's status from now on, whether this was an attempt, what rests its side, whether
    the row waits for a later run."""

    status: str
    attempt: bool = True
    rests: LeadloopError | None = None
    later: bool = False


def fate_of(outcome: Outcome) -> Fate:
    """What becomes of a row that ended so."""
    if outcome.status is OutcomeStatus.OK:
        return Fate("ok")
    if outcome.status is OutcomeStatus.REJECTED:
        return Fate("rejected")
    if outcome.status is OutcomeStatus.UNKNOWN:
        return Fate("unknown")
    if isinstance(outcome.error, PASSING):
        return Fate("open", attempt=False, rests=outcome.error)
    return Fate("open", later=True)


def pause_before(intent: Intent, attempts: int) -> timedelta:
    """How long a row waits that has been sent in vain by so many runs.

    The stretch follows from the row's key: as good as chance between rows, and the same again.
    """
    if attempts <= AT_ONCE:
        return timedelta(0)
    longest = LONGEST_CONSENT_PAUSE if intent.lane is Lane.CONSENT else LONGEST_PAUSE
    pause = min(FIRST_PAUSE * 2.0 ** (attempts - AT_ONCE - 1), longest)
    return pause * (1.0 + JITTER * zlib.crc32(intent.key.encode()) / 2**32)


def is_worn_out(stored: StoredIntent) -> bool:
    """Whether a row has been sent as often as makes sense."""
    tries = CONSENT_TRIES if stored.intent.lane is Lane.CONSENT else TRIES
    return stored.attempts >= tries


def given_up(stored: StoredIntent) -> Outcome:
    """The last word on a row that is worn out: the vendor's last answer is its cause."""
    cause = str((stored.error or {}).get("code") or "no answer")
    error = RecordRejectedError(
        f"the vendor did not take this row in {stored.attempts} attempts; the last one ended as "
        f"{cause}",
        code="record.gave_up",
        system=stored.intent.system,
        object=stored.intent.object,
        field=(stored.error or {}).get("field"),
        remedy="Look at the record at the vendor (locked, or held by a concurrent process?), then "
        "`leadloop replay`.",
    )
    return Outcome(stored.intent.key, OutcomeStatus.REJECTED, error=error)


@dataclass(frozen=True, slots=True)
class Rejections:
    """How a run's rows fared so far: what the poison brake goes by."""

    settled: int = 0
    rejected: int = 0
    streak: int = 0
    longest: int = 0

    def seen(self, rows: Iterable[tuple[Intent, Outcome]]) -> Rejections:
        """With these rows as well, in the order they were sent. Rows without an outcome yet do not
        count, nor does an update that a duplicate rule of the CRM blocks: it becomes a merge
        proposal, and says nothing about the run (BEHAVIOURS, Duplicate rules).
        """
        settled, rejected, streak, longest = (
            self.settled, self.rejected, self.streak, self.longest
        )  # fmt: skip
        for intent, outcome in rows:
            if outcome.status is OutcomeStatus.OK:
                settled, streak = settled + 1, 0
            elif outcome.status is OutcomeStatus.REJECTED and not _is_blocked(intent, outcome):
                settled, rejected, streak = settled + 1, rejected + 1, streak + 1
                longest = max(longest, streak)
        return Rejections(settled, rejected, streak, longest)

    def exceed(self, limits: GuardConfig) -> bool:
        """Whether these are too many: in a row, or as a share of what was settled. Up to `floor`
        rejections are no share yet: the first row of a run would be all of it.
        """
        if self.longest >= limits.rejected_streak:
            return True
        return self.rejected > limits.floor and self.rejected > limits.rejected_share * self.settled


def _is_blocked(intent: Intent, outcome: Outcome) -> bool:
    return intent.operation is Operation.UPDATE and isinstance(outcome.error, DuplicateFoundError)
