"""One run, as it reads: pull, resolve, plan, guard, journal, apply, settle, report.

Both directions and every kind of work go this one way: first connection, cycle, replay. A dry run
goes it on a throw-away copy of the state and stops after the guard (law 10).
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from mappings.errors import LeadloopError, MassChangeRefusedError
from mappings.ports import Lane
from mappings.records import Operation, RecordRef
from state import events, identity, mirror, outbox, reviews, runs
from state.store import Store
from sync.apply import Applied, apply
from sync.attribute import attribute, fetch_unknown
from sync.companies import resolve_companies
from sync.crash import crashpoint
from sync.fold import fold
from sync.guard import Approval, Verdict, examine
from sync.journal import journal
from sync.pair import Pair
from sync.plan import FOLLOW_UPS, Planned, adopt_deals, change_kinds, plan
from sync.pull import Pulled, pull
from sync.reconcile import reconcile
from sync.resolve import resolve_people
from sync.resolve_store import Resolved
from sync.reviewing import revisit

log = structlog.get_logger("leadloop.run")

ROUNDS = 3
"""Times a run plans again what its own writes, or people meanwhile, have moved."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run is about to do: everything before the first write."""

    pulled: Pulled
    rows: Counter[str]
    resolved: Resolved
    planned: Planned


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
    `LeadloopError` covers: the report carries it, and the run is closed with it."""
    report = Report(new_run_id())
    with pair.store.begin() as tx:
        runs.start(
            tx,
            report.run_id,
            kind,
            config_hash=pair.config_hash,
            mapping_hash=pair.mapping.hash,
        )
    crashpoint("after_start")
    try:
        _run(pair, report, everything=everything, approval=approval)
    except LeadloopError as error:
        report.error = error
        report.status = "refused" if isinstance(error, MassChangeRefusedError) else "failed"
        log.warning("run.stopped", run_id=report.run_id, code=error.code)
    with pair.store.begin() as tx:
        problem = report.error.as_dict() if report.error else None
        runs.finish(tx, report.run_id, report.status, report.counts, problem)
    crashpoint("after_finish")
    return report


def _run(pair: Pair, report: Report, *, everything: bool, approval: Approval | None) -> None:
    run_id = report.run_id
    report.counts["reconciled"] = dict(reconcile(pair, run_id))
    leftovers = apply(pair, run_id)
    changes = take_in(pair, run_id, everything=everything)
    interrupted = follow_up(pair, run_id)
    prepared = planned_from(pair, changes)
    report.counts.update(_prepared_counts(prepared))
    try:
        verdict = guard(pair, prepared.planned, approval)
    except MassChangeRefusedError:
        consent_first(pair, run_id, prepared.planned)
        raise
    journaled = journal(pair, run_id, prepared.planned, verdict)
    approve_mapping(pair, approval)
    report.counts["held"] = len(verdict.held)
    report.counts["held_reason"] = verdict.held_reason
    report.counts["waiting"] = journaled.waiting + sum(prepared.planned.waiting.values())
    prepared.planned.plans.clear()  # journaled: what a backfill planned need not stay in memory
    applied = [leftovers, *interrupted, apply(pair, run_id)]
    applied += follow_up(pair, run_id)
    _finish(pair, report, applied)


def consent_first(pair: Pair, run_id: str, planned: Planned) -> None:
    """A run that stops for a person's word still carries opt-outs (law 7), unless they are what
    is too much, or no plan of this pair was ever approved."""
    intents = list(planned.intents())
    consent = [i for i in intents if i.operation is Operation.OPT_OUT and not i.depends_on]
    with pair.store.read() as tx:
        known = runs.any_approved(tx, "mapping:")
        population = identity.count(tx).get("person", 0)
    if not consent or not known:
        return
    allowed = examine(
        consent, population=population, mapping_approved=True, approval=None, limits=pair.guard
    ).allowed
    if allowed:
        others = tuple(i for i in intents if i.operation is not Operation.OPT_OUT)
        journal(pair, run_id, planned, Verdict(allowed, others, "guard.mass_change"))
        apply(pair, run_id)


def follow_up(pair: Pair, run_id: str) -> list[Applied]:
    """What this run's own writes brought about: outcomes of created records, and what people
    changed on records while they were being written. Bounded by what the guard let through."""
    applied: list[Applied] = []
    for _ in range(ROUNDS):
        planned = plan(pair, lane=lane_of(pair), reasons=FOLLOW_UPS)
        if not planned.plans:
            break
        journaled = journal(pair, run_id, planned, Verdict(tuple(planned.intents())))
        if journaled.intents:
            applied.append(apply(pair, run_id))
        if _parked(applied):
            break
    return applied


def prepare(pair: Pair, run_id: str, *, everything: bool) -> Prepared:
    """Pull, resolve and plan: everything before the guard."""
    return planned_from(pair, take_in(pair, run_id, everything=everything))


def planned_from(pair: Pair, changes: tuple[Pulled, Counter[str], Resolved]) -> Prepared:
    """The plan of what was taken in."""
    return Prepared(*changes, plan(pair, lane=lane_of(pair)))


def take_in(pair: Pair, run_id: str, *, everything: bool) -> tuple[Pulled, Counter[str], Resolved]:
    """Pull and resolve: whatever came in has its place, and its people are on the work list."""
    pulled = pull(pair, run_id, everything=everything)
    rows = fold(pair, run_id)
    addresses: Mapping[str, RecordRef] = fetch_unknown(pair, run_id)
    rows.update(fold(pair, run_id))
    revisit(pair.store, run_id)
    rows.update(resolve_companies(pair, run_id))
    resolved = resolve_people(pair, run_id)
    rows.update(resolved.rows)
    attribute(pair, run_id, addresses)
    adopt_deals(pair, run_id)
    return pulled, rows, resolved


def lane_of(pair: Pair) -> Lane:
    """Backfill until the first run of this mapping is through, then the everyday lane."""
    with pair.store.read() as tx:
        return Lane.INCREMENTAL if runs.approved(tx, f"live:{pair.mapping.hash}") else Lane.BACKFILL


def guard(pair: Pair, planned: Planned, approval: Approval | None) -> Verdict:
    """Law 13 over everything planned. Raises MassChangeRefusedError.

    What an interrupted run of an approved plan has journaled already is no longer expected.
    """
    with pair.store.read() as tx:
        population = identity.count(tx).get("person", 0)
        approved = runs.approved(tx, mapping_subject(pair))
        if approval is not None and approval.fingerprints is not None:
            done = outbox.journaled_fingerprints(tx, sorted(approval.fingerprints))
            approval = replace(approval, fingerprints=approval.fingerprints - done)
    return examine(
        list(planned.intents()),
        population=population,
        mapping_approved=approved,
        approval=approval,
        limits=pair.guard,
    )


def mapping_subject(pair: Pair) -> str:
    """What an approval of this mapping is kept under."""
    return f"mapping:{pair.mapping.hash}"


def approve_mapping(pair: Pair, approval: Approval | None) -> None:
    """The guard has let an approved plan through: from now on this mapping is known."""
    if approval is not None and approval.fingerprints is not None:
        with pair.store.begin() as tx:
            runs.approve(tx, mapping_subject(pair), {"changes": len(approval.fingerprints)})
        crashpoint("after_approval")


def _parked(applied: list[Applied]) -> LeadloopError | None:
    for one in applied:
        for error in one.parked.values():
            return error
    return None


def _prepared_counts(prepared: Prepared) -> dict[str, Any]:
    return {
        "pulled_records": prepared.pulled.total_records,
        "pulled_events": prepared.pulled.total_events,
        "streams_failed": {name: e.code for name, e in prepared.pulled.failed.items()},
        "inbox": dict(prepared.rows),
        "linked": prepared.resolved.linked,
        "created": prepared.resolved.created,
        "to_review": prepared.resolved.review,
        "planned": dict(prepared.planned.counts()),
        "kinds": dict(change_kinds(list(prepared.planned.intents()))),
        "waiting_for": dict(prepared.planned.waiting),
    }


def _finish(pair: Pair, report: Report, applied: list[Applied]) -> None:
    """Count what was written, say what is left, and decide how the run ended."""
    rows: Counter[str] = Counter()
    written: Counter[str] = Counter()
    for one in applied:
        rows.update(one.rows)
        written.update(one.written)
    parked = _parked(applied)
    with pair.store.begin() as tx:
        report.counts["rows"] = dict(rows)
        report.counts["written"] = dict(written)
        report.counts["batches"] = sum(one.batches for one in applied)
        report.counts["open"] = outbox.count_by_status(tx)
        report.counts["review"] = reviews.open_count(tx)
        report.counts["dead_letters"] = outbox.dead_count(tx)
        report.counts["inbox_pending"] = mirror.pending_count(tx)
        report.counts["events"] = events.dispositions(tx, run_id=report.run_id)
        backfilled = not report.counts.get("held") and not report.counts["open"].get("open")
        if parked is None and backfilled:
            runs.approve(tx, f"live:{pair.mapping.hash}", {"run": report.run_id})
    crashpoint("after_figures")
    report.error = parked or _paused(report)
    failed = report.counts.get("streams_failed")
    if parked is not None:
        report.status = "failed"
    elif report.error is not None:
        report.status = "refused"
    elif rows["rejected"] or rows["dropped"] or rows["unknown"] or failed:
        report.status = "partial"


def _paused(report: Report) -> LeadloopError | None:
    """Consent that is held calls a person: everything else went, the run is not done."""
    if report.counts.get("held_reason") != "guard.consent_paused":
        return None
    return MassChangeRefusedError(
        f"{report.counts['held']} opt-outs are more than the guard carries over unseen; everything "
        "else was written",
        code="guard.consent_paused",
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
