"""Handoffs as people look at them: who has which lead, since when, and how the promises stand.

Reads only. Promises are counted by the contract as it is now; a handoff of a stage that it no
longer hands over has none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from lifecycle.business_time import BusinessCalendar
from lifecycle.calendars import calendars_of
from lifecycle.handoff import Handoff, Status
from lifecycle.service_levels import Clock, clocks
from lifecycle.stored import handoff_of
from mappings.contract import Contract
from mappings.fieldmap import EntityKind, PairMapping
from mappings.record_ids import id18
from state import identity, loop, mirror
from state.store import Tx
from sync.hand_over import UNDER_WAY
from sync.loop_rows import handoffs_of


class Kept(StrEnum):
    """How a promise stands."""

    RUNNING = "running"
    NEAR = "near"
    BROKEN = "broken"
    KEPT = "kept"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise of one handoff. `LATE` was kept, but after it was due."""

    level: str
    due_at: datetime
    kept_at: datetime | None
    state: Kept

    def as_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "level": self.level,
            "due_at": self.due_at,
            "kept_at": self.kept_at,
            "state": self.state.value,
        }


@dataclass(frozen=True, slots=True)
class Shown:
    """A handoff with the record it is about, the owner's name, and its promises."""

    handoff: Handoff
    entity_id: str
    record: str | None
    owner_name: str | None
    promises: tuple[Promise, ...]

    @property
    def is_breached(self) -> bool:
        """Whether a promise was broken, be it kept since."""
        return any(one.state in {Kept.BROKEN, Kept.LATE} for one in self.promises)

    @property
    def is_held(self) -> bool:
        """Whether it waits for data."""
        return self.handoff.status is Status.HELD

    def as_json(self) -> dict[str, Any]:
        """JSON-able."""
        one = self.handoff
        return {
            "key": one.key,
            "entity_id": self.entity_id,
            "record": self.record,
            "lifecycle": one.lifecycle,
            "stage": one.stage,
            "status": one.status.value,
            "trigger": one.trigger,
            "queue": one.assignment.queue if one.assignment is not None else None,
            "owner": one.owner,
            "owner_name": self.owner_name,
            "chosen": one.assignment.chosen.value if one.assignment is not None else None,
            "opened_at": one.opened_at,
            "given_at": one.given_at,
            "accepted_at": one.accepted_at,
            "ended_at": one.ended_at,
            "reason": one.reason,
            "missing": list(one.missing),
            "attempts": len(one.attempts),
            "first_touch_at": one.first_touch_at,
            "breached": self.is_breached,
            "promises": [promise.as_json() for promise in self.promises],
        }


def under_way(tx: Tx, mapping: PairMapping) -> list[Shown]:
    """Every handoff somebody has something to do about, the oldest first."""
    rows = loop.handoffs_with(tx, UNDER_WAY)
    return shown(tx, mapping, [(row.entity_id, handoff_of(row.body)) for row in rows])


def counts(tx: Tx, mapping: PairMapping) -> dict[str, int]:
    """How many are under way, by status, and of how many a promise was broken (`breached`); empty
    without a contract that hands anything over."""
    if not mapping.contract.has_handoffs():
        return {}
    found = under_way(tx, mapping)
    told = Counter(one.handoff.status.value for one in found)
    return {
        **{status: told[status] for status in UNDER_WAY},
        "breached": sum(one.is_breached for one in found),
    }


def stages(tx: Tx, mapping: PairMapping) -> dict[str, dict[str, int]]:
    """How many people stand at each stage of each lifecycle of the contract."""
    standing = loop.count_stages(tx) if mapping.contract else {}
    return {
        lifecycle.name: {
            stage.name: standing.get((lifecycle.name, stage.name), 0) for stage in lifecycle.stages
        }
        for lifecycle in mapping.contract.lifecycles
    }


def of_person(tx: Tx, mapping: PairMapping, entity_id: str) -> list[Shown]:
    """All handoffs of one person, the oldest first."""
    own = handoffs_of(tx, [entity_id]).get(entity_id, [])
    return shown(tx, mapping, [(entity_id, one) for one in own])


def shown(tx: Tx, mapping: PairMapping, handoffs: Sequence[tuple[str, Handoff]]) -> list[Shown]:
    """Handoffs as they are shown, in the order given."""
    calendars = calendars_of(mapping.contract)
    records = _records(tx, mapping, {entity_id for entity_id, _ in handoffs})
    names = _names(tx) if handoffs else {}
    return [
        Shown(
            one,
            entity_id,
            records.get(entity_id),
            names.get(id18(one.owner)) if one.owner is not None else None,
            tuple(_promises(mapping.contract, calendars, one, tx.now)),
        )
        for entity_id, one in handoffs
    ]


def _promises(
    contract: Contract, calendars: Mapping[str, BusinessCalendar], handoff: Handoff, now: datetime
) -> Iterable[Promise]:
    stages = {(lc.name, stage.name) for lc in contract.lifecycles for stage in lc.stages}
    if (handoff.lifecycle, handoff.stage) not in stages:
        return
    for clock in clocks(contract, calendars, handoff):
        yield Promise(clock.level.value, clock.due_at, clock.kept_at, _state(clock, now))


def _state(clock: Clock, now: datetime) -> Kept:
    if clock.is_broken(now):
        return Kept.BROKEN if clock.kept_at is None else Kept.LATE
    if clock.kept_at is not None:
        return Kept.KEPT
    return Kept.NEAR if clock.is_near(now) else Kept.RUNNING


def _records(tx: Tx, mapping: PairMapping, entity_ids: Iterable[str]) -> dict[str, str]:
    """The live CRM record of each person; of those who have none there, whatever they have."""
    people = mapping.of_kind(EntityKind.PERSON)
    objects = people.crm_objects if people is not None else ()
    found: dict[str, str] = {}
    for entity_id, own in identity.members(tx, entity_ids).items():
        live = [link.ref for link in own if link.status == "live"]
        live.sort(key=lambda ref: (ref.object not in objects, ref.object, ref.id))
        if live:
            found[entity_id] = str(live[0])
    return found


def _names(tx: Tx) -> dict[str, str]:
    """The names of the CRM's users, by their ids."""
    return {id18(u.ref.id): str(u.fields.get("Name") or "") for u in mirror.live(tx, "User")}
