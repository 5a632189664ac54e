"""Reports of a state: counted by hand on small worlds, with and without a contract."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lifecycle.periods import Span
from mappings.fieldmap import EntityKind
from mappings.records import Event, EventKind
from state import identity
from sync.documents import as_csv
from sync.garbage import few_collections
from sync.pages import as_html
from sync.report_pages import document
from sync.reporting import Wanted, report
from sync.reporting_words import Audience, By, Kind
from tests.sync.agreed import stages
from tests.sync.office import Office
from tests.sync.world import START, World

EVER = Span(START - timedelta(days=400), START + timedelta(days=400), "all")


@pytest.fixture
def agreed(tmp_path: Path) -> Iterator[Office]:
    """A company under a contract."""
    made = World.build(tmp_path, mapping=stages(tmp_path / "mapping", forms=1))
    yield Office(made)
    made.close()


@pytest.fixture
def office(world: World) -> Office:
    """A company without one."""
    return Office(world)


def told(
    office: Office,
    kind: Kind = Kind.MONTHLY,
    audience: Audience = Audience.BOTH,
    *,
    by: By | None = None,
    span: Span = EVER,
) -> dict[str, Any]:
    """A report with its records."""
    with office.world.store.read() as tx:
        wanted = Wanted(kind, audience, span, by, records=True)
        return report(tx, office.world.pair.mapping, wanted, crm="salesforce")


def stage(found: dict[str, Any], name: str, group: str = "") -> dict[str, Any]:
    """One stage of a report."""
    [line] = [s for s in found["stages"] if (s["stage"], s["group"]) == (name, group)]
    assert isinstance(line, dict)
    return line


def test_plain_facts_are_counted_by_hand(office: Office) -> None:
    """Two of three who came to sales were called, one in time; the numbers name their Leads."""
    called, late, never = (office.lead(name, "Byron") for name in ("Ada", "Ben", "Cy"))
    office.logged(2, office.rep, WhoId=called)
    office.logged(15, office.rep, WhoId=late)
    office.audited(40)
    found = told(office)
    names = ("known", "engaged", "in_sales", "worked")
    assert [stage(found, name)["entered"] for name in names] == [3, 3, 3, 2]
    [desk] = found["working"]
    named = {n: [one.rpartition(":")[2] for one in desk["records"][n]] for n in desk["records"]}
    assert (named["worked"], named["not_worked"]) == ([called], sorted([late, never]))
    assert (desk["worked_rate"], desk["pending"]) == (0.3333, 0)
    assert [one["attempts"] for one in found["handoffs"]].count(1) == 2


def test_a_machines_call_is_nobodys_work(office: Office) -> None:
    """What an integration logs works no lead; a rep's meeting does."""
    lead, met = office.lead("Ada", "Byron"), office.lead("Ben", "Cole")
    office.logged(2, office.robot, WhoId=lead, Leadloop_Event_Id__c="x")
    office.world.salesforce.put(
        "Event",
        {"WhoId": met, "CreatedById": office.rep,
         "StartDateTime": f"{START + timedelta(days=3):%Y-%m-%dT%H:%M:%S.000+0000}"},
        at=START + timedelta(days=2),
    )  # fmt: skip
    office.audited(40)
    [desk] = told(office, Kind.HANDOFFS)["working"]
    assert [one.rpartition(":")[2] for one in desk["records"]["worked"]] == [met]


def test_revenue_is_drilled_to_its_deals(office: Office) -> None:
    """A won deal of somebody who filled in a form first is sourced by marketing; every amount names
    its deals, and the credits of each model are the revenue."""
    office.world.contact("Ada", "Byron")
    office.world.fills("ada.byron@example-byron.com", "Price list")
    won = office.deal("Ada", "Byron", StageName="Closed Won", IsClosed=True, IsWon=True,
                      CloseDate="2026-03-20")  # fmt: skip
    office.audited(40)
    found = told(office, Kind.ATTRIBUTION)
    totals = {line["what"]: line for line in found["totals"]}
    assert totals["sourced_revenue"]["amount"] == totals["revenue"]["amount"] == "1000.00"
    assert totals["revenue"]["records"] == [f"salesforce:Opportunity:{won}"]
    assert {line["credited"] for line in found["credits"]} == {"1000.00"}
    assert {line["source"] for line in found["credits"]} == {"form_fill: Price list"}


def test_an_emails_name_stands_before_its_number(office: Office) -> None:
    """What somebody clicked in is told by its name and number, by the latest click's name; an
    e-mail without a known name by its number."""
    office.lead("Ada", "Byron")
    ada = "ada.byron@example-byron.com"
    office.world.contact("Ben", "Cole")
    for number, (email, told_as) in enumerate(
        ((ada, {"campaign": "Old name"}), (ada, {"campaign": "Spring news"}),
         ("ben.cole@example-cole.com", {}))
    ):  # fmt: skip
        campaign = "77" if email == ada else "9"
        at = START - timedelta(days=60 - number)
        office.world.hubspot.emit(
            Event("hubspot", EventKind.EMAIL_CLICK, f"c{number}", at, email, campaign, told_as)
        )
    office.audited(5)
    groups = {one["group"] for one in told(office, Kind.FUNNEL, by=By.SOURCE)["stages"]}
    assert groups == {"email_click: Spring news (77)", "email_click: 9"}


def test_the_contracts_stages_are_the_moves_that_were_decided(agreed: Office) -> None:
    """Under a contract the funnel counts the moves a run has made: three leads, two of them MQL or
    beyond, one worked."""
    agreed.world.contact("Ada", "Byron")
    agreed.world.fills("ada.byron@example-byron.com")
    agreed.world.contact("Ben", "Cole", jobtitle="Engineer")
    agreed.world.fills("ben.cole@example-cole.com")
    agreed.lead("Cy", "Dahl", Status="Working - Contacted")
    agreed.audited(5)
    found = told(agreed)
    assert (found["contract"], found["not_evaluated"]) == (True, 0)
    assert [stage(found, n)["entered"] for n in ("lead", "mql", "working")] == [3, 2, 1]
    assert [stage(found, n)["standing"] for n in ("lead", "mql", "working")] == [1, 1, 1]
    assert stage(found, "mql")["conversion"] == 0.5


def test_who_was_not_evaluated_is_counted_without_deals(agreed: Office) -> None:
    """A deal is evaluated, too: it does not stand for a person who has not been."""
    agreed.lead("Ada", "Byron")
    agreed.deal("Ben", "Cole")
    agreed.audited(5)
    assert told(agreed)["not_evaluated"] == 0
    with agreed.world.store.begin() as tx:
        identity.create(tx, "test", {"new": EntityKind.PERSON})
    assert told(agreed)["not_evaluated"] == 1


def test_a_report_leaves_the_collector_as_it_was(office: Office) -> None:
    """However a report ends, Python looks for cycles as often as before."""
    before = gc.get_threshold()
    told(office)
    assert gc.get_threshold() == before
    with few_collections():
        assert gc.get_threshold() != before
    with contextlib.suppress(ValueError), few_collections():
        int("no number")
    assert gc.get_threshold() == before


@pytest.mark.parametrize("by", list(By))
def test_groups_add_up_whatever_they_are(office: Office, by: By) -> None:
    """By source, segment, persona, owner or period: the groups' people are everybody, once."""
    for name in ("Ada", "Ben", "Cy"):
        office.lead(name, "Byron", OwnerId=office.gone if name == "Cy" else office.rep)
    office.audited(40)
    whole, parts = told(office, Kind.FUNNEL), told(office, Kind.FUNNEL, by=by)
    for name in ("known", "in_sales"):
        own = [one for one in parts["stages"] if one["stage"] == name]
        assert sum(one["entered"] for one in own) == stage(whole, name)["entered"] == 3
    if by is By.OWNER:
        assert {one["group"] for one in parts["stages"]} == {"Dana", "Gil"}


def test_each_team_gets_its_own_part(office: Office) -> None:
    """Marketing's report has sources, promises and attribution, sales' has service levels and
    stalled deals; both have the funnel, and neither the other's stages."""
    marketing, sales = (told(office, audience=a) for a in (Audience.MARKETING, Audience.SALES))
    assert {"sources", "promises", "totals"} <= marketing.keys()
    assert {"service_levels", "stalled"} <= sales.keys()
    assert not {"sources", "promises", "totals"} & sales.keys()
    assert not {"service_levels", "stalled"} & marketing.keys()
    assert {one["team"] for one in marketing["stages"]} == {"marketing", "shared"}


def test_an_empty_state_gives_a_report_of_nothing(agreed: Office) -> None:
    """Nobody and nothing: every part is there, and every form can be made of it."""
    found = told(agreed)
    made = document("main", found)
    assert [one["entered"] for one in found["stages"]] == [0, 0, 0]
    assert "Nothing." in as_html(made)
    assert as_csv(made).startswith("section,stage,team,entered")


def test_a_document_names_who_is_behind_a_number(office: Office) -> None:
    """With records, table, page and CSV name the Lead behind each number."""
    lead = office.lead("Ada", "Byron")
    office.audited(40)
    made = document("main", told(office), most=None)
    assert f"not_worked: salesforce:<wbr>Lead:<wbr>{lead}" in as_html(made)
    assert f"salesforce:Lead:{lead}" in as_csv(made)
