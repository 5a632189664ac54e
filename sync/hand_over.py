"""Handoffs in a run: what `lifecycle.handing` needs is read, and what it decides is kept.

Decided in the transaction that keeps the move it follows from. Users are known by the ids the
contract writes, of 15 characters or 18.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from lifecycle.assign import Staff
from lifecycle.calendars import calendars_of
from lifecycle.evidence import Evidence
from lifecycle.handing import Decision, Desk, Situation, begin, follow, taken_back
from lifecycle.handoff import Effect, EffectKind, Handoff, Status
from lifecycle.standing import Standing, Transition
from lifecycle.touch import attempts
from mappings.conditions import condition_of
from mappings.contract import Contract
from mappings.fieldmap import EntityKind, PairMapping
from mappings.record_ids import id18
from mappings.records import Json
from state import effects, identity, loop, mirror
from state.store import Tx
from sync.loop_rows import handoff_row
from sync.timelines import OWNER, Person
from sync.views import UNDONE

UNDER_WAY = tuple(status.value for status in Status if status.is_under_way)
KEY = 255
USER = "005"
"""How the id of a user begins (FACTS section 4, Objects); a queue may own a Lead as well."""


@dataclass(frozen=True, slots=True)
class Case:
    """One person whose handoffs are looked at: what is known of them, the moves that are new, all
    their handoffs so far. `undone` are owners whom an undo has taken them away from again, `anew`
    the move that a changed contract hands over though it was made before.
    """

    person: Person
    evidence: Evidence
    standing: Standing
    fresh: Sequence[Transition]
    known: Sequence[Handoff]
    undone: frozenset[str] = frozenset()
    anew: Transition | None = None


@dataclass(slots=True)
class Office:
    """Who can take leads, and how many each has: counted on with every one that is given."""

    mapping: PairMapping
    desk: Desk
    names: Mapping[str, str]
    open: Counter[str]
    given: Counter[tuple[str, str]]
    begun: Counter[str] = field(default_factory=Counter)

    @classmethod
    def in_state(cls, tx: Tx, mapping: PairMapping) -> Office:
        """As the state knows it now."""
        contract = mapping.contract
        names = {id18(user): user for user in users_of(contract)}
        active = frozenset(
            names.get(id18(user), user) for user, is_active in _users(tx).items() if is_active
        )
        open_, given = Counter(loop.open_by_owner(tx, UNDER_WAY)), Counter(loop.given_by_queue(tx))
        desk = Desk(contract, calendars_of(contract), Staff(active, open_, given))
        return cls(mapping, desk, names, open_, given)

    def decide(self, case: Case, now: datetime) -> list[Decision]:
        """What becomes of a person's handoffs now, and of the move that has just been made."""
        situation = self._situation(case, now)
        desk = self._desk_for(situation.owner)
        known = list(case.known)
        found: list[Decision] = []
        for position, handoff in enumerate(known):
            if handoff.status.is_under_way:
                is_undone = id18(handoff.owner or "") in case.undone
                found.append(
                    Decision(taken_back(handoff, now))
                    if is_undone
                    else follow(desk, handoff, situation)
                )
                known[position] = found[-1].handoff
        move = case.fresh[-1] if case.fresh else case.anew
        if move is not None and move.after == case.standing.stage and self._is_ours(case.person):
            is_late = not case.fresh
            new = begin(desk, case.person.entity_id, move, situation, known, is_late=is_late)
            found += [new] if new is not None else []
        for decision in found:
            self._count(decision.handoff, case.known)
        return found

    def _situation(self, case: Case, now: datetime) -> Situation:
        standing = case.standing
        facts = case.evidence.facts(
            now,
            reached=standing.reached_stages(standing.lifecycle or ""),
            stage_since=standing.since,
        )
        timeline = case.evidence.timeline
        changes = timeline.changes_of(OWNER)
        touches = attempts(timeline.moments, case.person.entity_id, case.evidence.rules)
        return Situation(
            facts,
            owner=self._named(case.person.value(OWNER)),
            owner_since=changes[-1].at if changes else None,
            touches=tuple(touch.at for touch in touches),
            moves=tuple(case.fresh),
        )

    def _named(self, owner: Json) -> str | None:
        return self.names.get(id18(str(owner)), str(owner)) if owner else None

    def _desk_for(self, owner: str | None) -> Desk:
        """A queue that somebody gave the person to keeps them: it is not somebody who left."""
        if owner is None or owner.startswith(USER):
            return self.desk
        staff = replace(self.desk.staff, active=self.desk.staff.active | {owner})
        return replace(self.desk, staff=staff)

    def _is_ours(self, person: Person) -> bool:
        """Whether the mapping is about the person: others are evaluated and left alone."""
        people = self.mapping.of_kind(EntityKind.PERSON)
        if people is None or not person.map_records:
            return False
        return condition_of(people)(person.map_records[0].fields)

    def _count(self, handoff: Handoff, before: Sequence[Handoff]) -> None:
        """Turns taken count at once, so that the next person is given to the next in turn."""
        old = next((one for one in before if one.key == handoff.key), None)
        if old is None:
            self.begun[handoff.status.value] += 1
        was, now = _working(old), _working(handoff)
        if was == now:
            return
        if was is not None:
            self.open[was] -= 1
        if now is not None and handoff.assignment is not None:
            self.open[now] += 1
            self.given[handoff.assignment.queue, now] += 1


def _working(handoff: Handoff | None) -> str | None:
    """Who is at work on it."""
    return handoff.owner if handoff is not None and handoff.status.is_under_way else None


def undone_owners(tx: Tx, entity_ids: Iterable[str]) -> dict[str, frozenset[str]]:
    """The owners that were taken back by an undo (ADR 0019)."""
    found: dict[str, frozenset[str]] = {}
    for (entity_id, _), values in identity.shadows(tx, entity_ids).items():
        held = {
            id18(str(value[0]))
            for key, value in values.items()
            if key.startswith(UNDONE) and key.endswith(f":{OWNER.partition('.')[2]}")
            if isinstance(value, list | tuple)
        }
        found[entity_id] = found.get(entity_id, frozenset()) | held
    return found


def users_of(contract: Contract) -> frozenset[str]:
    """Every user a contract names."""
    members = {member.user for queue in contract.queues.values() for member in queue.members}
    levels = [
        stage.handoff.level
        for lifecycle in contract.lifecycles
        for stage in lifecycle.stages
        if stage.handoff is not None and stage.handoff.level is not None
    ]
    above = {user for level in levels for user in level.escalate_to}
    return frozenset(members | above | {queue.fallback for queue in contract.queues.values()})


def _users(tx: Tx) -> dict[str, bool]:
    """The CRM's users: whether each is active."""
    return {user.ref.id: user.fields.get("IsActive") is True for user in mirror.live(tx, "User")}


def find_waiting(tx: Tx, mapping: PairMapping) -> int:
    """Put on the work list whoever has nobody to work on them: the owner has left, or there was
    none; how many there are."""
    office = Office.in_state(tx, mapping)
    active = office.desk.staff.active
    waiting = {
        one.entity_id
        for one in loop.handoffs_with(tx, UNDER_WAY)
        if one.status != Status.HELD.value
        and (one.owner is None or (one.owner.startswith(USER) and one.owner not in active))
    }
    identity.add_work(tx, sorted(waiting), "owner")
    return len(waiting)


def keep(tx: Tx, run_id: str, decided: Mapping[str, Sequence[Decision]]) -> None:
    """Keep handoffs as they are now, ask for what they need, and no more for what is over."""
    rows = [handoff_row(key, one.handoff) for key, own in decided.items() for one in own]
    loop.put_handoffs(tx, run_id, rows)
    asked = [
        _row(key, one.handoff, effect, tx.now)
        for key, own in decided.items()
        for one in own
        for effect in one.effects
        if effect.kind is not EffectKind.ASSIGN  # shown as the record's owner, not asked for
    ]
    effects.ask(tx, run_id, asked)
    open_ones = effects.of_people(tx, decided, status=effects.OPEN)
    current = {
        _key(f"{one.handoff.key}:task:{len(one.handoff.assignments)}")
        for own in decided.values()
        for one in own
        if one.handoff.status.is_under_way
    }
    stale = [
        effect.key
        for own in open_ones.values()
        for effect in own
        if effect.kind == EffectKind.TASK.value and effect.key not in current
    ]
    effects.close(tx, stale, effects.DROPPED)


def _row(entity_id: str, handoff: Handoff, effect: Effect, now: datetime) -> effects.Effect:
    return effects.Effect(
        _key(effect.key), entity_id, handoff.key, effect.kind.value, effect.user,
        effect.text[:KEY], now,
    )  # fmt: skip


def _key(text: str) -> str:
    """A key that fits its column: of a long one the beginning, and a digest of the whole."""
    if len(text) <= KEY:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:40]
    return f"{text[: KEY - 41]}:{digest}"
