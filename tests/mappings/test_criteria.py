"""Conditions of contracts: what they mean, when their answers turn, what is possible at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.criteria import Compiled, Facts, compile_criterion
from mappings.fieldmap import ValueType
from mappings.worlds import describe, search

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
NAMES = {
    "map.country": ValueType.TEXT,
    "map.score": ValueType.NUMBER,
    "map.trial": ValueType.BOOLEAN,
    "map.seen_at": ValueType.DATETIME,
    "crm.Recontact__c": ValueType.DATE,
    "events.form_fill": ValueType.TEXT,
    "events.call": ValueType.TEXT,
    "deals.open": ValueType.TEXT,
    "reached.mql": ValueType.BOOLEAN,
}


def condition(text: str) -> Compiled:
    """A condition over the names above."""
    found = compile_criterion(text, NAMES)
    assert found is not None
    return found


def ago(days: float, about: str = "") -> tuple[datetime, str]:
    """Something that happened so many days ago."""
    return (NOW - timedelta(days=days), about)


FACTS = Facts(
    NOW,
    {"map.country": "Germany", "map.score": "12", "map.trial": "true",
     "map.seen_at": "2026-03-01T12:00:00Z", "crm.Recontact__c": "2026-03-04"},
    events={"form_fill": [ago(31), ago(30, "Demo"), ago(1), ago(-1)]},
    deals={"open": [ago(2, "Proposal")]},
    reached=frozenset({"mql"}),
    stage_since=NOW - timedelta(days=10),
    zone="Europe/Berlin",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("count(events.form_fill) == 3", True),  # what is yet to come does not count
        ("count(events.form_fill, days(30)) == 2", True),  # the edge belongs to the window
        ('count(events.form_fill, "Demo") == 1', True),
        ('count(events.form_fill, "Demo", days(29)) == 0', True),
        ("count(events.call) == 0", True),
        ('count(deals.open, "Proposal") == 1', True),
        ('map.country in ["Germany", "Austria"] && map.trial', True),
        ("map.score >= 12.0", True),
        ("reached.mql", True),
        ("crm.Recontact__c <= today", True),
        ('today == "2026-03-04"', True),
        ("now - map.seen_at >= days(3)", True),
        ("now - map.seen_at > days(3)", False),
        ("now - stage.since >= hours(240)", True),
        ('now - stage.since >= duration("241h")', False),
    ],
)
def test_a_condition_means_what_it_says(text: str, holds: bool) -> None:
    """Windows, dates, ages, deals and stages, each at its edge."""
    assert condition(text).holds(FACTS) is holds


def test_what_cannot_be_told_does_not_hold() -> None:
    """A blank number or time decides nothing, unless the outcome does not hang on it."""
    blank = Facts(NOW, {})
    assert not condition("map.score >= 0.0").holds(blank)
    assert not condition("now - map.seen_at >= days(0)").holds(blank)
    assert not condition("now - stage.since >= days(0)").holds(blank)
    assert condition('map.score >= 0.0 || map.country == ""').holds(blank)


TURNING = [
    "count(events.form_fill, days(2)) >= 2",
    "count(events.form_fill, days(1)) == 1 && count(events.form_fill, hours(100)) >= 2",
    "count(events.call) >= 1",
    "crm.Recontact__c <= today",
    'crm.Recontact__c == today || today < "2026-03-07"',
    "now - map.seen_at >= days(3)",
    "now - map.seen_at > hours(30) && now - stage.since < days(9)",
    "stage.since + days(4) < now",
    'now > timestamp("2026-03-06T00:00:00Z")',
]
INSTANTS = st.integers(-5 * 24, 5 * 24).map(lambda hours: NOW + timedelta(hours=hours))
HAPPENED = st.lists(st.tuples(INSTANTS, st.just("")), max_size=5)


@settings(deadline=None, max_examples=200)
@given(
    text=st.sampled_from(TURNING),
    fills=HAPPENED,
    calls=HAPPENED,
    seen=INSTANTS,
    since=INSTANTS,
    day=st.dates(NOW.date() - timedelta(days=3), NOW.date() + timedelta(days=5)),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Los_Angeles"]),
)
def test_answers_turn_only_when_they_are_said_to(
    text: str, fills: list[tuple[datetime, str]], calls: list[tuple[datetime, str]],
    seen: datetime, since: datetime, day: date, zone: str,
) -> None:  # fmt: skip
    """Between two turns nothing changes: working them alone misses no change."""
    asked = condition(text)

    def at(now: datetime) -> Facts:
        fields = {"map.seen_at": seen.isoformat(), "crm.Recontact__c": day.isoformat()}
        events = {"form_fill": sorted(fills), "call": sorted(calls)}
        return Facts(now, fields, events, stage_since=since, zone=zone)

    end = NOW + timedelta(days=12)
    edges = [NOW]
    while (turn := asked.next_turn(at(edges[-1]))) is not None and turn < end:
        edges.append(turn)
    edges.append(end)
    for start, stop in pairwise(edges):
        inside = [start + (stop - start) * share / 7 for share in range(7)]
        answers = {asked.holds(at(moment)) for moment in inside if moment < stop}
        assert len(answers) == 1, (start, stop)


@settings(deadline=None, max_examples=100)
@given(
    fills=st.lists(st.tuples(INSTANTS, st.sampled_from(["", "Demo"])), max_size=30),
    text=st.sampled_from([
        "count(events.form_fill, days(2)) {} {}", "count(events.form_fill) {} {}",
        'count(events.form_fill, "Demo") {} {}', "count(events.form_fill) - 1 {} {}",
    ]),
    sign=st.sampled_from(["<", "<=", "==", "!=", ">=", ">"]),
    number=st.integers(0, 8),
)  # fmt: skip
def test_counting_few_is_counting_all(
    fills: list[tuple[datetime, str]], text: str, sign: str, number: int
) -> None:
    """Only the latest happenings are looked at, and the answer is that of all of them."""
    past = [(at, about) for at, about in fills if at <= NOW]
    count = len(past)
    if "days" in text:
        count = sum(at >= NOW - timedelta(days=2) for at, _ in past)
    elif "Demo" in text:
        count = sum(about == "Demo" for _, about in past)
    elif "- 1" in text:
        count -= 1
    expected = {"<": count < number, "<=": count <= number, "==": count == number,
                "!=": count != number, ">=": count >= number, ">": count > number}  # fmt: skip
    asked = condition(text.format(sign, number))
    assert asked.holds(Facts(NOW, {}, {"form_fill": sorted(fills)})) is expected[sign]


IMPOSSIBLE = [
    ["map.score > 5.0", "map.score < 5.0"],
    ['map.country == "Germany"', 'map.country == "France"'],
    ["map.trial", "!map.trial"],
    ["count(events.form_fill) >= 3", "count(events.form_fill) <= 2"],
    ["count(events.form_fill, days(3)) >= 2", "count(events.form_fill) < 2"],
    ["reached.mql && map.score == 1.0", "!reached.mql"],
    ["crm.Recontact__c <= today", "crm.Recontact__c > today"],
]
POSSIBLE = [
    ["map.score > 5.0", "map.score < 6.0"],
    ['map.country != "Germany"', 'map.country != "France"', 'map.country != ""'],
    ["count(events.form_fill) >= 3", "count(events.form_fill) <= 3"],
    ["count(events.form_fill) >= 20"],
    ["count(events.form_fill) >= 2", "count(events.form_fill, days(3)) == 0"],
    ['count(events.form_fill, "Demo") >= 1'],
    ["crm.Recontact__c <= today", 'crm.Recontact__c != ""'],
    ["now - stage.since > days(60)"],
    ["now - map.seen_at >= days(3)", "now - map.seen_at <= days(3)"],
]


@pytest.mark.parametrize("texts", IMPOSSIBLE, ids=" / ".join)
def test_contradictions_are_certain(texts: list[str]) -> None:
    """What can never hold together is told so."""
    assert search([condition(text) for text in texts]).impossible


@pytest.mark.parametrize("texts", POSSIBLE, ids=" / ".join)
def test_what_is_possible_has_an_example(texts: list[str]) -> None:
    """A world that is found is one in which every condition really holds, and can be told."""
    conditions = [condition(text) for text in texts]
    found = search(conditions)
    assert found.world is not None
    assert all(one.holds(found.world) for one in conditions)
    assert describe(found.world)


@pytest.mark.parametrize(
    "text",
    [
        'map.country.startsWith("G") && map.country.endsWith("y")',
        "map.score + 1.0 > 7.0 && map.score * 2.0 < 3.0",
        "count(events.form_fill, days(1)) == 1 && count(events.form_fill, days(3)) == 2",
    ],
)
def test_what_is_beyond_the_search_is_not_called_impossible(text: str) -> None:
    """Where values are computed or windows mixed, finding nothing proves nothing."""
    assert not search([condition(text)]).impossible
