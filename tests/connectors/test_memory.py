"""The vendor in memory keeps the contract, which is what makes it a trustworthy fake."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import load
from connectors.memory import EVENTS, MemoryConnector
from mappings.errors import ConfigurationError, RateLimitedError
from mappings.ports import FieldSchema
from mappings.records import Event, EventKind, Json, Operation, OutcomeStatus, RecordRef, Write
from tests.contract import Bench, ConnectorContract
from tests.landed import LandedRows

SCHEMA = {
    "Person": (
        FieldSchema("name", "Name", "text"),
        FieldSchema("email", "E-mail", "email", unique=True),
        FieldSchema("opted_out", "Opted out", "boolean"),
        FieldSchema("leadloop_id", "Leadloop Id", "text", unique=True, external_id=True),
    ),
    "Company": (FieldSchema("name", "Name", "text"),),
}


class Time:
    """A clock the test moves; sleeping moves it too."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, 8, tzinfo=UTC)
        self.slept = 0.0

    def now(self) -> datetime:
        """The present instant."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Pass time."""
        self.slept += seconds
        self.at += timedelta(seconds=seconds)


class MemoryBench(Bench):
    """The memory connector is connector and vendor in one."""

    object_name = "Person"
    archive_stream = "Person"
    key_field = "leadloop_id"
    text_field = "name"
    write_batch = 100

    def __init__(self) -> None:
        self.time = Time()
        self.vendor = MemoryConnector(clock=self.time.now, sleep=self.time.sleep, schema=SCHEMA)
        self.connector = self.vendor

    def fields(self, number: int) -> dict[str, Json]:
        """A person."""
        return {"name": f"Person {number}", "email": f"person{number}@example.com"}

    def spoilt(self, number: int) -> dict[str, Json]:
        """A field the vendor does not know."""
        return {**self.fields(number), "shoe_size": "forty-two"}

    def put(self, number: int) -> str:
        """Create."""
        return self.vendor.put("Person", self.fields(number))

    def flood(self, count: int, start: int) -> None:
        """Create many at one instant."""
        for number in range(start, start + count):
            self.put(number)

    def edit(self, record_id: str, text: str) -> None:
        """Edit."""
        self.vendor.edit("Person", record_id, {"name": text})

    def remove(self, record_id: str) -> None:
        """Delete."""
        self.vendor.remove("Person", record_id)

    def merge(self, winner: str, loser: str) -> str:
        """Merge."""
        self.vendor.remove("Person", loser, merged_into=winner)
        return winner

    def live(self) -> set[str]:
        """Live ids."""
        return {r.ref.id for r in self.vendor.all("Person")}

    def read(self, record_id: str) -> Mapping[str, Json]:
        """Fields."""
        return self.vendor.get("Person", record_id).fields

    def calls(self) -> int:
        """Calls since the last asking."""
        count = self.vendor.calls.total()
        self.vendor.calls.clear()
        return count

    def lose_reply(self, *, applied: bool) -> None:
        """Lose the next reply."""
        self.vendor.lose_reply(applied=applied)

    def storm(self, calls: int) -> None:
        """Ask to pause."""
        self.vendor.fail(RateLimitedError("pause", retry_after=1.0), calls, wait=1.0)

    def wait(self, seconds: float) -> None:
        """Pass time."""
        self.time.at += timedelta(seconds=seconds)

    @property
    def slept(self) -> float:
        """Seconds waited."""
        return self.time.slept


class TestContract(ConnectorContract):
    """The contract, kept by the vendor in memory."""

    @pytest.fixture
    def bench(self) -> Bench:
        """A fresh account."""
        return MemoryBench()


def test_an_opt_out_is_noted_with_its_scope() -> None:
    """OPT_OUT records address and subscription, and sets the flags among the fields."""
    bench = MemoryBench()
    record_id = bench.put(1)
    fields = {"email": "person1@example.com", "subscription": "7", "opted_out": True}
    row = Write("o", Operation.OPT_OUT, "Person", fields, id=record_id)
    (outcome,) = bench.connector.write([row])
    assert outcome.status is OutcomeStatus.OK
    assert bench.vendor.opted_out == {("person1@example.com", "7")}
    assert bench.read(record_id)["opted_out"] is True


def test_records_are_joined() -> None:
    """ASSOCIATE joins two records; a second time changes nothing, a missing one is refused."""
    bench = MemoryBench()
    record_id = bench.put(1)
    company = bench.vendor.put("Company", {"name": "Acme"})
    for other, status in (
        (company, OutcomeStatus.OK),
        (company, OutcomeStatus.OK),
        ("404", OutcomeStatus.REJECTED),
    ):
        fields = {"to_object": "Company", "to_id": other}
        row = Write("a", Operation.ASSOCIATE, "Person", fields, id=record_id)
        assert bench.connector.write([row])[0].status is status
    assert bench.vendor.get("Person", record_id).associations == {"Company": (company,)}
    for _ in range(2):
        fields = {"to_object": "Company", "to_id": company}
        apart = Write("d", Operation.DISSOCIATE, "Person", fields, id=record_id)
        assert bench.connector.write([apart])[0].status is OutcomeStatus.OK
    assert bench.vendor.get("Person", record_id).associations == {"Company": ()}


def test_a_converted_record_names_what_it_became() -> None:
    """A conversion arrives with the next pull."""
    bench = MemoryBench()
    record_id = bench.put(1)
    puller = bench.puller()
    puller.pull()
    became = RecordRef("memory", "Company", "9")
    bench.vendor.convert("Person", record_id, became)
    puller.pull()
    assert puller.row(record_id).converted_to == became


def test_events_come_once() -> None:
    """An event is pulled in the stream `events`, and not again."""
    bench = MemoryBench()
    at = bench.time.now()
    bench.vendor.emit(Event("memory", EventKind.FORM_FILL, "f:1", at, "person1@example.com"))
    landed = LandedRows()
    counts = []
    for _ in range(2):
        pages = list(bench.connector.changes(EVENTS, None, landed=landed))
        for page in pages:
            landed.land(EVENTS, page)
        counts.append(sum(len(page.events) for page in pages))
    assert counts == [1, 0]


def test_it_is_loaded_by_its_name() -> None:
    """`load` finds a connector by its name, and says when there is none."""
    assert load("memory", {"system": "hubspot"}).system == "hubspot"
    for name in ("no_such_vendor", "base", "hubspot_wire", "../x"):
        with pytest.raises(ConfigurationError):
            load(name, {})


def test_a_deleted_record_can_be_restored_and_a_merged_one_cannot() -> None:
    """Restoring brings a deleted record back as a change; a merge loser stays its winner's."""
    bench = MemoryBench()
    one, other = bench.put(1), bench.put(2)
    bench.vendor.remove("Person", one)
    bench.vendor.restore("Person", one)
    bench.merge(one, other)
    bench.vendor.restore("Person", other)
    assert bench.live() == {one}
    assert bench.vendor.get("Person", other).merged_into == one


def test_disorder_repeats_and_reorders_and_omits_nothing() -> None:
    """Pages come shuffled, with rows and older states repeated; every row is among them."""
    bench = MemoryBench()
    ids = [bench.put(number) for number in range(9)]
    bench.edit(ids[0], "Other")
    bench.vendor.disorder(random.Random(7))
    (page,) = bench.connector.changes("Person", None, landed=LandedRows())
    assert {record.ref.id for record in page.records} == set(ids)
    assert len(page.records) > len(ids)
    assert [record.ref.id for record in page.records[:9]] != ids
