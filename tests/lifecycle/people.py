"""Timelines for tests: a person whose story is told by hand, or drawn at random."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from lifecycle.evidence import Evidence
from lifecycle.timeline import Deal, Moment, MomentKind, Timeline
from lifecycle.touch import TouchRules

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""A Monday morning."""
REP, ROBOT = "005000000000001", "005000000000777"
RULES = TouchRules(integrations=frozenset({ROBOT}))
PROFILE: Mapping[str, Any] = {
    "map.email": "ada@example.com",
    "map.company": "Example",
    "map.country": "Germany",
    "map.company_size": "200",
    "map.jobtitle": "Chief engineer",
}


def day(number: float) -> datetime:
    """So many days after the start."""
    return START + timedelta(days=number)


def fill(number: float, source: str = "Demo") -> Moment:
    """A form filled in."""
    at = day(number)
    return Moment(at, f"form:{number}", MomentKind.FORM_FILL, source=source)


def call(number: float, actor: str = REP) -> Moment:
    """A call by a user."""
    return Moment(day(number), f"task:{number}", MomentKind.CALL, actor=actor)


def change(number: float, field: str, after: Any, before: Any = None) -> Moment:
    """A field that got another value."""
    key = f"history:{field}:{number}"
    return Moment(
        day(number), key, MomentKind.FIELD_CHANGE, field=field, before=before, after=after
    )


def deal(number: float, *, closed: float | None = None, won: bool = False, key: str = "d") -> Deal:
    """An opportunity, open or closed."""
    return Deal(
        key, day(number), closed_at=day(closed) if closed is not None else None,
        is_closed=closed is not None, is_won=won,
    )  # fmt: skip


def person(
    *moments: Moment,
    deals: Iterable[Deal] = (),
    fields: Mapping[str, Any] | None = None,
    created: float = 0,
) -> Evidence:
    """A person to whom this happened. Values are as the last change left them."""
    current = dict(PROFILE) | dict(fields or {})
    for moment in sorted(moments, key=lambda m: m.order):
        if moment.kind is MomentKind.FIELD_CHANGE:
            current[moment.field] = moment.after
    timeline = Timeline(
        "person-1",
        current,
        tuple(moments),
        created_at=day(created),
        deals=tuple(deals),
        history=dict.fromkeys(current, day(0)),
    )
    return Evidence(timeline, RULES, zone="Europe/Berlin")


STATUSES = ("New", "Working", "Recycled", "Unqualified")
REASONS = ("not_ready", "no_response", "")
HOURS = st.integers(0, 24 * 150).map(lambda hours: hours / 24)


@st.composite
def changes(draw: st.DrawFn, field: str, values: tuple[Any, ...]) -> list[Moment]:
    """A field's history: every change begins where the last one ended."""
    times = sorted(draw(st.sets(HOURS, max_size=5)))
    chosen = [draw(st.sampled_from(values)) for _ in times]
    return [
        change(at, field, after, before)
        for at, before, after in zip(times, [None, *chosen], chosen, strict=False)
    ]


@st.composite
def marketing(draw: st.DrawFn) -> list[Moment]:
    """What a person did in answer to marketing."""
    fills = [fill(number) for number in draw(st.sets(HOURS, max_size=6))]
    return fills + draw(changes("map.email", ("ada@example.com", "", "ada@example.org")))


@st.composite
def sales(draw: st.DrawFn) -> tuple[list[Moment], list[Deal]]:
    """What sales did with a person, and the deals that came of it."""
    moments = draw(changes("crm.Status", STATUSES))
    moments += draw(changes("crm.Recycle_Reason__c", REASONS))
    moments += draw(changes("crm.Budget__c", (True, False)))
    moments += draw(changes("crm.Recontact__c", (None, "2026-05-01", "2026-07-15")))
    moments += [call(number) for number in draw(st.sets(HOURS, max_size=3))]
    deals = []
    for number, opened in enumerate(draw(st.lists(HOURS, max_size=2))):
        length = draw(st.none() | st.integers(1, 40))
        closed = opened + length if length is not None else None
        deals.append(deal(opened, closed=closed, won=draw(st.booleans()), key=f"d{number}"))
    return moments, deals


@st.composite
def stories(draw: st.DrawFn) -> Evidence:
    """A whole life in both systems."""
    moments, deals = draw(sales())
    size = draw(changes("map.company_size", ("200", "20", "")))
    everything = list(itertools.chain(draw(marketing()), moments, size))
    return person(*draw(st.permutations(everything)), deals=deals)
