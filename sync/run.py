"""One run, as it reads: pull, resolve, advance, plan, guard, journal, apply, settle, report.

Both directions and every kind of work go this one way: first connection, cycle, replay. A dry run
goes it on a throw-away copy of the state and stops after the guard (law 10).
"""

from __future__ import annotations

import contextlib
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import structlog

from mappings.errors import PASSING, LeadloopError, MassChangeRefusedError
from mappings.records import Operation, RecordRef, Side
from mappings.render import mapping_data
from state import effects, events, identity, kept_mappings, mirror, outbox, reviews, runs
from state.outbox import Intent
from state.store import Store, Tx
from sync import drift
from sync.advance import advance
from sync.apply import Applied, apply
from sync.approvals import lane_of, live_subject, mapping_subject
from sync.attribute import attribute, fetch_unknown
from sync.blocks import POISON, Blocks, deferred
from sync.census import count_all
from sync.companies import resolve_companies
from sync.crash import crashpoint
from sync.due import work_due
from sync.erasure.act import finish
from sync.erasure.follow import follow_deletions
from sync.erasure.screen import ErasureScreen
from sync.fold import fold
from sync.follow_up import follow_up
from sync.guard import Approval, Gone, Verdict, examine, examine_gone
from sync.intake import gone
from sync.journal import journal
from sync.native_links import Named, fetch_named
from sync.notices import NOTICE, give_notice
from sync.pair import Pair
from sync.plan import Planned, adopt_deals, plan
from sync.pull import Pulled, pull
from sync.reconcile import leave_over, reconcile
from sync.recover import REPLAY
from sync.remap import take_up
from sync.resolve import resolve_people
from sync.resolve_store import Resolved
from sync.reviewing import revisit

log = structlog.get_logger("leadloop.run")

RECENT = 200
"""Runs looked at for the last one that came to its end."""
FINISHED = ("ok", "partial")
"""How a run ended that journaled all it had planned."""
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run is about to do: everything before the first write. `gone` are linked records
    that what was pulled says are gone, `joined` the golden records that those merged away have come
    to, `notices` what people would be told about handoffs, `under_way` writes that earlier runs
    have journaled and the next one sends as they are, by operation."""

    pulled: Pulled
    rows: Counter[str]
    resolved: Resolved
    planned: Planned
    gone: tuple[Gone, ...] = ()
    joined: frozenset[str] = frozenset()
    notices: int = 0
    under_way: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Report:
    """What a run came to, for people and for `--json`."""

    run_id: str
    status: str = "ok"
    counts: dict[str, Any] = field(default_factory=dict)
    error: LeadloopError | None = None

    @property
    def exit_code(self) -> int:
        """What the command line ends with."""
        if self.error is not None:
            return self.error.exit_code
        return 4 if self.status == "partial" else 0


def new_run_id() -> str:
    """A fresh run id."""
    return uuid.uuid4().hex[:12]


def run_once(
    pair: Pair, *, kind: str = "sync", everything: bool = True, approval: Approval | None = None
) -> Report:
    """One run of a pair. The caller holds the state (`store.exclusive`). Raises nothing that
    `LeadloopError` covers: the report carries it, and the run is closed with it.

    A replay, and a person's word for a run that was stopped for its rejections, release that brake.
    """
    report = Report(new_run_id())
    with pair.store.begin() as tx:
        runs.start(
            tx,
            report.run_id,
            kind,
            config_hash=pair.config_hash,
            mapping_hash=pair.mapping.hash,
        )
        kept_mappings.keep(tx, pair.mapping.hash, mapping_data(pair.mapping))
    crashpoint("after_start")
    approved = approval is not None and POISON in (approval.counts or {})
    try:
        released = approved or kind == REPLAY
        blocks = Blocks.at_start(pair, report.run_id, released=released, patient=not everything)
        _run(pair, report, blocks, everything=everything, approval=approval)
    except LeadloopError as error:
        report.error = error
        report.status = "refused" if isinstance(error, MassChangeRefusedError) else "failed"
        log.warning("run.stopped", run_id=report.run_id, code=error.code)
    if report.error is not None:  # whoever raised it did not know which run this is
        remedy = report.error.remedy.replace("--approve RUN", f"--approve {report.run_id}")
        report.error.remedy = remedy
    with pair.store.begin() as tx:
        problem = report.error.as_dict() if report.error else None
        runs.finish(tx, report.run_id, report.status, report.counts, problem)
    crashpoint("after_finish")
    pair.watch()
    return report


def _run(
    pair: Pair,
    report: Report,
    blocks: Blocks,
    *,
    everything: bool,
    approval: Approval | None,
) -> None:
    run_id = report.run_id
    report.counts["erasures_waiting"] = finish_erasures(pair)
    report.counts["due"] = dict(work_due(pair))
    reconciled = reconcile(pair, run_id, blocks)
    applied = [apply(pair, run_id, blocks, left_over=True)]
    reconciled["planned_anew"] += applied[0].planned_anew
    report.counts["reconciled"] = dict(+reconciled)
    pulled = pull(pair, run_id, everything=everything, but=blocks.down)
    blocks.not_read(pulled.unread)
    report.counts["census"] = dict(count_all(pair, run_id, pulled, everything=everything))
    pair = drift.watched(pair, run_id) if drift.is_due(pair) else drift.as_known(pair)
    missing = gone(pair)
    refusal = blocks.stopped or examine_gone(missing, approval=approval, limits=pair.guard)
    if refusal is not None or blocks.blind or pair.unfit.matching:
        applied.append(consent_alone(pair, report, blocks, pulled, missing))
        _finish(pair, report, applied, blocks, refusal)
        if pair.unfit.matching:
            raise drift.blind(pair)
        return
    is_agreed = _may_take_up(pair, approval)
    report.counts["remapped"] = take_up(pair, run_id) if is_agreed else 0
    changes = take_in(pair, run_id, pulled, blocks)
    report.counts["erasures_followed"] = follow_deletions(pair, run_id, blocks)
    applied += follow_up(pair, run_id, blocks, unseen=None)
    report.counts["lifecycle"] = advance(pair, run_id).as_json() if is_agreed else {}
    prepared = planned_from(pair, changes)
    report.counts.update(_prepared_counts(prepared))
    try:
        verdict = guard(pair, prepared.planned, approval)
    except MassChangeRefusedError as error:
        applied.append(consent_first(pair, run_id, prepared.planned, blocks))
        _finish(pair, report, applied, blocks, error)
        return
    journaled = journal(pair, run_id, prepared.planned, verdict)
    approve_mapping(pair, approval)
    report.counts["held"] = len(verdict.held)
    report.counts["held_reason"] = verdict.held_reason
    report.counts["waiting"] = journaled.waiting + sum(prepared.planned.waiting.values())
    unseen = prepared.planned.busy
    prepared.planned.plans.clear()  # journaled: what a backfill planned need not stay in memory
    applied.append(apply(pair, run_id, blocks))
    applied += follow_up(pair, run_id, blocks, unseen=unseen)
    report.counts["notices"] = dict(give_notice(pair))
    _finish(pair, report, applied, blocks, None)


def finish_erasures(pair: Pair) -> int:
    """Ask the vendors again for deletions they still owe us, and keep the erased out of this run.
    How many records are waited for."""
    if not isinstance(pair.store.screen, ErasureScreen):
        return 0
    pair.store.screen.kept_out.clear()
    return finish(pair.store, lambda: contextlib.nullcontext(pair)).waiting


def _may_take_up(pair: Pair, approval: Approval | None) -> bool:
    """Whether a changed mapping is taken up by this run: only with a person's word for it, given
    now or before. Until then a run would plan everybody, every time, to be refused."""
    with pair.store.read() as tx:
        known = runs.approved(tx, mapping_subject(pair.mapping.hash))
    return known or (approval is not None and approval.fingerprints is not None)


def consent_alone(
    pair: Pair, report: Report, blocks: Blocks, pulled: Pulled, missing: Sequence[Gone]
) -> Applied:
    """A run that may not act on what it sees, or sees one side only, still carries opt-outs.

    Nobody is resolved: on half a view somebody who is there would be created again.
    """
    held = frozenset(ref for one in missing for ref in one.deleted)
    rows = fold(pair, report.run_id, but=held)
    planned = plan(pair, lane=lane_of(pair))
    report.counts.update(_prepared_counts(Prepared(pulled, rows, Resolved(), planned)))
    return consent_first(pair, report.run_id, planned, blocks, but=held)


def consent_first(
    pair: Pair,
    run_id: str,
    planned: Planned,
    blocks: Blocks,
    *,
    but: frozenset[RecordRef] = frozenset(),
) -> Applied:
    """A run that stops for a person's word still carries opt-outs (law 7), unless they are what
    is too much, or no plan of this pair was ever approved. Who has no opt-out stays on the work
    list, as do other changes of who has one.
    """
    plans = [one for one in planned.plans if any(_is_consent(i, but) for i in one.intents)]
    intents = [intent for one in plans for intent in one.intents]
    consent = [i for i in intents if _is_consent(i, but)]
    with pair.store.read() as tx:
        known = runs.any_approved(tx, "mapping:")
        population = identity.count(tx).get("person", 0)
    if not consent or not known:
        return Applied()
    paused = examine(
        consent, population=population, mapping_approved=True, approval=None, limits=pair.guard
    ).held
    going = {intent.key for intent in consent} - paused
    if not going:
        return Applied()
    others = frozenset(i.key for i in intents if i.key not in going)
    carried = Planned()
    carried.add(plans)
    journal(pair, run_id, carried, Verdict(others, "guard.mass_change"))
    return apply(pair, run_id, blocks)


def _is_consent(intent: Intent, but: frozenset[RecordRef]) -> bool:
    if intent.operation is not Operation.OPT_OUT or intent.depends_on:
        return False
    return RecordRef(intent.system, intent.object, str(intent.target_id)) not in but


def prepare(pair: Pair, run_id: str, *, everything: bool) -> Prepared:
    """Work what is due, pull, resolve and plan: everything before the guard. Raises what kept a
    side from being read: a plan is made from both sides or not at all.
    """
    work_due(pair)
    pulled = pull(pair, run_id, everything=everything, but=pair.unreachable)
    for error in pulled.unread.values():
        raise error
    pair = drift.watched(pair, run_id, catch_up=False)
    if pair.unfit.matching:
        raise drift.blind(pair)
    under_way = leave_over(pair, run_id)
    missing = gone(pair)
    take_up(pair, run_id)
    changes = take_in(pair, run_id, pulled, Blocks(pair, run_id))
    advance(pair, run_id)
    prepared = planned_from(pair, changes)
    with pair.store.read() as tx:
        links = identity.links_of(tx, [ref for one in missing for ref in one.merged])
    joined = frozenset(link.entity_id for link in links.values())
    return replace(prepared, gone=tuple(missing), joined=joined, under_way=under_way)


def planned_from(pair: Pair, changes: tuple[Pulled, Counter[str], Resolved]) -> Prepared:
    """The plan of what was taken in."""
    planned = plan(pair, lane=lane_of(pair))
    with pair.store.read() as tx:
        notices = effects.count(tx, NOTICE)
    return Prepared(*changes, planned, notices=notices)


def take_in(
    pair: Pair, run_id: str, pulled: Pulled, blocks: Blocks
) -> tuple[Pulled, Counter[str], Resolved]:
    """Fold and resolve what was pulled: whatever came in has its place, and its people are on the
    work list."""
    rows = fold(pair, run_id)
    addresses: Mapping[str, RecordRef] = {}
    try:
        addresses = fetch_unknown(pair, run_id)
    except PASSING as error:
        blocks.meet(Side.MAP, error)  # their events wait for the next run
    named = Named()
    try:
        fetch_named(pair, run_id, named)
    except PASSING as error:
        blocks.meet(Side.CRM, error)  # whom they name waits for the next run
    rows.update(fold(pair, run_id))
    revisit(pair.store, run_id)
    rows.update(resolve_companies(pair, run_id))
    resolved = resolve_people(pair, run_id, named)
    rows.update(resolved.rows)
    attribute(pair, run_id, addresses)
    adopt_deals(pair, run_id)
    return pulled, rows, resolved


def guard(pair: Pair, planned: Planned, approval: Approval | None) -> Verdict:
    """Law 13 over everything planned. Raises MassChangeRefusedError.

    What an interrupted run of an approved plan has journaled already is no longer expected, and may
    come again. What a run had journaled and could not send, for want of calls or of life, was let
    through then: the same change, planned anew, is not asked about again, nor held because a plan
    made since does not name it.
    """
    with pair.store.read() as tx:
        population = identity.count(tx).get("person", 0)
        notices = effects.count(tx, NOTICE)
        approved = runs.approved(tx, mapping_subject(pair.mapping.hash))
        if approval is not None and approval.fingerprints is not None:
            done = outbox.journaled_fingerprints(tx, sorted(approval.fingerprints))
            approval = replace(approval, done=frozenset(done))
        passed = _let_through(tx, planned) if approved else frozenset()
    return examine(
        _Asked(planned, passed),
        population=population,
        mapping_approved=approved,
        approval=approval,
        limits=pair.guard,
        notices=notices,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """The planned intents that nobody has let through before, as often as they are asked for."""

    planned: Planned
    passed: frozenset[str]

    def __iter__(self) -> Iterator[Intent]:
        return (i for i in self.planned.intents() if i.fingerprint not in self.passed)


def _let_through(tx: Tx, planned: Planned) -> frozenset[str]:
    """The changes the guard has let through since the last run that came to its end."""
    if not planned.writes():
        return frozenset()
    ended = (run.finished_at for run in runs.latest(tx, limit=RECENT) if run.status in FINISHED)
    since = next((at for at in ended if at is not None), NEVER)
    return frozenset(outbox.dropped_since(tx, {i.fingerprint for i in planned.intents()}, since))


def approve_mapping(pair: Pair, approval: Approval | None) -> None:
    """The guard has let an approved plan through: from now on this mapping is known."""
    if approval is not None and approval.fingerprints is not None:
        with pair.store.begin() as tx:
            changes = {"changes": len(approval.fingerprints)}
            runs.approve(tx, mapping_subject(pair.mapping.hash), changes)
        crashpoint("after_approval")


def _prepared_counts(prepared: Prepared) -> dict[str, Any]:
    return {
        "pulled_records": prepared.pulled.total_records,
        "pulled_events": prepared.pulled.total_events,
        "streams_failed": {name: e.code for name, e in prepared.pulled.failed.items()},
        "malformed": prepared.pulled.malformed.total(),
        "conflicts": prepared.planned.conflicts,
        "inbox": dict(prepared.rows),
        "linked": prepared.resolved.linked,
        "created": prepared.resolved.created,
        "to_review": prepared.resolved.review,
        "planned": dict(prepared.planned.counts()),
        "kinds": dict(prepared.planned.kinds()),
        "waiting_for": dict(prepared.planned.waiting),
    }


def _finish(
    pair: Pair,
    report: Report,
    applied: list[Applied],
    blocks: Blocks,
    refusal: MassChangeRefusedError | None,
) -> None:
    """Count what was written, say what is left, and decide how the run ended."""
    rows: Counter[str] = Counter()
    written: Counter[str] = Counter()
    for one in applied:
        rows.update(one.rows)
        written.update(one.written)
    refusal = refusal or blocks.stopped or _paused(report)
    error: LeadloopError | None = refusal or blocks.error
    with pair.store.begin() as tx:
        report.counts["rows"] = dict(rows)
        if isinstance(pair.store.screen, ErasureScreen):
            report.counts["erased_kept_out"] = dict(pair.store.screen.kept_out)
        report.counts["written"] = dict(written)
        report.counts["batches"] = sum(one.batches for one in applied)
        report.counts["open"] = outbox.count_by_status(tx)
        report.counts["deferred"] = deferred(outbox.open_by_lane(tx), blocks)
        report.counts["review"] = reviews.open_count(tx)
        report.counts["dead_letters"] = outbox.dead_count(tx)
        report.counts["inbox_pending"] = mirror.pending_count(tx)
        report.counts["events"] = events.dispositions(tx, run_id=report.run_id)
        left = any(report.counts["open"].get(status) for status in ("open", "sending"))
        if error is None and not report.counts.get("held") and not left:
            runs.approve(tx, live_subject(pair.mapping.hash), {"run": report.run_id})
    crashpoint("after_figures")
    report.error = error
    report.counts["asked"] = dict(refusal.asked) if refusal is not None else {}
    failed = report.counts.get("streams_failed")
    if refusal is not None:
        report.status = "refused"
    elif blocks.blind:
        report.status = "failed"
    elif error is not None or rows["rejected"] or rows["dropped"] or rows["unknown"] or failed:
        report.status = "partial"


def _paused(report: Report) -> MassChangeRefusedError | None:
    """Consent that is held calls a person: everything else went, the run is not done."""
    if report.counts.get("held_reason") != "guard.consent_paused":
        return None
    return MassChangeRefusedError(
        f"{report.counts['held']} opt-outs are more than the guard carries over unseen; everything "
        "else was written",
        code="guard.consent_paused",
        asked={"consent": int(report.counts["held"])},
        remedy=f"Look at `leadloop plan`; if they are right, `leadloop sync --approve "
        f"{report.run_id}`.",
    )


def dry_run(pair: Pair, *, store: Store, everything: bool = True) -> tuple[Pair, Prepared]:
    """Everything before the guard, on a scratch copy of the state that `store` is."""
    copy = replace(pair, store=store)
    run_id = new_run_id()
    with store.begin() as tx:
        runs.start(tx, run_id, "plan", config_hash=pair.config_hash, mapping_hash=pair.mapping.hash)
    crashpoint("after_start")
    return copy, prepare(copy, run_id, everything=everything)
