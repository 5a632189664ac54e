"""What was known of one person at any instant: the facts a contract's conditions are asked about.

Folded once from a timeline, then answered for as many instants as there are. What the vendor
discounts never counts, sales' activities count where a human did them, and a field's value at an
instant is what its recorded changes say it was; `is_known` tells where nothing was recorded yet.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from lifecycle.timeline import Deal, Moment, MomentKind, Timeline
from lifecycle.touch import SALES_TOUCHES, TouchRules, is_human
from mappings.criteria import Facts, Happening
from mappings.records import Json

_CHANGES = frozenset({MomentKind.FIELD_CHANGE, MomentKind.OWNER_CHANGE})


class Evidence:
    """One person's timeline, ready to be asked. `zone` is the reporting time zone."""

    def __init__(self, timeline: Timeline, rules: TouchRules, *, zone: str = "UTC") -> None:
        self.timeline = timeline
        self.zone = zone
        self.rules = rules
        self._moments = tuple(sorted(timeline.moments, key=lambda moment: moment.order))
        self._events = _events(self._moments, rules)
        self._values = _values(self._moments)
        stamps = {moment.at for moment in self._moments}
        stamps |= {at for deal in timeline.deals for at in _turns(deal)}
        if timeline.created_at is not None:
            stamps.add(timeline.created_at)
        self.instants: tuple[datetime, ...] = tuple(sorted(stamps))
        """Every instant at which something happened, in order."""

    def facts(
        self,
        at: datetime,
        *,
        reached: frozenset[str] = frozenset(),
        stage_since: datetime | None = None,
        fresh_from: datetime | None = None,
    ) -> Facts:
        """What is known just after `at`; of events, only those after `fresh_from` count."""
        return Facts(
            now=at,
            fields={name: self.value(name, at) for name in self._names()},
            events=self._events_after(fresh_from),
            deals=_deals(self.timeline.deals, at),
            reached=reached,
            stage_since=stage_since,
            zone=self.zone,
        )

    def value(self, name: str, at: datetime) -> Json:
        """A field's value just after an instant, as far as its recorded changes tell."""
        changes = self._values.get(name)
        if changes is None:
            return self.timeline.fields.get(name)
        position = bisect_right(changes, at, key=lambda moment: moment.at)
        return changes[position - 1].after if position else changes[0].before

    def is_known(self, names: Iterable[str], at: datetime) -> bool:
        """Whether these fields' changes were recorded at that time already."""
        history = self.timeline.history
        return all(name in history and history[name] <= at for name in names)

    def digest(self, until: datetime) -> str:
        """Names everything that had happened by an instant: two of the same are the same past."""
        past = [f"{m.key}|{m.field}|{m.after!r}" for m in self._moments if m.at <= until]
        past += [f"{d.key}{at}" for d in self.timeline.deals for at in _turns(d) if at <= until]
        return hashlib.sha256("\n".join(past).encode()).hexdigest()[:16]

    def _names(self) -> Iterable[str]:
        return dict.fromkeys((*self.timeline.fields, *self._values))

    def _events_after(self, fresh_from: datetime | None) -> Mapping[str, Sequence[Happening]]:
        if fresh_from is None:
            return self._events
        return {
            kind: happened[bisect_right(happened, fresh_from, key=_when) :]
            for kind, happened in self._events.items()
        }


def _when(happening: Happening) -> datetime:
    return happening[0]


def _events(moments: Iterable[Moment], rules: TouchRules) -> dict[str, list[Happening]]:
    found: dict[str, list[Happening]] = defaultdict(list)
    for moment in moments:
        by_nobody = moment.kind in SALES_TOUCHES and not is_human(moment, rules)
        if moment.filtered or moment.kind in _CHANGES or by_nobody:
            continue
        found[moment.kind].append((moment.at, moment.source))
    return dict(found)


def _values(moments: Iterable[Moment]) -> dict[str, list[Moment]]:
    found: dict[str, list[Moment]] = defaultdict(list)
    for moment in moments:
        if moment.kind in _CHANGES:
            found[moment.field].append(moment)
    return dict(found)


def _turns(deal: Deal) -> list[datetime]:
    """When a deal changes which of open, won and lost it counts among."""
    closed = deal.closed_at if deal.is_closed else None
    return [deal.created_at, closed] if closed is not None else [deal.created_at]


def _deals(deals: Iterable[Deal], at: datetime) -> dict[str, list[Happening]]:
    found: dict[str, list[Happening]] = {"open": [], "won": [], "lost": []}
    for deal in deals:
        if deal.created_at > at:
            continue
        closed = deal.closed_at if deal.is_closed else None
        if closed is None or closed > at:
            found["open"].append((deal.created_at, deal.stage))
        else:
            found["won" if deal.is_won else "lost"].append((closed, deal.stage))
    return {kind: sorted(happened) for kind, happened in found.items()}
