"""Conditions of a contract: CEL over a person's fields, events, deals and the time of day.

What a condition may name:

- `map.PROPERTY` and `crm.FIELD`: the two sides' fields, typed as in `mappings.conditions`.
- `events.KIND`: what happened, for `count(events.form_fill)`, `count(events.form_fill, days(30))`
  and `count(events.form_fill, "Demo request", days(90))` (of one form, campaign or subject).
- `deals.open`, `deals.won`, `deals.lost`: the person's opportunities, counted the same way: from
  their creation while open, from their close afterwards.
- `now` (a timestamp), `today` (YYYY-MM-DD in the reporting zone), `stage.since` (when the stage
  was entered), `reached.STAGE` (whether that stage has ever been reached).

A window holds what happened up to so long ago, its edge included. A condition whose answer hangs
on a blank number or time does not hold. Whatever a condition says, its answer changes only with a
field, an event or at `next_turn`: that is what makes evaluation at due instants right.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

from mappings.cel import (
    QUOTED,
    Function,
    cel_value,
    environment,
    explain,
    is_too_long,
    no_question,
    without_quotes,
)
from mappings.contract import Team
from mappings.errors import Position
from mappings.fieldmap import ValueType
from mappings.positions import Faults, suggest
from mappings.records import EventKind, Json

_EXAMPLE = 'map.country == "Germany" && count(events.form_fill) >= 1'

MARKETING_EVENTS = (*(kind.value for kind in EventKind), "campaign_response")
SALES_EVENTS = ("task", "call", "meeting", "email_message")
DEALS = ("open", "won", "lost")
CLOCK = {"now": ValueType.DATETIME, "today": ValueType.DATE, "stage.since": ValueType.DATETIME}

Happening = tuple[datetime, str]
"""When something happened, and the form, campaign, subject or deal stage it was about."""

_NAME = re.compile(r"\b(map|crm|events|deals|reached|stage)\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)")
_WINDOW = re.compile(r"\b(days|hours)\s*\(\s*([0-9]{1,5})\s*\)")
_DURATION = re.compile(r"\bduration\s*\(\s*[\"']([0-9]{1,9})([smh])[\"']\s*\)")
_DATE = re.compile(r"[\"']([0-9]{4}-[0-9]{2}-[0-9]{2})(T[0-9:.]+(?:Z|[+-][0-9:]+)?)?[\"']")
_ABOUT = re.compile(r"\bcount\s*\([^(),]*,\s*\"")
_COMPUTED = re.compile(
    r"[+*/%-]|\bsize\s*\(|\.\s*(?:map|filter|exists|all|exists_one)\s*\("
    r"|(?:events|deals)\s*\.\s*\w+\s*\["
)
_WHOLE = re.compile(r"(?<![\w.])[0-9]+(?![\w.])")
_CALL = re.compile(r"\b(days|hours|duration)\s*\(")
_HAPPENED = ("events.", "deals.")
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a condition is asked about: everything known of one person at one instant.

    `fields` go by the names conditions use (`map.email`, `crm.Status`); `events` and `deals` by
    kind. Happenings after `now` do not count, so a whole history may be given.
    """

    now: datetime
    fields: Mapping[str, Json]
    events: Mapping[str, Sequence[Happening]] = field(default_factory=dict)
    deals: Mapping[str, Sequence[Happening]] = field(default_factory=dict)
    reached: frozenset[str] = frozenset()
    stage_since: datetime | None = None
    zone: str = "UTC"

    @property
    def today(self) -> date:
        """The day in the reporting zone."""
        return self.now.astimezone(ZoneInfo(self.zone)).date()


class Compiled:
    """A condition that can be asked. `names` are the names it uses beside the clock's."""

    def __init__(self, program: Any, text: str, names: Mapping[str, ValueType]) -> None:
        self._program = program
        self.names = {name: names[name] for name in names_in(text) if name in names}
        self._uses_clock = {name for name in CLOCK if _mentions(text, name)}
        self._spans = spans_in(text)
        self._dates = dates_in(text)
        self._enough = _enough(text)
        self.text = text

    def holds(self, facts: Facts) -> bool:
        """Whether it holds. What cannot be told does not hold."""
        try:
            return self._program.eval(data=self._data(facts)).value() is True
        except (RuntimeError, ValueError):
            return False  # CEL: the outcome hangs on a value that is not there

    def next_turn(self, facts: Facts) -> datetime | None:
        """The next instant after `facts.now` at which the answer may change though nothing more
        happens: a window closes, a date comes, an age is reached. Never too late; None: never.
        """
        found = [*self._window_turns(facts), *self._clock_turns(facts)]
        return min((at for at in found if at > facts.now), default=None)

    def _window_turns(self, facts: Facts) -> Iterator[datetime]:
        for name in self.names:
            group, _, kind = name.partition(".")
            if group not in {"events", "deals"}:
                continue
            happened = (facts.events if group == "events" else facts.deals).get(kind, ())
            for span in self._spans:
                # the edge of a window belongs to it: the count falls just after
                late = span + _TICK if span else span
                position = bisect_right(happened, facts.now - late, key=_when)
                if position < len(happened):
                    yield happened[position][0] + late

    def _clock_turns(self, facts: Facts) -> Iterator[datetime]:
        if "today" in self._uses_clock:
            fields = [n for n, type_ in self.names.items() if type_ is ValueType.DATE]
            for day in {_day(facts.fields.get(n)) for n in fields} | self._dates:
                if day is not None:
                    yield _midnight(day, facts.zone)
                    yield _midnight(day + timedelta(days=1), facts.zone)
        if "now" in self._uses_clock:
            for moment, span in product(self._moments(facts), self._spans):
                yield from (moment + span, moment + span + _TICK, moment - span)

    def _moments(self, facts: Facts) -> list[datetime]:
        fields = [n for n, type_ in self.names.items() if type_ is ValueType.DATETIME]
        moments = [cel_value(facts.fields.get(n), ValueType.DATETIME) for n in fields]
        moments.append(facts.stage_since)
        moments += [datetime.combine(day, time(), UTC) for day in self._dates]
        return [moment for moment in moments if moment is not None]

    def _data(self, facts: Facts) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for name, type_ in self.names.items():
            group, _, kind = name.partition(".")
            if group in {"events", "deals"}:
                happened = (facts.events if group == "events" else facts.deals).get(kind, ())
                data[name] = _ages(happened, facts.now, self._enough)
            elif group == "reached":
                data[name] = kind in facts.reached
            elif (value := cel_value(facts.fields.get(name), type_)) is not None:
                data[name] = value
        if "now" in self._uses_clock:
            data["now"] = facts.now
        if "today" in self._uses_clock:
            data["today"] = facts.today.isoformat()
        if "stage.since" in self._uses_clock and facts.stage_since is not None:
            data["stage.since"] = facts.stage_since
        return data


_TICK = timedelta(microseconds=1)
"""The finest step of our clocks: what holds up to an instant no longer does so after it."""


def _when(happening: Happening) -> datetime:
    return happening[0]


def _enough(text: str) -> int | None:
    """How many of the latest happenings decide a condition, however many there are: one more than
    any number it compares counts with. None, all of them, where it asks what they are about or
    computes with counts.
    """
    bare = without_quotes(_WINDOW.sub("", text))
    if _ABOUT.search(bare) or _COMPUTED.search(re.sub(r"\b(now|today)\s*-|-\s*now\b", "", bare)):
        return None
    return max((int(n) for n in _WHOLE.findall(bare)), default=0) + 1


def _ages(happened: Sequence[Happening], now: datetime, enough: int | None) -> list[list[Any]]:
    end = bisect_right(happened, now, key=_when)
    past = happened[0 if enough is None else max(0, end - enough) : end]
    return [[(now - at).total_seconds(), about] for at, about in past]


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _day(value: Json) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def names_in(text: str) -> tuple[str, ...]:
    """The dotted names a condition mentions outside quotes, in order, each once."""
    return tuple(dict.fromkeys(f"{m[1]}.{m[2]}" for m in _NAME.finditer(without_quotes(text))))


def spans_in(text: str) -> tuple[timedelta, ...]:
    """The lengths of time a condition mentions, with zero, shortest first."""
    found = {timedelta()}
    for unit, count in _WINDOW.findall(without_quotes(text)):
        found.add(timedelta(**{unit: int(count)}))
    for count, unit in _DURATION.findall(text):
        found.add(int(count) * _UNITS[unit])
    return tuple(sorted(found))


def dates_in(text: str) -> frozenset[date]:
    """The days a condition mentions in quotes."""
    days = (_day(found[0]) for found in _DATE.findall(text))
    return frozenset(day for day in days if day is not None)


def literals_in(text: str) -> tuple[str, ...]:
    """The quoted texts of a condition, in order."""
    return tuple(dict.fromkeys(m[0][1:-1] for m in QUOTED.finditer(text)))


def team_of(name: str, sales_fields: frozenset[str]) -> Team | None:
    """Whose data a name is, None where it is both teams' (stages reached, and since when).

    `sales_fields` are MAP properties that only hold what the CRM says.
    """
    group, _, kind = name.partition(".")
    if group in {"crm", "deals"} or name in sales_fields:
        return Team.SALES
    if group == "map":
        return Team.MARKETING
    if group == "events":
        return Team.SALES if kind in SALES_EVENTS else Team.MARKETING
    return None


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(name)}\b", without_quotes(text)) is not None


def check_criterion(
    text: str, at: Position, names: Mapping[str, ValueType], faults: Faults
) -> Compiled | None:
    """The condition, compiled; None with its faults recorded, every unknown name among them.

    `names` are the fields, events, deals and stages that may be named, with the fields' types.
    """
    if is_too_long(text, at, faults):
        return None
    unknown = [
        m for m in _NAME.finditer(without_quotes(text)) if f"{m[1]}.{m[2]}" not in _known(names)
    ]
    for match in unknown:
        _unknown_name(match, text, at, names, faults)
    loose = len(_CALL.findall(without_quotes(text))) - len(_WINDOW.findall(without_quotes(text)))
    if loose > len(_DURATION.findall(text)):
        _add(
            faults, at, "A length of time must be a plain number here.",
            'Write days(30), hours(48) or duration("90m").',
        )  # fmt: skip
        return None
    if unknown:
        return None
    try:
        compiled = compile_criterion(text, names)
    except (RuntimeError, ValueError, UnicodeError) as error:
        explain(
            str(error), text, at, faults,
            known=[*names, *CLOCK], otherwise="Name fields as map.NAME or crm.NAME.",
            example=_EXAMPLE,
        )  # fmt: skip
        return None
    if compiled is None:
        no_question(at, "count(events.form_fill, days(30)) >= 2", faults)
    return compiled


def compile_criterion(text: str, names: Mapping[str, ValueType]) -> Compiled | None:
    """The condition as loaded earlier; None where it is no yes-or-no question. Raises what CEL
    raises for a text that `check_criterion` would have refused.
    """
    used = tuple(sorted((n, _known(names)[n]) for n in names_in(text) if n in _known(names)))
    return _compiled(text, used)


@lru_cache(maxsize=1024)
def _compiled(text: str, used: tuple[tuple[str, ValueType], ...]) -> Compiled | None:
    program = _environment(used).compile(text)
    if program.return_type().name() != "BOOL":
        return None
    return Compiled(program, text, dict(used))


def _known(names: Mapping[str, ValueType]) -> Mapping[str, ValueType]:
    return {**names, **{n: t for n, t in CLOCK.items() if "." in n}}


@lru_cache(maxsize=256)
def _environment(names: tuple[tuple[str, ValueType], ...]) -> Any:
    fields = {n: t for n, t in names if not n.startswith(_HAPPENED)}
    happened = [n for n, _ in names if n.startswith(_HAPPENED)]
    return environment(fields | dict(CLOCK), happened=happened, functions=_FUNCTIONS)


def _days(count: int) -> timedelta:
    return timedelta(days=count)


def _hours(count: int) -> timedelta:
    return timedelta(hours=count)


def _count_within(ages: list[list[Any]], span: timedelta) -> int:
    return sum(age <= span.total_seconds() for age, _ in ages)


def _count_about(ages: list[list[Any]], about: str) -> int:
    return sum(what == about for _, what in ages)


def _count_about_within(ages: list[list[Any]], about: str, span: timedelta) -> int:
    return sum(what == about and age <= span.total_seconds() for age, what in ages)


_FUNCTIONS = (
    Function("count", ("happened",), "whole", len),
    Function("count", ("happened", "span"), "whole", _count_within),
    Function("count", ("happened", "text"), "whole", _count_about),
    Function("count", ("happened", "text", "span"), "whole", _count_about_within),
    Function("days", ("whole",), "span", _days),
    Function("hours", ("whole",), "span", _hours),
)


def _add(
    faults: Faults, at: Position, message: str, fix: str, code: str = "config.condition"
) -> None:
    faults.add(at, message, fix, code=code)


def place_in(text: str, name: str, at: Position) -> Position:
    """Where a condition first mentions a name; `at` is where its text begins."""
    found = next((m for m in _NAME.finditer(text) if f"{m[1]}.{m[2]}" == name), None)
    return _place(at, text, found.start() if found is not None else 0)


def _place(at: Position, text: str, offset: int) -> Position:
    line = text.count("\n", 0, offset)
    return Position(at.file, at.line + line, at.column + offset - (text.rfind("\n", 0, offset) + 1))


def _unknown_name(
    match: re.Match[str], text: str, at: Position, names: Iterable[str], faults: Faults
) -> None:
    name = f"{match[1]}.{match[2]}"
    alike = [known for known in names if known.startswith(f"{match[1]}.")]
    what = {"map": "a MAP property", "crm": "a CRM field", "reached": "a stage of this lifecycle"}
    wanted = what.get(match[1], f"one of: {', '.join(sorted(alike)) or 'now, today, stage.since'}")
    _add(
        faults, _place(at, text, match.start()),
        f"The condition names `{name}`, which is nothing known here.",
        suggest(name, alike, f"Name {wanted}."), "config.unknown_field",
    )  # fmt: skip
