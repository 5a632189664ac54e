"""A HubSpot list a contact joins or leaves decides like any of its fields, by the next reading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from state.store import Store
from sync import wiring
from sync.config import Config, load_config
from sync.doctor import examine
from sync.guard import Approval
from sync.plan import fingerprints
from sync.run import Report, dry_run, run_once
from sync.wiring import Clocks
from sync.workspace import write_workspace
from tests.connectors.vendors import Vendors, running

BOX = "Customer_List__c"
RULE = f"      - {{map: list_1, crm: {BOX}, type: boolean, direction: to_crm, owner: map}}"


@dataclass
class Listed:
    """A few contacts, a list the CRM shows as a checkbox, and a list that lets people in."""

    vendors: Vendors
    config: Config
    store: Store
    clocks: Clocks
    people: list[str]

    def run(self, *, approved: bool = False) -> Report:
        """A run; with `approved`, of a plan a person has seen."""
        with wiring.open_pair(
            self.config, self.config.pairs[0], self.store, clocks=self.clocks
        ) as pair:
            if not approved:
                return run_once(pair)
            with self.store.scratch() as copy:
                planned = dry_run(pair, store=copy)[1].planned
            return run_once(
                pair, approval=Approval(frozenset(fingerprints(list(planned.intents()))))
            )

    def move(
        self, number: int, *, join: list[str] | None = None, leave: list[str] | None = None
    ) -> None:
        """People join and leave a list; a quarter of an hour passes."""
        account = self.vendors.sandbox.hubspot
        joining, leaving = map(int, join or ()), map(int, leave or ())

        def act() -> None:
            account.lists.move(account.lists.read(number), joining, leaving, at=account.now())

        self.vendors.do(act)
        self.vendors.sleep(901)

    def boxes(self) -> dict[object, object]:
        """What the CRM shows, by last name."""
        table = self.vendors.sandbox.salesforce.records.table("Lead")
        rows = self.vendors.do(lambda: [dict(row) for row in table.all_seen()])
        return {row["LastName"]: bool(row.get(BOX)) for row in rows}


@pytest.fixture
def listed(tmp_path: Path) -> Iterator[Listed]:
    """Before the first run: Ada is in both lists, Ben in that of who comes over, Cy in none."""
    with running(tmp_path / "vendors") as vendors:
        yield from _installed(tmp_path, vendors)


def _installed(tmp_path: Path, vendors: Vendors) -> Iterator[Listed]:
    account, org = vendors.sandbox.hubspot, vendors.sandbox.salesforce

    def fill() -> list[str]:
        people = [
            account.create(
                "contacts",
                {
                    "email": f"{name}@{name}son.example.com".lower(),
                    "firstname": name,
                    "lastname": f"{name}son",
                    "company": f"{name} Ltd",
                },
            )
            for name in ("Ada", "Ben", "Cy")
        ]
        for name, members in (("Customers", people[:1]), ("For sales", people[:2])):
            made = account.lists.create(name, "0-1", "MANUAL", None, at=account.now())
            account.lists.move(made, map(int, members), [], at=account.now())
        for name in ("Lead", "Contact"):
            org.add_field(name, {"name": BOX, "type": "boolean"})
        return people

    people = vendors.do(fill)
    told = vendors.sandbox.announcement()
    written = write_workspace(
        tmp_path / "here",
        hubspot=told["hubspot"],  # type: ignore[arg-type]
        salesforce=told["salesforce"],  # type: ignore[arg-type]
    )
    text = written.read_text()
    written.write_text(
        text.replace("    kind: hubspot\n", "    kind: hubspot\n    lists: [1, 2]\n")
    )
    mapping = next((written.parent / "mappings").glob("*.yaml"))
    lines = mapping.read_text().replace("    fields:\n", f"    fields:\n{RULE}\n", 1)
    mapping.write_text(
        lines.replace(
            "    map: contacts\n", "    map: contacts\n    include: 'list_2 == \"true\"'\n"
        )
    )
    config = load_config(written, environ={})
    clock = vendors.sandbox.clock

    def seconds(*_: object) -> float:
        return clock.now_ms() / 1000

    clocks = Clocks(clock.now, seconds, vendors.sleep, seconds)
    pair = config.pairs[0]
    connectors = {s.name: wiring.connect(s) for s in (pair.map_system, pair.crm_system)}
    examine(config, connectors, fix=True)
    for connector in connectors.values():
        connector.close()
    store = wiring.open_state(config, pair, clocks)
    yield Listed(vendors, config, store, clocks, people)
    store.close()


def test_membership_lets_in_and_is_shown(listed: Listed) -> None:
    """Who is in the one list comes over, the other shows as a checkbox; joining and leaving follow
    within a quarter of an hour, and then all is silent."""
    ada, ben, cy = listed.people
    assert listed.run(approved=True).status == "ok"
    assert listed.boxes() == {"Adason": True, "Benson": False}
    listed.move(1, join=[ben], leave=[ada])
    assert listed.run().status == "ok"
    assert listed.boxes() == {"Adason": False, "Benson": True}
    listed.move(2, join=[cy])
    listed.run()
    assert listed.boxes() == {"Adason": False, "Benson": True, "Cyson": False}
    listed.move(1, join=[ada], leave=[ben])
    listed.run()
    assert listed.boxes() == {"Adason": True, "Benson": False, "Cyson": False}
    for _ in range(2):
        listed.vendors.sleep(901)
        report = listed.run()
        assert (report.status, sum(report.counts["written"].values())) == ("ok", 0)
