"""Which value of a field survives: a three-way difference against the last agreed values.

Pure. One rule, the two sides' values and the shadow go in; what to write where comes out, with
the reason. Changed on one side: that side, if the rule allows the direction. Changed on both: the
field's owner; where it has none (or the rule wants the newest) the later change, by the field's own
history and never by the record's time; where nobody can tell, the owner after all, or a conflict
for a person to decide. Blanks overwrite only where the rule says `clear`. Nothing is invented.
See docs/explanation/conflicts.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation

from mappings.errors import RecordRejectedError
from mappings.fieldmap import Aggregate, Direction, FieldRule, Overwrite, ValueType
from mappings.records import Json, Side
from mappings.transforms import translate
from mappings.values import canonical, equal, is_valid

_REPLACING = (Overwrite.ALWAYS, Overwrite.NEWEST)
"""`newest` decides between two changes; where one side alone has changed, that change is newest,
whatever else was edited on either record since."""


@dataclass(frozen=True, slots=True)
class FieldState:
    """A field as it is on both sides: canonical values, what was last agreed, and when this field
    was last changed on each, None where the vendor does not tell. `base` is None before the first
    agreement; `met` is what both sides held when the records were linked, where that is known."""

    map_value: Json
    crm_value: Json
    base: tuple[Json, Json] | None
    map_at: datetime | None = None
    crm_at: datetime | None = None
    met: tuple[Json, Json] | None = None


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


AGREED = FieldDecision(None, None, "agreed")


def decide_field(rule: FieldRule, state: FieldState) -> FieldDecision:
    """Decide one field. Raises nothing: what cannot be written comes back as a rejection."""
    if state.map_value is None and state.crm_value is None:
        return AGREED  # as most fields of most people
    state = _grounded(rule, state)
    if _agree(rule, state):
        return AGREED
    if rule.aggregate in (Aggregate.MAX, Aggregate.SUM):
        return _aggregate(rule, rule.aggregate, state)
    map_moved, crm_moved = _moved(rule, state)
    if map_moved and not crm_moved:
        return _carry(rule, state, Side.CRM, "changed_in_map")
    if crm_moved and not map_moved:
        return _carry(rule, state, Side.MAP, "changed_in_crm")
    if not map_moved and not crm_moved:
        return FieldDecision(None, None, "left_apart")
    return _both(rule, state)


def _grounded(rule: FieldRule, state: FieldState) -> FieldState:
    """Before the first agreement: what was said on both sides when they met is agreed on, though
    nobody has stored it."""
    if state.base is not None or state.met is None:
        return state
    then = replace(state, map_value=state.met[0], crm_value=state.met[1])
    return replace(state, base=state.met) if _agree(rule, then) else state


def _agree(rule: FieldRule, state: FieldState) -> bool:
    """Whether the sides say the same, read in either direction (tables map many to one)."""
    if state.map_value is None and state.crm_value is None:
        return True
    if state.map_value == state.crm_value and _stands_as_is(rule, state.map_value):
        return True
    for source, target, to in (
        (state.map_value, state.crm_value, Side.CRM),
        (state.crm_value, state.map_value, Side.MAP),
    ):
        if source is None or (to is rule.source and not _reads_back(rule, state)):
            continue
        try:
            if equal(translate(rule, source, to=to), target, rule.type_of(to)):
                return True
        except RecordRejectedError:
            continue
    return False


def _stands_as_is(rule: FieldRule, value: Json) -> bool:
    """Whether carrying this value from one side to the other leaves it what it is: what is the same
    on both, and so mostly is, need not be carried to be seen to agree."""
    if not rule.carries_as_is or value.__class__ is not str or not is_valid(value, rule.type):
        return False
    return rule.max_length is None or len(value) <= rule.max_length


def _reads_back(rule: FieldRule, state: FieldState) -> bool:
    """Whether what stands where a rule flows to may be judged by reading it back. Through steps
    there is no way back: only two-way rules have agreed before on what somebody wrote over there,
    which is carried as it stands."""
    one_way = rule.direction is not Direction.BOTH
    stepped = bool(rule.transform) or rule.source_type is not None
    return not stepped or not (one_way or state.base is None)


def _moved(rule: FieldRule, state: FieldState) -> tuple[bool, bool]:
    """Which sides changed since the last agreement. Before the first, every value is news, unless
    one was edited since the sides met: then that is."""
    then = state.base if state.base is not None else _met_and_edited(rule, state)
    if then is None:
        return state.map_value is not None, state.crm_value is not None
    return _differs(rule, state, then)


def _differs(rule: FieldRule, state: FieldState, then: tuple[Json, Json]) -> tuple[bool, bool]:
    return (
        not equal(state.map_value, then[0], rule.type_of(Side.MAP)),
        not equal(state.crm_value, then[1], rule.type_of(Side.CRM)),
    )


def _met_and_edited(rule: FieldRule, state: FieldState) -> tuple[Json, Json] | None:
    """What the sides held when they met, where somebody has edited one before they agreed. A rule
    that wants the newest asks the history, which knows that edit, and else a person."""
    if state.met is None or _wants_newest(rule) or not any(_differs(rule, state, state.met)):
        return None
    return state.met


def may_be_contested(rule: FieldRule) -> bool:
    """Whether a decision of this rule can depend on which side changed the field last."""
    return _wants_newest(rule) and rule.aggregate not in (Aggregate.MAX, Aggregate.SUM)


def is_contested(rule: FieldRule, state: FieldState) -> bool:
    """Whether the decision depends on which side changed the field last."""
    if not may_be_contested(rule):
        return False
    state = _grounded(rule, state)
    return all(_moved(rule, state)) and not _agree(rule, state)


def _wants_newest(rule: FieldRule) -> bool:
    newest = rule.overwrite is Overwrite.NEWEST or rule.aggregate is Aggregate.NEWEST
    return rule.owner is None or newest


def _both(rule: FieldRule, state: FieldState) -> FieldDecision:
    """Both sides changed. Where only one of the two changes can be carried at all (the other is a
    blank, or closed by the direction), that one is no contest."""
    then = state.base if state.base is not None else _met_and_edited(rule, state)
    first = "first_agreement" if then is None else "owner_wins"
    if not _wants_newest(rule):
        return _owners(rule, state, first)
    ways = {to: _carry(rule, state, to, "newest_wins") for to in Side}
    open_ways = [to for to, way in ways.items() if way.reason not in _CLOSED]
    if len(open_ways) < len(ways):
        only = open_ways[0] if open_ways else Side.CRM
        return replace(ways[only], reason="other_blank") if open_ways else ways[only]
    later = _later(state)
    if later is not None:
        return ways[later.other]
    if rule.owner is not None:
        return _owners(rule, state, "owner_wins_times_unknown")
    return FieldDecision(None, None, "conflict")


_CLOSED = ("blank_kept", "no_counterpart", "direction_closed", "overwrite_forbidden", "agreed")
"""Reasons for which a change is not carried, whatever the other side did."""


def _later(state: FieldState) -> Side | None:
    """Which side changed the field last, to the second (Salesforce tells no more); None where
    that is not known, or it was in one second."""
    if state.map_at is None or state.crm_at is None:
        return None
    left, right = state.map_at.replace(microsecond=0), state.crm_at.replace(microsecond=0)
    if left == right:
        return None
    return Side.MAP if left > right else Side.CRM


def _owners(rule: FieldRule, state: FieldState, reason: str) -> FieldDecision:
    owner = rule.owner or Side.CRM
    winner = _carry(rule, state, owner.other, reason)
    if winner.write_to is None and winner.reason in {"blank_kept", "no_counterpart"}:
        return _carry(rule, state, owner, "owner_blank")
    return winner


def _carry(rule: FieldRule, state: FieldState, to: Side, reason: str) -> FieldDecision:
    """Carry the other side's value to `to`, where the rule allows it (law 5)."""
    source, target = (
        (state.map_value, state.crm_value) if to is Side.CRM else (state.crm_value, state.map_value)
    )
    if not rule.writes(to):
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
    if equal(value, target, rule.type_of(to)):
        return FieldDecision(None, None, "agreed")
    return FieldDecision(to, value, reason)


def _aggregate(rule: FieldRule, how: Aggregate, state: FieldState) -> FieldDecision:
    """Fold two values into one and write it to the side that differs and may be written."""
    folded = _fold(rule, how, state)
    if folded is None:
        return FieldDecision(None, None, "not_a_number")
    for to, current in ((Side.CRM, state.crm_value), (Side.MAP, state.map_value)):
        if rule.writes(to) and not equal(folded, current, ValueType.NUMBER):
            return FieldDecision(to, folded, f"aggregate_{how.value}")
    return FieldDecision(None, None, "agreed")


def _fold(rule: FieldRule, how: Aggregate, state: FieldState) -> Json:
    known = [value for value in (state.map_value, state.crm_value) if value is not None]
    try:
        if how is Aggregate.MAX:
            return canonical(str(max(Decimal(str(value)) for value in known)), ValueType.NUMBER)
        return canonical(str(_sum(rule, state)), ValueType.NUMBER)
    except InvalidOperation:
        return None


def _sum(rule: FieldRule, state: FieldState) -> Decimal:
    """The total last agreed and what each side has added since; a blank has added nothing.

    The agreed total stands on the side that is written first: the CRM's, unless the rule writes to
    the MAP alone. So a sum that has reached one side only, whatever was added meanwhile, is not
    added a second time. Before the first agreement both sides' values are added up. Equal values
    are agreement and never reach here: after a state was restored from a copy that is the ordinary
    case, and counting nothing twice comes first.
    """
    if state.base is None:
        return _number(state.map_value) + _number(state.crm_value)
    left, right = (_number(value) for value in state.base)
    total = right if rule.writes(Side.CRM) else left
    added = left if state.map_value is None else _number(state.map_value)
    more = right if state.crm_value is None else _number(state.crm_value)
    return total + (added - left) + (more - right)


def inherited_sum(
    base: tuple[Json, Json], map_value: Json, crm_value: Json
) -> tuple[Json, Json] | None:
    """The base of a sum whose record has taken another one's place (a merge, a conversion).

    What is counted on both sides already is at most what was agreed before, and at most what either
    side shows now: so nothing is counted twice, and neither side falls below what it shows. None
    when one of them is no number.
    """
    try:
        both = min(_number(base[0]), _number(map_value), _number(crm_value))
    except InvalidOperation:
        return None
    counted = canonical(str(both), ValueType.NUMBER)
    return counted, counted


def _number(value: Json) -> Decimal:
    return Decimal(str(value or 0))
