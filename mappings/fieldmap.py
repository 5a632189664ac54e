"""What a mapping says, loaded: object mappings, field rules, activities, consent.

Frozen and complete: the loader (`mappings.loader`) fills in every default, so that the stages
never ask what an absent key means. `at` is the place in the file, for errors and `explain`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mappings.contract import Contract
from mappings.errors import Position
from mappings.record_ids import id18
from mappings.records import EventKind, Side


class Direction(StrEnum):
    """Which way a field rule carries values."""

    BOTH = "both"
    TO_CRM = "to_crm"
    TO_MAP = "to_map"


class Overwrite(StrEnum):
    """When a value may replace another one on the target side."""

    ALWAYS = "always"
    IF_BLANK = "if_blank"
    NEWEST = "newest"
    NEVER = "never"


class Owner(StrEnum):
    """Who wins where both sides changed, as a mapping says it."""

    MAP = "map"
    CRM = "crm"
    NONE = "none"

    @property
    def side(self) -> Side | None:
        """The side, None for nobody."""
        return None if self is Owner.NONE else Side(self.value)


class Aggregate(StrEnum):
    """How two different values of one field become one."""

    MAX = "max"
    SUM = "sum"
    NEWEST = "newest"


class ValueType(StrEnum):
    """What a field's values are, so that both vendors' spellings can be compared."""

    TEXT = "text"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    NUMBER = "number"
    CURRENCY = "currency"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    PICKLIST = "picklist"
    MULTIPICKLIST = "multipicklist"


class EntityKind(StrEnum):
    """What an object mapping is about: matching and record choice depend on it."""

    PERSON = "person"
    COMPANY = "company"
    DEAL = "deal"


class TooLong(StrEnum):
    """What happens to text longer than the target field."""

    REJECT = "reject"
    TRUNCATE = "truncate"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One line of a mapping.

    `map` is the MAP property; `crm` maps each CRM object the rule applies to onto its field
    (one rule serves `Lead.Street` and `Contact.MailingStreet`). `owner` wins when both sides
    changed; where it is None the newest change does, and where nobody can tell, a person. `clear`
    says whether a blank may replace a value. `values` translates picklists, MAP value to CRM value.
    `transform` names steps of `mappings.steps`, applied to what goes to `flows_to`; `source_type`
    is what the values they read are, where that is not `type`. `template` composes the value read
    of several fields of the source; `when` is a condition on the source's record ("" = always).
    `max_length` (characters) comes from the file or the vendor's describe, as do `options`: the
    only values a side takes, where it refuses all others. In the objects of `parked` the rule rests
    until their schema is as it should be (`mappings.drift`). `key` names it in shadows, ledgers and
    reports: stable while both names are.
    """

    map: str
    crm: Mapping[str, str]
    direction: Direction
    owner: Side | None
    overwrite: Overwrite
    clear: bool
    type: ValueType
    at: Position
    aggregate: Aggregate | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    transform: tuple[str, ...] = ()
    default: str | None = None
    too_long: TooLong = TooLong.REJECT
    max_length: int | None = None
    template: str = ""
    when: str = ""
    source_type: ValueType | None = None
    options: Mapping[Side, frozenset[str]] = field(default_factory=dict)
    parked: frozenset[str] = frozenset()
    key: str = field(init=False, repr=False, compare=False)
    carries_as_is: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out once what is asked with every field of every record: the rule's name, and
        whether a value that is valid and fits is carried as it stands."""
        object.__setattr__(self, "key", rule_key(self.map, self.crm))
        changing = self.transform or self.values or self.source_type or any(self.options.values())
        object.__setattr__(self, "carries_as_is", not changing)

    @property
    def flows_to(self) -> Side:
        """The side its steps and its default are for: where it writes, the CRM where it writes
        both."""
        return Side.MAP if self.direction is Direction.TO_MAP else Side.CRM

    @property
    def source(self) -> Side:
        """The side that `template` and `when` read."""
        return self.flows_to.other

    def writes(self, side: Side) -> bool:
        """Whether the direction lets it write that side."""
        closed = Direction.TO_MAP if side is Side.CRM else Direction.TO_CRM
        return self.direction is not closed

    def type_of(self, side: Side) -> ValueType:
        """What that side's values are."""
        if self.source_type is not None and side is self.source:
            return self.source_type
        return self.type


def rule_key(map_field: str, crm: Mapping[str, str]) -> str:
    """The name of the rules about a MAP field and these CRM fields by object."""
    return f"{map_field}>{'/'.join(f'{o}.{f}' for o, f in sorted(crm.items()))}"


NAMED_KINDS = tuple(kind.value for kind in EventKind if kind is not EventKind.CUSTOM)
"""The kinds of event `activities` knows; custom events have names of their own."""


class ActivityForm(StrEnum):
    """What an event becomes in the CRM."""

    TASK = "task"
    CAMPAIGN_MEMBER = "campaign_member"
    ROLLUP = "rollup"
    OFF = "off"


class TouchSource(StrEnum):
    """What is read of how people were in touch, beside forms, e-mail events, Tasks and meetings in
    the CRM: a stream each."""

    CAMPAIGN_RESPONSES = "campaign_responses"
    EMAIL_MESSAGES = "email_messages"
    CALLS = "calls"
    MEETINGS = "meetings"


@dataclass(frozen=True, slots=True)
class ConsentRule:
    """Which CRM flag stands for which scope; `subscription` None means all mail."""

    crm: Mapping[str, str]
    subscription: str | None
    at: Position


class OutcomeFact(StrEnum):
    """What the CRM knows about a person, folded over their records and opportunities."""

    CRM_ID = "crm_id"
    CRM_OBJECT = "crm_object"
    LEAD_STATUS = "lead_status"
    OWNER_NAME = "owner_name"
    OWNER_EMAIL = "owner_email"
    OPPORTUNITY_STAGE = "opportunity_stage"
    OPPORTUNITY_AMOUNT = "opportunity_amount"
    OPPORTUNITY_OUTCOME = "opportunity_outcome"
    CLOSE_DATE = "close_date"
    TOTAL_REVENUE = "total_revenue"
    WON_COUNT = "won_count"
    CUSTOMER_SINCE = "customer_since"


@dataclass(frozen=True, slots=True)
class OutcomeRule:
    """One outcome written back: which fact goes to which MAP contact property."""

    fact: OutcomeFact
    map: str
    at: Position


@dataclass(frozen=True, slots=True)
class IdentityRule:
    """Where matching finds one attribute of `PersonAttributes`: property and field names.

    `map` lists MAP properties, `crm` lists fields by CRM object; for the tuple attributes all
    values are taken, otherwise the first non-blank one.
    """

    attribute: str
    map: tuple[str, ...]
    crm: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class CreateRule:
    """What MAP records for which `when` holds become: a CRM object, or None for nothing."""

    object: str | None
    when: str
    at: Position


@dataclass(frozen=True, slots=True)
class ObjectMapping:
    """One entry of a mapping file: one MAP object against one or more CRM objects.

    `crm_objects` are in order of preference (Contact before Lead). `create_crm` names the CRM
    object that a MAP record without counterpart becomes, None for no creation; those for which a
    rule of `create_when` holds become what the first such rule says (`mappings.applying`).
    `create_map` says whether a CRM record without counterpart is created in the MAP.
    `include` is a condition on the MAP record ("" = every record).
    """

    name: str
    kind: EntityKind
    map_object: str
    crm_objects: tuple[str, ...]
    create_crm: str | None
    create_map: bool
    include: str
    fields: tuple[FieldRule, ...]
    identity: tuple[IdentityRule, ...]
    at: Position
    create_when: tuple[CreateRule, ...] = ()
    unconditional: Mapping[str, tuple[FieldRule, ...]] | None = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Where no rule has a condition, those about a CRM object are the same for every record:
        `unconditional` holds them by object, without those that rest there."""
        plain = not any(rule.when for rule in self.fields)
        object.__setattr__(self, "unconditional", self._by_object() if plain else None)

    def _by_object(self) -> dict[str, tuple[FieldRule, ...]]:
        return {
            name: tuple(
                rule
                for rule in self.fields
                if name in rule.crm and rule.parked.isdisjoint((name, self.map_object))
            )
            for name in self.crm_objects
        }

    @property
    def creatable(self) -> tuple[str, ...]:
        """The CRM objects that MAP records may become, each once."""
        named = (*(rule.object for rule in self.create_when), self.create_crm)
        return tuple(dict.fromkeys(name for name in named if name is not None))


@dataclass(frozen=True, slots=True)
class PairMapping:
    """Everything the mapping files of one connection pair say.

    `campaigns` maps a MAP form, campaign or event name to a CRM Campaign id, for events that become
    CampaignMembers. `custom_events` says of each of the MAP's custom events, by its name, what it
    becomes; among `activities` they are the kind CUSTOM, a roll-up where any of them is. `go_live`
    (aware UTC) ends the baseline: form fills before it are rolled up and make no Task (law 13).
    `touches` are the further touch points that are read.
    `hash` is a stable digest of the files, `contract` included: a change of it is a plan.
    """

    objects: tuple[ObjectMapping, ...]
    activities: Mapping[EventKind, ActivityForm]
    consent: tuple[ConsentRule, ...]
    outcomes: tuple[OutcomeRule, ...]
    campaigns: Mapping[str, str]
    go_live: datetime | None
    hash: str
    contract: Contract = field(default_factory=Contract)
    custom_events: Mapping[str, ActivityForm] = field(default_factory=dict)
    touches: frozenset[TouchSource] = frozenset()

    @property
    def read_touches(self) -> frozenset[TouchSource]:
        """The further touch points to read: those named, and those the contract counts."""
        counted = "events.campaign_response" in self.contract.names
        return self.touches | ({TouchSource.CAMPAIGN_RESPONSES} if counted else frozenset())

    @property
    def machines(self) -> frozenset[str]:
        """Users whose doings are no human's, as `reporting.integrations` names them."""
        return frozenset(map(id18, self.contract.reporting.integrations))

    @property
    def pulled_events(self) -> tuple[str, ...]:
        """The names of the custom events that become anything, in order."""
        forms = sorted(self.custom_events.items())
        return tuple(name for name, form in forms if form is not ActivityForm.OFF)

    @property
    def rolled_up_events(self) -> tuple[str, ...]:
        """The names of the custom events that become counts."""
        forms = self.custom_events.items()
        return tuple(name for name, form in forms if form is ActivityForm.ROLLUP)

    def form_of(self, kind: EventKind, name: str) -> ActivityForm:
        """What an event of that kind and name becomes."""
        if kind is EventKind.CUSTOM:
            return self.custom_events.get(name, ActivityForm.OFF)
        return self.activities.get(kind, ActivityForm.OFF)

    def object(self, name: str) -> ObjectMapping:
        """The object mapping of that name. Raises KeyError."""
        for mapping in self.objects:
            if mapping.name == name:
                return mapping
        raise KeyError(name)

    def of_kind(self, kind: EntityKind) -> ObjectMapping | None:
        """The first object mapping about that kind of entity."""
        return next((m for m in self.objects if m.kind is kind), None)
