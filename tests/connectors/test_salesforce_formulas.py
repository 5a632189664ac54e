"""Formula fields: their values move no stamp, and arrive all the same, once a day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.test_salesforce_contract import SalesforceBench
from tests.connectors.vendors import Vendors, running
from tests.contract import Puller

# A TLS connection the sandbox cuts is left to the collector by asyncio of Python 3.11.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

DAY = 86_400.0
FORMULA = "Score__c"


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Vendors]:
    """A sandbox of the test's own."""
    with running(tmp_path) as started:
        yield started


@pytest.fixture
def bench(vendors: Vendors) -> Iterator[SalesforceBench]:
    """An org whose Leads have a formula."""
    made = SalesforceBench(vendors)
    definition = {"name": FORMULA, "type": "Number", "formula": "TODAY() - CreatedDate"}
    vendors.do(lambda: made.org.add_field("Lead", definition))
    made.connector.configure({"Lead": ("LastName", FORMULA)})
    yield made
    made.connector.close()


def calculates(bench: SalesforceBench, record_id: str, value: float) -> None:
    """The formula comes to another value; the record is not changed by that."""
    table = bench.org.records.table("Lead")
    bench.vendors.do(lambda: table.rows[record_id].update({FORMULA: value}))


def test_a_formula_is_calculated_and_nobodys_to_write(bench: SalesforceBench) -> None:
    """Describe says so, which is how the connector knows."""
    field = bench.connector.describe("Lead").fields[FORMULA]
    assert field.calculated
    assert not field.createable
    assert not field.updateable


def test_what_only_a_formula_changed_arrives_within_a_day(bench: SalesforceBench) -> None:
    """Ordinary pulls cannot see it; the daily one brings that record and no other."""
    moved, still = bench.put(1), bench.put(2)
    bench.wait(3600)
    puller = bench.puller()
    puller.pull()
    calculates(bench, moved, 7)
    bench.wait(3600)
    assert puller.pull() == []
    bench.wait(DAY)
    assert [record.ref.id for record in puller.pull()] == [moved]
    assert puller.row(moved).fields[FORMULA] == 7
    assert puller.row(still).fields[FORMULA] is None


def test_between_two_days_a_quiet_pull_costs_one_call(bench: SalesforceBench) -> None:
    """Nobody is described or read for the formula's sake until the day is over."""
    bench.put(1)
    bench.wait(3600)
    puller = bench.puller()
    puller.pull()
    bench.wait(DAY)
    puller.pull()
    bench.calls()
    bench.wait(3600)
    puller.pull()
    assert bench.calls() == 1


def test_where_no_formula_is_read_nothing_is_read_for_one(bench: SalesforceBench) -> None:
    """The day's end costs a description and no record."""
    bench.connector.configure({"Lead": ("LastName",)})
    for number in range(3):
        bench.put(number)
    bench.wait(3600)
    puller = bench.puller()
    puller.pull()
    bench.wait(DAY)
    bench.calls()
    assert puller.pull() == []
    assert bench.calls() == 2


def test_a_daily_reading_cut_short_is_taken_up(bench: SalesforceBench) -> None:
    """Broken off after its first page it goes on there, edits meanwhile included."""
    ids = [bench.put(number) for number in range(3)]
    bench.wait(3600)
    puller = bench.puller()
    puller.pull()
    calculates(bench, ids[2], 9)
    bench.wait(DAY)
    for page in puller.pages():
        assert not page.last
        break
    bench.edit(ids[0], "Meanwhile")
    again = Puller(bench.connector, "Lead")
    again.landed, again.cursor = puller.landed, puller.cursor
    again.pull()
    again.pull()
    assert again.row(ids[2]).fields[FORMULA] == 9
    assert again.row(ids[0]).fields["LastName"] == "Meanwhile"
