"""Slips in the shipped mapping as somebody makes them who edits it for the first time, and in a
contract: each was once told elsewhere, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.workspace import preset_text
from tests.mappings.contracts import CONTRACT
from tests.mappings.minimal import write
from tests.mappings.test_faults import problems_of

EMAIL = "      - {map: email, crm: Email, owner: map, max_length: 80}"
INCLUDE = "    # include: 'lifecyclestage != \"subscriber\"'"
SLIPS: dict[str, tuple[str, str, str, str]] = {
    "bracket left open in a rule": (EMAIL, EMAIL[:-1], "config.syntax", "Close it"),
    "bracket left open before a comment": (
        "  - {crm: HasOptedOutOfEmail, subscription: all}",
        "  {crm: HasOptedOutOfEmail, subscription: all", "config.syntax", "Close it",
    ),
    "quote left open before the next one": (
        'default: "[not provided]"     # Salesforce requires one\n\n',
        'default: "[not provided]     # Salesforce requires one\n\n',
        "config.syntax", "Close the quotes",
    ),
    "default that is no address": (
        EMAIL, EMAIL.replace("80}", "80, default: nobody}"), "config.field_type", "example.com",
    ),
    "day without quotes in a condition": (
        INCLUDE, "    include: 'createdate > 2024-01-01'  #", "config.condition", "timestamp(",
    ),
    "the other side's field in a condition": (
        INCLUDE, "    include: 'LeadSource == \"Web\"'  #",
        "config.unknown_field", "`hs_analytics_source`",
    ),
    "one value that comes from two": (
        "          closedwon: Closed Won", "          closedwon: [Closed Won, Negotiation/Review]",
        "config.duplicate_rule", "`contractsent`",
    ),
    "a Lead's field for matching Contacts": (
        "{map: company, crm: {Lead: Company}}", "{map: company, crm: Company}",
        "config.unknown_field", "{Lead: Company}",
    ),
    "a Lead's field on Contacts": (
        "crm: {Lead: Website}, owner: map", "crm: Website, owner: map",
        "config.unknown_field", "{Lead: Website}",
    ),
}  # fmt: skip
IN_CONTRACTS: dict[str, tuple[str, str, str, str]] = {
    "events that are not counted": (
        "        entry: count(events.form_fill) >= 1\n", "        entry: events.form_fill >= 1\n",
        "config.condition", "count(events.form_fill)",
    ),
    "team in capitals": (
        "        team: sales\n        fact", "        team: Sales\n        fact",
        "config.unknown_value", "`sales`",
    ),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS.keys())
def test_a_slip_is_told_once_on_its_line(slip: tuple[str, str, str, str], tmp_path: Path) -> None:
    """One line is named, the right one, with what to write."""
    _check(preset_text(), slip, tmp_path, "mapping.yaml")


@pytest.mark.parametrize("slip", IN_CONTRACTS.values(), ids=IN_CONTRACTS.keys())
def test_a_slip_in_a_contract_is_told_alone(
    slip: tuple[str, str, str, str], tmp_path: Path
) -> None:
    """What follows from it, such as a stage nobody reaches, is not told beside it."""
    write(tmp_path)
    _check(CONTRACT, slip, tmp_path, "contract.yaml")


def _check(base: str, slip: tuple[str, str, str, str], directory: Path, name: str) -> None:
    was, now, code, says = slip
    assert base.count(was) >= 1
    text = base.replace(was, now, 1)
    pairs = enumerate(zip(base.splitlines(), text.splitlines(), strict=False), start=1)
    line = next(number for number, (left, right) in pairs if left != right)
    found = problems_of(write(directory, text, name) and directory)
    assert {(p.at.line, p.code) for p in found} == {(line, code)}, found
    assert says in f"{found[0].message} {found[0].fix}"


def test_a_text_of_several_lines_is_no_open_quote(tmp_path: Path) -> None:
    """A quote that is meant to go on below is left alone where something else is wrong later."""
    text = preset_text().replace(
        'default: "[not provided]"', 'default: "not\n          provided"', 1
    )
    found = problems_of(write(tmp_path, text.replace("    kind: deal\n", "    kind deal\n")))
    assert [text.splitlines()[p.at.line - 1].strip() for p in found] == ["kind: deal"]
