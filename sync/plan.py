"""The plan stage: every golden record on the work list through its pure planner.

Reads the state, writes nothing at the vendors. What comes out is complete: every intent with its
reason, every refusal, the shadow values that are true already, what becomes of every event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mappings.fieldmap import EntityKind
from mappings.ports import Lane
from mappings.records import Operation, Record, RecordRef, Side
from mappings.required_fields import CRM_KEY, PROJECTION
from state import identity, outbox
from state.identity import NewLink
from state.outbox import Intent
from state.store import Tx
from sync.bonds import Rejection
from sync.contested import with_times
from sync.crash import crashpoint
from sync.gather import gather, load_users, opportunities_of
from sync.graves import bury, graves
from sync.intents import is_undoing
from sync.overtaken import overtaking, refused_of
from sync.pair import Pair
from sync.plan_others import plan_company, plan_deal
from sync.plan_people import EntityPlan, plan_person
from sync.spool import PlanSpool
from sync.unfit import fitting
from sync.views import EntityView, Rules

CHUNK = 500
PLANNERS: dict[EntityKind, Callable[[EntityView, Rules], EntityPlan]] = {
    EntityKind.PERSON: plan_person,
    EntityKind.COMPANY: plan_company,
    EntityKind.DEAL: plan_deal,
}


@dataclass(slots=True)
class Planned:
    """Every plan of a run, counted as it is added. `waiting` counts golden records left for later,
    by reason, `conflicts` fields nobody could decide. `busy` are those with writes under way.
    """

    plans: PlanSpool = field(default_factory=PlanSpool)
    waiting: Counter[str] = field(default_factory=Counter)
    conflicts: int = 0
    busy: set[str] = field(default_factory=set)
    _counts: Counter[str] = field(default_factory=Counter)
    _kinds: Counter[str] = field(default_factory=Counter)
    _opted_out: set[str] = field(default_factory=set)

    def add(self, plans: Iterable[EntityPlan]) -> None:
        """Take plans in."""
        added = list(plans)
        self.plans.extend(added)
        self.conflicts += sum(len(plan.conflicts) for plan in added)
        intents = [intent for plan in added for intent in _distinct(plan, self._opted_out)]
        self._kinds.update(change_kinds(intents))
        self._counts.update(f"{i.side.value}.{i.operation.value}.{i.object}" for i in intents)

    def intents(self) -> Iterator[Intent]:
        """All intents, in the order they were planned."""
        return (intent for _, own in self.each() for intent in own)

    def each(self) -> Iterator[tuple[EntityPlan, list[Intent]]]:
        """Every plan, with those of its intents that none before it has asked for."""
        seen: set[str] = set()
        return ((plan, _distinct(plan, seen)) for plan in self.plans)

    def counts(self) -> Counter[str]:
        """Intents by `side.operation.object`."""
        return self._counts

    def kinds(self) -> Counter[str]:
        """What the guard counts (`change_kinds`)."""
        return self._kinds

    def writes(self) -> int:
        """How many intents there are."""
        return self._counts.total()


def _distinct(plan: EntityPlan, seen: set[str]) -> list[Intent]:
    """A plan's intents without those that were seen before. Two people may ask for one and the same
    opt-out, of an address they share: it is one write; every other is about a record that one
    golden record has."""
    found: list[Intent] = []
    for intent in plan.intents:
        if intent.operation is Operation.OPT_OUT:
            if intent.key in seen:
                continue
            seen.add(intent.key)
        found.append(intent)
    return found


def adopt_deals(pair: Pair, run_id: str) -> int:
    """Golden records for opportunities that people on the work list have a role on."""
    mapping = pair.mapping.of_kind(EntityKind.DEAL)
    if mapping is None or not mapping.create_map:
        return 0
    adopted = 0
    for batch in work_list(pair):
        with pair.store.begin() as tx:
            fresh = _new_opportunities(pair, tx, batch)
        crashpoint("after_adopt")
        carried = [key for key, record in fresh.items() if record.fields.get(CRM_KEY) == key]
        dead = graves(pair, Side.MAP, mapping, carried)
        with pair.store.begin() as tx:
            links = [NewLink(record.ref, key, "opportunity") for key, record in fresh.items()]
            identity.create(tx, run_id, dict.fromkeys(fresh, EntityKind.DEAL))
            identity.link(tx, run_id, links)
            bury(pair, tx, run_id, dead, sorted(fresh))
            identity.add_work(tx, fresh, "opportunity")
        crashpoint("after_adopt")
        adopted += len(fresh)
    return adopted


def _new_opportunities(pair: Pair, tx: Tx, entity_ids: Sequence[str]) -> dict[str, Record]:
    """Opportunities on which these people have a role and which no golden record has, by the key
    of the one they are to have; those that have one are put on the work list."""
    with_role = identity.having(tx, entity_ids, "Contact")  # a Lead has no role on anything
    links = [link for own in identity.members(tx, with_role).values() for link in own]
    on_map = {link.entity_id for link in links if pair.side_of(link.ref.system) is Side.MAP}
    contacts = [
        link.ref.id for link in links if link.ref.object == "Contact" and link.entity_id in on_map
    ]
    found = opportunities_of(pair, tx, contacts)
    records = {record.ref: record for own in found.values() for record in own}
    linked = identity.links_of(tx, records)
    identity.add_work(tx, [link.entity_id for link in linked.values()], "roles")
    return {_deal_key(pair, ref): records[ref] for ref in sorted(records.keys() - linked.keys())}


def _deal_key(pair: Pair, ref: RecordRef) -> str:
    return identity.mint(pair.namespace, ref)


def work_list(pair: Pair, reasons: Sequence[str] | None = None) -> Iterator[list[str]]:
    """The work list in chunks, as it is while it is read."""
    after = 0
    while True:
        with pair.store.read() as tx:
            rows = identity.work(tx, after=after, limit=CHUNK, reasons=reasons)
        if not rows:
            return
        after = rows[-1][0]
        yield [entity_id for _, entity_id in rows]


FOLLOW_UPS = ("created", "moved_meanwhile")
"""Why a golden record is planned again by the run that has just written it."""


def plan(
    pair: Pair, *, lane: Lane = Lane.INCREMENTAL, reasons: Sequence[str] | None = None
) -> Planned:
    """Plan everything on the work list, or what is there for these reasons.

    Changes known to be refused are left out (they wait as dead letters); golden records with
    writes under way wait until those are settled, but for their opt-outs: these wait for nothing
    (law 7).
    """
    planned = Planned()
    rules = rules_of(pair, lane)
    with pair.store.read() as tx:
        users = load_users(pair, tx)
    for batch in work_list(pair, reasons):
        with pair.store.read() as tx:
            busy = outbox.unsettled_entities(tx, batch)
            views = gather(pair, tx, [e for e in batch if e not in busy], users)
            waiting = gather(pair, tx, sorted(busy), users)
            under_way = outbox.under_way(tx, busy)
        plans = [PLANNERS[view.kind](view, rules) for view in with_times(pair, views)]
        plans += _opt_outs(waiting, under_way, rules)
        plans = [fitting(one, pair.unfit) for one in plans]
        plans += _nothing_to_do(batch, busy, views)
        with pair.store.read() as tx:
            refused = outbox.dead_fingerprints(
                tx, [intent.fingerprint for plan in plans for intent in plan.intents]
            )
            letters = refused_of(pair, tx, [v.entity_id for v in views if not v.held])
        planned.waiting["unsettled"] += len(busy)
        planned.busy |= busy
        planned.add(
            overtaking(
                without_refused(one, refused, planned.waiting), one, letters.get(one.entity_id, ())
            )
            for one in plans
        )
        pair.progress.report("plan", len(planned.plans), None)
    return planned


def _opt_outs(
    views: Sequence[EntityView], under_way: Mapping[str, Sequence[Intent]], rules: Rules
) -> list[EntityPlan]:
    """Plans of opt-outs alone for golden records that wait for other writes: those may wait a day
    for their allowance, or for a person's word. While an undo is half done the sides differ because
    of it: nothing is concluded from that."""
    found: list[EntityPlan] = []
    for view in views:
        own = under_way.get(view.entity_id, ())
        if is_undoing(own):
            continue
        known = {intent.fingerprint for intent in own}
        planned = PLANNERS[view.kind](view, rules).intents
        wanted = tuple(
            i
            for i in planned
            if i.operation is Operation.OPT_OUT and not i.depends_on and i.fingerprint not in known
        )
        if wanted:
            found.append(EntityPlan(view.entity_id, wanted, stays=True))
    return found


def _nothing_to_do(
    batch: Sequence[str], busy: set[str], views: Sequence[EntityView]
) -> list[EntityPlan]:
    """Empty plans for golden records that have become part of others: off the work list."""
    seen = busy | {view.entity_id for view in views}
    return [EntityPlan(entity_id) for entity_id in batch if entity_id not in seen]


def rules_of(pair: Pair, lane: Lane) -> Rules:
    """What the pair's plans are made under."""
    return Rules(
        mapping=pair.mapping,
        map_system=pair.map_side.system,
        crm_system=pair.crm_side.system,
        namespace=pair.namespace,
        lane=lane,
    )


def without_refused(plan: EntityPlan, refused: set[str], waiting: Counter[str]) -> EntityPlan:
    """The plan without intents that are known to be refused, and without what depends on them."""
    if not refused:
        return plan
    stopped = {i.key for i in plan.intents if i.fingerprint in refused}
    if not stopped:
        return plan
    kept = tuple(i for i in plan.intents if i.key not in stopped and i.depends_on not in stopped)
    waiting["dead_letter"] += 1
    return replace(plan, intents=kept, events=_with_held(plan, kept))


def _with_held(plan: EntityPlan, kept: Sequence[Intent]) -> dict[str, tuple[int, ...]]:
    """Events whose write is known to be refused are held: accounted for, and delivered when the
    person is planned again with a write that goes."""
    told = {i for ids in plan.events.values() for i in ids}
    told.update(i for intent in kept for i in _carried(intent))
    left = {i for intent in plan.intents for i in _carried(intent)} - told
    if not left:
        return dict(plan.events)
    return {**plan.events, "held": (*plan.events.get("held", ()), *sorted(left))}


def _carried(intent: Intent) -> list[int]:
    return [i for ids in intent.details.get("events", {}).values() for i in ids]


def rejection_letter(entity_id: str, rejection: Rejection) -> dict[str, object]:
    """A dead letter for a field that cannot be written as it is."""
    error = rejection.error
    return {
        "entity_id": entity_id,
        "subject": rejection.subject,
        "intent_key": None,
        "fingerprint": rejection.fingerprint(entity_id),
        "code": error.code,
        "field": error.field,
        "message": error.message,
        "remedy": error.remedy,
        "payload": {"object": rejection.object, "id": rejection.record_id},
    }


KINDS = {
    Operation.CREATE: "creates",
    Operation.UPDATE: "updates",
    Operation.OPT_OUT: "consent",
    Operation.ASSOCIATE: "joins",
    Operation.DISSOCIATE: "joins",
    Operation.DELETE: "deletes",
    Operation.OPT_IN: "updates",
}
"""What the guard calls an intent, by its operation..."""
KINDS_BY_REASON = {"activity": "activities", "handoff": "activities"}
"""...unless its reason says more: a Task that logs an event, or asks for one, is no new person."""


def change_kinds(intents: Iterable[Intent]) -> Counter[str]:
    """How many records these intents create, update, overwrite, clear and so on.

    A record is overwritten where a value is replaced by another one, cleared where by none; it
    counts once for each. Leadloop's own fields (keys, roll-ups, outcomes) are neither. `moves` are
    people who are shown at another stage than before, on however many records, `assignments` those
    who are given to somebody.
    """
    kinds: Counter[str] = Counter()
    moved: set[str] = set()
    given: set[str] = set()
    for intent in intents:
        if _is_move(intent):
            moved.add(intent.entity_id)
        if _by_rule(intent, "handoff"):
            given.add(intent.entity_id)
        kinds[KINDS_BY_REASON.get(intent.reason) or KINDS.get(intent.operation, "updates")] += 1
        if intent.operation is Operation.UPDATE:
            kinds.update(
                {
                    "clears" if change["after"] is None else "overwrites"
                    for change in intent.details.get("changes", ())
                    if ">" in change["rule"] and change["before"] is not None
                }
            )
    return kinds + Counter(moves=len(moved), assignments=len(given))


def _by_rule(intent: Intent, rule: str) -> bool:
    return any(change["rule"] == rule for change in intent.details.get("changes", ()))


def _is_move(intent: Intent) -> bool:
    stages = ("leadloop_stage", "Leadloop_Stage__c", PROJECTION)
    return any(change["field"] in stages for change in intent.details.get("changes", ()))


def fingerprints(intents: Iterable[Intent]) -> list[str]:
    """The sorted fingerprints of these intents: what an approved plan is compared by.

    Follow-ups of creates are consequences, not changes of their own (ADR 0007).
    """
    return sorted({i.fingerprint for i in intents if not i.details.get("follow_up")})
