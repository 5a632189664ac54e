"""A snapshot of the accounts' schema: what is in it, what is not, and what is judged by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mappings.errors import ConfigurationError
from mappings.loading import Schemas
from mappings.ports import FieldSchema, ObjectSchema
from mappings.records import Side
from sync.cli.main import main
from sync.snapshot import read_snapshot, snapshot_text

RATING = FieldSchema(
    "Rating", "Rating", "picklist", options=("Hot", "Cold"), restricted=True, createable=False
)
LEAD = {
    "LastName": FieldSchema("LastName", "Last Name", "text", length=12, required=True),
    "Company": FieldSchema("Company", "Company", "text", length=20, required=True),
    "Title": FieldSchema("Title", "Title", "text", length=10),
    "Rating": RATING,
}
CONTACTS = {name: FieldSchema(name, name, "text") for name in ("lastname", "jobtitle", "warmth")}
SCHEMAS: Schemas = {
    Side.MAP: {"contacts": ObjectSchema("contacts", CONTACTS)},
    Side.CRM: {"Lead": ObjectSchema("Lead", LEAD)},
}
MAPPING = """\
format: 1
objects:
  people:
    kind: person
    map: contacts
    crm: [Lead]
    create_crm: Lead
    fields:
      - {map: lastname, crm: LastName, owner: crm, default: "[none]"}
      - {map: company, crm: Company, direction: to_crm, default: "[none]"}
      - {map: jobtitle, crm: Title, owner: crm, max_length: 10}
      - {map: warmth, crm: Rating, direction: to_crm, values: {high: Hot, low: Cold}}
"""
CASES = """\
format: 1
cases:
  - name: shown
    object: people
    given: {{map: {{lastname: Ash, {given}}}, crm: {{Lead: {{LastName: Ash, Company: A}}}}}}
    expect: {{crm: {{Lead: {{{expect}}}}}}}
"""


def workspace(directory: Path, cases: str, schemas: Schemas = SCHEMAS) -> list[str]:
    """A mapping, cases and a snapshot; the words of the command that judges them."""
    for name, text in (("mapping.yaml", MAPPING), ("cases.yaml", cases)):
        (directory / name).write_text(text, encoding="utf-8")
    (directory / "schema.json").write_text(snapshot_text({"main": schemas}), encoding="utf-8")
    words = [str(directory / "cases.yaml"), "--mapping", str(directory / "mapping.yaml")]
    return ["test-mapping", *words, "--schema", str(directory / "schema.json")]


def with_company() -> Schemas:
    """The accounts, HubSpot having a company, too."""
    fields = {**CONTACTS, "company": FieldSchema("company", "company", "text")}
    return {**SCHEMAS, Side.MAP: {"contacts": ObjectSchema("contacts", fields)}}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Every word about a field comes back; the same schemas give the same text."""
    path = tmp_path / "schema.json"
    path.write_text(snapshot_text({"main": SCHEMAS}), encoding="utf-8")
    assert read_snapshot(path) == {"main": SCHEMAS}
    assert snapshot_text(read_snapshot(path)) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "snapshot.missing"), ("", "snapshot.unreadable"), ("[]", "snapshot.unreadable"),
        ('{"kind": "leadloop-schema", "format": 9}', "snapshot.unreadable"),
        ('{"kind": "leadloop-schema", "format": 1}', "snapshot.unreadable"),
        ('{"kind": "leadloop-schema", "format": 1, "pairs": {"m": {"up": {}}}}',
         "snapshot.unreadable"),
        ('{"kind": "leadloop-schema", "format": 1, "pairs": {"m": {"crm": {"L": {"f": 1}}}}}',
         "snapshot.unreadable"),
        ("[" * 100_000, "snapshot.unreadable"),
    ],
)  # fmt: skip
def test_what_is_no_snapshot_is_refused(text: str | None, code: str, tmp_path: Path) -> None:
    """Missing, cut, edited, of another version: named as such, never half believed."""
    path = tmp_path / "schema.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_snapshot(path)
    assert caught.value.code == code


def test_a_field_the_account_lacks_is_a_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Offline nobody knows; by the snapshot `company` is no property of this account."""
    words = workspace(tmp_path, CASES.format(given="jobtitle: Head", expect="Title: Head"))
    assert main(words) == 3
    assert "contacts has no field `company`" in capsys.readouterr().err
    assert main([*words[:4]]) == 0


@pytest.mark.parametrize(
    ("given", "expect", "code", "says"),
    [
        ("jobtitle: Head", "Title: Head", 0, ""),
        ("warmth: high", "Rating: Hot", 0, ""),
        ("warmth: medium", "Rating: medium", 3, "none of its options"),
    ],
)
def test_a_value_the_vendor_would_refuse_fails_its_case(
    given: str,
    expect: str,
    code: int,
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The mapping says so, the case expects so, and Salesforce would not take it."""
    words = workspace(tmp_path, CASES.format(given=given, expect=expect), with_company())
    assert main([*words, "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    assert says in json.dumps(told)


def test_what_a_record_is_not_created_with_fails_its_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A field may be changed and yet not be given to a new record."""
    cases = (
        "format: 1\ncases:\n  - name: shown\n    object: people\n"
        "    given: {map: {lastname: Ash, company: A, warmth: low}}\n"
        "    expect: {crm: {Lead: {LastName: Ash, Company: A, Rating: Cold}}}\n"
    )
    assert main(workspace(tmp_path, cases, with_company())) == 3
    assert "it cannot be written" in capsys.readouterr().err


def test_a_snapshot_of_several_pairs_needs_a_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whose schema is meant is never guessed."""
    words = workspace(tmp_path, CASES.format(given="jobtitle: Head", expect="Title: Head"))
    both = snapshot_text({"main": SCHEMAS, "other": with_company()})
    (tmp_path / "schema.json").write_text(both, encoding="utf-8")
    assert main(words) == 3
    assert "config.unknown_pair" in capsys.readouterr().err
    assert main([*words, "--pair", "other"]) == 0
