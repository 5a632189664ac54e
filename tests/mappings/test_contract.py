"""Contracts load whole, bad ones are refused on their line, and conditions mean what they say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path

import pytest

from mappings.contract import BusinessSpan, Fact, Team
from mappings.errors import ConfigurationError, Problem
from mappings.fieldmap import ValueType
from mappings.loader import load_mapping
from mappings.records import Side
from mappings.required_fields import fields_to_read, own_fields, required_fields
from tests.mappings.contracts import CONTRACT, contract_of
from tests.mappings.minimal import MAPPING


@dataclass(frozen=True)
class Fault:
    """One mistake: what is replaced by what, and which line (holding `on`) must be named."""

    old: str
    new: str
    on: str
    code: str
    says: str = ""


FAULTS = {
    # --- what a contract promises not to let through
    "a stage without a way in": Fault("      nurture: {team: marketing}",
                                      "      nurture: {team: marketing}\n"
                                      "      limbo: {team: sales}",
                                      "limbo", "config.unreachable_stage", "exit"),
    "unknown field": Fault('- map.email != ""', '- map.emial != ""',
                           "map.emial", "config.unknown_field", "email"),
    "unknown CRM field": Fault("entry: crm.Budget__c && crm.Status",
                               "entry: crm.Budget__c && crm.Stauts",
                               "crm.Stauts", "config.unknown_field", "Status"),
    "unknown kind of event": Fault("count(events.form_fill) >= 1", "count(events.form_fil) >= 1",
                                   "events.form_fil)", "config.unknown_field", "form_fill"),
    "unknown stage in a condition": Fault("count(deals.open) >= 1\n        shown",
                                          "reached.mqll\n        shown", "reached.mqll",
                                          "config.unknown_field", "reached.mql"),
    "unreachable by contradiction": Fault("count(deals.open) >= 1\n        shown",
                                          "count(deals.open) >= 2 && count(deals.open) < 1\n"
                                          "        shown",
                                          "count(deals.open) >= 2", "config.unreachable_stage",
                                          "never hold"),
    "unreachable in its segment": Fault('entry: map.email != ""}',
                                        "entry: map.company_size > 60.0}",
                                        "map.company_size > 60.0",
                                        "config.unreachable_stage", "segment"),
    "two stages at once": Fault(" && count(deals.won) == 0 && count(deals.open) == 0", "",
                                "count(deals.lost) >= 1", "config.ambiguous_stages",
                                "deals.won"),
    "overlapping segments": Fault("map.company_size < 50.0", "map.company_size < 60.0",
                                  "map.company_size < 60.0", "config.overlapping_segments",
                                  "map.company_size = "),
    "service level without calendar": Fault(
        "            calendar: berlin\n        exit", "        exit", "accept_within: 4h",
        "config.no_calendar", "world"),
    "marketing's fact from sales' data": Fault('- map.email != ""', '- crm.Status == "Working"',
                                               '- crm.Status == "Working"', "config.wrong_team",
                                               "crm.Status"),
    "sales' fact from marketing's data": Fault("entry: crm.Budget__c && crm",
                                               "entry: map.company_size > 60.0 && crm",
                                               "map.company_size > 60.0", "config.wrong_team",
                                               "crm.NAME"),
    "marketing's fact from deals": Fault('- map.email != ""', "- count(deals.open) >= 1",
                                         "- count(deals.open) >= 1", "config.wrong_team", "sales"),
    "fact of the other team": Fault("team: sales\n        fact: sales_qualified",
                                    "team: marketing\n        fact: sales_qualified",
                                    "      sales_qualified:", "config.wrong_team", "team: sales"),
    "fact given twice": Fault("fact: sales_qualified", "fact: mql", "      sales_qualified:",
                              "config.duplicate_rule", "mql"),
    "a step forward as a step back": Fault("to: nurture, reason: not_ready",
                                           "to: opportunity, reason: not_ready",
                                           "reason: not_ready",
                                           "config.forward_only", "earlier"),
    "a step to itself": Fault("to: nurture, reason: not_ready",
                              "to: sales_qualified, reason: not_ready",
                              "reason: not_ready", "config.forward_only", "earlier"),
    # --- conditions
    "a window that is no number": Fault("days(30)", "days(10 + 20)", "days(10", "config.condition",
                                        "days(30)"),
    "like with unlike": Fault("count(events.form_fill) >= 1", 'count(events.form_fill) >= "1"',
                              "count(events.form_fill)", "config.condition", "counts"),
    "no question": Fault("entry: count(deals.open) >= 1", "entry: count(deals.open)",
                         "entry: count(deals.open)", "config.condition", "yes-or-no"),
    "and in words": Fault(" && crm.Status", " and crm.Status", "and crm.Status",
                          "config.condition", "&&"),
    "a list for a condition": Fault("segment: map.company_size < 50.0", "segment: [x]",
                                    "segment: [x]", "config.wrong_type", "text"),
    # --- names
    "unknown key": Fault("recycle_reasons:", "recycle_reason:", "recycle_reason:",
                         "config.unknown_key", "recycle_reasons"),
    "unknown stage key": Fault("shown_as: opportunity", "show_as: opportunity", "show_as:",
                               "config.unknown_key", "shown_as"),
    "unknown team": Fault("team: shared\n        after", "team: both\n        after", "team: both",
                          "config.unknown_value", "shared"),
    "unknown queue": Fault("queue: dach}", "queue: dahc}", "queue: dahc}", "config.unknown_value",
                           "dach"),
    "unknown calendar": Fault("    calendar: berlin\n    members",
                              "    calendar: bern\n    members",
                              "calendar: bern", "config.unknown_value", "berlin"),
    "unknown reason": Fault("reason: no_response,", "reason: silence,", "reason: silence",
                            "config.unknown_value", "recycle_reasons"),
    "unknown way back": Fault("to: nurture, reason: not_ready", "to: nurtur, reason: not_ready",
                              "to: nurtur,", "config.unknown_value", "nurture"),
    "a stage after a later one": Fault("after: opportunity\n        entry: count(deals.won)",
                                       "after: closed_lost\n        entry: count(deals.won)",
                                       "after: closed_lost", "config.unknown_value", "order"),
    "a name with a space": Fault("      opportunity:\n", "      big deal:\n", "big deal",
                                 "config.invalid_id", "small letters"),
    "unknown promise": Fault("stage: mql, count", "stage: mq, count", "stage: mq,",
                             "config.unknown_value", "mql"),
    "unknown persona": Fault("persona: leader", "persona: leaders", "persona: leaders",
                             "config.unknown_value", "leader"),
    "a term that is no field": Fault("  map.company_size: number", "  company_size: number",
                                     "  company_size", "config.unknown_field", "map.NAME"),
    # --- values
    "no user": Fault('"005000000000002"', '"003000000000002"', '"003000000000002"',
                     "config.invalid_id", "005"),
    "no business time": Fault("accept_within: 4h", "accept_within: 4 hours", "4 hours",
                              "config.wrong_type", "4h"),
    "attempts without end": Fault("            attempts_within: 5d\n", "",
                                  "accept_within: 4h", "config.missing_key", "as in 5d"),
    "an end without attempts": Fault("            attempts: 3\n", "",
                                     "accept_within: 4h", "config.missing_key", "how many"),
    "no opening hours": Fault("09:00-12:00, 13:00-15:00", "13:00-15:00, 09:00-12:00", "13:00-15:00",
                              "config.wrong_type", "order"),
    "no day of the week": Fault("mon-thu:", "mon-thur:", "mon-thur", "config.unknown_key", "sun"),
    "no time zone": Fault("zone: Europe/Berlin\n", "zone: Berlin\n", "zone: Berlin",
                          "config.unknown_value", "Europe/Berlin"),
    "no holidays": Fault("holidays: DE-BE", "holidays: DE-XX", "holidays: DE-XX",
                         "config.unknown_value", "days_off"),
    "an absence backwards": Fault("2026-03-09/2026-03-13", "2026-03-13/2026-03-09", "2026-03-13/",
                                  "config.out_of_range", "first day"),
    "no date of return": Fault("recontact: 90d", "recontact: later", "recontact: later",
                               "config.wrong_type", "90d"),
    "nobody for the rest": Fault("            - queue: world\n", "", "- {when: 'map.country",
                                 "config.missing_key", "without `when`"),
    "no reason": Fault(", reason: no_response", "", "now - stage.since", "config.missing_key",
                       "reason"),
}  # fmt: skip


def problems_of(directory: Path, text: str) -> tuple[Problem, ...]:
    """The problems found in a contract."""
    try:
        contract_of(directory, text)
    except ConfigurationError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_reported_on_its_line(fault: Fault, tmp_path: Path) -> None:
    """Each seeded fault yields its code on its line, a caret, a fix, and no avalanche."""
    assert CONTRACT.count(fault.old) >= 1
    text = CONTRACT.replace(fault.old, fault.new, 1)
    line = text[: text.index(fault.on)].count("\n") + 1
    problems = problems_of(tmp_path, text)
    found = [p for p in problems if p.at.line == line and p.code == fault.code]
    assert found, [(str(p.at), p.code, p.message) for p in problems]
    assert fault.says.lower() in f"{found[0].message} {found[0].fix}".lower()
    assert found[0].excerpt.endswith("^")
    assert len(problems) <= 4


def test_the_contract_says_what_was_written(tmp_path: Path) -> None:
    """Defaults are filled in, and every part is where the code looks for it."""
    contract = contract_of(tmp_path)
    assert [lc.name for lc in contract.lifecycles] == ["high_touch", "self_serve"]
    lifecycle = contract.lifecycle("high_touch")
    mql = lifecycle.stage("mql")
    assert (mql.team, mql.fact, mql.after) == (Team.MARKETING, Fact.MQL, ("lead",))
    assert mql.requires == ("map.company", "map.country")
    assert mql.exits[1].recontact_after == timedelta(days=90)
    assert mql.handoff is not None
    assert mql.handoff.level is not None
    assert mql.handoff.level.accept_within == BusinessSpan(timedelta(hours=4))
    assert str(mql.handoff.level.touch_within) == "1 business day"
    assert lifecycle.stage("closed_lost").after == ("opportunity",)
    assert lifecycle.predecessors("closed_lost") == {
        "opportunity",
        "sales_qualified",
        "mql",
        "lead",
    }
    assert contract.calendars["berlin"].hours[4] == (
        (time(9), time(12)),
        (time(13), time(15)),
    )
    assert [p.name for p in contract.personas] == ["leader", "maker"]
    assert contract.names["map.company_size"] is ValueType.NUMBER
    assert contract.facts() == {Fact.MQL, Fact.SALES_QUALIFIED}


def test_a_mapping_without_contract_has_none(tmp_path: Path) -> None:
    """Whoever only syncs fields is asked nothing, and gets no fields made for them."""
    (tmp_path / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    mapping = load_mapping(tmp_path)
    assert not mapping.contract
    made = {d.name for side in Side for d in required_fields(mapping)[side]}
    assert "leadloop_mql_at" not in made


def test_each_teams_fact_has_fields_of_its_own(tmp_path: Path) -> None:
    """`doctor --fix` creates them on both sides, runs read what conditions name, and no rule of a
    mapping may write them."""
    contract_of(tmp_path)
    mapping = load_mapping(tmp_path)
    made = {(d.object, d.name) for side in Side for d in required_fields(mapping)[side]}
    assert {("contacts", "leadloop_mql_at"), ("contacts", "leadloop_sales_qualified_at")} <= made
    assert {("Lead", "Leadloop_MQL_At__c"), ("Contact", "Leadloop_Sales_Qualified_At__c")} <= made
    assert "leadloop_mql_at" in own_fields(Side.MAP)
    reads = fields_to_read(mapping)
    assert "company_size" in reads[Side.MAP]["contacts"]
    assert "Status" in reads[Side.CRM]["Lead"]
    assert "Status" not in reads[Side.CRM]["Contact"]
    assert "Budget__c" in reads[Side.CRM]["Contact"]


def test_a_changed_contract_is_a_changed_mapping(tmp_path: Path) -> None:
    """The digest follows every change of meaning, so that it applies from an approved plan only;
    comments and places do not count."""
    contract_of(tmp_path)
    hashes = {load_mapping(tmp_path).hash}
    contract_of(tmp_path, "# agreed in March\n" + CONTRACT)
    assert load_mapping(tmp_path).hash in hashes
    for old, new in [("days(30)", "days(31)"), ("touch_within: 1d", "touch_within: 2d"),
                     ("weight: 2", "weight: 3"), ("09:00-17:00", "09:00-16:00"),
                     ("count: 40", "count: 41")]:  # fmt: skip
        contract_of(tmp_path, CONTRACT.replace(old, new))
        hashes.add(load_mapping(tmp_path).hash)
    assert len(hashes) == 6


def test_whoever_hands_over_says_from_when_on(tmp_path: Path) -> None:
    """Law 13: without `go_live` everybody who ever qualified would be handed over at once. A
    contract that hands nothing over needs none."""
    live = "go_live: 2026-03-02T08:00:00Z\n"
    assert live in MAPPING
    (tmp_path / "mapping.yaml").write_text(MAPPING.replace(live, ""), encoding="utf-8")
    (tmp_path / "lifecycle.yaml").write_text(CONTRACT, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_mapping(tmp_path)
    (problem,) = refused.value.problems
    assert (problem.code, "go_live" in problem.fix) == ("config.missing_key", True)
    only = (
        "format: 1\nlifecycles: {main: {stages: {lead: {team: marketing, entry: map.email != ''}}}}"
    )
    (tmp_path / "lifecycle.yaml").write_text(only, encoding="utf-8")
    assert load_mapping(tmp_path).contract


def test_lifecyclestage_is_a_projection(tmp_path: Path) -> None:
    """No field rule writes the property that shows the contract's stages."""
    rule = "      - {map: lifecyclestage, crm: Stage__c, owner: crm}\nactivities:"
    (tmp_path / "lifecycle.yaml").write_text(CONTRACT, encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text(
        MAPPING.replace("activities:", rule, 1), encoding="utf-8"
    )
    with pytest.raises(ConfigurationError) as refused:
        load_mapping(tmp_path)
    assert [p.code for p in refused.value.problems] == ["config.own_field"]
    assert "to_crm" in refused.value.problems[0].fix


def test_all_faults_are_found_in_one_pass(tmp_path: Path) -> None:
    """Mistakes in parts that have nothing to do with each other are all told at once."""
    text = CONTRACT.replace("team: shared\n        after", "team: us\n        after")
    text = text.replace("holidays: DE-BE", "holidays: XX").replace("per: month", "per: moon")
    codes = [p.code for p in problems_of(tmp_path, text)]
    assert codes == ["config.unknown_value"] * 3
