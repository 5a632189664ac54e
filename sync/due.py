"""Works what is due: instants at which something changes although nobody edits anything.

Each kind has one worker, which does its part in the transaction that marks the row as worked: a
killed run works it again, a finished one never. Rows that fell due during a downtime are worked
late, once, whichever way the clock jumped meanwhile; a held deletion waits no longer than it
should because the clock was set back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from state import due, identity
from state.due import Due
from state.store import Tx
from sync.crash import crashpoint
from sync.held import DELETION, end_held
from sync.pair import Pair

PLAN = "plan"
"""Plan a golden record again: its answer changes at this instant (`sync.plan` and its rules say
which: a recontact date, a service level)."""
KEPT_FOR = timedelta(days=30)
"""How long worked rows are remembered: longer than any clock is wrong."""
PAGE = 1000

Worker = Callable[[Pair, Tx, Sequence[Due]], None]


def _plan(_pair: Pair, tx: Tx, rows: Sequence[Due]) -> None:
    """Whoever is no longer known has nothing to be planned."""
    identity.add_work(tx, identity.entities(tx, [row.subject for row in rows]), "due")


WORKERS: Mapping[str, Worker] = {PLAN: _plan, DELETION: end_held}
"""Who works which kind of row."""


def work_due(pair: Pair) -> Counter[str]:
    """Work every row whose instant has come; how many, by kind."""
    told: Counter[str] = Counter()
    while True:
        with pair.store.begin() as tx:
            furthest = {DELETION: pair.hold_deletions}
            rows = due.due(tx, kinds=list(WORKERS), limit=PAGE, furthest=furthest)
            if not rows:
                due.forget(tx, tx.now - KEPT_FOR)
                break
            for kind, worker in WORKERS.items():
                own = [row for row in rows if row.kind == kind]
                worker(pair, tx, own)
                told[kind] += len(own)
            due.done(tx, rows)
        crashpoint("after_due")
    crashpoint("after_due")
    return +told
