"""The audit of a state finds what was planted at the vendors, and shows it in every form."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from mappings.required_fields import EVENT_KEY
from sync.auditing import audit, document
from sync.documents import Document, Section, as_csv
from sync.pages import as_html
from tests.sync.office import Office
from tests.sync.world import World


@pytest.fixture
def office(world: World) -> Office:
    """An empty one."""
    return Office(world)


def named(found: dict[str, Any]) -> set[tuple[str, str]]:
    """(code, record id) of every finding."""
    return {
        (one["code"], one["record"].rpartition(":")[2])
        for check in found["checks"]
        for one in check["findings"]
    }


def test_a_clean_state_has_no_findings(office: Office) -> None:
    """A worked lead and a deal somebody calls about: nothing is wrong, and both are counted."""
    lead = office.lead("Ada", "Byron")
    office.logged(2, office.rep, WhoId=lead)
    deal = office.deal("Ben", "Cole")
    office.logged(15, office.rep, WhatId=deal)
    found = office.audited(20)
    assert named(found) == set()
    assert (found["people"], found["deals"], found["findings"]) == (2, 1, 0)


def test_every_planted_defect_is_found_and_nothing_else(office: Office) -> None:
    """Unowned leads, a silent handoff, one name for two stages, activity on a duplicate, a deal
    only machines touch, and a stalled one whose owner has left: each is named once."""
    unowned = office.lead("Ada", "Byron", OwnerId=office.gone)
    office.logged(2, office.rep, WhoId=unowned)
    silent = office.lead("Ben", "Cole")
    named_alike = office.lead("Cy", "Dahl", Status="Lead")
    office.logged(2, office.rep, WhoId=named_alike)
    first = office.lead("Dot", "Eames")
    office.logged(2, office.rep, WhoId=first)
    second = office.lead("Dot", "Eames", created=3)
    wrong = office.logged(3, office.robot, WhoId=second, **{EVENT_KEY: "x"})
    machine = office.deal("Eve", "Falk", at=60)
    office.logged(61, office.robot, WhatId=machine)
    stalled = office.deal("Fay", "Gray", OwnerId=office.gone)
    office.logged(2, office.rep, WhatId=stalled)
    found = office.audited(70)
    apart = {key for key in named(found) if key[0] == "stage_name_conflict"}
    assert named(found) - apart == {
        ("unowned_lead", unowned),
        ("silent_handoff", silent),
        ("activity_on_duplicate", second),
        ("only_synced_activity", machine),
        ("stalled_deal", stalled),
    }
    assert len(apart) == 3  # whoever marketing calls a lead and sales calls something else
    by_code = {one["code"]: one for check in found["checks"] for one in check["findings"]}
    assert by_code["stalled_deal"]["user_name"] == "Gil"
    assert by_code["activity_on_duplicate"]["records"][1:] == [f"salesforce:Task:{wrong}"]


def test_an_empty_state_says_what_it_could_not_tell(office: Office) -> None:
    """Nothing was read yet: no finding, no error, and the reason why checks are blind."""
    with office.world.store.read() as tx:
        found = audit(tx, office.world.pair.mapping, crm="salesforce")
    whys = [one["why"] for check in found["checks"] for one in check["unknown"]]
    assert found["findings"] == 0
    assert "no marketing event has been read yet" in whys
    assert any(why.startswith("no user is known to be an integration") for why in whys)


def test_a_document_has_every_finding_in_every_form(office: Office) -> None:
    """Table, page and CSV name the same records; a long table says what it leaves out."""
    for number in range(25):
        office.lead(f"P{number}", "Byron", OwnerId=office.gone)
    found = office.audited(20)
    whole, cut = document("main", found, most=None), document("main", found)
    page, rows = as_html(whole), list(csv.reader(io.StringIO(as_csv(whole))))
    leads = [key[1] for key in named(found) if key[0] == "unowned_lead"]
    assert len(leads) == 25
    assert all(f"salesforce:<wbr>Lead:<wbr>{lead}<" in page for lead in leads)
    assert sum(row[1] == "unowned_lead" for row in rows) == 25
    assert next(s for s in cut.sections if s.title.startswith("4.")).more == 5


def test_a_page_shows_a_hostile_value_as_text() -> None:
    """Markup stays text on the page, a formula stays text in a spreadsheet, figures stand right."""
    rows = (("<script>alert(1)</script>", 12), ("=HYPERLINK(1)", -3), ("-1+2", 4))
    made = Document("<b>", ("a & b",), (Section("x", columns=("what", "n"), rows=rows),))
    page, text = as_html(made), as_csv(made)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert '<td class="n">12</td>' in page
    assert ["x", "'=HYPERLINK(1)", "-3"] in list(csv.reader(io.StringIO(text)))
    assert ["x", "'-1+2", "4"] in list(csv.reader(io.StringIO(text)))
