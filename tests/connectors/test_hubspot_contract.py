"""The HubSpot connector keeps the contract, against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from connectors.base import load
from mappings.records import Json
from tests.connectors.vendors import Vendors, running
from tests.contract import Bench, ConnectorContract


class HubSpotBench(Bench):
    """A HubSpot account in the sandbox, with contacts as the people."""

    object_name = "contacts"
    archive_stream = "archived:contacts"
    key_field = "leadloop_id"
    text_field = "lastname"
    write_batch = 100

    def __init__(self, vendors: Vendors, *, api: str = "v3") -> None:
        self.vendors = vendors
        self.account = vendors.sandbox.hubspot
        settings = {**vendors.hubspot_settings, "api": api}
        self.connector = load("hubspot", settings, sleep=vendors.sleep)
        self.connector.configure({"contacts": ("firstname", "lastname")})
        (made,) = self.connector.ensure_fields([self.key_definition()])
        assert made.error is None
        vendors.reset()

    def fields(self, number: int) -> dict[str, Json]:
        """A contact."""
        return {
            "firstname": "Ada",
            "lastname": f"Person{number}",
            "email": f"person{number}@example.com",
        }

    def spoilt(self, number: int) -> dict[str, Json]:
        """An address that is none."""
        return {**self.fields(number), "email": f"person{number} at nowhere"}

    def put(self, number: int) -> str:
        """Create."""
        return self.vendors.do(lambda: self.account.create("contacts", self.fields(number)))

    def flood(self, count: int, start: int) -> None:
        """Import many at one instant."""

        def act() -> None:
            at = self.vendors.sandbox.clock.now()
            for number in range(start, start + count):
                self.account.create("contacts", self.fields(number), source="IMPORT", at=at)

        self.vendors.do(act)

    def edit(self, record_id: str, text: str) -> None:
        """Edit; never within the millisecond of the pull before, which only loopback can manage."""
        self.vendors.sandbox.clock.move(0.001)
        self.vendors.do(lambda: self.account.update("contacts", record_id, {"lastname": text}))

    def remove(self, record_id: str) -> None:
        """Archive."""
        self.vendors.do(lambda: self.account.archive("contacts", record_id))

    def merge(self, winner: str, loser: str) -> str:
        """Merge; the result may have a new id."""
        return self.vendors.do(lambda: self.account.merge("contacts", winner, loser))

    def live(self) -> set[str]:
        """Live ids."""
        return self.vendors.do(lambda: set(self.account.ids("contacts")))

    def read(self, record_id: str) -> Mapping[str, Json]:
        """Properties."""
        return self.vendors.do(lambda: self.account.get("contacts", record_id))

    def calls(self) -> int:
        """Calls since the last asking."""
        count = self.vendors.calls("hubspot")
        self.vendors.reset()
        return count

    def lose_reply(self, *, applied: bool) -> None:
        """Lose the next write's reply, after or before it is applied."""
        kind = "lost_reply" if applied else "error_before"
        self.vendors.arm("hubspot", kind, match="batch/(upsert|update)", calls=1)

    def storm(self, calls: int) -> None:
        """429s of both shapes in turn."""
        self.vendors.arm("hubspot", "rate_limit", calls=calls)

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
    """The contract, kept by the HubSpot connector on either set of paths."""

    @pytest.fixture(params=["v3", "2026-03"])
    def bench(self, vendors: Vendors, request: pytest.FixtureRequest) -> Iterator[Bench]:
        """A fresh account."""
        bench = HubSpotBench(vendors, api=request.param)
        yield bench
        bench.connector.close()
