"""The funnel and the worked rate, counted by hand on a small world; parts sum to the whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.calendars import plain_week
from lifecycle.funnel import Funnel, Group
from lifecycle.metrics import middle, ninetieth
from lifecycle.paths import PLAIN, PLAIN_STAGES, paths, plain_path
from lifecycle.periods import Span
from lifecycle.standing import Move, Transition
from lifecycle.subjects import Subject
from lifecycle.timeline import Deal, MomentKind
from lifecycle.working import Working
from mappings.contract import Contract, Criterion, Fact, Lifecycle, Stage, Team
from mappings.errors import Position
from tests.lifecycle.audited import NOW, before, person, touch

AT = Position("contract.yaml", 1, 1)
SPAN = Span(before(90), NOW, "last-90-days")
EVERYTHING = Span(before(4000), NOW + timedelta(days=1), "all")


def stage(name: str, team: Team, *after: str, fact: Fact | None = None) -> Stage:
    """A stage with a way in."""
    entry = (Criterion("true", AT),)
    return Stage(name, team, after, entry, (), (), fact, None, None, AT)


CONTRACT = Contract(
    (
        Lifecycle(
            "main",
            None,
            (
                stage("lead", Team.MARKETING),
                stage("mql", Team.MARKETING, "lead", fact=Fact.MQL),
                stage("working", Team.SALES, "mql", fact=Fact.SALES_QUALIFIED),
                stage("customer", Team.SHARED, "working"),
                stage("lost", Team.SHARED, "working"),
            ),
            ("not_ready",),
            AT,
        ),
    )
)


def moved(key: str, *steps: tuple[str, float], source: str = "") -> Subject:
    """Somebody who entered these stages so many days before now."""
    moves = []
    here: str | None = None
    for name, ago in steps:
        kind = Move.RECYCLE if name == "lead" and here else Move.FORWARD
        moves.append(Transition(before(ago), "main", here, name, kind))
        here = name
    return Subject(key, moves=tuple(moves), source=source)


def figures(funnel: Funnel, name: str, group: str = "") -> dict[str, object]:
    """The metrics of a stage."""
    [found] = [
        rung.figures()
        for where, rung in funnel.stages()
        if (where["stage"], where["group"]) == (name, group)
    ]
    return found


def counted(people: list[Subject], contract: Contract = CONTRACT, span: Span = SPAN) -> Funnel:
    """The funnel of these people."""
    funnel = Funnel(contract, span, NOW)
    for one in people:
        funnel.add(one)
    return funnel


PEOPLE = [
    moved("ada", ("lead", 80), ("mql", 70), ("working", 60), ("customer", 20), source="form: A"),
    moved("ben", ("lead", 80), ("mql", 50), source="form: A"),
    moved("cy", ("lead", 40), ("working", 10), source="form: B"),
    moved("dot", ("lead", 200), ("mql", 60), ("lead", 30)),
]


def test_a_funnel_counted_by_hand() -> None:
    """Who skips a stage has reached it; who came before the period is not entered again; who was
    sent back stands where they were sent."""
    funnel = counted(PEOPLE)
    assert figures(funnel, "lead") == {
        "entered": 3, "converted": 3, "conversion": 1.0, "standing": 1, "stagnant": 0,
        "days_in_stage_median": 30.0, "days_in_stage_p90": 107.0,
    }  # fmt: skip
    mql = figures(funnel, "mql")
    assert (mql["entered"], mql["converted"], mql["conversion"]) == (4, 2, 0.5)
    assert (mql["standing"], mql["stagnant"]) == (1, 1)  # ben, for 50 days
    working = figures(funnel, "working")
    assert (working["entered"], working["converted"], working["standing"]) == (2, 1, 1)
    assert figures(funnel, "customer")["entered"] == 1
    assert figures(funnel, "lost")["entered"] == 0


def test_every_figure_names_its_people() -> None:
    """The records behind a stage's numbers are as many as the numbers say."""
    for _, rung in counted(PEOPLE).stages():
        numbers, named = rung.figures(), rung.records()
        assert {n: len(named[n]) for n in ("entered", "converted", "standing", "stagnant")} == {
            n: numbers[n] for n in ("entered", "converted", "standing", "stagnant")
        }
    mql = next(rung for where, rung in counted(PEOPLE).stages() if where["stage"] == "mql")
    assert mql.records()["entered"] == ["ada", "ben", "cy", "dot"]


def test_the_fastest_source_comes_first() -> None:
    """Times to the goal (sales-qualified) by the first answer to marketing, fastest first."""
    lines = [line for line, _ in counted(PEOPLE).sources()]
    assert [(line["source"], line["source_days_median"]) for line in lines] == [
        ("form: A", 20.0), ("form: B", 30.0),
    ]  # fmt: skip


def test_a_touch_keeps_somebody_from_stagnating() -> None:
    """Whoever was touched within thirty days does not stagnate, however long they stand there."""
    called = replace(PEOPLE[1], touches=(touch(before(3), "ben", MomentKind.CALL),))
    assert figures(counted([called]), "mql")["stagnant"] == 0


def test_a_teams_report_leaves_out_the_other_teams_stages() -> None:
    """Marketing sees its own stages and the shared ones."""
    funnel = Funnel(CONTRACT, SPAN, NOW, team=Team.MARKETING)
    assert [where["stage"] for where, _ in funnel.stages()] == ["lead", "mql", "customer", "lost"]


def test_without_a_contract_facts_are_stages() -> None:
    """Known, engaged, come to sales, worked, opportunity, customer: each from its first sign, what
    was skipped from the next."""
    won = Deal("d", before(5), is_closed=True, is_won=True, closed_at=before(2))
    ada = replace(person("ada"), deals=(won,))
    reached = plain_path(ada).reached
    assert list(reached) == list(PLAIN_STAGES)
    assert [reached[name] for name in PLAIN_STAGES] == [
        before(50), before(21), before(20), before(19), before(5), before(2),
    ]  # fmt: skip
    silent = replace(ada, touches=())
    assert plain_path(silent).reached["engaged"] == before(20)  # dated by what lies beyond it
    assert paths(Contract(), Subject("nobody"))[0].reached == {}


@st.composite
def anybody(draw: st.DrawFn) -> Subject:
    """Somebody with any history."""
    names = ["lead", "mql", "working", "customer"]
    count = draw(st.integers(0, len(names)))
    ago = sorted(draw(st.lists(st.integers(0, 300), min_size=count, max_size=count)), reverse=True)
    steps = list(zip(draw(st.permutations(names))[:count], ago, strict=True))
    key = draw(st.text("abc", min_size=1, max_size=3))
    return moved(key, *steps, source=draw(st.sampled_from(["", "A", "B"])))


@given(st.lists(anybody(), max_size=12))
def test_parts_sum_to_the_whole_and_a_funnel_only_narrows(people: list[Subject]) -> None:
    """By any grouping the groups add up to everybody, and over all time nobody reaches a stage
    without those before it."""
    by_source: Group = lambda one, _at: one.source  # noqa: E731 - a group of one line
    whole, parts = counted(people), Funnel(CONTRACT, SPAN, NOW, by_source)
    for one in people:
        parts.add(one)
    for where, rung in whole.stages():
        own = [r for w, r in parts.stages() if w["stage"] == where["stage"]]
        for name in ("entered", "converted", "standing", "stagnant", "stays"):
            assert sum(len(getattr(r, name)) for r in own) == len(getattr(rung, name))
    ever = counted(people, span=EVERYTHING)
    steps = [figures(ever, name)["entered"] for name in ("lead", "mql", "working")]
    assert steps == sorted(steps, reverse=True)  # type: ignore[type-var]


# --- sales' work ---------------------------------------------------------------------------------


def worked(people: list[Subject], now: datetime = NOW) -> dict[str, object]:
    """What sales did with them."""
    working = Working(Contract(), replace(SPAN, end=now), now)
    for one in people:
        working.add(one)
    [(_, desk)] = working.desks()
    named = desk.records()
    assert {n: len(named[n]) for n in ("handed_over", "worked", "not_worked", "pending")} == {
        n: desk.figures()[n] for n in ("handed_over", "worked", "not_worked", "pending")
    }
    return desk.figures()


def test_the_worked_rate_counted_by_hand() -> None:
    """Called on the next day: worked. Called after nine days: not. Never: not. Come yesterday and
    not called yet: pending, and in no rate."""
    late = replace(
        person("ben"),
        touches=(touch(before(21), "ben", MomentKind.FORM_FILL), touch(before(11), "ben",
                                                                       MomentKind.CALL)),
    )  # fmt: skip
    never = replace(person("cy"), touches=())
    new = replace(person("dot", came=1), touches=())
    assert worked([person("ada"), late, never, new]) == {
        "handed_over": 4, "worked": 1, "not_worked": 2, "pending": 1, "worked_rate": 0.3333,
        "hours_to_first_touch_median": 120.0, "attempts_mean": 0.5,
    }  # fmt: skip


def test_whom_marketing_never_had_was_not_handed_over() -> None:
    """A lead a rep typed in is no handover, nor is one of before the period."""
    assert worked([replace(person("ada"), map=()), person("ben", came=200)])["handed_over"] == 0


def test_the_fifth_working_day_is_counted_whole() -> None:
    """Handed over on a Monday noon, a touch on the Monday after is in time until midnight."""
    monday = before(14)
    until = plain_week("UTC").business_days_later(monday, 5)
    assert until is not None
    in_time = touch(until - timedelta(minutes=1), "ada", MomentKind.CALL)
    too_late = touch(until + timedelta(minutes=1), "ada", MomentKind.CALL)
    ada = person("ada", came=14)
    assert worked([replace(ada, touches=(in_time,))])["worked_rate"] == 1.0
    assert worked([replace(ada, touches=(too_late,))])["worked_rate"] == 0.0


def test_nobody_gives_no_rate() -> None:
    """Of nobody there is no share, no middle and no percentile."""
    assert worked([])["worked_rate"] is None
    assert (middle([]), ninetieth([]), ninetieth([2.0])) == (None, None, 2.0)
    assert figures(counted([], Contract()), "known")["conversion"] is None
    assert counted([], Contract()).stages()[0][0]["lifecycle"] == PLAIN
