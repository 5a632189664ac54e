"""Attribution: which touch points a deal's revenue is credited to, to the cent.

Six models over the touches of a deal's buying group, up to the moment it closed. Whatever the
model, the credits of a deal add up to its amount exactly (`mappings.money.allocate`); a deal
without touches is credited to nobody and counted as `unattributed`.

`u_shaped` gives 40 % each to the first touch and to the one that made the lead; `w_shaped` 30 %
each to those two and to the one that made the opportunity; what is left goes evenly to the
others. A touch that is two of these at once gets both shares; where there are no others, the
named ones take everything in proportion. `time_decay` halves a touch's weight every `half_life`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from lifecycle.timeline import Deal
from lifecycle.touch import Touch
from mappings.contract import Team
from mappings.money import Money, allocate

HALF_LIFE = timedelta(days=7)
_PRECISION = 10**12
"""Decay weights are rounded to this, so that they are the same on every machine."""


class Model(StrEnum):
    """The attribution models, by the names used in YAML and reports."""

    FIRST_TOUCH = "first_touch"
    LAST_TOUCH = "last_touch"
    LINEAR = "linear"
    U_SHAPED = "u_shaped"
    W_SHAPED = "w_shaped"
    TIME_DECAY = "time_decay"


SHAPES: dict[Model, tuple[int, Fraction]] = {
    Model.U_SHAPED: (2, Fraction(40, 100)),
    Model.W_SHAPED: (3, Fraction(30, 100)),
}
"""How many milestones a shaped model has, and the share of each."""


@dataclass(frozen=True, slots=True)
class Credit:
    """What one touch is credited with of one deal."""

    deal: str
    touch: Touch
    amount: Money


@dataclass(frozen=True, slots=True)
class Attributed:
    """A deal's credits; `unattributed` is its amount where no touch came before it closed."""

    deal: str
    credits: tuple[Credit, ...]
    unattributed: Money | None


def attribute(
    deal: Deal,
    touches: Iterable[Touch],
    model: Model,
    *,
    lead_at: datetime | None = None,
    half_life: timedelta = HALF_LIFE,
) -> Attributed:
    """Credit a deal's amount to the touches of its buying group.

    `touches` may come in any order and from any number of people; those after the close
    (`Deal.end`) do not count. `lead_at` is when the first of the people became a lead (default:
    the first touch). A deal without an amount credits nothing.
    """
    counted = before_close(deal, touches)
    if deal.amount is None or not counted:
        return Attributed(deal.key, (), deal.amount)
    weights = weigh(counted, model, _milestones(deal, counted, lead_at), deal.end, half_life)
    shares = allocate(deal.amount.minor, weights)
    currency = deal.amount.currency
    return Attributed(
        deal.key,
        tuple(
            Credit(deal.key, touch, Money(share, currency))
            for touch, share in zip(counted, shares, strict=True)
        ),
        None,
    )


def before_close(deal: Deal, touches: Iterable[Touch]) -> list[Touch]:
    """The touches that can have had to do with the deal, in order, each once."""
    end = deal.end
    return sorted({t for t in touches if end is None or t.at <= end}, key=lambda touch: touch.order)


def weigh(
    touches: Sequence[Touch],
    model: Model,
    milestones: Sequence[int],
    end: datetime | None,
    half_life: timedelta = HALF_LIFE,
) -> list[Fraction]:
    """The weight of each touch, in order. `milestones` are positions: the first touch, the one
    that made the lead, the one that made the opportunity.
    """
    count = len(touches)
    if model is Model.FIRST_TOUCH:
        return _only(0, count)
    if model is Model.LAST_TOUCH:
        return _only(count - 1, count)
    if model is Model.TIME_DECAY:
        until = end or touches[-1].at
        return [_decayed(until - touch.at, half_life) for touch in touches]
    if model is Model.LINEAR:
        return [Fraction(1)] * count
    return _shaped(count, milestones, *SHAPES[model])


def _only(position: int, count: int) -> list[Fraction]:
    return [Fraction(int(i == position)) for i in range(count)]


def _decayed(age: timedelta, half_life: timedelta) -> Fraction:
    halvings = max(age, timedelta()) / half_life
    return Fraction(max(1, round(2.0**-halvings * _PRECISION)), _PRECISION)


def _shaped(count: int, milestones: Sequence[int], named: int, share: Fraction) -> list[Fraction]:
    weights = [Fraction(0)] * count
    for position in milestones[:named]:
        weights[position] += share
    others = [i for i in range(count) if i not in milestones[:named]]
    for position in others:
        weights[position] = (1 - named * share) / len(others)
    return weights


def _milestones(
    deal: Deal, touches: Sequence[Touch], lead_at: datetime | None
) -> tuple[int, int, int]:
    return (0, _last_until(touches, lead_at), _last_until(touches, deal.created_at))


def _last_until(touches: Sequence[Touch], at: datetime | None) -> int:
    """The position of the last touch at or before an instant; the first one where none is."""
    before = [i for i, touch in enumerate(touches) if at is not None and touch.at <= at]
    return before[-1] if before else 0


def is_sourced(deal: Deal, touches: Iterable[Touch], team: Team = Team.MARKETING) -> bool:
    """Whether the first touch of the buying group, before the opportunity, was this team's."""
    early = [t for t in before_close(deal, touches) if t.at <= deal.created_at]
    return bool(early) and early[0].team is team


def is_influenced(
    deal: Deal,
    touches: Iterable[Touch],
    team: Team = Team.MARKETING,
    *,
    within: timedelta | None = None,
) -> bool:
    """Whether any touch of this team came before the close, and `within` that long before the
    opportunity was created where that is given."""
    since = deal.created_at - within if within is not None else None
    return any(
        t.team is team and (since is None or t.at >= since) for t in before_close(deal, touches)
    )
