"""What planning sees of one golden record: both sides' records, the shadow, facts and events.

Frozen, complete and free of effects: `sync.gather` builds views from the state, the planners turn
them into intents, tests build them by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mappings.applying import created_as
from mappings.fieldmap import EntityKind, ObjectMapping, OutcomeFact, PairMapping
from mappings.ports import FieldSchema, Lane
from mappings.records import EventKind, Json, Record, RecordRef
from mappings.required_fields import COUNTERS
from state.events import Rollup, StoredEvent

ROLLUP_FIELDS: Mapping[EventKind, str] = {kind: name for kind, (name, _) in COUNTERS.items()}
"""Which CRM field counts which kind of rolled-up event."""

Scope = str | None
"""What mail a refusal is about: a subscription type's number, or None for all mail."""

Times = tuple[datetime | None, datetime | None]
"""When a field was last changed on the MAP and on the CRM side."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What every plan of a pair is made under.

    `namespace` is the pair's account ids, `schemas` the described fields by (system, object) where
    known; `map_system` and `crm_system` are connector kinds.
    """

    mapping: PairMapping
    map_system: str
    crm_system: str
    namespace: str
    lane: Lane = Lane.INCREMENTAL
    schemas: Mapping[tuple[str, str], Mapping[str, FieldSchema]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A record with an address of somebody else's: `owner` is the golden record it belongs to, or
    its own name where it belongs to none."""

    record: Record
    owner: str


@dataclass(frozen=True, slots=True)
class StageField:
    """One field that shows where a person stands, by its names on both sides, canonical. One of
    `history` says what was so before `go_live`: it is written only where it corrects what is there.
    """

    map: str
    crm: str
    value: Json
    rule: str
    history: bool = False


@dataclass(frozen=True, slots=True)
class Projection:
    """The MAP's own stage: the value to show, the one that was left by a step back (None: there was
    none), and all values in the vendor's order."""

    field: str
    value: str
    left: str | None
    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HandoffTask:
    """A task that a handoff asks for: under which key, for which user, what it says, since when."""

    key: str
    user: str
    subject: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StageView:
    """Where a person stands in the contract, as it is to be shown: the stage's fields, the MAP's
    own stage, and, while they are handed over, the CRM user they were given to and the tasks to be
    made for them.
    """

    fields: tuple[StageField, ...] = ()
    projection: Projection | None = None
    owner: str | None = None
    tasks: tuple[HandoffTask, ...] = ()


@dataclass(frozen=True, slots=True)
class EntityView:
    """One golden record at the moment of planning; or, for its consent alone, a person's record
    that belongs to none.

    `map_records` and `crm_records` are live, the one that is written to first. `shadow` holds the
    last agreed (MAP, CRM) values by rule key of the first of each. `facts` are canonical outcome
    values. `included` says whether the mapping's condition holds; `creatable` is false for golden
    records whose CRM record a person deleted. `refused` is the most restrictive consent state
    found on either side, of the person or of an address of theirs; `neighbours` are others' live
    records at these addresses. `taken` are addresses that another MAP contact has: the MAP would
    refuse a second one with it, and everything written along. `times` says when the fields that
    both sides changed were last changed there, by rule key, where it was asked and the vendors
    tell.
    `held` says that a record of theirs was deleted and may turn out to have been merged. `keyed`
    are objects on which their key stands for good, on a Lead that was converted: unique, it goes
    on no other record of that object. `stage` is where the person stands in the contract, None
    without one.
    """

    entity_id: str
    kind: EntityKind
    mapping: ObjectMapping
    map_records: tuple[Record, ...]
    crm_records: tuple[Record, ...]
    shadow: Mapping[str, tuple[Json, Json]] | None
    facts: Mapping[OutcomeFact, Json] = field(default_factory=dict)
    events: tuple[StoredEvent, ...] = ()
    rollup: Rollup | None = None
    included: bool = True
    creatable: bool = True
    refused: frozenset[Scope] = frozenset()
    neighbours: tuple[Neighbour, ...] = ()
    taken: frozenset[str] = frozenset()
    joins: tuple[tuple[str, str], ...] = ()
    times: Mapping[str, Times] = field(default_factory=dict)
    held: bool = False
    keyed: frozenset[str] = frozenset()
    stage: StageView | None = None

    @property
    def map_record(self) -> Record | None:
        """The MAP record that fields are written to and read from."""
        return self.map_records[0] if self.map_records else None

    @property
    def crm_record(self) -> Record | None:
        """The CRM record that fields are written to and read from."""
        return self.crm_records[0] if self.crm_records else None


def becomes(view: EntityView) -> str | None:
    """The CRM object this person becomes where they have no record there; None for none."""
    return None if view.map_record is None else created_as(view.mapping, view.map_record.fields)


def bond_of(map_record: Record | None, crm_record: Record | None) -> str:
    """Names the pair of records a shadow is about."""
    left = str(map_record.ref) if map_record else "-"
    right = str(crm_record.ref) if crm_record else "-"
    return f"{left}|{right}"


def met_key(rule: str) -> str:
    """Under which key of the shadow the values of a rule's field are noted that two records held
    when they were linked, until they have agreed on it for the first time."""
    return f"met:{rule}"


UNDONE = "undone:"
"""How the keys of undone values begin."""


def held_key(ref: RecordRef, name: str) -> str:
    """Under which key of the shadow an undone value of Leadloop's own field is remembered."""
    return f"{UNDONE}{ref}:{name}"


def is_held(view: EntityView, ref: RecordRef, name: str, value: Json) -> bool:
    """Whether this very value of a field of ours was undone: it is not written again (ADR 0019).

    What the field should say must move on first.
    """
    held = (view.shadow or {}).get(held_key(ref, name))
    return held is not None and held[0] == value
