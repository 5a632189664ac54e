"""The overlap is observed: rows that show up late widen it, within bounds, and it shrinks again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import instant, iso, moment
from connectors.lateness import FADES, LONGEST, overlap_for, widened
from mappings.ports import Page
from mappings.records import Json, Record, RecordRef
from tests.connectors.test_salesforce_contract import SalesforceBench
from tests.connectors.vendors import Vendors, running
from tests.contract import Puller

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
LEAST = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)


def record(number: int, at: datetime) -> Record:
    """A row stamped then."""
    return Record(RecordRef("hubspot", "contacts", str(number)), {}, iso(at), at)


def reading(
    cursor: Mapping[str, Json] | None, began: datetime, *rows: Record
) -> Mapping[str, Json]:
    """The cursor after a whole reading that brought these rows, on two pages."""
    first = Page(rows, (), {"at": "x", "start": "y", "after": "z"}, last=False)
    last = Page((), (), {"at": iso(began - LEAST)}, last=True)
    return list(widened([first, last], cursor, least=LEAST))[-1].cursor


def test_nothing_late_keeps_the_least_overlap() -> None:
    """Rows stamped after the reading before are in time: five minutes are read again."""
    cursor = reading(None, NOW, record(1, NOW - timedelta(days=300)))
    cursor = reading(cursor, NOW + MINUTE, record(2, NOW + timedelta(seconds=5)))
    assert cursor["at"] == iso(NOW + MINUTE - LEAST)
    assert cursor["lag"] == 0.0


def test_a_late_row_widens_the_overlap_to_twice_its_lateness() -> None:
    """A row that missed the reading before by four minutes makes it eight."""
    cursor = reading(None, NOW)
    cursor = reading(cursor, NOW + MINUTE, record(1, NOW - timedelta(minutes=4)))
    assert cursor["at"] == iso(NOW + MINUTE - timedelta(minutes=8))


def test_the_overlap_has_bounds_and_shrinks() -> None:
    """However late, an hour is the most; a row older than that is none of the overlap's business;
    and without late rows the overlap comes back to its least."""
    cursor = reading(reading(None, NOW), NOW + MINUTE, record(1, NOW - timedelta(minutes=50)))
    assert cursor["at"] == iso(NOW + MINUTE - LONGEST)
    restored = reading(reading(None, NOW), NOW + MINUTE, record(1, NOW - timedelta(days=9)))
    assert restored["lag"] == 0.0
    for number in range(3000):
        cursor = reading(cursor, NOW + number * MINUTE)
    assert instant(cursor["at"]) == NOW + 2999 * MINUTE - LEAST


def test_a_pull_broken_off_keeps_what_it_observed() -> None:
    """The lateness seen on a page is in that page's cursor: whoever goes on from it knows."""
    before = reading(None, NOW)
    page = Page((record(1, NOW - 4 * MINUTE),), (), {"at": "x", "start": "y"}, last=False)
    (broken_off,) = widened([page], before, least=LEAST)
    assert broken_off.cursor == {"at": "x", "start": "y", "read": iso(NOW), "lag": 240.0}
    assert reading(broken_off.cursor, NOW + MINUTE)["lag"] == round(240.0 * FADES, 3)


def test_a_window_left_open_is_not_settled() -> None:
    """A quiet check that could not be sure keeps the reading before as the one rows may miss."""
    before = reading(None, NOW)
    page = Page((), (), {"at": before["at"], "short": iso(NOW)}, last=True)
    (kept,) = widened([page], before, least=LEAST)
    assert kept.cursor == {**page.cursor, "read": iso(NOW), "lag": 0.0}


@given(st.lists(st.floats(0.5, 1.9), min_size=1, max_size=40))
def test_lateness_that_grows_is_kept_up_with(growth: list[float]) -> None:
    """Rows that come ever later are never missed, while none is more than twice as late as the
    latest before it, the least overlap counting as seen, and none later than an hour can hold."""
    cursor, now, late = reading(None, NOW), NOW, LEAST.total_seconds() / 2
    for factor in growth:
        late = min(late * factor, LONGEST.total_seconds() / 2 - 60)
        row = record(1, now - timedelta(seconds=late))
        now += MINUTE
        seen = [row] if row.modified_at >= instant(cursor["at"]) else []
        assert seen
        cursor = reading(cursor, now, *seen)
        late = max(late, LEAST.total_seconds() / 2)
        assert overlap_for(float(cursor["lag"] or 0), LEAST) >= LEAST


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Vendors]:
    """A sandbox of the test's own."""
    with running(tmp_path) as started:
        yield started


def test_a_late_commit_at_salesforce_is_measured(vendors: Vendors) -> None:
    """A transaction that commits twenty seconds after its stamp, behind a reading: the row comes,
    and the cursor tells by how much it had missed the reading."""
    bench = SalesforceBench(vendors)
    puller: Puller = bench.puller()
    puller.pull()
    vendors.arm("salesforce", "late_commit", value=20, calls=1)
    (outcome,) = bench.connector.write([bench.create(501)])
    bench.wait(5)
    puller.pull()
    read = moment(puller.cursor, "read")
    bench.wait(30)
    puller.pull()
    assert outcome.id in puller.live()
    assert read is not None
    late = (read - puller.row(str(outcome.id)).modified_at).total_seconds()
    assert late > 0
    assert float((puller.cursor or {})["lag"]) == pytest.approx(late * FADES, abs=0.01)
    bench.connector.close()
