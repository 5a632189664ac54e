"""Lists of HubSpot: whether a contact is in one is a field of the contact, and moves with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.base import load
from mappings.errors import AuthenticationError
from mappings.records import Record
from sandbox.hubspot.lists import RecordList
from tests.connectors.test_hubspot_contract import HubSpotBench
from tests.connectors.vendors import Vendors, running
from tests.contract import Puller

FIELD, OTHER = "list_1", "list_2"


class ListBench(HubSpotBench):
    """An account with two static lists of contacts; a third is named that is not there, and a rule
    reads the first."""

    def __init__(self, vendors: Vendors, *, api: str) -> None:
        super().__init__(vendors, api=api)
        self.connector.close()
        for name in ("Webinar", "Customers"):
            self.make(name, "MANUAL", None)
        settings = {**vendors.hubspot_settings, "api": api, "lists": "1,2,3"}
        self.connector = load("hubspot", settings, sleep=vendors.sleep)
        self.connector.configure({"contacts": ("lastname", FIELD)})
        self.contacts = Puller(self.connector, "contacts")

    def make(self, name: str, processing: str, filters: object) -> None:
        """Somebody makes a list."""
        lists = self.account.lists
        self.vendors.do(
            lambda: lists.create(name, "0-1", processing, filters, at=self.account.now())
        )

    def a_list(self, number: int = 1) -> RecordList:
        """A list by its number."""
        return self.account.lists.read(number)

    def move(self, *, join: list[str] | None = None, leave: list[str] | None = None) -> None:
        """People join and leave the first list."""
        joining, leaving = map(int, join or ()), map(int, leave or ())

        def act() -> None:
            self.account.lists.move(self.a_list(), joining, leaving, at=self.account.now())

        self.vendors.do(act)

    def listen(self) -> dict[str, Record]:
        """A pull of the list's stream, landed beside the contacts; what it told, by id."""
        told: dict[str, Record] = {}
        for page in self.connector.changes("list:1", {}, landed=self.contacts.landed):
            self.contacts.landed.land("contacts", page)
            told |= {record.ref.id: record for record in page.records}
        return told


@pytest.fixture(params=["v3", "2026-03"])
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ListBench]:
    """The account, by either generation of paths."""
    with running(tmp_path) as vendors:
        made = ListBench(vendors, api=request.param)
        yield made
        made.connector.close()


def test_every_reading_of_a_contact_tells_whether_it_is_in(bench: ListBench) -> None:
    """By list, by search, by id and by address alike; of a list nobody reads, nothing is said."""
    inside, outside = bench.put(1), bench.put(2)
    bench.move(join=[inside])
    bench.contacts.pull()
    assert [bench.contacts.row(one).fields[FIELD] for one in (inside, outside)] == ["true", "false"]
    bench.edit(outside, "Edited")
    assert [record.fields[FIELD] for record in bench.contacts.pull()] == ["false"]
    fetched = {r.ref.id: r.fields[FIELD] for r in bench.connector.fetch("contacts", [inside])}
    assert fetched == {inside: "true"}
    (found,) = bench.connector.find("contacts", "email", ["person1@example.com"])
    assert found.fields[FIELD] == "true"
    assert OTHER not in found.fields
    assert bench.connector.versions("contacts", {inside: [FIELD, "lastname"]}).keys() == {
        (inside, "lastname")
    }


def test_joining_and_leaving_are_told_though_no_stamp_moves(bench: ListBench) -> None:
    """Both are noticed at the contact's old revision, told again; what has not moved costs the
    list alone, and a contact that comes back is news once more."""
    ids = [bench.put(number) for number in range(3)]
    bench.contacts.pull()
    assert bench.listen() == {}
    before = bench.contacts.row(ids[0])
    bench.move(join=ids[:2])
    told = bench.listen()
    assert {one: record.fields[FIELD] for one, record in told.items()} == dict.fromkeys(
        ids[:2], "true"
    )
    assert told[ids[0]].revision.startswith(f"{before.revision}~")
    assert told[ids[0]].modified_at == before.modified_at
    assert told[ids[0]].fields["lastname"] == before.fields["lastname"]
    bench.calls()
    assert bench.listen() == {}
    assert bench.calls() == 1
    bench.move(leave=ids[:1])
    bench.wait(1)
    assert {one: r.fields[FIELD] for one, r in bench.listen().items()} == {ids[0]: "false"}
    bench.move(join=ids[:1])
    bench.wait(1)
    again = bench.listen()[ids[0]]
    assert again.fields[FIELD] == "true"
    assert again.revision != told[ids[0]].revision


def test_a_dynamic_list_is_followed(bench: ListBench) -> None:
    """Where filters decide, an edit takes a contact in and out."""
    ulm = bench.put(1)
    branch = {
        "filterBranchType": "OR", "filters": [], "filterBranches": [{
            "filterBranchType": "AND", "filterBranches": [], "filters": [{
                "filterType": "PROPERTY", "property": "lastname", "operation": {
                    "operationType": "MULTISTRING", "operator": "IS_EQUAL_TO",
                    "values": ["Ulm"]}}]}],
    }  # fmt: skip
    bench.make("Ulm", "DYNAMIC", branch)
    bench.connector.configure({"contacts": ("lastname", "list_3")})
    bench.contacts.pull()
    assert bench.contacts.row(ulm).fields["list_3"] == "false"
    bench.edit(ulm, "Ulm")
    assert [record.fields["list_3"] for record in bench.contacts.pull()] == ["true"]


def test_a_list_that_is_deleted_says_nothing_until_it_is_back(bench: ListBench) -> None:
    """Nobody leaves a list because it was deleted; its field is gone, and so it is noticed as any
    other field that goes. Restored, it is caught up with."""
    inside, later = bench.put(1), bench.put(2)
    bench.move(join=[inside])
    bench.contacts.pull()
    schema = bench.connector.describe("contacts").fields
    assert {name for name in schema if name.startswith("list_")} == {FIELD, OTHER}
    assert (schema[FIELD].type, schema[FIELD].updateable) == ("boolean", False)
    bench.vendors.do(lambda: bench.account.lists.delete(bench.a_list(), at=bench.account.now()))
    assert FIELD not in bench.connector.describe("contacts").fields
    assert bench.listen() == {}
    bench.edit(later, "Edited")
    assert [FIELD in record.fields for record in bench.contacts.pull()] == [False]
    bench.vendors.do(lambda: bench.account.lists.restore("1", at=bench.account.now()))
    bench.connector.streams()
    bench.move(join=[later])
    assert {one: r.fields[FIELD] for one, r in bench.listen().items()} == {later: "true"}
    assert FIELD in bench.connector.describe("contacts").fields


def test_archived_and_merged_members_are_followed(bench: ListBench) -> None:
    """A contact that is gone is no member; a merge's survivor is one if either was."""
    gone, winner, loser = bench.put(1), bench.put(2), bench.put(3)
    bench.move(join=[gone, loser])
    bench.contacts.pull()
    bench.remove(gone)
    survivor = bench.merge(winner, loser)
    bench.contacts.pull()
    told = bench.listen()
    assert gone not in told
    assert bench.contacts.row(survivor).fields[FIELD] == "true"


def test_ten_thousand_members_come_by_pages(tmp_path: Path) -> None:
    """The list is read 250 a call, and who moved 100 a call; that all joined at one instant loses
    nobody, and what is known costs nothing but the list."""
    with running(tmp_path) as vendors:
        bench = ListBench(vendors, api="v3")
        bench.flood(10_000, 1)
        everybody = sorted(bench.live(), key=int)
        bench.move(join=everybody)
        bench.contacts.pull()
        bench.calls()
        assert bench.listen() == {}
        assert bench.calls() == 40
        bench.move(leave=everybody[5_000:])
        bench.wait(1)
        assert bench.listen().keys() == set(everybody[5_000:])
        assert bench.calls() == 20 + 50 * 3
        bench.connector.close()


def test_without_the_scope_the_error_names_it(bench: ListBench) -> None:
    """What an app lacks is said by its name, wherever it is met."""
    bench.vendors.do(lambda: bench.account.tokens.denied_scopes.add("crm.lists.read"))
    with pytest.raises(AuthenticationError) as caught:
        bench.connector.describe("contacts")
    assert caught.value.code == "auth.missing_scopes"
    assert "crm.lists.read" in caught.value.remedy


def test_lists_that_no_rule_names_cost_nothing(bench: ListBench) -> None:
    """Named in the settings alone, they have no stream and no call."""
    bench.connector.configure({"contacts": ("lastname",)})
    bench.put(1)
    bench.calls()
    assert not [s for s in bench.connector.streams() if s.name.startswith("list:")]
    bench.contacts.pull()
    counted = bench.vendors.do(bench.vendors.sandbox.calls.counts)["hubspot"]
    assert not [path for paths in counted.values() for path in paths if "lists" in path]
