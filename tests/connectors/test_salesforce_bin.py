"""What is erased in Salesforce leaves the recycle bin, too, or is told to lie there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from connectors.salesforce_bin import empty_bin
from connectors.salesforce_wire import Wire
from mappings.errors import OutcomeUnknownError, UnavailableError
from mappings.records import Outcome, OutcomeStatus
from tests.connectors.test_salesforce_contract import SalesforceBench
from tests.connectors.vendors import running

IDS = [f"00Q{number:012}AAA" for number in range(3)]
RESULT = "<result><id>{}</id>{}<success>{}</success></result>"
DENIED = (
    "<errors><message>m</message><statusCode>INSUFFICIENT_ACCESS_OR_READONLY</statusCode></errors>"
)
GONE = "<errors><message>m</message><statusCode>INVALID_CROSS_REFERENCE_KEY</statusCode></errors>"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SalesforceBench]:
    """A fresh org."""
    with running(tmp_path) as vendors:
        made = SalesforceBench(vendors)
        yield made
        made.connector.close()


class Answering:
    """A wire whose SOAP answers are given."""

    def __init__(self, *results: str) -> None:
        body = "".join(results)
        self.envelope = f'<e:Envelope xmlns:e="x"><e:Body>{body}</e:Body></e:Envelope>'
        self.asked: list[str] = []

    def soap(self, operation: str) -> str:
        """The answer."""
        self.asked.append(operation)
        return self.envelope


def emptied(wire: Answering, count: int = 3) -> list[Outcome]:
    """What becomes of deletions."""
    done = [Outcome(one, OutcomeStatus.OK, one) for one in IDS[:count]]
    return empty_bin(cast("Wire", wire), "Lead", done)


def test_what_is_erased_is_in_no_bin(bench: SalesforceBench) -> None:
    """Neither a live Lead nor one that lies in the bin since long ago can be restored or queried
    once it was erased; a mere deletion can."""
    live, earlier, deleted = bench.put(1), bench.put(2), bench.put(3)
    bench.remove(earlier)
    bench.connector.archive("Lead", [deleted])
    bench.connector.erase("Lead", [live, earlier])
    seen = {
        r.ref.id
        for r in bench.connector.find("Lead", "LastName", [f"Person{n}" for n in (1, 2, 3)])
    }
    assert seen == {deleted}


def test_an_expired_session_is_renewed_for_the_bin(bench: SalesforceBench) -> None:
    """SOAP tells an expired session by a fault, not by a 401: it is renewed all the same."""
    gone = bench.put(1)
    bench.connector.archive("Lead", [gone])
    bench.vendors.arm("salesforce", "expire_session", calls=1, match="/Soap/")
    (outcome,) = bench.connector.erase("Lead", [gone])
    assert outcome.status is OutcomeStatus.OK
    assert bench.connector.find("Lead", "LastName", ["Person1"]) == []


def test_what_may_not_be_emptied_is_told(bench: SalesforceBench) -> None:
    """A record of somebody else's bin stays restorable: its outcome is a refusal with what to do;
    the others are done, and one that is in no bin any more is."""
    wire = Answering(
        RESULT.format(IDS[0], "", "true"),
        RESULT.format("", DENIED, "false"),
        RESULT.format("", GONE, "false"),
    )
    first, second, third = emptied(wire)
    assert (first.status, third.status) == (OutcomeStatus.OK, OutcomeStatus.OK)
    assert second.status is OutcomeStatus.REJECTED
    assert second.error is not None
    assert "Modify All Data" in second.error.remedy
    assert bench.connector.erase("Lead", []) == []


def test_an_answer_that_tells_too_little_is_none() -> None:
    """Where not every id has its result, or no envelope came, nobody knows: it is asked again."""
    for wire in (Answering(RESULT.format(IDS[0], "", "true")), Answering()):
        with pytest.raises(OutcomeUnknownError):
            emptied(wire)
    garbled = Answering()
    garbled.envelope = "<html>"
    with pytest.raises(OutcomeUnknownError):
        emptied(garbled)


def test_a_call_that_fails_as_a_whole_is_no_success(bench: SalesforceBench) -> None:
    """The vendor fails on the envelope: nothing counts as erased, and it is asked again later."""
    gone = bench.put(1)
    bench.connector.archive("Lead", [gone])
    bench.vendors.arm("salesforce", "error_before", match="/Soap/")
    with pytest.raises(UnavailableError):
        bench.connector.erase("Lead", [gone])
