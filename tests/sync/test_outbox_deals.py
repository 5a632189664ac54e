"""Deals of a program that shares a file with us appear in HubSpot, and follow what it does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from connectors.base import NullLimiter
from connectors.outbox import OutboxConnector
from mappings.fieldmap import PairMapping
from mappings.loader import load_mapping
from mappings.records import Operation, Record, Side
from mappings.required_fields import required_fields
from state import identity
from sync.run import Report, run_once
from tests.sync.world import World

TABLES = """
CREATE TABLE Contact (
    id TEXT PRIMARY KEY, modified TEXT NOT NULL, archived BOOLEAN, merged_into TEXT,
    FirstName TEXT, LastName TEXT NOT NULL, Email TEXT, Phone TEXT, Title TEXT,
    HasOptedOutOfEmail BOOLEAN);
CREATE TABLE Task (
    id TEXT PRIMARY KEY, modified TEXT NOT NULL, archived BOOLEAN, merged_into TEXT,
    WhoId TEXT, Subject TEXT, Description TEXT, Status TEXT, ActivityDate TEXT);
CREATE TABLE Opportunity (
    id TEXT PRIMARY KEY, modified TEXT NOT NULL, archived BOOLEAN, merged_into TEXT,
    Name TEXT, StageName TEXT, Amount NUMERIC, CloseDate DATE, IsClosed BOOLEAN, IsWon BOOLEAN);
CREATE TABLE OpportunityContactRole (
    id TEXT PRIMARY KEY, modified TEXT NOT NULL, archived BOOLEAN, merged_into TEXT,
    OpportunityId TEXT, ContactId TEXT, Role TEXT, IsPrimary BOOLEAN);
"""
DEALS = """
format: 1
objects:
  deals:
    kind: deal
    map: deals
    crm: [Opportunity]
    create_crm: none
    create_map: true
    fields:
      - {map: dealname, crm: Name, direction: to_map}
      - map: dealstage
        crm: StageName
        direction: to_map
        values: {appointmentscheduled: [Prospecting, "*"], closedwon: Closed Won}
      - {map: amount, crm: Amount, direction: to_map, type: currency}
"""


def mapping(folder: Path) -> PairMapping:
    """What `init --outbox` writes, and deals beside it."""
    preset = Path(str(resources.files("mappings"))) / "presets/hubspot-outbox.yaml"
    folder.mkdir()
    (folder / "1.yaml").write_text(preset.read_text())
    (folder / "2.yaml").write_text(DEALS)
    return load_mapping(folder)


@dataclass
class Shared:
    """A MAP in memory, and the file on the other side."""

    world: World
    file: Path

    def sql(self, text: str, *values: object) -> list[Any]:
        """What the other program does: `:now` is its time."""
        now = f"{self.world.time.now():%Y-%m-%dT%H:%M:%S}.000Z"
        with closing(sqlite3.connect(self.file)) as db, db:
            db.row_factory = sqlite3.Row
            return db.execute(text.replace(":now", f"'{now}'"), values).fetchall()

    def run(self) -> Report:
        """A run that went well."""
        report = run_once(self.world.pair)
        assert report.status == "ok", report.error
        return report

    def opens_a_deal(self) -> None:
        """An opportunity in which Ada has a role, and what two runs make of it."""
        [ada] = self.sql("SELECT id FROM Contact")
        self.sql(
            "INSERT INTO Opportunity (id, modified, Name, StageName, Amount, IsClosed, IsWon)"
            " VALUES ('o1', :now, 'Engine', 'Prospecting', 5000, 0, 0)"
        )
        role = "INSERT INTO OpportunityContactRole (id, modified, OpportunityId, ContactId)"
        self.sql(f"{role} VALUES ('r1', :now, 'o1', ?)", ada["id"])
        self.run()
        self.run()

    def whole(self) -> tuple[list[tuple[object, ...]], int]:
        """The file's deals, and how many writes HubSpot has had."""
        rows = [tuple(row) for row in self.sql("SELECT * FROM Opportunity")]
        return rows, len(self.world.hubspot.history)

    def deals(self) -> list[Record]:
        """HubSpot's deals."""
        return self.world.hubspot.all("deals")


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Shared]:
    """Ada, in step with a row of the file."""
    agreed = mapping(tmp_path / "mapping")
    world = World.build(tmp_path, mapping=agreed)
    file = tmp_path / "exchange.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.executescript(TABLES)
    outbox = OutboxConnector(
        file, limiter=NullLimiter(), sleep=lambda _: None, clock=world.time.now
    )
    assert not [o for o in outbox.ensure_fields(required_fields(agreed)[Side.CRM]) if o.error]
    with world.store.begin() as tx:
        identity.bind_account(tx, outbox.system, "exchange")
    world.pair = replace(world.pair, crm_side=outbox, namespace="hubspot-1:exchange")
    world.contact("Ada", "Byron")
    assert world.first().status == "ok"
    yield Shared(world, file)
    world.close()


def test_a_deal_of_the_file_appears_and_follows(shared: Shared) -> None:
    """An opportunity with a role of Ada's becomes a deal of hers; won there it is won here; with
    nothing edited nothing is written to either side."""
    shared.opens_a_deal()
    [deal] = shared.deals()
    assert (deal.fields["dealname"], deal.fields["dealstage"]) == ("Engine", "appointmentscheduled")
    shared.sql("UPDATE Opportunity SET StageName = 'Closed Won', IsWon = 1, modified = :now")
    shared.run()
    [deal] = shared.deals()
    assert deal.fields["dealstage"] == "closedwon"
    before = shared.whole()
    shared.run()
    shared.run()
    assert shared.whole() == before


def test_a_deal_that_is_archived_there_is_not_made_again(shared: Shared) -> None:
    """Law 8 holds for a file's deals as for an org's."""
    shared.opens_a_deal()
    shared.sql("UPDATE Opportunity SET archived = 1, modified = :now")
    shared.run()
    shared.run()
    made = [
        row
        for row in shared.world.hubspot.history
        if row.object == "deals" and row.operation is Operation.CREATE
    ]
    assert len(made) == 1
