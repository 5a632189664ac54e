"""The journal stage: what was planned becomes intents, in the same transaction that takes the
golden record off the work list. From here on nothing is lost: a killed run leaves intents that
the next one finds.

A follow-up (outcomes of a record that is only now being created) is planned so that people see
it, and journaled by the next round, when the vendor has told what the new record looks like.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from state import events, identity, outbox
from state.outbox import Settlement, StoredIntent
from state.store import Tx, chunks
from sync.crash import crashpoint
from sync.guard import Verdict
from sync.pair import Pair
from sync.plan import Planned, rejection_letter
from sync.plan_people import EntityPlan

CHUNK = 200


@dataclass(frozen=True, slots=True)
class Journaled:
    """What was journaled: intents, refusals of fields, golden records that wait."""

    intents: int
    refused_fields: int
    waiting: int


def journal(pair: Pair, run_id: str, planned: Planned, verdict: Verdict) -> Journaled:
    """Journal every allowed intent, settle what needs no write, take the work off the list."""
    held = {intent.key for intent in verdict.held}
    totals: Counter[str] = Counter()
    for batch in chunks(planned.plans, CHUNK):
        with pair.store.begin() as tx:
            totals.update(_journal(tx, run_id, batch, held))
        crashpoint("after_intents")
        pair.progress.report("journal", totals["intents"], None)
    return Journaled(totals["intents"], totals["refused"], totals["waiting"])


def _journal(tx: Tx, run_id: str, plans: Sequence[EntityPlan], held: set[str]) -> Counter[str]:
    kept = [
        intent
        for plan in plans
        for intent in plan.intents
        if intent.key not in held
        and intent.depends_on not in held
        and not intent.details.get("follow_up")
    ]
    known = outbox.results(tx, [intent.key for intent in kept])
    _reopen(tx, known)
    outbox.journal(tx, run_id, kept)
    for intent in kept:
        done = known.get(intent.key)
        word = "delivered" if done is not None and done.status == "ok" else "journaled"
        carried = intent.details.get("events", {})
        events.dispose(tx, run_id, [i for ids in carried.values() for i in ids], word)
    for plan in plans:
        for word, ids in plan.events.items():
            events.dispose(tx, run_id, ids, word)
    identity.store_shadows(
        tx,
        run_id,
        {
            (plan.entity_id, plan.bond): {key: list(pair) for key, pair in plan.agreed.items()}
            for plan in plans
            if plan.agreed
        },
    )
    refused = _bury(tx, run_id, plans)
    waits = {p.entity_id for p in plans if any(i.key in held for i in p.intents)}
    identity.finish_work(tx, [p.entity_id for p in plans if p.entity_id not in waits])
    return Counter(intents=len(kept), refused=refused, waiting=len(waits))


def _reopen(tx: Tx, known: Mapping[str, StoredIntent]) -> None:
    """A change that was refused or dropped before is wanted again: send it again."""
    again = [key for key, stored in known.items() if stored.status in {"rejected", "dropped"}]
    outbox.settle(tx, [Settlement(key, "open") for key in again])


def _bury(tx: Tx, run_id: str, plans: Sequence[EntityPlan]) -> int:
    """Dead letters for fields that cannot be written; one that is there already stays as it is."""
    letters = {
        str(letter["fingerprint"]): letter
        for plan in plans
        for letter in (rejection_letter(plan.entity_id, r) for r in plan.rejections)
    }
    there = outbox.dead_fingerprints(tx, letters)
    fresh = [letter for fingerprint, letter in letters.items() if fingerprint not in there]
    outbox.bury(tx, run_id, fresh)
    return len(fresh)
