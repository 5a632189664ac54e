"""More rows of one modified time than a vendor shows at once: all arrive, each once, edits too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.base import VendorConnector, load
from mappings.ports import Page
from tests.connectors.test_hubspot_contract import HubSpotBench
from tests.connectors.test_salesforce_contract import SalesforceBench
from tests.connectors.vendors import Vendors, running
from tests.contract import Bench, Puller

BEYOND_CAP = 10_400
"""Contacts: more than the 10,000 rows HubSpot's search pages through (FACTS section 2)."""
PAGES = 12_400
"""Leads: more than six of Salesforce's pages of 2,000 (FACTS section 4, Query)."""


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Vendors]:
    """A sandbox of the test's own."""
    with running(tmp_path) as started:
        yield started


def flooded(bench: Bench, connector: VendorConnector, count: int) -> tuple[Puller, int]:
    """Pull a flood while people edit, some of them rows that were read already, some not yet, and
    while the pull is broken off after every other page; the puller, and how many rows came twice.
    """
    bench.put(0)
    puller = Puller(connector, bench.object_name)
    puller.pull()
    bench.flood(count, start=1)
    ids = sorted(bench.live(), key=lambda name: (len(name), name))
    edited = {ids[7]: "early", ids[-7]: "late"}
    came: Counter[str] = Counter()
    for page in _broken_off(puller):
        came.update(record.ref.id for record in page.records)
        if edited.keys() - came.keys() == {ids[-7]} and came[ids[7]] == 1:
            bench.wait(1)
            for name, text in edited.items():
                bench.edit(name, text)
    puller.pull()
    for name, text in edited.items():
        assert puller.row(name).fields[bench.text_field] == text
    return puller, sum(number - 1 for name, number in came.items() if name not in edited)


def _broken_off(puller: Puller) -> Iterator[Page]:
    """The pages of one pull, which ends after every other page and is taken up again."""
    while True:
        for number, page in enumerate(puller.pages()):
            yield page
            if page.last:
                return
            if number % 2:
                break


def test_more_leads_of_one_second_than_pages_hold_are_pulled(vendors: Vendors) -> None:
    """12,400 Leads of one SystemModstamp arrive once, whatever page they stand on, although the
    pull is broken off and people edit meanwhile."""
    bench = SalesforceBench(vendors)
    connector = load("salesforce", vendors.salesforce_settings, sleep=vendors.sleep)
    connector.configure({"Lead": ("FirstName", "LastName")})
    puller, repeated = flooded(bench, connector, PAGES)
    assert puller.live() == bench.live()
    assert len(puller.live()) == PAGES + 1
    assert repeated == 0
    connector.close()
    bench.connector.close()


def test_more_contacts_of_one_time_than_search_shows_are_pulled(vendors: Vendors) -> None:
    """10,400 contacts of one modified time arrive once, although search pages through 10,000 at
    most, the pull is broken off, and people edit meanwhile."""
    bench = HubSpotBench(vendors)
    puller, repeated = flooded(bench, bench.connector, BEYOND_CAP)
    assert puller.live() == bench.live()
    assert len(puller.live()) == BEYOND_CAP + 1
    assert repeated == 0
    bench.connector.close()
