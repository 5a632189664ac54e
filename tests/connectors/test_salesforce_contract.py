"""The Salesforce connector keeps the contract, against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from connectors.base import load
from mappings.records import Json
from tests.connectors.vendors import Vendors, running
from tests.contract import Bench, ConnectorContract

# A TLS connection the sandbox cuts is left to the collector by asyncio of Python 3.11.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class SalesforceBench(Bench):
    """A Salesforce org in the sandbox, with Leads as the people."""

    object_name = "Lead"
    archive_stream = "Lead"
    key_field = "Leadloop_Id__c"
    text_field = "LastName"
    write_batch = 200
    keeps_history = False

    def __init__(self, vendors: Vendors) -> None:
        self.vendors = vendors
        self.org = vendors.sandbox.salesforce
        # Short pages, so that a flood takes several as 2000 rows and more do in life.
        settings = {**vendors.salesforce_settings, "query_page": "200"}
        self.connector = load("salesforce", settings, sleep=vendors.sleep)
        self.connector.configure({"Lead": ("FirstName", "LastName", "Company", "Email")})
        (made,) = self.connector.ensure_fields([self.key_definition()])
        assert made.error is None, made.error
        vendors.reset()

    def fields(self, number: int) -> dict[str, Json]:
        """A Lead."""
        return {
            "FirstName": "Ada",
            "LastName": f"Person{number}",
            "Company": f"Company{number}",
            "Email": f"person{number}@example.com",
        }

    def spoilt(self, number: int) -> dict[str, Json]:
        """An address that is none."""
        return {**self.fields(number), "Email": f"person{number} at nowhere"}

    def put(self, number: int) -> str:
        """Create."""
        return self.vendors.do(lambda: self.org.create("Lead", self.fields(number)))

    def flood(self, count: int, start: int) -> None:
        """Import many at one instant."""

        def act() -> None:
            at = self.vendors.sandbox.clock.now()
            for number in range(start, start + count):
                self.org.create("Lead", self.fields(number), at=at)

        self.vendors.do(act)

    def edit(self, record_id: str, text: str) -> None:
        """Edit."""
        self.vendors.do(lambda: self.org.update("Lead", record_id, {"LastName": text}))

    def remove(self, record_id: str) -> None:
        """Delete."""
        self.vendors.do(lambda: self.org.delete("Lead", record_id))

    def merge(self, winner: str, loser: str) -> str:
        """Merge."""
        self.vendors.do(lambda: self.org.merge("Lead", winner, [loser]))
        return winner

    def live(self) -> set[str]:
        """Live ids."""
        return self.vendors.do(lambda: {str(row["Id"]) for row in self.org.rows("Lead")})

    def read(self, record_id: str) -> Mapping[str, Json]:
        """Fields."""
        return self.vendors.do(lambda: self.org.get("Lead", record_id))

    def calls(self) -> int:
        """Calls since the last asking."""
        count = self.vendors.calls("salesforce")
        self.vendors.reset()
        return count

    def lose_reply(self, *, applied: bool) -> None:
        """Lose the next write's reply, after or before it is applied."""
        kind = "lost_reply" if applied else "error_before"
        self.vendors.arm("salesforce", kind, match="composite/sobjects", calls=1)

    def storm(self, calls: int) -> None:
        """403s of the limit that passes."""
        self.vendors.arm("salesforce", "rate_limit", calls=calls)

    def wait(self, seconds: float) -> None:
        """Move the clock."""
        self.vendors.do(lambda: self.vendors.sandbox.clock.move(seconds))

    @property
    def slept(self) -> float:
        """Seconds waited."""
        return self.vendors.slept


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Vendors]:
    """A sandbox of the test's own."""
    with running(tmp_path) as started:
        yield started


class TestContract(ConnectorContract):
    """The contract, kept by the Salesforce connector."""

    @pytest.fixture
    def bench(self, vendors: Vendors) -> Iterator[Bench]:
        """A fresh org."""
        bench = SalesforceBench(vendors)
        yield bench
        bench.connector.close()
