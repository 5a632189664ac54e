"""A sandbox with the fields of the accounts a snapshot was taken of."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mappings.loading import Schemas
from mappings.ports import FieldSchema, ObjectSchema
from mappings.records import Side
from sync.snapshot import read_snapshot, snapshot_text
from sync.snapshot_world import changes_of
from tests.sync.commands import Ran, Workspace, command_line, environment_of, leadloop

CRM = (
    FieldSchema("Tier__c", "Tier", "picklist", length=255, options=("Gold", "Tin"),
                restricted=True),
    FieldSchema("Notes__c", "Notes", "text", length=32_000),
    FieldSchema("Code__c", "Code", "text", length=12, unique=True, external_id=True),
    FieldSchema("Since__c", "Since", "date"),
    FieldSchema("Sum__c", "Sum", "text", length=40, calculated=True, createable=False,
                updateable=False),
    FieldSchema("Must__c", "Must", "text", length=20, required=True),
    FieldSchema("Email", "Email", "email", length=80),
)  # fmt: skip
MAP = (
    FieldSchema("tier", "Tier", "picklist", options=("gold", "tin"), restricted=True),
    FieldSchema("lifecyclestage", "Stage", "picklist", options=("lead", "fan"), restricted=True),
    FieldSchema("member", "Member", "boolean"),
    FieldSchema("joined", "Joined", "date"),
)


def _schemas(crm: tuple[FieldSchema, ...] = CRM) -> Schemas:
    return {
        Side.MAP: {"contacts": ObjectSchema("contacts", {f.name: f for f in MAP})},
        Side.CRM: {"Lead": ObjectSchema("Lead", {f.name: f for f in crm})},
    }


def test_fields_of_the_account_are_added_and_standard_ones_left() -> None:
    """Own fields come with type, length, options and rights; Salesforce's standard ones do not."""
    made = [c for c in changes_of(_schemas()) if c["system"] == "salesforce"]
    assert [c["field"]["name"] for c in made] == [f.name for f in CRM if f.name != "Email"]
    fields: dict[str, dict[str, Any]] = {c["field"]["name"]: c["field"] for c in made}
    assert fields["Tier__c"]["picklist"] == ["Gold", "Tin"]
    assert fields["Notes__c"]["type"] == "LongTextArea"
    assert "formula" in fields["Sum__c"]
    assert changes_of({}) == []


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose sandbox was started from a snapshot."""
    snapshot = tmp_path / "schema.json"
    snapshot.write_text(snapshot_text({"main": _schemas()}), encoding="utf-8")
    words = ["sandbox", "--dir", str(tmp_path / "try"), "--empty", "--schema", str(snapshot)]
    process = subprocess.Popen(
        command_line(*words, "--json"), env=environment_of(), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        json.loads(process.stdout.readline())
        yield Workspace(tmp_path / "try")
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_a_sandbox_has_what_the_snapshot_says(accounts: Workspace) -> None:
    """A snapshot of it says of every own field what the first one said, options of HubSpot's own
    picklists included."""
    out = accounts.directory / "again.json"
    assert accounts.here("snapshot", "--out", str(out)).code == 0
    again = read_snapshot(out)["main"]
    wanted = _schemas()
    for side, object_name in ((Side.MAP, "contacts"), (Side.CRM, "Lead")):
        had, has = wanted[side][object_name].fields, again[side][object_name].fields
        for name, field in had.items():
            if name != "Email":
                told = (has[name].type, has[name].options, has[name].required, has[name].unique)
                assert told == (field.type, field.options, field.required, field.unique), name
    assert again[Side.CRM]["Lead"].fields["Sum__c"].calculated
    assert again[Side.CRM]["Lead"].fields["Must__c"].length == 20


def test_a_snapshot_with_an_object_no_sandbox_has_is_told(tmp_path: Path) -> None:
    """It ends with 3, names the field, and starts nothing."""
    odd = {Side.CRM: {"Zebra__c": ObjectSchema("Zebra__c", {f.name: f for f in CRM})}}
    snapshot = tmp_path / "schema.json"
    snapshot.write_text(snapshot_text({"main": odd}), encoding="utf-8")
    ran: Ran = leadloop("sandbox", "--dir", str(tmp_path / "try"), "--schema", str(snapshot))
    assert ran.code == 3
    assert "Zebra__c." in ran.err
