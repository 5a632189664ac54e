"""The five-check audit finds what was planted, names it, finds nothing else, and says what it
cannot tell."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from lifecycle.audit import Scope
from lifecycle.audit_people import plain_name
from lifecycle.calendars import WorkingDays
from lifecycle.subjects import Card, Entry, Owning, Subject
from lifecycle.timeline import MomentKind
from mappings.contract import CalendarSpec, Contract, Lifecycle, Member, Queue, Stage, Team
from mappings.errors import Position
from tests.lifecycle.audited import (
    GONE,
    NOW,
    REP,
    ROBOT,
    SCOPE,
    audited,
    before,
    deal,
    findings,
    person,
    touch,
    with_lead,
)

LEAD = "salesforce:Lead:ada"
AT = Position("contract.yaml", 1, 1)
BERLIN = CalendarSpec(
    "berlin", "Europe/Berlin", dict.fromkeys(range(5), ((time(9), time(17)),)), (), "DE-BE", AT
)


def test_a_clean_world_has_no_findings() -> None:
    """Worked leads with a form before and a call after, an open and a won deal: nothing is wrong,
    and each check shows what it looked at."""
    checks = audited([person("ada"), person("ben", came=60)], [deal(), deal("d2", won=True)])
    assert findings(checks) == []
    assert [len(check.rows) for check in checks.values()] == [1, 2, 1, 1, 0]


@pytest.mark.parametrize(
    ("owner", "why"),
    [
        (None, "an open lead in `Working - Contacted` has no owner"),
        (GONE, "an open lead in `Working - Contacted` belongs to somebody who left"),
        ("00G000000000001", "an open lead in `Working - Contacted` waits in a queue"),
    ],
)
def test_leads_nobody_looks_after_are_named(owner: str | None, why: str) -> None:
    """An open lead without an owner, with one who left, or in a queue is found with the reason;
    where nobody owns anything in that stage, that is said."""
    checks = audited([with_lead(person("ada"), owner=owner), person("ben")])
    [found] = checks["stages"].findings
    assert (found.code, found.record, found.who, found.what) == ("unowned_lead", LEAD, owner, why)
    [alone] = audited([with_lead(person("ada"), owner=owner)])["stages"].findings
    assert alone.what.endswith("; nobody owns anything in `Working - Contacted`")


@pytest.mark.parametrize("status", ["Closed - Not Converted", "Disqualified", "Nurture"])
def test_leads_that_are_over_need_nobody(status: str) -> None:
    """Whom nobody works any more may belong to somebody who left."""
    lead = with_lead(person("ada"), owner=GONE, stages=(status,))
    assert findings(audited([lead])) == []


def test_a_silent_handoff_is_found() -> None:
    """Nobody was told and nobody acted within five working days; what Leadloop logged itself is no
    notice, an edit by a person is an act, and before five days are over nobody can tell."""
    quiet = replace(person("ada"), entries=(), touches=person("ada").touches[:1])
    logged = Entry("salesforce:Task:9", before(19), before(19), ROBOT, on=LEAD, logged=True)
    assert findings(audited([replace(quiet, entries=(logged,))])) == [("silent_handoff", LEAD)]
    acted = with_lead(quiet, edited_at=before(18))
    assert findings(audited([acted])) == []
    late = with_lead(quiet, edited_at=before(3))
    assert findings(audited([late])) == [("silent_handoff", LEAD)]
    new = replace(person("ada", came=2), entries=(), touches=person("ada", came=2).touches[:1])
    checks = audited([new])
    assert findings(checks) == []
    assert checks["handoffs"].unknown[0].records == (LEAD,)


def test_a_handoff_without_trigger_is_found_where_events_tell() -> None:
    """Who came to sales without any answer to marketing is named; where events of that time were
    never read, it is said that nobody can tell."""
    silent = replace(person("ada"), touches=person("ada").touches[1:])
    assert findings(audited([silent])) == [("no_trigger", LEAD)]
    checks = audited([silent], scope=replace(SCOPE, events_since=before(10)))
    assert findings(checks) == []
    assert checks["handoffs"].unknown[0].why.startswith("their marketing events may be older")


def test_a_handoff_without_data_is_found() -> None:
    """A lead that can neither be written to nor called was handed over too early."""
    assert findings(audited([with_lead(person("ada"), reachable=False)])) == [
        ("missing_data", LEAD)
    ]


def test_whom_sales_had_first_was_not_handed_over() -> None:
    """A person the CRM knew before marketing is no handoff, nor is one of long ago."""
    known = replace(person("ada"), entries=(), touches=())
    early = replace(known, map=(replace(known.map[0], created_at=before(5)),))
    old = with_lead(known, created_at=before(200))
    assert findings(audited([early, old, replace(known, map=()), replace(known, came=None)])) == []


def test_one_stage_name_for_two_things_is_found() -> None:
    """`Lead` on both sides of one person, and of another only here: the name means two things.
    Names that only one side uses mean what they mean."""
    agreed = with_lead(person("ada"), stages=("Lead",))
    apart = person("ben")
    checks = audited([agreed, apart])
    assert [(f.code, f.record, f.records) for f in checks["first_entries"].findings] == [
        ("stage_name_conflict", "hubspot:contacts:ben", ("salesforce:Lead:ben",))
    ]
    assert findings(audited([apart])) == []
    assert findings(audited([agreed])) == []


@pytest.mark.parametrize(
    ("left", "right"), [("MQL", "marketingqualifiedlead"), ("Sales-Qualified", "SQL")]
)
def test_abbreviations_are_the_same_name(left: str, right: str) -> None:
    """A stage's short name is its long one."""
    assert plain_name(left) == plain_name(right)


def test_automated_entries_on_a_duplicate_are_found() -> None:
    """What was logged on a person's second record is named with the record to work with; what a rep
    wrote there is theirs to know."""
    second = Card("salesforce:Lead:ada2", "Lead", before(15), owner=REP, stages=("Working",))
    wrong = Entry("salesforce:Task:7", before(3), before(3), ROBOT, on=second.ref)
    right = Entry("salesforce:Task:8", before(3), before(3), ROBOT, on=LEAD)
    human = Entry("salesforce:Task:9", before(3), before(3), REP, on=second.ref)
    ada = person("ada")
    twice = replace(ada, crm=(*ada.crm, second), entries=(*ada.entries, wrong, right, human))
    [found] = audited([twice])["activities"].findings
    assert (found.code, found.record) == ("activity_on_duplicate", second.ref)
    assert found.records == (LEAD, wrong.ref)


def test_a_deal_only_machines_work_on_is_found() -> None:
    """An open deal with synced activity alone is named with it; one row counts both kinds."""
    one = deal()
    synced = Entry("salesforce:Task:5", before(3), before(3), ROBOT, about=one.deal.key)
    checks = audited(deals=[replace(one, entries=(synced,), edited_at=before(2))])
    assert findings(checks) == [("only_synced_activity", one.deal.key)]
    assert checks["activities"].rows == [
        {"deal": one.deal.key, "owner": "Dana", "human": 0, "synced": 1}
    ]


def test_a_stalled_deal_names_whose_job_it_was_then() -> None:
    """A deal that has been silent for thirty days names the owner of that moment, who has left,
    not the owner of today."""
    one = replace(deal(), entries=(), owners=(Owning(before(40), GONE), Owning(before(35), REP)))
    [found] = audited(deals=[one])["stalled"].findings
    assert (found.code, found.who, found.at) == ("stalled_deal", GONE, before(40))
    assert "silent for 40 days; it was Gil's, who has left" in found.what


def test_who_owned_a_deal_before_it_was_read_is_unknown() -> None:
    """A deal read only after it went quiet is stalled all the same; whose job it was is not
    guessed, and counted."""
    one = replace(deal(), entries=(), owners=(Owning(before(5), REP),))
    checks = audited(deals=[one])
    [found] = checks["stalled"].findings
    assert (found.who, "unknown" in found.what) == (None, True)
    assert checks["stalled"].unknown[0].records == (one.deal.key,)


def test_silence_of_long_ago_is_counted_and_not_listed() -> None:
    """A deal that was stalled before the window is no news; it is counted."""
    one = replace(deal(), entries=(), edited_at=before(39))
    checks = audited(deals=[one], scope=replace(SCOPE, window=before(5) - before(10)))
    assert findings(checks) == []
    assert checks["stalled"].unknown[0].count == 1


def test_a_won_deal_is_traced_to_its_first_entry() -> None:
    """The first form of its people is the entry, by name, even where the record was made in the
    same instant; a deal without people says that nobody can tell."""
    ada = person("ada", came=60)
    form = touch(before(90), "ada", MomentKind.FORM_FILL, "Price list")
    came_by_form = replace(ada, touches=(form, *ada.touches))
    nobody = replace(deal("d3", won=True), people=(), entries=())
    checks = audited(deals=[deal("d2", won=True, person_=came_by_form), nobody])
    rows = {row["deal"]: row for row in checks["first_entries"].rows}
    assert rows["salesforce:Opportunity:d2"]["by"] == "form_fill: Price list"
    assert rows["salesforce:Opportunity:d2"]["first_entry_at"] == before(90)
    assert (rows["salesforce:Opportunity:d2"]["marketing_touches"]) == 2
    assert rows["salesforce:Opportunity:d3"]["record"] is None
    assert checks["first_entries"].unknown[0].records == ("salesforce:Opportunity:d3",)


def test_only_the_last_won_deals_are_traced() -> None:
    """Of many won deals the latest are traced, newest first, whatever the order they come in."""
    made = [
        replace(one, deal=replace(one.deal, closed_at=before(number)))
        for number in range(1, 31)
        for one in [deal(f"w{number:02}", won=True)]
    ]
    random.Random(7).shuffle(made)
    rows = audited(deals=made)["first_entries"].rows
    assert [row["deal"][-3:] for row in rows] == [f"w{number:02}" for number in range(1, 21)]


def test_a_stage_both_teams_own_is_found_unless_it_is_the_last() -> None:
    """A shared stage people go on from has no owner who would look; the last one may be shared."""
    at = Position("contract.yaml", 1, 1)

    def stage(name: str, team: Team, *after: str) -> Stage:
        return Stage(name, team, after, (), (), (), None, None, None, at)

    stages = (
        stage("lead", Team.MARKETING), stage("working", Team.SHARED, "lead"),
        stage("customer", Team.SHARED, "working"),
    )  # fmt: skip
    contract = Contract((Lifecycle("main", None, stages, (), at),))
    checks = audited(scope=Scope(NOW, contract))
    assert findings(checks) == [("stage_of_both", "main.working")]


def test_the_order_of_people_changes_nothing() -> None:
    """However people are read, the findings are the same, in the same order."""
    people = [with_lead(person(f"p{i}"), owner=GONE if i % 3 else REP) for i in range(30)]
    first = findings(audited(people))
    random.Random(3).shuffle(people)
    assert findings(audited(people)) == first
    assert len(first) == 20


def test_nobody_and_nothing_is_no_error() -> None:
    """An empty state, and people without records, dates or owners, are audited."""
    bare = Subject("x", crm=(Card("salesforce:Contact:1", "Contact", None),))
    assert findings(audited()) == findings(audited([Subject("y"), bare])) == []


def test_holidays_of_the_owners_calendar_give_sales_longer() -> None:
    """Who came on the Monday before Easter to Dana of Berlin: Good Friday and Easter Monday are no
    working days, so that the fifth after is the Wednesday after Easter. To Gil, who is of no queue
    and works Monday to Friday, it was Easter Monday. A call on the Tuesday is in time for one."""
    contract = Contract(
        calendars={"berlin": BERLIN, "other": replace(BERLIN, name="other", holidays="")},
        queues={"inbound": Queue("inbound", "berlin", (Member(REP),), "005LAST", AT)},
    )
    monday, tuesday = datetime(2026, 3, 30, 10, tzinfo=UTC), datetime(2026, 4, 7, 10, tzinfo=UTC)
    scope = replace(SCOPE, now=datetime(2026, 5, 1, tzinfo=UTC), contract=contract)
    for owner, silent in ((REP, False), (GONE, True)):
        lead = replace(
            person().crm[0], owner=owner, created_at=monday, edited_at=None, stages=("Closed",)
        )
        call = replace(person().entries[0], created_at=tuesday, done=tuesday)
        ada = replace(person(came=90), crm=(lead,), came=lead, entries=(call,))
        found = findings(audited([ada], scope=scope))
        assert (("silent_handoff", lead.ref) in found) == silent, owner


def test_one_calendar_is_everybodys() -> None:
    """The only calendar counts for owners of no queue as well; without any, it is Monday to
    Friday."""
    one = WorkingDays.of(Contract(calendars={"berlin": BERLIN}))
    assert one.calendar(owner=GONE).name == "berlin"
    assert WorkingDays.of(Contract()).calendar(owner=GONE).name == "plain"
    assert not one.calendar().is_open(datetime(2026, 4, 3, 10, tzinfo=UTC))
