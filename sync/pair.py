"""One connection pair, wired: what every stage is handed.

Built in one place (`sync.wiring.open_pair`). Nothing in it changes during a run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from mappings.errors import LeadloopError
from mappings.fieldmap import EntityKind, ObjectMapping, PairMapping
from mappings.ports import Connector, Lane
from mappings.records import RecordRef, Side
from state.store import Store
from sync.config import GuardConfig, MatchingConfig
from sync.config_service import Follow
from sync.limits import Turn
from sync.unfit import Unfit


@dataclass(frozen=True, slots=True)
class Progress:
    """Told how a run is getting on: a stage's name, how much is done, how much there is."""

    report: Callable[[str, int, int | None], None] = field(default=lambda *_: None)


Say = Callable[[str, str], bool]
"""Tells people a title and a text; whether it reached them."""
Tell = Callable[[str | None], Say | None]
"""How somebody hears, by their e-mail address (None: whoever runs marketing); None: not at all."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A connection pair with everything a run needs.

    `namespace` is both account ids: link keys are minted under it. `clock` is the business clock.
    `integration_user` is our own user id at the CRM, where it tells. `turns` are the connectors'
    places at their accounts. `unreachable` sides could not be connected: they are not called, the
    other side's work goes on. `watch` is called when a run has ended: people may have to be told.
    `tell` gives notice of handoffs.
    `hold_deletions` is how long a person's deleted record may turn out to have been merged,
    `nightly` the UTC time of what is read once a day. `unfit` is what the vendors cannot take now
    (`sync.drift`). `follow_erasures` says whether a deletion for good at the MAP is an erasure.
    """

    name: str
    mapping: PairMapping
    store: Store
    map_side: Connector
    crm_side: Connector
    namespace: str
    config_hash: str
    matching: MatchingConfig
    guard: GuardConfig
    region: str | None
    clock: Callable[[], datetime]
    progress: Progress = field(default_factory=Progress)
    integration_user: str | None = None
    turns: Mapping[Side, Turn] = field(default_factory=dict)
    unreachable: Mapping[Side, LeadloopError] = field(default_factory=dict)
    watch: Callable[[], None] = lambda: None
    tell: Tell = lambda _: None
    hold_deletions: timedelta = timedelta(0)
    nightly: time = time(2)
    unfit: Unfit = field(default_factory=Unfit)
    follow_erasures: Follow = Follow.STATE

    def in_lane(self, side: Side, lane: Lane) -> contextlib.AbstractContextManager[None]:
        """Calls to a side within the block count as work of this lane (law 12)."""
        turn = self.turns.get(side)
        return turn.using(lane) if turn is not None else contextlib.nullcontext()

    def may_call(self, side: Side, lane: Lane) -> bool:
        """Whether a call of this lane would be let through now."""
        turn = self.turns.get(side)
        return turn is None or turn.may_call(lane)

    def connector(self, side: Side) -> Connector:
        """The connector of a side."""
        return self.map_side if side is Side.MAP else self.crm_side

    def side_of(self, system: str) -> Side:
        """Which side a connector kind is on."""
        return Side.MAP if system == self.map_side.system else Side.CRM

    def mapping_of(self, ref: RecordRef) -> ObjectMapping | None:
        """The object mapping a record belongs to, None for support objects."""
        for mapping in self.mapping.objects:
            if self.side_of(ref.system) is Side.MAP:
                if mapping.map_object == ref.object:
                    return mapping
            elif ref.object in mapping.crm_objects:
                return mapping
        return None

    def kind_of(self, ref: RecordRef) -> EntityKind | None:
        """What a record is about, None for support objects."""
        mapping = self.mapping_of(ref)
        return mapping.kind if mapping else None
