"""The lifecycle contract as loaded: lifecycles, stages, handoffs, calendars, queues, promises.

Frozen and complete, like `mappings.fieldmap`: the loader (`mappings.contract_loader`) fills in
every default. Conditions are kept as text with their place, and with the types of the names they
use (`Contract.names`), so that a contract can be compared, hashed and evaluated anywhere;
`mappings.criteria` makes functions of them. `lifecycle/` decides by it and reads no YAML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from mappings.errors import Position
from mappings.reporting import Reporting

if TYPE_CHECKING:  # a mapping holds its contract
    from mappings.fieldmap import ValueType


class Team(StrEnum):
    """Who a stage, a touch or a duty belongs to."""

    MARKETING = "marketing"
    SALES = "sales"
    SHARED = "shared"


class Fact(StrEnum):
    """What being qualified means, once for each team: separate facts in separate fields (law 5)."""

    MQL = "mql"
    SALES_QUALIFIED = "sales_qualified"

    @property
    def team(self) -> Team:
        """Whose fact it is: only that team's data may establish it."""
        return Team.MARKETING if self is Fact.MQL else Team.SALES


class Period(StrEnum):
    """What a promise is counted by, in the reporting time zone."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition (CEL, `mappings.criteria`) and where it stands."""

    text: str
    at: Position


@dataclass(frozen=True, slots=True)
class BusinessSpan:
    """A promised time: so much working time, or (with `days`) by the end of that business day."""

    hours: timedelta = timedelta()
    days: int | None = None

    def __str__(self) -> str:
        if self.days is not None:
            return f"{self.days} business {'day' if self.days == 1 else 'days'}"
        minutes = int(self.hours.total_seconds()) // 60
        whole, rest = divmod(minutes, 60)
        return f"{whole} h" if not rest else f"{minutes} min"


@dataclass(frozen=True, slots=True)
class CalendarSpec:
    """When a team works: local opening hours by weekday (0 = Monday), and its days off.

    `holidays` names a country or subdivision whose public holidays are days off, "" for none.
    """

    name: str
    zone: str
    hours: Mapping[int, tuple[tuple[time, time], ...]]
    days_off: tuple[date, ...]
    holidays: str
    at: Position


@dataclass(frozen=True, slots=True)
class Absence:
    """Days on which a member takes on nobody new, both included, local to their calendar."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who takes leads: a CRM user id, a share (`weight`) and a limit of open ones."""

    user: str
    weight: int = 1
    capacity: int | None = None
    away: tuple[Absence, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """Who takes leads, in turn by weight. `fallback` takes those that nobody can take."""

    name: str
    calendar: str | None
    members: tuple[Member, ...]
    fallback: str
    at: Position


@dataclass(frozen=True, slots=True)
class Routing:
    """One line of a handoff's distribution: the first whose condition holds says the queue."""

    when: Criterion | None
    queue: str


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """What sales promises about a handoff, in business time of the owner's calendar.

    `warn` is the share of the time after which a warning goes out; `escalate_to` are user ids, one
    for each further time the promise is broken. `calendar` stands in where the queue names none.
    """

    accept_within: BusinessSpan | None
    touch_within: BusinessSpan | None
    attempts: int | None
    attempts_within: BusinessSpan | None
    warn: float
    escalate_to: tuple[str, ...]
    calendar: str | None
    at: Position


@dataclass(frozen=True, slots=True)
class HandoffRule:
    """How a stage is handed to the other team once it is reached.

    `accept` and `reject` are how sales' answer is read; `reason` is the CRM field that says why.
    """

    routing: tuple[Routing, ...]
    accept: Criterion | None
    reject: Criterion | None
    reason: str | None
    task: str
    notify: bool
    level: ServiceLevel | None
    at: Position


@dataclass(frozen=True, slots=True)
class ExitRule:
    """An explicit step back: when it holds, to which stage, why, and until when.

    The reason is `reason_field`'s value (one of the lifecycle's `recycle_reasons`) or `reason`
    itself. `recontact_field` holds the date of return, else `recontact_after` counts from the step.
    """

    when: Criterion
    to: str
    reason: str | None
    reason_field: str | None
    recontact_field: str | None
    recontact_after: timedelta | None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. All of `entry` must hold; a stage without entry is reached by recycling alone.

    `after` are the stages that come directly before it, from which (or from earlier ones) it is
    reached. `requires` are fields that a handoff waits for. `shown_as` is the value of HubSpot's
    lifecyclestage while somebody stands here: a projection, never read.
    """

    name: str
    team: Team
    after: tuple[str, ...]
    entry: tuple[Criterion, ...]
    requires: tuple[str, ...]
    exits: tuple[ExitRule, ...]
    fact: Fact | None
    shown_as: str | None
    handoff: HandoffRule | None
    at: Position


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Stages in order, and the segment (a condition; None = everybody) they apply to."""

    name: str
    segment: Criterion | None
    stages: tuple[Stage, ...]
    recycle_reasons: tuple[str, ...]
    at: Position

    def stage(self, name: str) -> Stage:
        """The stage of that name. Raises KeyError."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)

    def predecessors(self, name: str) -> frozenset[str]:
        """Every stage that comes before a stage, directly or through others."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            for before in self.stage(waiting.pop()).after:
                if before not in found:
                    found.add(before)
                    waiting.append(before)
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Promise:
    """Marketing's promise: so many people reach a stage in a period, of a persona where named."""

    lifecycle: str
    stage: str
    count: int
    per: Period
    persona: str | None
    at: Position


@dataclass(frozen=True, slots=True)
class Persona:
    """A kind of buyer, by what is known of a person."""

    name: str
    when: Criterion


@dataclass(frozen=True, slots=True)
class Contract:
    """Everything the two teams have agreed on. Without lifecycles there is no contract.

    `names` are the types of all names the conditions use. `personas` are in order: a person is
    the first that holds. `zone` is the reporting time zone, in which `today` is read. `hash` is a
    digest of all that: who was evaluated under another one is evaluated anew. `reporting` decides
    nothing and is no part of it.
    """

    lifecycles: tuple[Lifecycle, ...] = ()
    personas: tuple[Persona, ...] = ()
    calendars: Mapping[str, CalendarSpec] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    promises: tuple[Promise, ...] = ()
    names: Mapping[str, ValueType] = field(default_factory=dict)
    zone: str = "UTC"
    hash: str = ""
    reporting: Reporting = field(default_factory=Reporting)

    def __bool__(self) -> bool:
        return bool(self.lifecycles)

    def lifecycle(self, name: str) -> Lifecycle:
        """The lifecycle of that name. Raises KeyError."""
        for lifecycle in self.lifecycles:
            if lifecycle.name == name:
                return lifecycle
        raise KeyError(name)

    def has_handoffs(self) -> bool:
        """Whether any stage is handed over."""
        return any(s.handoff is not None for lc in self.lifecycles for s in lc.stages)

    def facts(self) -> frozenset[Fact]:
        """The qualification facts any of the lifecycles establishes."""
        return frozenset(s.fact for lc in self.lifecycles for s in lc.stages if s.fact is not None)
