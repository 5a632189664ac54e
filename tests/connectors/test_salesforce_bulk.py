"""Big backfills through Bulk 2.0: the same outcomes as collections, in fewer calls."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import DuplicateFoundError, NullLimiter
from connectors.salesforce_bulk import BULK_FROM, Bulk, carries, table_of
from connectors.salesforce_wire import Wire
from mappings.records import Json, Operation, Outcome, OutcomeStatus, Write
from tests.connectors.test_salesforce_contract import SalesforceBench
from tests.connectors.vendors import Vendors, running

# A TLS connection the sandbox cuts is left to the collector by asyncio of Python 3.11.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

HOSTILE = (
    "O'Brien\\",
    "=HYPERLINK(1)",
    "+49 30",
    "-1",
    "@SUM(A1)",
    'a "quoted", comma;semicolon\tTab',
    "two\nlines",
    "two\r\nlines",
    "#N/A",
    "\u202eright to left \u05e9\u05dc\u05d5\u05dd",
    "\U0001f642\U0001f9d1\u200d\U0001f680",
    "bell\x07",
    "%_%",
)


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Vendors]:
    """A sandbox of the test's own."""
    with running(tmp_path) as started:
        yield started


@pytest.fixture
def bench(vendors: Vendors) -> Iterator[SalesforceBench]:
    """A fresh org, in a backfill."""
    made = SalesforceBench(vendors)
    made.connector.set_backfill(on=True)
    vendors.reset()
    yield made
    made.connector.close()


def create(number: int, **fields: Json) -> Write:
    """A Lead to be created by its key."""
    named = {"LastName": f"Person{number}", "Company": "Acme", **fields}
    key = ("Leadloop_Id__c", f"key-{number}")
    return Write(f"row-{number}", Operation.CREATE, "Lead", named, external_id=key)


def many(count: int = BULK_FROM, **fields: Json) -> list[Write]:
    """Enough rows for a job."""
    return [create(number, **fields) for number in range(count)]


def by_key(outcomes: list[Outcome]) -> dict[str, Outcome]:
    """Outcomes by row; one each."""
    found = {outcome.key: outcome for outcome in outcomes}
    assert len(found) == len(outcomes)
    return found


def paths(vendors: Vendors) -> dict[str, int]:
    """How often which writing path was called."""
    tree = vendors.do(vendors.sandbox.calls.counts)["salesforce"]
    return {
        path.partition("}")[2]: count
        for method in ("POST", "PATCH")
        for path, count in tree.get(method, {}).items()
        if "composite" in path or "ingest" in path
    }


def test_a_big_backfill_goes_by_bulk_and_is_idempotent(bench: SalesforceBench) -> None:
    """Every row is done in fewer than ten calls, where collections take one for 200; sending all
    of it again makes nobody twice."""
    rows = many()
    first = by_key(bench.connector.write(rows))
    assert bench.calls() < BULK_FROM / 200
    assert {o.status for o in first.values()} == {OutcomeStatus.OK}
    assert all(o.created for o in first.values())
    again = by_key(bench.connector.write(rows))
    assert not any(o.created for o in again.values())
    assert {o.id for o in again.values()} == {o.id for o in first.values()}
    assert len(bench.live()) == BULK_FROM


def test_fewer_rows_and_everyday_writes_go_by_collections(
    bench: SalesforceBench, vendors: Vendors
) -> None:
    """Below the switch point, and outside a backfill, no job is opened: assignment rules must run
    for people who come in one by one."""
    bench.connector.write(many(BULK_FROM - 1))
    bench.connector.set_backfill(on=False)
    bench.connector.write(many())
    assert not any("ingest" in path for path in paths(vendors))


def test_rows_the_job_refuses_tell_why(bench: SalesforceBench) -> None:
    """A bad value and a duplicate rule's find end as they do in collections, with code and
    evidence; the others are not held up."""
    known = bench.put(90_001)
    email = bench.read(known)["Email"]
    name = bench.read(known)["LastName"]
    bench.vendors.do(lambda: bench.org.records.duplicates.switch_on("Lead"))
    twin = create(70_002, Email=email, LastName=name)
    done = by_key(bench.connector.write([*many(), create(70_001, Email="no address"), twin]))
    bad, found = done["row-70001"].error, done["row-70002"].error
    assert bad is not None
    assert bad.code == "value.invalid_email"
    assert isinstance(found, DuplicateFoundError)
    assert known in [ref.id for ref in found.found]
    assert sum(o.status is OutcomeStatus.OK for o in done.values()) == BULK_FROM


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_carried_or_keeps_its_row_out(value: str) -> None:
    """The CSV says exactly the value, or the row goes by another way."""
    row = create(1, Title=value)
    if carries(row):
        assert f'"{value.replace(chr(34), chr(34) * 2)}"'.encode() in table_of([row])
    else:
        assert value in ("#N/A", "bell\x07", "two\r\nlines")


def test_hostile_values_arrive_unchanged(bench: SalesforceBench) -> None:
    """Whichever way their rows take, both ends of the alphabet arrive as they were."""
    odd = [create(80_000 + n, Description=value) for n, value in enumerate(HOSTILE)]
    long = create(89_999, Description="x" * 31_000)
    done = by_key(bench.connector.write([*many(), *odd, long]))
    for row in (*odd, long):
        made = done[row.key]
        assert made.status is OutcomeStatus.OK, made.error
        assert bench.read(str(made.id))["Description"] == row.fields["Description"]


def test_a_text_beyond_the_field_is_refused_alone(bench: SalesforceBench) -> None:
    """70,000 characters in a field of 32,000 are that row's refusal, with its code."""
    done = by_key(bench.connector.write([*many(), create(1_000_000, Description="x" * 70_000)]))
    refused = done["row-1000000"]
    assert refused.status is OutcomeStatus.REJECTED
    assert refused.error is not None
    assert refused.error.code == "value.too_long"
    assert sum(o.status is OutcomeStatus.OK for o in done.values()) == BULK_FROM


@pytest.mark.parametrize("kind", ["lost_reply", "error_before", "error_after", "cut_body"])
@pytest.mark.parametrize("where", ["ingest/?$", "batches", "ingest/[^/]+$", "Results"])
def test_whatever_is_lost_no_row_is_lost_or_made_twice(
    bench: SalesforceBench, vendors: Vendors, kind: str, where: str
) -> None:
    """A reply lost at any step leaves each row done, or UNKNOWN and found by its key, or with
    nothing applied and free to go another way; nobody is made twice."""
    wire = Wire(vendors.salesforce_settings, limiter=NullLimiter(), sleep=vendors.sleep)
    rows = many(40)
    vendors.arm("salesforce", kind, match=where, calls=1)
    carried = Bulk(wire, sleep=vendors.sleep, least=1).upsert(rows)
    done = by_key(carried.outcomes)
    assert sorted([*done, *(row.key for row in carried.left)]) == sorted(row.key for row in rows)
    if carried.left:
        assert bench.live() == set()
    for row in rows:
        outcome = done.get(row.key)
        if outcome is not None:
            assert outcome.status in (OutcomeStatus.OK, OutcomeStatus.UNKNOWN)
            assert outcome.id is None or outcome.id in bench.live()
    bench.connector.write(carried.left)
    assert len(bench.live()) == len(rows)
    wire.close()


def test_a_job_nobody_can_follow_is_unknown(bench: SalesforceBench) -> None:
    """A job that does not end in time is asked to stop, and its rows are looked up later."""
    bench.vendors.do(lambda: setattr(bench.org, "bulk_polls", 1_000))
    done = by_key(bench.connector.write(many()))
    assert {o.status for o in done.values()} == {OutcomeStatus.UNKNOWN}


@given(values=st.lists(st.text(max_size=40), min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_what_is_carried_is_read_back_the_same(values: list[str]) -> None:
    """Reading the CSV as the vendor does gives the very values that were written."""
    rows = [row for n, value in enumerate(values) if carries(row := create(n, Title=value))]
    read = list(csv.DictReader(io.StringIO(table_of(rows).decode(), newline="")))
    assert [one["Title"] for one in read] == [row.fields["Title"] or "#N/A" for row in rows]
