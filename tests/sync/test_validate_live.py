"""`leadloop validate --live`: what only the accounts know of a mapping, at its line and column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.process import SandboxProcess
from tests.sync.commands import Workspace, admin, running_sandbox, workspace_for

MAPPING = """\
format: 1
objects:
  people:
    kind: person
    map: contacts
    crm: [Contact, Lead]
    create_crm: Lead
    include: 'plan != "gold"'
    fields:
      - {map: lastname, crm: LastName, owner: crm, default: "[none]"}
      - {map: company, crm: {Lead: Company}, owner: crm, default: "[none]"}
      - {map: email, crm: Email, owner: map}
      - {map: not_there, crm: Nowhere__c, owner: map, custom: true}
      - {map: nickname, crm: Hidden__c, owner: map}
      - map: plan
        crm: Plan__c
        owner: crm
        values:
          free: Free
          paid: Pad
          trail: Trial
      - {map: size, crm: Size__c, owner: crm, max_length: 30, default: enormous}
      - {map: motto, crm: Formula__c, owner: map}
      - {map: motto, crm: Short__c, direction: to_crm, max_length: 80}
      - {map: birthday, crm: Tick__c, direction: to_crm, type: date}
      - {map: region, crm: Region__c, owner: crm, clear: true}
      - {map: grade, crm: Grade__c, direction: to_crm}
      - {map: grade, crm: Grade__c, direction: to_map}
      - {map: nothing, crm: Plan__c, direction: to_crm, when: 'plan in ["free", "gratis"]'}
consent:
  - {crm: Short__c}
outcomes:
  total_revenue: plan
  close_date: email
"""
CRM_FIELDS: list[dict[str, Any]] = [
    {"name": "Plan__c", "type": "Picklist", "restricted": True, "picklist": ["Free", "Paid"]},
    {"name": "Size__c", "type": "Picklist", "restricted": True, "picklist": ["small", "big"]},
    {"name": "Formula__c", "type": "Text", "length": 80, "formula": "1"},
    {"name": "Short__c", "type": "Text", "length": 12},
    {"name": "Tick__c", "type": "Checkbox"},
    {"name": "Region__c", "type": "Text", "length": 40, "required": True},
    {"name": "Grade__c", "type": "Text", "length": 40},
]
MAP_FIELDS: list[dict[str, Any]] = [
    {"name": name, "label": name, "type": "string", "fieldType": "text"}
    for name in ("nickname", "motto", "birthday", "region", "grade", "nothing")
]


def _choice(name: str, *options: str) -> dict[str, Any]:
    listed = [{"label": o, "value": o, "displayOrder": n} for n, o in enumerate(options)]
    return {
        "name": name, "label": name, "type": "enumeration", "fieldType": "select",
        "options": listed,
    }  # fmt: skip


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """Two empty accounts with fields of their own."""
    with running_sandbox(tmp_path_factory.mktemp("live"), people=None) as process:
        fields = [*MAP_FIELDS, _choice("plan", "free", "paid", "trial"), _choice("size", "huge")]
        for field in fields:
            _schema(process.admin_url, "hubspot", "contacts", "add", field)
        for object_name in ("Lead", "Contact"):
            for field in CRM_FIELDS:
                _schema(process.admin_url, "salesforce", object_name, "add", field)
        yield process


def _schema(url: str, system: str, object_name: str, action: str, field: dict[str, Any]) -> None:
    group = {"groupName": "contactinformation"} if system == "hubspot" else {}
    body = {"system": system, "object": object_name, "action": action, "field": field | group}
    admin(url, "POST", "/schema", body)


@pytest.fixture
def workspace(vendors: SandboxProcess, tmp_path: Path) -> Workspace:
    """A workspace whose mapping gets something wrong in nearly every line."""
    made = workspace_for(vendors, tmp_path / "workspace")
    [mapping] = (made.directory / "mappings").iterdir()
    mapping.write_text(MAPPING, encoding="utf-8")
    return made


EXPECTED = [
    # (what the line holds, where the column points, code, a word of message or fix, level)
    ("include:", '"gold"', "config.unknown_option", "free", "error"),
    ("map: not_there", "not_there", "config.unknown_field", "Settings, Properties", "error"),
    ("map: not_there", "Nowhere__c", "config.unknown_field", "Field-Level Security", "error"),
    ("map: nickname", "Hidden__c", "config.unknown_field", "permission set", "error"),
    ("paid: Pad", "paid", "config.unknown_option", "Did you mean `Paid`?", "error"),
    ("trail: Trial", "trail", "config.unknown_option", "Did you mean `trial`?", "error"),
    ("trail: Trial", "trail", "config.unknown_option", "has no option `Trial`", "error"),
    ("map: size", "enormous", "config.unknown_option", "`small`, `big`", "error"),
    ("map: size", "- ", "config.option_gap", "`huge` of contacts.size", "warning"),
    ("crm: Formula__c", "Formula__c", "config.read_only", "direction: to_map", "error"),
    ("crm: Short__c, d", "80", "config.too_long", "12", "error"),
    ("crm: Tick__c", "Tick__c", "config.field_type", "boolean", "error"),
    ("crm: Region__c", "true", "config.required_field", "clear", "error"),
    ("crm: Grade__c, direction: to_map", "- ", "config.ownership_loop", "in a circle", "error"),
    ("map: nothing", '"gratis"', "config.unknown_option", "paid", "error"),
    ("map: nothing", "- ", "config.duplicate_rule", "Plan__c", "error"),
    ("crm: Short__c}", "- ", "config.field_type", "checkbox", "error"),
    ("total_revenue: plan", "plan", "config.field_type", "number", "error"),
    ("close_date: email", "email", "config.duplicate_rule", "own", "error"),
]  # fmt: skip


def test_everything_is_told_in_one_pass_at_its_place(workspace: Workspace) -> None:
    """Existence, permission, type, length, options both ways, rights, what is required, circles and
    fields written twice: each with line, column, what and what to do; `--json` has the same."""
    ran = workspace.here("validate", "--live", "--json")
    assert ran.code == 3
    problems = ran.data["error"]["problems"]
    lines = MAPPING.splitlines()
    missing = [one for one in EXPECTED if not any(_is(one, p, lines) for p in problems)]
    assert not missing, [p for p in problems if p["line"] in {_line(m[0], lines) for m in missing}]
    said = workspace.here("validate", "--live").err
    assert f":{_line('crm: Tick__c', lines)}:9: contacts" not in said
    assert "warning: `huge` of contacts.size" in said


def _line(holds: str, lines: list[str]) -> int:
    return next(n for n, line in enumerate(lines, start=1) if holds in line)


def _is(
    expected: tuple[str, str, str, str, str], problem: dict[str, Any], lines: list[str]
) -> bool:
    holds, points, code, says, level = expected
    line = _line(holds, lines)
    text = lines[line - 1]
    column = text.index("{") if points == "- " and "{" in text else text.index(points)
    return (
        (problem["line"], problem["column"], problem["code"], problem["level"])
        == (line, column + 1, code, level)
        and says in f"{problem['message']} {problem['fix']}"
    )  # fmt: skip


def test_what_offline_cannot_know_is_not_claimed(workspace: Workspace) -> None:
    """Without the accounts only what the files alone show wrong is told."""
    problems = workspace.here("validate", "--json").data["error"]["problems"]
    assert {p["code"] for p in problems} == {
        "config.ownership_loop",
        "config.duplicate_rule",
        "config.consent_field",
        "config.field_type",
    }


def test_an_object_the_account_does_not_show(workspace: Workspace) -> None:
    """An object that is not there, or not for this user, is one finding at its name and not one
    for each of its fields."""
    [mapping] = (workspace.directory / "mappings").iterdir()
    text = "format: 1\nobjects:\n  people:\n    kind: person\n    map: contacts\n"
    text += "    crm: [Nobody__c]\n    fields:\n      - {map: email, crm: Email, owner: map}\n"
    mapping.write_text(text, encoding="utf-8")
    assert workspace.here("validate").code == 0
    [found] = workspace.here("validate", "--live", "--json").data["error"]["problems"]
    assert (found["code"], found["line"], found["column"]) == ("config.unknown_object", 6, 11)
    assert "read access" in found["fix"]


def test_faults_of_the_files_and_of_the_accounts_come_together(workspace: Workspace) -> None:
    """A slip in config.yaml does not put off what the accounts have to say."""
    workspace.edit(("kind: salesforce", "kind: salesforce\n    leadloop_shares: 1"))
    problems = workspace.here("validate", "--live", "--json").data["error"]["problems"]
    assert {"config.unknown_key", "config.unknown_option"} <= {p["code"] for p in problems}


def test_a_vendor_that_cannot_be_asked_hides_no_fault(workspace: Workspace) -> None:
    """Refused credentials end with 5 where the files are right; else the faults are told first."""
    (workspace.directory / "secrets" / "hubspot_access_token").write_text("wrong\n")
    ran = workspace.here("validate", "--live")
    assert ran.code == 3
    assert "Not everything could be asked" in ran.err
    [mapping] = (workspace.directory / "mappings").iterdir()
    right = "\n".join(MAPPING.splitlines()[:12]).replace("gold", "free")
    mapping.write_text(right + "\n", encoding="utf-8")
    assert workspace.here("validate", "--live").code == 5
