"""Undo as a run of its own: look, plan, guard, journal, apply (law 11).

Its writes go the road of all others: journaled before they are sent, settled row by row, found
again after a crash, counted against the guard and the allowance (lane `repair`), with ledger lines
of their own, so that an undo can be undone. Undoing twice finds nothing the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from mappings.errors import LeadloopError, MassChangeRefusedError
from mappings.records import RecordRef
from state import events, identity, ledger, outbox, runs
from state.outbox import Intent
from state.store import Store, Tx
from sync.apply import apply
from sync.blocks import Blocks
from sync.crash import crashpoint
from sync.guard import Approval, examine
from sync.pair import Pair
from sync.reconcile import reconcile
from sync.run import new_run_id
from sync.undo.choose import UNMERGE, Chosen, Wanted, choose
from sync.undo.look import Seen, look, scene_of
from sync.undo.plan import plan_undo, summary
from sync.undo.scene import Kept, UndoPlan
from sync.undo.told import intents_of
from sync.undo.unmerge import Split, carry_out, choose_across, split_of

log = structlog.get_logger("leadloop.undo")

UNDO = "undo"


@dataclass(slots=True)
class Undone:
    """What an undo came to, or in a dry run would come to."""

    run_id: str
    dry_run: bool
    status: str = "ok"
    counts: dict[str, int] = field(default_factory=dict)
    intents: tuple[Intent, ...] = ()
    kept: tuple[Kept, ...] = ()
    split: Split | None = None
    results: dict[str, str] = field(default_factory=dict)
    error: LeadloopError | None = None

    @property
    def exit_code(self) -> int:
        """What the command line ends with."""
        if self.error is not None:
            return self.error.exit_code
        return 4 if self.status == "partial" else 0


@dataclass(frozen=True, slots=True)
class _Made:
    chosen: Chosen
    plan: UndoPlan
    split: Split | None


def undo(
    pair: Pair,
    wanted: Wanted,
    *,
    approval: Approval | None = None,
    also: Callable[[Tx, Undone], None] | None = None,
) -> Undone:
    """Undo what is wanted. The caller holds the state. Raises UndoError for what nobody knows,
    before anything is touched; everything else that goes wrong is in the result. `also` is done in
    the transaction that journals the writes: what it notes there, `go_on` ends."""
    _choose(pair, wanted)
    done = Undone(new_run_id(), dry_run=False)
    kind = UNDO if wanted.link is None else UNMERGE
    with pair.store.begin() as tx:
        runs.start(
            tx, done.run_id, kind, config_hash=pair.config_hash, mapping_hash=pair.mapping.hash
        )
    crashpoint("after_start")
    _closing(pair, done, lambda: _undo(pair, wanted, done, approval, also))
    return done


def go_on(pair: Pair, told: Mapping[str, Any]) -> Undone:
    """End an undo that was cut short after its writes were journaled; `told` is what `also` noted.

    Only the writes and what became of them are in the result. Once all are settled, nothing more
    is sent.
    """
    done = Undone(str(told["run_id"]), dry_run=False, counts=dict(told["counts"]))

    def work() -> None:
        blocks = Blocks.at_start(pair, done.run_id, released=False)
        reconcile(pair, done.run_id, blocks)
        apply(pair, done.run_id, blocks, left_over=True)
        _judge(pair, done, intents_of(told), blocks)

    _closing(pair, done, work, kept=len(told["kept"]))
    return done


def _closing(
    pair: Pair, done: Undone, work: Callable[[], None], *, kept: int | None = None
) -> None:
    """Do the work and end the run with what came of it."""
    try:
        work()
    except LeadloopError as error:
        done.error = error
        done.status = "refused" if isinstance(error, MassChangeRefusedError) else "failed"
        log.warning("undo.stopped", run_id=done.run_id, code=error.code)
    with pair.store.begin() as tx:
        left = len(done.kept) if kept is None else kept
        counts: dict[str, Any] = {"undone": done.counts, "kept": left}
        if isinstance(done.error, MassChangeRefusedError):
            counts["asked"] = dict(done.error.asked)
        problem = done.error.as_dict() if done.error else None
        runs.finish(tx, done.run_id, done.status, counts, problem)
    crashpoint("after_finish")


def dry_undo(pair: Pair, wanted: Wanted, *, store: Store) -> Undone:
    """What an undo would do, on a scratch copy of the state that `store` is (law 10)."""
    copy = replace(pair, store=store)
    done = Undone(new_run_id(), dry_run=True)
    made = _plan(copy, done.run_id, wanted)
    _tell(done, made)
    return done


def _undo(
    pair: Pair,
    wanted: Wanted,
    done: Undone,
    approval: Approval | None,
    also: Callable[[Tx, Undone], None] | None,
) -> None:
    blocks = Blocks.at_start(pair, done.run_id, released=False)
    reconcile(pair, done.run_id, blocks)
    apply(pair, done.run_id, blocks, left_over=True)
    made = _plan(pair, done.run_id, wanted)
    _tell(done, made)
    _guard(pair, done, approval)
    with pair.store.begin() as tx:
        _journal(pair, tx, done.run_id, made)
        if also is not None:
            also(tx, done)
    crashpoint("after_undo")
    apply(pair, done.run_id, blocks)
    _judge(pair, done, [intent.key for intent in done.intents], blocks)


def _judge(pair: Pair, done: Undone, keys: Sequence[str], blocks: Blocks) -> None:
    """What became of the writes."""
    with pair.store.read() as tx:
        results = outbox.results(tx, keys)
    done.results = {key: stored.status for key, stored in results.items()}
    if blocks.error is not None:
        done.error, done.status = blocks.error, "failed"
    elif set(done.results.values()) - {"ok"}:
        done.status = "partial"


def _choose(pair: Pair, wanted: Wanted) -> tuple[Chosen, Split | None]:
    if wanted.link is None:
        return choose(pair.store, wanted), None
    with pair.store.read() as tx:
        split = split_of(pair, tx, wanted.link)
        return choose_across(pair, tx, split), split


def _plan(pair: Pair, run_id: str, wanted: Wanted) -> _Made:
    chosen, split = _choose(pair, wanted)
    seen: Seen = look(pair, run_id, chosen)
    with pair.store.read() as tx:
        busy = outbox.unsettled_entities(tx, chosen.entities)
        groups = split.groups if split else None
        free = _without(chosen, busy)
        scene = scene_of(pair, tx, free, seen, groups=groups, evidence=wanted.evidence)
    plan = plan_undo(scene)
    plan.kept += [Kept(entity_id, entity_id, None, "under_way") for entity_id in sorted(busy)]
    return _Made(free, plan, None if busy else split)


def _without(chosen: Chosen, busy: set[str]) -> Chosen:
    """Writes of these golden records are under way: they are left alone."""
    if not busy:
        return chosen
    lines = tuple(line for line in chosen.lines if line.entity_id not in busy)
    return replace(chosen, lines=lines, ids=chosen.ids & {line.id for line in lines})


def _tell(done: Undone, made: _Made) -> None:
    done.intents, done.kept = tuple(made.plan.intents), tuple(made.plan.kept)
    done.split = made.split
    done.counts = {**summary(made.plan.intents), "made_again": len(made.plan.revived)}


def _guard(pair: Pair, done: Undone, approval: Approval | None) -> None:
    """Law 13 holds for an undo too: it may be of a whole day."""
    with pair.store.read() as tx:
        population = identity.count(tx).get("person", 0)
    try:
        examine(
            done.intents,
            population=population,
            mapping_approved=True,
            approval=approval,
            limits=pair.guard,
        )
    except MassChangeRefusedError as error:
        error.remedy = (
            "Look at the same undo with --dry-run; if it is right, give it again with "
            f"`--approve {done.run_id}`."
        )
        raise


def _journal(pair: Pair, tx: Tx, run_id: str, made: _Made) -> None:
    """Everything the undo decides, in one transaction: its writes, what becomes of records that
    come back, and who belongs to whom from now on."""
    known = outbox.results(tx, [intent.key for intent in made.plan.intents])
    outbox.reopen(
        tx, [k for k, s in known.items() if s.status in ("rejected", "dropped")], afresh=True
    )
    outbox.journal(tx, run_id, made.plan.intents)
    for word, ids in made.plan.events.items():
        events.dispose(tx, run_id, ids, word)
    for ids in made.plan.done.values():
        ledger.mark_undone(tx, ids, f"{UNDO}:{run_id}")
    _revive(tx, made)
    if made.split is not None:
        carry_out(pair, tx, run_id, made.split)


def _revive(tx: Tx, made: _Made) -> None:
    """Golden records whose record an undo had deleted may get one again."""
    revived = made.plan.revived
    identity.retire(tx, revived, status="live")
    members = identity.members(tx, revived)
    back: list[RecordRef] = [
        line.ref
        for line in made.chosen.lines
        if line.id in made.chosen.ids and line.entity_id in revived
    ]
    gone = [x.ref for own in members.values() for x in own if x.status == "gone" and x.ref in back]
    identity.set_status(tx, gone, "alias")
    identity.add_work(tx, revived, UNDO)
