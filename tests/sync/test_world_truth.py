"""Reports, ledger and audit of a generated world, held against the world's own truth."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from lifecycle.periods import EVER
from mappings.fieldmap import PairMapping
from state import loop
from sync.demo_contract import HANDOFF_TASK
from sync.reporting import Wanted, report
from sync.reporting_words import Audience, Kind
from tests.sync.lived import Lived, living
from tests.sync.true_story import STAGES, credits_of, qualified_at, team_of, worked

DEFECTS = {
    "unowned_lead": 3, "silent_handoff": 3, "stage_name_conflict": 2,
    "activity_on_duplicate": 2, "stalled_deal": 3,
}  # fmt: skip
RATES = {
    "form_by_known": 0.1, "form_by_new": 0.03, "lead_taken": 0.06, "call": 0.08,
    "lead_disqualified": 0.03, "lead_converted": 0.03, "deal_opened": 0.03, "deal_moved": 0.1,
    "letter": 0.04, "reply": 0.04, "campaign_answered": 0.04, "map_call": 0.06,
}  # fmt: skip
"""Livelier days than a world's own: much happens to few people."""
DAYS = 3
PEOPLE = 90


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lived, dict[str, Any]]]:
    """A world with planted defects after three days with a run each, and what the audit said
    minutes after connecting."""
    world = {"kind": "generated", "people": PEOPLE, "clean": True, "defects": DEFECTS}
    with living(tmp_path_factory.mktemp("lived"), world) as made:
        made.connect()
        first = made.audited()
        for _ in range(DAYS):
            made.day(RATES)
            made.sync()
        yield made, first


def named(found: dict[str, Any]) -> Counter[tuple[str, str]]:
    """(code, record) of every finding."""
    return Counter(
        (one["code"], one["record"]) for check in found["checks"] for one in check["findings"]
    )


def told(lived: Lived, mapping: PairMapping, kind: Kind) -> dict[str, Any]:
    """A report of everything that ever happened, with its records."""
    with lived.store.read() as tx:
        return report(
            tx, mapping, Wanted(kind, Audience.BOTH, EVER, records=True), crm="salesforce"
        )


def test_a_clean_world_has_no_findings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where both teams do as they should, the audit finds nothing, and has looked at everybody."""
    world = {"kind": "generated", "people": 60, "clean": True}
    with living(tmp_path_factory.mktemp("clean"), world) as made:
        made.connect()
        found = made.audited()
        assert named(found) == Counter()
        assert found["people"] >= 60
        assert found["deals"] == len(made.rows("Opportunity")) > 5


def test_every_planted_defect_is_found_and_nothing_else(
    lived: tuple[Lived, dict[str, Any]],
) -> None:
    """Minutes after connecting each planted defect is a finding by its record's name, once."""
    made, first = lived
    planted = Counter(
        (one["defect"], f"{one['system']}:{one['object']}:{one['id']}")
        for one in made.story.truth["planted"]
    )
    assert named(first) == planted
    assert {code for code, _ in planted} == set(DEFECTS)


def test_the_funnel_is_the_worlds(lived: tuple[Lived, dict[str, Any]]) -> None:
    """Whoever reached a stage of plain facts by the truth did so by the report, and nobody else;
    how many went on follows."""
    made, _ = lived
    reached = {key: life.reached() for key, life in made.lives.items()}
    found = told(made, made.plain, Kind.FUNNEL)
    for number, stage in enumerate(STAGES):
        [line] = [one for one in found["stages"] if one["stage"] == stage]
        wanted = {key for key, own in reached.items() if stage in own}
        beyond = {k for k in wanted if any(s in reached[k] for s in STAGES[number + 1 :])}
        records = line["records"]
        assert {made.person(one) for one in records["entered"]} == wanted, stage
        assert {made.person(one) for one in records["converted"]} == beyond, stage
        assert (line["entered"], line["converted"]) == (len(wanted), len(beyond))
        assert len(wanted) > 5


def test_who_was_handed_over_and_called_is_the_worlds(
    lived: tuple[Lived, dict[str, Any]],
) -> None:
    """Every handover of plain facts with its instant, first touch and number of attempts, and who
    counts as worked, not worked and pending."""
    made, _ = lived
    found = told(made, made.plain, Kind.HANDOFFS)
    now: datetime = found["as_of"]
    given = {key: (at, life) for key, life in made.lives.items() if (at := life.handed_over_at)}
    lines = {made.person(one["record"]): one for one in found["handoffs"]}
    assert lines.keys() == given.keys()
    for key, (at, life) in given.items():
        calls = sorted(call for call, _ in life.calls if call >= at)
        line = lines[key]
        assert line["handed_over_at"] == at, key
        assert (line["first_touch_at"], line["attempts"]) == (next(iter(calls), None), len(calls))
    [desk] = found["working"]
    fates = {key: worked(life, now) for key, (_, life) in given.items()}
    for fate in ("worked", "not_worked", "pending"):
        wanted = {key for key, own in fates.items() if own == fate}
        assert {made.person(one) for one in desk["records"][fate]} == wanted, fate
        assert desk[fate] == len(wanted) > 0


def test_what_won_a_deal_is_the_worlds(lived: tuple[Lived, dict[str, Any]]) -> None:
    """Revenue, pipeline and the credit of each source by first and by last touch, to the cent."""
    made, _ = lived
    found = told(made, made.plain, Kind.ATTRIBUTION)
    sales = [sale for life in made.lives.values() for sale in life.sales]
    totals = {one["what"]: Decimal(one["amount"]) for one in found["totals"]}
    assert totals["pipeline"] == sum(sale.amount for sale in sales)
    assert totals["revenue"] == sum(s.amount for s in sales if s.won_at is not None) > 0
    for model in ("first_touch", "last_touch"):
        said: dict[str, Decimal] = defaultdict(Decimal)
        for one in found["credits"]:
            if one["model"] == model:
                name = "email_click" if "email_click" in one["source"] else one["source"]
                said[name] += Decimal(one["credited"])
        wanted = credits_of(made.lives, first=model == "first_touch")
        assert {name: amount for name, amount in said.items() if amount} == wanted


def test_the_contracts_handoffs_are_the_tasks_and_the_forms(
    lived: tuple[Lived, dict[str, Any]],
) -> None:
    """Who was handed over under the contract had just filled in their second form; each has one
    task at the CRM, of the owner the report names."""
    made, _ = lived
    found = told(made, made.mapping, Kind.HANDOFFS)
    lines = {made.person(one["record"]): one for one in found["handoffs"]}
    tasks = [row for row in made.story.tasks if row["Subject"] == HANDOFF_TASK]
    calls = {
        made.person(f"salesforce:{'Lead' if row['WhoId'].startswith('00Q') else 'Contact'}:"
                    f"{row['WhoId']}"): row
        for row in tasks
    }  # fmt: skip
    assert len(calls) == len(tasks)
    assert calls.keys() == lines.keys()
    for key, line in lines.items():
        assert any(at >= made.go_live for at in qualified_at(made.lives[key])), key
        assert line["handed_over_at"] >= made.go_live


def test_the_ledger_has_no_gap_and_names_the_owner_of_every_moment(
    lived: tuple[Lived, dict[str, Any]],
) -> None:
    """From its first day on exactly one duty holds at any time for everybody; whoever was sales'
    after a run was the job of whoever owned their record at the CRM then, and in the end each
    person is the job of the team that forms and deals say."""
    made, _ = lived
    keys = sorted({key for key in made.lives if ":" not in key})
    with made.store.read() as tx:
        ledgers = loop.duties(tx, keys)
    assert ledgers.keys() == set(keys)
    checked = 0
    for key, lines in ledgers.items():
        assert lines[-1].end is None
        assert all(a.end == b.start for a, b in itertools.pairwise(lines))
        own = [name.rpartition(":")[2] for name, whose in made.entities.items() if whose == key]
        life = made.lives[key]
        assert team_of(life) in {None, lines[-1].team}, key
        assert lines[0].start == min(life.map_since + life.crm_since), key
        for at, owners in made.runs:
            if at < lines[0].start:
                continue
            [duty] = [o for o in lines if o.start <= at and (o.end is None or at < o.end)]
            if duty.team == "sales" and duty.known and duty.person is not None:
                checked += 1
                assert duty.person in {owners[one] for one in own if one in owners}, key
    assert checked > 30
