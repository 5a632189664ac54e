"""Touch points: which moments count as marketing reaching somebody, and which as sales.

A sales touch is what a human being did: a task, call, meeting or message by a known user who is
no integration (BEHAVIOURS, What counts as a touch). A marketing touch is what the person did in
answer to marketing: a form, a click, a campaign response. Mail that was merely sent or opened is
no touch, and what the vendor filtered never counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lifecycle.timeline import Moment, MomentKind
from mappings.contract import Team

MARKETING_TOUCHES = frozenset(
    {MomentKind.FORM_FILL, MomentKind.EMAIL_CLICK, MomentKind.CAMPAIGN_RESPONSE}
)
SALES_TOUCHES = frozenset(
    {MomentKind.TASK, MomentKind.CALL, MomentKind.MEETING, MomentKind.EMAIL_MESSAGE}
)


@dataclass(frozen=True, slots=True)
class TouchRules:
    """What counts. `integrations` are user ids whose activities are never a human's."""

    integrations: frozenset[str] = frozenset()
    marketing: frozenset[MomentKind] = MARKETING_TOUCHES
    sales: frozenset[MomentKind] = SALES_TOUCHES


@dataclass(frozen=True, slots=True)
class Touch:
    """One touch point of one person. `source` is the form, campaign or subject."""

    at: datetime
    key: str
    person: str
    team: Team
    kind: MomentKind
    source: str = ""
    actor: str | None = None

    @property
    def order(self) -> tuple[datetime, str, str, str, str]:
        """What touches are sorted by: the same whatever order they came in."""
        return (self.at, self.key, self.person, self.kind, self.team)


def touch_of(moment: Moment, person: str, rules: TouchRules) -> Touch | None:
    """The touch a moment is, None where it is none."""
    if moment.filtered:
        return None
    if moment.kind in rules.marketing:
        team = Team.MARKETING
    elif moment.kind in rules.sales and is_human(moment, rules):
        team = Team.SALES
    else:
        return None
    return Touch(moment.at, moment.key, person, team, moment.kind, moment.source, moment.actor)


def words_of(touch: Touch) -> str:
    """What a touch was, for people: `form_fill: Contact us`."""
    return f"{touch.kind.value}: {touch.source}" if touch.source else touch.kind.value


def is_human(moment: Moment, rules: TouchRules) -> bool:
    """Whether a known user who is no integration did it."""
    return moment.actor is not None and moment.actor not in rules.integrations


def touches_of(moments: Iterable[Moment], person: str, rules: TouchRules) -> list[Touch]:
    """A person's touches, in order."""
    found = (touch_of(moment, person, rules) for moment in moments)
    return sorted((t for t in found if t is not None), key=lambda touch: touch.order)


def attempts(moments: Iterable[Moment], person: str, rules: TouchRules) -> list[Touch]:
    """Sales' attempts to reach a person, in order."""
    return [t for t in touches_of(moments, person, rules) if t.team is Team.SALES]
