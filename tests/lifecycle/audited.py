"""A small world as the audit sees it, without a defect; tests plant theirs into copies of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lifecycle.audit import Check, Scope, new_checks
from lifecycle.audit_deals import DealAudit
from lifecycle.audit_people import PeopleAudit
from lifecycle.subjects import Card, Entry, Opportunity, Owning, Subject, Users
from lifecycle.timeline import Deal, MomentKind
from lifecycle.touch import Touch
from mappings.contract import Team

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
REP, GONE, ROBOT = "005REP", "005GONE", "005ROBOT"
USERS = Users(
    {REP: "Dana", GONE: "Gil", ROBOT: "Sync"}, frozenset({REP, ROBOT}), frozenset({ROBOT})
)


def before(days: float, hours: float = 0) -> datetime:
    """So long before the audit."""
    return NOW - timedelta(days=days, hours=hours)


SCOPE = Scope(NOW, events_since=before(900))


def touch(at: datetime, person: str, kind: MomentKind, source: str = "") -> Touch:
    """Something that reached a person, or that they did."""
    sales = kind in {MomentKind.CALL, MomentKind.TASK, MomentKind.MEETING}
    return Touch(
        at, f"{kind}:{at:%d%H}", person, Team.SALES if sales else Team.MARKETING, kind, source,
        REP if sales else None,
    )  # fmt: skip


def person(name: str = "ada", *, came: float = 20) -> Subject:
    """Somebody marketing had, who filled in a form, came to sales, and was called the day after."""
    lead = Card(
        f"salesforce:Lead:{name}", "Lead", before(came), created_by="Sync", owner=REP,
        stages=("Working - Contacted",),
    )  # fmt: skip
    call = Entry(f"salesforce:Task:{name}", before(came - 1), before(came - 1), REP, on=lead.ref)
    return Subject(
        key=name,
        map=(Card(f"hubspot:contacts:{name}", "contacts", before(came + 30), stages=("lead",)),),
        crm=(lead,),
        came=lead,
        touches=(
            touch(before(came + 1), name, MomentKind.FORM_FILL, "Contact us"),
            touch(before(came - 1), name, MomentKind.CALL),
        ),
        entries=(call,),
    )


def deal(name: str = "d1", *, won: bool = False, person_: Subject | None = None) -> Opportunity:
    """An open deal somebody called about last week, or one that was won yesterday."""
    people = (person_ or person(f"{name}-ada", came=60),)
    made = Deal(
        f"salesforce:Opportunity:{name}", before(40), people=tuple(p.key for p in people),
        owner=REP, stage="Closed Won" if won else "Qualification", is_closed=won, is_won=won,
        closed_at=before(1) if won else None,
    )  # fmt: skip
    call = Entry(f"salesforce:Task:{name}", before(7), before(7), REP, about=made.key)
    return Opportunity(
        made, people, (*people[0].entries, call), (Owning(before(40), REP),), before(40)
    )


def audited(
    people: Iterable[Subject] = (), deals: Iterable[Opportunity] = (), scope: Scope = SCOPE
) -> dict[str, Check]:
    """What the audit says of them."""
    checks = new_checks()
    one, other = PeopleAudit(scope, USERS, checks), DealAudit(scope, USERS, checks)
    for subject in people:
        one.add(subject)
    one.end()
    for opportunity in deals:
        other.add(opportunity)
    other.end()
    return checks


def findings(checks: dict[str, Check]) -> list[tuple[str, str]]:
    """(code, record) of everything that was found."""
    return [(f.code, f.record) for check in checks.values() for f in check.ordered()]


def with_lead(subject: Subject, **changes: object) -> Subject:
    """The person with another Lead."""
    lead = replace(subject.crm[0], **changes)  # type: ignore[arg-type]
    return replace(subject, crm=(lead, *subject.crm[1:]), came=lead)
