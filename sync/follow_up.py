"""What a run's own writes bring about is planned again in that run (ADR 0007): outcomes of records
it has created, and what people changed on records while they were being written.

The guard has let those writes through, and with them what follows for the same people. It has not
seen whoever an earlier run had left in the middle of something: what else is true of them by now
(a mass edit, a stage they have reached since) is the guard's to see first. For them nothing follows
but what a record is told of its counterpart; all else stays on the work list for the plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from mappings.records import Operation
from state import runs
from state.outbox import Intent
from sync.apply import Applied, apply
from sync.approvals import lane_of, mapping_subject
from sync.blocks import Blocks
from sync.guard import Verdict
from sync.journal import journal
from sync.pair import Pair
from sync.plan import FOLLOW_UPS, Planned, plan
from sync.plan_people import EntityPlan

ROUNDS = 3
"""Times a run plans again what its own writes, or people meanwhile, have moved."""
CONSEQUENCES = {"link_key", "outcome"}
"""Rules by which a record says what its counterpart is and how it stands: no decision of a run."""


def follow_up(
    pair: Pair, run_id: str, blocks: Blocks, *, unseen: Collection[str] | None
) -> list[Applied]:
    """Write what follows, until nothing does. `unseen` are golden records that this run's guard has
    not judged; None stands for all of them.

    Under a mapping nobody has approved, what a killed run left waits for the guard like anything
    else.
    """
    applied: list[Applied] = []
    with pair.store.read() as tx:
        if not runs.approved(tx, mapping_subject(pair.mapping.hash)):
            return applied
    for _ in range(ROUNDS):
        if blocks.blind or blocks.stopped:
            break
        planned = plan(pair, lane=lane_of(pair), reasons=FOLLOW_UPS)
        going = Planned()
        going.add(_following(planned.plans, unseen))
        journaled = journal(pair, run_id, going, Verdict())
        if not journaled.intents:
            break
        applied.append(apply(pair, run_id, blocks))
    return applied


def _following(plans: Iterable[EntityPlan], unseen: Collection[str] | None) -> Iterator[EntityPlan]:
    """The plans as far as they may be carried out before the guard has seen them."""
    for one in plans:
        if unseen is None or one.entity_id in unseen:
            own = tuple(intent for intent in one.intents if is_consequence(intent))
            yield EntityPlan(one.entity_id, own, stays=True)
        else:
            yield one


def is_consequence(intent: Intent) -> bool:
    """Whether a write only tells a record what its counterpart is and how that stands."""
    rules = {change["rule"] for change in intent.details.get("changes", ())}
    return intent.operation is Operation.UPDATE and bool(rules) and rules <= CONSEQUENCES
