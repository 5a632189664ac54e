"""Keys that outlive what queries show: of a closed Task of long ago, which Salesforce has archived,
and of a Lead that was converted. Neither is ever made a second time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.base import load
from mappings.ports import FieldDefinition
from mappings.records import Operation, OutcomeStatus, RecordRef, Write
from mappings.required_fields import CRM_KEY, EVENT_KEY
from tests.connectors.test_salesforce_contract import SalesforceBench
from tests.connectors.vendors import running

# A TLS connection the sandbox cuts is left to the collector by asyncio of Python 3.11.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

LONG_AGO = "2024-11-05"
"""More than a year before anything here happens."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SalesforceBench]:
    """A fresh org, the key of events among the Tasks' fields."""
    with running(tmp_path) as vendors:
        made = SalesforceBench(vendors)
        wanted = FieldDefinition("Task", EVENT_KEY, "Leadloop event", "text", 80, unique=True)
        (field,) = made.connector.ensure_fields([wanted])
        assert field.error is None
        yield made
        made.connector.close()


def task(lead: str) -> Write:
    """A form fill of long ago, told as a Task."""
    fields = {"Subject": "Form", "Status": "Completed", "WhoId": lead, "ActivityDate": LONG_AGO}
    return Write("row", Operation.CREATE, "Task", fields, None, (EVENT_KEY, "form:1"))


def tasks(bench: SalesforceBench) -> int:
    """How many Tasks the org holds, archived ones too."""
    return bench.vendors.do(lambda: len(list(bench.org.rows("Task"))))


def test_an_archived_task_is_found_by_its_key(bench: SalesforceBench) -> None:
    """No query() shows a closed Task over a year old; by its key it is found all the same, and
    sending it again writes over it."""
    lead = bench.put(1)
    (first,) = bench.connector.write([task(lead)])
    assert bench.vendors.do(lambda: bench.org.query("SELECT Id FROM Task")) == []
    found = bench.connector.find("Task", EVENT_KEY, ["form:1"])
    assert [one.ref for one in found] == [RecordRef("salesforce", "Task", str(first.id))]
    assert not found[0].deleted
    (again,) = bench.connector.write([task(lead)])
    assert (again.status, again.id, again.created) == (OutcomeStatus.OK, first.id, False)
    assert tasks(bench) == 1


def test_an_archived_task_survives_a_lost_reply(bench: SalesforceBench) -> None:
    """What became of a write whose answer never came is seen by the key, archived or not."""
    lead = bench.put(1)
    bench.lose_reply(applied=True)
    (lost,) = bench.connector.write([task(lead)])
    assert lost.status is OutcomeStatus.UNKNOWN
    assert len(bench.connector.find("Task", EVENT_KEY, ["form:1"])) == 1
    assert tasks(bench) == 1


def test_a_census_counts_what_is_archived(bench: SalesforceBench) -> None:
    """The nightly reading of ids sees an archived Task: it is not taken for deleted."""
    (made,) = bench.connector.write([task(bench.put(1))])
    bench.connector.configure({"Task": ("Subject",)})
    pages = list(bench.connector.census("Task", None))
    assert [record.ref.id for page in pages for record in page.records] == [made.id]


def test_a_converted_leads_key_makes_nobody_twice(bench: SalesforceBench) -> None:
    """Behind the key of a Lead that was converted stands the Contact it became; creating under the
    key again is refused, in a backfill too, and no Lead is made."""
    row = bench.create(1)
    (made,) = bench.connector.write([row])
    assert row.external_id is not None
    became = bench.vendors.do(lambda: bench.org.convert_lead(str(made.id)))
    [found] = bench.connector.find("Lead", CRM_KEY, [row.external_id[1]])
    assert found.converted_to == RecordRef("salesforce", "Contact", str(became["contactId"]))
    (again,) = bench.connector.write([row])
    assert (again.status, again.id) == (OutcomeStatus.REJECTED, None)
    assert again.error is not None
    assert again.error.code == "record.converted"
    settings = {**bench.vendors.salesforce_settings, "backfill": "true"}
    filling = load("salesforce", settings, sleep=bench.vendors.sleep)
    filling.configure({"Lead": ("LastName",)})
    (third,) = filling.write([row])
    filling.close()
    assert third.status is OutcomeStatus.REJECTED
    assert len(bench.live()) == 1
