"""Everything of a large object by a Bulk 2.0 query job: the same records, in fewer calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from connectors.base import Answer, load
from connectors.payloads import RowFaultError
from connectors.salesforce_bulk_read import JobLostError, Jobs, typed
from connectors.salesforce_wire import Wire
from mappings.errors import UnavailableError
from mappings.records import Record
from tests.connectors.test_salesforce_contract import SalesforceBench
from tests.connectors.vendors import running
from tests.contract import Puller

# A TLS connection the sandbox cuts is left to the collector by asyncio of Python 3.11.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

FIELDS = ("FirstName", "LastName", "Company", "Email", "Description", "NumberOfEmployees",
          "AnnualRevenue", "HasOptedOutOfEmail", "Owner.Email", "LastActivityDate")  # fmt: skip
HOSTILE = (
    'a "quoted", comma\nand line',
    "=1+1",
    "\u202eright to left",
    "O'Brien\\",
    "#N/A",
    "null",
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SalesforceBench]:
    """An org of which everything is read by a job from 300 records on."""
    with running(tmp_path) as vendors:
        made = SalesforceBench(vendors)
        made.connector.close()
        settings = {**vendors.salesforce_settings, "query_page": "200", "job_from": "300"}
        made.connector = load("salesforce", settings, sleep=vendors.sleep)
        made.connector.configure({"Lead": FIELDS})
        yield made
        made.connector.close()


def jobs(bench: SalesforceBench) -> int:
    """How many jobs were opened."""
    tree = bench.vendors.do(bench.vendors.sandbox.calls.counts)["salesforce"]
    return sum(n for path, n in tree.get("POST", {}).items() if path.endswith("jobs/query"))


def by_query(bench: SalesforceBench) -> dict[str, Record]:
    """What the ordinary query gives of everything."""
    settings = {**bench.vendors.salesforce_settings, "query_page": "200"}
    connector = load("salesforce", settings, sleep=bench.vendors.sleep)
    connector.configure({"Lead": FIELDS})
    puller = Puller(connector, "Lead")
    puller.pull()
    connector.close()
    return puller.landed.records["Lead"]


def test_a_job_gives_what_a_query_gives(bench: SalesforceBench) -> None:
    """Field by field, revisions included: numbers, checkboxes, instants, blanks, related fields,
    hostile texts, deleted records and merges."""
    org, vendors = bench.org, bench.vendors
    bench.flood(400, start=0)
    for number, text in enumerate(HOSTILE):
        fields = {**bench.fields(5000 + number), "Description": text, "NumberOfEmployees": number}
        fields |= {"AnnualRevenue": 10.5 * number, "HasOptedOutOfEmail": number % 2 == 0}
        vendors.do(partial(org.create, "Lead", fields))
    winner, loser, gone = (bench.put(6000 + n) for n in range(3))
    bench.merge(winner, loser)
    bench.remove(gone)
    puller = bench.puller()
    puller.pull()
    assert jobs(bench) == 1
    found = puller.landed.records["Lead"]
    assert found == by_query(bench)
    assert found[loser].merged_into == winner
    assert found[gone].deleted


def test_fewer_calls_however_many(bench: SalesforceBench) -> None:
    """2,500 records take a handful of calls where pages of 200 take thirteen; below the switch
    point no job is opened, and everyday pulls open none."""
    bench.flood(299, start=0)
    bench.puller().pull()
    assert jobs(bench) == 0
    bench.flood(2_201, start=1000)
    bench.calls()
    puller = bench.puller()
    puller.pull()
    assert bench.calls() <= 6
    assert puller.live() == bench.live()
    bench.wait(1_000)
    puller.pull()
    edited = min(bench.live())
    bench.edit(edited, "Edited")
    bench.calls()
    assert [record.ref.id for record in puller.pull()] == [edited]
    assert jobs(bench) == 0


def test_edits_while_a_job_is_read_come_with_the_next_pull(bench: SalesforceBench) -> None:
    """The next window begins before the job did, so what its rows are too old for is read again."""
    bench.flood(2_500, start=0)
    ids = sorted(bench.live())
    puller = bench.puller()
    for number, _ in enumerate(puller.pages()):
        bench.edit(ids[0], f"During {number}")
        bench.edit(ids[-1], f"During {number}")
        last = f"During {number}"
    bench.wait(1)
    puller.pull()
    assert [puller.row(one).fields["LastName"] for one in (ids[0], ids[-1])] == [last, last]


def test_a_reading_that_is_killed_goes_on_with_its_job(bench: SalesforceBench) -> None:
    """Broken off before or within the result, the next pull opens no second job."""
    bench.flood(2_500, start=0)
    for pages in (1, 2):
        puller = bench.puller()
        bench.calls()
        for number, _ in enumerate(puller.pages(), start=1):
            if number == pages:
                break
        puller.pull()
        assert puller.live() == bench.live()
        assert jobs(bench) == 1


@pytest.mark.parametrize("trouble", ["failed", "slow", "forgotten", "refused"])
def test_a_job_that_comes_to_nothing_is_replaced_by_the_query(
    bench: SalesforceBench, trouble: str
) -> None:
    """A job that fails, does not end, is gone, or is not taken: everything is read all the same,
    once."""
    bench.flood(500, start=0)
    puller = bench.puller()
    if trouble == "failed":
        bench.vendors.do(lambda: setattr(bench.org, "bulk_query_failures", 1))
    elif trouble == "slow":
        bench.vendors.do(lambda: setattr(bench.org, "bulk_polls", 1_000))
    elif trouble == "forgotten":
        for _ in puller.pages():
            break
        assert puller.cursor is not None
        puller.cursor = {**puller.cursor, "job": "750000000000999AAA"}
    else:
        bench.vendors.arm("salesforce", "lost_reply", match="jobs/query$", calls=1)
    found = puller.pull()
    assert puller.live() == bench.live()
    assert len(found) == len({record.ref.id for record in found}) == 500
    bench.wait(timedelta(hours=1).total_seconds())
    puller.pull()
    assert puller.pull() == []


def test_an_outage_leaves_the_job_to_the_next_pull(bench: SalesforceBench) -> None:
    """While the org does not answer at all the pull fails, and goes on with its job later."""
    bench.flood(500, start=0)
    puller = bench.puller()
    pages = puller.pages()
    next(pages)
    bench.vendors.arm("salesforce", "error_before", match="jobs/query/", calls=20)
    with pytest.raises(UnavailableError):
        next(pages)
    bench.vendors.do(bench.vendors.sandbox.faults.clear)
    puller.pull()
    assert puller.live() == bench.live()
    assert jobs(bench) == 1


class Told:
    """A wire whose job is through and whose result is given: the table and where it goes on."""

    def __init__(self, table: str, locator: str) -> None:
        self.answer = Answer(200, {"sforce-locator": locator}, b"", table)

    def get(self, _path: str) -> Answer:
        """The job."""
        return Answer(200, {}, b"", {"state": "JobComplete"})

    def table(self, _path: str, _query: Mapping[str, str]) -> Answer:
        """The result."""
        return self.answer


@pytest.mark.parametrize(
    ("table", "locator"),
    [('"Id"\n"00Q1"x', "null"), ('"Id"\n', ""), ('"Id"\n', "here"), ('"Id"\n', "no place")],
)
def test_a_result_that_leads_nowhere_is_lost(table: str, locator: str) -> None:
    """A broken table, no place to go on at, or the place it began at: never half a reading, and
    never one without end."""
    wire = cast("Wire", Told(table, locator))
    jobs = Jobs(wire, sleep=lambda _: None, fields=lambda _: {})
    with pytest.raises(JobLostError):
        list(jobs.parts("750", ["Id"], "here"))


def test_a_part_may_come_without_the_names_of_its_columns() -> None:
    """Whether every part begins with them or only the first one, no row is taken for names and
    none is lost; one with cells too many is no record."""
    for head in ('"Id"\n', ""):
        wire = cast("Wire", Told(f'{head}"00Q1"\n"00Q2","x"\n', "null"))
        (part,) = Jobs(wire, sleep=lambda _: None, fields=lambda _: {}).parts("750", ["Id"], "")
        assert (part.rows, part.place) == ([{"Id": "00Q1"}, ["00Q2", "x"]], "")


def test_cells_that_are_no_value_of_their_type_are_that_rows_fault() -> None:
    """A flag that is neither, a number that is none: the row is set aside with the reason."""
    kinds = {"A": "boolean", "B": "number", "C": "currency"}
    row = {"A": "true", "B": "-2", "C": "1.50", "D": ""}
    assert typed(row, kinds) == {"A": True, "B": -2, "C": 1.5, "D": None}
    for kind in ("boolean", "number"):
        with pytest.raises(RowFaultError):
            typed({"A": "perhaps"}, {"A": kind})
