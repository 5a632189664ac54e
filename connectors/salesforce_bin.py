"""Salesforce's recycle bin: what is erased is taken out of it, which only the SOAP API can.

[SOAP emptyRecycleBin: at most 200 ids a call; the user may empty what lies in its own bin, and with
Modify All Data in any; what hangs on a deleted record goes with it and must not be named. Emptied
records cannot be restored; queryAll may show them for about a day more, and getDeleted tells of
them.] Assumed: what is not in the bin any more is refused with one of `_GONE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from connectors.salesforce_wire import SYSTEM, Wire
from mappings.errors import OutcomeUnknownError, RecordRejectedError
from mappings.record_ids import id18
from mappings.records import Outcome, OutcomeStatus

BATCH = 200
_GONE = frozenset(
    {
        "ENTITY_IS_DELETED",
        "INVALID_CROSS_REFERENCE_KEY",
        "INVALID_ID_FIELD",
        "MALFORMED_ID",
        "UNDELETE_FAILED",
    }
)


def empty_bin(wire: Wire, object_name: str, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of deletions once what was deleted has left the bin as well; what is refused
    there stays restorable, and its outcome says so. Sent twice it changes nothing."""
    done = [o for o in outcomes if o.status is OutcomeStatus.OK]
    found = [o for o in outcomes if o.status is not OutcomeStatus.OK]
    for begin in range(0, len(done), BATCH):
        part = done[begin : begin + BATCH]
        codes = _codes(wire.soap(_call([id18(o.key) for o in part])))
        if len(codes) != len(part):
            raise OutcomeUnknownError("salesforce did not answer for every id", system=SYSTEM)
        found += [_told(o, code, object_name) for o, code in zip(part, codes, strict=True)]
    return found


def as_gone(outcome: Outcome) -> Outcome:
    """The outcome of a deletion, done where there is no such record: it has left the bin already,
    or never was."""
    if outcome.error is None or outcome.error.code != "record.not_found":
        return outcome
    return Outcome(outcome.key, OutcomeStatus.OK, outcome.id)


def _call(ids: Sequence[str]) -> str:
    named = "".join(f"<urn:ids>{escape(one)}</urn:ids>" for one in ids)
    return f"<urn:emptyRecycleBin>{named}</urn:emptyRecycleBin>"


def _codes(envelope: str) -> list[str]:
    """The status code of each result, in the order of the ids; "" for a success."""
    try:
        results = [one for one in ET.fromstring(envelope).iter() if _local(one) == "result"]  # noqa: S314
    except ET.ParseError:
        return []
    return [
        next((c.text or "UNKNOWN" for c in one.iter() if _local(c) == "statusCode"), "")
        for one in results
    ]


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _told(outcome: Outcome, code: str, object_name: str) -> Outcome:
    if not code or code in _GONE:
        return outcome
    error = RecordRejectedError(
        "salesforce deleted the record and keeps it in its recycle bin",
        code="record.no_access",
        system=SYSTEM,
        object=object_name,
        remedy="Empty the recycle bin in Salesforce, or give the API user Modify All Data: until "
        "then the record can be restored, for 15 days.",
    )
    return Outcome(outcome.key, OutcomeStatus.REJECTED, outcome.id, error=error)
