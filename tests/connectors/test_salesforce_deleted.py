"""Salesforce's log of deletions tells what no query shows any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.base import Answer
from connectors.payloads import Sifted
from connectors.salesforce_deleted import Log
from connectors.salesforce_wire import Wire
from mappings.errors import InvariantError, UnreadableAnswerError
from sandbox.salesforce.records import Caller
from tests.connectors.test_salesforce_contract import SalesforceBench
from tests.connectors.vendors import running
from tests.contract import Puller
from tests.landed import LandedRows

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

STREAM = "deleted:Lead"
NOW = datetime(2026, 3, 20, 12, 0, 30, tzinfo=UTC)
DELETED_AT = "2026-03-20T11:00:00.000+0000"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SalesforceBench]:
    """A fresh org."""
    with running(tmp_path) as vendors:
        made = SalesforceBench(vendors)
        yield made
        made.connector.close()


class Logged:
    """A log of deletions, as the org would answer for it: ids by minute, at most `most` a call."""

    def __init__(
        self, ids: Mapping[datetime, str], *, most: int = 10, stalls: bool = False
    ) -> None:
        self.ids = ids
        self.most = most
        self.stalls = stalls
        self.asked: list[tuple[datetime, datetime]] = []

    def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """What was deleted in the span."""
        assert path == "sobjects/Lead/deleted/"
        start, end = (datetime.fromisoformat(query[word]) for word in ("start", "end"))
        self.asked.append((start, end))
        found = [(at, one) for at, one in self.ids.items() if start <= at < end]
        if len(found) > self.most:
            return Answer(400, {}, b"", [{"errorCode": "EXCEEDED_ID_LIMIT", "message": "m"}])
        rows = [{"id": one, "deletedDate": at.isoformat()} for at, one in found]
        covered = start if self.stalls else end
        body = {"deletedRecords": rows, "latestDateCovered": covered.isoformat()}
        return Answer(200, {}, b"", body)


def asked(wire: object, since: Mapping[str, Any] | None = None) -> tuple[list[str], datetime]:
    """The ids a log of purged Leads tells, and where the next asking begins."""
    log = Log("Lead", cast("Wire", wire), lambda _: Sifted([], ()), LandedRows(), NOW)
    (page,) = log.pages(since)
    assert page.last
    assert all(record.deleted and not record.fields for record in page.records)
    return [record.ref.id for record in page.records], datetime.fromisoformat(page.cursor["at"])


def test_what_left_the_bin_between_two_pulls_is_told(bench: SalesforceBench) -> None:
    """A Lead that was deleted for good is in no query; the log tells of it, once."""
    kept, gone = bench.put(1), bench.put(2)
    everyday, log = bench.puller(), Puller(bench.connector, STREAM)
    everyday.pull()
    log.pull()
    bench.remove(gone)
    bench.vendors.do(lambda: bench.org.records.purge(gone))
    bench.wait(120)
    assert everyday.pull() == []
    bench.calls()
    (told,) = log.pull()
    assert (told.ref.id, told.deleted, told.merged_into) == (gone, True, None)
    assert bench.calls() == 2
    bench.wait(120)
    everyday.pull()
    bench.calls()
    assert log.pull() == []
    assert bench.calls() == 1
    assert kept in everyday.live()


def test_what_lies_in_the_bin_comes_with_all_it_had(bench: SalesforceBench) -> None:
    """Of a record that queries still show the log brings the record itself, a merge with its
    winner; one that was restored is not told at all."""
    winner, loser, gone, back = (bench.put(number) for number in range(4))
    log = Puller(bench.connector, STREAM)
    log.pull()
    bench.merge(winner, loser)
    bench.remove(gone)
    bench.remove(back)
    bench.vendors.do(lambda: bench.org.records.undelete(back, Caller(bench.org.admin_user_id)))
    bench.wait(120)
    bench.connector.check()
    told = {record.ref.id: record for record in log.pull()}
    assert told.keys() == {loser, gone}
    assert told[loser].merged_into == winner
    assert told[gone].fields["LastName"] == "Person2"


def test_what_an_everyday_pull_has_brought_is_not_told_again(bench: SalesforceBench) -> None:
    """A deletion that has landed with its stream is no news of the log's."""
    gone = bench.put(1)
    log = Puller(bench.connector, STREAM)
    log.pull()
    bench.remove(gone)
    everyday = bench.puller()
    everyday.pull()
    log.landed = everyday.landed
    bench.wait(120)
    bench.connector.check()
    assert log.pull() == []


def test_a_log_of_too_many_is_asked_in_halves() -> None:
    """More ids than one answer holds are asked for in shorter spans, each told once; where even
    one minute holds too many, that is the org's refusal and nothing is passed over."""
    base = NOW.replace(second=0)
    ids = {base - timedelta(minutes=n): f"00Q{n:012}AAA" for n in range(1, 60)}
    told, covered = asked(Logged(ids))
    assert sorted(told) == sorted(ids.values())
    assert covered == base
    with pytest.raises(InvariantError):
        asked(Logged(ids, most=0))


def test_the_next_asking_begins_where_this_one_was_sure() -> None:
    """An org whose transactions are open tells less than it was asked for: nothing is skipped."""
    before = NOW.replace(second=0) - timedelta(minutes=40)
    _, covered = asked(Logged({}, stalls=True), {"at": before.isoformat()})
    assert covered == before
    many = {before + timedelta(minutes=n): f"00Q{n:012}AAA" for n in range(1, 30)}
    _, covered = asked(Logged(many, stalls=True), {"at": before.isoformat()})
    assert covered == before


def test_the_same_minute_costs_no_call_and_a_long_pause_asks_as_far_as_the_log_goes() -> None:
    """The vendor leaves out seconds: a span within one minute is none. After months away it is
    asked for what it keeps; the nightly count has the rest."""
    log = Logged({})
    told, covered = asked(log, {"at": NOW.isoformat()})
    assert (told, log.asked) == ([], [])
    assert covered == NOW.replace(second=0)
    asked(log, {"at": "2025-01-01T00:00:00Z"})
    ((start, end),) = log.asked
    assert timedelta(days=13) < end - start < timedelta(days=15)


def test_an_answer_that_covers_nothing_is_unreadable() -> None:
    """Without the instant up to which the log is known the next asking could begin anywhere."""

    class Silent:
        def get(self, _path: str, _query: Mapping[str, str]) -> Answer:
            return Answer(200, {}, b"", {"deletedRecords": []})

    with pytest.raises(UnreadableAnswerError):
        asked(Silent())
