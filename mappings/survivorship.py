"""Which value of a field survives: a three-way difference against the last agreed values.

Pure. One rule, the two sides' values and the shadow go in; what to write where comes out, with
the reason. BEHAVIOURS, Conflicts: changed on one side, that side if the rule allows the direction;
changed on both, the field's owner, or the newest where the rule says so; blanks overwrite only
where the rule says `clear`. Nothing is invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from mappings.errors import RecordRejectedError
from mappings.fieldmap import Aggregate, Direction, FieldRule, Overwrite, ValueType
from mappings.records import Json, Side
from mappings.transforms import translate
from mappings.values import canonical, equal

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_REPLACING = (Overwrite.ALWAYS, Overwrite.NEWEST)
"""`newest` decides between two changes; where one side alone has changed, that change is newest,
whatever else was edited on either record since."""


@dataclass(frozen=True, slots=True)
class FieldState:
    """A field as it is on both sides: canonical values, what was last agreed, and when the
    records were last modified. `base` is None before the first agreement."""

    map_value: Json
    crm_value: Json
    base: tuple[Json, Json] | None
    map_at: datetime | None = None
    crm_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FieldDecision:
    """What becomes of a field: `write_to` None leaves both sides alone.

    `value` is canonical and ready for the side written to. `reason` is stable and documented in
    docs/glossary.md. `rejection` says why the value cannot be written; nothing is written then.
    """

    write_to: Side | None
    value: Json
    reason: str
    rejection: RecordRejectedError | None = None


def decide_field(rule: FieldRule, state: FieldState) -> FieldDecision:
    """Decide one field. Raises nothing: what cannot be written comes back as a rejection."""
    if _agree(rule, state):
        return FieldDecision(None, None, "agreed")
    if rule.aggregate is not None:
        return _aggregate(rule, rule.aggregate, state)
    map_moved, crm_moved = _moved(rule, state)
    if map_moved and not crm_moved:
        return _carry(rule, state, Side.CRM, "changed_in_map")
    if crm_moved and not map_moved:
        return _carry(rule, state, Side.MAP, "changed_in_crm")
    if not map_moved and not crm_moved:
        return FieldDecision(None, None, "left_apart")
    return _both(rule, state)


def _agree(rule: FieldRule, state: FieldState) -> bool:
    """Whether the sides say the same, read in either direction (tables map many to one)."""
    if state.map_value is None and state.crm_value is None:
        return True
    for source, target, to in (
        (state.map_value, state.crm_value, Side.CRM),
        (state.crm_value, state.map_value, Side.MAP),
    ):
        if source is None:
            continue
        try:
            if equal(translate(rule, source, to=to), target, rule.type):
                return True
        except RecordRejectedError:
            continue
    return False


def _moved(rule: FieldRule, state: FieldState) -> tuple[bool, bool]:
    """Which sides changed since the last agreement; before the first, every value is news."""
    if state.base is None:
        return state.map_value is not None, state.crm_value is not None
    return (
        not equal(state.map_value, state.base[0], rule.type),
        not equal(state.crm_value, state.base[1], rule.type),
    )


def _both(rule: FieldRule, state: FieldState) -> FieldDecision:
    if rule.overwrite is Overwrite.NEWEST and state.map_at and state.crm_at:
        to = Side.CRM if state.map_at > state.crm_at else Side.MAP
        if state.map_at != state.crm_at:
            return _carry(rule, state, to, "newest_wins")
    first = "first_agreement" if state.base is None else "owner_wins"
    winner = _carry(rule, state, rule.owner.other, first)
    if winner.write_to is None and winner.reason in {"blank_kept", "no_counterpart"}:
        return _carry(rule, state, rule.owner, "owner_blank")
    return winner


def _carry(rule: FieldRule, state: FieldState, to: Side, reason: str) -> FieldDecision:
    """Carry the other side's value to `to`, where the rule allows it (law 5)."""
    source, target = (
        (state.map_value, state.crm_value) if to is Side.CRM else (state.crm_value, state.map_value)
    )
    if not _allows(rule.direction, to):
        return FieldDecision(None, None, "direction_closed")
    if source is None and not rule.clear:
        return FieldDecision(None, None, "blank_kept")
    if target is not None and rule.overwrite not in _REPLACING:
        return FieldDecision(None, None, "overwrite_forbidden")
    try:
        value = translate(rule, source, to=to)
    except RecordRejectedError as error:
        return FieldDecision(None, None, "rejected", error)
    if value is None and source is not None:
        return FieldDecision(None, None, "no_counterpart")
    if equal(value, target, rule.type):
        return FieldDecision(None, None, "agreed")
    return FieldDecision(to, value, reason)


def _allows(direction: Direction, to: Side) -> bool:
    closed = Direction.TO_MAP if to is Side.CRM else Direction.TO_CRM
    return direction is not closed


def _aggregate(rule: FieldRule, how: Aggregate, state: FieldState) -> FieldDecision:
    """Fold two values into one and write it to the side that differs and may be written."""
    if how is Aggregate.NEWEST:
        newer = (state.map_at or _LONG_AGO) >= (state.crm_at or _LONG_AGO)
        return _carry(rule, state, Side.CRM if newer else Side.MAP, "aggregate_newest")
    folded = _fold(how, state)
    if folded is None:
        return FieldDecision(None, None, "not_a_number")
    for to, current in ((Side.CRM, state.crm_value), (Side.MAP, state.map_value)):
        if _allows(rule.direction, to) and not equal(folded, current, ValueType.NUMBER):
            return FieldDecision(to, folded, f"aggregate_{how.value}")
    return FieldDecision(None, None, "agreed")


def _fold(how: Aggregate, state: FieldState) -> Json:
    known = [value for value in (state.map_value, state.crm_value) if value is not None]
    try:
        if how is Aggregate.MAX:
            return canonical(str(max(Decimal(str(value)) for value in known)), ValueType.NUMBER)
        left = Decimal(str(state.map_value or 0))
        right = Decimal(str(state.crm_value or 0))
        base = Decimal(str((state.base or (0, 0))[0] or 0))
        total = left + right - (base if state.base is not None else Decimal(0))
        return canonical(str(total), ValueType.NUMBER)
    except InvalidOperation:
        return None
