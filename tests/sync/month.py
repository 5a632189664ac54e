"""A month of a small company: what both teams agreed on, eight people and four deals.

Small enough that every figure of its reports can be reckoned by hand; tests share it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lifecycle.handoff import Assignment, Chosen, Handoff, Status
from lifecycle.periods import span_of
from lifecycle.standing import Move, Transition
from lifecycle.subjects import Card, Opportunity, Owning, Subject, Users
from lifecycle.timeline import Deal, MomentKind
from lifecycle.touch import Touch
from mappings.contract import Contract, Team
from mappings.money import Money
from sync.reporting import Wanted, told_of
from sync.reporting_words import Audience, By, Kind
from tests.sync.agreed import mapping_with

AGREED = """\
format: 1
go_live: "2026-01-01T00:00:00Z"
reporting:
  zone: Europe/Berlin
  currency: EUR
  rates:
    - {currency: USD, from: "2026-01-01", rate: 0.9}
    - {currency: USD, from: "2026-03-10", rate: 0.8}
  quotas: [{period: 2026-03, amount: 2000, marketing: 0.5}]
calendars:
  berlin: {zone: Europe/Berlin, hours: {mon-fri: 09:00-17:00}, holidays: DE-BE}
queues:
  inbound:
    calendar: berlin
    members: [{user: "005000000000001AAA"}, {user: "005000000000002AAA"}]
    fallback: "005000000000009AAA"
lifecycles:
  main:
    stages:
      lead: {team: marketing, entry: count(events.form_fill) >= 1}
      mql:
        team: marketing
        fact: mql
        entry: count(events.form_fill, days(30)) >= 2
        handoff:
          queues: inbound
          accept: crm.Status == "Working - Contacted"
          service_level: {accept_within: 4h, touch_within: 1d, attempts: 2, attempts_within: 10d}
      working: {team: sales, fact: sales_qualified, entry: crm.Status == "Working - Contacted"}
      customer: {team: shared, entry: count(deals.won) >= 1}
promises:
  - {lifecycle: main, stage: mql, count: 6, per: month}
"""
DANA, EVE = "005000000000001AAA", "005000000000002AAA"
USERS = Users({DANA: "Dana", EVE: "Eve"}, frozenset({DANA, EVE}))
FORM, CLICK, CALL = MomentKind.FORM_FILL, MomentKind.EMAIL_CLICK, MomentKind.CALL


def at(month: int, day: int, hour: int = 10) -> datetime:
    """That hour (UTC) of a day of 2026; Berlin is one hour on, from 29 March two."""
    return datetime(2026, month, day, hour, tzinfo=UTC)


NOW = at(4, 8)
"""A Wednesday, at noon in Berlin; Good Friday was the 3rd, Easter Monday the 6th."""
ENTRIES = {"lead": 0, "mql": 1, "working": 2, "customer": 3}


def person(
    name: str,
    *stages: tuple[str, datetime],
    touches: Iterable[tuple[datetime, MomentKind, str]] = (),
    given: datetime | None = None,
    owner: str = DANA,
    accepted: datetime | None = None,
    robot: datetime | None = None,
    came: datetime | None = None,
) -> Subject:
    """Somebody who entered these stages, was touched so, and was given to sales then."""
    record = f"salesforce:Lead:{name}"
    made = tuple(
        Touch(when, f"{name}:{when}", name, Team.SALES if kind is CALL else Team.MARKETING, kind,
              source, owner if kind is CALL else None)
        for when, kind, source in touches
    )  # fmt: skip
    before: str | None = None
    moves = []
    for stage, when in stages:
        moves.append(Transition(when, "main", before, stage, Move.FORWARD))
        before = stage
    handoffs = []
    if given is not None:
        calls = [t.at for t in made if t.team is Team.SALES and t.at >= given]
        handoffs.append(
            Handoff(
                f"{name}:main:mql:1", name, "main", "mql", "forward", given,
                Status.OPEN if accepted is None else Status.ACCEPTED,
                assignments=(Assignment(owner, given, Chosen.TURN, "inbound"),),
                attempts=tuple(sorted([*calls, *([robot] if robot else [])])),
                accepted_at=accepted,
            )
        )  # fmt: skip
    lead = Card(record, "Lead", came or at(3, 1), owner=owner)
    first = next((t for t in made if t.team is Team.MARKETING), None)
    return Subject(
        name, crm=(lead,), came=lead if came else None, touches=made, moves=tuple(moves),
        handoffs=tuple(handoffs), segment="main" if moves else "",
        source=f"{first.kind}: {first.source}" if first else "",
    )  # fmt: skip


ADA = person(
    "ada", ("lead", at(3, 2)), ("mql", at(3, 4)), ("working", at(3, 5)), ("customer", at(3, 20)),
    touches=[(at(3, 2), FORM, "Price list"), (at(3, 5), CALL, "Intro"), (at(3, 6), CALL, "Intro"),
             (at(3, 12), CLICK, "News")],
    given=at(3, 4), accepted=at(3, 4, 12), came=at(3, 4),
)  # fmt: skip
BEN = person(  # a machine's call on the 10th stands in his handoff; it is nobody's attempt
    "ben", ("lead", at(3, 3)), ("mql", at(3, 9)), touches=[(at(3, 3), FORM, "Demo")],
    given=at(3, 9), owner=EVE, robot=at(3, 10),
)  # fmt: skip
CY = person(
    "cy", ("lead", at(2, 2)), ("mql", at(3, 30, 8)),
    touches=[(at(2, 2), FORM, "Price list"), (at(4, 7, 8), CALL, "Late")], given=at(3, 30, 8),
)  # fmt: skip
DOT = person("dot", ("lead", at(3, 20)), touches=[(at(3, 20), CLICK, "News")])
ELI = person("eli", ("working", at(3, 12)), owner=EVE)
FLO = person(
    "flo", ("mql", at(3, 31, 8)), touches=[(at(3, 31, 8), FORM, "Demo")],
    given=at(3, 31, 8), owner=EVE, accepted=at(3, 31, 9),
)  # fmt: skip
GUS = person("gus", ("lead", at(2, 10)), touches=[(at(2, 10), FORM, "Demo")])
HAL = person("hal", touches=[(at(2, 20), CALL, "Cold"), (at(3, 8), FORM, "Demo")])
PEOPLE = [ADA, BEN, CY, DOT, ELI, FLO, GUS, HAL]


def deal(
    name: str,
    amount: str,
    currency: str,
    opened: datetime,
    won: datetime | None = None,
    person: Subject | None = None,
    owner: str = DANA,
) -> Opportunity:
    """An opportunity of Dana's, with this person in it, open or won."""
    made = Deal(
        f"salesforce:Opportunity:{name}", opened, owner=owner, amount=Money.parse(amount, currency),
        closed_at=won, is_closed=won is not None, is_won=won is not None, stage="Proposal",
    )  # fmt: skip
    people = (person,) if person is not None else ()
    return Opportunity(made, people, (), (Owning(opened, owner),), opened)


DEALS = [
    deal("d1", "1000.00", "EUR", at(3, 10), at(3, 20), ADA),
    deal("d2", "500.00", "USD", at(3, 2), at(3, 15), HAL, owner=EVE),
    deal("d3", "100.01", "EUR", at(2, 1), at(3, 25)),
    deal("d4", "7.00", "GBP", at(3, 3)),
]


def agreed(folder: Path) -> Contract:
    """What both teams have agreed on."""
    return mapping_with(folder, AGREED).contract


def told(
    contract: Contract,
    kind: Kind = Kind.MONTHLY,
    by: By | None = None,
    *,
    people: Iterable[Subject] = PEOPLE,
    deals: Iterable[Opportunity] = DEALS,
    records: bool = True,
) -> dict[str, Any]:
    """A report of March, with its records."""
    march = span_of("2026-03", contract.reporting, NOW)
    assert march is not None
    wanted = Wanted(kind, Audience.BOTH, march, by, records=records)
    return told_of(wanted, contract, USERS, NOW, people, deals)
