"""The journal stage: what was planned becomes intents, in the same transaction that takes the
golden record off the work list. From here on nothing is lost: a killed run leaves intents that
the next one finds.

A follow-up (outcomes of a record that is only now being created) is planned so that people see
it, and journaled by the next round, when the vendor has told what the new record looks like.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from state import events, identity, outbox
from state.outbox import Intent
from state.store import Tx, chunks
from sync.conflicts import ask
from sync.crash import crashpoint
from sync.guard import Verdict
from sync.overtaken import close_left
from sync.pair import Pair
from sync.plan import Planned, rejection_letter
from sync.plan_people import EntityPlan
from sync.shadows import agree

CHUNK = 200


@dataclass(frozen=True, slots=True)
class Journaled:
    """What was journaled: intents, refusals of fields, golden records that wait."""

    intents: int
    refused_fields: int
    waiting: int


def journal(pair: Pair, run_id: str, planned: Planned, verdict: Verdict) -> Journaled:
    """Journal every allowed intent, settle what needs no write, take the work off the list."""
    held = verdict.held
    totals: Counter[str] = Counter()
    for batch in chunks(planned.plans, CHUNK):
        with pair.store.begin() as tx:
            totals.update(_journal(tx, run_id, batch, held))
        crashpoint("after_intents")
        pair.progress.report("journal", totals["intents"], None)
    return Journaled(totals["intents"], totals["refused"], totals["waiting"])


def _journal(
    tx: Tx, run_id: str, plans: Sequence[EntityPlan], held: frozenset[str]
) -> Counter[str]:
    kept = _merged(
        [
            intent
            for plan in plans
            for intent in plan.intents
            if intent.key not in held
            and intent.depends_on not in held
            and not intent.details.get("follow_up")
        ]
    )
    known = outbox.results(tx, [intent.key for intent in kept])
    afresh = ("rejected", "undone")
    outbox.reopen(tx, [k for k, s in known.items() if s.status in afresh], afresh=True)
    outbox.reopen(tx, [k for k, s in known.items() if s.status == "dropped"])
    outbox.carry(tx, [i for i in kept if i.key in known and known[i.key].status != "ok"])
    outbox.journal(tx, run_id, kept)
    for intent in kept:
        done = known.get(intent.key)
        for word, ids in intent.details.get("events", {}).items():
            finished = done is not None and done.status == "ok"
            events.dispose(tx, run_id, ids, word if finished else "journaled")
    for plan in plans:
        for word, ids in plan.events.items():
            events.dispose(tx, run_id, ids, word)
    _agree(tx, run_id, plans)
    close_left(tx, run_id, plans)
    refused = _bury(tx, run_id, plans)
    ask(tx, run_id, plans)
    waits = {p.entity_id for p in plans if any(i.key in held for i in p.intents)}
    stay = waits | {plan.entity_id for plan in plans if plan.stays}
    identity.finish_work(tx, [p.entity_id for p in plans if p.entity_id not in stay])
    return Counter(intents=len(kept), refused=refused, waiting=len(waits))


def _merged(intents: Sequence[Intent]) -> list[Intent]:
    """Intents of one key are one write that carries the events of all of them."""
    found: dict[str, Intent] = {}
    for intent in intents:
        before = found.get(intent.key)
        if before is not None:
            carried = {w: list(ids) for w, ids in before.details.get("events", {}).items()}
            for word, ids in intent.details.get("events", {}).items():
                carried[word] = sorted({*carried.get(word, []), *ids})
            intent = replace(intent, details={**intent.details, "events": carried})  # noqa: PLW2901
        found[intent.key] = intent
    return list(found.values())


def _agree(tx: Tx, run_id: str, plans: Sequence[EntityPlan]) -> None:
    """Keep what is agreed already; fields about to be written keep their old merge base until
    their write is done, so that a lost or refused write never looks like a first agreement."""
    agreed = {
        (plan.entity_id, plan.bond): {name: list(pair) for name, pair in plan.agreed.items()}
        for plan in plans
        if plan.agreed
    }
    agree(tx, run_id, agreed)


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
