"""Reports of a pair, from its state alone: which passes each needs, and what it says as data.

All numbers are folded by `lifecycle` (docs/metrics.md) in one reading transaction, so that the
parts of a report belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime, timedelta
from typing import Any

from lifecycle.audit import Scope, new_checks
from lifecycle.audit_deals import DealAudit
from lifecycle.funnel import Funnel, Group, Rung
from lifecycle.periods import Span, month_of
from lifecycle.promises import Promises
from lifecycle.revenue import DealGroup, Revenue
from lifecycle.scoring import Scoring
from lifecycle.subjects import Opportunity, Subject, Users
from lifecycle.working import Desk, Handover, Working
from mappings.contract import Contract, Team
from mappings.fieldmap import PairMapping
from state import identity, loop
from state.store import Tx
from sync.garbage import few_collections
from sync.reporting_words import Audience, By, Kind
from sync.subjects import Subjects, users_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which report: its kind, whose, of which period, grouped by what; `records` names who is
    behind each number."""

    kind: Kind
    audience: Audience
    span: Span
    by: By | None = None
    records: bool = False

    def has(self, *kinds: Kind, team: Team | None = None) -> bool:
        """Whether a part belongs in: the report is of its kind, and its team is not left out."""
        fits = self.kind in kinds or (self.kind is Kind.MONTHLY and Kind.SCORING not in kinds)
        return fits and (team is None or self.team in {None, team})

    @property
    def team(self) -> Team | None:
        """The team whose report it is, None for both."""
        return None if self.audience is Audience.BOTH else Team(self.audience.value)


@dataclass(slots=True)
class _Passes:
    """The folds of one report; None where it needs none."""

    funnel: Funnel | None = None
    working: Working | None = None
    promises: Promises | None = None
    revenue: Revenue | None = None
    stalled: DealAudit | None = None
    scoring: Scoring | None = None
    people: int = 0

    @property
    def over_people(self) -> list[Callable[[Subject], None]]:
        """What is told of every person."""
        folds = (self.funnel, self.working, self.promises, self.scoring)
        return [fold.add for fold in folds if fold is not None]

    @property
    def over_deals(self) -> list[Callable[[Opportunity], None]]:
        """What is told of every opportunity."""
        return [fold.add for fold in (self.revenue, self.stalled) if fold is not None]


@dataclass(frozen=True, slots=True)
class _Making:
    """A report in the making."""

    wanted: Wanted
    contract: Contract
    users: Users
    now: datetime
    passes: _Passes

    def data(self) -> dict[str, Any]:
        """All of it."""
        span, wanted = self.wanted.span, self.wanted
        found: dict[str, Any] = {
            "report": wanted.kind.value,
            "for": wanted.audience.value,
            "as_of": self.now,
            "period": {
                "label": span.label,
                "from": _edge(span.start),
                "until": _edge(span.end),
                "zone": self.contract.reporting.zone,
            },
            "by": wanted.by.value if wanted.by is not None else None,
            "contract": bool(self.contract),
            "currency": self.contract.reporting.currency,
            "people": self.passes.people,
            "not_evaluated": 0,
        }
        return found | self._people_parts() | self._deal_parts()

    def _people_parts(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        passes, named = self.passes, self.wanted.records
        if passes.funnel is not None:
            found["stages"] = [
                where | rung.figures() | (_behind(rung) if named else {})
                for where, rung in passes.funnel.stages()
            ]
            if self.wanted.has(Kind.FUNNEL, team=Team.MARKETING):
                found["sources"] = self._reckoned(passes.funnel.sources())
        if passes.working is not None:
            found["working"] = [
                {"group": group} | desk.figures() | (_behind(desk) if named else {})
                for group, desk in passes.working.desks()
            ]
            if self.wanted.has(Kind.HANDOFFS):
                found["handoffs"] = [self._handoff(one) for one in _in_order(passes.working)]
            if self.wanted.has(Kind.SLA, team=Team.SALES):
                found["service_levels"] = self._service_levels(passes.working)
        if passes.promises is not None:
            found["promises"] = self._lines(passes.promises.lines())
        if passes.scoring is not None:
            everybody = passes.scoring.everybody
            found["answered"] = {"people": len(everybody.people), "won": len(everybody.won)}
            found["traits"] = self._lines(passes.scoring.traits())
            found["definition"] = passes.scoring.definition()
            found["thresholds"] = passes.scoring.thresholds()
        return found

    def _deal_parts(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        revenue, stalled = self.passes.revenue, self.passes.stalled
        if revenue is not None:
            found["totals"] = self._reckoned(revenue.totals())
            found["credits"] = self._reckoned(revenue.credits())
            found["quotas"] = revenue.quotas()
            found["not_converted"] = sorted(revenue.not_converted)
        if stalled is not None:
            found["stalled"] = [
                {
                    "deal": one.record,
                    "quiet_since": one.at,
                    "responsible": self.users.names.get(one.who) if one.who else None,
                    "what": one.what,
                }
                for one in stalled.checks["stalled"].ordered()
            ]
        return found

    def _lines(
        self, lines: Sequence[tuple[Mapping[str, Any], Sequence[str]]]
    ) -> list[dict[str, Any]]:
        named = self.wanted.records
        return [{**line, **({"records": list(own)} if named else {})} for line, own in lines]

    def _reckoned(
        self, lines: Sequence[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]]
    ) -> list[dict[str, Any]]:
        """Lines whose figures are sums or middles: with records, what each adds is named, too."""
        if not self.wanted.records:
            return [dict(line) for line, _ in lines]
        return [
            {**line, "records": sorted({one["record"] for one in own}), "values": list(own)}
            for line, own in lines
        ]

    def _handoff(self, one: Handover) -> dict[str, Any]:
        handoff = one.handoff
        touches = [at for at in one.touches if at <= self.now]
        return {
            "record": one.person.record,
            "handed_over_at": one.at,
            "owner": self.users.name(one.owner),
            "stage": handoff.stage if handoff is not None else None,
            "status": handoff.status.value if handoff is not None else None,
            "first_touch_at": touches[0] if touches else None,
            "attempts": len(touches),
            "reason": (handoff.reason or None) if handoff is not None else None,
        }

    def _service_levels(self, working: Working) -> list[dict[str, Any]]:
        return [
            {
                "group": group,
                "level": level,
                "owner": self.users.name(owner) or None,
                "kept": len(own.kept),
                "broken": len(own.broken),
                "running": len(own.running),
                **(
                    {
                        "records": {
                            "kept": sorted(own.kept),
                            "broken": sorted(own.broken),
                            "running": sorted(own.running),
                        }
                    }
                    if self.wanted.records
                    else {}
                ),
            }
            for group, level, owner, own in working.promises()
        ]


@few_collections()
def report(tx: Tx, mapping: PairMapping, wanted: Wanted, *, crm: str) -> dict[str, Any]:
    """A report, JSON-able but for datetimes (docs/reference/json.md). `crm` is the CRM's kind."""
    contract = mapping.contract
    users = users_of(tx, contract.reporting.integrations)
    subjects = Subjects(tx, mapping, users, crm)
    found = told_of(wanted, contract, users, tx.now, subjects.people(), subjects.opportunities())
    if contract and found["people"]:
        known = identity.count(tx).get("person", 0)
        found["not_evaluated"] = max(0, known - loop.evaluated(tx))
    return found


def told_of(
    wanted: Wanted,
    contract: Contract,
    users: Users,
    now: datetime,
    people: Iterable[Subject],
    opportunities: Iterable[Opportunity],
) -> dict[str, Any]:
    """The report of these people and opportunities, each read once, and only where it is needed."""
    passes = _passes(wanted, contract, users, now)
    if folds := passes.over_people:
        for person in people:
            passes.people += 1
            for fold in folds:
                fold(person)
    if folds_of_deals := passes.over_deals:
        for opportunity in opportunities:
            for add in folds_of_deals:
                add(opportunity)
    return _Making(wanted, contract, users, now, passes).data()


def _passes(wanted: Wanted, contract: Contract, users: Users, now: datetime) -> _Passes:
    span, zone = wanted.span, contract.reporting.zone
    group = grouping(wanted.by, users, zone)
    passes = _Passes()
    if wanted.has(Kind.FUNNEL):
        passes.funnel = Funnel(contract, span, now, group, wanted.team)
    if wanted.has(Kind.FUNNEL, Kind.HANDOFFS, Kind.SLA):
        passes.working = Working(contract, span, now, group)
    if wanted.has(Kind.SLA, team=Team.MARKETING):
        passes.promises = Promises(contract, span, now)
    if wanted.has(Kind.SCORING):
        passes.scoring = Scoring(contract, now)
    if wanted.has(Kind.ATTRIBUTION, team=Team.MARKETING):
        passes.revenue = Revenue(contract.reporting, span, now, dealing(wanted.by, users, zone))
    if wanted.has(team=Team.SALES):
        passes.stalled = DealAudit(Scope(now, contract, timedelta(days=90)), users, new_checks())
    return passes


def grouping(by: By | None, users: Users, zone: str) -> Group:
    """Which group somebody belongs to; who has none of the kind is of the group `none`."""

    def group(person: Subject, at: datetime) -> str:
        if by is None:
            return ""
        if by is By.PERIOD:
            return month_of(at, zone)
        if by is By.OWNER:
            return users.name(person.owner) or "none"
        value = {By.SOURCE: person.source, By.SEGMENT: person.segment, By.PERSONA: person.persona}
        return value[by] or "none"

    return group


def dealing(by: By | None, users: Users, zone: str) -> DealGroup:
    """Which group an opportunity belongs to: by its own owner, by the month, else by the first of
    its people; who was touched first is the first, and of those nobody touched the one named first.
    """
    of_person = grouping(by, users, zone)

    def group(one: Opportunity, at: datetime) -> str:
        if by is None:
            return ""
        if by is By.PERIOD:
            return month_of(at, zone)
        if by is By.OWNER:
            return users.name(one.deal.owner) or "none"
        first = min(one.people, key=_touched_first, default=None)
        return of_person(first, at) if first is not None else "none"

    return group


def _touched_first(person: Subject) -> tuple[bool, datetime | None, str]:
    first = person.touches[0].at if person.touches else None
    return (first is None, first, person.key)


def _behind(part: Rung | Desk) -> dict[str, Any]:
    """Who is behind each figure of a part."""
    return {"records": part.records(), "values": part.values()}


def _in_order(working: Working) -> list[Handover]:
    return sorted(working.handoffs, key=lambda one: (one.at, one.person.key), reverse=True)


def _edge(at: datetime) -> datetime | None:
    """An edge of the period, None where it has none there."""
    return at if MINYEAR < at.year < MAXYEAR else None
