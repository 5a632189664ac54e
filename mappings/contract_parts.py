"""Loads what stands beside the stages of a contract: calendars, queues and promises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time

from mappings.contract import (
    Absence,
    CalendarSpec,
    Lifecycle,
    Member,
    Period,
    Promise,
    Queue,
)
from mappings.errors import Position
from mappings.positions import Faults, Node, suggest
from mappings.reporting import Reporting, load_reporting, zone_of
from mappings.sections import Section

CALENDAR_KEYS = ("zone", "hours", "days_off", "holidays")
QUEUE_KEYS = ("calendar", "members", "fallback")
MEMBER_KEYS = ("user", "weight", "capacity", "away")
PROMISE_KEYS = ("lifecycle", "stage", "count", "per", "persona")

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
_USER = re.compile(r"005[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")  # FACTS section 4, Objects
_MIDNIGHT = (time(), time())


@dataclass(frozen=True, slots=True)
class Parts:
    """What the stages refer to."""

    calendars: Mapping[str, CalendarSpec]
    queues: Mapping[str, Queue]
    reporting: Reporting


def load_parts(tops: Sequence[Section], faults: Faults) -> Parts:
    """Calendars, queues and how reports count, of all files."""
    nodes = [node for top in tops if (node := top.node("reporting")) is not None]
    calendars = {
        name: _calendar(name, node, faults) for name, node in entries(tops, "calendars", faults)
    }
    queues = {
        name: _queue(name, node, calendars, faults)
        for name, node in entries(tops, "queues", faults)
    }
    return Parts(calendars, queues, load_reporting(nodes, faults))


def entries(tops: Sequence[Section], key: str, faults: Faults) -> Iterator[tuple[str, Node]]:
    """The entries under a key in all files; one given twice is a fault."""
    seen: dict[str, Position] = {}
    for name, at, node in (entry for top in tops for entry in top.entries(key)):
        if name in seen:
            faults.add(
                at, f"`{name}` is already given at {seen[name]}.", "Keep one of the two.",
                code="config.duplicate_rule",
            )  # fmt: skip
            continue
        seen[name] = at
        yield name, node


def user_id(text: str, at: Position, faults: Faults) -> str | None:
    """A CRM user's id, or None with the fault recorded."""
    if _USER.fullmatch(text):
        return text
    faults.add(
        at, f"`{text}` is no Salesforce User id.",
        "Use the 15 or 18 characters that begin with 005.", code="config.invalid_id",
    )  # fmt: skip
    return None


def known(name: str, names: Iterable[str], what: str, at: Position, faults: Faults) -> bool:
    """Whether a name is one of those there are; recorded otherwise."""
    options = list(names)
    if name in options:
        return True
    faults.add(
        at, f"There is no {what} `{name}`.",
        suggest(name, options, f"Name one of: {', '.join(options)}." if options else "Add it."),
        code="config.unknown_value",
    )  # fmt: skip
    return False


def _calendar(name: str, node: Node, faults: Faults) -> CalendarSpec:
    section = Section(node, faults, f"the calendar `{name}`", CALENDAR_KEYS)
    section.need("zone", "Name its time zone, such as Europe/Berlin.")
    section.need("hours", "Give opening hours by day, as in `mon-fri: 09:00-17:00`.")
    hours: dict[int, tuple[tuple[time, time], ...]] = {}
    for days, at, value in section.entries("hours"):
        openings = tuple(_openings(value, faults))
        hours |= dict.fromkeys(_days(days, at, faults), openings)
    days_off = (_date(text, at, faults) for text, at in section.names("days_off"))
    return CalendarSpec(
        name=name,
        zone=zone_of(section, faults),
        hours=hours,
        days_off=tuple(sorted(day for day in days_off if day is not None)),
        holidays=_holidays(section, faults),
        at=node.at,
    )


def _days(text: str, at: Position, faults: Faults) -> Iterable[int]:
    first, _, last = text.partition("-")
    if first in WEEKDAYS and (last or first) in WEEKDAYS:
        return range(WEEKDAYS.index(first), WEEKDAYS.index(last or first) + 1)
    faults.add(
        at, f"`{text}` is no day of the week.",
        f"Use {', '.join(WEEKDAYS)}, or several as in mon-fri.", code="config.unknown_key",
    )  # fmt: skip
    return ()


def _openings(node: Node, faults: Faults) -> Iterator[tuple[time, time]]:
    """Opening hours of one day, in order and apart; midnight at the day's end is 00:00."""
    ends: time | None = None
    for item in node.value if isinstance(node.value, list) else [node]:
        found = _HOURS.fullmatch(item.text)
        start = time(int(found[1]), int(found[2])) if found else time()
        end = time(int(found[3]), int(found[4])) if found and found[3] else time()
        apart = ends is None or (ends != time() and start >= ends)
        if not found or not apart or (end != time() and end <= start):
            faults.add(
                item.at, f"`{item.text or item.kind}` are no opening hours.",
                "Write them in order and apart, like 09:00-12:30 and 13:30-17:00.",
                code="config.wrong_type",
            )  # fmt: skip
            continue
        ends = end
        yield start, end


def _date(text: str, at: Position, faults: Faults) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        faults.add(
            at, f"`{text}` is no date.", "Write it like 2026-12-24.", code="config.wrong_type"
        )
        return None


def _holidays(section: Section, faults: Faults) -> str:
    """A country or subdivision of the library `holidays`, as DE or DE-BE."""
    text = section.text("holidays")
    if not text:
        return ""
    from holidays import list_supported_countries

    supported = list_supported_countries()
    country, _, part = text.partition("-")
    if country in supported and (not part or part in supported[country]):
        return text
    faults.add(
        section.place("holidays"), f"The public holidays of `{text}` are not known.",
        "Use an ISO code like DE, or with its part like DE-BE; or list the days under `days_off`.",
        code="config.unknown_value",
    )  # fmt: skip
    return ""


def _queue(name: str, node: Node, calendars: Mapping[str, CalendarSpec], faults: Faults) -> Queue:
    section = Section(node, faults, f"the queue `{name}`", QUEUE_KEYS)
    calendar = section.text("calendar") or None
    if calendar is not None:
        known(calendar, calendars, "calendar", section.place("calendar"), faults)
    section.need("members", "List who takes leads, each with its `user` id.")
    section.need("fallback", "Name the user who takes what nobody else can.")
    fallback = section.text("fallback")
    if fallback:
        user_id(fallback, section.place("fallback"), faults)
    members = [_member(item, faults) for item in section.items("members")]
    return Queue(name, calendar, tuple(m for m in members if m is not None), fallback, node.at)


def _member(node: Node, faults: Faults) -> Member | None:
    section = Section(node, faults, "a member of a queue", MEMBER_KEYS)
    if not section.need("user", "Give the Salesforce User id."):
        return None
    user = user_id(section.text("user"), section.place("user"), faults)
    capacity = section.whole("capacity", 1, low=0, high=100_000)
    away = [_absence(text, at, faults) for text, at in section.names("away")]
    return Member(
        user=user or "",
        weight=section.whole("weight", 1, low=1, high=100),
        capacity=capacity if section.has("capacity") else None,
        away=tuple(a for a in away if a is not None),
    )


def _absence(text: str, at: Position, faults: Faults) -> Absence | None:
    first_text, _, last_text = text.partition("/")
    first = _date(first_text, at, faults)
    last = _date(last_text or first_text, at, faults) if first is not None else None
    if first is None or last is None:
        return None
    if last < first:
        faults.add(
            at, "This absence ends before it begins.",
            "Write the first day, a slash and the last day.", code="config.out_of_range",
        )  # fmt: skip
        return None
    return Absence(first, last)


def load_promises(
    tops: Sequence[Section],
    lifecycles: Sequence[Lifecycle],
    personas: Iterable[str],
    faults: Faults,
) -> tuple[Promise, ...]:
    """Marketing's promises: how many people reach which stage in which period."""
    found = [
        _promise(item, {lc.name: lc for lc in lifecycles}, list(personas), faults)
        for top in tops
        for item in top.items("promises")
    ]
    return tuple(promise for promise in found if promise is not None)


def _promise(
    node: Node, lifecycles: Mapping[str, Lifecycle], personas: Sequence[str], faults: Faults
) -> Promise | None:
    section = Section(node, faults, "a promise", PROMISE_KEYS)
    needed = section.need("lifecycle", "Name the lifecycle.")
    needed &= section.need("stage", "Name the stage that is to be reached.")
    needed &= section.need("count", "Say how many people.")
    if not needed:
        return None
    name, stage = section.text("lifecycle"), section.text("stage")
    persona = section.text("persona") or None
    right = known(name, lifecycles, "lifecycle", section.place("lifecycle"), faults)
    if right:
        stages = [s.name for s in lifecycles[name].stages]
        right = known(stage, stages, "stage", section.place("stage"), faults)
    if persona is not None:
        right &= known(persona, personas, "persona", section.place("persona"), faults)
    count = section.whole("count", 1, low=1, high=10_000_000)
    per = section.choice("per", Period, Period.MONTH)
    return Promise(name, stage, count, per, persona, node.at) if right else None
